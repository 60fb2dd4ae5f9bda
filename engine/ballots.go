package engine

import "slices"

// Ballots are the votes for some anime, in their order: for each how many there are and then of each vote, the most similar user's
// first, which of the lenders it is from and the score; a byte each.
type Ballots []byte

// ballot is a vote before it is sorted.
type ballot struct {
	lender uint8 // index into pool.lenders, of which there are [BatchSize] at most
	score  uint8
	of     int32 // which anime
}

// vote counts the votes for each of some of what is eligible. The lists were read. What is returned is the pool's until the next call.
func (p *pool) vote(on []eligible) Ballots {
	seats := borrowSeats(p.catalogue)
	defer seats.giveBack()
	for i := range on {
		seats.set(on[i].id, int32(i)+1)
	}
	p.ballots = p.ballots[:0]
	p.starts = slices.Grow(p.starts[:0], len(on)+1)[:len(on)+1]
	clear(p.starts)
	at := 0
	for _, part := range p.parts {
		for ; at < part.end; at++ {
			entry := &p.lent[at]
			if seat := seats.at(entry.Anime); seat > 0 && entry.Score > 0 && entry.Watched() {
				p.ballots = append(p.ballots, ballot{uint8(part.lender), entry.Score, seat - 1})
				p.starts[seat]++
			}
		}
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
