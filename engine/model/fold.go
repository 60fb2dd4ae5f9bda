package model

import (
	"cmp"
	"math"
	"slices"
	"sync"

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
	newcomer     = 20 // watched entries
	usual        = 50
)

// leastApart is the deviation of sums below which they are all the same.
const leastApart = 1e-6

// fold is a list as a model reads it.
type fold struct {
	model     *Model
	catalogue *engine.Catalogue
	list      engine.List
	scorer    *Scorer     // of list; nil until somebody asks
	inputs    []input     // all entries that say something
	removed   []input     // those of them that are to have no influence
	sums      []float64   // by column: what all inputs say
	unit      float64     // what makes sums comparable between users: 1 / their standard deviation
	viewer    viewer      // of the list
	targets   []int32     // by column: 1 + its place among those that are looked at; all 0 between calls
	looked    []candidate // memory of Matches
	order     []int32
	rows      []features
	values    []float32

	leaving *leaving // in training: how the model would be without this list; nil: as it is
}

var folds = sync.Pool{New: func() any { return new(fold) }}

// Fold implements [engine.Model].
func (m *Model) Fold(l engine.List, c *engine.Catalogue, without []engine.AnimeID) engine.Fold {
	return m.fold(l, c, without, nil)
}

func (m *Model) fold(l engine.List, c *engine.Catalogue, without []engine.AnimeID, leaving *leaving) *fold {
	f := folds.Get().(*fold)
	f.model, f.catalogue, f.list, f.leaving = m, c, l, leaving
	f.inputs, f.removed = f.inputs[:0], f.removed[:0]
	f.sums = append(f.sums[:0], make([]float64, len(m.columns))...)
	if len(f.targets) < len(m.columns) {
		f.targets = make([]int32, len(m.columns))
	}
	f.viewer.read(l, c, m)
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
		f.add(i, x)
	}
	f.unit = 1
	if d := deviation(f.sums); d > leastApart {
		f.unit = 1 / d
	}
	return f
}

// Release implements [engine.Fold].
func (f *fold) Release() {
	f.viewer.forget()
	clear(f.targets) // a panic may have left some
	f.model, f.catalogue, f.list, f.scorer, f.leaving = nil, nil, nil, nil, nil
	clear(f.looked[:cap(f.looked)]) // of anime
	folds.Put(f)
}

