package engine

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func draws(t *testing.T, e *Engine, q Query, seed uint64) []AnimeID {
	t.Helper()
	a, err := e.Random(t.Context(), "requester", q, &seed)
	if err != nil || a.Data.Seed != seed || a.Page != (Page{}) {
		t.Fatalf("Random(%d): seed %d, page %+v, %v", seed, a.Data.Seed, a.Page, err)
	}
	return ids(a.Data.Picks)
}

func TestRandomDrawsFromTheEligible(t *testing.T) {
	for _, test := range []struct{ lenders, each, want int }{
		{0, 0, 0}, {1, 1, 1}, {3, 7, 21}, {4, 8, 32}, {3, 11, 32}, {30, 40, 32},
	} {
		e := loaded(t, Options{Store: crowdedStore(test.lenders, test.each), Now: clock})
		u, err := e.user(t.Context(), "requester")
		if err != nil {
			t.Fatal(err)
		}
		found, err := e.fromBatch(t.Context(), u, u.Hash, Query{})
		if err != nil {
			t.Fatal(err)
		}
		eligible := map[AnimeID]bool{}
		for _, el := range found.ranked {
			eligible[el.id] = true
		}
		for seed := range uint64(20) {
			picks := draws(t, e, Query{}, seed)
			if len(picks) != test.want {
				t.Errorf("seed %d draws %d of %d, want %d", seed, len(picks), len(eligible), test.want)
			}
			seen := map[AnimeID]bool{}
			for _, id := range picks {
				if !eligible[id] || seen[id] {
					t.Errorf("seed %d draws %d: eligible %t, twice %t", seed, id, eligible[id], seen[id])
				}
				seen[id] = true
			}
		}
	}
}

func TestSeedRepeatsADraw(t *testing.T) {
	s := crowdedStore(20, 20)
	first, second := loaded(t, Options{Store: s, Now: clock}), loaded(t, Options{Store: s, Now: clock})
	seen := map[AnimeID]bool{} // first picks
	for _, seed := range []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1 << 31, 1 << 32, MaxSeed - 1, MaxSeed} {
		picks := draws(t, first, Query{}, seed)
		if again := draws(t, first, Query{}, seed); !slices.Equal(again, picks) {
			t.Errorf("seed %d draws %v, then %v", seed, picks, again)
		}
		if elsewhere := draws(t, second, Query{}, seed); !slices.Equal(elsewhere, picks) {
			t.Errorf("seed %d draws %v, in another process %v", seed, picks, elsewhere)
		}
		seen[picks[0]] = true
	}
	if len(seen) < 10 {
		t.Errorf("14 seeds have %d different first picks of 400", len(seen))
	}
}

func TestRandomWithoutSeedNamesTheOneItTook(t *testing.T) {
	s := crowdedStore(20, 20)
	seeds := []uint64{7, 0, MaxSeed}
	e := loaded(t, Options{Store: s, Now: clock, Seed: func() uint64 {
		seed := seeds[0]
		seeds = seeds[1:]
		return seed
	}})
	for _, want := range []uint64{7, 0, MaxSeed} {
		a, err := e.Random(t.Context(), "requester", Query{}, nil)
		if err != nil || a.Data.Seed != want {
			t.Fatalf("Random() took seed %d, %v; want %d", a.Data.Seed, err, want)
		}
		if picks := draws(t, e, Query{}, want); !slices.Equal(ids(a.Data.Picks), picks) {
			t.Errorf("Random() drew %v, with its seed %d %v", ids(a.Data.Picks), want, picks)
		}
	}
	byDefault := loaded(t, Options{Store: s, Now: clock})
	different := map[uint64]bool{}
	for range 20 {
		a, err := byDefault.Random(t.Context(), "requester", Query{}, nil)
		if err != nil || a.Data.Seed > MaxSeed {
			t.Fatalf("Random() took seed %d, %v; want at most %d", a.Data.Seed, err, MaxSeed)
		}
		different[a.Data.Seed] = true
	}
	if len(different) < 19 {
		t.Errorf("20 draws have %d different seeds", len(different))
	}
}

// ranking returns n ids, in no order.
func ranking(n int) []AnimeID {
	order := make([]AnimeID, n)
	for i, id := range rand.New(rand.NewPCG(30, 30)).Perm(n) {
		order[i] = AnimeID(id + 1)
	}
	return order
}

