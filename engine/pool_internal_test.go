package engine

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// What is eligible is in the order that comparing makes, also where values differ in their last bits only or not at all.
func TestSortOfAPool(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	values := []float64{0, math.Copysign(0, -1), 1, -1, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1)}
	for n := range 60 {
		v := r.NormFloat64()
		values = append(values, v, math.Nextafter(v, 9), float64(n%7)-3)
	}
	for _, n := range []int{0, 1, 2, 3, 100, 3000} {
		var p pool
		for _, id := range r.Perm(n) {
			p.ranked = append(p.ranked, eligible{id: AnimeID(id + 1), value: values[r.IntN(len(values))]})
		}
		want := slices.Clone(p.ranked)
		slices.SortFunc(want, func(a, b eligible) int {
			switch {
			case a.value > b.value:
				return -1
			case a.value < b.value:
				return 1
			}
			return int(a.id - b.id)
		})
		if p.sort(); !slices.Equal(p.ranked, want) {
			t.Errorf("%d are not in order", n)
		}
	}
}
