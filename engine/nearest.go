package engine

import (
	"encoding/binary"
	"slices"
	"sync/atomic"
)

// Near are neighbours that were found in an index, and how far a change of the index has to be away from who asked so that they
// are still the nearest.
type Near struct {
	users packedNear
	more  bool
	since uint64 // changes of the index that they are from, or a later state of it
	cut   int    // distance of the last one that was looked at; who is as near or nearer matters
}

// nearest is [Index.Nearest] of the index that serves, from memory where that still holds. It appends to near.
func (e *Engine) nearest(near []Neighbour, h Hash, skip UserID, from, to int) (all []Neighbour, more bool) {
	x, m := e.index.Load(), e.opts.Orders
	if m == nil || x.version == 0 {
		near, more, _ = x.nearest(near, h, skip, from, to)
		return near, more
	}
	key := nearKey(x.version, h, skip, from, to)
	if r, ok := m.Get(key); ok && x.changes.farther(h, r.Near.cut, r.Near.since) {
		return r.Near.users.unpack(near, h), r.Near.more
	}
	n := Near{since: x.changes.count.Load()} // before the search, which may see later ones
	had := len(near)
	near, n.more, n.cut = x.nearest(near, h, skip, from, to)
	n.users = packNear(near[had:])
	m.Set(key, Remembered{Near: n})
	return near, n.more
}

// Size is how many bytes the neighbours take.
func (n *Near) Size() int { return len(n.users) }

// packedNear are neighbours in about 22 bytes each, behind how many there are: the hash, the id as a number of variable length, and the name behind
// its length. Names are cut from it and distances counted again, so that an answer needs no memory but its own.
type packedNear string

const hashBytes = 8

func packNear(near []Neighbour) packedNear {
	var memory [2048]byte // enough for a page, so that nothing is made but the text
	b := binary.AppendUvarint(memory[:0], uint64(len(near)))
	for i := range near {
		n := &near[i]
		b = binary.LittleEndian.AppendUint64(b, uint64(n.Hash))
		b = binary.AppendUvarint(b, uint64(n.ID))
		b = append(b, byte(len(n.Name)))
		b = append(b, n.Name...)
	}
	return packedNear(b)
}

// unpack appends the neighbours of who has that hash to near.
func (p packedNear) unpack(near []Neighbour, h Hash) []Neighbour {
	count, at := p.number(0)
	near = slices.Grow(near, int(count))
	for range count {
		hash := Hash(binary.LittleEndian.Uint64([]byte(p[at : at+hashBytes])))
		id, end := p.number(at + hashBytes)
		at = end + 1 + int(p[end])
		near = append(near, Neighbour{Card{UserID(id), string(p[end+1 : at]), hash}, Distance(h, hash)})
	}
	return near
}

// number is that of variable length that begins at a place, and where it ends.
func (p packedNear) number(at int) (n uint64, end int) {
	n, size := binary.Uvarint([]byte(p[at:min(at+binary.MaxVarintLen64, len(p))]))
	return n, at + size
}

// nearKey is the key of a search. It is as long as a checksum, and equals one by no chance that matters.
func nearKey(version int64, h Hash, skip UserID, from, to int) (k OrderKey) {
	binary.LittleEndian.PutUint64(k[:], uint64(version))
	binary.LittleEndian.PutUint64(k[8:], uint64(h))
	binary.LittleEndian.PutUint64(k[16:], uint64(skip))
	binary.LittleEndian.PutUint32(k[24:], uint32(from))
	binary.LittleEndian.PutUint32(k[28:], uint32(to))
	return k
}

// changeLog has the latest changes of an index. It is safe for one writer and any number of readers.
type changeLog struct {
	count  atomic.Uint64                          // of all changes ever
	latest [1024]struct{ was, now atomic.Uint64 } // hashes, of change n at n modulo the length; 0: the user was or is not there
}

// add logs that a user's hash changed.
func (l *changeLog) add(was, now Hash) {
	n := l.count.Load()
	c := &l.latest[n%uint64(len(l.latest))]
	c.was.Store(uint64(was))
	c.now.Store(uint64(now))
	l.count.Store(n + 1)
}

// farther tells whether all changes since were farther away from h than cut, as far as that is known.
func (l *changeLog) farther(h Hash, cut int, since uint64) bool {
	reach := uint64(len(l.latest))
	until := l.count.Load()
	if until-since >= reach {
		return false
	}
	for n := since; n < until; n++ {
		c := &l.latest[n%reach]
		for _, of := range [...]uint64{c.was.Load(), c.now.Load()} {
			if of != 0 && Distance(h, Hash(of)) <= cut {
				return false
			}
		}
	}
	return l.count.Load()-since < reach // nothing was written over meanwhile
}
