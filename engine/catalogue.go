package engine

import (
	"iter"
	"slices"
	"strconv"
	"strings"
)

// Catalogue is a set of described anime, indexed by id. It is immutable, hence safe for concurrent use; [Catalogue.With]
// makes a changed one. The zero value is empty.
type Catalogue struct {
	byID    []title // by AnimeID; without an anime where nobody described it
	can     []bool  // by AnimeID: it can be recommended
	stats   []uint8 // numbers of statistics, those of a title side by side
	count   int
	version int64 // no other catalogue of this process has it

	franchises franchises
	known      known
}

// title is an anime with what is asked about it most. One pointer in each is little work for the garbage collector, which looks at all of
// them again and again.
type title struct {
	anime  *Anime
	mean   float64 // the anime's
	genres uint64  // a bit for each of its genres: that of the number modulo 64
	from   uint32  // where its numbers begin in the catalogue's stats
	stats  uint8   // how many there are
}

// NewCatalogue makes a catalogue of anime; see [Catalogue.With].
func NewCatalogue(anime []Anime) *Catalogue { return new(Catalogue).With(anime) }

// With returns a catalogue in which anime were added or replaced. Those that are not described (see [Anime]) or out of
// the range of ids are left out. The elements of anime must not be changed afterwards.
func (c *Catalogue) With(anime []Anime) *Catalogue {
	top := AnimeID(len(c.byID)) - 1
	for i := range anime {
		if a := &anime[i]; a.ID <= MaxAnimeID && !a.DescribedAt.IsZero() {
			top = max(top, a.ID)
		}
	}
	next := &Catalogue{
		byID: make([]title, top+1), can: make([]bool, top+1), stats: make([]uint8, 0, len(c.stats)+8*len(anime)),
		count: c.count, version: versions.Add(1),
	}
	copy(next.byID, c.byID)
	copy(next.can, c.can)
	for i := range anime {
		a := &anime[i]
		if a.ID < 1 || a.ID > MaxAnimeID || a.DescribedAt.IsZero() {
			continue
		}
		t := &next.byID[a.ID]
		if t.anime == nil {
			next.count++
		}
		*t = title{anime: a, mean: a.Mean}
		for _, g := range a.Genres {
			t.genres |= 1 << (uint(g.ID) % 64)
		}
		next.can[a.ID] = a.HasMean() && a.Parent == 0
	}
	for id := range next.byID {
		t := &next.byID[id]
		if t.anime == nil {
			continue
		}
		from := len(next.stats)
		if t.stats > 0 {
			next.stats = append(next.stats, c.statistics(t)...)
		} else {
			next.stats = appendStatistics(next.stats, t.anime)
		}
		t.from, t.stats = uint32(from), uint8(len(next.stats)-from)
	}
	return next
}

// appendStatistics appends the numbers of the statistics of an anime.
func appendStatistics(numbers []uint8, a *Anime) []uint8 {
	for _, s := range StatisticsOf(a) {
		numbers = append(numbers, uint8(s))
	}
	return numbers
}

// statistics are the numbers of the statistics of a title.
func (c *Catalogue) statistics(t *title) []uint8 { return c.stats[t.from:][:t.stats:t.stats] }

// compact puts the texts, the relations and the genres of all anime, which stay in memory for long, into one piece of memory each, see
// [Catalogue.With].
func compact(anime []Anime) {
	texts, relations := 0, 0
	for i := range anime {
		a := &anime[i]
		texts, relations = texts+len(a.Title)+len(a.English)+len(a.Picture), relations+len(a.Relations)
	}
	var text strings.Builder
	text.Grow(texts)
	related := make([]Relation, 0, relations)
	for i := range anime {
		a := &anime[i]
		for _, s := range []*string{&a.Title, &a.English, &a.Picture} {
			begin := text.Len()
			text.WriteString(*s)
			*s = text.String()[begin:] // what is written does not move, since there is room for all
		}
		if begin := len(related); len(a.Relations) > 0 {
			related = append(related, a.Relations...)
			a.Relations = slices.Clip(related[begin:])
		}
	}
	compactGenres(anime)
}

// compactGenres does so with genres. Anime that have theirs in the same memory still do.
func compactGenres(anime []Anime) {
	type place struct {
		first *Genre
		n     int
	}
	placeOf := func(a *Anime) place { return place{&a.Genres[0], len(a.Genres)} }
	moved := map[place][]Genre{}
	size := 0
	for i := range anime {
		a := &anime[i]
		if len(a.Genres) > 0 && moved[placeOf(a)] == nil {
			moved[placeOf(a)] = a.Genres
			size += len(a.Genres)
		}
	}
	all := make([]Genre, 0, size)
	for at, genres := range moved {
		begin := len(all)
		all = append(all, genres...)
		moved[at] = slices.Clip(all[begin:])
	}
	for i := range anime {
		if a := &anime[i]; len(a.Genres) > 0 {
			a.Genres = moved[placeOf(a)]
		}
	}
}

// Anime returns the described anime with that id, or nil.
func (c *Catalogue) Anime(id AnimeID) *Anime {
	if t := c.title(id); t != nil {
		return t.anime
	}
	return nil
}

// recommendable tells whether an anime is described, has a mean score, and no parent.
func (c *Catalogue) recommendable(id AnimeID) bool { return uint(id) < uint(len(c.can)) && c.can[id] }

func (c *Catalogue) title(id AnimeID) *title {
	if uint(id) >= uint(len(c.byID)) || c.byID[id].anime == nil {
		return nil
	}
	return &c.byID[id]
}

// Statistics returns the numbers of the statistics of the described anime with that id, see [StatisticsOf]. Read-only.
func (c *Catalogue) Statistics(id AnimeID) []uint8 {
	if t := c.title(id); t != nil {
		return c.statistics(t)
	}
	return nil
}

// All walks over the described anime in order of their ids.
func (c *Catalogue) All() iter.Seq[*Anime] {
	return func(yield func(*Anime) bool) {
		for i := range c.byID {
			if a := c.byID[i].anime; a != nil && !yield(a) {
				return
			}
		}
	}
}

// Len returns the number of described anime.
func (c *Catalogue) Len() int { return c.count }

// Last returns an id above which none is described.
func (c *Catalogue) Last() AnimeID { return AnimeID(max(len(c.byID), 1) - 1) }

// SameTaste tells whether a weighs the same in a taste hash as the anime of that id in the catalogue. When it does not,
// the hashes of those who watched it have to be made again.
func (c *Catalogue) SameTaste(a *Anime) bool {
	t := c.title(a.ID)
	if t == nil {
		return false
	}
	notInHash := func(s uint8) bool { return Statistics[s].Place < 0 }
	was := slices.DeleteFunc(slices.Clone(c.statistics(t)), notInHash)
	return slices.Equal(was, slices.DeleteFunc(appendStatistics(nil, a), notInHash))
}

// find returns at most n of the anime with text, in lower case, in a title, or with that id, without the first skip of them.
func (c *Catalogue) find(text string, skip, n int) []*Anime {
	id, err := strconv.Atoi(text)
	if err != nil {
		id = -1
	}
	var found []*Anime
	for a := range c.All() {
		if int(a.ID) != id && !strings.Contains(strings.ToLower(a.Title), text) && !strings.Contains(strings.ToLower(a.English), text) {
			continue
		}
		if skip--; skip >= 0 {
			continue
		}
		if found = append(found, a); len(found) == n {
			break
		}
	}
	return found
}
