package jobs

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestRunner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keeper := newMemKeeper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		slow := Job{Name: "slow", Every: time.Hour, Run: func(ctx context.Context) (string, error) {
			select {
			case <-time.After(time.Minute):
				return "waited", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}}
		broken := Job{Name: "broken", Every: time.Hour, Run: func(context.Context) (string, error) { panic("at the disco") }}
		r := NewRunner(ctx, slog.New(slog.DiscardHandler), keeper, slow, broken)
		states := func() []State {
			t.Helper()
			states, err := r.States(t.Context(), 5)
			if err != nil || len(states) != 2 {
				t.Fatal(states, err)
			}
			return states
		}
		if s := states(); s[0].Running || s[0].Name != "slow" || len(s[0].Last) != 0 {
			t.Errorf("at first: %+v", s)
		}
		if err := r.Start(t.Context(), "dance"); !errors.Is(err, ErrUnknown) {
			t.Errorf("a job that is none: %v", err)
		}
		if err := r.Start(t.Context(), "slow"); err != nil {
			t.Fatal(err)
		}
		if err := r.Start(t.Context(), "slow"); !errors.Is(err, ErrRunning) {
			t.Errorf("a job that runs: %v", err)
		}
		if _, err := Once(t.Context(), keeper, slow); !errors.Is(err, ErrRunning) {
			t.Errorf("a job that runs by hand, at its time: %v", err)
		}
		if s := states(); !s[0].Running || s[1].Running {
			t.Errorf("while it runs: %+v", s)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if err := r.Start(t.Context(), "broken"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		s := states()
		if s[0].Running || s[0].Last[0].Outcome != "waited" || s[0].Last[0].Took != time.Minute || s[1].Last[0].Err != "panic: at the disco" {
			t.Errorf("afterwards: %+v", s)
		}

		if err := r.Start(t.Context(), "slow"); err != nil {
			t.Fatal(err)
		}
		cancel() // the program ends
		r.Wait()
		if last := states()[0].Last; len(last) != 2 || last[0].Err != Interrupted {
			t.Errorf("at the end: %+v", last)
		}
	})
}

func TestRunnerWithoutKeeper(t *testing.T) {
	keeper := newMemKeeper()
	lost := errors.New("lost")
	var breaks string
	keeper.broken = func(method string) error {
		if method == breaks {
			return lost
		}
		return nil
	}
	r := NewRunner(t.Context(), slog.New(slog.DiscardHandler), keeper, Job{Name: "a", Run: func(context.Context) (string, error) { return "", nil }})
	for _, breaks = range []string{"Locked", "LastRuns"} {
		if _, err := r.States(t.Context(), 1); !errors.Is(err, lost) {
			t.Errorf("States without %s = %v", breaks, err)
		}
	}
	breaks = "Lock"
	if err := r.Start(t.Context(), "a"); !errors.Is(err, lost) {
		t.Errorf("Start without Lock = %v", err)
	}
	r.Wait()
}

// Who gives up waiting for a store that does not answer is let go.
func TestRunnerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keeper := &stuckKeeper{memKeeper: newMemKeeper(), stuck: make(chan struct{})}
		job := Job{Name: "a", Every: time.Hour, Run: func(context.Context) (string, error) { return "", nil }}
		r := NewRunner(t.Context(), slog.New(slog.DiscardHandler), keeper, job)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begin := time.Now()
		if err := r.Start(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 5*time.Second {
			t.Errorf("Start() = %v after %s, want the deadline after 5 s", err, time.Since(begin))
		}
		close(keeper.stuck)
		r.Wait()
		if runs, err := keeper.LastRuns(t.Context(), "a", 2); err != nil || len(runs) != 1 {
			t.Errorf("runs: %v, %v, want the one that began late", runs, err)
		}
	})
}

// stuckKeeper gives no lock before stuck is closed.
type stuckKeeper struct {
	*memKeeper
	stuck chan struct{}
}

func (k *stuckKeeper) Lock(ctx context.Context, name string) (func(), bool, error) {
	<-k.stuck
	return k.memKeeper.Lock(ctx, name)
}
