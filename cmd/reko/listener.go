package main

import (
	"net"
	"net/netip"
	"slices"
	"sync"

	"reko.moe/engine"
)

// How many connections may be open: of one address, or one /64 of IPv6, of which browsers take 6, and behind which many people can be;
// and of all. The handlers would take some more, so that they never have to refuse one.
const (
	mostPerNetwork = 256
	mostOfAll      = 8000
)

// boundListener closes what an address opens beyond what it may, at once, so that nobody alone can take all connections. It is safe for
// concurrent use.
type boundListener struct {
	net.Listener
	most int            // of one network
	all  int            // of all together
	free []netip.Prefix // as many as they like: our proxies, and this machine

	mu   sync.Mutex
	open map[string]int // by network, "" being those that are free; guarded by mu
	now  int            // all of them, guarded by mu
}

// bound bounds what ln accepts: in all, and from each address but those of the proxies.
func bound(ln net.Listener, most, all int, proxies []netip.Prefix) *boundListener {
	free := append(slices.Clone(proxies), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	return &boundListener{Listener: ln, most: most, all: all, free: free, open: map[string]int{}}
}

// Accept implements [net.Listener].
func (l *boundListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from, err := netip.ParseAddrPort(conn.RemoteAddr().String())
		addr := from.Addr().Unmap().WithZone("")
		network := engine.Network(addr.String())
		if err != nil || slices.ContainsFunc(l.free, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			network = ""
		}
		if l.take(network) {
			return &boundConn{Conn: conn, done: sync.OnceFunc(func() { l.give(network) })}, nil
		}
		_ = conn.Close()
	}
}

// take counts one more connection, if there may be one.
func (l *boundListener) take(network string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now >= l.all || network != "" && l.open[network] >= l.most {
		return false
	}
	l.open[network]++
	l.now++
	return true
}

func (l *boundListener) give(network string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now--
	if l.open[network]--; l.open[network] <= 0 {
		delete(l.open, network)
	}
}

// boundConn is a connection that is counted until it is closed.
type boundConn struct {
	net.Conn
	done func()
}

// Close implements [net.Conn].
func (c *boundConn) Close() error {
	c.done()
	return c.Conn.Close()
}
