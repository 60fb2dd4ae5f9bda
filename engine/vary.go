package engine

import "slices"

// mostOfGenre is how many anime on a page may share a genre before others come first: of a list of one taste most will, so
// that it only keeps a page from being one genre's alone.
const mostOfGenre = PageSize - mostLacking

// mostLacking is how many anime of a page may lack a genre that crowds it.
const mostLacking = 2

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
	asked      []int // genres
	anime      [PageSize]AnimeID
	franchises [PageSize]AnimeID       // of anime
	taken      int                     // how many there are
	lacking    [mostLacking + 1]uint64 // genres that at least 1, 2, 3 of them lack, as [title.genres]
	crowded    []int                   // genres that enough of them have, but for those that were asked for
}

// turn begins the next page.
func (p *variedPage) turn() {
	p.taken, p.lacking, p.crowded = 0, [mostLacking + 1]uint64{}, p.crowded[:0]
}

// takes puts an anime on the page, unless there is one of its franchise already or enough of one of its genres.
func (p *variedPage) takes(c *Catalogue, id AnimeID) bool {
	franchise := c.Franchise(id)
	if slices.Contains(p.franchises[:p.taken], franchise) || slices.ContainsFunc(p.crowded, func(g int) bool { return c.Anime(id).hasGenre(g) }) {
		return false
	}
	p.anime[p.taken], p.franchises[p.taken] = id, franchise
	p.taken++
	lacks := ^c.genres(id)
	for n := mostLacking; n > 0; n-- {
		p.lacking[n] |= p.lacking[n-1] & lacks
	}
	p.lacking[0] |= lacks
	if p.taken >= mostOfGenre && ^p.lacking[p.taken-mostOfGenre] != 0 { // else no genre is
		p.count(c)
	}
	return true
}

// count finds out which genres are crowded.
func (p *variedPage) count(c *Catalogue) {
	p.crowded = p.crowded[:0]
	others := p.taken - mostOfGenre // that may be without a genre
	for _, id := range p.anime[:others+1] {
		for _, g := range c.Anime(id).Genres {
			without := 0
			for _, id := range p.anime[:p.taken] {
				if !c.Anime(id).hasGenre(g.ID) {
					without++
				}
				if without > others {
					break
				}
			}
			if without <= others && !slices.Contains(p.asked, g.ID) {
				p.crowded = append(p.crowded, g.ID)
			}
		}
	}
}
