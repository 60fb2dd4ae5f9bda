package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"reko.moe/engine"
)

// likeReal returns n hashes that lie as the real ones do: each takes its bits from two of the real users who are near each other, and has one
// changed now and then.
func likeReal(t testing.TB, r *rand.Rand, n int) []engine.Hash {
	var cards []engine.Card
	for _, u := range realUsers(t, "lists") {
		if u.Hash != 0 {
			cards = append(cards, u.Card)
		}
	}
	x := engine.NewIndex(cards)
	near := make([][]engine.Neighbour, len(cards))
	for i, c := range cards {
		near[i], _ = x.Nearest(c.Hash, 0, 0, 17)
	}
	hashes := make([]engine.Hash, n)
	for i := range hashes {
		of := near[r.IntN(len(near))]
		a, b := of[0].Hash, of[r.IntN(len(of))].Hash
		from := engine.Hash(r.Uint64())
		changed := engine.Hash(r.Uint64() & r.Uint64() & r.Uint64() & r.Uint64() & r.Uint64() & r.Uint64()) // each bit one time in 64
		hashes[i] = max(a&from|b&^from^changed, 1)
	}
	return hashes
}

func uniform(_ testing.TB, r *rand.Rand, n int) []engine.Hash {
	hashes := make([]engine.Hash, n)
	for i := range hashes {
		hashes[i] = max(engine.Hash(r.Uint64()), 1)
	}
	return hashes
}

var populations = []struct {
	name string
	of   func(t testing.TB, r *rand.Rand, n int) []engine.Hash
}{{"like-real", likeReal}, {"uniform", uniform}}

// indexOf makes an index of users 1, 2 ... with these hashes.
func indexOf(hashes []engine.Hash) *engine.Index {
	cards := make([]engine.Card, len(hashes))
	for i, h := range hashes {
		cards[i] = engine.Card{ID: engine.UserID(i + 1), Name: "somebody", Hash: h}
	}
	return engine.NewIndex(cards)
}

// scan finds the k nearest the plain way, by looking at all hashes in turn. Of equally near ones, the first win.
type scan struct {
	found  []scanned
	sorted []scanned
	counts [engine.MaxDistance + 2]int // of found, by distance
}

type scanned struct{ at, distance int }

func (s *scan) nearest(hashes []engine.Hash, h engine.Hash, k int) []scanned {
	below := engine.MaxDistance + 1
	s.found = s.found[:0]
	clear(s.counts[:])
	for at, other := range hashes {
		d := engine.Distance(h, other)
		if d >= below {
			continue
		}
		s.counts[d]++
		s.found = append(s.found, scanned{at, d})
		if len(s.found) >= 2*k+1024 {
			below = s.shrink(k)
		}
	}
	s.shrink(k)
	var starts [engine.MaxDistance + 2]int // a counting sort
	at := 0
	for d, n := range s.counts {
		starts[d] = at
		at += n
	}
	s.sorted = slices.Grow(s.sorted[:0], at)[:at]
	for _, c := range s.found {
		s.sorted[starts[c.distance]] = c
		starts[c.distance]++
	}
	return s.sorted
}

// shrink keeps the k nearest, and returns how far away nobody can be any more who is to be among them.
func (s *scan) shrink(k int) (below int) {
	nearer := 0
	for nearer+s.counts[below] < k {
		if nearer += s.counts[below]; below == engine.MaxDistance {
			return below + 1 // they are fewer than k
		}
		below++
	}
	room := k - nearer // for those exactly at the cut
	s.found = slices.DeleteFunc(s.found, func(c scanned) bool {
		if c.distance == below {
			room--
		}
		return c.distance > below || c.distance == below && room < 0
	})
	s.counts[below] = k - nearer
	clear(s.counts[below+1:])
	return below
}

func TestNearestEqualsScan(t *testing.T) {
	for _, population := range populations {
		r := rand.New(rand.NewPCG(90, 90))
		hashes := population.of(t, r, 100_000)
		x := indexOf(hashes)
		var s scan
		for range 200 {
			at, k := r.IntN(len(hashes)), 1+r.IntN(1500)
			h := hashes[at]
			got, _ := x.Nearest(h, 0, 0, k)
			if want := s.nearest(hashes, h, k); !slices.EqualFunc(got, want, func(n engine.Neighbour, s scanned) bool {
				return int(n.ID) == s.at+1 && n.Distance == s.distance && n.Hash == hashes[s.at]
			}) {
				t.Fatalf("%s: Nearest(%s, 0, 0, %d) is not what a scan finds", population.name, h, k)
			}
		}
	}
}

// The plain scan stands beside the index, so that one run tells how much faster it is.
func BenchmarkNearest(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
		for _, population := range populations {
			hashes := population.of(b, rand.New(rand.NewPCG(9, 10)), n)
			x := indexOf(hashes)
			for _, k := range []int{33, 1281} {
				name := fmt.Sprintf("%s/users=%d/k=%d", population.name, n, k)
				b.Run(name+"/plain", func(b *testing.B) {
					var s scan
					for i := 0; b.Loop(); i++ {
						s.nearest(hashes, hashes[i*7919%n], k)
					}
				})
				b.Run(name+"/index", func(b *testing.B) {
					b.ReportAllocs()
					for i := 0; b.Loop(); i++ {
						x.Nearest(hashes[i*7919%n], 0, k-33, k-1) // a page of 32, and whether there are more
					}
				})
			}
		}
	}
}
