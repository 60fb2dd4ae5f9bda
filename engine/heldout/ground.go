package heldout

import (
	"cmp"
	"slices"

	"reko.moe/engine"
)

// Ground is what every order is judged on: the anime that can be recommended, how popular they are among those who were learnt
// from, and which belong together. It is immutable and safe for concurrent use.
type Ground struct {
	Catalogue *engine.Catalogue
	popular   []engine.AnimeID // all that can be recommended, the most watched first; ties by id
	rank      map[engine.AnimeID]int
	watched   map[engine.AnimeID]int
	joined    []engine.AnimeID                    // by anime id: the smallest id of the franchise, over relations of any type
	related   map[engine.AnimeID][]engine.AnimeID // directly, in either direction
}

// NewGround counts who watched what in the lists that are learnt from.
func NewGround(c *engine.Catalogue, lists func(yield func(engine.List) bool)) *Ground {
	g := &Ground{Catalogue: c, rank: map[engine.AnimeID]int{}, watched: map[engine.AnimeID]int{}, related: map[engine.AnimeID][]engine.AnimeID{}}
	g.joined = c.Connect(func(string) bool { return true })
	for a := range c.All() {
		for _, r := range a.Relations {
			g.related[a.ID] = append(g.related[a.ID], r.ID)
			g.related[r.ID] = append(g.related[r.ID], a.ID)
		}
	}
	for l := range lists {
		for i := range l {
			if l[i].Watched() {
				g.watched[l[i].Anime]++
			}
		}
	}
	for id := range g.watched {
		if a := c.Anime(id); a != nil && a.HasMean() && a.Parent == 0 {
			g.popular = append(g.popular, id)
		}
	}
	slices.SortFunc(g.popular, func(a, b engine.AnimeID) int {
		return cmp.Or(cmp.Compare(g.watched[b], g.watched[a]), cmp.Compare(a, b))
	})
	for i, id := range g.popular {
		g.rank[id] = i + 1
	}
	return g
}

// LeftOut tells whether an anime is of the twentieth that an experiment about new anime leaves out of training.
func LeftOut(id engine.AnimeID) bool { return key(0, id)%20 == 0 }

// Only returns the ground on which nothing can be recommended but some of what could.
func (g *Ground) Only(some func(engine.AnimeID) bool) *Ground {
	only := *g
	only.popular, only.rank = nil, map[engine.AnimeID]int{}
	for _, id := range g.popular {
		if some(id) {
			only.popular = append(only.popular, id)
			only.rank[id] = len(only.popular)
		}
	}
	return &only
}

// Popular returns what can be recommended, the most watched first.
func (g *Ground) Popular() []engine.AnimeID { return slices.Clone(g.popular) }

// Watched returns how many of those who were learnt from watched an anime.
func (g *Ground) Watched(id engine.AnimeID) int { return g.watched[id] }

// eligible tells whether an anime can be recommended to anybody.
func (g *Ground) eligible(id engine.AnimeID) bool { return g.rank[id] > 0 }

// franchise returns the smallest id that relations of any type connect with id.
func (g *Ground) franchise(id engine.AnimeID) engine.AnimeID {
	if uint(id) < uint(len(g.joined)) && g.joined[id] != 0 {
		return g.joined[id]
	}
	return id
}
