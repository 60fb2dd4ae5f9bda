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

// test is a criterion that is in use.
type test struct {
	by     Criterion
	passes func(*Anime) bool
}

// tests lists the criteria that f uses.
func (f *Filter) tests() []test {
	var tests []test
	use := func(used bool, by Criterion, passes func(*Anime) bool) {
		if used {
			tests = append(tests, test{by, passes})
		}
	}
	use(len(f.With) > 0, ByWith, func(a *Anime) bool {
		return !slices.ContainsFunc(f.With, func(id int) bool { return !a.hasGenre(id) })
	})
	use(len(f.Without) > 0, ByWithout, func(a *Anime) bool { return !slices.ContainsFunc(f.Without, a.hasGenre) })
	use(f.From > 0 || f.To > 0, ByYears, func(a *Anime) bool {
		return a.Start.Year > 0 && a.Start.Year >= f.From && (f.To == 0 || a.Start.Year <= f.To)
	})
	use(f.Length != "", ByLength, func(a *Anime) bool { return Statistics[statLength+lengthOf(a.Episodes)].Name == f.Length })
	use(f.MinMean > 0, ByMean, func(a *Anime) bool { return a.Mean >= f.MinMean })
	use(f.MinMembers > 0 || f.MaxMembers > 0, ByMembers, func(a *Anime) bool {
		return a.Members >= f.MinMembers && (f.MaxMembers == 0 || a.Members <= f.MaxMembers)
	})
	use(f.Type != "", ByType, func(a *Anime) bool { return a.Type == f.Type })
	use(f.Airing != AiringUnknown, ByAiring, func(a *Anime) bool { return a.Status == f.Airing })
	use(len(f.Hidden) > 0, ByHidden, func(a *Anime) bool { return !slices.Contains(f.Hidden, a.ID) })
	return tests
}

func (a *Anime) hasGenre(id int) bool {
	return slices.ContainsFunc(a.Genres, func(g Genre) bool { return g.ID == id })
}

// Narrows tells whether f keeps anything back.
func (f *Filter) Narrows() bool { return len(f.tests()) > 0 }

// narrow leaves in p what passes f. When that is nothing, it tells for each criterion how much there would be without it,
// the most first, and leaves out those that would not help.
func (p *pool) narrow(f Filter) (loosen []Loosening) {
	tests := f.tests()
	if len(tests) == 0 || len(p.ranked) == 0 {
		return nil
	}
	without := make([]int, len(tests)) // anime that fail this test only
	kept := p.ranked[:0]
	for _, el := range p.ranked {
		a := p.catalogue.Anime(el.id)
		fails, which := 0, 0
		for i := range tests {
			if !tests[i].passes(a) {
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
			loosen = append(loosen, Loosening{tests[i].by, n})
		}
	}
	slices.SortStableFunc(loosen, func(a, b Loosening) int { return b.Count - a.Count })
	return loosen
}
