package engine

import (
	"cmp"
	"slices"
)

// Lists with fewer watched entries than shortList are foreseen: so many of the best known anime are looked at, and so many of them taken for
// watched. The numbers were fitted to lists that were cut short, see docs/adr/0007-item-model.md.
const (
	shortList    = 32
	foreseenFrom = 1500
	foreseenMost = 60
)

// foreseen is the taste hash that a short list would have, of which h is the hash, once its user watched what fits it best: of a few anime
// most comparisons of a hash come out by chance, and who is near by them is anybody. Of longer lists, and without a model, it is h.
func (e *Engine) foreseen(l List, h Hash) Hash {
	c, m := e.catalogue.Load(), e.models.now.Load()
	if m == nil || l.Watched() >= shortList {
		return h
	}
	on := make(map[AnimeID]bool, len(l))
	for i := range l {
		on[l[i].Anime] = true
	}
	known := c.wellKnown().all
	anime := make([]AnimeID, 0, foreseenFrom)
	for _, t := range known[:min(len(known), foreseenFrom)] {
		if !on[t.anime.ID] {
			anime = append(anime, t.anime.ID)
		}
	}
	fold := m.fold(l, c, nil)
	defer fold.Release()
	best := make([]eligible, len(anime))
	for i, match := range fold.Matches(nil, anime, 0) {
		best[i] = eligible{id: anime[i], value: match}
	}
	putInOrder(best)
	longer := slices.Clone(l)
	for _, el := range best[:min(len(best), foreseenMost)] {
		longer = append(longer, Entry{Anime: el.id, Status: Completed, Episodes: 1})
	}
	return cmp.Or(TasteHash(longer, c), h)
}
