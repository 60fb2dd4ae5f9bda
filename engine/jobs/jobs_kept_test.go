package jobs

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A job whose runs cannot be kept still runs at its interval.
func TestRunsThatCannotBeKept(t *testing.T) {
	for _, broken := range []string{"SaveRun", "LastRuns"} {
		synctest.Test(t, func(t *testing.T) {
			k, n := newMemKeeper(), 0
			k.broken = func(method string) error {
				if method == broken {
					return errors.New("disk full")
				}
				return nil
			}
			during(t, 3*time.Hour+30*time.Minute, silent, k, Job{Name: "refresh", Every: time.Hour, Run: func(context.Context) (string, error) {
				n++
				return "", nil
			}})
			if n != 4 {
				t.Errorf("ran %d times in 3h30m when %s fails, want 4", n, broken)
			}
		})
	}
}
