package model

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"

	"reko.moe/engine"
)

// leaving corrects weights for a list that the model learnt from, so that they are what they would be without it. With x the list's
// inputs, q its weight and P the inverse, v = P x and P' = P + g v vᵀ, g = q / (1 - q xᵀv) (Sherman and Morrison, “Adjustment of an
// inverse matrix corresponding to a change in one element of a given matrix”, 1950): an exact correction but for the scaling of the
// row weights and the dropout. Without it the second stage would learn to trust what the first knows by heart.
type leaving struct {
	v        []float64 // by item
	g        float64
	diagonal []float64 // of P, by column
	items    []int32   // of columns
}

// weight is what the weight w of input i for column j becomes.
func (o *leaving) weight(i, j int, w float64) float64 {
	vj := o.v[o.items[j]]
	p := o.diagonal[j]
	return (w*p - o.g*o.v[i]*vj) / (p + o.g*vj*vj)
}

// The lists that the second stage learns from, and how it grows.
const (
	stageLists = 3000 // at most
	leastStage = 1000 // fewer are not enough for a second stage
	heldShare  = 5    // every so many watched entries are held out
)

// stage grows the second stage from the lists of every so many users: it holds out a fifth of what they watched and learns to tell
// it from the other candidates. Two forests are grown, one for what was watched and one for what was liked, which counts for more, so
// that what a page is full of is liked and not only watched.
func (t *training) stage(ctx context.Context, m *Model) error {
	if t.users < leastStage {
		return nil
	}
	s, err := t.collect(ctx, m)
	if err != nil || len(s.rows) == 0 {
		return err
	}
	columns := func(f int, into []float32) {
		for r := range into {
			into[r] = s.rows[r][f]
		}
	}
	table, err := newTable(ctx, len(s.rows), featureCount, columns)
	if err != nil {
		return err
	}
	s.rows = nil
	if m.forest, err = grow(ctx, table, s.watched, t.options.Stage); err != nil {
		return err
	}
	liked, err := grow(ctx, table, s.liked, t.options.Stage)
	if err != nil {
		return err
	}
	m.forest.and(liked, float32(t.options.Liked))
	return nil
}

// collect describes the candidates of the lists that the second stage learns from.
func (t *training) collect(ctx context.Context, m *Model) (*stage, error) {
	s := &stage{training: t, model: m, seat: t.seats()}
	s.items = make([]int32, len(m.columns))
	s.diagonal = make([]float64, len(m.columns))
	for j, id := range m.columns {
		i, _ := m.inputOf(id)
		s.items[j] = int32(i)
		s.diagonal[j] = t.matrix.Data[i*t.matrix.Stride+i]
	}
	every := max(1, t.users/stageLists)
	var batch []engine.List
	n := 0
	for l, err := range t.lists() {
		if err != nil {
			return nil, err
		}
		if n++; n%every == 0 && l.Watched() >= 2*heldShare {
			batch = append(batch, slices.Clone(l))
		}
		if len(batch) == batchSize {
			s.learn(batch)
			batch = batch[:0]
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
	}
	s.learn(batch)
	return s, ctx.Err()
}

// stage is a second stage in the making.
type stage struct {
	*training
	model    *Model
	seat     []int32
	items    []int32   // of columns
	diagonal []float64 // of the inverse, by column
	rows     [][featureCount]float32
	watched  []float32 // by row: 1 if it was held out
	liked    []float32 // and liked
}

// learn adds the candidates of some lists, in their order.
func (s *stage) learn(lists []engine.List) {
	type learnt struct {
		rows           [][featureCount]float32
		watched, liked []float32
	}
	found := make([]learnt, len(lists))
	next := make(chan int)
	var running sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			for n := range next {
				found[n].rows, found[n].watched, found[n].liked = s.candidates(lists[n])
			}
		})
	}
	for n := range lists {
		next <- n
	}
	close(next)
	running.Wait()
	for _, f := range found {
		s.rows, s.watched, s.liked = append(s.rows, f.rows...), append(s.watched, f.watched...), append(s.liked, f.liked...)
	}
}

// candidates holds out a fifth of what is watched on a list, folds in the rest, and describes those that come first.
func (s *stage) candidates(l engine.List) (rows [][featureCount]float32, watched, liked []float32) {
	var foldIn engine.List
	held := map[engine.AnimeID]*engine.Entry{}
	for i := range l {
		if e := &l[i]; e.Watched() && mixed(uint64(e.Anime), uint64(len(l)))%heldShare == 0 { // as good as at random
			held[e.Anime] = e
		} else {
			foldIn = append(foldIn, *e)
		}
	}
	m := s.model
	f := m.fold(foldIn, s.catalogue, nil, s.leave(l))
	defer f.Release()
	enough := likedFrom(foldIn)
	own := make(map[engine.AnimeID]bool, len(foldIn))
	for i := range foldIn {
		own[foldIn[i].Anime] = true
	}
	var anime []*engine.Anime
	for _, id := range m.columns {
		if a := s.catalogue.Anime(id); !own[id] && a != nil {
			anime = append(anime, a)
		}
	}
	f.choose(anime, niches[engine.MaxNiche].choosing)
	all := scaleOf(l)
	matches := make([]float64, len(anime))
	for i := range f.looked {
		k := &f.looked[i]
		if e := held[k.anime.ID]; e != nil { // what this list itself adds to the facts is not known of others
			k.facts.add(e, all, -1)
			k.linear = k.sum*f.unit - niches[engine.MaxNiche].choosing*k.facts.popularity()
		}
		matches[i] = k.linear
	}
	f.first(matches)
	f.inspect()
	rows = make([][featureCount]float32, len(f.order))
	watched, liked = make([]float32, len(f.order)), make([]float32, len(f.order))
	var x features
	for place, i := range f.order {
		k := &f.looked[i]
		f.featuresOf(k, place, f.looked[f.order[0]].linear, &x)
		for feature := range rows[place] {
			rows[place][feature] = fromOrdinal(x[feature])
		}
		if e := held[k.anime.ID]; e != nil {
			watched[place] = 1
			if float64(e.Score) >= enough {
				liked[place] = 1
			}
		}
	}
	return rows, watched, liked
}

// likedFrom is the score from which an entry counts as liked by the user of a list: the mean, and at least 7.
func likedFrom(l engine.List) float64 { return max(7, scaleOf(l).mean) }

// leave makes the correction for a list that was learnt from.
func (s *stage) leave(l engine.List) *leaving {
	o := &leaving{v: make([]float64, len(s.training.items)), items: s.items, diagonal: s.diagonal}
	row := s.row(l, s.seat) // with the root of the list's weight in it: then q is 1
	xv := 0.0
	for _, in := range row {
		p := s.matrix.Data[int(in.item)*s.matrix.Stride:][:len(o.v)]
		for i := range o.v {
			o.v[i] += in.weight * p[i]
		}
	}
	for _, in := range row {
		xv += in.weight * o.v[in.item]
	}
	o.g = 1 / max(1-xv, math.SmallestNonzeroFloat32)
	return o
}

// mixed spreads two numbers over 64 bits.
func mixed(a, b uint64) uint64 {
	h := a*0x9E3779B97F4A7C15 + b*0xBF58476D1CE4E5B9
	h = (h ^ h>>30) * 0x94D049BB133111EB
	return h ^ h>>31
}
