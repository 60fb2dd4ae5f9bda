// Package chaos breaks what a program relies on, while somebody asks the program, and tells what came of it: proxies that
// fail, servers to stop, a load that knows the right answers, and a table of what was seen.
package chaos

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	_ "github.com/Shopify/toxiproxy/v2/toxics" // registers what can be wrong with a connection
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Proxy stands before a server and can fail. It is safe for concurrent use.
type Proxy struct {
	Addr  string // where it listens, host:port
	proxy *toxiproxy.Proxy
	t     testing.TB

	mu     sync.Mutex
	faults int // so far, for their names; guarded by mu
}

// NewProxy listens on a free port until the test ends, and passes on what comes to upstream, host:port.
func NewProxy(t testing.TB, upstream string) *Proxy {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.New(io.Discard))
	p := &Proxy{proxy: toxiproxy.NewProxy(server, "proxy", "127.0.0.1:0", upstream), t: t}
	if err := p.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	p.Addr = p.proxy.Listen
	t.Cleanup(p.proxy.Stop)
	return p
}

// In returns address, a URL, with the proxy in place of the server.
func (p *Proxy) In(address string) string {
	p.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		p.t.Fatal(err)
	}
	u.Host = p.Addr
	return u.String()
}

// HostOf returns the host:port of a URL.
func HostOf(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// Stop closes all connections and refuses new ones, as a server does that is stopped.
func (p *Proxy) Stop() { p.proxy.Stop() }

// Hang lets nothing through any more, in either direction, and closes nothing: as a server that hangs, or a network that loses all.
func (p *Proxy) Hang() {
	p.spoil(`"type":"timeout","stream":"downstream","attributes":{"timeout":0}`)
	p.spoil(`"type":"timeout","stream":"upstream","attributes":{"timeout":0}`)
}

// Slow lets every answer take as much longer.
func (p *Proxy) Slow(d time.Duration) {
	p.spoil(fmt.Sprintf(`"type":"latency","stream":"downstream","attributes":{"latency":%d}`, d.Milliseconds()))
}

// CutAfter closes every connection once so many more bytes were sent to the server: what was begun is not brought to an end.
func (p *Proxy) CutAfter(bytes int) {
	p.spoil(fmt.Sprintf(`"type":"limit_data","stream":"upstream","attributes":{"bytes":%d}`, bytes))
}

// spoil adds a fault.
func (p *Proxy) spoil(fault string) {
	p.t.Helper()
	p.mu.Lock()
	p.faults++
	name := fmt.Sprintf(`{"name":"fault%d",`, p.faults)
	p.mu.Unlock()
	if _, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(name + fault + "}")); err != nil {
		p.t.Fatal(err)
	}
}

// Heal ends all faults.
func (p *Proxy) Heal() {
	p.t.Helper()
	p.proxy.Toxics.ResetToxics(p.t.Context())
	if err := p.proxy.Start(); err != nil && err != toxiproxy.ErrProxyAlreadyStarted { //nolint:errorlint // it is returned as it is
		p.t.Fatal(err)
	}
}

// FreePort returns a port of this machine on which nobody listens.
func FreePort(t testing.TB) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}
