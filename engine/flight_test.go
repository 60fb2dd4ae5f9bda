package engine

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestFlightRunsOnceForAllWhoAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fs flights[int]
		var asked sync.WaitGroup
		open, runs := make(chan struct{}), 0
		want := errors.New("some failure")
		ask := func() {
			asked.Go(func() {
				got, err := fs.do(t.Context(), "a", func() (int, error) {
					runs++
					<-open
					return 7, want
				})
				if got != 7 || !errors.Is(err, want) {
					t.Errorf("do() = %d, %v; want 7, %v", got, err, want)
				}
			})
		}
		for range 20 {
			ask()
		}
		synctest.Wait()
		got, err := fs.do(t.Context(), "b", func() (int, error) { return 8, nil })
		if got != 8 || err != nil {
			t.Errorf("do() of another key = %d, %v; want 8 at once", got, err)
		}
		close(open)
		asked.Wait()
		if runs != 1 {
			t.Errorf("ran %d times for 20 who asked at the same time, want once", runs)
		}
		ask()
		asked.Wait()
		if runs != 2 {
			t.Errorf("ran %d times, want once more for who asked later", runs)
		}
	})
}

func TestFlightGoesOnWhenEverybodyLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fs flights[int]
		open, landed := make(chan struct{}), false
		start := time.Now()
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if got, err := fs.do(ctx, "a", func() (int, error) { <-open; landed = true; return 7, nil }); got != 0 || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("do() = %d, %v; want a deadline exceeded", got, err)
			}
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("three left after %v, want 1s each", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := fs.wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wait() = %v while something flies, want a deadline exceeded", err)
		}
		close(open)
		if err := fs.wait(t.Context()); err != nil || !landed {
			t.Errorf("wait() = %v, landed: %t", err, landed)
		}
	})
}

// However many keys are asked for, so many functions run at a time; who asks for one of these still joins it.
func TestFlightsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fs flights[int]
		var asked sync.WaitGroup
		open := make(chan struct{})
		fly := func(key string) {
			asked.Go(func() { _, _ = fs.do(t.Context(), key, func() (int, error) { <-open; return 7, nil }) })
		}
		for i := range mostFlights {
			fly(strconv.Itoa(i))
		}
		synctest.Wait()
		if _, err := fs.do(t.Context(), "more", func() (int, error) { return 7, nil }); !errors.Is(err, ErrNotAsked) {
			t.Errorf("do() of one more key = %v, want %v", err, ErrNotAsked)
		}
		asked.Go(func() {
			if got, err := fs.do(t.Context(), "0", nil); got != 7 || err != nil {
				t.Errorf("do() of a key that is on its way = %d, %v; want 7", got, err)
			}
		})
		synctest.Wait()
		close(open)
		asked.Wait()
		if got, err := fs.do(t.Context(), "more", func() (int, error) { return 8, nil }); got != 8 || err != nil {
			t.Errorf("do() once they are through = %d, %v; want 8", got, err)
		}
	})
}

func TestHolds(t *testing.T) {
	var hs holds
	first, second := errors.New("first"), errors.New("second")
	check := func(name string, at time.Time, want error) {
		t.Helper()
		if got := hs.err(name, at); !errors.Is(got, want) || (got == nil) != (want == nil) {
			t.Errorf("err(%s, %v) = %v, want %v", name, at, got, want)
		}
	}
	check("a", t0, nil)
	hs.put("a", t0.Add(time.Minute), first)
	check("a", t0, first)
	check("b", t0, nil)
	check("a", t0.Add(time.Minute-1), first)
	check("a", t0.Add(time.Minute), nil)
	check("a", t0, nil) // once over it is forgotten
	hs.put("a", t0.Add(time.Minute), first)
	hs.put("a", t0.Add(time.Hour), second)
	check("a", t0.Add(2*time.Minute), second)
	hs.drop("a")
	hs.drop("nobody")
	check("a", t0, nil)
	for i := range 3 * maxHolds {
		hs.put(strconv.Itoa(i), t0.Add(time.Hour), first)
		if len(hs.held) > maxHolds {
			t.Fatalf("%d names are held, want at most %d", len(hs.held), maxHolds)
		}
	}
	check(strconv.Itoa(3*maxHolds-1), t0, first)
}

func TestFlightSurvivesAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fs flights[int]
		var asked sync.WaitGroup
		for range 3 {
			asked.Go(func() {
				got, err := fs.do(t.Context(), "a", func() (int, error) { panic("out of cheese") })
				if got != 0 || err == nil || !strings.Contains(err.Error(), "out of cheese") {
					t.Errorf("do() = %d, %v; want the panic as an error", got, err)
				}
			})
		}
		asked.Wait()
		if got, err := fs.do(t.Context(), "a", func() (int, error) { return 7, nil }); got != 7 || err != nil {
			t.Errorf("do() after a panic = %d, %v; want 7", got, err)
		}
		if err := fs.wait(t.Context()); err != nil {
			t.Errorf("wait() after a panic = %v", err)
		}
	})
}
