package model

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"

	"reko.moe/engine"
)

// Lists walks over the lists that a model learns from, in the same order each time. A list is the walker's again as soon as the
// next one is asked for.
type Lists func() iter.Seq2[engine.List, error]

// Options are the constants of training. Defaults are what measured best, see docs/adr.
type Options struct {
	Anime     int     // the most watched so many are learnt, 8,192 at most
	Inputs    Weights // of entries in training
	Ridge     float64 // added to the diagonal of the gram matrix
	Dropout   float64 // and so much of the diagonal itself: what dropping inputs at random would do
	Rows      float64 // a user with n inputs counts (n / mean n) to this power
	Kept      int     // weights of each input that stay, the largest
	Studied   int     // lists that the second stage learns from, at most
	Stage     boosting
	Newcomers int // trees of each forest of newcomers
	Enough    int // lists, of which a second stage can be grown

	Except func(engine.AnimeID) bool // anime that are not learnt, to see how well they are estimated; nil: none
}

// Defaults are the options that measured best.
func Defaults() Options {
	return Options{
		Anime: 6000, Inputs: Weights{Score: 0.3, Planned: 0.3, OnHold: 0.15, Dropped: 0.15},
		Ridge: 200, Dropout: 0.5, Rows: -0.5, Kept: 300, Studied: 3000,
		Stage: boosting{Trees: 100, Depth: 5, Rate: 0.15, Ridge: 5, Least: 100, Sample: 0.8, Columns: 0.5}, Newcomers: 100, Enough: 1000,
	}
}

// leastLists and leastWatchers bound what a model learns from: of fewer nothing can be said.
const (
	leastLists    = 20
	leastWatchers = 3
	newYears      = 1 // before the newest that is learnt, anime are new
)

// train learns which anime speak for which.
func train(ctx context.Context, lists Lists, c *engine.Catalogue, o Options, progress func(step string)) (*Model, error) {
	t := &training{options: o, catalogue: c, lists: lists}
	progress("counting who watched what")
	if err := t.count(ctx); err != nil {
		return nil, err
	}
	progress(fmt.Sprintf("adding up %d lists over %d anime", t.users, len(t.items)))
	if err := t.gram(ctx); err != nil {
		return nil, err
	}
	if err := t.liken(ctx); err != nil {
		return nil, err
	}
	progress(fmt.Sprintf("inverting a matrix of %d rows", len(t.items)))
	if err := t.invert(ctx); err != nil {
		return nil, err
	}
	progress("keeping what matters")
	m, err := t.prune(ctx, o.Kept)
	if err != nil {
		return nil, err
	}
	progress("growing the second stage")
	m.second, err = t.stage(ctx, m)
	return m, err
}

// training is a model in the making.
type training struct {
	options      Options
	catalogue    *engine.Catalogue
	lists        Lists
	items        []engine.AnimeID // that are learnt, ascending
	facts        []facts          // of items[i]
	rare         []engine.AnimeID // that are not learnt, ascending
	rareWatchers []float32
	backdrop     backdrop
	users        int
	inputs       float64        // mean number of inputs of a user
	matrix       blas64.General // gram matrix, lower triangle; then its inverse
	alike        likeness       // of items; the zero value when no second stage is grown
}

// count chooses the anime that are learnt, and gathers what all lists have in common.
func (t *training) count(ctx context.Context) error {
	var all []facts // by anime id
	var entries []int32
	watched := 0
	var types [animeTypes]int
	var statistics [len(engine.Statistics)]int
	for l, err := range t.lists() {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		t.users++
		s := scaleOf(l)
		for i := range l {
			e := &l[i]
			if t.catalogue.Anime(e.Anime) == nil {
				continue // nothing could be said of it, and an absurd id would make the table huge
			}
			if need := int(e.Anime) + 1; need > len(all) {
				all = append(all, make([]facts, need-len(all))...)
				entries = append(entries, make([]int32, need-len(entries))...)
			}
			if t.options.Inputs.of(e, s) != 0 {
				entries[e.Anime]++
			}
			all[e.Anime].add(e, s, 1)
			if e.Watched() {
				watched++
				types[typeOf(t.catalogue.Anime(e.Anime))]++
				for _, s := range t.catalogue.Statistics(e.Anime) {
					statistics[s]++
				}
			}
		}
	}
	if t.users < leastLists {
		return fmt.Errorf("%w: there are %d, and %d are needed", engine.ErrTooFew, t.users, leastLists)
	}
	for s, n := range statistics {
		t.backdrop.statistics[s] = float32(float64(n) / float64(max(watched, 1)))
	}
	for k, n := range types {
		t.backdrop.types[k] = float32(float64(n) / float64(max(watched, 1)))
	}
	for id := range all {
		if all[id].watchers >= leastWatchers && (t.options.Except == nil || !t.options.Except(engine.AnimeID(id))) {
			t.items = append(t.items, engine.AnimeID(id))
		}
	}
	slices.SortFunc(t.items, func(a, b engine.AnimeID) int {
		return cmp.Or(cmp.Compare(all[b].watchers, all[a].watchers), cmp.Compare(a, b))
	})
	t.items = t.items[:min(len(t.items), t.options.Anime, maxColumns)]
	if len(t.items) == 0 {
		return fmt.Errorf("%w: no anime is watched on %d of them or more", engine.ErrTooFew, leastWatchers)
	}
	slices.Sort(t.items)
	t.countRare(all)
	t.facts = make([]facts, len(t.items))
	inputs := 0.0
	for i, id := range t.items {
		t.facts[i] = all[id]
		inputs += float64(entries[id])
	}
	t.inputs = inputs / float64(t.users)
	return nil
}

