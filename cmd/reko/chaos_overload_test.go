//go:build chaos

package main

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"reko.moe/db/dbtest"
	"reko.moe/internal/chaos"
)

// Asked four times as much as it can answer, the server answers as many as ever, each soon, and turns the rest away at once.
func TestOverload(t *testing.T) {
	w := newChaosWorld(t)
	c := newChaosServer(t, w, chaosOptions{postgres: dbtest.Postgres(t)})
	c.load.All(w.fresh)
	before := c.holding()
	var costly []string
	for _, q := range w.fresh {
		costly = append(costly, c.url()+q.Path)
	}
	client := &fasthttp.Client{MaxConnsPerHost: 4096, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	var n atomic.Int64
	ask := func() (status int, retry bool, took time.Duration) {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.SetRequestURI(costly[int(n.Add(7))%len(costly)])
		begin := time.Now()
		if err := client.Do(req, resp); err != nil {
			t.Errorf("no answer: %v", err)
			return 0, false, time.Since(begin)
		}
		return resp.StatusCode(), len(resp.Header.Peek("Retry-After")) > 0, time.Since(begin)
	}

	// As much as can be sustained: by some who ask one after the other.
	var answered atomic.Int64
	var asking sync.WaitGroup
	const measure = 5 * time.Second
	begin := time.Now()
	for range 12 {
		asking.Go(func() {
			for time.Since(begin) < measure {
				if status, _, _ := ask(); status == 200 {
					answered.Add(1)
				}
			}
		})
	}
	asking.Wait()
	sustained := float64(answered.Load()) / time.Since(begin).Seconds()

	// Four times as much, whether it is answered or not.
	var mu sync.Mutex
	var served, refused []time.Duration
	const long, tick = 15 * time.Second, 5 * time.Millisecond
	begin = time.Now()
	sent := 0
	for now := range time.Tick(tick) {
		if now.Sub(begin) > long {
			break
		}
		for due := int(4 * sustained * now.Sub(begin).Seconds()); sent < due; sent++ {
			asking.Go(func() {
				status, retry, took := ask()
				mu.Lock()
				defer mu.Unlock()
				switch {
				case status == 200:
					served = append(served, took)
				case status == 503 && retry:
					refused = append(refused, took)
				default:
					t.Errorf("%d, Retry-After %t, after %s", status, retry, took)
				}
			})
		}
	}
	asking.Wait()
	took := time.Since(begin).Seconds()
	p := func(all []time.Duration, q float64) time.Duration {
		slices.Sort(all)
		return all[int(q*float64(len(all)-1))].Round(time.Millisecond)
	}
	if len(served) == 0 || len(refused) == 0 {
		t.Fatalf("%d served, %d refused: that was no overload", len(served), len(refused))
	}
	fmt.Printf("sustained %.0f a second; asked %.0f: served %.0f a second, p50 %s, p99 %s; refused %.0f a second, p50 %s, p99 %s\n", sustained,
		float64(sent)/took, float64(len(served))/took, p(served, .5), p(served, .99), float64(len(refused))/took, p(refused, .5), p(refused, .99))
	if p99 := p(served, .99); p99 > time.Second {
		t.Errorf("the p99 of what is served is %s", p99)
	}
	if p99 := p(refused, .99); p99 > time.Second {
		t.Errorf("the p99 of what is refused is %s", p99)
	}
	if rate := float64(len(served)) / took; rate < sustained/3 {
		t.Errorf("of %.0f a second that can be sustained %.0f are served under load", sustained, rate)
	}
	client.CloseIdleConnections()
	c.leaksNothing(before)
	// And right after it all is as ever.
	if e := c.load.Ask(w.fresh[0]); e.Outcome != chaos.Answered {
		t.Errorf("afterwards: %+v", e)
	}
}
