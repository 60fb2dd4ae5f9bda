package jobs

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// Of two instances that both see that a job is due, the one that gets the lock later sees that it has run.
func TestJobThatJustRanElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keeper := newMemKeeper()
		elsewhere := 0
		keeper.broken = func(method string) error {
			if method == "Lock" && elsewhere == 0 { // between the look and the lock
				elsewhere++
				keeper.mu.Lock()
				defer keeper.mu.Unlock()
				keeper.runs = append(keeper.runs, Run{Job: "a", Started: time.Now().Truncate(time.Second)})
			}
			return nil
		}
		here := 0
		job := Job{Name: "a", Every: time.Minute, Run: func(context.Context) (string, error) { here++; return "", nil }}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		Start(ctx, slog.New(slog.DiscardHandler), keeper, job)
		if here != 0 || elsewhere != 1 {
			t.Errorf("within half a minute the job ran %d times here and %d elsewhere, want once elsewhere", here, elsewhere)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		Start(ctx, slog.New(slog.DiscardHandler), keeper, job)
		if here != 1 {
			t.Errorf("a minute later it ran %d times here, want once", here)
		}
	})
}
