package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"reko.moe/engine"
)

// ScoreOptions are the constants of [TrainScores]. ScoreDefaults are what measured best, see docs/adr.
type ScoreOptions struct {
	Anime      int // the most scored so many are learnt, at most 21,845
	Lists      int // so many are learnt from at most: of more, every second one, or every third ...
	Near       int // neighbours of each anime that are kept
	Factors    int // latent ones
	Sweeps     int // over users and anime, to fit the factors
	BlendEvery int // one list in so many is for the weights of the predictors, and is not learnt from before
	Forest     boosting
	Enough     int // predictions for those lists, of which a forest can be grown
}

// ScoreDefaults are the options that measured best.
func ScoreDefaults() ScoreOptions {
	return ScoreOptions{
		Anime: 6000, Lists: 50_000, Near: 150, Factors: 32, Sweeps: 16, BlendEvery: 12,
		Forest: boosting{Trees: 200, Depth: 6, Rate: 0.08, Ridge: 50, Least: 50, Sample: 0.6, Columns: 0.4}, Enough: 5000,
	}
}

// ErrFewScores is returned when there are too few scores to learn from.
var ErrFewScores = errors.New("too few scores to learn from")

// leastRaters have to have scored an anime that is learnt.
const leastRaters = 5

// TrainScores learns how users score. It walks the lists as often as it needs to, and keeps of them what is scored, of at most
// o.Lists. A list is the walker's again as soon as the next one is asked for. The same lists in the same order
// make the same scores, whatever the number of cores.
func TrainScores(ctx context.Context, lists func() iter.Seq2[engine.List, error], c *engine.Catalogue, o ScoreOptions) (*Scores, error) {
	if min(o.Anime, o.Lists, o.Near, o.Factors, o.Sweeps, o.BlendEvery) < 1 || o.Factors > mostFactors {
		return nil, fmt.Errorf("%+v: %w", o, engine.ErrInvalid)
	}
	t := &scoreTraining{options: o, catalogue: c}
	if err := t.train(ctx, lists); err != nil {
		return nil, err
	}
	return UnpackScores(t.scores.Pack()) // what is served from the start is what is stored
}

// train does it all but for the rounding.
func (t *scoreTraining) train(ctx context.Context, lists func() iter.Seq2[engine.List, error]) error {
	if err := t.choose(ctx, lists()); err != nil {
		return err
	}
	if err := t.read(ctx, lists()); err != nil {
		return err
	}
	if err := t.learn(ctx, &t.learning); err != nil {
		return err
	}
	if err := t.blend(ctx); err != nil {
		return err
	}
	return t.correct(ctx)
}

// scoreTraining is a training under way.
type scoreTraining struct {
	options   ScoreOptions
	catalogue *engine.Catalogue
	step      int // every how manyeth list is read
	learning  scoreRatings
	apart     []engine.List // for the blend
	scores    *Scores
}

// scoreRatings are the scores of users, user after user.
type scoreRatings struct {
	from    []int    // where each user's begin; and the end of the last
	seat    []uint16 // the anime
	value   []float32
	dropped []bool
	marks   scoreMarks
}

func (r *scoreRatings) users() int { return len(r.from) - 1 }

// choose counts who scored what, and gives the most scored anime their seats, most scored first.
func (t *scoreTraining) choose(ctx context.Context, lists iter.Seq2[engine.List, error]) error {
	var raters []int
	n := 0
	for l, err := range lists {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return fmt.Errorf("counting scores: %w", err)
		}
		n++
		for i := range l {
			if e := &l[i]; e.Score > 0 && t.catalogue.Anime(e.Anime) != nil {
				if int(e.Anime) >= len(raters) {
					raters = append(raters, make([]int, int(e.Anime)+1-len(raters))...)
				}
				raters[e.Anime]++
			}
		}
	}
	t.step = max(1, (n+t.options.Lists-1)/t.options.Lists)
	var ids []engine.AnimeID
	for id, count := range raters {
		if count >= leastRaters {
			ids = append(ids, engine.AnimeID(id))
		}
	}
	if len(ids) == 0 {
		return ErrFewScores
	}
	slices.SortFunc(ids, func(a, b engine.AnimeID) int { return cmp.Or(raters[b]-raters[a], cmp.Compare(a, b)) })
	ids = ids[:min(len(ids), t.options.Anime, math.MaxUint16/markKinds)]
	t.scores = newScores(ids, t.catalogue)
	return nil
}

// read gathers the scores of those who are learnt from, and the lists that are set apart.
func (t *scoreTraining) read(ctx context.Context, lists iter.Seq2[engine.List, error]) error {
	r := &t.learning
	r.from = append(r.from, 0)
	r.marks.begin()
	n := 0
	for l, err := range lists {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return fmt.Errorf("reading scores: %w", err)
		}
		n++
		if n%t.step != 0 {
			continue
		}
		if (n/t.step)%t.options.BlendEvery == t.options.BlendEvery/2 {
			t.apart = append(t.apart, slices.Clone(l))
			continue
		}
		t.add(r, l)
	}
	if !slices.Contains(r.dropped, false) {
		return ErrFewScores
	}
	return nil
}

// add appends a user's scores in order of seats; of those who scored nothing there is nothing to learn.
func (t *scoreTraining) add(r *scoreRatings, l engine.List) {
	type rating struct {
		seat    uint16
		value   float32
		dropped bool
	}
	var row []rating
	for i := range l {
		if e := &l[i]; e.Score > 0 {
			if s := t.scores.seatOf(e.Anime); s >= 0 {
				row = append(row, rating{uint16(s), float32(e.Score), e.Status == engine.Dropped})
			}
		}
	}
	if len(row) == 0 {
		return
	}
	slices.SortFunc(row, func(a, b rating) int { return cmp.Compare(a.seat, b.seat) })
	for _, x := range row {
		r.seat, r.value, r.dropped = append(r.seat, x.seat), append(r.value, x.value), append(r.dropped, x.dropped)
	}
	r.from = append(r.from, len(r.seat))
	r.marks.add(t.scores, l)
}

// transposed lists, for each of n seats, the users who scored it and their values, in order of users.
func (r *scoreRatings) transposed(n int) scoreColumns {
	c := scoreColumns{from: make([]int, n+1), user: make([]int32, len(r.seat)), at: make([]int32, len(r.seat))}
	for _, s := range r.seat {
		c.from[s+1]++
	}
	for s := range n {
		c.from[s+1] += c.from[s]
	}
	next := slices.Clone(c.from)
	for u := range r.users() {
		for at := r.from[u]; at < r.from[u+1]; at++ {
			s := r.seat[at]
			c.user[next[s]], c.at[next[s]] = int32(u), int32(at)
			next[s]++
		}
	}
	return c
}

// scoreColumns are ratings by anime.
type scoreColumns struct {
	from []int
	user []int32
	at   []int32 // the rating, in the order of users
}
