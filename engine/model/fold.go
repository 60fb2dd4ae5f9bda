package model

import (
	"cmp"
	"math"
	"slices"

	"reko.moe/engine"
)

// serving are the weights with which a list is folded in. They differ from those of training, see docs/adr.
var serving = Weights{Score: 0.15, Planned: 0.4, OnHold: 0.3, Dropped: 0.3}

// How many candidates the second stage looks at, those that come first by the sums: to serve, and to learn from. More than served
// change nothing on the first page.
const (
	reranked = 100
	studied  = 200
)

// niche is a step of the taste for the unusual.
type niche struct {
	choosing float64 // what popularity costs more when candidates are chosen: the factor of its logarithm
	ranking  float64 // and when they are compared
}

// niches are the steps from -[engine.MaxNiche] on. The one in the middle is what the second stage is trained with.
var niches = [2*engine.MaxNiche + 1]niche{{-0.25, -0.3}, {-0.125, -0.15}, {0, 0}, {0.25, 0.3}, {0.4, 0.45}}

// What popularity costs when candidates are chosen: of a newcomer's list, which says little, the popular ones are the better guess.
const (
	costNewcomer = -0.25
	costUsual    = 0.25
	costsFrom    = 20 // watched entries
	costsTo      = 50
)

// leastApart is the deviation of sums below which they are all the same.
const leastApart = 1e-6

// fold is a list as a model reads it.
type fold struct {
	model     *Model
	catalogue *engine.Catalogue
	seen      *seen // of the catalogue
	list      engine.List
	scorer    *Scorer     // of list; nil until somebody asks
	inputs    []input     // all entries that say something
	removed   []input     // those of them that are to have no influence
	sums      sums        // by column: what all inputs say
	unit      float64     // what makes sums comparable between users: 1 / their standard deviation
	viewer    viewer      // of the list
	choices   []choice    // what Matches was asked for
	order     []int32     // of choices: those that come first, the first first
	looked    []candidate // of order
	targets   targets     // all 0 between calls
	hits      []uint16    // memory
	rows      []features
	values    []float32
	binning   binning
	foreseen  []foreseen // of a newcomer's list, as all that follows: the columns that come first
	ahead     sums       // by column: what these say, or what is taken out
	own       direction  // where the list is, times the weight of its inputs
	weight    float64

	leaving *leaving // in training: how the model would be without this list; nil: as it is
}

// sums are numbers by column.
type sums [maxColumns]float64

// folds has folds that were released.
var folds engine.Spares[fold]

// Fold implements [engine.Model].
func (m *Model) Fold(l engine.List, c *engine.Catalogue, without []engine.AnimeID) engine.Fold {
	return m.fold(l, c, without, nil)
}

func (m *Model) fold(l engine.List, c *engine.Catalogue, without []engine.AnimeID, leaving *leaving) *fold {
	f := folds.Get()
	f.model, f.catalogue, f.seen, f.list, f.leaving = m, c, m.see(c), l, leaving
	f.inputs, f.removed = f.inputs[:0], f.removed[:0]
	clear(f.sums[:len(m.columns)])
	f.viewer.read(l, m, f.seen)
	for k := range l {
		e := &l[k]
		i, ok := m.inputOf(e.Anime)
		if !ok {
			continue
		}
		x := serving.of(e, f.viewer.scale)
		if x == 0 {
			continue
		}
		in := input{item: int32(i), weight: x, part: partOf(e), status: e.Status}
		f.inputs = append(f.inputs, in)
		if slices.Contains(without, e.Anime) {
			f.removed = append(f.removed, in)
		}
		f.add(&f.sums, i, x)
	}
	f.unit = 1
	if d := deviation(f.sums[:len(m.columns)]); d > leastApart {
		f.unit = 1 / d
	}
	return f
}

// Release implements [engine.Fold].
func (f *fold) Release() {
	f.viewer.forget()
	clear(f.targets[:len(f.model.columns)]) // a panic may have left some
	f.model, f.catalogue, f.seen, f.list, f.scorer, f.leaving = nil, nil, nil, nil, nil, nil
	f.order, f.looked = f.order[:0], f.looked[:0]
	folds.Put(f)
}

// add adds to sums what an input of weight x says.
func (f *fold) add(sums *sums, i int, x float64) {
	if f.leaving != nil {
		f.leaving.add(sums[:], i, x)
		return
	}
	places, weights, scale := f.model.row(i)
	sums.add(places, weights, x*scale)
}

// add adds weights at places, x times each.
func (s *sums) add(places []uint16, weights []int8, x float64) {
	weights = weights[:len(places)]
	for k, j := range places {
		s[j&(maxColumns-1)] += x * float64(weights[k])
	}
}

// deviation is the standard deviation of values.
func deviation(values []float64) float64 {
	sum, squares := 0.0, 0.0
	for _, v := range values {
		sum += v
		squares += v * v
	}
	n := max(float64(len(values)), 1)
	return math.Sqrt(max(0, squares/n-sum/n*sum/n))
}

// choice is an anime that may come first.
type choice struct {
	id         engine.AnimeID
	column     int32 // -1: it was not learnt
	popularity float64
	sum        float64 // what the list says for it
	linear     float64 // the same in standard deviations, less the cost of popularity
}

