package engine

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sync"
)

// pool is what some users can recommend to one. Its memory is used again once it is closed: what is answered has none of it.
type pool struct {
	catalogue *Catalogue
	excluded  *excluded
	model     *servedModel // nil: none
	recipe    recipe       // of the order, as far as the lists
	near      []Neighbour  // in the end with what is answered, see [Engine.recommend]
	ranked    []eligible
	order     []AnimeID // of what is ranked; or known, and nothing is ranked
	loosen    []Loosening
	today     Day
	own       List        // the requester's
	fold      Fold        // of own; nil without a model
	key       OrderKey    // of the order; zero without a memory
	page      *Remembered // of the page that is asked for, and all that is in the order then; nil: not remembered
	paged     Remembered  // what page points to

	ids     []UserID // of near
	users   []User   // those of them that exist
	lenders []lender
	lent    List // the lists of lenders, once they were gathered; else empty

	ballots []ballot
	packed  Ballots
	starts  []int
	spare   []eligible // for sorting and varying
	waiting [2][]eligible
	keys    []uint64
	others  []uint64 // for sorting keys
	digits  digits
	asked   []AnimeID
	shown   []*Anime
	matches []float64
	varied  variedPage
}

// lender is somebody whose list recommends.
type lender struct {
	near     int // index into pool.near
	list     Packed
	from, to int  // where it is in pool.lent
	damaged  bool // the list is, and that was logged
}

// pools has pools that are closed.
var pools Spares[pool]

// close ends the use of a pool.
func (p *pool) close() {
	if p.fold != nil {
		p.fold.Release()
		p.fold = nil
	}
	// A pool that waits for its next use must not keep a catalogue.
	clear(p.shown[:cap(p.shown)])
	clear(p.users[:cap(p.users)])
	clear(p.lenders[:cap(p.lenders)])
	clear(p.near[:cap(p.near)])
	p.catalogue, p.excluded, p.model, p.loosen, p.page, p.varied.asked = nil, nil, nil, nil, nil, nil
	p.paged = Remembered{}
	pools.Put(p)
}

// eligible is an anime in a pool.
type eligible struct {
	value float64 // the higher the better; set by rank
	match float64 // how well it fits the requester's list; 0 without a model
	id    AnimeID
	sum   int32 // of the scores; this and the rest only for the classic order
	count int32
	days  int32 // sum of the days, of entries that have one
	dated int32 // how many do
}

