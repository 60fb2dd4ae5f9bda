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
	pages   []*titles // of ids that follow each other; nil where nobody described any of them
	count   int
	version int64 // no other catalogue of this process has it

	franchises franchises
	known      known
}

// titlesAPage is how many ids a page of a catalogue is for.
const titlesAPage = 256

// titles are a page of a catalogue, of which a change copies no others. It is immutable once it is in one.
type titles struct {
	title [titlesAPage]title
	can   [titlesAPage]bool // be recommended
	stats []uint8           // numbers of statistics, those of a title side by side
}

// title is an anime with what is asked about it most; without an anime nobody described it. One pointer in each is little work for the
// garbage collector, which looks at all of them again and again.
type title struct {
	anime  *Anime
	mean   float64 // the anime's
	genres uint64  // see [Catalogue.genres]
	from   uint16  // where its numbers begin in stats
	count  uint8   // how many there are
}

// NewCatalogue makes a catalogue of anime; see [Catalogue.With].
func NewCatalogue(anime []Anime) *Catalogue { return new(Catalogue).With(anime) }

// With returns a catalogue in which anime were added or replaced. Those that are not described (see [Anime]) or out of
// the range of ids are left out. The elements of anime must not be changed afterwards.
func (c *Catalogue) With(anime []Anime) *Catalogue {
	next := &Catalogue{pages: slices.Clone(c.pages), count: c.count, version: versions.Add(1)}
	changed := map[*titles]bool{}
	for i := range anime {
		a := &anime[i]
		if a.ID < 1 || a.ID > MaxAnimeID || a.DescribedAt.IsZero() {
			continue
		}
		n, at := int(a.ID/titlesAPage), a.ID%titlesAPage
		if n >= len(next.pages) {
			next.pages = append(next.pages, make([]*titles, n+1-len(next.pages))...)
		}
		page := next.pages[n]
		if !changed[page] {
			page = page.copy()
			next.pages[n], changed[page] = page, true
		}
		t := &page.title[at]
		if t.anime == nil {
			next.count++
		}
		*t = title{anime: a, mean: a.Mean}
		for _, g := range a.Genres {
			t.genres |= 1 << (uint(g.ID) % 64)
		}
		page.can[at] = a.HasMean() && a.Parent == 0
	}
	for page := range changed {
		page.note()
	}
	return next
}

// copy returns a page to be changed; of nil an empty one.
func (p *titles) copy() *titles {
	if p == nil {
		return new(titles)
	}
	changed := *p
	return &changed
}

// note writes stats, in which there may be those of anime that were replaced.
func (p *titles) note() {
	p.stats = nil
	for i := range p.title {
		if t := &p.title[i]; t.anime != nil {
			from := len(p.stats)
			p.stats = appendStatistics(p.stats, t.anime)
			t.from, t.count = uint16(from), uint8(len(p.stats)-from)
		}
	}
	p.stats = slices.Clip(p.stats)
}

// statistics are the numbers of the statistics of a title of the page.
func (p *titles) statistics(t *title) []uint8 { return p.stats[t.from:][:t.count:t.count] }

// page is that of an id, and where the id is on it; one without titles where nobody described any.
func (c *Catalogue) page(id AnimeID) (p *titles, at uint) {
	n, at := uint(id)/titlesAPage, uint(id)%titlesAPage
	if n < uint(len(c.pages)) && c.pages[n] != nil {
		return c.pages[n], at
	}
	return &noTitles, at
}

var noTitles titles

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
	size := 0
	moved := map[place][]Genre{}
	for i := range anime {
		if g := anime[i].Genres; len(g) > 0 && moved[place{&g[0], len(g)}] == nil {
			moved[place{&g[0], len(g)}] = g
			size += len(g)
		}
	}
	all := make([]Genre, 0, size)
	clear(moved)
	for i := range anime {
		a := &anime[i]
		if len(a.Genres) == 0 {
			continue
		}
		was := place{&a.Genres[0], len(a.Genres)}
		if moved[was] == nil {
			begin := len(all)
			all = append(all, a.Genres...)
			moved[was] = slices.Clip(all[begin:])
		}
		a.Genres = moved[was]
	}
}

// Anime returns the described anime with that id, or nil.
func (c *Catalogue) Anime(id AnimeID) *Anime {
	p, at := c.page(id)
	return p.title[at].anime
}

// recommendable tells whether an anime is described, has a mean score, and no parent.
func (c *Catalogue) recommendable(id AnimeID) bool {
	p, at := c.page(id)
	return p.can[at]
}

// genres has a bit for each genre of an anime: that of the number modulo 64.
func (c *Catalogue) genres(id AnimeID) uint64 {
	p, at := c.page(id)
	return p.title[at].genres
}

// title returns what is known of the described anime with that id, and the numbers of its statistics; or nil.
func (c *Catalogue) title(id AnimeID) (*title, []uint8) {
	p, at := c.page(id)
	t := &p.title[at]
	if t.anime == nil {
		return nil, nil
	}
	return t, p.statistics(t)
}

// Statistics returns the numbers of the statistics of the described anime with that id, see [StatisticsOf]. Read-only.
func (c *Catalogue) Statistics(id AnimeID) []uint8 {
	_, stats := c.title(id)
	return stats
}

// All walks over the described anime in order of their ids.
func (c *Catalogue) All() iter.Seq[*Anime] {
	return func(yield func(*Anime) bool) {
		for _, page := range c.pages {
			if page == nil {
				continue
			}
			for i := range page.title {
				if a := page.title[i].anime; a != nil && !yield(a) {
					return
				}
			}
		}
	}
}

// Len returns the number of described anime.
func (c *Catalogue) Len() int { return c.count }

// Last returns an id above which none is described.
func (c *Catalogue) Last() AnimeID { return AnimeID(max(len(c.pages)*titlesAPage, 1) - 1) }

// SameTaste tells whether a weighs the same in a taste hash as the anime of that id in the catalogue. When it does not,
// the hashes of those who watched it have to be made again.
func (c *Catalogue) SameTaste(a *Anime) bool {
	t, stats := c.title(a.ID)
	if t == nil {
		return false
	}
	notInHash := func(s uint8) bool { return Statistics[s].Place < 0 }
	was := slices.DeleteFunc(slices.Clone(stats), notInHash)
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
