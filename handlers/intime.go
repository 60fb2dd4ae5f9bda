package handlers

import (
	"context"
	"errors"
	"sync"
	"time"
)

// inTime is a context with a deadline, as [context.WithDeadline] makes them, but that no timer runs before somebody asks for its Done. Most
// questions are answered from memory and nobody does, and a timer for each would be most of what they leave behind.
type inTime struct {
	context.Context
	deadline time.Time

	mu    sync.Mutex
	timed context.Context // nil: nobody asked for Done; guarded by mu
	stop  func()          // of timed
	err   error           // why it ended, once that is known; guarded by mu
}

// within returns a context that ends with ctx, after so long, or by end, as long as anybody uses it or what is derived from it.
func within(ctx context.Context, d time.Duration) *inTime {
	t := &inTime{Context: ctx, deadline: time.Now().Add(d)}
	if parent, ok := ctx.Deadline(); ok && parent.Before(t.deadline) {
		t.deadline = parent
	}
	return t
}

// end ends the context, unless it has ended.
func (t *inTime) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.look() == nil {
		t.err = context.Canceled
	}
	if t.timed != nil {
		t.stop()
	}
}

// look tells whether the context has ended, and why: the same whenever it is asked. mu is held.
func (t *inTime) look() error {
	switch {
	case t.err != nil:
	case t.timed != nil:
		t.err = t.timed.Err()
	case t.Context.Err() != nil:
		t.err = t.Context.Err()
	case !time.Now().Before(t.deadline):
		t.err = context.DeadlineExceeded
	}
	return t.err
}

// Deadline implements [context.Context].
func (t *inTime) Deadline() (time.Time, bool) { return t.deadline, true }

// Done implements [context.Context].
func (t *inTime) Done() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timed == nil {
		switch err := t.look(); {
		case err == nil:
			t.timed, t.stop = context.WithDeadline(t.Context, t.deadline)
		case errors.Is(err, context.DeadlineExceeded):
			t.timed, t.stop = context.WithDeadline(context.WithoutCancel(t.Context), t.deadline)
		default:
			t.timed, t.stop = context.WithCancel(t.Context)
			t.stop()
		}
	}
	return t.timed.Done()
}

// Err implements [context.Context].
func (t *inTime) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.look()
}

// Value implements [context.Context]. By it those derived from a context find what ends it.
func (t *inTime) Value(key any) any {
	t.mu.Lock()
	timed := t.timed
	t.mu.Unlock()
	if timed != nil {
		return timed.Value(key)
	}
	return t.Context.Value(key)
}
