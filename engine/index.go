package engine

import (
	"bytes"
	"slices"
	"strings"
	"sync"
)

// Neighbour is a user seen from another one.
type Neighbour struct {
	Card
	Distance int
}

// Similarity is the percentage for the neighbour's distance, see [Similarity].
func (n *Neighbour) Similarity() int { return Similarity(n.Distance) }

// Index holds the hashes of all users in memory and finds the nearest ones, exactly. Users without a hash (0) are not in it.
// It takes 32 bytes a user. It is safe for concurrent use; the zero value is empty.
type Index struct {
	mu     sync.RWMutex
	ids    []UserID // ascending
	hashes []Hash   // of ids[i]
	names  []name   // of ids[i]
}

// name is a user's name padded with zeros, so that a million of them are no work for the garbage collector.
type name [MaxName]byte

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
	x := &Index{
		ids:    make([]UserID, 0, len(cards)),
		hashes: make([]Hash, 0, len(cards)),
		names:  make([]name, 0, len(cards)),
	}
	for _, c := range cards {
		x.Set(c)
	}
	return x
}

// Set adds a user, or changes the hash of one. A card without a hash removes the user.
func (x *Index) Set(c Card) {
	if c.Hash == 0 {
		x.Remove(c.ID)
		return
	}
	var padded name
	copy(padded[:], c.Name)
	x.mu.Lock()
	defer x.mu.Unlock()
	i, found := x.find(c.ID)
	if found {
		x.hashes[i], x.names[i] = c.Hash, padded
		return
	}
	x.ids = slices.Insert(x.ids, i, c.ID)
	x.hashes = slices.Insert(x.hashes, i, c.Hash)
	x.names = slices.Insert(x.names, i, padded)
}

// Remove takes a user out, if there.
func (x *Index) Remove(id UserID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if i, found := x.find(id); found {
		x.ids = slices.Delete(x.ids, i, i+1)
		x.hashes = slices.Delete(x.hashes, i, i+1)
		x.names = slices.Delete(x.names, i, i+1)
	}
}

// find is slices.BinarySearch, quick for the id that comes next.
func (x *Index) find(id UserID) (int, bool) {
	if n := len(x.ids); n == 0 || x.ids[n-1] < id {
		return n, false
	}
	return slices.BinarySearch(x.ids, id)
}

// Len returns the number of users in the index.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.ids)
}

// Nearest orders all users but skip by their distance to h, then by id, and returns those at from, from+1 ... below to, as
// far as they exist, and whether there are more.
func (x *Index) Nearest(h Hash, skip UserID, from, to int) (near []Neighbour, more bool) {
	s := selections.Get().(*selection)
	defer selections.Put(s)
	x.mu.RLock()
	defer x.mu.RUnlock()
	s.scan(x.hashes, h, to+2) // one more for skip, one more to see whether there are more
	found := s.sorted()
	at := 0
	var text strings.Builder // of all names, so that they are one piece of memory
	for _, c := range found {
		id := x.ids[c.slot]
		if id == skip {
			continue
		}
		if at == to {
			more = true
			break
		}
		if at >= from {
			if near == nil {
				near = make([]Neighbour, 0, min(to-from, len(found)-at))
				text.Grow(MaxName * cap(near))
			}
			start := text.Len()
			text.Write(x.names[c.slot].bytes())
			near = append(near, Neighbour{
				Card:     Card{ID: id, Name: text.String()[start:], Hash: x.hashes[c.slot]},
				Distance: int(c.distance),
			})
		}
		at++
	}
	return near, more
}

// selections keeps the memory of searches that are over.
var selections = sync.Pool{New: func() any { return new(selection) }}

// selection collects the k nearest while the hashes are walked.
type selection struct {
	k      int
	below  uint8 // what is this far away, or farther, cannot be among the k nearest any more
	found  []candidate
	spare  []candidate
	counts [MaxDistance + 1]int // of found, by distance
}

type candidate struct {
	slot     uint32
	distance uint8
}

// scan walks over hashes, and leaves in found at least the k nearest to h. Of equally near ones, the first win.
func (s *selection) scan(hashes []Hash, h Hash, k int) {
	s.k, s.below, s.found = k, MaxDistance+1, s.found[:0]
	clear(s.counts[:])
	limit := 2*k + 1024
	for slot, other := range hashes {
		d := uint8(Distance(h, other))
		if d >= s.below {
			continue
		}
		s.counts[d]++
		s.found = append(s.found, candidate{uint32(slot), d})
		if len(s.found) >= limit {
			s.shrink()
		}
	}
	s.shrink()
}

// shrink drops what is not among the k nearest of found and lowers the bar. found keeps the order of slots.
func (s *selection) shrink() {
	if len(s.found) < s.k {
		return
	}
	nearer, cut := 0, uint8(0)
	for nearer+s.counts[cut] < s.k {
		nearer += s.counts[cut]
		cut++
	}
	room := s.k - nearer // for those exactly at the cut
	kept := s.found[:0]
	for _, c := range s.found {
		switch {
		case c.distance < cut:
			kept = append(kept, c)
		case c.distance == cut && room > 0:
			kept = append(kept, c)
			room--
		}
	}
	s.found = kept
	s.counts[cut] = s.k - nearer
	clear(s.counts[cut+1:])
	s.below = cut
}

// sorted returns found by distance, then slot: a counting sort.
func (s *selection) sorted() []candidate {
	var starts [MaxDistance + 1]int
	at := 0
	for d, n := range s.counts {
		starts[d] = at
		at += n
	}
	s.spare = slices.Grow(s.spare[:0], len(s.found))[:len(s.found)]
	for _, c := range s.found {
		s.spare[starts[c.distance]] = c
		starts[c.distance]++
	}
	return s.spare
}
