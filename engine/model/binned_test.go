package model

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// wood is a forest of any questions and leaves. Few thresholds are asked for, so that rows hit them exactly.
func wood(r *rand.Rand, trees, depth int) *forest {
	f := &forest{depth: depth}
	for range trees * depth {
		f.features = append(f.features, uint8(r.IntN(featureCount)))
		f.thresholds = append(f.thresholds, edge(r))
	}
	for range trees << depth {
		f.leaves = append(f.leaves, r.Float32()-0.5)
	}
	return f
}

// edge is one of few ordinals, the least and the greatest among them.
func edge(r *rand.Rand) int32 {
	return [...]int32{math.MinInt32, math.MinInt32 + 1, ordinal(-1), -1, 0, 1, ordinal(1), ordinal(2), never - 1, never}[r.IntN(10)]
}

// Forests in bins say of every row what they say of it alone, bit for bit.
func TestBinned(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var m binning
	for depth := 1; depth <= maxDepth; depth++ {
		a, b := wood(r, 40, depth), wood(r, 7, depth)
		both, ok := newBinned(a, b)
		if !ok {
			t.Fatal("ten thresholds are too many")
		}
		for _, n := range []int{0, 1, 7, 8, 9, 100, 3} {
			rows := make([]features, n)
			for i := range rows {
				for k := range rows[i] {
					rows[i][k] = edge(r)
				}
			}
			got, want := [2][]float32{make([]float32, n), make([]float32, n)}, [2][]float32{make([]float32, n), make([]float32, n)}
			both.values(&m, rows, got[0], got[1])
			a.values(rows, want[0])
			b.values(rows, want[1])
			for k := range want {
				if !slices.Equal(got[k], want[k]) {
					t.Errorf("depth %d: %d rows are %v in bins, want %v", depth, n, got[k], want[k])
				}
			}
		}
	}
}

// What seven bits cannot tell apart is refused, and so are forests of two depths.
func TestTooManyThresholds(t *testing.T) {
	f := func(thresholds, depth int) *forest {
		f := &forest{depth: depth, features: make([]uint8, thresholds), leaves: make([]float32, thresholds/depth<<depth)}
		for i := range thresholds {
			f.thresholds = append(f.thresholds, int32(i))
		}
		return f
	}
	most := f(maxThresholds, 1)
	for i := range most.leaves {
		most.leaves[i] = float32(i%2) / 2 // so that a row's sum is half of the thresholds that it is above
	}
	both, ok := newBinned(most)
	if !ok {
		t.Fatalf("%d thresholds are too many", maxThresholds)
	}
	var m binning
	for x := range int32(maxThresholds + 2) {
		var value [1]float32
		both.values(&m, []features{{x}}, value[:])
		if want := float32(min(x, maxThresholds)) / 2; value[0] != want {
			t.Errorf("a row of %d has %g, want %g", x, value[0], want)
		}
	}
	for what, forests := range map[string][]*forest{
		"one too many":            {f(maxThresholds+1, 1)},
		"too many of two forests": {f(maxThresholds, 1), {depth: 1, features: make([]uint8, 1), thresholds: []int32{-1}, leaves: make([]float32, 2)}},
		"two depths":              {f(4, 1), f(4, 2)},
	} {
		if _, ok := newBinned(forests...); ok {
			t.Errorf("%s: not refused", what)
		}
	}
}
