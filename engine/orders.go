package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"sync/atomic"
)

// OrderMemory remembers in which order anime were recommended, since to find it takes most of the time of an answer. It may forget
// anything at any time. Implementations are safe for concurrent use.
type OrderMemory interface {
	// Get returns what was set under a key. It is not to be changed.
	Get(key OrderKey) (order []AnimeID, ok bool)
	// Set keeps an order, which does not change any more.
	Set(key OrderKey, order []AnimeID)
}

// OrderKey is the SHA-256 of all that an order is made of: lists, catalogue, model, exclusions, query.
type OrderKey [sha256.Size]byte

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

// remember tells whether the order is known, and then puts what is eligible in it.
func (p *pool) remember(m OrderMemory, key OrderKey) bool {
	order, ok := m.Get(key)
	if !ok {
		return false
	}
	for _, id := range order {
		p.ranked = append(p.ranked, eligible{anime: p.catalogue.Anime(id)})
	}
	return true
}

// order is that of what is ranked.
func (p *pool) order() []AnimeID {
	ids := make([]AnimeID, len(p.ranked))
	for i := range p.ranked {
		ids[i] = p.ranked[i].anime.ID
	}
	return ids
}
