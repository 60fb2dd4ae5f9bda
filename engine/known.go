package engine

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// KnownSize is how many of the best known anime are offered to who has no list, and how many are found at most.
const KnownSize = 60

// known puts a catalogue in order by how many know its anime. It is made when it is first asked for.
type known struct {
	once  sync.Once
	all   []knownTitle // those on most lists first
	first []*Anime     // of the first, one of each franchise
}

// knownTitle is an anime with what it is found by.
type knownTitle struct {
	anime *Anime
	names string // in lower case, a line each
}

func (c *Catalogue) wellKnown() *known {
	k := &c.known
	k.once.Do(func() {
		k.all = make([]knownTitle, 0, c.count)
		for a := range c.All() {
			k.all = append(k.all, knownTitle{a, strings.ToLower(a.Title + "\n" + a.English)})
		}
		slices.SortFunc(k.all, func(a, b knownTitle) int {
			return cmp.Or(cmp.Compare(b.anime.Members, a.anime.Members), cmp.Compare(a.anime.ID, b.anime.ID))
		})
		franchises := map[AnimeID]bool{}
		for _, t := range k.all {
			franchise := c.Franchise(t.anime.ID)
			if len(k.first) == KnownSize || t.anime.Parent != 0 || !t.anime.HasMean() || franchises[franchise] {
				continue
			}
			franchises[franchise] = true
			k.first = append(k.first, t.anime)
		}
	})
	return k
}

// WellKnown returns the anime that are on most lists, where franchises begin: at most [KnownSize], and one of each franchise. It is
// read-only.
func (e *Engine) WellKnown() []*Anime { return e.catalogue.Load().wellKnown().first }

// FindKnown returns at most [KnownSize] of the described anime with text in a title, those on most lists first.
func (e *Engine) FindKnown(text string) []*Anime {
	text = strings.ToLower(strings.TrimSpace(text))
	var found []*Anime
	for _, t := range e.catalogue.Load().wellKnown().all {
		if strings.Contains(t.names, text) {
			if found = append(found, t.anime); len(found) == KnownSize {
				break
			}
		}
	}
	return found
}

// Picked is the list of somebody who has none, of anime that were picked: watched, and not scored.
func Picked(ids []AnimeID) (List, error) {
	changes := make([]Change, len(ids))
	for i, id := range ids {
		changes[i].Entry = Entry{Anime: id, Status: Completed, Episodes: 1}
	}
	return NewList(changes)
}
