package engine

import (
	"context"
	"iter"
	"time"
)

// How a walk over all users that nobody waits for rests: after so many users half as long as they took, at most so long.
const (
	restAfter = 500
	mostRest  = 100 * time.Millisecond
)

// gently walks over users with rests, so that questions come first even where a million lists take a processor for a minute. A context
// that is done ends the rest; the walk tells.
func gently(ctx context.Context, users iter.Seq2[User, error]) iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		n, begin := 0, time.Now()
		for u, err := range users {
			if !yield(u, err) {
				return
			}
			if n++; n%restAfter != 0 {
				continue
			}
			rest := time.NewTimer(min(time.Since(begin)/2, mostRest))
			select {
			case <-ctx.Done():
			case <-rest.C:
			}
			rest.Stop()
			begin = time.Now()
		}
	}
}
