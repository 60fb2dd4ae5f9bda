package engine

import "slices"

// mostOfGenre is how many anime on a page may share a genre before others come first: of a list of one taste most will, so
// that it only keeps a page from being one genre's alone.
const mostOfGenre = PageSize - 2

// vary rearranges what is ranked so that a page has one anime of a franchise, and is not of one genre alone. What has to wait
// keeps its order and comes on a later page, as far up as it can; at the end, where there is nothing else, it comes as it is.
// Genres that were asked for do not count.
func (p *pool) vary(c *Catalogue, asked []int) {
	varied := make([]eligible, 0, len(p.ranked))
	var waiting, next []eligible
	rest := p.ranked
	pages := min((len(p.ranked)+PageSize-1)/PageSize, MaxPage)
	for range pages {
		page := variedPage{asked: asked, franchises: map[AnimeID]bool{}, genres: map[int]int{}}
		start := len(varied)
		next = next[:0]
		for _, el := range waiting {
			if len(varied)-start < PageSize && page.takes(c, el.anime) {
				varied = append(varied, el)
			} else {
				next = append(next, el)
			}
		}
		for len(varied)-start < PageSize && len(rest) > 0 {
			if page.takes(c, rest[0].anime) {
				varied = append(varied, rest[0])
			} else {
				next = append(next, rest[0])
			}
			rest = rest[1:]
		}
		for len(varied)-start < PageSize && len(next) > 0 {
			varied = append(varied, next[0])
			next = next[1:]
		}
		waiting, next = next, waiting
	}
	varied = append(varied, waiting...)
	p.ranked = append(varied, rest...)
}

// variedPage is what stands on a page.
type variedPage struct {
	asked      []int // genres
	franchises map[AnimeID]bool
	genres     map[int]int // how many anime have each
}

// takes puts an anime on the page, unless there is one of its franchise already or enough of one of its genres.
func (p *variedPage) takes(c *Catalogue, a *Anime) bool {
	franchise := c.Franchise(a.ID)
	if p.franchises[franchise] {
		return false
	}
	for _, g := range a.Genres {
		if p.genres[g.ID] >= mostOfGenre && !slices.Contains(p.asked, g.ID) {
			return false
		}
	}
	p.franchises[franchise] = true
	for _, g := range a.Genres {
		p.genres[g.ID]++
	}
	return true
}
