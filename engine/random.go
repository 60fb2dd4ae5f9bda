package engine

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
)

// RandomSize is how many anime a random draw has at most.
const RandomSize = 32

// MaxSeed is the largest seed of a random draw: what a JSON number carries exactly everywhere.
const MaxSeed uint64 = 1<<53 - 1

// Draw is a random draw and the seed that repeats it.
type Draw struct {
	Seed   uint64
	Picks  []Recommendation
	Loosen []Loosening // when the filter leaves none, see [Recommendations]
}

// Random draws up to [RandomSize] anime from what the users of q's batch can recommend to the named user; the best are twice
// as likely as the last. The same seed draws the same again while the data stands still, and nearly the same when it
// changed a little. A nil seed is a new one.
func (e *Engine) Random(ctx context.Context, name string, q Query, seed *uint64) (Answer[Draw], error) {
	u, err := e.user(ctx, name)
	if err != nil {
		return Answer[Draw]{}, err
	}
	q.Page = 0 // a draw has none
	found, err := e.fromBatch(ctx, u, u.Hash, q)
	if err != nil {
		return Answer[Draw]{}, err
	}
	defer found.close()
	var s uint64
	if seed != nil {
		s = *seed
	} else {
		s = e.opts.Seed()
	}
	picks, _ := found.recommendations(draw(found.ranked, s), q.Bare)
	return Answer[Draw]{Requester: e.requester(u), Data: Draw{s, picks, found.loosen}}, nil
}

// draw picks up to [RandomSize] of ranked without replacement, in the order drawn, with weights falling from 2 to 1. It is
// the exponential form of weighted sampling (Efraimidis and Spirakis, “Weighted random sampling with a reservoir”, 2006):
// the smallest of -ln(u) / weight win, where u depends on seed and anime alone.
func draw(ranked []eligible, seed uint64) []eligible {
	type lot struct {
		at  int
		key float64
	}
	lots := make([]lot, 0, RandomSize+1) // the smallest so far, in their order
	var source rand.PCG
	for i := range ranked {
		source.Seed(seed, uint64(ranked[i].anime.ID))
		u := 1 - float64(source.Uint64()>>11)/(1<<53) // (0, 1]
		weight := 2 - float64(i)/float64(len(ranked))
		key := -math.Log(u) / weight
		if len(lots) == RandomSize && key >= lots[RandomSize-1].key {
			continue
		}
		at := sort.Search(len(lots), func(k int) bool { return lots[k].key > key })
		lots = slices.Insert(lots, at, lot{i, key})
		lots = lots[:min(len(lots), RandomSize)]
	}
	picks := make([]eligible, len(lots))
	for i := range picks {
		picks[i] = ranked[lots[i].at]
	}
	return picks
}
