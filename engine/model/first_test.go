package model

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"reko.moe/engine"
)

// The candidates that come first are those of a whole sort, in its order, however many there are and however many are equal.
func TestFirstIsTheBeginningOfASort(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	for _, size := range []int{0, 1, 2, 7, 100, 101, 1500} {
		for _, n := range []int{0, 1, 2, 16, 100, 2000} {
			for _, values := range []int{1, 3, 1 << 30} {
				f := &fold{choices: make([]choice, size)}
				matches := make([]float64, size)
				all := make([]int32, size)
				for i, id := range r.Perm(size) {
					f.choices[i].id = engine.AnimeID(id + 1)
					matches[i], all[i] = float64(r.IntN(values)), int32(i)
				}
				slices.SortFunc(all, func(a, b int32) int {
					return cmp.Or(cmp.Compare(matches[b], matches[a]), cmp.Compare(f.choices[a].id, f.choices[b].id))
				})
				if f.first(matches, n); !slices.Equal(f.order, all[:min(n, size)]) {
					t.Errorf("the first %d of %d with %d values are %v, want %v", n, size, values, f.order, all[:min(n, size)])
				}
			}
		}
	}
}
