package engine

import (
	"cmp"
	"context"
	"fmt"
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
	Recalled  bool // the store did not answer, so this is what was in memory; without a list, FetchedAt and Entries are zero
}

// Bare tells whether no more is known than the card.
func (r *Requester) Bare() bool { return r.Recalled && r.FetchedAt.IsZero() }

func (e *Engine) requester(u User) Requester {
	stale := u.Origin == FromMAL && e.opts.Source != nil && older(u.FetchedAt, e.opts.Now(), e.opts.MaxAge)
	return Requester{card(u), u.Origin, u.List.Len(), u.FetchedAt, stale, u.recalled}
}

// Page says where in a longer answer one is.
type Page struct {
	Current int // from 1
	More    bool
}

// pageNumber takes n into 1..last.
func pageNumber(n, last int) int { return min(max(n, 1), last) }

// pageAt says where page n of the given size is among so many items; n is taken into 1..last.
func pageAt(n, size, last, items int) (p Page, from, to int) {
	n = pageNumber(n, last)
	from, to = min((n-1)*size, items), min(n*size, items)
	return Page{Current: n, More: n < last && to < items}, from, to
}

// Recommendation is an anime with those who recommend it.
type Recommendation struct {
	Anime *Anime
	Score int    // mean of the voters' scores, rounded, 1..10
	Votes []Vote // of the batch's users who watched it, the most similar first

	// What the item model says; zero without one.
	HasMatch bool        // there is a model
	Match    float64     // how well it fits the user's list; what [Taste] orders by
	Because  []Influence // what on the list speaks for it most
	Expected float64     // the score that the user would give, predicted: 1..10
}

// Vote is a user's score of an anime.
type Vote struct {
	*Neighbour     // not to be changed: all votes of that user have it
	Score      int // 1..10
}

// Order is a way to order what can be recommended.
type Order string

// The orders.
const (
	// Taste is the order of the trained item model: what the requester's own list speaks for comes first. Without a model it is
	// Classic.
	Taste Order = "taste"
	// Classic is the order of reko.moe: what is scored highly by many, and lately, comes first.
	Classic Order = "classic"
)

// ParseOrder returns the order of that name; the empty one is the default.
func ParseOrder(s string) (Order, error) {
	switch Order(s) {
	case "", Taste:
		return Taste, nil
	case Classic:
		return Classic, nil
	}
	return "", fmt.Errorf("order %.40q: %w", s, ErrInvalid)
}

// Query says which recommendations are wanted. The zero value is the first page of the first batch.
type Query struct {
	Page    int // taken into 1..[MaxPage]
	Batch   int // taken into 1..[MaxBatch]
	Order   Order
	Filter  Filter
	Niche   int       // taste for the unusual, -[MaxNiche] (what everybody watches) .. [MaxNiche]; at 0 the most is liked
	Without []AnimeID // anime on the user's list that have no influence on the order
	Bare    bool      // what the item model says of each is not wanted, which takes less time
}

// MaxNiche is the strongest taste for the unusual.
const MaxNiche = 2

// Recommendations are some of what can be recommended.
type Recommendations struct {
	Items  []Recommendation
	From   []Neighbour // those whose lists they are from
	Total  int         // how many there are, on all pages
	Loosen []Loosening // when the filter leaves none: the criteria that keep something back

	*shown
}

// Recommend returns a page of what the users of a batch watched and the named user could.
func (e *Engine) Recommend(ctx context.Context, name string, q Query) (Answer[Recommendations], error) {
	u, err := e.user(ctx, name)
	if err != nil {
		return Answer[Recommendations]{}, err
	}
	return e.recommendTo(ctx, u, u.Hash, q)
}

// recommendTo returns a page of what the users of a batch of those nearest to a hash watched, and u could.
func (e *Engine) recommendTo(ctx context.Context, u User, taste Hash, q Query) (Answer[Recommendations], error) {
	q.Page = pageNumber(q.Page, MaxPage)
	found, err := e.fromBatch(ctx, u, taste, q)
	if err != nil {
		return Answer[Recommendations]{}, err
	}
	defer found.close()
	return e.recommended(ctx, u, found, q), nil
}

// RecommendList is [Engine.Recommend] for a list of which nothing is stored. A short list's neighbours are those of the list that it is
// likely to become. What it does not tell a taste from is [ErrEmptyList] or [ErrNoHash].
func (e *Engine) RecommendList(ctx context.Context, l List, q Query) (Answer[Recommendations], error) {
	u, err := e.passing(l)
	if err != nil {
		return Answer[Recommendations]{}, err
	}
	return e.recommendTo(ctx, u, e.foreseen(l, u.Hash), q)
}

