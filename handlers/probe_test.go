package handlers

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"reko.moe/internal/wait"
)

// settled is what the next byte waits.
func (p *Probe) settled(t *testing.T) time.Duration {
	t.Helper()
	p.Line()
	wait.For(t, func() error {
		if p.sent.Load() != 0 {
			return errors.New("a byte does not arrive")
		}
		return nil
	})
	return time.Duration(p.took.Load())
}

// What comes waits for all who can run by then, and as long as it does the line is that long at least; else there is none.
func TestProbe(t *testing.T) {
	p, err := NewProbe()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const each = 100 * time.Microsecond
	many := 500 * runtime.GOMAXPROCS(0)
	calm := time.Hour
	for range 20 {
		calm = min(calm, p.settled(t))
	}
	var running sync.WaitGroup
	for range many {
		running.Go(func() {
			for begin := time.Now(); time.Since(begin) < each; {
			}
		})
	}
	busy := p.settled(t)
	running.Wait()
	if calm > 10*each || busy < 10*each || busy < 2*calm {
		t.Errorf("behind %d goroutines of %s each a byte waits for %s, behind none for %s", many, each, busy, calm)
	}
	if line := p.Line(); line != busy {
		t.Errorf("the line is %s, want the last one, %s", line, busy)
	}
}

// A byte that does not arrive makes the line longer all the while, and the one that arrives says how long it was until the next has.
func TestProbeWaits(t *testing.T) {
	p := &Probe{began: time.Now().Add(-time.Minute)}
	p.took.Store(int64(5 * time.Millisecond))
	p.sent.Store(int64(time.Minute - time.Second))
	if line := p.Line(); line < time.Second {
		t.Errorf("a byte was sent a second ago: %s", line)
	}
	p.sent.Store(int64(time.Minute - time.Millisecond))
	p.took.Store(int64(time.Hour))
	if line := p.Line(); line != time.Hour {
		t.Errorf("the last one waited for an hour: %s", line)
	}
}
