//go:build chaos && linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"reko.moe/db/dbtest"
	"reko.moe/internal/chaos"
)

// mostAskers bounds the connections that the test opens, as many as four addresses may have. Both ends of each take memory and time of this
// machine. What is due while all are busy waits for one, and that counts.
const mostAskers = 1024

// Asked four times as much as it can answer, the server answers as many as refusing the others leaves time for, each soon, and turns the rest
// away at once: where who asks runs on the same processors, and where it has others, as in life, and the server has a single one if there are
// two. Times are from when a question was due, so that the client's own lateness is in them, and that is told apart.
func TestOverload(t *testing.T) {
	all := processors(t)
	server, clients := halves(all)
	t.Run("Beside", func(t *testing.T) { overload(t, all, all) })
	t.Run("Apart", func(t *testing.T) { overload(t, server, clients) })
}

// leastServed is the share of what can be sustained that has to be served. To refuse takes a sixth to a fifth of what it takes to answer, nearly
// all of it the kernel's: for that share r of four times as much, (1 - 4r) / (1 - r) can be served, .40 to .25.
const leastServed = 0.25

func overload(t *testing.T, server, clients unix.CPUSet) {
	w := newChaosWorld(t, manyFaults)
	c := newChaosServer(t, w, chaosOptions{postgres: dbtest.Postgres(t), env: []string{fmt.Sprintf("GOMAXPROCS=%d", server.Count())}})
	confine(t, c.process.Process.Pid, server)
	defer confine(t, os.Getpid(), processors(t))
	confine(t, os.Getpid(), clients)
	c.load.All(w.fresh)
	before := c.holding()
	var paths []string
	for _, q := range w.fresh {
		paths = append(paths, q.Path)
	}
	f := newFlood(t, c.url(), paths, mostAskers)
	defer f.close()

	// As much as can be sustained: by some who ask one after the other.
	few, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	sustained := f.inTurn(few, t, 12)
	fmt.Printf("sustained %.0f a second\n", sustained)

	// Four times as much, whether it is answered or not, and beside it somebody who watches over the server.
	const long = 15 * time.Second
	asked := make([]demand, int(4*sustained*long.Seconds()))
	shed, inTime := c.metric("reko_http_shed_total"), c.inTime()
	stop, seen := c.watches(t)
	took := f.evenly(t, asked, 4*sustained).Seconds()
	stop()
	shed, inTime = c.metric("reko_http_shed_total")-shed, c.inTime().since(inTime)

	var served, refused, serving, refusing, late []time.Duration
	for _, q := range asked {
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
	fmt.Printf("sustained: asked %.0f a second\n", float64(len(asked))/took)
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
	if p50 := p(refused, .5); p50 > 100*time.Millisecond {
		t.Errorf("half of who is refused waits for longer than %s", p50)
	}
	if rate := float64(len(served)) / took; rate < leastServed*sustained {
		t.Errorf("of %.0f a second that can be sustained %.0f are served under load", sustained, rate)
	}
	if int(shed) != len(refused) {
		t.Errorf("%d were refused, and the server counted %.0f", len(refused), shed)
	}
	f.drop()
	c.leaksNothing(before)
	// And right after it all is as ever.
	if e := c.load.Ask(w.fresh[0]); e.Outcome != chaos.Answered {
		t.Errorf("afterwards: %+v", e)
	}
}

// processors are those that the test may run on.
func processors(t *testing.T) (all unix.CPUSet) {
	t.Helper()
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// halves are the first half of processors and the second; both are the only one, if there is no more.
func halves(all unix.CPUSet) (first, second unix.CPUSet) {
	half, n := all.Count()/2, 0
	if half == 0 {
		return all, all
	}
	for cpu := 0; n < all.Count(); cpu++ {
		switch {
		case !all.IsSet(cpu):
			continue
		case n < half:
			first.Set(cpu)
		default:
			second.Set(cpu)
		}
		n++
	}
	return first, second
}

// confine lets a process run on those processors only, with all threads: also those that begin while it looks.
func confine(t *testing.T, pid int, to unix.CPUSet) {
	t.Helper()
	for confined, before := map[string]bool{}, -1; len(confined) > before; {
		before = len(confined)
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err == nil {
				err = unix.SchedSetaffinity(id, &to)
			}
			if err != nil && !errors.Is(err, unix.ESRCH) {
				t.Fatal(err)
			}
			confined[thread.Name()] = true
		}
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
