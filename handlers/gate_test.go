package handlers

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// However many come, so many are worked on at a time, so many wait, not for long, and the rest are told at once.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const work, most, each = 4, 8, 100 * time.Millisecond
		g := newGate(work, most)
		var in, out, busy, busiest atomic.Int64
		var coming sync.WaitGroup
		for range 200 {
			coming.Go(func() {
				begin := time.Now()
				if !g.enter(t.Context()) {
					out.Add(1)
					if waited := time.Since(begin); waited != 0 && waited != waitTime {
						t.Errorf("turned away after %s", waited)
					}
					return
				}
				if waited := time.Since(begin); waited > waitTime {
					t.Errorf("let in after %s", waited)
				}
				in.Add(1)
				n := busy.Add(1)
				for old := busiest.Load(); n > old && !busiest.CompareAndSwap(old, n); old = busiest.Load() {
				}
				time.Sleep(each)
				busy.Add(-1)
				g.leave()
			})
		}
		coming.Wait()
		if busiest.Load() != work || in.Load() != work+most || out.Load() != 200-work-most {
			t.Errorf("%d worked on at a time, %d let in, %d turned away; want %d, %d, %d",
				busiest.Load(), in.Load(), out.Load(), work, work+most, 200-work-most)
		}
	})
}

// Who waits longer than it is worth is turned away, and so is who leaves.
func TestGateThatIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 8)
		g.enter(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), waitTime/2)
		defer cancel()
		for _, test := range []struct {
			ctx  context.Context
			want time.Duration
		}{{t.Context(), waitTime}, {ctx, 0}} {
			begin := time.Now()
			if g.enter(test.ctx) || time.Since(begin) != test.want {
				t.Errorf("turned away after %s, want %s", time.Since(begin), test.want)
			}
		}
		g.leave()
		if !g.enter(t.Context()) || g.waiting.Load() != 0 {
			t.Errorf("nobody is worked on, and nobody is let in; %d wait", g.waiting.Load())
		}
	})
}

// Who waits for somebody else takes nobody's turn, as long as not too many do.
func TestParked(t *testing.T) {
	g := newGate(1, 0)
	for i := range mostParked {
		if !g.enter(t.Context()) || !g.park() {
			t.Fatalf("after %d that wait for somebody else nobody is let in", i)
		}
	}
	if !g.enter(t.Context()) || g.park() {
		t.Error("one too many waits for somebody else")
	}
	if g.enter(t.Context()) {
		t.Error("and takes nobody's turn")
	}
}

// On a single processor, too, fewer turns than there are show that more come than can be worked on, though nobody waits while it has one.
func TestOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const work, comes = 8, 100
	for turns, most := range map[int64]int64{work: comes, 1: comes / 4} {
		g := newGate(work, 0)
		g.give(turns)
		var in atomic.Int64
		var coming sync.WaitGroup
		for range comes {
			coming.Go(func() {
				if g.enter(t.Context()) {
					in.Add(1)
					g.leave()
				}
			})
		}
		coming.Wait()
		if n := in.Load(); n == 0 || n > most || turns == work && n < comes {
			t.Errorf("%d came one after the other where %d of %d turns are given: %d were let in", comes, turns, work, n)
		}
	}
}
