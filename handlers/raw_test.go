package handlers_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"reko.moe/handlers"
)

// listen serves the application on a free port until the test ends.
func (a *app) listen(t testing.TB) (addr string) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- a.Listener(handlers.Receive(ln)) }()
	t.Cleanup(func() {
		if err := a.ShutdownWithTimeout(10 * time.Second); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// answerOn reads the next answer to a request by that method.
func answerOn(r *bufio.Reader, method string) (answer, error) {
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(body)}, err
}

// What comes over the wire and is no decent request is refused in plain text, and nobody else notices.
func TestOverTheWire(t *testing.T) {
	a := start(t, nil)
	addr := a.listen(t)
	const (
		rest   = " HTTP/1.1\r\nHost: reko.test\r\n\r\n"
		nobody = `{"code":404,"id":"UserNotFound","message":"There is no such user."}`
	)
	for _, test := range []struct {
		name, request string
		status        int
		text          string
	}{
		{"a decent request", "GET /api/version" + rest, 200, "v1.2.3"},
		{"HTTP/1.0", "GET /api/version HTTP/1.0\r\n\r\n", 200, "v1.2.3"},
		{"no host", "GET /api/version HTTP/1.1\r\n\r\n", 200, "v1.2.3"},
		{"an absolute address", "GET http://reko.test/api/version" + rest, 200, "v1.2.3"},
		{"bare line feeds", "GET /api/version HTTP/1.1\nHost: reko.test\n\n", 200, "v1.2.3"},
		{"a name of 10,000 characters", "GET /api/" + strings.Repeat("a", 10_000) + "/similar" + rest, 404, nobody},
		{"a header of 20 kB", "GET /api/version HTTP/1.1\r\nX-A: " + strings.Repeat("a", 20_000) + "\r\n\r\n", 200, "v1.2.3"},
		{"a header of 40 kB", "GET /api/version HTTP/1.1\r\nX-A: " + strings.Repeat("a", 40_000) + "\r\n\r\n", 431, "Request too long"},
		{"10,000 headers", "GET /api/version HTTP/1.1\r\n" + strings.Repeat("X-A: b\r\n", 10_000) + "\r\n", 431, "Request too long"},
		{"an address of 100 kB", "GET /" + strings.Repeat("a", 100_000) + rest, 431, "Request too long"},
		{"a body", "GET /api/version HTTP/1.1\r\nHost: reko.test\r\nContent-Length: 3\r\n\r\nabc", 200, "v1.2.3"},
		{"a body in chunks", "GET /api/version HTTP/1.1\r\nHost: reko.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, "v1.2.3"},
		{"a large body", "POST /api/version HTTP/1.1\r\nHost: reko.test\r\nContent-Length: 99999999\r\n\r\n", 413, "Request body too large"},
		{"a body of no length", "POST /api/version HTTP/1.1\r\nHost: reko.test\r\nContent-Length: x\r\n\r\n", 400, "Bad Request"},
		{"a body that chunks spoil", "POST /api/version HTTP/1.1\r\nHost: reko.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "Bad Request"},
		{"words", "GARBAGE\r\n\r\n", 400, "Bad Request"},
		{"no protocol", "GET /api/version\r\n\r\n", 200, "v1.2.3"},
		{"no method", " /api/version" + rest, 400, "Bad Request"},
		{"another protocol", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 \r\n\r\n", 405, "Invalid request method"},
		{"a header without a name", "GET /api/version HTTP/1.1\r\n: x\r\n\r\n", 200, "v1.2.3"},
		{"a header without a colon", "GET /api/version HTTP/1.1\r\nHost\r\nX-A: b\r\n\r\n", 400, "Bad Request"},
		{"NUL in the path", "GET /api/spi\x00ke/similar" + rest, 404, "Resource does not exist"},
		{"a bell in the path", "GET /api/spi\x07ke/similar" + rest, 404, "Resource does not exist"},
		{"bytes that are no text", "GET /api/\xff\xfe/similar" + rest, 404, nobody},
		{"bytes that are no text in the query", "GET /api/spike/similar?page=\xff" + rest, 400, `{"code":400,"id":"InvalidParameter","message":"page=\"\\xff\" is not a number."}`},
		{"NUL in a header", "GET /api/version HTTP/1.1\r\nX-Request-Id: 1234\x005678\r\n\r\n", 200, "v1.2.3"},
		{"an asterisk", "OPTIONS *" + rest, 404, "Resource does not exist"},
		{"a proxy's method", "CONNECT reko.test:443" + rest, 404, "Resource does not exist"},
		{"an invented method", "BREW /api/version" + rest, 405, "Invalid request method"},
		{"a method of 20 kB", strings.Repeat("A", 20_000) + " /api/version" + rest, 405, "Invalid request method"},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn := dial(t, addr)
			method, _, _ := strings.Cut(test.request, " ")
			go func() { _, _ = io.WriteString(conn, test.request) }() // the answer may come before the end
			got, err := answerOn(bufio.NewReader(conn), method)
			if err != nil {
				t.Fatal(err)
			}
			if got.status != test.status || got.body != test.text {
				t.Errorf("%d %.200q, want %d %q", got.status, got.body, test.status, test.text)
			}
			if id := got.header.Get("X-Request-Id"); !newID.MatchString(id) {
				t.Errorf("%d with the request id %q", got.status, id)
			}
			got.hardened(t, test.name, false)
			other := dial(t, addr)
			if _, err := io.WriteString(other, "GET /healthz"+rest); err != nil {
				t.Fatal(err)
			}
			if got, err := answerOn(bufio.NewReader(other), "GET"); err != nil || got.body != "ok\n" {
				t.Errorf("and then: %+v, %v", got, err)
			}
		})
	}
}

// Many requests sent at once over one connection are answered in turn, each with its own id and its own body.
func TestPipelining(t *testing.T) {
	a := start(t, nil)
	conn := dial(t, a.listen(t))
	const n = 200
	go func() {
		for i := range n {
			_, _ = fmt.Fprintf(conn, "GET /api/x%03d/similar?page=%d HTTP/1.1\r\nHost: reko.test\r\nX-Request-Id: request-%03d\r\n\r\n", i, i, i)
		}
	}()
	r := bufio.NewReader(conn)
	for i := range n {
		got, err := answerOn(r, "GET")
		if err != nil {
			t.Fatal(err)
		}
		if got.header.Get("X-Request-Id") != fmt.Sprintf("request-%03d", i) || got.status != http.StatusNotFound {
			t.Fatalf("answer %d: %+v", i, got)
		}
	}
	// What is kept of a request must not change when the next one comes: paths in the log are of their own request.
	for i, line := range a.log.lines(t, "request") {
		if line.Path != fmt.Sprintf("/api/x%03d/similar", i) || line.Request != fmt.Sprintf("request-%03d", i) {
			t.Errorf("line %d: %+v", i, line)
		}
	}
}

// A request that has begun when the server is told to stop is answered; no new one is taken.
func TestShutdown(t *testing.T) {
	fake := source()
	asked, release := make(chan struct{}), make(chan struct{})
	fake.Fail("/users/andy/", 1, func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		close(asked)
		<-release
		answer(w, r)
	})
	a := start(t, func(s *setup) { s.mal = fake })
	addr := a.listen(t)
	idle, busy := dial(t, addr), dial(t, addr)
	const get = "GET %s HTTP/1.1\r\nHost: reko.test\r\n\r\n"
	fmt.Fprintf(idle, get, "/healthz")
	if got, err := answerOn(bufio.NewReader(idle), "GET"); err != nil || got.status != http.StatusOK {
		t.Fatalf("%+v, %v", got, err)
	}
	fmt.Fprintf(busy, get, "/api/andy/similar")
	<-asked

	stopped := make(chan error, 1)
	go func() { stopped <- a.ShutdownWithTimeout(20 * time.Second) }()
	for { // until the port is closed
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			break
		}
		conn.Close()
	}
	select {
	case err := <-stopped:
		t.Fatalf("stopped with a request in flight: %v", err)
	default:
	}
	close(release)
	got, err := answerOn(bufio.NewReader(busy), "GET")
	if err != nil || got.status != http.StatusOK || !strings.Contains(got.body, `"andy"`) {
		t.Errorf("in flight: %+v, %v", got, err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stopped: %v", err)
	}
	if _, err := a.store.User(t.Context(), "andy"); err != nil {
		t.Errorf("what was answered is not stored: %v", err)
	}
	for name, conn := range map[string]net.Conn{"idle": idle, "busy": busy} {
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the %s connection: %v, want it closed", name, err)
		}
	}
}

// A server that is told to stop waits no longer than it is told to.
func TestShutdownTimeout(t *testing.T) {
	fake := source()
	asked, release := make(chan struct{}), make(chan struct{})
	fake.Fail("/users/andy/", 1, func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		close(asked)
		<-release
		answer(w, r)
	})
	a := start(t, func(s *setup) { s.mal = fake })
	busy := dial(t, a.listen(t))
	fmt.Fprint(busy, "GET /api/andy/similar HTTP/1.1\r\nHost: reko.test\r\n\r\n")
	<-asked
	if err := a.ShutdownWithTimeout(time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want %v", err, context.DeadlineExceeded)
	}
	close(release)
	if got, err := answerOn(bufio.NewReader(busy), "GET"); err != nil || got.status != http.StatusOK {
		t.Errorf("%+v, %v", got, err)
	}
}
