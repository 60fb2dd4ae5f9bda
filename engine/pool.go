package engine

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
)

// pool is what some users can recommend to one. Its memory is used again once it is closed: what is answered has none of it.
type pool struct {
	near   []Neighbour // not of that memory
	votes  []vote
	ranked []eligible
	loosen []Loosening
	today  Day
	own    List // the requester's
	fold   Fold // of own; nil without a model

	list    List       // of a lender
	spare   []eligible // for sorting and varying
	waiting [2][]eligible
	keys    []sortKey
	shown   []*Anime
	matches []float64
}

// pools has pools that are closed.
var pools = sync.Pool{New: func() any { return new(pool) }}

// close ends the use of a pool.
func (p *pool) close() {
	if p.fold != nil {
		p.fold.Release()
		p.fold = nil
	}
	// A pool that waits for its next use must not keep a catalogue.
	for _, of := range [...][]eligible{p.ranked, p.spare, p.waiting[0], p.waiting[1]} {
		clear(of[:cap(of)])
	}
	clear(p.shown[:cap(p.shown)])
	p.near, p.loosen = nil, nil
	pools.Put(p)
}

// eligible is an anime in a pool.
type eligible struct {
	anime *Anime
	value float64 // the higher the better; set by rank
	match float64 // how well it fits the requester's list; 0 without a model
	sum   int     // of the scores
	count int
	days  int   // sum of the days, of entries that have one
	dated int   // how many do
	first int32 // index of the first vote
	last  int32
}

// vote is one user's score; those of an anime are chained by next, 0 being the end (votes[0] is never a next).
type vote struct {
	near  uint16 // index into pool.near
	score uint8
	next  int32
}

// eligible gathers from the lists of lenders, some of the neighbours near and in their order, what can be recommended to u: watched and scored
// entries of anime that have a mean score, no parent, and are not on u's list. A lender's damaged list is left out.
func (e *Engine) eligible(ctx context.Context, u User, near []Neighbour, lenders []User) (*pool, error) {
	p := pools.Get().(*pool)
	p.near, p.votes, p.ranked, p.today = near, p.votes[:0], p.ranked[:0], DayOf(e.opts.Now())
	var err error
	if p.own, err = u.List.Unpack(p.own[:0]); err != nil {
		p.close()
		return nil, fmt.Errorf("list of %q: %w", u.Name, err)
	}
	c := e.catalogue.Load()
	seats := borrowSeats(c)
	defer seats.giveBack()
	for i := range p.own {
		seats.set(p.own[i].Anime, taken)
	}
	for id := range e.exclude.Load().anime {
		seats.set(id, taken)
	}
	for i := range near {
		if len(lenders) == 0 || lenders[0].ID != near[i].ID {
			continue // gone since the index was asked
		}
		lender := &lenders[0]
		lenders = lenders[1:]
		if p.list, err = lender.List.Unpack(p.list[:0]); err != nil {
			e.opts.Log.ErrorContext(ctx, "stored list", "user", lender.Name, "err", err)
			continue
		}
		for j := range p.list {
			p.add(c, seats, &p.list[j], uint16(i))
		}
	}
	return p, nil
}

// add counts entry as a vote of near[i], if it is one.
func (p *pool) add(c *Catalogue, seats *seats, entry *Entry, i uint16) {
	if entry.Score == 0 || !entry.Watched() {
		return
	}
	seat := seats.at(entry.Anime)
	if seat == taken {
		return
	}
	if seat == free {
		a := c.Anime(entry.Anime)
		if a == nil || !a.HasMean() || a.Parent != 0 {
			seats.set(entry.Anime, taken)
			return
		}
		p.ranked = append(p.ranked, eligible{anime: a, first: int32(len(p.votes))})
		seat = int32(len(p.ranked))
		seats.set(entry.Anime, seat)
	} else {
		p.votes[p.ranked[seat-1].last].next = int32(len(p.votes))
	}
	el := &p.ranked[seat-1]
	el.last = int32(len(p.votes))
	p.votes = append(p.votes, vote{near: i, score: entry.Score})
	el.sum += int(entry.Score)
	el.count++
	if entry.Day != 0 {
		el.days += int(entry.Day)
		el.dated++
	}
}

