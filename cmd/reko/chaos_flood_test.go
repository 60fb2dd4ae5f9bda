//go:build chaos

package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// demand is one of a load that does not wait for answers: when it was due, when the client came to send it, and when the answer was there.
type demand struct {
	due, sent, done time.Time
	status          int
	wrong           string
}

// flood asks a server very much, at little cost: who asks in life has processors of its own, and this one takes the server's. Each of its
// askers has a connection and one question at a time; requests were made before, and of answers only what stands above them is kept.
type flood struct {
	addr     string
	requests [][]byte
	most     int // askers

	mu     sync.Mutex
	idle   []*asker // the last one that was busy comes first; guarded by mu
	open   int      // guarded by mu
	asked  int      // guarded by mu
	asking sync.WaitGroup
}

// floodPatience bounds a connection, and so the time that a question can be without an answer.
const floodPatience = time.Minute

// newFlood makes the requests for paths of the server at url.
func newFlood(url string, paths []string, most int) *flood {
	f := &flood{addr: strings.TrimPrefix(url, "http://"), most: most}
	for _, p := range paths {
		f.requests = append(f.requests, fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", p, f.addr))
	}
	return f
}

// asker is who asks one question after the other.
type asker struct {
	conn   net.Conn
	read   *bufio.Reader
	header fasthttp.ResponseHeader
	tasks  chan task
}

type task struct {
	q       *demand
	request []byte
}

// start has somebody ask q, unless all are busy.
func (f *flood) start(q *demand) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	var a *asker
	switch n := len(f.idle); {
	case n > 0:
		a, f.idle = f.idle[n-1], f.idle[:n-1]
	case f.open == f.most:
		return false
	default:
		a = &asker{tasks: make(chan task, 1)}
		f.open++
		go f.run(a)
	}
	f.asking.Add(1)
	a.tasks <- task{q, f.next()}
	return true
}

// next is the next request. f.mu is held.
func (f *flood) next() []byte {
	f.asked += 7
	return f.requests[f.asked%len(f.requests)]
}

// run lets a ask what it is given, until it is told to end or its connection fails.
func (f *flood) run(a *asker) {
	for t := range a.tasks {
		a.ask(f.addr, t)
		f.mu.Lock()
		if a.conn != nil {
			f.idle = append(f.idle, a)
		} else {
			f.open--
			close(a.tasks)
		}
		f.mu.Unlock()
		f.asking.Done()
	}
	if a.conn != nil {
		a.conn.Close()
	}
}

// ask asks one question, and notes what came of it. Without an answer there is no connection afterwards.
func (a *asker) ask(addr string, t task) {
	t.q.sent = time.Now()
	err := a.exchange(addr, t.request)
	t.q.done, t.q.status = time.Now(), a.header.StatusCode()
	switch retry := a.header.Peek(fasthttp.HeaderRetryAfter); {
	case err != nil:
		t.q.wrong = err.Error()
		if a.conn != nil {
			a.conn.Close()
			a.conn = nil
		}
	case t.q.status != fasthttp.StatusOK && (t.q.status != fasthttp.StatusServiceUnavailable || string(retry) != "1"):
		t.q.wrong = fmt.Sprintf("%d, Retry-After %q", t.q.status, retry)
	}
}

func (a *asker) exchange(addr string, request []byte) error {
	if a.conn == nil {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		a.conn, a.read = conn, bufio.NewReader(conn)
		if err := conn.SetDeadline(time.Now().Add(floodPatience)); err != nil {
			return err
		}
	}
	if _, err := a.conn.Write(request); err != nil {
		return err
	}
	if err := a.header.Read(a.read); err != nil {
		return err
	}
	n := a.header.ContentLength()
	if n < 0 {
		return fmt.Errorf("an answer without a length")
	}
	_, err := a.read.Discard(n)
	return err
}

// inTurn has so many ask one after the other until ctx is done, and returns how many answers a second there were.
func (f *flood) inTurn(ctx context.Context, t *testing.T, askers int) float64 {
	t.Helper()
	begin, answered := time.Now(), make([]int, askers)
	var asking sync.WaitGroup
	for i := range askers {
		asking.Go(func() {
			var a asker
			for ctx.Err() == nil {
				var q demand
				f.mu.Lock()
				request := f.next()
				f.mu.Unlock()
				if a.ask(f.addr, task{&q, request}); q.status == fasthttp.StatusOK {
					answered[i]++
				}
				if q.wrong != "" {
					t.Errorf("asked by few: %s", q.wrong)
				}
			}
			if a.conn != nil {
				a.conn.Close()
			}
		})
	}
	asking.Wait()
	all := 0
	for _, n := range answered {
		all += n
	}
	return float64(all) / time.Since(begin).Seconds()
}

// evenly asks for all, so many a second, and returns how long that took, when all are answered.
func (f *flood) evenly(all []demand, rate float64) time.Duration {
	const tick = time.Millisecond
	begin, sent := time.Now(), 0
	for now := range time.Tick(tick) {
		for due := min(len(all), int(rate*now.Sub(begin).Seconds())); sent < due; sent++ {
			all[sent].due = begin.Add(time.Duration(float64(sent) / rate * float64(time.Second)))
			if !f.start(&all[sent]) {
				break
			}
		}
		if sent == len(all) {
			break
		}
	}
	f.asking.Wait()
	return time.Since(begin)
}

// close ends all connections.
func (f *flood) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.idle {
		close(a.tasks)
	}
	f.idle = nil
}
