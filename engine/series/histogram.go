package series

import (
	"math"
	"math/bits"
	"time"
)

// The buckets of a [Histogram]: one below 64 µs, eight of equal width for each doubling up to 67 s, one above. A time is known to
// an eighth, and histograms of any instances and times add up.
const (
	leastBits  = 6 // 1 << 6 µs
	doublings  = 20
	parts      = 8 // of a doubling
	partsBits  = 3
	lastBucket = doublings*parts + 1

	// Buckets is how many buckets a [Histogram] has.
	Buckets = lastBucket + 1
)

// Histogram says how often something took about how long. The zero value is empty.
type Histogram [Buckets]int64

// BucketOf returns the number of the bucket of a time.
func BucketOf(took time.Duration) int {
	if took < time.Microsecond<<leastBits {
		return 0
	}
	us := uint64(took / time.Microsecond)
	octave := bits.Len64(us) - 1
	if octave >= leastBits+doublings {
		return lastBucket
	}
	return (octave-leastBits)*parts + int(us>>(octave-partsBits))%parts + 1
}

// bounds returns the least time of a bucket and that of the next. The last bucket has no width, as nothing is known of it.
func bounds(bucket int) (from, to time.Duration) {
	least := func(b int) time.Duration {
		if b == 0 {
			return 0
		}
		octave, part := (b-1)/parts, (b-1)%parts
		return time.Microsecond * time.Duration((parts+part)<<(octave+leastBits-partsBits))
	}
	return least(bucket), least(min(bucket+1, lastBucket))
}

// add counts n times of a bucket. Numbers that are none of a bucket's are ignored.
func (h *Histogram) add(bucket int, n int64) {
	if bucket >= 0 && bucket < Buckets {
		h[bucket] += n
	}
}

// Merge adds the counts of another one.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other {
		h[i] += n
	}
}

// Count returns how many times there are.
func (h *Histogram) Count() int64 {
	var n int64
	for _, c := range h {
		n += c
	}
	return n
}

// Quantile returns the time of the one in the place q (0..1) of all, ordered; 0 when there is none. Those of a bucket are taken to
// lie evenly in it.
func (h *Histogram) Quantile(q float64) time.Duration {
	place := max(int64(math.Ceil(q*float64(h.Count()))), 1)
	var before int64
	for b, n := range h {
		if before+n >= place {
			from, to := bounds(b)
			return from + time.Duration(float64(to-from)*(float64(place-before)-0.5)/float64(n))
		}
		before += n
	}
	return 0
}
