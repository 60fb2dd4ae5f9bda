package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// mostFlights bounds the functions that run at the same time: as many lists as may stand in line for MyAnimeList, and more that are looked
// up and saved.
const mostFlights = 512

// flights runs a function once for all who ask for the same key at the same time, and for no more than [mostFlights] keys. The function runs
// on its own: whoever asked may give up, the others and the result do not suffer. The zero value is ready; it is safe for concurrent use.
type flights[T any] struct {
	mu      sync.Mutex
	flying  map[string]*flight[T] // guarded by mu
	landing sync.WaitGroup
}

type flight[T any] struct {
	begun time.Time
	done  chan struct{}
	value T
	err   error
}

// do returns what f returns, or what another f returns that is running for the same key. When ctx ends first it returns
// the cause, and f goes on. When too many run already it returns [ErrNotAsked] at once.
func (fs *flights[T]) do(ctx context.Context, key string, f func() (T, error)) (T, error) {
	fs.mu.Lock()
	fl, ok := fs.flying[key]
	if !ok {
		if n := len(fs.flying); n >= mostFlights {
			fs.mu.Unlock()
			var none T
			return none, fmt.Errorf("%d are on their way: %w", n, ErrNotAsked)
		}
		fl = &flight[T]{begun: time.Now(), done: make(chan struct{})}
		if fs.flying == nil {
			fs.flying = map[string]*flight[T]{}
		}
		fs.flying[key] = fl
		fs.landing.Go(func() {
			fl.value, fl.err = guarded(f)
			fs.mu.Lock()
			delete(fs.flying, key)
			fs.mu.Unlock()
			close(fl.done)
		})
	}
	fs.mu.Unlock()
	select {
	case <-fl.done:
		return fl.value, fl.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// guarded calls f and makes an error of a panic, which nobody above could catch.
func guarded[T any](f func() (T, error)) (value T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

// since tells whether a function is running for key, and how long.
func (fs *flights[T]) since(key string) (time.Duration, bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fl, ok := fs.flying[key]
	if !ok {
		return 0, false
	}
	return time.Since(fl.begun), true
}

// wait returns when nothing flies any more, or ctx is done.
func (fs *flights[T]) wait(ctx context.Context) error {
	landed := make(chan struct{})
	go func() {
		fs.landing.Wait()
		close(landed)
	}()
	select {
	case <-landed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// holds remembers for a short time what went wrong with a name, so that the next who ask do not go and see again. The zero
// value is ready; it is safe for concurrent use.
type holds struct {
	mu   sync.Mutex
	held map[string]hold // guarded by mu
}

type hold struct {
	until time.Time
	err   error
}

// maxHolds bounds the memory that names nobody has can take.
const maxHolds = 10_000

func (hs *holds) put(name string, until time.Time, err error) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.held == nil || len(hs.held) >= maxHolds {
		hs.held = map[string]hold{}
	}
	hs.held[name] = hold{until, err}
}

// err returns what went wrong with name, nil when nothing did or that is long ago.
func (hs *holds) err(name string, now time.Time) error {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	h, ok := hs.held[name]
	if ok && !now.Before(h.until) {
		delete(hs.held, name)
		return nil
	}
	return h.err
}

func (hs *holds) drop(name string) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	delete(hs.held, name)
}
