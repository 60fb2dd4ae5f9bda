package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Keys are sorted whatever they have in common: nothing, all but the lowest bits, or all.
func TestSortKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	var p pool
	for _, mask := range []uint64{^uint64(0), 1<<lowestBit - 1, 1<<(lowestBit+5) - 1, 0xff << 40, 0} {
		for _, n := range []int{0, 1, leastByBit - 1, leastByBit, 3000} {
			p.keys = p.keys[:0]
			for range n {
				p.keys = append(p.keys, r.Uint64()&mask)
			}
			want := slices.Sorted(slices.Values(p.keys))
			if p.sortKeys(); !slices.Equal(p.keys, want) {
				t.Errorf("%d keys of the bits %x are not sorted", n, mask)
			}
		}
	}
}

func BenchmarkSortKeys(b *testing.B) {
	r := rand.New(rand.NewPCG(6, 6))
	var p pool
	var values [256][1200]uint64 // so many that no processor learns them by heart
	for n := range values {
		for i := range values[n] {
			values[n][i] = descending(r.NormFloat64())
		}
	}
	for n := 0; b.Loop(); n++ {
		p.keys = append(p.keys[:0], values[n%len(values)][:]...)
		p.sortKeys()
	}
}
