package engine

import (
	"context"
	"errors"
	"testing"
	"time"
)

// Leave is asked for where the source would be asked at once, and only there.
func TestLeave(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, _ *memStore, source *fakeSource) {
		source.has("spike", List{completed(1, 9)})
		source.has("faye", List{completed(1, 9)})
		errFull := errors.New("full")
		asked, full := 0, true
		ctx := WithManners(t.Context(), &Manners{Leave: func() error {
			asked++
			if full {
				return errFull
			}
			return nil
		}})
		expect := func(what string, err error, refused bool, total, calls int) {
			t.Helper()
			if errors.Is(err, errFull) != refused || errors.Is(err, ErrNoLeave) != refused || !refused && err != nil {
				t.Errorf("%s: %v, refused: want %t", what, err, refused)
			}
			if asked != total || source.calls() != calls {
				t.Errorf("%s: leave is asked for %d times and the source %d times, want %d and %d", what, asked, source.calls(), total, calls)
			}
		}
		similar := func(ctx context.Context, name string) error {
			_, err := e.Similar(ctx, name, 1)
			return err
		}
		expect("somebody new", similar(ctx, "spike"), true, 1, 0)
		full = false
		expect("somebody new, with leave", similar(ctx, "spike"), false, 2, 1)
		full = true
		expect("somebody known", similar(ctx, "spike"), false, 2, 1)
		expect("without a context that asks", similar(t.Context(), "faye"), false, 2, 2)
		profile := func(refresh bool) error {
			_, err := e.Profile(ctx, "spike", refresh)
			return err
		}
		expect("a refresh that is not due", profile(true), false, 2, 2)
		later(RefreshEvery)
		expect("no refresh", profile(false), false, 2, 2)
		expect("a refresh", profile(true), true, 3, 2)
		full = false
		expect("a refresh, with leave", profile(true), false, 4, 3)
		full = true
		later(100 * time.Hour)
		expect("a list that is too old", similar(ctx, "spike"), false, 4, 4)
	})
}

// Whoever joins a fetch that is on its way needs no leave.
func TestNoLeaveToJoin(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, _ *memStore, source *fakeSource) {
		source.has("spike", List{completed(1, 9)})
		open := source.close()
		first := make(chan error, 1)
		go func() {
			_, err := e.Similar(t.Context(), "spike", 1)
			first <- err
		}()
		later(time.Second)
		joined := make(chan error, 1)
		go func() {
			_, err := e.Similar(WithManners(t.Context(), &Manners{Leave: func() error { return errors.New("never") }}), "spike", 1)
			joined <- err
		}()
		later(time.Second)
		open()
		if err := errors.Join(<-first, <-joined); err != nil {
			t.Error(err)
		}
	})
}
