package engine

import "slices"

// mostOfGenre is how many anime on a page may share a genre before others come first: of a list of one taste most will, so
// that it only keeps a page from being one genre's alone.
const mostOfGenre = PageSize - 2

// vary rearranges what is ranked so that a page has one anime of a franchise, and is not of one genre alone. What has to wait
// keeps its order and comes on a later page, as far up as it can; at the end, where there is nothing else, it comes as it is.
// Genres that were asked for do not count.
func (p *pool) vary(asked []int) {
	varied, waiting, next := p.spare[:0], p.waiting[0][:0], p.waiting[1][:0]
	rest := p.ranked
	page := &p.varied
	page.asked = asked
	for range min((len(p.ranked)+PageSize-1)/PageSize, MaxPage) {
		page.turn()
		start := len(varied)
		next = next[:0]
		for _, el := range waiting {
			if len(varied)-start < PageSize && page.takes(p.catalogue, el.id) {
				varied = append(varied, el)
			} else {
				next = append(next, el)
			}
		}
		for len(varied)-start < PageSize && len(rest) > 0 {
			if page.takes(p.catalogue, rest[0].id) {
				varied = append(varied, rest[0])
			} else {
				next = append(next, rest[0])
			}
			rest = rest[1:]
		}
		more := min(PageSize-(len(varied)-start), len(next))
		varied = append(varied, next[:more]...)
		next = slices.Delete(next, 0, more)
		waiting, next = next, waiting
	}
	copy(p.ranked[copy(p.ranked, varied):], waiting) // rest is where it was
	p.spare, p.waiting = varied, [2][]eligible{waiting, next}
}

// variedPage is what stands on a page.
type variedPage struct {
	asked      []int             // genres
	franchises [PageSize]AnimeID // of the anime on it
	taken      int               // how many there are
	genres     []genreCount      // of these anime
	crowded    []int             // genres that enough of them have, but for those that were asked for
}

// genreCount is how many anime have a genre.
type genreCount struct{ genre, anime int }

// turn begins the next page.
func (p *variedPage) turn() { p.taken, p.genres, p.crowded = 0, p.genres[:0], p.crowded[:0] }

// takes puts an anime on the page, unless there is one of its franchise already or enough of one of its genres.
func (p *variedPage) takes(c *Catalogue, id AnimeID) bool {
	a, franchise := c.Anime(id), c.Franchise(id)
	if slices.Contains(p.franchises[:p.taken], franchise) || slices.ContainsFunc(p.crowded, a.hasGenre) {
		return false
	}
	p.franchises[p.taken] = franchise
	p.taken++
	for i, g := range a.Genres {
		if !hasGenre(a.Genres[:i], g.ID) { // each once
			p.count(g.ID)
		}
	}
	return true
}

// count counts one more anime of a genre.
func (p *variedPage) count(genre int) {
	for i := range p.genres {
		g := &p.genres[i]
		if g.genre != genre {
			continue
		}
		if g.anime++; g.anime == mostOfGenre && !slices.Contains(p.asked, genre) {
			p.crowded = append(p.crowded, genre)
		}
		return
	}
	p.genres = append(p.genres, genreCount{genre, 1})
}
