package handlers_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"reko.moe/internal/wait"
)

// What a proxy and we might understand differently is refused, and whatever follows it on the connection is no request.
func TestSmuggling(t *testing.T) {
	a := start(t, nil)
	addr := a.listen(t)
	const (
		post   = "POST /api/recommendations HTTP/1.1\r\nHost: reko.test\r\n"
		length = "Content-Length: "
		chunks = "Transfer-Encoding: chunked\r\n"
		inner  = "GET /healthz HTTP/1.1\r\nHost: reko.test\r\n\r\n"
	)
	for _, test := range []struct {
		name, request string
		status        int
	}{
		{"a length and chunks", post + length + "5\r\n" + chunks + "\r\n0\r\n\r\n", 400},
		{"chunks and a length", post + chunks + length + "5\r\n\r\n0\r\n\r\n", 400},
		{"chunks that a length cuts", post + chunks + length + "4\r\n\r\n2c\r\n" + inner + "\r\n0\r\n\r\n", 400},
		{"two lengths, the second nothing", post + length + "44\r\n" + length + "0\r\n\r\n", 400},
		{"two lengths, the first nothing", post + length + "0\r\n" + length + "44\r\n\r\n" + inner, 400},
		{"one length twice", post + length + "0\r\n" + length + "0\r\n\r\n", 400},
		{"a list of lengths", post + length + "0, 44\r\n\r\n", 400},
		{"a length with a sign", post + length + "+44\r\n\r\n", 400},
		{"a negative length", post + length + "-1\r\n\r\n", 400},
		{"a length of 65 bits", post + length + "18446744073709551616\r\n\r\n", 400},
		{"a length in hexadecimal", post + length + "0x2c\r\n\r\n", 400},
		{"a space before the colon", post + "Content-Length : 44\r\n\r\n", 400},
		{"a space before the colon of chunks", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
		{"an unknown coding", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
		{"an unknown coding with a length", post + "Transfer-Encoding: xchunked\r\n" + length + "5\r\n\r\n0\r\n\r\n", 400},
		{"the coding identity", post + "Transfer-Encoding: identity\r\n" + length + "5\r\n\r\n0\r\n\r\n", 400},
		{"chunks that are not last", post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400},
		{"a coding before chunks", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
		{"two codings", post + chunks + "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400},
		{"chunks twice", post + chunks + chunks + "\r\n0\r\n\r\n", 400},
		{"a vertical tab", post + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400},
		{"a coding in quotes", post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400},
		{"a folded line", post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
		{"a folded line after a name", post + "X-A: b\r\n\tTransfer-Encoding: chunked\r\n\r\n", 400},
		{"a carriage return alone", post + "X-A: b\rTransfer-Encoding: chunked\r\n" + length + "5\r\n\r\n0\r\n\r\n", 400},
		{"NUL in the name of chunks", post + "Transfer-Encoding\x00: chunked\r\n\r\n", 400},
		{"a vertical tab before a length", post + "\x0bContent-Length: 44\r\n\r\n", 400},
		{"the name of a length in quotes", post + "\"Content-Length\": 44\r\n\r\n", 400},
		{"chunks in HTTP/1.0", "POST /api/recommendations HTTP/1.0\r\nConnection: keep-alive\r\n" + chunks + "\r\n0\r\n\r\n", 400},
		{"two hosts", "GET /api/version HTTP/1.1\r\nHost: reko.test\r\nHost: evil.test\r\n\r\n", 400},
		{"a chunk of negative size", post + chunks + "\r\n-3\r\nabc\r\n0\r\n\r\n", 400},
		{"a chunk of 65 bits", post + chunks + "\r\n10000000000000003\r\nabc\r\n0\r\n\r\n", 400},
		{"a chunk that begins with 0x", post + chunks + "\r\n0x3\r\nabc\r\n0\r\n\r\n", 400},
		{"a chunk longer than its size", post + chunks + "\r\n3\r\nabcXX0\r\n\r\n", 400},
		{"a length after chunks", post + chunks + "\r\n3\r\nabc\r\n0\r\nContent-Length: 44\r\n\r\n", 400},
		// Understood, yet not by all in the same way.
		{"chunks with an extension", post + chunks + "\r\n2;a=b\r\n{}\r\n0\r\n\r\n", 400},
		{"chunks with a line feed in an extension", post + chunks + "\r\n2;a\nxx\r\n{}\r\n0\r\n\r\n", 400},
		{"decent chunks", "POST /api/version HTTP/1.1\r\nHost: reko.test\r\nTransfer-Encoding: CHUNKED\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 405},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn := dial(t, addr)
			go func() {
				_, _ = io.WriteString(conn, test.request+inner)
				_ = conn.(*net.TCPConn).CloseWrite()
			}()
			r := bufio.NewReader(conn)
			got, err := answerOn(r, http.MethodPost)
			if err != nil {
				t.Fatal(err)
			}
			got.hardened(t, test.name, false)
			if got.status != test.status {
				t.Errorf("%d %.200q, want %d", got.status, got.body, test.status)
			}
			if rest, err := io.ReadAll(r); len(rest) > 0 {
				t.Errorf("and then %.300q, %v", rest, err)
			}
		})
	}
	if lines := a.log.lines(t, "request"); strings.Contains(a.log.text(), "healthz") {
		t.Errorf("what was within a request was answered: %+v", lines)
	}
}

// However long ago the answer before was, a refusal comes to who is refused before anything is read.
func TestRefusalOnAnOldConnection(t *testing.T) {
	a := start(t, nil)
	a.Server().WriteTimeout = 50 * time.Millisecond
	conn := dial(t, a.listen(t))
	r := bufio.NewReader(conn)
	for _, test := range []struct {
		request string
		status  int
	}{{"GET /api/version HTTP/1.1\r\n\r\n", http.StatusOK}, {"POST /import HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", http.StatusRequestEntityTooLarge}} {
		if _, err := io.WriteString(conn, test.request); err != nil {
			t.Fatal(err)
		}
		if got, err := answerOn(r, http.MethodPost); err != nil || got.status != test.status {
			t.Errorf("%q: %d, %v, want %d", test.request, got.status, err, test.status)
		}
	}
}

// Nobody holds a connection by being slow, whichever part it is.
func TestSlowClients(t *testing.T) {
	a := start(t, func(s *setup) { s.world = crowd(200, 400) })
	for name, most := range map[string]time.Duration{"read": a.Server().ReadTimeout, "write": a.Server().WriteTimeout, "idle": a.Server().IdleTimeout} {
		if most <= 0 || most > time.Minute {
			t.Errorf("the time to %s is bound by %s", name, most)
		}
	}
	a.Server().ReadTimeout, a.Server().WriteTimeout, a.Server().IdleTimeout = 200*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond
	addr := a.listen(t)
	for _, test := range []struct {
		name, begin, more string // more comes again and again
	}{
		{"nothing at all", "", ""},
		{"half a line", "GET /api/ver", ""},
		{"a header, byte by byte", "GET /api/version HTTP/1.1\r\nX-A: ", "a"},
		{"headers without end", "GET /api/version HTTP/1.1\r\n", "X-A: b\r\n"},
		{"a body, byte by byte", "POST /api/recommendations HTTP/1.1\r\nHost: reko.test\r\nContent-Length: 9000\r\n\r\n", " "},
		{"chunks without end", "POST /api/recommendations HTTP/1.1\r\nHost: reko.test\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"},
		{"no second request", "GET /api/version HTTP/1.1\r\nHost: reko.test\r\n\r\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn := dial(t, addr)
			began := time.Now()
			if _, err := io.WriteString(conn, test.begin); err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				tick := time.NewTicker(20 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-done:
						return
					case <-tick.C:
						_, _ = io.WriteString(conn, test.more)
					}
				}
			}()
			_, err := io.ReadAll(conn)
			close(done)
			if took := time.Since(began); err != nil && !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") || took > 10*time.Second {
				t.Errorf("after %s: %v, want the connection closed", took, err)
			}
		})
	}
	t.Run("a reader that takes nothing", func(t *testing.T) {
		conn := dial(t, addr)
		if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
		// More answers than fit into the buffers between, until there is nobody to send requests to.
		began := time.Now()
		var err error
		for err == nil && time.Since(began) < 15*time.Second {
			_, err = io.WriteString(conn, "GET /api/openapi.json HTTP/1.1\r\nHost: reko.test\r\n\r\n")
		}
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after %s: %v, want the connection closed", time.Since(began), err)
		}
	})
	wait.For(t, func() error {
		if open := a.Server().GetOpenConnectionsCount(); open > 0 {
			return fmt.Errorf("%d connections are open", open)
		}
		return nil
	})
}