// lend returns a pool with the lists of lenders, some of the neighbours near and in their order, for u. [Engine.gather]
// finds what of it can be recommended.
func (e *Engine) lend(u User, near []Neighbour, lenders []User) (*pool, error) {
	p := pools.Get()
	if err := e.fill(p, u, near, lenders); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// fill is lend into a pool. When it fails, the pool is still to be closed.
func (e *Engine) fill(p *pool, u User, near []Neighbour, lenders []User) error {
	p.catalogue, p.excluded, p.model = e.catalogue.Load(), e.exclude.Load(), e.models.now.Load()
	p.near, p.today = append(p.near[:0], near...), DayOf(e.opts.Now())
	p.ranked, p.order, p.lenders, p.lent, p.recipe = p.ranked[:0], p.order[:0], p.lenders[:0], p.lent[:0], p.recipe[:0]
	var err error
	if p.own, err = u.List.Unpack(p.own[:0]); err != nil {
		return fmt.Errorf("list of %q: %w", u.Name, err)
	}
	p.recipe.number(int64(len(u.List)))
	p.recipe = append(p.recipe, u.List...)
	for i := range near {
		if len(lenders) == 0 || lenders[0].ID != near[i].ID {
			continue // gone since the index was asked
		}
		p.lenders = append(p.lenders, lender{near: i, list: lenders[0].List})
		p.recipe.list(&lenders[0])
		lenders = lenders[1:]
	}
	return nil
}

// gather finds what lenders can recommend: watched and scored entries of anime that have a mean score, no parent, and are neither on the
// requester's list nor excluded. counted says that scores and days are added up, too. A damaged list is left out.
func (e *Engine) gather(ctx context.Context, p *pool, counted bool) {
	seats := borrowSeats(p.catalogue)
	defer seats.giveBack()
	for i := range p.own {
		seats.set(p.own[i].Anime, taken)
	}
	for id := range p.excluded.anime {
		seats.set(id, taken)
	}
	bytes := 0
	for i := range p.lenders {
		bytes += len(p.lenders[i].list)
	}
	p.lent = slices.Grow(p.lent, bytes/usualEntry)
	for i := range p.lenders {
		l := &p.lenders[i]
		l.from = len(p.lent)
		var err error
		if p.lent, err = l.list.Unpack(p.lent); err != nil {
			p.lent = p.lent[:l.from]
			e.damaged(ctx, p, l, err)
		}
		l.to = len(p.lent)
		p.add(p.lent[l.from:], seats, counted)
	}
}

// damaged notes that a lender's list is.
func (e *Engine) damaged(ctx context.Context, p *pool, l *lender, err error) {
	e.opts.Log.ErrorContext(ctx, "stored list", "user", p.near[l.near].Name, "err", err)
	l.damaged = true
}

// add adds a list that was lent to what is eligible.
func (p *pool) add(lent List, seats *seats, counted bool) {
	for i := range lent {
		entry := &lent[i]
		if !entry.isVote() {
			continue
		}
		seat := seats.at(entry.Anime)
		if seat == taken {
			continue
		}
		if seat == free {
			if !p.catalogue.recommendable(entry.Anime) {
				seats.set(entry.Anime, taken)
				continue
			}
			p.ranked = append(p.ranked, eligible{id: entry.Anime})
			seat = int32(len(p.ranked))
			seats.set(entry.Anime, seat)
		}
		if !counted {
			continue
		}
		el := &p.ranked[seat-1]
		el.sum += int32(entry.Score)
		el.count++
		if entry.Day != 0 {
			el.days += int32(entry.Day)
			el.dated++
		}
	}
}

// compare sets how well what is eligible fits the requester's list.
func (p *pool) compare(niche int) {
	if p.fold == nil {
		return
	}
	niche = min(max(niche, -MaxNiche), MaxNiche)
	p.asked = slices.Grow(p.asked[:0], len(p.ranked))
	for i := range p.ranked {
		p.asked = append(p.asked, p.ranked[i].id)
	}
	p.matches = p.fold.Matches(p.matches[:0], p.asked, niche)
	for i, match := range p.matches {
		p.ranked[i].match = match
	}
}

// rank puts what is eligible in order, best first; ties by anime id. single says that the votes are one user's.
func (p *pool) rank(order Order, single bool) {
	for i := range p.ranked {
		el := &p.ranked[i]
		switch order {
		case Taste:
			el.value = el.match
		default:
			el.value = el.classic(p.today, single)
		}
	}
	p.sort()
}

// sort puts what is eligible in order of value, the greatest first; ties by anime id.
func (p *pool) sort() {
	// Numbers are sorted in less than half of the time that structures take. Each is a value but for its last bits, in which is its
	// place; what has the same value but for these is put in order afterwards.
	places := uint64(1)<<bits.Len(uint(len(p.ranked))) - 1
	p.keys = slices.Grow(p.keys[:0], len(p.ranked))
	for i := range p.ranked {
		p.keys = append(p.keys, descending(p.ranked[i].value)&^places|uint64(i))
	}
	p.sortKeys()
	sorted := slices.Grow(p.spare[:0], len(p.ranked))
	same := 0 // where those begin that are the same so far
	for i, k := range p.keys {
		if i > 0 && (k^p.keys[i-1])&^places != 0 {
			putInOrder(sorted[same:])
			same = i
		}
		sorted = append(sorted, p.ranked[k&places])
	}
	putInOrder(sorted[same:])
	p.ranked, p.spare = sorted, p.ranked
}

// digits counts keys by a digit.
type digits [1<<digitBits + 1]uint32

const (
	digitBits  = 11
	lowestBit  = 64 - 3*digitBits // of the digits by which keys are sorted
	leastByBit = 256              // keys, of fewer than which comparing is as fast
)

// sortKeys sorts the keys by their three highest digits, the last first (least significant digit radix sort), in a sixth of the time that
// comparing takes. What differs in the bits below alone is next to its place by then, where insertion takes hardly longer than looking.
func (p *pool) sortKeys() {
	if len(p.keys) < leastByBit {
		slices.Sort(p.keys)
		return
	}
	from, to := p.keys, slices.Grow(p.others[:0], len(p.keys))[:len(p.keys)]
	digit := func(k uint64, shift int) uint64 { return k >> shift & (1<<digitBits - 1) }
	for shift := lowestBit; shift < 64; shift += digitBits {
		starts := &p.digits
		clear(starts[:])
		for _, k := range from {
			starts[digit(k, shift)+1]++
		}
		for d := range starts[1:] {
			starts[d+1] += starts[d]
		}
		for _, k := range from {
			at := &starts[digit(k, shift)]
			to[*at] = k
			*at++
		}
		from, to = to, from
	}
	for i, k := range from {
		at := i
		for ; at > 0 && from[at-1] > k; at-- {
			from[at] = from[at-1]
		}
		from[at] = k
	}
	p.keys, p.others = from, to
}

// descending is a number that is the smaller the greater v is.
func descending(v float64) uint64 {
	if v == 0 {
		v = 0 // and not -0
	}
	b := math.Float64bits(v)
	if b>>63 == 0 {
		b ^= 1<<63 - 1
	}
	return b
}

// putInOrder sorts what is eligible in order of value, the greatest first; ties by anime id.
func putInOrder(some []eligible) {
	if len(some) > 1 {
		slices.SortFunc(some, func(a, b eligible) int { return a.compare(&b) })
	}
}

// compare is negative if el comes before other: by value, the greatest first, then by anime id.
func (el *eligible) compare(other *eligible) int {
	switch {
	case el.value > other.value:
		return -1
	case el.value < other.value:
		return 1
	}
	return int(el.id - other.id)
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

// recommend turns some of what is ranked into what is answered, in the memory of s. bare says that it is not explained. What is returned
// is the page, to be remembered; its ballots are the pool's.
func (e *Engine) recommend(ctx context.Context, p *pool, s *shown, some []eligible, bare bool) (r Remembered) {
	if p.page != nil {
		r = *p.page
	} else {
		r.Ballots = e.vote(ctx, p, some)
	}
	s.recs = slices.Grow(s.recs[:0], len(some))
	for i, votes := range p.votes(s, r.Ballots, len(some)) {
		sum, count := 0, len(votes)
		if count == 0 { // the order was remembered, and the only list with the anime damaged since
			continue
		}
		for k := range votes {
			sum += votes[k].Score
		}
		s.recs = append(s.recs, Recommendation{Anime: p.catalogue.Anime(some[i].id), Score: (2*sum + count) / (2 * count), Votes: votes}) // rounded, a half up
	}
	s.near, p.near = p.near, s.near[:0] // which the votes point to
	if bare || p.model == nil {
		return r
	}
	if r.Said == nil {
		r.Said = p.say(some)
	}
	p.explain(s.recs, r.Said)
	return r
}

// shown is the memory of what is answered.
type shown struct {
	recs  []Recommendation
	votes []Vote
	each  [][]Vote // of each of recs
	near  []Neighbour
}

var shownMemory = sync.Pool{New: func() any { return new(shown) }}

func borrowShown() *shown { return shownMemory.Get().(*shown) }

// Release ends the use of what is recommended: nothing of it may be read any more. What is not released is garbage like anything else.
func (s *shown) Release() {
	if s == nil {
		return
	}
	clear(s.recs)
	clear(s.votes)
	clear(s.each)
	clear(s.near)
	shownMemory.Put(s)
}

// anime are those of some of what is eligible, until the next call.
func (p *pool) anime(of []eligible) []*Anime {
	p.shown = slices.Grow(p.shown[:0], len(of))
	for i := range of {
		p.shown = append(p.shown, p.catalogue.Anime(of[i].id))
	}
	return p.shown
}
