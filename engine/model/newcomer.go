package model

import "slices"

// A newcomer's list says little of itself. What it is likely to become says more: its columns that come first are folded in as if they were
// watched, and it has a direction in the space of likeness. Both are features that only the newcomers' forests are asked about. Between
// these two numbers of watched entries their say fades, so that no entry changes everything.
const (
	fadesFrom = 10
	fadesTo   = 60
)

// foreseenMost is how many columns are folded in, the first the most.
const foreseenMost = 100

// newcomer is how much of a newcomer somebody with so many watched entries is, 0..1.
func newcomer(watched float64) float64 { return min(max((fadesTo-watched)/(fadesTo-fadesFrom), 0), 1) }

// foreseen is a column that a list is likely to get.
type foreseen struct {
	column int32
	match  float64
}

// foresee finds where the list is heading.
func (f *fold) foresee() {
	m, cost := f.model, f.cost(0)
	best := f.foreseen[:0] // the first first; of equals the one with the smaller id
	for j, id := range m.columns {
		match := f.linear(f.sums[j], m.popular[m.items[j]], cost)
		if len(best) == foreseenMost && match <= best[len(best)-1].match || f.viewer.standingOf(id) == isWatched {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, match, func(b foreseen, match float64) int {
			if b.match >= match {
				return -1
			}
			return 1
		})
		best = slices.Insert(best[:min(len(best), foreseenMost-1)], at, foreseen{int32(j), match})
	}
	f.foreseen = best
	clear(f.ahead[:len(m.columns)])
	for n, b := range best {
		f.add(&f.ahead, int(m.items[b.column]), 1-float64(n)/foreseenMost)
	}
	f.own, f.weight = direction{}, 0
	for _, in := range f.inputs {
		at := m.alike.of(int(in.item))
		f.own.add(&at, in.weight)
		f.weight += in.weight
	}
}

// prospectsOf describes how well a candidate fits where the list is heading.
func (f *fold) prospectsOf(k *candidate, x *features) {
	var ahead float64
	var at direction
	if k.column >= 0 {
		ahead, at = f.ahead[k.column], f.model.alike.of(int(f.model.items[k.column]))
	} else {
		kin := f.model.kinOf(k.id, f.seen)
		ahead, at = kin.sum(&f.ahead), kin.at
	}
	x[featAhead] = ordinal(float32(ahead * f.unit))
	x[featAlike] = ordinal(float32(f.own.product(&at) / max(f.weight, 1)))
	x[featCosine] = ordinal(float32(f.own.cosine(&at)))
}
