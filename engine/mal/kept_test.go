package mal

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"reko.moe/engine"
)

// As many connections as are kept are used again by as many requests at once.
func TestConnectionsAreKept(t *testing.T) {
	var opened atomic.Int32
	var together sync.WaitGroup
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		together.Done()
		together.Wait()
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"message":"","error":"not_found"}`))
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c, err := New(Options{URL: server.URL, ClientID: "id", Rate: 1000, Burst: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		together.Add(keptConns)
		var asking sync.WaitGroup
		for range keptConns {
			asking.Go(func() {
				if _, err := c.Anime(context.WithoutCancel(t.Context()), 1); !errors.Is(err, engine.ErrNotFound) {
					t.Errorf("Anime() = %v, want not found", err)
				}
			})
		}
		asking.Wait()
	}
	if n := opened.Load(); n != keptConns {
		t.Errorf("%d connections were opened for three times %d requests at once", n, keptConns)
	}
}
