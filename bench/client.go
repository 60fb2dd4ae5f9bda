// Package bench asks an HTTP server and measures how long it takes to answer: one request after the other, or as many a second as
// are wanted, whatever the server makes of it. It keeps, compares and draws results.
//
// Vegeta's library was the first choice. It dates a request when one of its workers takes it up: with a bounded number of
// connections, what waits while a server stalls is sent late and counted from then, so that the stall is missing from the
// percentiles. Its requests also go through net/http, which on the server's own machine takes as much of the processors as the
// server. So the pace is kept here, in a few lines, over fasthttp's client and HDR histograms.
package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// ErrLimited says that the server limits how often it may be asked.
var ErrLimited = errors.New("the server limits requests: start it with api, pages and costly in [limits] off")

// Client asks one server. It is safe for concurrent use.
type Client struct {
	http *fasthttp.HostClient
	base string
}

// NewClient makes a client of the server at base, such as http://127.0.0.1:3000.
func NewClient(base string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("server %q: want http://HOST:PORT", base)
	}
	addr := u.Host
	if u.Port() == "" {
		addr += ":80"
	}
	return &Client{base: "http://" + u.Host, http: &fasthttp.HostClient{
		Addr: addr, MaxConns: 1024, ReadTimeout: longest, WriteTimeout: longest, MaxIdemponentCallAttempts: 1,
		ReadBufferSize:           32 << 10, // most answers are read at once
		NoDefaultUserAgentHeader: true, DisablePathNormalizing: true,
	}}, nil
}

// Request is what is asked for.
type Request struct {
	Path    string // with the query
	Browser bool   // ask for what is compressed, as browsers do
}

// Get asks, and appends the answer to body. Everything but 200 with a body is an error.
func (c *Client) Get(r Request, body []byte) ([]byte, error) {
	req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(res)
	req.SetRequestURI(c.base + r.Path)
	if r.Browser {
		req.Header.Set(fasthttp.HeaderAcceptEncoding, "gzip, deflate, br")
	}
	if err := c.http.Do(req, res); err != nil {
		return body, err
	}
	body = append(body, res.Body()...)
	switch status := res.StatusCode(); {
	case status == fasthttp.StatusServiceUnavailable && len(res.Header.Peek(fasthttp.HeaderRetryAfter)) > 0 &&
		string(res.Body()) == "Rate limited":
		return body, fmt.Errorf("%s: %w", r.Path, ErrLimited)
	case status != fasthttp.StatusOK:
		return body, fmt.Errorf("%s: status %d: %.200s", r.Path, status, res.Body())
	case len(res.Body()) == 0:
		return body, fmt.Errorf("%s: an empty answer", r.Path)
	}
	return body, nil
}

// Ready waits until the server answers r, and fails after so long.
func (c *Client) Ready(ctx context.Context, r Request, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		_, err := c.Get(r, nil)
		if err == nil || errors.Is(err, ErrLimited) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer after %s: %w", patience, err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// Requests says what request number n is.
type Requests func(n int) Request

// InTurn asks one request after the other for d, though not more than most, as somebody who waits for each answer.
func (c *Client) InTurn(ctx context.Context, requests Requests, most int, d time.Duration) Latency {
	h := newHistogram()
	var body []byte
	var err error
	for n, start := 0, time.Now(); n < most && time.Since(start) < d && ctx.Err() == nil; n++ {
		r := requests(n)
		began := time.Now()
		body, err = c.Get(r, body[:0])
		h.add(time.Since(began), err)
	}
	return h.latency()
}

// Load is what came of asking many at once.
type Load struct {
	Latency
	Rate float64 // answers a second
	Took time.Duration
	// Woken says how late the client itself was when it had waited for a request to be due: what the machine alone adds to each answer.
	Woken Latency
}

// AtOnce asks over conns connections, on each one request after the other, for d: as much as the server can do.
func (c *Client) AtOnce(ctx context.Context, requests Requests, conns int, d time.Duration) Load {
	start := time.Now()
	return c.load(ctx, conns, start, func(n int) (time.Time, bool) {
		now := time.Now()
		return now, now.Sub(start) < d
	}, requests)
}

// Paced asks rate times a second for d, over conns connections. How long an answer took is counted from when it should have been
// asked for: where none of the connections was free, waiting for one counts, too.
func (c *Client) Paced(ctx context.Context, requests Requests, rate float64, conns int, d time.Duration) Load {
	start := time.Now()
	return c.load(ctx, conns, start, func(n int) (time.Time, bool) {
		due := time.Duration(float64(n) / rate * float64(time.Second))
		return start.Add(due), due < d
	}, requests)
}

// load asks requests 0, 1, 2 ... over conns connections; due says when each is to be sent, and whether it is at all.
func (c *Client) load(ctx context.Context, conns int, start time.Time, due func(n int) (time.Time, bool), requests Requests) Load {
	var next atomic.Int64
	var asking sync.WaitGroup
	counted, lateness := make([]*histogram, conns), make([]*histogram, conns)
	for i := range conns {
		h, woken := newHistogram(), newHistogram()
		counted[i], lateness[i] = h, woken
		asking.Go(func() {
			var body []byte
			var err error
			for ctx.Err() == nil {
				n := int(next.Add(1) - 1)
				at, more := due(n)
				if !more {
					return
				}
				if wait := time.Until(at); wait > 0 {
					time.Sleep(wait)
					woken.add(time.Since(at), nil)
				}
				body, err = c.Get(requests(n), body[:0])
				h.add(time.Since(at), err)
			}
		})
	}
	asking.Wait()
	l := Load{Latency: merged(counted), Took: time.Since(start), Woken: merged(lateness)}
	l.Rate = float64(l.N-l.Errors) / l.Took.Seconds()
	return l
}
