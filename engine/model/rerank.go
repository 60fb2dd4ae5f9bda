package model

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"reko.moe/engine"
)

// leaving are the weights as they would be without a list that the model learnt from. With x the list's
// inputs, q its weight and P the inverse, v = P x and P' = P + g v vᵀ, g = q / (1 - q xᵀv) (Sherman and Morrison, “Adjustment of an
// inverse matrix corresponding to a change in one element of a given matrix”, 1950): an exact correction but for the scaling of the
// row weights and the dropout. Without it the second stage would learn to trust what the first knows by heart.
// All weights are there, not only the largest, which serve: those are so large in part because of the very list that is left out, and no
// correction can undo that choice.
type leaving struct {
	*stage
	v     []float64 // by item
	g     float64
	share []float64 // by column: -1 / p'_jj
}

// leastLeft is what has to be left of 1 by what a list says of itself.
const leastLeft = 1e-6

// weight is that of input i for column j.
func (o *leaving) weight(i, j int) float64 {
	item := int(o.model.items[j])
	if item == i {
		return 0 // nothing speaks for itself
	}
	return (o.matrix.Data[i*o.matrix.Stride+item] + o.g*o.v[i]*o.v[item]) * o.share[j]
}

// add adds to sums what input i says when it weighs x.
func (o *leaving) add(sums []float64, i int, x float64) {
	row, gv := o.matrix.Data[i*o.matrix.Stride:], o.g*o.v[i]
	for j, item := range o.model.items {
		if int(item) != i {
			sums[j] += x * (row[item] + gv*o.v[item]) * o.share[j]
		}
	}
}

// second is the second stage: what it says of the candidates that come first by their sums. It is immutable and safe for concurrent
// use.
type second struct {
	watched *forest    // that somebody would watch it, in log odds
	liked   *forest    // and like it
	both    *binned    // the same
	more    [2]float64 // how much more it is worth to find what is liked, where the list has nothing related, and something
}

// newSecond puts a second stage together. It fails when the forests ask for more than bins can tell, which none that was grown does.
func newSecond(watched, liked *forest) (s *second, ok bool) {
	both, ok := newBinned(watched, liked)
	return &second{watched, liked, both, usualMore}, ok
}

// usualMore counts what is liked for more where the list has something related, which is likely to be watched anyway. usuallyLiked is
// the share of what is watched that is liked, so that both kinds are worth the same on the whole.
var usualMore = [2]float64{1, 2}

const usuallyLiked = 0.6

// worth is what a candidate is likely to be worth on a page, in log odds: the sum of the chances that it is watched, and liked.
func (s *second) worth(watched, liked float64, related bool) float64 {
	more := s.more[0]
	if related {
		more = s.more[1]
	}
	chance := func(odds float64) float64 { return 1 / (1 + math.Exp(-odds)) }
	const most, least = 1.5, 1e-12 // of which the sum is always less
	w := max((chance(watched)+more*chance(liked))/(1+more*usuallyLiked)/most, least)
	return math.Log(w / (1 - w))
}

// The lists that the second stage learns from, and how it grows.
const (
	leastHeld = 20  // watched entries of a list that is learnt from
	heldShare = 5   // every so many of these are held out
	cutEvery  = 2   // every so many lists are learnt from a second time, cut to a newcomer's length
	cutWeight = 0.3 // by which those count less
)

// cuts are the lengths of newcomers' lists.
var cuts = [...]int{5, 10, 20}

// stage grows the second stage from the lists of every so many users: it holds out a fifth of what they watched and learns to tell
// it from the other candidates.
func (t *training) stage(ctx context.Context, m *Model) (*second, error) {
	if t.users < t.options.Enough {
		return nil, nil
	}
	s := t.newStage(m)
	if err := s.collect(ctx); err != nil || len(s.rows) == 0 {
		return nil, err
	}
	return s.grow(ctx)
}

// grow grows the forests from what was collected, which it forgets.
func (s *stage) grow(ctx context.Context) (*second, error) {
	columns := func(f int, into []float32) {
		for r := range into {
			into[r] = s.rows[r][f]
		}
	}
	table, err := newTable(ctx, len(s.rows), featureCount, columns)
	if err != nil {
		return nil, err
	}
	s.rows = nil
	watched, err := grow(ctx, table, logistic, s.watched, s.weights, s.options.Stage)
	if err != nil {
		return nil, err
	}
	liked, err := grow(ctx, table, logistic, s.liked, s.weights, s.options.Stage)
	if err != nil {
		return nil, err
	}
	out, ok := newSecond(watched, liked)
	if !ok {
		return nil, errThresholds
	}
	return out, nil
}

var errThresholds = errors.New("the second stage has more thresholds than bins")

// examples are rows that the second stage learns from.
type examples struct {
	rows    [][featureCount]float32
	watched []float32 // by row: 1 if it was held out
	liked   []float32 // and liked
	weights []float32
}

func (e *examples) add(o examples) {
	e.rows, e.weights = append(e.rows, o.rows...), append(e.weights, o.weights...)
	e.watched, e.liked = append(e.watched, o.watched...), append(e.liked, o.liked...)
}

