package engine

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// pool is what some users can recommend to one.
type pool struct {
	near   []Neighbour
	votes  []vote
	ranked []eligible
	loosen []Loosening
	today  Day
	own    List // the requester's
	fold   Fold // of own; nil without a model
	bare   bool // what the model says of each is not wanted
}

// close ends the use of a pool.
func (p *pool) close() {
	if p.fold != nil {
		p.fold.Release()
		p.fold = nil
	}
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

// eligible gathers from the lists of lenders, some of the neighbours near, what can be recommended to u: watched and scored
// entries of anime that have a mean score, no parent, and are not on u's list. A lender's damaged list is left out.
func (e *Engine) eligible(ctx context.Context, u User, near []Neighbour, lenders []User) (*pool, error) {
	own, err := u.List.Unpack(nil)
	if err != nil {
		return nil, fmt.Errorf("list of %q: %w", u.Name, err)
	}
	c := e.catalogue.Load()
	seats := borrowSeats(c)
	defer seats.giveBack()
	for i := range own {
		seats.set(own[i].Anime, taken)
	}
	for id := range e.exclude.Load().anime {
		seats.set(id, taken)
	}
	p := &pool{near: near, today: DayOf(e.opts.Now()), own: own}
	byID := make(map[UserID]*User, len(lenders))
	for i := range lenders {
		byID[lenders[i].ID] = &lenders[i]
	}
	var list List
	for i := range near {
		lender, ok := byID[near[i].ID]
		if !ok {
			continue // gone since the index was asked
		}
		if list, err = lender.List.Unpack(list[:0]); err != nil {
			e.opts.Log.ErrorContext(ctx, "stored list", "user", lender.Name, "err", err)
			continue
		}
		for j := range list {
			p.add(c, seats, &list[j], uint16(i))
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
	for i, match := range p.fold.Matches(make([]float64, 0, len(p.ranked)), p.anime(p.ranked), niche) {
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
	slices.SortFunc(p.ranked, func(a, b eligible) int {
		return cmp.Or(cmp.Compare(b.value, a.value), cmp.Compare(a.anime.ID, b.anime.ID))
	})
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

// recommendations turns some of what is ranked into what is answered.
func (p *pool) recommendations(shown []eligible) []Recommendation {
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
	p.explain(recs, shown)
	return recs
}

// explain adds to recommendations what the item model says of them.
func (p *pool) explain(recs []Recommendation, shown []eligible) {
	if p.fold == nil || p.bare {
		return
	}
	anime := p.anime(shown)
	because := p.fold.Because(anime)
	for i := range shown {
		recs[i].HasMatch, recs[i].Match = true, shown[i].match
		recs[i].Because, recs[i].Expected = because[i], p.fold.Expected(anime[i])
	}
}

// anime are those of some of what is eligible.
func (*pool) anime(of []eligible) []*Anime {
	anime := make([]*Anime, len(of))
	for i := range of {
		anime[i] = of[i].anime
	}
	return anime
}
