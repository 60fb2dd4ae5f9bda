package main

import (
	"cmp"
	"slices"

	"reko.moe/engine"
)

// plain finds the nearest hashes without an index: it looks at every one. It is what the index is measured by, so it is quick at
// that, and what answers are checked against. It is for one goroutine.
type plain struct {
	cards  []engine.Card // by id
	hashes []engine.Hash // of cards, as close together as in memory they can be
	found  []away
	sorted []away
	counts [engine.MaxDistance + 1]int // of found, by distance
}

// away is a place in cards and how far it is.
type away struct {
	at       uint32
	distance uint8
}

func newPlain(cards []engine.Card) *plain {
	p := &plain{cards: cards, hashes: make([]engine.Hash, len(cards))}
	for i := range cards {
		p.hashes[i] = cards[i].Hash
	}
	return p
}

// nearest returns the k nearest to h without skip, by distance, then by id. They are the receiver's again at the next call.
func (p *plain) nearest(h engine.Hash, k int, skip engine.UserID) []away {
	p.found = p.found[:0]
	clear(p.counts[:])
	below, limit := engine.MaxDistance+1, 2*k+1024
	skipped, there := slices.BinarySearchFunc(p.cards, skip, func(c engine.Card, id engine.UserID) int { return cmp.Compare(c.ID, id) })
	if !there {
		skipped = -1
	}
	for at := nearer(p.hashes, h, 0, below); at < len(p.hashes); at = nearer(p.hashes, h, at+1, below) {
		if at == skipped {
			continue
		}
		d := engine.Distance(h, p.hashes[at])
		p.counts[d]++
		if p.found = append(p.found, away{uint32(at), uint8(d)}); len(p.found) >= limit {
			below = p.shrink(k)
		}
	}
	p.shrink(k)
	var starts [engine.MaxDistance + 1]int
	n := 0
	for d, count := range p.counts {
		starts[d] = n
		n += count
	}
	p.sorted = slices.Grow(p.sorted[:0], n)[:n]
	for _, a := range p.found {
		p.sorted[starts[a.distance]] = a
		starts[a.distance]++
	}
	return p.sorted[:min(k, n)]
}

// nearer returns the first place from at on whose hash is nearer than below to h, and len(hashes) if there is none. Nearly all of the
// time is spent here.
func nearer(hashes []engine.Hash, h engine.Hash, at, below int) int {
	for ; at < len(hashes); at++ {
		if engine.Distance(h, hashes[at]) < below {
			break
		}
	}
	return at
}

// shrink drops what is not among the k nearest of found; of equally near ones the first stay. What is found later has to be nearer
// than what it returns.
func (p *plain) shrink(k int) int {
	if len(p.found) < k {
		return engine.MaxDistance + 1
	}
	nearer, cut := 0, uint8(0)
	for nearer+p.counts[cut] < k {
		nearer += p.counts[cut]
		cut++
	}
	room := k - nearer
	p.found = slices.DeleteFunc(p.found, func(a away) bool {
		if a.distance == cut {
			room--
		}
		return a.distance > cut || a.distance == cut && room < 0
	})
	p.counts[cut] = k - nearer
	clear(p.counts[cut+1:])
	return int(cut)
}
