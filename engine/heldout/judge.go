package heldout

import (
	"cmp"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"reko.moe/engine"
)

// Cut-off of all ranking measures: a page.
const top = engine.PageSize

// judgement is how well an order did for one user. NaN: the user has nothing that could be found.
type judgement struct {
	ndcg, recall, hit float64 // of what was watched
	liked             float64 // NDCG of what was liked
	fresh             float64 // NDCG of what was watched, in the view without franchises that the user knows
	freshLiked        float64 // and liked
	unwatched         float64 // NDCG of what was watched, in the view without franchises of which the user watched something
	unrelated         float64 // NDCG of what was watched, in the view without anything related to what the user knows
	unrelatedOfAll    float64 // the same by the gain of all that was held out, related or not
	popularity        float64 // mean rank by popularity of the page
	entropy           float64 // of the page's genres, in bits
	page              []engine.AnimeID
	took              time.Duration
}

// judge compares an order's answer for a case with what was held out. What cannot be recommended to the user is passed over. It
// asks for no more than fills the pages of all views.
func (g *Ground) judge(c *Case, ranked iter.Seq2[engine.AnimeID, error]) (judgement, error) {
	known := make(map[engine.AnimeID]bool, len(c.FoldIn))
	franchises := make(map[engine.AnimeID]bool, len(c.FoldIn)) // true: something of it was watched
	related := make(map[engine.AnimeID]bool, 8*len(c.FoldIn))
	for i := range c.FoldIn {
		id := c.FoldIn[i].Anime
		known[id] = true
		franchise := g.franchise(id)
		franchises[franchise] = franchises[franchise] || c.FoldIn[i].Watched()
		for _, other := range g.related[id] {
			related[other] = true
		}
	}
	for _, id := range c.Aside {
		known[id] = true
	}
	watched, liked := map[engine.AnimeID]bool{}, map[engine.AnimeID]bool{}
	enough := likedFrom(c.FoldIn)
	for i := range c.HeldOut {
		e := &c.HeldOut[i]
		if !g.eligible(e.Anime) {
			continue
		}
		watched[e.Anime] = true
		if float64(e.Score) >= enough {
			liked[e.Anime] = true
		}
	}
	all := func(engine.AnimeID) bool { return true }
	fresh := func(id engine.AnimeID) bool {
		_, is := franchises[g.franchise(id)]
		return !is
	}
	unwatched := func(id engine.AnimeID) bool { return !franchises[g.franchise(id)] }
	unrelated := func(id engine.AnimeID) bool { return !related[id] }
	pages := [...]struct {
		shown func(engine.AnimeID) bool
		page  []engine.AnimeID
	}{{shown: all}, {shown: fresh}, {shown: unrelated}, {shown: unwatched}}
	start := time.Now()
	var first time.Duration // until the first page was full
	for id, err := range ranked {
		if err != nil {
			return judgement{}, err
		}
		if known[id] || !g.eligible(id) {
			continue
		}
		known[id] = true // what is named twice counts once
		full := true
		for i := range pages {
			if p := &pages[i]; len(p.page) < top && p.shown(id) {
				p.page = append(p.page, id)
			}
			full = full && len(pages[i].page) == top
		}
		if first == 0 && len(pages[0].page) == top {
			first = time.Since(start)
		}
		if full {
			break
		}
	}
	j := judgement{page: pages[0].page, took: cmp.Or(first, time.Since(start))}
	j.ndcg, j.liked = ndcg(j.page, watched, all), ndcg(j.page, liked, all)
	j.fresh, j.freshLiked = ndcg(pages[1].page, watched, fresh), ndcg(pages[1].page, liked, fresh)
	j.unrelated, j.unwatched = ndcg(pages[2].page, watched, unrelated), ndcg(pages[3].page, watched, unwatched)
	j.unrelatedOfAll = ndcg(pages[2].page, watched, all)
	hits := 0
	for _, id := range j.page {
		if watched[id] {
			hits++
		}
		j.popularity += float64(g.rank[id]) / float64(len(j.page))
	}
	j.recall, j.hit = math.NaN(), math.NaN()
	if len(watched) > 0 {
		j.recall, j.hit = float64(hits)/float64(len(watched)), float64(min(hits, 1))
	}
	j.entropy = g.entropy(j.page)
	if len(j.page) == 0 {
		j.popularity, j.entropy = math.NaN(), math.NaN()
	}
	return j, nil
}

// likedFrom is the score from which a held-out entry counts as liked: the mean of the fold-in's watched and scored entries, and
// at least 7.
func likedFrom(foldIn engine.List) float64 {
	sum, n := 0, 0
	for i := range foldIn {
		if foldIn[i].Watched() && foldIn[i].Score > 0 {
			sum += int(foldIn[i].Score)
			n++
		}
	}
	if n == 0 {
		return 7
	}
	return max(7, float64(sum)/float64(n))
}

// ndcg is the normalised discounted cumulative gain of a page, with gains of 0 and 1 (Järvelin and Kekäläinen, “Cumulated
// gain-based evaluation of IR techniques”, 2002). Of what is relevant only what the view shows counts; it is missing when that is
// nothing.
func ndcg(page []engine.AnimeID, relevant map[engine.AnimeID]bool, shown func(engine.AnimeID) bool) float64 {
	n := 0
	for id := range relevant {
		if shown(id) {
			n++
		}
	}
	if n == 0 {
		return math.NaN()
	}
	gain, ideal := 0.0, 0.0
	for i, id := range page {
		if relevant[id] {
			gain += 1 / math.Log2(float64(i+2))
		}
	}
	for i := range min(n, top) {
		ideal += 1 / math.Log2(float64(i+2))
	}
	return gain / ideal
}

// entropy says how mixed the genres of a page are: that of the distribution of its genres, themes and demographics.
func (g *Ground) entropy(page []engine.AnimeID) float64 {
	counts, all := map[int]int{}, 0
	for _, id := range page {
		for _, genre := range g.Catalogue.Anime(id).Genres {
			counts[genre.ID]++
			all++
		}
	}
	bits := 0.0
	for _, n := range slices.Sorted(maps.Values(counts)) { // in an order, so that the sum is always the same
		p := float64(n) / float64(all)
		bits -= p * math.Log2(p)
	}
	return bits
}
