package model

import (
	"slices"

	"reko.moe/engine"
)

// candidate is one of the choices that come first, as it is compared with the others.
type candidate struct {
	choice
	facts      facts
	worth      float64 // what the second stage makes of it
	parts      [parts]float64
	strongest  [4]influence // the strongest first
	influences int
	strong     int     // of these, those that say more than a little
	uncommon   float64 // what is said by watched entries of anime that not everybody watches

	speaksFor, speaksAgainst float64 // sums of influences above and below 0
}

// influence is what an input says for a candidate.
type influence struct {
	says  float64 // above 0; 0: there is none
	input int32   // its place in fold.inputs
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

// targets tell by column which of some anime it is: 1 + its place among them; 0: none.
type targets [maxColumns]uint16

// maxColumns bounds how many columns a model has. It is a power of two, so that no access needs a check of bounds.
const maxColumns = 1 << 13

// among writes to hits which of places are targets, and returns how many are. It does so without branches, which nobody could predict:
// most weights of an input are for anime that nobody asked about.
func (t *targets) among(places, hits []uint16) int {
	n := 0
	hits = hits[:len(places)]
	for k, j := range places {
		hits[n] = uint16(k)
		n += one(t[j&(maxColumns-1)] != 0)
	}
	return n
}

// inspect makes candidates of the choices of f.order, with the influences on them.
func (f *fold) inspect() {
	m := f.model
	f.looked = slices.Grow(f.looked[:0], len(f.order))[:len(f.order)]
	for place, i := range f.order {
		k := &f.looked[place]
		*k = candidate{choice: f.choices[i]}
		if k.column < 0 {
			k.facts = m.kinOf(k.id, f.seen).facts
			continue
		}
		k.facts = m.facts[m.items[k.column]]
		f.targets[k.column] = uint16(place) + 1
	}
	f.hits = slices.Grow(f.hits[:0], m.kept)[:m.kept]
	for n := range f.inputs {
		in := &f.inputs[n]
		uncommon := 0.0 // how much of what it says counts as such
		if in.part == partWatched && m.popular[in.item] < m.common {
			uncommon = 1
		}
		if f.leaving != nil {
			for place := range f.looked {
				if k := &f.looked[place]; k.column >= 0 {
					k.hear(in, n, f.leaving.weight(int(in.item), int(k.column)), uncommon)
				}
			}
			continue
		}
		places, weights, scale := m.row(int(in.item))
		for _, at := range f.hits[:f.targets.among(places, f.hits)] {
			f.looked[f.targets[places[at]&(maxColumns-1)]-1].hear(in, n, scale*float64(weights[at]), uncommon)
		}
	}
	for place := range f.looked {
		if j := f.looked[place].column; j >= 0 {
			f.targets[j] = 0
		}
	}
}

// hear adds up what input n says by its weight w, which counts as uncommon by that factor. Nobody could predict which of several inputs
// says much, and whether it speaks for or against, so that there is no branch for it.
func (k *candidate) hear(in *input, n int, w, uncommon float64) {
	const little, strong = 0.01, 0.03 // what is less is not counted
	says := in.weight * w
	if in.part == partWatched {
		k.parts[partWatched] += w
		k.parts[partLiking] += says - w
		k.uncommon += uncommon * w
	} else {
		k.parts[in.part] += says
	}
	k.influences += one(says > little)
	k.strong += one(says > strong)
	k.speaksFor += max(says, 0)
	k.speaksAgainst += min(says, 0)
	if last := len(k.strongest) - 1; says > k.strongest[last].says {
		at := last
		for ; at > 0 && says > k.strongest[at-1].says; at-- {
			k.strongest[at] = k.strongest[at-1]
		}
		k.strongest[at] = influence{says, int32(n)}
	}
}

// one is 1 if something is so, else 0.
func one(so bool) (n int) {
	if so {
		n = 1
	}
	return n
}

// Because implements [engine.Fold].
func (f *fold) Because(anime []*engine.Anime) [][]engine.Influence {
	because := make([][]engine.Influence, len(anime))
	memory := make([]engine.Influence, len(anime)*engine.MaxInfluences)
	for k := range because {
		because[k] = memory[k*engine.MaxInfluences:][:0:engine.MaxInfluences]
	}
	if !f.remembered(because, anime) {
		f.search(because, anime)
	}
	return because
}

// remembered writes to because what was found when candidates were compared, and tells whether all is there.
func (f *fold) remembered(because [][]engine.Influence, anime []*engine.Anime) bool {
	if len(f.removed) > 0 {
		return false
	}
	for k, a := range anime {
		j, ok := f.model.columnOf(a.ID)
		if !ok {
			continue // nothing is known to speak for it
		}
		looked := f.lookedAt(j)
		if looked == nil {
			return false
		}
		for _, in := range looked.strongest[:engine.MaxInfluences] {
			if in.says == 0 {
				break
			}
			from := &f.inputs[in.input]
			by := f.catalogue.Anime(f.model.inputs[from.item])
			if by == nil {
				return false // somebody else takes its place
			}
			because[k] = append(because[k], engine.Influence{Anime: by, Weight: in.says * f.unit, Status: from.status})
		}
	}
	return true
}

// lookedAt is the candidate of a column; nil: it is none.
func (f *fold) lookedAt(column int) *candidate {
	for place := range f.looked {
		if k := &f.looked[place]; int(k.column) == column {
			return k
		}
	}
	return nil
}

// search looks for the influences on anime among all inputs.
func (f *fold) search(because [][]engine.Influence, anime []*engine.Anime) {
	for k, a := range anime {
		because[k] = because[k][:0]
		if j, ok := f.model.columnOf(a.ID); ok {
			f.targets[j] = uint16(k) + 1
		}
	}
	f.hits = slices.Grow(f.hits[:0], f.model.kept)[:f.model.kept]
	for _, in := range f.inputs {
		a := f.catalogue.Anime(f.model.inputs[in.item])
		if a == nil || slices.Contains(f.removed, in) {
			continue
		}
		places, weights, scale := f.model.row(int(in.item))
		for _, at := range f.hits[:f.targets.among(places, f.hits)] {
			if says := in.weight * (scale * float64(weights[at])); says > 0 {
				insert(&because[f.targets[places[at]]-1], engine.Influence{Anime: a, Weight: says * f.unit, Status: in.status})
			}
		}
	}
	for _, a := range anime {
		if j, ok := f.model.columnOf(a.ID); ok {
			f.targets[j] = 0
		}
	}
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
	if len(s) < engine.MaxInfluences {
		s = s[:len(s)+1]
	}
	copy(s[at+1:], s[at:])
	s[at] = in
	*strongest = s
}
