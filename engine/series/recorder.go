package series

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Recorder counts events in memory and brings the counts to a [Keeper] every minute. The zero value is ready. It is safe for
// concurrent use; counting takes no lock.
type Recorder struct {
	counts [events][Buckets]atomic.Int64

	mu      sync.Mutex // held while counts are brought away
	waiting []minute   // what could not be kept yet, the oldest first; guarded by mu
}

// minute is what happened in one. The batch is its name, so that it counts once even if the keeper's answer was lost.
type minute struct {
	batch  string
	at     time.Time
	counts []Count
}

// mostWaiting bounds the minutes that wait for a store that fails. Older ones are lost.
const mostWaiting = 15

// Observe counts an event.
func (r *Recorder) Observe(e Event, took time.Duration) { r.counts[e][BucketOf(took)].Add(1) }

// Run brings the counts of every minute to the keeper once it is over, until ctx is done. What was counted since the last whole minute
// is left for [Recorder.Flush].
func (r *Recorder) Run(ctx context.Context, log *slog.Logger, k Keeper) {
	for {
		at := time.Now().Truncate(time.Minute)
		timer := time.NewTimer(time.Until(at.Add(time.Minute)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if err := r.flush(ctx, k, at); err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "counts not kept, trying again in a minute", "err", err)
		}
	}
}

// Flush brings what was counted since the last time to the keeper. It is for the end of the program.
func (r *Recorder) Flush(ctx context.Context, k Keeper) error {
	return r.flush(ctx, k, time.Now().Truncate(time.Minute))
}

func (r *Recorder) flush(ctx context.Context, k Keeper, at time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if counts := r.take(at); len(counts) > 0 {
		r.waiting = append(r.waiting, minute{rand.Text(), at, counts})
	}
	r.waiting = r.waiting[max(0, len(r.waiting)-mostWaiting):]
	for len(r.waiting) > 0 {
		if err := k.AddCounts(ctx, r.waiting[0].batch, r.waiting[0].at, r.waiting[0].counts); err != nil {
			return err
		}
		r.waiting = r.waiting[1:]
	}
	return nil
}

// take returns the counts and begins anew.
func (r *Recorder) take(at time.Time) (counts []Count) {
	for e := range r.counts {
		for b := range r.counts[e] {
			if c := &r.counts[e][b]; c.Load() != 0 {
				counts = append(counts, Count{at, Event(e), b, c.Swap(0)})
			}
		}
	}
	return counts
}