// A draw without replacement picks first in proportion to the weights 2, 2 - 1/n ... 1 + 1/n. Seeds and ids are consecutive
// numbers here, as they are in life: a weak mixture of the two would show.
func TestDrawFollowsTheWeights(t *testing.T) {
	const n, seeds = 64, 30_000
	ranked := ranking(n)
	total := 0.0
	for i := range ranked {
		total += 2 - float64(i)/n
	}
	var first, drawn [n]int
	for seed := range uint64(seeds) {
		picks := draw(ranked, seed)
		first[picks[0]]++
		for _, p := range picks {
			drawn[p]++
		}
	}
	chi2 := 0.0
	for i, count := range first {
		expected := seeds * (2 - float64(i)/n) / total
		chi2 += (float64(count) - expected) * (float64(count) - expected) / expected
	}
	// Of 63 degrees of freedom: mean 63, standard deviation 11.2; as uniform weights it would be about 1,000.
	if chi2 < 63-4*11.2 || chi2 > 63+4*11.2 {
		t.Errorf("χ² of the first picks = %.1f, want about 63", chi2)
	}
	// The better half is drawn more often than the worse one, though not by much.
	better, worse := 0, 0
	for i, count := range drawn {
		if i < n/2 {
			better += count
		} else {
			worse += count
		}
	}
	if ratio := float64(better) / float64(worse); ratio < 1.1 || ratio > 1.5 {
		t.Errorf("the better half is drawn %.2f times as often as the worse half, want a little more often", ratio)
	}
}

// What is drawn is what the formula says, whose logarithm is not taken of most.
func TestDrawIsTheFormula(t *testing.T) {
	for _, n := range []int{0, 1, 31, 32, 33, 300, 2000} {
		ranked := ranking(n)
		for seed := range uint64(50) {
			keys := make([]float64, n)
			want := make([]int, n)
			for i, id := range ranked {
				u := 1 - float64(rand.NewPCG(seed, uint64(id)).Uint64()>>11)/(1<<53)
				keys[i], want[i] = -math.Log(u)/(2-float64(i)/float64(n)), i
			}
			slices.SortFunc(want, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
			if got := draw(ranked, seed); !slices.Equal(got, want[:min(n, RandomSize)]) {
				t.Fatalf("of %d, seed %d: %v, want %v", n, seed, got, want)
			}
		}
	}
}

// Two draws have as many picks in common as chance gives them, also for seeds that are neighbours.
func TestDrawsOfDifferentSeedsAreIndependent(t *testing.T) {
	const n, seeds = 300, 1000
	ranked := ranking(n)
	for _, step := range []uint64{1, 2, 1 << 32, 1 << 52} {
		common, sameFirst := 0, 0
		for seed := range uint64(seeds) {
			a, b := draw(ranked, seed), draw(ranked, seed+step)
			in := map[int]bool{}
			for _, at := range a {
				in[at] = true
			}
			for _, at := range b {
				if in[at] {
					common++
				}
			}
			if a[0] == b[0] {
				sameFirst++
			}
		}
		// Σ over the anime of its probability squared: about 32² / 300 * 1.037 = 3.5 a pair.
		if mean := float64(common) / seeds; math.Abs(mean-3.5) > 0.25 {
			t.Errorf("seeds %d apart have %.2f picks of 32 in common, want about 3.5", step, mean)
		}
		if sameFirst > 14 {
			t.Errorf("seeds %d apart have the same first pick %d times of %d, want about 3.5", step, sameFirst, seeds)
		}
	}
}

// What a seed draws hardly changes when one anime comes or goes.
func TestDrawIsStable(t *testing.T) {
	ranked := ranking(500)
	changed := 0
	for seed := range uint64(200) {
		before := draw(ranked, seed)
		without := slices.Delete(slices.Clone(ranked), int(seed), int(seed)+1)
		in := map[AnimeID]bool{}
		for _, at := range before {
			in[ranked[at]] = true
		}
		for _, at := range draw(without, seed) {
			if !in[without[at]] {
				changed++
			}
		}
	}
	// The anime that went was drawn with a probability of 32 in 500, and leaves one place to another.
	if mean := float64(changed) / 200; mean > 0.2 {
		t.Errorf("%.2f of 32 picks are others when one anime of 500 goes, want about 0.07", mean)
	}
}