// passing is a user of whom nothing is stored.
func (e *Engine) passing(l List) (User, error) {
	u := User{Origin: Uploaded, List: l.Pack(), Hash: TasteHash(l, e.catalogue.Load())}
	switch {
	case l.Watched() == 0:
		return User{}, ErrEmptyList
	case u.Hash == 0:
		return User{}, ErrNoHash
	}
	return u, nil
}

// RecommendFrom returns a page of what one user watched and the named user could.
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
	q.Page = pageNumber(q.Page, MaxPage)
	found, err := e.lend(u, []Neighbour{{card(o), Distance(u.Hash, o.Hash)}}, []User{o})
	if err != nil {
		return none, err
	}
	defer found.close()
	end := e.step(ctx, "model")
	e.arrange(ctx, found, q, true)
	end()
	return e.recommended(ctx, u, found, q), nil
}

// recommended cuts the page out of what was found for u.
func (e *Engine) recommended(ctx context.Context, u User, found *pool, q Query) Answer[Recommendations] {
	total := len(found.order)
	if found.page != nil {
		total = found.page.Total
	}
	page, from, to := pageAt(q.Page, PageSize, MaxPage, total)
	if found.page != nil {
		from, to = 0, len(found.order)
	}
	s := borrowShown()
	r := e.recommend(ctx, found, s, found.between(from, to), q.Bare)
	if e.opts.Orders != nil && found.page == nil && found.loosen == nil {
		r.Order, r.Total, r.Ballots = pack(found.order[from:to]), total, slices.Clone(r.Ballots)
		e.opts.Orders.Set(found.key.page(page.Current), r)
	}
	return Answer[Recommendations]{e.requester(u), page, Recommendations{
		Items: s.recs, From: s.near, Total: total, Loosen: found.loosen, shown: s,
	}}
}

// fromBatch arranges all that the users of a batch of those nearest to a hash can recommend to u. The pool is the caller's to close.
func (e *Engine) fromBatch(ctx context.Context, u User, taste Hash, q Query) (*pool, error) {
	batch := min(max(q.Batch, 1), MaxBatch)
	found := pools.Get()
	near, _ := e.nearest(found.near[:0], taste, u.ID, (batch-1)*BatchSize, batch*BatchSize)
	found.near, found.ids = near, found.ids[:0]
	for i := range near {
		found.ids = append(found.ids, near[i].ID)
	}
	var err error
	if found.users, err = e.opts.Store.Users(ctx, found.users[:0], found.ids); err == nil {
		err = e.fill(found, u, near, found.users)
	}
	if err != nil {
		found.close()
		return nil, err
	}
	end := e.step(ctx, "model")
	e.arrange(ctx, found, q, false)
	end()
	return found, nil
}

// arrange finds what was lent that can be recommended, narrows it by the query's filter, and puts it in the query's order. single says that it
// is from one user's list. Of a page that is remembered nothing is found but what is on it; a query without a page is of no page.
func (e *Engine) arrange(ctx context.Context, found *pool, q Query, single bool) {
	order := cmp.Or(q.Order, e.opts.Order)
	if found.model == nil {
		order = Classic
	}
	bare := q.Bare || found.model == nil
	memory := e.opts.Orders
	if memory != nil {
		found.key = found.orderKey(order, &q, single)
		if q.Page > 0 && found.rememberedPage(memory, q.Page, bare) {
			return
		}
		if bare && found.remembered(memory) {
			return
		}
	}
	e.gather(ctx, found, order == Classic)
	if order == Taste || !bare {
		found.fold = found.model.fold(found.own, found.catalogue, q.Without)
		found.compare(q.Niche)
	}
	found.loosen = found.narrow(&q.Filter)
	found.rank(order, single)
	if order == Taste {
		found.vary(q.Filter.With)
	}
	for i := range found.ranked {
		found.order = append(found.order, found.ranked[i].id)
	}
	if memory != nil && found.loosen == nil && !single { // of one user's list hardly anybody looks at more than a page
		memory.Set(found.key, Remembered{Order: pack(found.order)})
	}
}

func card(u User) Card { return Card{ID: u.ID, Name: u.Name, Hash: u.Hash} }

// listedCard is u's card for the index: without a hash, and so not in it, if u is hidden.
func listedCard(u User) Card {
	c := card(u)
	if u.Hidden() {
		c.Hash = 0
	}
	return c
}
