package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reko.moe/engine/jobs"
)

// balancer is a reverse proxy that sends each request to the next of several servers that is ready, as it asks them again and again. What
// it may send twice it sends to another one when the first breaks off.
type balancer struct {
	URL     string
	retry   atomic.Bool  // requests that change nothing
	retried atomic.Int64 // requests

	transport *http.Transport
	turn      atomic.Uint64
	mu        sync.Mutex
	backends  []*backend // guarded by mu
}

type backend struct {
	host  string
	ready atomic.Bool
	stop  context.CancelFunc
}

func newBalancer(t *testing.T) *balancer {
	b := &balancer{transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetXForwarded()
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
		},
		Transport: b,
		ErrorLog:  log.New(io.Discard, "", 0), // who asks counts what fails
	})
	t.Cleanup(server.Close)
	t.Cleanup(b.transport.CloseIdleConnections)
	b.URL = server.URL
	return b
}

// add begins to look whether a server is ready.
func (b *balancer) add(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	x := &backend{host: u.Host, stop: stop}
	b.mu.Lock()
	b.backends = append(b.backends, x)
	b.mu.Unlock()
	go func() {
		for ctx.Err() == nil {
			status, _ := get(address + "/readyz")
			x.ready.Store(status == http.StatusOK)
			jobs.Wait(ctx, 20*time.Millisecond)
		}
	}()
}

// remove forgets a server.
func (b *balancer) remove(address string) {
	u, _ := url.Parse(address)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, x := range b.backends {
		if x.host == u.Host {
			x.stop()
			b.backends = append(b.backends[:i:i], b.backends[i+1:]...)
			return
		}
	}
}

// ready returns the servers that are, beginning with the one whose turn it is.
func (b *balancer) ready() (hosts []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	turn := int(b.turn.Add(1))
	for i := range b.backends {
		if x := b.backends[(turn+i)%len(b.backends)]; x.ready.Load() {
			hosts = append(hosts, x.host)
		}
	}
	return hosts
}

// RoundTrip implements [http.RoundTripper]. It reads answers whole, so that one that breaks off can be asked for again.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	err := errors.New("no server is ready")
	for i, host := range b.ready() {
		if i > 0 {
			if !b.retry.Load() || r.Method != http.MethodGet {
				break
			}
			b.retried.Add(1)
		}
		var answer *http.Response
		out := r.Clone(r.Context())
		out.URL.Scheme, out.URL.Host = "http", host
		if answer, err = b.transport.RoundTrip(out); err != nil {
			continue
		}
		var body []byte
		body, err = io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err == nil {
			answer.Body = io.NopCloser(bytes.NewReader(body))
			return answer, nil
		}
	}
	return nil, err
}
