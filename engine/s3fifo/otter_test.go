package s3fifo

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/maypok86/otter/v2"
)

// other is a cache that is looked up and filled by number.
type other interface {
	get(key uint64) bool
	set(key uint64)
}

type fifos struct{ *Cache[uint64, []byte] }

func (f fifos) get(key uint64) bool { _, ok := f.Get(key); return ok }
func (f fifos) set(key uint64)      { f.Set(key, make([]byte, bytesOf(key))) }

type tinyLFU struct{ *otter.Cache[uint64, []byte] }

func (o tinyLFU) get(key uint64) bool { _, ok := o.GetIfPresent(key); return ok }
func (o tinyLFU) set(key uint64)      { o.Set(key, make([]byte, bytesOf(key))) }

// bytesOf is the length of the value of a number, as different as those of lists are.
func bytesOf(key uint64) int { return 200 + int(key*0x9e3779b97f4a7c15>>32%1400) }

// zipf draws ranks below n, of which the i-th has a chance of about 1 / i^s.
func zipf(n int, s float64) func(r *rand.Rand) uint64 {
	cum, sum := make([]float64, n), 0.0
	for i := range cum {
		sum += math.Pow(float64(i+1), -s)
		cum[i] = sum
	}
	return func(r *rand.Rand) uint64 {
		x := r.Float64() * sum
		from, to := 0, n-1
		for from < to {
			if middle := (from + to) / 2; cum[middle] < x {
				from = middle + 1
			} else {
				to = middle
			}
		}
		return uint64(from)
	}
}

// BenchmarkBesideOtter asks this cache and otter's W-TinyLFU the same: it reports how much was found in the second half, how long each
// question took (with drawing it and making what was not found), and how long the garbage collector needs for what is kept.
func BenchmarkBesideOtter(b *testing.B) {
	const numbers, bytes, asked = 200_000, 20 << 20, 1_000_000
	flat, usual := zipf(numbers, 0.7), zipf(numbers, 0.9)
	traces := []struct {
		name string
		next func(r *rand.Rand, n int) uint64
	}{
		{"zipf0.7", func(r *rand.Rand, _ int) uint64 { return flat(r) }},
		{"zipf0.9", func(r *rand.Rand, _ int) uint64 { return usual(r) }},
		{"zipf0.9-every-third-once", func(r *rand.Rand, n int) uint64 {
			if n%3 == 0 {
				return numbers + uint64(n)
			}
			return usual(r)
		}},
		{"zipf0.9-drifting", func(r *rand.Rand, n int) uint64 { return (usual(r) + uint64(n/20_000*1000)) % numbers }},
		{"all-alike", func(r *rand.Rand, _ int) uint64 { return r.Uint64N(40_000) }},
		{"in-turn", func(_ *rand.Rand, n int) uint64 { return uint64(n % 25_000) }},
	}
	caches := []struct {
		name string
		make func() other
	}{
		{"s3fifo", func() other { return fifos{New[uint64](bytes, func(v []byte) int { return len(v) + 100 })} }},
		{"otter", func() other {
			return tinyLFU{otter.Must(&otter.Options[uint64, []byte]{
				MaximumWeight: bytes, Weigher: func(_ uint64, v []byte) uint32 { return uint32(len(v) + 100) },
			})}
		}},
	}
	for _, trace := range traces {
		for _, cache := range caches {
			b.Run(trace.name+"/"+cache.name, func(b *testing.B) {
				for b.Loop() {
					c, r, hits := cache.make(), rand.New(rand.NewPCG(1, 2)), 0
					for n := range asked {
						key := trace.next(r, n)
						switch {
						case !c.get(key):
							c.set(key)
						case n >= asked/2:
							hits++
						}
					}
					b.ReportMetric(float64(hits)/(asked/2), "found")
					runtime.GC()
					began := time.Now()
					runtime.GC()
					b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "ms/collection")
					runtime.KeepAlive(c)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/asked, "ns/question")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
