package model

import (
	"iter"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"

	"reko.moe/engine"
)

// trained is a first stage up to its inverse.
func (w *ideas) trained(b *testing.B, o Options, c *engine.Catalogue, lists Lists) *training {
	b.Helper()
	t := &training{options: o, catalogue: c, lists: lists}
	if err := t.count(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := t.gram(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := t.liken(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := t.invert(b.Context()); err != nil {
		b.Fatal(err)
	}
	return t
}

// recipe is the first stage as it is.
func (w *ideas) recipe(b *testing.B) *training {
	b.Helper()
	if w.learnt == nil {
		w.learnt = w.trained(b, Defaults(), w.catalogue, w.lists)
	}
	return w.learnt
}

// first is its model, with so many weights kept.
func (w *ideas) first(b *testing.B, kept int) *Model {
	b.Helper()
	return pruned(b, w.recipe(b), kept)
}

func pruned(b *testing.B, t *training, kept int) *Model {
	b.Helper()
	m, err := t.prune(b.Context(), kept)
	if err != nil {
		b.Fatal(err)
	}
	return m
}

// fewer anime are learnt where that is enough to compare, in an eighth of the time.
const fewer = 3000

func fewerOptions() Options {
	o := Defaults()
	o.Anime = fewer
	return o
}

// firstIdeas are about the first stage, alone. Those that learn, learn fewer anime: they are to be compared with first-3000.
var firstIdeas = []idea{
	{"first", func(b *testing.B, w *ideas) matching { return w.by(w.first(b, kept)) }},
	{"first-nothing-unlearnt", func(b *testing.B, w *ideas) matching {
		m := w.first(b, kept)
		return w.onlyLearnt(w.by(m), m)
	}},
	{"first-kept-50", func(b *testing.B, w *ideas) matching { return w.by(w.first(b, 50)) }},
	{"first-weights-of-training", func(b *testing.B, w *ideas) matching {
		m, as := w.by(w.first(b, kept)), Defaults().Inputs
		return func(l engine.List, anime []*engine.Anime) []float64 {
			defer func(old Weights) { serving = old }(serving)
			serving = as
			return m(l, anime)
		}
	}},
	{"first-nothing-within-franchises", func(b *testing.B, w *ideas) matching {
		m := w.first(b, kept)
		for i, id := range m.inputs {
			places, weights, _ := m.row(i)
			for k, j := range places {
				if w.catalogue.Franchise(m.columns[j]) == w.catalogue.Franchise(id) {
					weights[k] = 0
				}
			}
		}
		return w.by(m)
	}},
	quality("quality-ease", Options{Ridge: 400}, Weights{}, 0),
	quality("quality-rows-and-dropout", Options{Ridge: 200, Dropout: 0.5, Rows: -0.5}, Weights{}, 0),
	quality("quality-scores", Options{Ridge: 200, Dropout: 0.5, Rows: -0.5, Inputs: Weights{Score: 0.3}}, Weights{Score: 0.3}, 0),
	quality("quality-planned", Defaults(), Weights{Score: 0.15, Planned: 0.4, OnHold: 0.3, Dropped: 0.3}, 0.5),
	variant("first-3000", func(*Options) {}),
	variant("first-3000-ridge-400", func(o *Options) { o.Ridge = 400 }),
	variant("first-3000-no-dropout", func(o *Options) { o.Dropout = 0 }),
	variant("first-3000-all-lists-weigh-the-same", func(o *Options) { o.Rows = 0 }),
	variant("first-3000-scores-do-not-count", func(o *Options) { o.Inputs.Score = 0 }),
	variant("first-3000-only-watched", func(o *Options) { o.Inputs = Weights{Score: o.Inputs.Score} }),
	{"first-3000-franchises-once", func(b *testing.B, w *ideas) matching {
		m := w.by(pruned(b, w.trained(b, fewerOptions(), w.catalogue, changed(w.lists, w.franchisesOnce)), kept))
		return func(l engine.List, anime []*engine.Anime) []float64 { return m(w.franchisesOnce(l), anime) }
	}},
	{"first-3000-planned-apart", plannedApart},
	{"first-3000-regression-watched", func(b *testing.B, w *ideas) matching {
		return w.regression(b, func(e *engine.Entry, _ scale) bool { return e.Watched() })
	}},
	{"first-3000-regression-liked", func(b *testing.B, w *ideas) matching {
		return w.regression(b, func(e *engine.Entry, s scale) bool { return e.Watched() && float64(e.Score) >= max(7, s.mean) })
	}},
}

// quality is a row of QUALITY.md: 6,000 anime learnt with some options, all weights kept, lists folded in by some weights, and what
// popularity costs. What was not learnt comes last.
func quality(name string, o Options, as Weights, cost float64) idea {
	return idea{name, func(b *testing.B, w *ideas) matching {
		all := Defaults()
		all.Ridge, all.Dropout, all.Rows, all.Inputs = o.Ridge, o.Dropout, o.Rows, o.Inputs
		m := pruned(b, w.trained(b, all, w.catalogue, w.lists), all.Anime)
		return w.onlyLearnt(func(l engine.List, anime []*engine.Anime) []float64 {
			defer func(old Weights) { serving = old }(serving)
			serving = as
			f := m.fold(l, w.catalogue, nil, nil)
			defer f.Release()
			f.choose(engine.IDs(anime), cost)
			values := make([]float64, len(anime))
			for i := range f.choices {
				values[i] = f.choices[i].linear
			}
			return values
		}, m)
	}}
}

// onlyLearnt puts anime that a model has not learnt last.
func (w *ideas) onlyLearnt(matches matching, m *Model) matching {
	return func(l engine.List, anime []*engine.Anime) []float64 {
		var learnt []*engine.Anime
		var at []int
		all := make([]float64, len(anime))
		for i, a := range anime {
			all[i] = math.Inf(-1)
			if _, is := m.columnOf(a.ID); is {
				learnt, at = append(learnt, a), append(at, i)
			}
		}
		for k, value := range matches(l, learnt) {
			all[at[k]] = value
		}
		return all
	}
}

// variant is the recipe with other options.
func variant(name string, change func(*Options)) idea {
	return idea{name, func(b *testing.B, w *ideas) matching {
		o := fewerOptions()
		change(&o)
		return w.by(pruned(b, w.trained(b, o, w.catalogue, w.lists), o.Kept))
	}}
}

// changed walks over lists as change leaves them.
func changed(lists Lists, change func(engine.List) engine.List) Lists {
	return func() iter.Seq2[engine.List, error] {
		return func(yield func(engine.List, error) bool) {
			for l, err := range lists() {
				if !yield(change(l), err) {
					return
				}
			}
		}
	}
}

// franchisesOnce leaves of the watched entries of a franchise the first.
func (w *ideas) franchisesOnce(l engine.List) engine.List {
	seen := map[engine.AnimeID]bool{}
	var once engine.List
	for i := range l {
		franchise := w.catalogue.Franchise(l[i].Anime)
		if !l[i].Watched() || !seen[franchise] {
			once = append(once, l[i])
		}
		seen[franchise] = seen[franchise] || l[i].Watched()
	}
	return once
}

// plannedApart learns what planned entries speak for beside what the same entries, watched, do: as anime of their own, which nothing
// speaks for.
func plannedApart(b *testing.B, w *ideas) matching {
	const apart = 1 << 17
	var all []engine.Anime
	for a := range w.catalogue.All() {
		other := *a
		other.ID, other.Mean = a.ID+apart, 0
		all = append(all, *a, other)
	}
	c := engine.NewCatalogue(all)
	move := func(l engine.List) engine.List {
		l = slices.Clone(l)
		for i := range l {
			if e := &l[i]; e.Status == engine.Planned {
				*e = engine.Entry{Anime: e.Anime + apart, Status: engine.Completed, Episodes: 1}
			}
		}
		return l
	}
	o := fewerOptions()
	plain := &training{options: o, catalogue: w.catalogue, lists: w.lists}
	if err := plain.count(b.Context()); err != nil {
		b.Fatal(err)
	}
	o.Anime = 2 * fewer
	o.Except = func(id engine.AnimeID) bool {
		_, learnt := slices.BinarySearch(plain.items, id%apart)
		return !learnt
	}
	m := pruned(b, w.trained(b, o, c, changed(w.lists, move)), o.Kept)
	return func(l engine.List, anime []*engine.Anime) []float64 {
		f := m.Fold(move(l), c, nil)
		defer f.Release()
		return f.Matches(nil, engine.IDs(anime), 0)
	}
}

// regression learns from weighted inputs which entries are wanted, where the autoencoder learns the inputs themselves: B = P C, with C
// the gram matrix of inputs and what is wanted, and the diagonal of B forced to 0.
func (w *ideas) regression(b *testing.B, wanted func(*engine.Entry, scale) bool) matching {
	b.Helper()
	o := fewerOptions()
	t := w.trained(b, o, w.catalogue, w.lists)
	n, seat := len(t.items), t.seats()
	cross, product := squareOf(n), squareOf(n)
	for l := range w.each() {
		row, s := t.row(l, seat), scaleOf(l)
		if len(row) == 0 {
			continue
		}
		root := t.rowWeight(len(row))
		for i := range l {
			e := &l[i]
			if int(e.Anime) >= len(seat) || seat[e.Anime] == 0 || !wanted(e, s) {
				continue
			}
			into := cross.Data[int(seat[e.Anime]-1)*n:]
			for _, in := range row {
				into[in.item] += root * in.weight
			}
		}
	}
	blas64.Gemm(blas.NoTrans, blas.Trans, 1, t.matrix, cross, 0, product)
	for j := range n {
		p, own := t.matrix.Data[j*n+j], product.Data[j*n+j]
		for i := range n {
			if i != j {
				at := i*n + j
				product.Data[at] = -(product.Data[at] - t.matrix.Data[at]*own/p)
			}
		}
	}
	for j := range n {
		product.Data[j*n+j] = 1 // prune divides by it
	}
	t.matrix = product
	return w.by(pruned(b, t, o.Kept))
}
