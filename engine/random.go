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

	*shown
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
	picks := borrowShown()
	e.recommend(ctx, found, picks, found.draw(s), q.Bare)
	return Answer[Draw]{Requester: e.requester(u), Data: Draw{s, picks.recs, found.loosen, picks}}, nil
}

// draw returns what is drawn from the order, see [draw].
func (p *pool) draw(seed uint64) []eligible {
	p.spare = p.spare[:0]
	for _, i := range draw(p.order, seed) {
		p.spare = append(p.spare, p.at(i))
	}
	return p.spare
}

// lot is a place in an order that may be drawn.
type lot struct {
	at  int
	key float64
}

// draw picks up to [RandomSize] places of an order without replacement, in the order drawn, with weights falling from 2 to 1. It is
// the exponential form of weighted sampling (Efraimidis and Spirakis, “Weighted random sampling with a reservoir”, 2006):
// the smallest of -ln(u) / weight win, where u depends on seed and anime alone.
func draw(order []AnimeID, seed uint64) []int {
	lots := make([]lot, 0, RandomSize+1) // the smallest so far, in their order
	var source rand.PCG
	for i, id := range order {
		source.Seed(seed, uint64(id))
		u := 1 - float64(source.Uint64()>>11)/(1<<53) // (0, 1]
		weight := 2 - float64(i)/float64(len(order))
		most := math.Inf(1)
		if len(lots) == RandomSize {
			most = lots[RandomSize-1].key
		}
		if 1-u >= most*weight { // -ln(u) is more than 1-u, so that most need no logarithm
			continue
		}
		key := -math.Log(u) / weight
		if key >= most {
			continue
		}
		at := sort.Search(len(lots), func(k int) bool { return lots[k].key > key })
		lots = slices.Insert(lots, at, lot{i, key})
		lots = lots[:min(len(lots), RandomSize)]
	}
	places := make([]int, len(lots))
	for i := range lots {
		places[i] = lots[i].at
	}
	return places
}
