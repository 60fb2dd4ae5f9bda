package bench

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// histogram counts durations, to three digits. It is not safe for concurrent use: everybody who counts has one, and they are
// added up.
type histogram struct {
	*hdrhistogram.Histogram
	failed int
	first  error // of those that failed
}

// longest is the longest duration that is told from longer ones.
const longest = time.Minute

func newHistogram() *histogram {
	return &histogram{Histogram: hdrhistogram.New(1, int64(longest), 3)}
}

// add counts what took d, or failed.
func (h *histogram) add(d time.Duration, err error) {
	if err != nil {
		if h.failed++; h.first == nil {
			h.first = err
		}
	}
	_ = h.RecordValue(int64(min(max(d, 1), longest))) // it is in the range
}

// merge adds what another one counted.
func (h *histogram) merge(other *histogram) {
	h.Merge(other.Histogram)
	if h.failed += other.failed; h.first == nil {
		h.first = other.first
	}
}

// merged is what several counted.
func merged(some []*histogram) Latency {
	all := newHistogram()
	for _, h := range some {
		all.merge(h)
	}
	return all.latency()
}

// Latency says how long requests took, those that failed included.
type Latency struct {
	N                  int
	P50, P90, P99, Max time.Duration
	Errors             int
	First              error // of the errors
}

func (h *histogram) latency() Latency {
	at := func(q float64) time.Duration { return time.Duration(h.ValueAtQuantile(q)) }
	return Latency{
		N: int(h.TotalCount()), P50: at(50), P90: at(90), P99: at(99), Max: time.Duration(h.Max()), Errors: h.failed, First: h.first,
	}
}

// Repeat calls f again and again for d, though at least five times, and says how long it took.
func Repeat(d time.Duration, f func() error) Latency {
	h := newHistogram()
	for start := time.Now(); time.Since(start) < d || h.TotalCount() < 5; {
		began := time.Now()
		err := f()
		h.add(time.Since(began), err)
	}
	return h.latency()
}