// add adds to the sums what an input of weight x says.
func (f *fold) add(i int, x float64) {
	if f.leaving != nil {
		f.leaving.add(f.sums, i, x)
		return
	}
	places, weights, scale := f.model.row(i)
	x *= scale
	for k, j := range places {
		f.sums[j] += x * float64(weights[k])
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

// candidate is an anime that is compared with others.
type candidate struct {
	anime      *engine.Anime
	column     int // -1: it was not learnt
	facts      facts
	popularity float64 // of facts
	sum        float64 // what the list says for it
	linear     float64 // the same in standard deviations, less the cost of popularity
	parts      [parts]float64
	strongest  [4]float64 // influences, the strongest first
	influences int
	strong     int     // of these, those that say more than a little
	uncommon   float64 // what is said by watched entries of anime that not everybody watches

	speaksFor, speaksAgainst float64 // sums of influences above and below 0
}

// The parts of a list, by what entries say.
const (
	partWatched = iota
	partLiking  // what scores add to that
	partPlanned
	partLeft
	parts
)

func partOf(e *engine.Entry) uint8 {
	switch {
	case e.Watched():
		return partWatched
	case e.Status == engine.Planned:
		return partPlanned
	}
	return partLeft
}

// Matches implements [engine.Fold].
func (f *fold) Matches(dst []float64, anime []*engine.Anime, step int) []float64 {
	n := niches[min(max(step, -engine.MaxNiche), engine.MaxNiche)+engine.MaxNiche]
	from := len(dst)
	f.choose(anime, f.cost(n.choosing))
	for i := range f.looked {
		dst = append(dst, f.looked[i].linear)
	}
	if f.model.second != nil && len(anime) > 0 {
		f.rerank(dst[from:], n.ranking)
	}
	f.remove(dst[from:], anime)
	return dst
}

// cost is what popularity costs when candidates are chosen, more by so much.
func (f *fold) cost(more float64) float64 {
	known := min(max((f.viewer.watched-newcomer)/(usual-newcomer), 0), 1)
	return costNewcomer + known*(costUsual-costNewcomer) + more
}

// choose makes candidates of anime, with their sums.
func (f *fold) choose(anime []*engine.Anime, cost float64) {
	f.looked = slices.Grow(f.looked[:0], len(anime))[:len(anime)]
	for i, a := range anime {
		k := &f.looked[i]
		*k = candidate{anime: a, column: -1}
		if j, ok := f.model.columnOf(a.ID); ok {
			i := f.model.items[j]
			k.column, k.sum, k.facts, k.popularity = j, f.sums[j], f.model.facts[i], f.model.popular[i]
		} else {
			k.sum, k.facts = f.estimate(a)
			k.popularity = k.facts.popularity()
		}
		k.linear = k.sum*f.unit - cost*k.popularity
	}
}

// rerank gives the candidates that come first new matches by the second stage. Those of the others follow below, in their order.
func (f *fold) rerank(matches []float64, cost float64) {
	f.first(matches, reranked)
	f.inspect()
	best := f.looked[f.order[0]].linear
	f.rows = slices.Grow(f.rows[:0], len(f.order))[:len(f.order)]
	f.values = slices.Grow(f.values[:0], 2*len(f.order))[:2*len(f.order)]
	watched, liked := f.values[:len(f.order)], f.values[len(f.order):]
	for place, i := range f.order {
		f.featuresOf(&f.looked[i], place, best, &f.rows[place])
	}
	second := f.model.second
	second.watched.values(f.rows, watched)
	second.liked.values(f.rows, liked)
	floor := math.Inf(1)
	last := matches[f.order[len(f.order)-1]]
	for place, i := range f.order {
		k := &f.looked[i]
		matches[i] = second.worth(float64(watched[place]), float64(liked[place]), related(&f.rows[place])) - cost*k.popularity
		floor = min(floor, matches[i])
		k.influences = -1 // looked at
	}
	for i := range matches {
		if f.looked[i].influences >= 0 {
			matches[i] += floor - last
		}
	}
}

// first writes the places of the n candidates that come first to f.order, the first first; ties by anime id. It keeps the n that are
// first so far as a heap, the last of them on top, since most candidates come after all of these.
func (f *fold) first(matches []float64, n int) {
	before := func(a, b int32) bool {
		if matches[a] != matches[b] {
			return matches[a] > matches[b]
		}
		return f.looked[a].anime.ID < f.looked[b].anime.ID
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
		return cmp.Compare(f.looked[a].anime.ID, f.looked[b].anime.ID)
	})
	f.order = order
}

// inspect looks at the influences on the candidates of f.order.
func (f *fold) inspect() {
	for place, i := range f.order {
		if j := f.looked[i].column; j >= 0 {
			f.targets[j] = int32(place) + 1
		}
	}
	for _, in := range f.inputs {
		uncommon := f.model.popular[in.item] < f.model.common
		if f.leaving != nil {
			for _, i := range f.order {
				if k := &f.looked[i]; k.column >= 0 {
					k.hear(&in, f.leaving.weight(int(in.item), k.column), uncommon)
				}
			}
			continue
		}
		places, weights, scale := f.model.row(int(in.item))
		for n, j := range places {
			if t := f.targets[j]; t != 0 {
				f.looked[f.order[t-1]].hear(&in, scale*float64(weights[n]), uncommon)
			}
		}
	}
	for _, i := range f.order {
		if j := f.looked[i].column; j >= 0 {
			f.targets[j] = 0
		}
	}
}

// hear adds up what an input, uncommon or not, says by its weight w.
func (k *candidate) hear(in *input, w float64, uncommon bool) {
	const little, strong = 0.01, 0.03 // what is less is not counted
	says := in.weight * w
	if in.part == partWatched {
		k.parts[partWatched] += w
		k.parts[partLiking] += says - w
		if uncommon {
			k.uncommon += w
		}
	} else {
		k.parts[in.part] += says
	}
	if says > little {
		k.influences++
	}
	if says > strong {
		k.strong++
	}
	if says < 0 {
		k.speaksAgainst += says
		return
	}
	k.speaksFor += says
	for s := range k.strongest {
		if says > k.strongest[s] {
			says, k.strongest[s] = k.strongest[s], says
		}
	}
}

// remove takes what was said by inputs that are to have no influence out of matches: each falls by exactly the weights that
// Because tells of them. All else, the choice of candidates and the habits of the list, stays as it is.
func (f *fold) remove(matches []float64, anime []*engine.Anime) {
	if len(f.removed) == 0 {
		return
	}
	said := make([]float64, len(f.model.columns))
	for _, in := range f.removed {
		places, weights, scale := f.model.row(int(in.item))
		for n, j := range places {
			said[j] += in.weight * scale * float64(weights[n])
		}
	}
	for i, a := range anime {
		if j, ok := f.model.columnOf(a.ID); ok {
			matches[i] -= said[j] * f.unit
		}
	}
}

// Because implements [engine.Fold].
func (f *fold) Because(anime []*engine.Anime) [][]engine.Influence {
	because := make([][]engine.Influence, len(anime))
	memory := make([]engine.Influence, len(anime)*(engine.MaxInfluences+1))
	for k, a := range anime {
		if j, ok := f.model.columnOf(a.ID); ok {
			f.targets[j] = int32(k) + 1
		}
		at := k * (engine.MaxInfluences + 1)
		because[k] = memory[at : at : at+engine.MaxInfluences+1]
	}
	for _, in := range f.inputs {
		a := f.catalogue.Anime(f.model.inputs[in.item])
		if a == nil || slices.Contains(f.removed, in) {
			continue
		}
		places, weights, scale := f.model.row(int(in.item))
		for k, j := range places {
			if t := f.targets[j]; t != 0 && weights[k] > 0 {
				insert(&because[t-1], engine.Influence{
					Anime: a, Weight: in.weight * scale * float64(weights[k]) * f.unit, Status: in.status,
				})
			}
		}
	}
	for _, a := range anime {
		if j, ok := f.model.columnOf(a.ID); ok {
			f.targets[j] = 0
		}
	}
	return because
}

// insert keeps the strongest influences, the strongest first; of equals the one that comes first.
func insert(strongest *[]engine.Influence, in engine.Influence) {
	s := *strongest
	at := len(s)
	for at > 0 && s[at-1].Weight < in.Weight {
		at--
	}
	if at == engine.MaxInfluences {
		return
	}
	s = slices.Insert(s, at, in)
	*strongest = s[:min(len(s), engine.MaxInfluences)]
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
