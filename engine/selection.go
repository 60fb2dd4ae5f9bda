package engine

import (
	"cmp"
	"math/bits"
	"slices"
)

// selection collects the k nearest while a tree is walked. It is used again and again, so that a search allocates nothing.
type selection struct {
	k    int
	skip UserID

	cut    int                  // what is farther away cannot be among the k nearest any more
	last   rank                 // nor what comes later than this
	counts [MaxDistance + 2]int // of those that were found, by distance up to cut
	total  int                  // of counts

	found   []candidate
	spare   []candidate
	blocks  []rowBlock // that the candidates are in
	runs    []run
	fetched uint64 // of no use but that the compiler has to read what is looked up ahead
	text    []byte
}

// candidate is a user who may be among the nearest.
type candidate struct {
	rank
	block uint32 // of selection.blocks
	at    uint32 // in the block
}

// rank orders users by distance, then by id.
type rank uint64

const idBits = 64 - cellBits // as in entered

func (r rank) distance() int { return int(r >> idBits) }
func (r rank) id() UserID    { return UserID(r & maxUserID) }

// fewUsers are scanned sooner than it is looked up which of them are of the right depth.
const fewUsers = 24

// run is some users of a block who have to be scanned.
type run struct {
	rowBlock
	from, end int
	rowFar    int // how far the row is away
}

// runsAhead are looked up before the first of them is scanned, so that a processor fetches what it needs of all of them at the same time.
const runsAhead = 8

// search leaves in found the k users of t who are nearest to h, and maybe more.
func (s *selection) search(t *tree, h Hash, k int, skip UserID) {
	s.k, s.skip, s.cut, s.last, s.total = k, skip, MaxDistance+1, 1<<63, 0
	s.found, s.blocks, s.runs = s.found[:0], s.blocks[:0], s.runs[:0]
	clear(s.counts[:])
	p := partsOf(h)
	depth := p.depth()
	for _, to := range &rowsAround {
		rowFar := 2 * bits.OnesCount16(to)
		if rowFar > s.cut {
			break // and so are all rows that follow
		}
		row := int(p.row ^ to)
		for _, b := range t.row(row) {
			from, end := 0, len(b.rests)
			if room := s.cut - rowFar; end > fewUsers {
				from, end = int(b.starts[max(depth-room, 0)]), int(b.starts[min(depth+room+1, depths)])
			}
			if from < end {
				s.fetched ^= b.rests[from]
				s.runs = append(s.runs, run{rowBlock{b, row}, from, end, rowFar})
			}
		}
		if len(s.runs) >= runsAhead || s.total < k { // without k users there is no cut yet
			s.scanAll(p.rest)
		}
	}
	s.scanAll(p.rest)
}

// scanAll goes through the runs.
func (s *selection) scanAll(rest uint64) {
	for i := range s.runs {
		if r := &s.runs[i]; r.rowFar <= s.cut {
			s.scan(r, rest)
		}
	}
	s.runs = s.runs[:0]
}

// scan goes through the users of a run.
func (s *selection) scan(r *run, rest uint64) {
	s.blocks = append(s.blocks, r.rowBlock)
	room := s.cut - r.rowFar
	for i, other := range r.rests[r.from:r.end] {
		far := bits.OnesCount64(rest ^ other)
		if far > room {
			continue
		}
		s.add(candidate{rank(far+r.rowFar)<<idBits | rank(r.ids[r.from+i]), uint32(len(s.blocks) - 1), uint32(r.from + i)})
		room = s.cut - r.rowFar
	}
}

// add takes somebody who is no farther away than cut.
func (s *selection) add(c candidate) {
	if c.rank > s.last || c.id() == s.skip {
		return
	}
	s.found = append(s.found, c)
	s.counts[c.distance()]++
	s.total++
	for s.total-s.counts[s.cut] >= s.k {
		s.total -= s.counts[s.cut]
		s.cut--
	}
	if len(s.found) > 4*s.k+1024 {
		s.shrink()
	}
}

// shrink drops who is not among the k nearest of found any more.
func (s *selection) shrink() {
	s.found = slices.DeleteFunc(s.found, func(c candidate) bool { return c.distance() > s.cut })
	if len(s.found) <= 2*s.k+512 {
		return
	}
	// So many are equally far away that only their ids tell.
	slices.SortFunc(s.found, func(a, b candidate) int { return cmp.Compare(a.rank, b.rank) })
	s.counts[s.cut] -= len(s.found) - s.k
	s.found, s.total = s.found[:s.k], s.k
	s.last = s.found[s.k-1].rank
}

// sorted returns the places from ... below to of those who were found, by rank, as far as they exist.
func (s *selection) sorted(from, to int) []candidate {
	var starts [MaxDistance + 2]int
	at := 0
	for d := range s.cut + 1 {
		starts[d] = at
		at += s.counts[d]
	}
	s.spare = slices.Grow(s.spare[:0], at)[:at]
	next := starts
	for _, c := range s.found {
		if d := c.distance(); d <= s.cut {
			s.spare[next[d]] = c
			next[d]++
		}
	}
	from, to = min(from, at), min(to, at)
	for d := range s.cut + 1 {
		if starts[d] < to && next[d] > from {
			slices.SortFunc(s.spare[starts[d]:next[d]], func(a, b candidate) int { return cmp.Compare(a.rank, b.rank) })
		}
	}
	return s.spare[from:to]
}

// neighbours appends to near what is answered of candidates. Their names are cut from one string.
func (s *selection) neighbours(near []Neighbour, of []candidate) []Neighbour {
	s.text = s.text[:0]
	for _, c := range of {
		s.text = append(s.text, s.blocks[c.block].names[c.at].bytes()...)
	}
	if near == nil && len(of) > 0 {
		near = make([]Neighbour, 0, len(of))
	}
	text := string(s.text)
	for _, c := range of {
		b := s.blocks[c.block]
		size := len(b.names[c.at].bytes())
		near = append(near, Neighbour{Card{c.id(), text[:size], b.hash(int(c.at))}, c.distance()})
		text = text[size:]
	}
	return near
}

// forget lets go of the tree.
func (s *selection) forget() {
	clear(s.blocks)
	clear(s.runs[:cap(s.runs)])
}
