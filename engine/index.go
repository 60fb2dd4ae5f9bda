package engine

import (
	"bytes"
	"iter"
	"sync"
	"sync/atomic"
)

// Neighbour is a user seen from another one.
type Neighbour struct {
	Card
	Distance int
}

// Similarity is the percentage for the neighbour's distance, see [Similarity].
func (n *Neighbour) Similarity() int { return Similarity(n.Distance) }

// Index holds the hashes of all users in memory and finds the nearest ones, exactly. Users without a hash (0) are not in it; ids are
// from 1 to 1<<48 - 1. It takes 41 bytes a user. It is safe for concurrent use: a question is answered from what is there at
// one instant, and waits for no change. The zero value is empty.
type Index struct {
	tree    atomic.Pointer[tree] // nil: nobody is there
	changes changeLog            // after they are in tree
	version int64                // no other index of this process has it; 0: nothing is remembered of it

	mu   sync.Mutex // one change at a time
	roll roll       // guarded by mu
}

// name is a user's name padded with zeros, so that a million of them are no work for the garbage collector.
type name [MaxName]byte

func nameOf(s string) (n name) {
	copy(n[:], s)
	return n
}

// bytes are those of the name, without the padding.
func (n *name) bytes() []byte {
	if end := bytes.IndexByte(n[:], 0); end >= 0 {
		return n[:end]
	}
	return n[:]
}

func (n *name) String() string { return string(n.bytes()) }

// NewIndex makes an index of cards, which come in ascending order of id.
func NewIndex(cards []Card) *Index {
	x := &Index{version: versions.Add(1)}
	in := make([]cell, len(cards))
	for i, c := range cards {
		if c.Hash != 0 {
			in[i] = partsOf(c.Hash).cell()
			x.roll.append(enter(c.ID, in[i]))
		}
	}
	x.tree.Store(newTree(cards, in))
	return x
}

// Set adds a user, or changes the hash of one. A card without a hash removes the user.
func (x *Index) Set(c Card) {
	if c.Hash == 0 {
		x.Remove(c.ID)
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	was, found := x.roll.cell(c.ID)
	var old Hash
	if found {
		there := x.tree.Load().card(c.ID, was)
		if there == c {
			return
		}
		old = there.Hash
	}
	next := x.changed()
	if found {
		next.remove(c.ID, was)
	}
	p := partsOf(c.Hash)
	next.add(p, c.ID, nameOf(c.Name))
	x.roll.set(c.ID, p.cell())
	x.tree.Store(next)
	x.changes.add(old, c.Hash)
}

// Remove takes a user out, if there.
func (x *Index) Remove(id UserID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	was, found := x.roll.cell(id)
	if !found {
		return
	}
	old := x.tree.Load().card(id, was).Hash
	next := x.changed()
	next.remove(id, was)
	x.roll.remove(id)
	x.tree.Store(next)
	x.changes.add(old, 0)
}

// changed returns a copy of the tree, to be changed.
func (x *Index) changed() *tree {
	next := new(tree)
	if t := x.tree.Load(); t != nil {
		*next = *t
	}
	return next
}

// Len returns the number of users in the index.
func (x *Index) Len() int {
	if t := x.tree.Load(); t != nil {
		return t.users
	}
	return 0
}

// selections keeps the memory of searches that are over.
var selections = sync.Pool{New: func() any { return new(selection) }}

// Nearest orders all users but skip by their distance to h, then by id, and returns those at from, from+1 ... below to, as
// far as they exist, and whether there are more.
func (x *Index) Nearest(h Hash, skip UserID, from, to int) (near []Neighbour, more bool) {
	near, more, _ = x.nearest(nil, h, skip, from, to)
	return near, more
}

// nearest is Nearest, appended to near, and says how far away the last one is that the answer depends on: without more, anybody.
func (x *Index) nearest(near []Neighbour, h Hash, skip UserID, from, to int) (all []Neighbour, more bool, cut int) {
	t := x.tree.Load()
	if t == nil {
		return near, false, MaxDistance
	}
	s := selections.Get().(*selection)
	defer selections.Put(s)
	defer s.forget()
	s.search(t, h, to+1, skip) // one more, to see whether there are more
	found := s.sorted(from, to+1)
	if more = len(found) > to-from; !more {
		return s.neighbours(near, found), false, MaxDistance
	}
	return s.neighbours(near, found[:to-from]), true, found[to-from].distance()
}

// blocks yields the blocks of all rows, as they are at one instant.
func (x *Index) blocks() iter.Seq[rowBlock] {
	return func(yield func(rowBlock) bool) {
		t := x.tree.Load()
		if t == nil {
			return
		}
		for row := range rows {
			for _, b := range t.row(row) {
				if !yield(rowBlock{b, row}) {
					return
				}
			}
		}
	}
}

// evenly returns n users, or all there are, at even distances from the smallest id to the largest.
func (x *Index) evenly(n int) []Card {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.tree.Load()
	if t == nil {
		return nil
	}
	n = min(n, t.users)
	cards := make([]Card, 0, n)
	for e := range x.roll.evenly(n, t.users) {
		cards = append(cards, t.card(e.id(), e.cell()))
	}
	return cards
}
