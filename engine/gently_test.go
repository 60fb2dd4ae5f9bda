package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestGently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			users      int
			each, want time.Duration
		}{
			{499, time.Millisecond, 499 * time.Millisecond},
			{1000, 100 * time.Microsecond, 150 * time.Millisecond},                 // half as long as 500 took, twice
			{1500, 10 * time.Millisecond, 15*time.Second + 3*100*time.Millisecond}, // but not for ever
		} {
			seen, begin := 0, time.Now()
			for u, err := range gently(t.Context(), func(yield func(User, error) bool) {
				for i := range test.users {
					time.Sleep(test.each)
					if !yield(User{ID: UserID(i)}, nil) {
						return
					}
				}
			}) {
				if err != nil || u.ID != UserID(seen) {
					t.Fatalf("user %d, %v; want %d", u.ID, err, seen)
				}
				seen++
			}
			if took := time.Since(begin); seen != test.users || took != test.want {
				t.Errorf("%d users of %s each: %d in %s, want %s", test.users, test.each, seen, took, test.want)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		begin := time.Now()
		for _, err := range gently(ctx, func(yield func(User, error) bool) {
			for range 5000 {
				time.Sleep(time.Millisecond)
				if !yield(User{}, nil) {
					return
				}
			}
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("without time left it takes %s, want no rests", took)
		}
	})
}