// compare sets how well what is eligible fits the requester's list.
func (p *pool) compare(niche int) {
	if p.fold == nil {
		return
	}
	niche = min(max(niche, -MaxNiche), MaxNiche)
	p.matches = p.fold.Matches(p.matches[:0], p.anime(p.ranked), niche)
	for i, match := range p.matches {
		p.ranked[i].match = match
	}
}

// rank puts what is eligible in order, best first; ties by anime id. single says that the votes are one user's.
func (p *pool) rank(order Order, single bool) {
	switch order {
	case Taste:
		for i := range p.ranked {
			p.ranked[i].value = p.ranked[i].match
		}
	default:
		for i := range p.ranked {
			p.ranked[i].value = p.ranked[i].classic(p.today, single)
		}
	}
	p.sort()
}

// sortKey is what is eligible as it is sorted: a quarter of its size.
type sortKey struct {
	value float64
	id    AnimeID
	at    int32
}

// sort puts what is eligible in order of value, the greatest first; ties by anime id.
func (p *pool) sort() {
	p.keys = slices.Grow(p.keys[:0], len(p.ranked))
	for i := range p.ranked {
		p.keys = append(p.keys, sortKey{p.ranked[i].value, p.ranked[i].anime.ID, int32(i)})
	}
	slices.SortFunc(p.keys, func(a, b sortKey) int {
		if c := cmp.Compare(b.value, a.value); c != 0 {
			return c
		}
		return cmp.Compare(a.id, b.id)
	})
	sorted := slices.Grow(p.spare[:0], len(p.ranked))
	for _, k := range p.keys {
		sorted = append(sorted, p.ranked[k.at])
	}
	p.ranked, p.spare = sorted, p.ranked
}

// classic is the order of reko.moe: sum of scores / (count + 1) - floor(mean years since the entries changed / 2), and for
// one user's list score - floor(years / 2). Entries of unknown date have no say in the years.
func (el *eligible) classic(today Day, single bool) float64 {
	value := float64(el.sum) / float64(el.count+1)
	if single {
		value = float64(el.sum)
	}
	if el.dated > 0 {
		const year = 365.25
		days := float64(today) - float64(el.days)/float64(el.dated)
		value -= math.Floor(max(days, 0) / year / 2)
	}
	return value
}

// recommendations turns some of what is ranked into what is answered. bare says that it is not explained.
func (p *pool) recommendations(shown []eligible, bare bool) []Recommendation {
	n := 0
	for i := range shown {
		n += shown[i].count
	}
	votes := make([]Vote, 0, n)
	recs := make([]Recommendation, 0, len(shown))
	for i := range shown {
		el := &shown[i]
		start := len(votes)
		for at := el.first; ; at = p.votes[at].next {
			v := p.votes[at]
			votes = append(votes, Vote{p.near[v.near], int(v.score)})
			if at == el.last {
				break
			}
		}
		recs = append(recs, Recommendation{
			Anime: el.anime,
			Score: (2*el.sum + el.count) / (2 * el.count), // rounded, a half up
			Votes: votes[start:len(votes):len(votes)],
		})
	}
	p.explain(recs, shown, bare)
	return recs
}

// explain adds to recommendations what the item model says of them.
func (p *pool) explain(recs []Recommendation, shown []eligible, bare bool) {
	if p.fold == nil || bare {
		return
	}
	anime := p.anime(shown)
	because := p.fold.Because(anime)
	for i := range shown {
		recs[i].HasMatch, recs[i].Match = true, shown[i].match
		recs[i].Because, recs[i].Expected = because[i], p.fold.Expected(anime[i])
	}
}

// anime are those of some of what is eligible, until the next call.
func (p *pool) anime(of []eligible) []*Anime {
	p.shown = slices.Grow(p.shown[:0], len(of))
	for i := range of {
		p.shown = append(p.shown, of[i].anime)
	}
	return p.shown
}
