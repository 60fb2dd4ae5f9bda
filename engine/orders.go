package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"sync/atomic"
)

// OrderMemory remembers who is near whom, in which order anime were recommended, and what was on a page of them, since to find that takes most of the time of
// an answer. It may forget anything at any time. Implementations are safe for concurrent use.
type OrderMemory interface {
	// Get returns what was set under a key. It is not to be changed.
	Get(key OrderKey) (r Remembered, ok bool)
	// Set keeps what does not change any more.
	Set(key OrderKey, r Remembered)
}

// Remembered is an order; under the key of a page of one, what is on the page; under that of a search, what it found.
type Remembered struct {
	Order PackedOrder // all that can be recommended, the best first; of a page, what is on it

	// Of a page.
	Total   int      // how many can be recommended, on all pages
	Ballots Ballots  // for each
	Said    []Saying // of each; nil: the item model was not asked

	Near Near // of a search
}

// Saying is what the item model said of an anime: see [Recommendation]. It keeps no catalogue in memory.
type Saying struct {
	Match, Expected float64
	Because         [MaxInfluences]SaidInfluence // the first with a weight of 0 and those behind it are none
}

// SaidInfluence is an [Influence].
type SaidInfluence struct {
	Weight float64
	Anime  AnimeID
	Status Status
}

// OrderKey is the SHA-256 of all that an order is made of: lists, catalogue, model, exclusions, query.
type OrderKey [sha256.Size]byte

// page is the key of a page of the order of that key.
func (k OrderKey) page(n int) OrderKey {
	k[0] ^= byte(n) // 1..MaxPage; that two keys are so near each other otherwise does not happen
	return k
}

// versions numbers the catalogues, models and exclusions of this process.
var versions atomic.Int64

// recipe is what an order is made of, in writing.
type recipe []byte

func (r *recipe) number(n int64) { *r = binary.LittleEndian.AppendUint64(*r, uint64(n)) }

func (r *recipe) truth(t bool) {
	n := int64(0)
	if t {
		n = 1
	}
	r.number(n)
}

func (r *recipe) text(s string) {
	r.number(int64(len(s)))
	*r = append(*r, s...)
}

// list adds a list by its length and checksum, and by when it was fetched: the chance that another one has all of them is none.
func (r *recipe) list(u *User) {
	r.number(int64(u.ID))
	r.number(u.FetchedAt.UnixNano())
	r.number(int64(len(u.List)))
	*r = append(*r, u.List[max(len(u.List)-packedChecksum, 0):]...)
}

func (r *recipe) filter(f *Filter) {
	for _, ids := range [][]int{f.With, f.Without, {f.From, f.To, f.MinMembers, f.MaxMembers, int(f.Airing)}} {
		r.number(int64(len(ids)))
		for _, id := range ids {
			r.number(int64(id))
		}
	}
	r.number(int64(math.Float64bits(f.MinMean)))
	r.text(f.Length)
	r.text(f.Type)
	r.anime(f.Hidden)
}

func (r *recipe) anime(ids []AnimeID) {
	r.number(int64(len(ids)))
	for _, id := range ids {
		r.number(int64(id))
	}
}

// orderKey is the key of the order that q makes of the pool. single says that it is one user's list.
func (p *pool) orderKey(order Order, q *Query, single bool) OrderKey {
	r := &p.recipe // begun with the lists
	r.number(p.catalogue.version)
	r.number(p.excluded.version)
	if p.model != nil {
		r.number(p.model.version)
	}
	r.text(string(order))
	r.truth(single)
	if order == Classic {
		r.number(int64(p.today))
	}
	r.number(int64(q.Niche))
	r.anime(q.Without)
	r.filter(&q.Filter)
	return sha256.Sum256(p.recipe)
}

// remembered tells whether the order is known, which is the pool's then.
func (p *pool) remembered(m OrderMemory) bool {
	r, ok := m.Get(p.key)
	if ok {
		p.order = r.Order.unpack(p.order)
	}
	return ok
}

// rememberedPage tells whether page n of the order is known, with what the model says of it unless bare, and then has what is on it.
func (p *pool) rememberedPage(m OrderMemory, n int, bare bool) bool {
	r, ok := m.Get(p.key.page(n))
	if !ok || r.Said == nil && !bare && p.model != nil {
		return false
	}
	p.paged = r
	p.page = &p.paged
	p.order = r.Order.unpack(p.order)
	return true
}

// between is what stands at from ... to in the order.
func (p *pool) between(from, to int) []eligible {
	p.spare = p.spare[:0]
	for i := from; i < to; i++ {
		p.spare = append(p.spare, p.at(i))
	}
	return p.spare
}

// at is what stands at a place of the order; without the votes if the order was known.
func (p *pool) at(i int) eligible {
	if len(p.ranked) > 0 {
		return p.ranked[i]
	}
	return eligible{id: p.order[i]}
}

// PackedOrder has the ids of anime in two bytes each, the high one first; those of 0xFF00 and above in three, behind [longID].
type PackedOrder []byte

const longID = 0xFF

func pack(ids []AnimeID) PackedOrder {
	o := make(PackedOrder, 0, len(ids)*2)
	for _, id := range ids {
		if id < longID<<8 {
			o = append(o, byte(id>>8), byte(id))
		} else {
			o = append(o, longID, byte(id>>16), byte(id>>8), byte(id))
		}
	}
	return o
}

// unpack returns the ids, in the memory of those.
func (o PackedOrder) unpack(ids []AnimeID) []AnimeID {
	ids = slices.Grow(ids[:0], len(o)/2)
	for len(o) > 0 {
		if o[0] < longID {
			ids, o = append(ids, AnimeID(o[0])<<8|AnimeID(o[1])), o[2:]
		} else {
			ids, o = append(ids, AnimeID(o[1])<<16|AnimeID(o[2])<<8|AnimeID(o[3])), o[4:]
		}
	}
	return ids
}

// say asks the model about some of what is ranked.
func (p *pool) say(shown []eligible) []Saying {
	said := make([]Saying, len(shown))
	anime := p.anime(shown)
	for i, because := range p.fold.Because(anime) {
		said[i].Match, said[i].Expected = shown[i].match, p.fold.Expected(anime[i])
		for k, in := range because {
			said[i].Because[k] = SaidInfluence{in.Weight, in.Anime.ID, in.Status}
		}
	}
	return said
}

// explain adds to recommendations what the model said of them.
func (p *pool) explain(recs []Recommendation, said []Saying) {
	memory := make([]Influence, 0, len(recs)*MaxInfluences)
	for i := range recs {
		r, s := &recs[i], &said[i]
		r.HasMatch, r.Match, r.Expected = true, s.Match, s.Expected
		from := len(memory)
		for _, in := range s.Because {
			if in.Weight == 0 {
				break
			}
			memory = append(memory, Influence{p.catalogue.Anime(in.Anime), in.Weight, in.Status})
		}
		r.Because = memory[from:len(memory):len(memory)]
	}
}
