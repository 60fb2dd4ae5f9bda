//go:build chaos

package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"reko.moe/db/dbtest"
	"reko.moe/internal/chaos"
)

// demand is one of a load that does not wait for answers: when it was due, when the client came to send it, and when the answer was there.
type demand struct {
	due, sent, done time.Time
	status          int
	wrong           string
}

// Asked four times as much as it can answer, the server answers as many as ever, each soon, and turns the rest away at once. Who asks
// runs on the same processors: times are from when a question was due, so that the client's own lateness is in them, and that is told apart.
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
	ask := func(q *demand) {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.SetRequestURI(costly[int(n.Add(7))%len(costly)])
		q.sent = time.Now()
		err := client.Do(req, resp)
		q.done, q.status = time.Now(), resp.StatusCode()
		switch {
		case err != nil:
			q.status, q.wrong = 0, err.Error()
		case q.status != 200 && (q.status != 503 || string(resp.Header.Peek("Retry-After")) != "1"):
			q.wrong = fmt.Sprintf("%d, Retry-After %q", q.status, resp.Header.Peek("Retry-After"))
		}
	}

	// As much as can be sustained: by some who ask one after the other.
	var answered atomic.Int64
	var asking sync.WaitGroup
	const measure = 5 * time.Second
	begin := time.Now()
	for range 12 {
		asking.Go(func() {
			for time.Since(begin) < measure {
				var q demand
				if ask(&q); q.status == 200 {
					answered.Add(1)
				}
			}
		})
	}
	asking.Wait()
	sustained := float64(answered.Load()) / time.Since(begin).Seconds()

	// Four times as much, whether it is answered or not, and beside it somebody who watches over the server.
	const long, tick = 15 * time.Second, 5 * time.Millisecond
	all := make([]demand, int(4*sustained*long.Seconds()))
	shed, inTime := c.metric("reko_http_shed_total"), c.inTime()
	begin = time.Now()
	stop, seen := c.watches(t)
	sent := 0
	for now := range time.Tick(tick) {
		for due := min(len(all), int(4*sustained*now.Sub(begin).Seconds())); sent < due; sent++ {
			q := &all[sent]
			q.due = begin.Add(time.Duration(float64(sent) / (4 * sustained) * float64(time.Second)))
			asking.Go(func() { ask(q) })
		}
		if sent == len(all) {
			break
		}
	}
	asking.Wait()
	took := time.Since(begin).Seconds()
	stop()
	shed, inTime = c.metric("reko_http_shed_total")-shed, c.inTime().since(inTime)

	var served, refused, serving, refusing, late []time.Duration
	for _, q := range all {
		switch late = append(late, q.sent.Sub(q.due)); {
		case q.wrong != "":
			t.Errorf("no answer, or a wrong one, after %s: %s", q.done.Sub(q.sent), q.wrong)
		case q.status == 200:
			served, serving = append(served, q.done.Sub(q.due)), append(serving, q.done.Sub(q.sent))
		default:
			refused, refusing = append(refused, q.done.Sub(q.due)), append(refusing, q.done.Sub(q.sent))
		}
	}
	p := func(all []time.Duration, q float64) time.Duration {
		slices.Sort(all)
		return all[int(q*float64(len(all)-1))].Round(100 * time.Microsecond)
	}
	if len(served) == 0 || len(refused) == 0 {
		t.Fatalf("%d served, %d refused: that was no overload", len(served), len(refused))
	}
	fmt.Printf("sustained %.0f a second; asked %.0f a second\n", sustained, float64(len(all))/took)
	fmt.Printf("sustained: %.0f a second are served: since due p50 %s, p99 %s; since sent p50 %s, p99 %s; %.1f %% within 0.5 s by the server's own clock\n",
		float64(len(served))/took, p(served, .5), p(served, .99), p(serving, .5), p(serving, .99), 100*inTime.half/inTime.all)
	fmt.Printf("sustained: %.0f a second are refused: since due p50 %s, p99 %s; since sent p50 %s, p99 %s; the client was late by p50 %s, p99 %s\n",
		float64(len(refused))/took, p(refused, .5), p(refused, .99), p(refusing, .5), p(refusing, .99), p(late, .5), p(late, .99))
	fmt.Printf("sustained: who watches was answered %d times, in at most %s\n", seen.Load(), time.Duration(seen.slowest.Load()).Round(100*time.Microsecond))
	if p99 := p(served, .99); p99 > time.Second {
		t.Errorf("the p99 of what is served is %s", p99)
	}
	if inTime.half < .99*inTime.all {
		t.Errorf("of %.0f requests the server took more than 0.5 s for %.0f", inTime.all, inTime.all-inTime.half)
	}
	if p99 := p(refused, .99); p99 > time.Second {
		t.Errorf("the p99 of what is refused is %s", p99)
	}
	if p50, other := p(refusing, .5), p(serving, .5); p50 > other/2 {
		t.Errorf("who is refused waits %s, and who is served %s", p50, other)
	}
	if rate := float64(len(served)) / took; rate < sustained/3 {
		t.Errorf("of %.0f a second that can be sustained %.0f are served under load", sustained, rate)
	}
	if int(shed) != len(refused) {
		t.Errorf("%d were refused, and the server counted %.0f", len(refused), shed)
	}
	client.CloseIdleConnections()
	c.leaksNothing(before)
	// And right after it all is as ever.
	if e := c.load.Ask(w.fresh[0]); e.Outcome != chaos.Answered {
		t.Errorf("afterwards: %+v", e)
	}
}

// inTime is how many requests a server worked on, waiting for a turn included, and how many of them took it half a second at most.
type inTime struct{ all, half float64 }

func (c *chaosServer) inTime() inTime {
	return inTime{c.metric("reko_http_request_duration_seconds_count"), c.metric("reko_http_request_duration_seconds_bucket", `le="0.5"`)}
}

func (i inTime) since(before inTime) inTime { return inTime{i.all - before.all, i.half - before.half} }

// watched counts the answers to who watches.
type watched struct {
	atomic.Int64
	slowest atomic.Int64
}

// watches asks for what a balancer and Prometheus ask for, until stop is called. All of it has to be answered.
func (c *chaosServer) watches(t *testing.T) (stop func(), w *watched) {
	w = new(watched)
	client := &http.Client{Timeout: 2 * time.Second}
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for i := 0; ; i++ {
			path := []string{"/healthz", "/readyz", "/metrics"}[i%3]
			begin := time.Now()
			resp, err := client.Get(c.url() + path)
			if err != nil {
				t.Errorf("%s: %v", path, err)
			} else {
				if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
					t.Errorf("%s: %s, %v", path, resp.Status, err)
				}
				resp.Body.Close()
				w.Add(1)
				w.slowest.Store(max(w.slowest.Load(), int64(time.Since(begin))))
			}
			select {
			case <-done:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	return func() {
		close(done)
		watching.Wait()
		client.CloseIdleConnections()
	}, w
}
