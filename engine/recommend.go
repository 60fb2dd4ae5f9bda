package engine

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// The sizes of pages and batches, and how many there are.
const (
	PageSize       = 16 // recommendations
	MaxPage        = 20
	SimilarSize    = 32 // similar users on a page
	MaxSimilarPage = 40
	BatchSize      = 32 // users whose lists recommend
	MaxBatch       = 40
)

// Answer is the answer to a question that somebody asked for the user Requester.
type Answer[T any] struct {
	Requester Requester
	Page      Page // zero when the answer is not paginated
	Data      T
}

// Requester is the user for whom was asked.
type Requester struct {
	Card
	Origin    Origin
	Entries   int // on the list
	FetchedAt time.Time
	Stale     bool // the list is older than it should be: the source did not answer
}

func (e *Engine) requester(u User) Requester {
	stale := u.Origin == FromMAL && e.opts.Source != nil && e.opts.Now().Sub(u.FetchedAt) >= e.opts.MaxAge
	return Requester{card(u), u.Origin, u.List.Len(), u.FetchedAt, stale}
}

// Page says where in a longer answer one is.
type Page struct {
	Current int // from 1
	More    bool
}

// pageOf cuts page n of the given size out of items; n is taken into 1..last.
func pageOf[T any](items []T, n, size, last int) (Page, []T) {
	n = min(max(n, 1), last)
	from, to := min((n-1)*size, len(items)), min(n*size, len(items))
	return Page{Current: n, More: n < last && to < len(items)}, items[from:to]
}

// Recommendation is an anime with those who recommend it.
type Recommendation struct {
	Anime *Anime
	Score int    // mean of the voters' scores, rounded, 1..10
	Votes []Vote // of the batch's users who watched it, the most similar first
}

// Vote is a user's score of an anime.
type Vote struct {
	Neighbour
	Score int // 1..10
}

// Order is a way to order what can be recommended.
type Order string

// Classic is the order of reko.moe: what is scored highly by many, and lately, comes first.
const Classic Order = "classic"

// ParseOrder returns the order of that name; the empty one is the default.
func ParseOrder(s string) (Order, error) {
	switch Order(s) {
	case "", Classic:
		return Classic, nil
	}
	return "", fmt.Errorf("order %.40q: %w", s, ErrInvalid)
}

// Query says which recommendations are wanted. The zero value is the first page of the first batch.
type Query struct {
	Page   int // taken into 1..[MaxPage]
	Batch  int // taken into 1..[MaxBatch]
	Order  Order
	Filter Filter
}

// Recommendations are some of what can be recommended.
type Recommendations struct {
	Items  []Recommendation
	From   []Neighbour // those whose lists they are from
	Total  int         // how many there are, on all pages
	Loosen []Loosening // when the filter leaves none: the criteria that keep something back
}

// Recommend returns a page of what the users of a batch watched and the named user could.
func (e *Engine) Recommend(ctx context.Context, name string, q Query) (Answer[Recommendations], error) {
	u, found, err := e.fromBatch(ctx, name, q)
	if err != nil {
		return Answer[Recommendations]{}, err
	}
	return e.recommended(u, found, q), nil
}

// RecommendFrom returns a page of what one user watched and the named user could, ordered by that user's scores.
func (e *Engine) RecommendFrom(ctx context.Context, name, other string, q Query) (Answer[Recommendations], error) {
	none := Answer[Recommendations]{}
	u, err := e.user(ctx, name)
	if err != nil {
		return none, err
	}
	o, err := e.user(ctx, other)
	if err != nil {
		return none, err
	}
	found, err := e.eligible(ctx, u, []Neighbour{{card(o), Distance(u.Hash, o.Hash)}}, []User{o})
	if err != nil {
		return none, err
	}
	found.loosen = found.narrow(q.Filter)
	found.rank(q.Order, true)
	return e.recommended(u, found, q), nil
}

// recommended cuts the page out of what was found for u.
func (e *Engine) recommended(u User, found *pool, q Query) Answer[Recommendations] {
	p, shown := pageOf(found.ranked, q.Page, PageSize, MaxPage)
	return Answer[Recommendations]{e.requester(u), p, Recommendations{
		Items: found.recommendations(shown), From: found.near, Total: len(found.ranked), Loosen: found.loosen,
	}}
}

// fromBatch ranks all that the users of a batch can recommend to the named user.
func (e *Engine) fromBatch(ctx context.Context, name string, q Query) (User, *pool, error) {
	u, err := e.user(ctx, name)
	if err != nil {
		return u, nil, err
	}
	batch := min(max(q.Batch, 1), MaxBatch)
	near, _ := e.index.Load().Nearest(u.Hash, u.ID, (batch-1)*BatchSize, batch*BatchSize)
	ids := make([]UserID, len(near))
	for i, n := range near {
		ids[i] = n.ID
	}
	lenders, err := e.opts.Store.Users(ctx, ids)
	if err != nil {
		return u, nil, err
	}
	found, err := e.eligible(ctx, u, near, lenders)
	if err != nil {
		return u, nil, err
	}
	found.loosen = found.narrow(q.Filter)
	found.rank(q.Order, false)
	return u, found, nil
}

func card(u User) Card { return Card{ID: u.ID, Name: u.Name, Hash: u.Hash} }

// listedCard is u's card for the index: without a hash, and so not in it, if u is unlisted.
func listedCard(u User) Card {
	c := card(u)
	if u.Unlisted {
		c.Hash = 0
	}
	return c
}

// pool is what some users can recommend to one.
type pool struct {
	near   []Neighbour
	votes  []vote
	ranked []eligible
	loosen []Loosening
	today  Day
}

// eligible is an anime in a pool.
type eligible struct {
	anime *Anime
	value float64 // the higher the better; set by rank
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
	p := &pool{near: near, today: DayOf(e.opts.Now())}
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

// rank puts what is eligible in order, best first; ties by anime id. single says that the votes are one user's. The trained
// order has its place here, beside the classic one.
func (p *pool) rank(order Order, single bool) {
	switch order {
	case Classic, "":
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
	return recs
}
