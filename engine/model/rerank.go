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
	pair
	newcomers *pair      // what is added to that for a newcomer; nil: nothing
	more      [2]float64 // how much more it is worth to find what is liked, where the list has nothing related, and something
}

// pair are the forests of a second stage.
type pair struct {
	watched *forest // that somebody would watch it, in log odds
	liked   *forest // and like it
	both    *binned // the same
}

// newPair puts two forests together. It fails when they ask for more than bins can tell, which none that was grown does.
func newPair(watched, liked *forest) (p pair, ok bool) {
	both, ok := newBinned(watched, liked)
	return pair{watched, liked, both}, ok
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
	leastHeld = 20 // watched entries of a list that is learnt from
	heldShare = 5  // every so many of these are held out
	fewHeld   = 80 // watched entries, of fewer than which the newcomers' forests learn from lists as they are
	fewAmong  = 5  // times as many lists are looked through for these: a third of all are so short
)

// cuts are the lengths to which lists are cut for newcomers' forests, each to both of a pair.
var cuts = [...][2]int{{5, 20}, {10, 40}}

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
	usual, err := s.examples.grow(ctx, nil, s.options.Stage)
	if err != nil {
		return nil, err
	}
	out := &second{pair: usual, more: usualMore}
	if o := s.options.Stage; s.options.Newcomers > 0 {
		o.Trees = s.options.Newcomers
		newcomers, err := s.newcomers.grow(ctx, &usual, o)
		if err != nil {
			return nil, err
		}
		out.newcomers = &newcomers
	}
	return out, nil
}

// grow grows a pair of forests, on top of another if there is one, and forgets the rows.
func (e *examples) grow(ctx context.Context, on *pair, o boosting) (p pair, err error) {
	said := [2][]float64{}
	if on != nil {
		if said, err = e.said(ctx, on); err != nil {
			return p, err
		}
	}
	table, err := newTable(ctx, len(e.rows), featureCount, func(f int, into []float32) {
		for r := range into {
			into[r] = e.rows[r][f]
		}
	})
	if err != nil {
		return p, err
	}
	e.rows = nil
	watched, err := grow(ctx, table, logistic, e.watched, e.weights, said[0], o)
	if err != nil {
		return p, err
	}
	liked, err := grow(ctx, table, logistic, e.liked, e.weights, said[1], o)
	if err != nil {
		return p, err
	}
	p, ok := newPair(watched, liked)
	if !ok {
		return p, errThresholds
	}
	return p, nil
}

// said is what the forests of a pair say of the rows.
func (e *examples) said(ctx context.Context, p *pair) (said [2][]float64, err error) {
	for k := range said {
		said[k] = make([]float64, len(e.rows))
	}
	const some = 1 << 10
	err = parallel(ctx, (len(e.rows)+some-1)/some, func(n int) {
		var m binning
		from := n * some
		of := e.rows[from:min(from+some, len(e.rows))]
		rows := make([]features, len(of))
		for r := range of {
			for f, v := range of[r] {
				rows[r][f] = ordinal(v)
			}
		}
		watched, liked := make([]float32, len(of)), make([]float32, len(of))
		p.both.values(&m, rows, watched, liked)
		for r := range of {
			said[0][from+r], said[1][from+r] = float64(watched[r]), float64(liked[r])
		}
	})
	return said, err
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
	newcomers examples                   // that newcomers' forests learn from
	model     *Model                     // the first stage
	leaving   func(engine.List) *leaving // how that would be without a list; nil: as it is
	seat      []int32
}

// newStage prepares a second stage.
func (t *training) newStage(m *Model) *stage {
	s := &stage{training: t, model: m, seat: t.seats()}
	s.leaving = s.leave
	return s
}

// collect describes the candidates of the lists that the second stage learns from.
func (s *stage) collect(ctx context.Context) error {
	every := s.every(s.options.Studied)
	err := s.learn(ctx, func(n int, _ engine.List) bool { return n%every == 0 }, s.usual)
	if err != nil || s.options.Newcomers == 0 {
		return err
	}
	every = s.every(fewAmong * s.options.Studied)
	return s.learn(ctx, func(n int, l engine.List) bool { return n%every == 0 && l.Watched() < fewHeld }, s.few)
}

