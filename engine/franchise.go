package engine

import "sync"

// franchises numbers the franchises of a catalogue: anime that are connected by relations, over however many steps. It is made
// when it is first asked for.
type franchises struct {
	once sync.Once
	of   []AnimeID // by anime id: the smallest id of its franchise, 0 for ids without relations
}

// Franchise returns the smallest id among the anime that are connected with id by relations, id itself included; relations of
// type “character” and “other” connect nothing, since they tie crossovers and commercials to half of the catalogue.
func (c *Catalogue) Franchise(id AnimeID) AnimeID {
	c.franchises.once.Do(func() {
		c.franchises.of = c.Connect(func(relation string) bool { return relation != "character" && relation != "other" })
	})
	if uint(id) < uint(len(c.franchises.of)) && c.franchises.of[id] != 0 {
		return c.franchises.of[id]
	}
	return id
}

// Connect joins what relations of the types that join connect. It returns by anime id the smallest id that is connected with it,
// 0 for ids that no such relation names. The method is union by smaller id with path halving (Tarjan and van Leeuwen, “Worst-case
// analysis of set union algorithms”, 1984).
func (c *Catalogue) Connect(joins func(relation string) bool) []AnimeID {
	top := int(c.Last()) + 1
	for a := range c.All() {
		for _, r := range a.Relations {
			if r.ID <= MaxAnimeID {
				top = max(top, int(r.ID)+1)
			}
		}
	}
	of := make([]AnimeID, top)
	find := func(id AnimeID) AnimeID {
		if of[id] == 0 {
			of[id] = id
		}
		for of[id] != id {
			of[id] = of[of[id]]
			id = of[id]
		}
		return id
	}
	for a := range c.All() {
		for _, r := range a.Relations {
			if r.ID < 1 || r.ID > MaxAnimeID || !joins(r.Type) {
				continue
			}
			one, other := find(a.ID), find(r.ID)
			of[max(one, other)] = min(one, other)
		}
	}
	for id := range of {
		if of[id] != 0 {
			of[id] = find(AnimeID(id))
		}
	}
	return of
}
