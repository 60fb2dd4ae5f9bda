package model

import (
	"math"
	"slices"
	"sync"

	"reko.moe/engine"
)

// serving are the weights with which a list is folded in. They differ from those of training, see docs/adr.
var serving = Weights{Score: 0.15, Planned: 0.4, OnHold: 0.3, Dropped: 0.3}

// niches are what popularity costs, by taste for the unusual from -[engine.MaxNiche] on: the factor of its logarithm.
var niches = [2*engine.MaxNiche + 1]float64{0, 0.25, 0.5, 1, 1.25}

// fold is a list as a model reads it.
type fold struct {
	model     *Model
	catalogue *engine.Catalogue
	inputs    []input   // that have influence; their weights are those of the list
	sums      []float64 // by column: what the inputs say
	unit      float64   // what makes sums comparable between users: 1 / their standard deviation before anything was taken out
	targets   []int32   // by column: 1 + its place among those that are explained; all 0 between calls
}

var folds = sync.Pool{New: func() any { return new(fold) }}

// Fold implements [engine.Model].
func (m *Model) Fold(l engine.List, c *engine.Catalogue, without []engine.AnimeID) engine.Fold {
	f := folds.Get().(*fold)
	f.model, f.catalogue = m, c
	f.inputs = f.inputs[:0]
	f.sums = append(f.sums[:0], make([]float64, len(m.columns))...)
	if len(f.targets) < len(m.columns) {
		f.targets = make([]int32, len(m.columns))
	}
	s := scaleOf(l)
	for k := range l {
		if i, ok := m.inputOf(l[k].Anime); ok {
			if x := serving.of(&l[k], s); x != 0 {
				f.inputs = append(f.inputs, input{int32(i), x})
				f.add(i, x)
			}
		}
	}
	f.unit = 1 / max(deviation(f.sums), math.SmallestNonzeroFloat32)
	f.inputs = slices.DeleteFunc(f.inputs, func(in input) bool {
		out := slices.Contains(without, m.inputs[in.item])
		if out {
			f.add(int(in.item), -in.weight)
		}
		return out
	})
	return f
}

// Release implements [engine.Fold].
func (f *fold) Release() {
	f.model, f.catalogue = nil, nil
	folds.Put(f)
}

// add adds to the sums what an input of weight x says.
func (f *fold) add(i int, x float64) {
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

// Matches implements [engine.Fold].
func (f *fold) Matches(dst []float64, anime []*engine.Anime, niche int) []float64 {
	cost := niches[min(max(niche, -engine.MaxNiche), engine.MaxNiche)+engine.MaxNiche]
	for _, a := range anime {
		dst = append(dst, f.match(a, cost))
	}
	return dst
}

func (f *fold) match(a *engine.Anime, cost float64) float64 {
	j, ok := f.model.columnOf(a.ID)
	if !ok {
		return a.Mean - 1000
	}
	return f.sums[j]*f.unit - cost*float64(f.model.popularity[j])
}

// Because implements [engine.Fold].
func (f *fold) Because(anime []*engine.Anime) [][]engine.Influence {
	because := make([][]engine.Influence, len(anime))
	memory := make([]engine.Influence, 0, len(anime)*(engine.MaxInfluences+1))
	for k, a := range anime {
		if j, ok := f.model.columnOf(a.ID); ok {
			f.targets[j] = int32(k) + 1
		}
		at := k * (engine.MaxInfluences + 1)
		because[k] = memory[at : at : at+engine.MaxInfluences+1]
	}
	for _, in := range f.inputs {
		a := f.catalogue.Anime(f.model.inputs[in.item])
		if a == nil {
			continue
		}
		places, weights, scale := f.model.row(int(in.item))
		for k, j := range places {
			if t := f.targets[j]; t != 0 && weights[k] > 0 {
				insert(&because[t-1], engine.Influence{Anime: a, Weight: in.weight * scale * float64(weights[k]) * f.unit})
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
func (f *fold) Expected(a *engine.Anime) float64 { return 0 }