// Matches implements [engine.Fold].
func (f *fold) Matches(dst []float64, anime []engine.AnimeID, step int) []float64 {
	n := niches[min(max(step, -engine.MaxNiche), engine.MaxNiche)+engine.MaxNiche]
	from := len(dst)
	f.choose(anime, f.cost(n.choosing))
	for i := range f.choices {
		dst = append(dst, f.choices[i].linear)
	}
	if f.model.second != nil && len(anime) > 0 {
		f.rerank(dst[from:], n.ranking)
	}
	f.remove(dst[from:], anime)
	return dst
}

// cost is what popularity costs when candidates are chosen, more by so much.
func (f *fold) cost(more float64) float64 {
	known := min(max((f.viewer.watched-costsFrom)/(costsTo-costsFrom), 0), 1)
	return costNewcomer + known*(costUsual-costNewcomer) + more
}

// linear is what the list says for an anime in standard deviations, less the cost of its popularity.
func (f *fold) linear(sum, popularity, cost float64) float64 { return sum*f.unit - cost*popularity }

// choose makes choices of anime, with their sums.
func (f *fold) choose(anime []engine.AnimeID, cost float64) {
	f.choices = slices.Grow(f.choices[:0], len(anime))[:len(anime)]
	m := f.model
	for i, id := range anime {
		k := &f.choices[i]
		k.id = id
		if j, ok := m.columnOf(id); ok {
			k.column, k.sum, k.popularity = int32(j), f.sums[j], m.popular[m.items[j]]
		} else {
			kin := m.kinOf(id, f.seen)
			k.column, k.sum, k.popularity = -1, kin.sum(&f.sums), kin.popularity
		}
		k.linear = f.linear(k.sum, k.popularity, cost)
	}
}

// rerank gives the choices that come first new matches by the second stage. Those of the others follow below, in their order.
func (f *fold) rerank(matches []float64, cost float64) {
	f.first(matches, reranked)
	f.inspect()
	n := len(f.looked)
	best := f.looked[0].linear
	f.rows = slices.Grow(f.rows[:0], n)[:n]
	f.values = slices.Grow(f.values[:0], 4*n)[:4*n]
	watched, liked := f.values[:n], f.values[n:2*n]
	for place := range f.looked {
		f.featuresOf(&f.looked[place], place, best, &f.rows[place])
	}
	second := f.model.second
	second.both.values(&f.binning, f.rows, watched, liked)
	if share := newcomer(f.viewer.watched); share > 0 && second.newcomers != nil {
		f.foresee()
		for place := range f.looked {
			f.prospectsOf(&f.looked[place], &f.rows[place])
		}
		more := f.values[2*n:]
		second.newcomers.both.values(&f.binning, f.rows, more[:n], more[n:])
		for i, v := range more {
			f.values[i] += float32(share) * v
		}
	}
	floor := math.Inf(1)
	for place := range f.looked {
		k := &f.looked[place]
		k.worth = second.worth(float64(watched[place]), float64(liked[place]), related(&f.rows[place])) - cost*k.popularity
		floor = min(floor, k.worth)
	}
	lower := floor - f.looked[n-1].linear
	for i := range matches {
		matches[i] += lower
	}
	for place, i := range f.order {
		matches[i] = f.looked[place].worth
	}
}

// first writes the places of the n choices that come first to f.order, the first first; ties by anime id. It keeps the n that are
// first so far as a heap, the last of them on top, since most choices come after all of these.
func (f *fold) first(matches []float64, n int) {
	before := func(a, b int32) bool {
		if matches[a] != matches[b] {
			return matches[a] > matches[b]
		}
		return f.choices[a].id < f.choices[b].id
	}
	n = min(n, len(matches))
	order := slices.Grow(f.order[:0], n)[:n]
	for i := range order {
		order[i] = int32(i)
	}
	sink := func(at int) {
		for {
			child := 2*at + 1
			if child >= n {
				return
			}
			if child+1 < n && before(order[child], order[child+1]) {
				child++
			}
			if !before(order[at], order[child]) {
				return
			}
			order[at], order[child] = order[child], order[at]
			at = child
		}
	}
	for at := n/2 - 1; at >= 0; at-- {
		sink(at)
	}
	for i := int32(n); int(i) < len(matches); i++ {
		if n > 0 && before(i, order[0]) {
			order[0] = i
			sink(0)
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		if by := cmp.Compare(matches[b], matches[a]); by != 0 {
			return by
		}
		return cmp.Compare(f.choices[a].id, f.choices[b].id)
	})
	f.order = order
}

// remove takes what was said by inputs that are to have no influence out of matches: each falls by exactly the weights that
// Because tells of them. All else, the choice of candidates and the habits of the list, stays as it is.
func (f *fold) remove(matches []float64, anime []engine.AnimeID) {
	if len(f.removed) == 0 {
		return
	}
	said := &f.ahead // of no more use by now; on the stack it would make every goroutine's twice as large
	clear(said[:len(f.model.columns)])
	for _, in := range f.removed {
		places, weights, scale := f.model.row(int(in.item))
		said.add(places, weights, in.weight*scale)
	}
	for i, id := range anime {
		if j, ok := f.model.columnOf(id); ok {
			matches[i] -= said[j] * f.unit
		}
	}
}

// Expected implements [engine.Fold].
func (f *fold) Expected(a *engine.Anime) float64 {
	if f.model.scores == nil {
		return 0
	}
	if f.scorer == nil {
		f.scorer = f.model.scores.For(f.list, f.catalogue)
	}
	score, _ := f.scorer.Predict(a.ID)
	return score
}
