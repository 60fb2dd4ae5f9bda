package main

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reko.moe/internal/wait"
)

// from is a listener of connections that come from wherever it is told.
type from struct {
	net.Listener
	addrs chan string
}

func (l from) Accept() (net.Conn, error) {
	addr, ok := <-l.addrs
	if !ok {
		return nil, net.ErrClosed
	}
	here, there := net.Pipe()
	_ = there.Close()
	return remote{here, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))}, nil
}

type remote struct {
	net.Conn
	addr net.Addr
}

func (c remote) RemoteAddr() net.Addr { return c.addr }

// afar is a listener of connections that come from another machine.
type afar struct{ net.Listener }

func (l afar) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return remote{conn, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}}, nil
}

// The server has that bound: of what one address opens beyond it all is closed at once.
func TestServerBoundsConnections(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	startOn(t, afar{ln}, func(cfg *config) { cfg.Demo = "false" })
	const beyond, asking = 40, 8 // asking are those by which the test waits for the start
	var closed atomic.Int32
	for range mostPerNetwork + beyond {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go func() {
			_, _ = conn.Read(make([]byte, 1))
			closed.Add(1)
		}()
	}
	wait.For(t, func() error {
		if n := closed.Load(); n < beyond {
			return fmt.Errorf("%d of %d connections are closed", n, mostPerNetwork+beyond)
		}
		return nil
	})
	if n := closed.Load(); n > beyond+asking {
		t.Errorf("%d connections are closed, want %d", n, beyond)
	}
}

// The server bounds what large forms take together: who sends one and stops is cut off when others need the room.
func TestServerBoundsForms(t *testing.T) {
	url := start(t, func(cfg *config) { cfg.Demo = "false" })
	refused := make(chan string, 12)
	for range cap(refused) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /import HTTP/1.1\r\nHost: reko.test\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n", 9<<20)
		fmt.Fprintf(conn, "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.xml\"\r\n\r\n%s", make([]byte, 6<<20))
		go func() {
			line, _ := bufio.NewReader(conn).ReadString('\n')
			refused <- line
		}()
	}
	select {
	case line := <-refused:
		if !strings.HasPrefix(line, "HTTP/1.1 503 ") {
			t.Errorf("who is cut off reads %q", line)
		}
	case <-time.After(20 * time.Second):
		t.Error("72 MB of forms are in memory")
	}
}

func TestConnectionsPerAddress(t *testing.T) {
	l := from{addrs: make(chan string, 100)}
	bounded := bound(l, 2, 14, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	for _, addr := range []string{
		"192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3", "[::ffff:192.0.2.1]:4", // one address
		"192.0.2.2:1",
		"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1", // one network
		"[2001:db8:0:1::1]:1",
		"10.1.2.3:1", "10.1.2.3:2", "10.1.2.3:3", // a proxy
		"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3",
	} {
		l.addrs <- addr
	}
	var conns []net.Conn
	accept := func() (addr string) {
		t.Helper()
		conn, err := bounded.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
		return conn.RemoteAddr().String()
	}
	for _, want := range []string{
		"192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1", "[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8:0:1::1]:1",
		"10.1.2.3:1", "10.1.2.3:2", "10.1.2.3:3", "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3",
	} {
		if got := accept(); got != want {
			t.Errorf("accepted %s, want %s", got, want)
		}
	}
	// What is closed, however often, makes room for one.
	for range 3 {
		_ = conns[0].Close()
	}
	for _, addr := range []string{"192.0.2.1:5", "192.0.2.1:6", "192.0.2.3:1"} {
		l.addrs <- addr
	}
	for _, want := range []string{"192.0.2.1:5", "192.0.2.3:1"} {
		if got := accept(); got != want {
			t.Errorf("accepted %s, want %s", got, want)
		}
	}
	// There are 13 now, and no more than 14 of all together, wherever they come from.
	for _, addr := range []string{"198.51.100.1:1", "198.51.100.2:1", "10.1.2.3:4", "127.0.0.1:4"} {
		l.addrs <- addr
	}
	if got := accept(); got != "198.51.100.1:1" {
		t.Errorf("accepted %s", got)
	}
	close(l.addrs)
	if conn, err := bounded.Accept(); err == nil {
		t.Errorf("accepted %s, one too many", conn.RemoteAddr())
	}
	var together sync.WaitGroup
	for _, conn := range conns {
		together.Go(func() { _ = conn.Close() })
	}
	together.Wait()
	if len(bounded.open) != 0 || bounded.now != 0 {
		t.Errorf("still counted: %v, %d", bounded.open, bounded.now)
	}
}
