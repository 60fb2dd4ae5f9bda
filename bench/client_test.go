package bench

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// served makes a client of a server that answers one request of a connection after the other, in the test's own time.
func served(t *testing.T, answer func(path string) (status int, body string)) *Client {
	t.Helper()
	c, err := NewClient("http://server.invalid")
	if err != nil {
		t.Fatal(err)
	}
	var ends []net.Conn
	var mu sync.Mutex
	c.http.Dial = func(string) (net.Conn, error) {
		near, far := net.Pipe()
		mu.Lock()
		defer mu.Unlock()
		ends = append(ends, far)
		go func() {
			in := bufio.NewReader(far)
			for {
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				status, body := answer(r.URL.RequestURI())
				more := ""
				if status == http.StatusServiceUnavailable {
					more = "Retry-After: 1\r\n"
				}
				fmt.Fprintf(far, "HTTP/1.1 %d x\r\n%sContent-Length: %d\r\n\r\n%s", status, more, len(body), body)
			}
		}()
		return near, nil
	}
	t.Cleanup(func() {
		c.http.CloseIdleConnections()
		for _, end := range ends {
			end.Close()
		}
		time.Sleep(time.Minute) // of the bubble: until the client has noticed
	})
	return c
}

func numbered(n int) Request { return Request{Path: fmt.Sprint("/", n)} }

// A server that stalls for two seconds keeps the one connection busy: what should have been asked for meanwhile is late, and counts
// as late.
func TestStallsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := served(t, func(path string) (int, string) {
			if path == "/100" {
				time.Sleep(2 * time.Second)
			}
			return 200, "ok"
		})
		l := c.Paced(t.Context(), numbered, 100, 1, 10*time.Second)
		if l.N != 1000 || l.Errors != 0 {
			t.Fatalf("%d requests, %d errors: %v", l.N, l.Errors, l.First)
		}
		// 200 of the 1,000 are late, by 2 s to nothing.
		if l.P50 > time.Millisecond || l.P90 < 900*time.Millisecond || l.P99 < 1800*time.Millisecond || l.Max < 1990*time.Millisecond {
			t.Errorf("p50 %v, p90 %v, p99 %v, max %v", l.P50, l.P90, l.P99, l.Max)
		}
		if l.Woken.N > 800 || l.Woken.N < 790 || l.Woken.Max > time.Millisecond { // the server's stall is not the client's
			t.Errorf("the client waited %d times and was %v late", l.Woken.N, l.Woken.Max)
		}
		if l.Took < 9*time.Second || l.Took > 11*time.Second {
			t.Errorf("took %v", l.Took)
		}
	})
}

func TestPaceIsKeptOverManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		asked := map[string]int{}
		c := served(t, func(path string) (int, string) {
			mu.Lock()
			asked[path]++
			mu.Unlock()
			time.Sleep(100 * time.Millisecond)
			return 200, "ok"
		})
		l := c.Paced(t.Context(), numbered, 200, 40, 5*time.Second)
		if l.N != 1000 || len(asked) != 1000 || l.P50 < 100*time.Millisecond || l.Max > 102*time.Millisecond {
			t.Errorf("%d requests, %d different, p50 %v, max %v", l.N, len(asked), l.P50, l.Max)
		}
		most := c.AtOnce(t.Context(), numbered, 40, 5*time.Second)
		if most.Rate < 390 || most.Rate > 400 {
			t.Errorf("%.0f a second over 40 connections that take 100 ms each", most.Rate)
		}
	})
}

func TestInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := served(t, func(string) (int, string) {
			time.Sleep(10 * time.Millisecond)
			return 200, "ok"
		})
		if l := c.InTurn(t.Context(), numbered, 1000, time.Second); l.N != 100 || l.P50.Round(time.Millisecond) != 10*time.Millisecond {
			t.Errorf("%d in a second, p50 %v", l.N, l.P50)
		}
		if l := c.InTurn(t.Context(), numbered, 7, time.Second); l.N != 7 {
			t.Errorf("%d, want at most 7", l.N)
		}
	})
}

func TestFailuresCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := served(t, func(path string) (int, string) {
			switch path {
			case "/3":
				return 500, "broken"
			case "/4":
				return 200, ""
			case "/5":
				return 503, "Rate limited"
			}
			return 200, "ok"
		})
		l := c.InTurn(t.Context(), numbered, 6, time.Second)
		if l.Errors != 3 || l.First == nil || !strings.Contains(l.First.Error(), "/3: status 500: broken") {
			t.Errorf("%d errors, the first %v", l.Errors, l.First)
		}
		if _, err := c.Get(numbered(5), nil); !errors.Is(err, ErrLimited) {
			t.Errorf("limited: %v", err)
		}
		if err := c.Ready(t.Context(), numbered(5), time.Hour); !errors.Is(err, ErrLimited) {
			t.Errorf("not ready, being limited: %v", err)
		}
		began := time.Now()
		if err := c.Ready(t.Context(), numbered(3), time.Second); err == nil || time.Since(began) < time.Second {
			t.Errorf("ready: %v after %v", err, time.Since(began))
		}
	})
}

func TestServerAddresses(t *testing.T) {
	for _, bad := range []string{"", "127.0.0.1:3000", "https://reko.example.org", "http://127.0.0.1/path"} {
		if _, err := NewClient(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