// every is which of all lists are looked at if so many can be.
func (s *stage) every(most int) int { return (s.users + most - 1) / most }

// learn adds what is found in the wanted of all lists, in their order. The first list is the number 1; of those that are found in, numbers
// begin at 0 again after batchSize.
func (s *stage) learn(ctx context.Context, wanted func(n int, l engine.List) bool, find func(n int, l engine.List, leaving *leaving) lesson) error {
	var batch []engine.List
	flush := func() error {
		found := make([]lesson, len(batch))
		err := parallel(ctx, len(batch), func(n int) { found[n] = find(n, batch[n], s.leaving(batch[n])) })
		for _, f := range found {
			s.add(f.usual)
			s.newcomers.add(f.newcomers)
		}
		batch = batch[:0]
		return err
	}
	n := 0
	for l, err := range s.lists() {
		if err != nil {
			return err
		}
		if n++; l.Watched() >= leastHeld && wanted(n, l) {
			batch = append(batch, slices.Clone(l))
		}
		if len(batch) == batchSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// lesson is what is found in a list.
type lesson struct{ usual, newcomers examples }

// usual finds what there is for everybody in the n-th list, and once it is cut, for newcomers.
func (s *stage) usual(n int, l engine.List, leaving *leaving) (found lesson) {
	found.usual = s.candidates(l, leaving, folding{studied: studied})
	if s.options.Newcomers > 0 {
		for _, cut := range cuts[n%len(cuts)] {
			found.newcomers.add(s.candidates(l, leaving, folding{cut: cut, studied: reranked, newcomer: true}))
		}
	}
	return found
}

// few finds what there is for newcomers in a short list as it is.
func (s *stage) few(_ int, l engine.List, leaving *leaving) lesson {
	return lesson{newcomers: s.candidates(l, leaving, folding{studied: reranked, newcomer: true})}
}

// folding is how a list is folded in to learn from it.
type folding struct {
	cut      int  // leaves so many of the watched entries and, of every second list, nothing else; 0: all is left
	studied  int  // candidates that are looked at
	newcomer bool // as newcomers' forests are asked
}

// candidates holds out a fifth of what is watched on a list, folds in the rest, and describes those that come first.
func (s *stage) candidates(l engine.List, leaving *leaving, by folding) (e examples) {
	var foldIn engine.List
	held := map[engine.AnimeID]*engine.Entry{}
	aside := map[engine.AnimeID]bool{}
	cut := by.cut
	left := cut
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
			k.linear = f.linear(k.sum, k.popularity, cost)
		}
		matches[i] = k.linear
	}
	f.first(matches, by.studied)
	f.inspect()
	if by.newcomer {
		f.foresee()
	}
	e = examples{make([][featureCount]float32, len(f.order)), make([]float32, len(f.order)), make([]float32, len(f.order)), make([]float32, len(f.order))}
	var x features
	for place := range f.looked {
		k := &f.looked[place]
		h := held[k.id]
		if h != nil {
			k.facts.add(h, all, -1)
		}
		f.featuresOf(k, place, f.looked[0].linear, &x)
		if by.newcomer {
			f.prospectsOf(k, &x)
		}
		for feature := range e.rows[place] {
			e.rows[place][feature] = fromOrdinal(x[feature])
		}
		if h != nil {
			e.watched[place] = 1
			if float64(h.Score) >= enough {
				e.liked[place] = 1
			}
		}
	}
	weight := 1.0
	if by.newcomer {
		found := 0.0
		for _, watched := range e.watched {
			found += float64(watched)
		}
		weight = newcomerWeight(found)
	}
	for place := range e.weights {
		e.weights[place] = float32(weight)
	}
	return e
}

// newcomerWeight is how much the candidates of a newcomer's list count, so many of which were held out. Long lists that are cut, in which
// there is much to be found, would else be all that counts beside those that really are short.
func newcomerWeight(found float64) float64 { return 4 / math.Sqrt(found+4) }

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