// countRare notes who watched what is not learnt, but for what is new: few watched that because it is.
func (t *training) countRare(all []facts) {
	newest := 0.0
	for _, id := range t.items {
		newest = max(newest, yearOf(t.catalogue.Anime(id)))
	}
	for id := range all {
		a := t.catalogue.Anime(engine.AnimeID(id))
		if all[id].watchers == 0 || yearOf(a) > newest-newYears || t.options.Except != nil && t.options.Except(a.ID) {
			continue
		}
		if _, learnt := slices.BinarySearch(t.items, a.ID); !learnt {
			t.rare, t.rareWatchers = append(t.rare, a.ID), append(t.rareWatchers, all[id].watchers)
		}
	}
}

// invert regularises the gram matrix, and inverts it.
func (t *training) invert(ctx context.Context) error {
	for i := range t.items {
		d := &t.matrix.Data[i*t.matrix.Stride+i]
		*d += t.options.Ridge + t.options.Dropout**d
	}
	return invert(ctx, t.matrix)
}

// fit finds how what is known of the columns follows from how they are described.
func (m *Model) fit(c *engine.Catalogue) {
	m.popularity = lineThrough(len(m.columns), func(j int) (x, y float64, ok bool) {
		return sizeOf(c.Anime(m.columns[j])), m.facts[m.items[j]].popularity(), true
	})
	m.liked = lineThrough(len(m.columns), func(j int) (x, y float64, ok bool) {
		return c.Anime(m.columns[j]).Mean, m.facts[m.items[j]].liked(), true
	})
}

// prune keeps of each input the so many largest weights towards anime that can be recommended. The weight of input i for
// anime j is -p_ij / p_jj, p being the inverse (Steck, “Embarrassingly shallow autoencoders for sparse data”, 2019).
func (t *training) prune(ctx context.Context, kept int) (*Model, error) {
	n := len(t.items)
	m := &Model{inputs: t.items, facts: t.facts, backdrop: t.backdrop, rare: t.rare, watchers: t.rareWatchers, alike: t.alike}
	var columns []int
	for j, id := range t.items {
		if a := t.catalogue.Anime(id); a != nil && a.HasMean() && a.Parent == 0 {
			columns = append(columns, j)
			m.columns = append(m.columns, id)
		}
	}
	m.seat()
	m.fit(t.catalogue)
	m.kept = min(kept, len(columns))
	m.scales = make([]float32, n)
	m.places = make([]uint16, n*m.kept)
	m.weights = make([]int8, n*m.kept)
	return m, parallel(ctx, n, func(i int) { t.pruneRow(m, i, columns) })
}

// pruneRow keeps the largest weights of an input.
func (t *training) pruneRow(m *Model, i int, columns []int) {
	row := make([]float64, len(columns))
	order := make([]uint16, len(columns))
	p := t.matrix.Data[i*t.matrix.Stride:]
	largest := 0.0
	for k, j := range columns {
		order[k] = uint16(k)
		if i != j {
			row[k] = -p[j] / t.matrix.Data[j*t.matrix.Stride+j]
			largest = max(largest, math.Abs(row[k]))
		}
	}
	if largest == 0 {
		return
	}
	if m.kept < len(columns) {
		slices.SortFunc(order, func(a, b uint16) int {
			return cmp.Or(cmp.Compare(math.Abs(row[b]), math.Abs(row[a])), cmp.Compare(a, b))
		})
	}
	best := order[:m.kept]
	m.scales[i] = float32(largest / math.MaxInt8)
	slices.Sort(best)
	for k, column := range best {
		m.places[i*m.kept+k] = column
		m.weights[i*m.kept+k] = int8(math.Round(row[column] / float64(m.scales[i])))
	}
}
