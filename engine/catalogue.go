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
	byID    []*title // by AnimeID; nil where nobody described the anime
	can     []bool   // by AnimeID: it can be recommended
	count   int
	version int64 // no other catalogue of this process has it

	franchises franchises
	known      known
}

// title is an anime with what is asked about it most.
type title struct {
	anime  *Anime
	places []uint8 // in the taste hash, of its statistics
	stats  []uint8 // numbers of its statistics
	mean   float64 // the anime's
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
	next := &Catalogue{byID: make([]*title, top+1), can: make([]bool, top+1), count: c.count, version: versions.Add(1)}
	copy(next.byID, c.byID)
	copy(next.can, c.can)
	// All of them are in a few pieces of memory: the garbage collector looks at each piece again and again.
	titles, numbers := make([]title, 0, len(anime)), make([]uint8, 0, 8*len(anime))
	for i := range anime {
		a := &anime[i]
		if a.ID < 1 || a.ID > MaxAnimeID || a.DescribedAt.IsZero() {
			continue
		}
		if next.byID[a.ID] == nil {
			next.count++
		}
		t := title{anime: a, mean: a.Mean}
		stats, begin := StatisticsOf(a), len(numbers)
		numbers = appendHashPlaces(numbers, stats)
		t.places, begin = slices.Clip(numbers[begin:]), len(numbers)
		for _, s := range stats {
			numbers = append(numbers, uint8(s))
		}
		t.stats = slices.Clip(numbers[begin:])
		titles = append(titles, t)
		next.byID[a.ID] = &titles[len(titles)-1]
		next.can[a.ID] = a.HasMean() && a.Parent == 0
	}
	return next
}

// appendHashPlaces appends the places in the taste hash that statistics have.
func appendHashPlaces(places []uint8, stats []int) []uint8 {
	for _, s := range stats {
		if p := Statistics[s].Place; p >= 0 {
			places = append(places, uint8(p))
		}
	}
	return places
}

// compact puts the texts and the relations of all anime, which stay in memory for long, into one piece of memory each, see [Catalogue.With].
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
	if uint(id) >= uint(len(c.byID)) {
		return nil
	}
	return c.byID[id]
}

// Statistics returns the numbers of the statistics of the described anime with that id, see [StatisticsOf]. Read-only.
func (c *Catalogue) Statistics(id AnimeID) []uint8 {
	if t := c.title(id); t != nil {
		return t.stats
	}
	return nil
}

// All walks over the described anime in order of their ids.
func (c *Catalogue) All() iter.Seq[*Anime] {
	return func(yield func(*Anime) bool) {
		for _, t := range c.byID {
			if t != nil && !yield(t.anime) {
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
	return t != nil && slices.Equal(t.places, appendHashPlaces(nil, StatisticsOf(a)))
}

// find returns at most n of the anime with text, in lower case, in a title, or with that id, without the first skip of them.
func (c *Catalogue) find(text string, skip, n int) []*Anime {
	id, err := strconv.Atoi(text)
	if err != nil {
		id = -1
	}
	var found []*Anime
	for _, t := range c.byID {
		if t == nil || int(t.anime.ID) != id && !strings.Contains(strings.ToLower(t.anime.Title), text) &&
			!strings.Contains(strings.ToLower(t.anime.English), text) {
			continue
		}
		if skip--; skip >= 0 {
			continue
		}
		if found = append(found, t.anime); len(found) == n {
			break
		}
	}
	return found
}
