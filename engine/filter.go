package engine

import (
	"slices"
)

// Filter narrows what is recommended. The zero value lets everything through. Ranges include their ends; 0 is no end.
type Filter struct {
	With       []int   // MyAnimeList's genre ids, all of which an anime must have
	Without    []int   // and none of these
	From, To   int     // years in which it began; of an unknown year nothing passes
	Length     string  // name of a statistic of kind [Length]; empty: any
	MinMean    float64 // mean score
	MinMembers int     // users who have it on their list
	MaxMembers int
	Type       string    // tv, movie ...; empty: any
	Airing     Airing    // AiringUnknown: any
	Hidden     []AnimeID // not shown, whatever they are
}

// Criterion is a part of a [Filter] that narrows by itself.
type Criterion string

// The criteria.
const (
	ByWith    Criterion = "with"
	ByWithout Criterion = "without"
	ByYears   Criterion = "years"
	ByLength  Criterion = "length"
	ByMean    Criterion = "mean"
	ByMembers Criterion = "popularity"
	ByType    Criterion = "type"
	ByAiring  Criterion = "airing"
	ByHidden  Criterion = "hidden"
)

// Loosening says how many anime there would be without a criterion.
type Loosening struct {
	Criterion Criterion
	Count     int
}

// criteria are all there are.
var criteria = [...]Criterion{ByWith, ByWithout, ByYears, ByLength, ByMean, ByMembers, ByType, ByAiring, ByHidden}

// uses tells whether f narrows by a criterion.
func (f *Filter) uses(by Criterion) bool {
	switch by {
	case ByWith:
		return len(f.With) > 0
	case ByWithout:
		return len(f.Without) > 0
	case ByYears:
		return f.From > 0 || f.To > 0
	case ByLength:
		return f.Length != ""
	case ByMean:
		return f.MinMean > 0
	case ByMembers:
		return f.MinMembers > 0 || f.MaxMembers > 0
	case ByType:
		return f.Type != ""
	case ByAiring:
		return f.Airing != AiringUnknown
	case ByHidden:
		return len(f.Hidden) > 0
	}
	return false
}

// passes tells whether an anime passes a criterion that f uses.
func (f *Filter) passes(by Criterion, a *Anime) bool {
	switch by {
	case ByWith:
		return !slices.ContainsFunc(f.With, func(id int) bool { return !a.hasGenre(id) })
	case ByWithout:
		return !slices.ContainsFunc(f.Without, a.hasGenre)
	case ByYears:
		return a.Start.Year > 0 && a.Start.Year >= f.From && (f.To == 0 || a.Start.Year <= f.To)
	case ByLength:
		return Statistics[statLength+lengthOf(a.Episodes)].Name == f.Length
	case ByMean:
		return a.Mean >= f.MinMean
	case ByMembers:
		return a.Members >= f.MinMembers && (f.MaxMembers == 0 || a.Members <= f.MaxMembers)
	case ByType:
		return a.Type == f.Type
	case ByAiring:
		return a.Status == f.Airing
	case ByHidden:
		return !slices.Contains(f.Hidden, a.ID)
	}
	return true
}

func (a *Anime) hasGenre(id int) bool {
	return slices.ContainsFunc(a.Genres, func(g Genre) bool { return g.ID == id })
}

// Narrows tells whether f keeps anything back.
func (f *Filter) Narrows() bool { return slices.ContainsFunc(criteria[:], f.uses) }

// narrow leaves in p what passes f. When that is nothing, it tells for each criterion how much there would be without it,
// the most first, and leaves out those that would not help.
func (p *pool) narrow(f *Filter) (loosen []Loosening) {
	if !f.Narrows() || len(p.ranked) == 0 {
		return nil
	}
	used := slices.DeleteFunc(slices.Clone(criteria[:]), func(by Criterion) bool { return !f.uses(by) })
	without := make([]int, len(used)) // anime that fail this criterion only
	kept := p.ranked[:0]
	for _, el := range p.ranked {
		a := p.catalogue.Anime(el.id)
		fails, which := 0, 0
		for i, by := range used {
			if !f.passes(by, a) {
				fails, which = fails+1, i
			}
		}
		switch fails {
		case 0:
			kept = append(kept, el)
		case 1:
			without[which]++
		}
	}
	p.ranked = kept
	if len(kept) > 0 {
		return nil
	}
	for i, n := range without {
		if n > 0 {
			loosen = append(loosen, Loosening{used[i], n})
		}
	}
	slices.SortStableFunc(loosen, func(a, b Loosening) int { return b.Count - a.Count })
	return loosen
}
