package engine

import (
	"context"
	"fmt"
	"time"
)

// Manners are how a question is asked, beside what it asks. The zero value waits as long as its context lives, and asks nobody. They are not
// to be changed once a question was asked, since others may read them then.
type Manners struct {
	// Patience is how long the question waits for a list that is being fetched: then it is answered from the stored list or, without
	// one, fails with [ErrUpstreamTimeout] while the fetch goes on. 0: as long as the context lives, or an hour.
	Patience time.Duration

	// Waiting is called, where it is set, whenever the question would begin to wait for a list that is being fetched, and so do no work
	// for a while; by the goroutine that asks the question. Where it says no the question does not wait, but the list is fetched.
	Waiting func() bool

	// Leave is asked, where it is set, before the source is asked at once: for the list of somebody new, or by a refresh that was
	// wanted. Whoever joins a fetch that is on its way needs none. Its error is the question's, with [ErrNoLeave]; it is called by the
	// goroutine that asks the question.
	Leave func() error
}

// mannersKey is the key under which a context has them.
type mannersKey struct{}

// WithManners returns a context with which questions are asked in that manner. What m points to may be completed until one is.
func WithManners(ctx context.Context, m *Manners) context.Context {
	return context.WithValue(ctx, mannersKey{}, m)
}

// MannersOf are those of a context; nil: it has none.
func MannersOf(ctx context.Context) *Manners {
	m, _ := ctx.Value(mannersKey{}).(*Manners)
	return m
}

// WithPatience returns a context with which questions are asked as with ctx, in the manner that it has by now, but with that patience.
func WithPatience(ctx context.Context, d time.Duration) context.Context {
	var m Manners
	if had := MannersOf(ctx); had != nil {
		m = *had
	}
	m.Patience = d
	return WithManners(ctx, &m)
}

func patienceOf(ctx context.Context) time.Duration {
	if m := MannersOf(ctx); m != nil && m.Patience > 0 {
		return m.Patience
	}
	return time.Hour // the context has a deadline of its own
}

// mayWait tells whether a question may begin to wait for a list.
func mayWait(ctx context.Context) bool {
	m := MannersOf(ctx)
	return m == nil || m.Waiting == nil || m.Waiting()
}

// leave asks for leave to fetch the list of the user of that name.
func (e *Engine) leave(ctx context.Context, name string) error {
	m := MannersOf(ctx)
	if m == nil || m.Leave == nil {
		return nil
	}
	if _, flying := e.fetches.since(name); flying {
		return nil
	}
	if err := m.Leave(); err != nil {
		return fmt.Errorf("%w: %w", ErrNoLeave, err)
	}
	return nil
}
