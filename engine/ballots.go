package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
)

// Ballots are the votes for some anime, in their order: for each how many there are and then of each vote, the most similar user's
// first, which of the lenders it is from and the score; a byte each.
type Ballots []byte

// ballot is a vote before it is sorted.
type ballot struct {
	lender uint8 // index into pool.lenders, of which there are [BatchSize] at most
	score  uint8
	of     int32 // which anime, from 0
}

// vote counts the votes for each of some of what is eligible. A damaged list has none. What is returned is the pool's until the next call.
func (e *Engine) vote(ctx context.Context, p *pool, on []eligible) Ballots {
	if len(on) == 0 {
		return nil
	}
	seats := borrowSeats(p.catalogue)
	defer seats.giveBack()
	for i := range on {
		seats.set(on[i].id, int32(i)+1)
	}
	p.ballots = p.ballots[:0]
	p.starts = slices.Grow(p.starts[:0], len(on)+1)[:len(on)+1]
	clear(p.starts)
	for i := range p.lenders {
		l := &p.lenders[i]
		switch {
		case l.damaged:
			continue
		case len(p.lent) > 0:
			p.ballots = p.lent[l.from:l.to].votes(p.ballots, uint8(i), seats)
			continue
		}
		var err error
		if p.ballots, err = l.list.votes(p.ballots, uint8(i), seats); err != nil {
			e.damaged(ctx, p, l, err)
		}
	}
	for _, b := range p.ballots {
		p.starts[b.of+1]++
	}
	size := len(on) + 2*len(p.ballots)
	p.packed = slices.Grow(p.packed[:0], size)[:size]
	end := 0
	for i := range on {
		count := p.starts[i+1]
		p.packed[end] = uint8(count)
		p.starts[i] = end + 1
		end += 1 + 2*count
	}
	for _, b := range p.ballots {
		next := &p.starts[b.of]
		p.packed[*next], p.packed[*next+1] = b.lender, b.score
		*next += 2
	}
	return p.packed
}

// votes appends, as those of a lender, the votes of l's owner for the anime that have seats: the scores of what is watched.
func (l List) votes(dst []ballot, lender uint8, s *seats) []ballot {
	for i := range l {
		e := &l[i]
		if seat := s.at(e.Anime); seat > 0 && e.isVote() {
			dst = append(dst, ballot{lender, e.Score, seat - 1})
		}
	}
	return dst
}

// votes is that of the list, which need not be unpacked for it. It refuses what [Packed.Unpack] refuses, and takes two thirds of its time
// where few anime have seats.
func (p Packed) votes(dst []ballot, lender uint8, s *seats) ([]ballot, error) {
	r, err := p.open()
	if err != nil {
		return dst, err
	}
	from := len(dst)
	for i := 0; i < r.entries; i++ {
		if i = r.skip(i, s.seat); i == r.entries {
			break
		}
		e := r.next(i)
		if r.failed || e.check() != nil {
			return dst[:from], fmt.Errorf("entry %d: %w", i, ErrCorrupt)
		}
		if seat := s.at(e.Anime); seat > 0 && e.isVote() {
			dst = append(dst, ballot{lender, e.Score, seat - 1})
		}
	}
	if err := r.end(); err != nil {
		return dst[:from], err
	}
	return dst, nil
}

// skip passes over entries from the i-th on as long as they are such as most are, as for run, and their anime have no seat. It returns which
// entry is next.
func (r *packedReader) skip(i int, seat []int32) int {
	end, dated := r.dated, uint64(1)
	if i >= end {
		end, dated = r.entries, 0
	}
	if i == 0 && dated > 0 { // whose day is not told by one before
		return i
	}
	b, anime, day, at := r.rest, r.anime, uint64(r.day), 0
	for ; i < end && at+8 <= len(b); i++ {
		word := binary.LittleEndian.Uint64(b[at:])
		step, size, odd := idStep(word)
		id := anime + step
		word >>= 8 * size
		odd |= word>>15&1 | word>>23&dated | nonsense[uint8(word)]
		if odd != 0 || id == 0 || uint(id) >= uint(len(seat)) || seat[id] > 0 {
			break
		}
		anime = id
		day -= word >> 16 & 0x7f & -dated
		at += int(size + 2 + dated)
	}
	r.failed = dated > 0 && day-1 > 1<<16-2 // as some day was, if the last is
	r.anime, r.day, r.rest = anime, Day(day), b[at:]
	return i
}

// nonsense is 1 for each byte that is no status and score.
var nonsense = func() (is [1 << 8]uint64) {
	for b := range is {
		e := Entry{Anime: 1, Status: Status(b >> 4), Score: uint8(b & 0xf)}
		if e.check() != nil {
			is[b] = 1
		}
	}
	return is
}()

// votes are what the ballots for n anime say, in the memory of s.
func (p *pool) votes(s *shown, b Ballots, n int) [][]Vote {
	all := slices.Grow(s.votes[:0], (len(b)-n)/2)
	votes := slices.Grow(s.each[:0], n)[:n]
	for i := range votes {
		count := int(b[0])
		from := len(all)
		for k := range count {
			by, score := b[1+2*k], b[2+2*k]
			all = append(all, Vote{&p.near[p.lenders[by].near], int(score)})
		}
		votes[i], b = all[from:len(all):len(all)], b[1+2*count:]
	}
	s.votes, s.each = all, votes
	return votes
}