// stage is a second stage in the making.
type stage struct {
	*training
	examples
	model   *Model                     // the first stage
	leaving func(engine.List) *leaving // how that would be without a list; nil: as it is
	seat    []int32
}

// newStage prepares a second stage.
func (t *training) newStage(m *Model) *stage {
	s := &stage{training: t, model: m, seat: t.seats()}
	s.leaving = s.leave
	return s
}

// collect describes the candidates of the lists that the second stage learns from.
func (s *stage) collect(ctx context.Context) error {
	every := (s.users + s.options.Studied - 1) / s.options.Studied
	var batch []engine.List
	n := 0
	for l, err := range s.lists() {
		if err != nil {
			return err
		}
		if n++; n%every == 0 && l.Watched() >= leastHeld {
			batch = append(batch, slices.Clone(l))
		}
		if len(batch) == batchSize {
			if err := s.learn(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return s.learn(ctx, batch)
}

// learn adds the candidates of some lists, in their order.
func (s *stage) learn(ctx context.Context, lists []engine.List) error {
	found := make([]examples, len(lists))
	err := parallel(ctx, len(lists), func(n int) {
		leaving := s.leaving(lists[n])
		found[n] = s.candidates(lists[n], leaving, 0)
		if n%cutEvery == 0 {
			found[n].add(s.candidates(lists[n], leaving, cuts[n/cutEvery%len(cuts)]))
		}
	})
	for _, f := range found {
		s.add(f)
	}
	return err
}

// candidates holds out a fifth of what is watched on a list, folds in the rest, and describes those that come first. A cut leaves so
// many of the watched entries and, of every second list, nothing else; 0 leaves all.
func (s *stage) candidates(l engine.List, leaving *leaving, cut int) (e examples) {
	var foldIn engine.List
	held := map[engine.AnimeID]*engine.Entry{}
	aside := map[engine.AnimeID]bool{}
	left, weight := cut, float32(1)
	if cut > 0 {
		weight = cutWeight
	}
	alone := cut > 0 && len(l)%2 == 0
	for _, i := range shuffled(l) {
		entry := &l[i]
		switch {
		case entry.Watched() && mixed(uint64(entry.Anime), uint64(len(l)))%heldShare == 0: // as good as at random
			held[entry.Anime] = entry
		case cut > 0 && entry.Watched() && left == 0, alone && !entry.Watched():
			aside[entry.Anime] = true
		default:
			if entry.Watched() {
				left--
			}
			foldIn = append(foldIn, *entry)
		}
	}
	m := s.model
	f := m.fold(foldIn, s.catalogue, nil, leaving)
	defer f.Release()
	enough := likedFrom(foldIn)
	for i := range foldIn {
		aside[foldIn[i].Anime] = true
	}
	var anime []engine.AnimeID
	for _, id := range m.columns {
		if !aside[id] && s.catalogue.Anime(id) != nil {
			anime = append(anime, id)
		}
	}
	cost := f.cost(0)
	f.choose(anime, cost)
	all := scaleOf(l)
	matches := make([]float64, len(anime))
	for i := range f.choices {
		k := &f.choices[i]
		if h := held[k.id]; h != nil { // what this list itself adds to the facts is not known of others
			known := m.facts[m.items[k.column]]
			known.add(h, all, -1)
			k.popularity = known.popularity()
			k.linear = k.sum*f.unit - cost*k.popularity
		}
		matches[i] = k.linear
	}
	f.first(matches, studied)
	f.inspect()
	e = examples{make([][featureCount]float32, len(f.order)), make([]float32, len(f.order)), make([]float32, len(f.order)), make([]float32, len(f.order))}
	var x features
	for place := range f.looked {
		k := &f.looked[place]
		h := held[k.id]
		if h != nil {
			k.facts.add(h, all, -1)
		}
		f.featuresOf(k, place, f.looked[0].linear, &x)
		for feature := range e.rows[place] {
			e.rows[place][feature] = fromOrdinal(x[feature])
		}
		e.weights[place] = weight
		if h != nil {
			e.watched[place] = 1
			if float64(h.Score) >= enough {
				e.liked[place] = 1
			}
		}
	}
	return e
}

// shuffled are the places of a list's entries in an order that has nothing to do with what they are.
func shuffled(l engine.List) []int {
	order := make([]int, len(l))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Compare(mixed(uint64(l[a].Anime), uint64(len(l))+1), mixed(uint64(l[b].Anime), uint64(len(l))+1))
	})
	return order
}

// likedFrom is the score from which an entry counts as liked by the user of a list: the mean, and at least 7.
func likedFrom(l engine.List) float64 { return max(7, scaleOf(l).mean) }

// leave makes the correction for a list that was learnt from.
func (s *stage) leave(l engine.List) *leaving {
	o := &leaving{stage: s, v: make([]float64, s.matrix.Rows), share: make([]float64, len(s.model.items))}
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
	if left := 1 - xv; left > leastLeft { // else it is another list by now than the one that was learnt from
		o.g = 1 / left
	}
	for j, item := range s.model.items {
		o.share[j] = -1 / (s.matrix.Data[int(item)*(s.matrix.Stride+1)] + o.g*o.v[item]*o.v[item])
	}
	return o
}
