package handlers

import (
	"runtime/metrics"
	"slices"
	"time"
)

// lag says how long goroutines that could run waited for a processor. It is for one goroutine at a time.
type lag struct {
	read   func() *metrics.Float64Histogram // of how many waited so long, since the start
	before []uint64                         // its counts at the last look
}

func newLag() *lag {
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	return &lag{read: func() *metrics.Float64Histogram {
		metrics.Read(sample)
		return sample[0].Value.Float64Histogram()
	}}
}

// tenth is how long one in ten waited, or longer, since the last look; of fewer than [fewWaits], who tell nothing, it is 0.
func (l *lag) tenth() time.Duration {
	h := l.read()
	d := tenthSince(l.before, h)
	l.before = append(l.before[:0], h.Counts...)
	return d
}

// fewWaits are too few to say how long one waits. The runtime looks at one in eight.
const fewWaits = 16

// tenthSince is what one in ten reaches of those that are in h and not in before, the counts of a histogram with the same buckets.
func tenthSince(before []uint64, h *metrics.Float64Histogram) time.Duration {
	counts, all := slices.Clone(h.Counts), uint64(0)
	for i := range counts {
		if i < len(before) {
			counts[i] -= before[i]
		}
		all += counts[i]
	}
	if all < fewWaits {
		return 0
	}
	at, above := len(counts)-1, counts[len(counts)-1]
	for ; above < (all+9)/10; above += counts[at] {
		at--
	}
	return time.Duration(max(h.Buckets[at], 0) * float64(time.Second)) // the first bucket begins at minus infinity
}
