package engine

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"
)

// seatsFor gives seats to every third of the anime up to most.
func seatsFor(most AnimeID) *seats {
	s := &seats{seat: make([]int32, most+1)}
	for id := AnimeID(1); id <= most; id += 3 {
		s.set(id, int32(id))
	}
	return s
}

// votesByHand are the votes of a list that is unpacked.
func votesByHand(p Packed, lender uint8, s *seats) ([]ballot, error) {
	l, err := p.Unpack(nil)
	if err != nil {
		return nil, err
	}
	var all []ballot
	for i := range l {
		if seat := s.at(l[i].Anime); seat > 0 && l[i].Score > 0 && l[i].Watched() {
			all = append(all, ballot{lender, l[i].Score, seat - 1})
		}
	}
	return all, nil
}

// sealed is a list with the checksum that its bytes have.
func sealed(body []byte) Packed {
	return binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, castagnoli))
}

func TestVotesAreThoseOfTheList(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	s := seatsFor(3000) // and no table of all that are on the lists
	s.set(2, taken)
	some := false
	for n := range 300 {
		l := randomList(r, n, 1+n*20)
		if n%3 == 0 { // as they come from files without dates
			for i := range l {
				l[i].Day = 0
			}
			slices.SortFunc(l, func(a, b Entry) int { return int(a.Anime - b.Anime) })
		}
		p := l.Pack()
		got, err := p.votes([]ballot{{9, 9, 9}}, 4, s)
		want, _ := votesByHand(p, 4, s)
		if err != nil || !slices.Equal(got, append([]ballot{{9, 9, 9}}, want...)) {
			t.Fatalf("%d entries: %v, %v; want %v", n, got, err, want)
		}
		some = some || len(want) > 0
	}
	if !some {
		t.Error("nobody votes")
	}
}

// Whatever is wrong with a list behind a right checksum, its votes are refused if and only if Unpack refuses it.
func TestVotesOfDamagedLists(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 8))
	s := seatsFor(3000)
	refused, taken := 0, 0
	for n := range 60 {
		p := randomList(r, 2+n, 3000).Pack()
		body := p[:len(p)-packedChecksum]
		allDamage(body, func(what string, at int, damaged Packed) {
			damaged = sealed(slices.Clone(damaged))
			want, wantErr := votesByHand(damaged, 1, s)
			got, err := damaged.votes(nil, 1, s)
			if !slices.Equal(got, want) || errors.Is(err, ErrCorrupt) != errors.Is(wantErr, ErrCorrupt) {
				t.Fatalf("byte %d of %x %s: %v, %v; want %v, %v", at, []byte(body), what, got, err, want, wantErr)
			}
			if err != nil {
				refused++
			} else {
				taken++
			}
		})
	}
	if refused == 0 || taken == 0 {
		t.Errorf("%d lists were refused and %d taken, want some of both", refused, taken)
	}
}

func BenchmarkVotes(b *testing.B) {
	l := randomList(rand.New(rand.NewPCG(42, 42)), 300, 20_000)
	for i := range l {
		l[i].Episodes = min(l[i].Episodes, 26)
	}
	p := l.Pack()
	s := &seats{seat: make([]int32, 20_001)}
	for i := range int32(RandomSize) {
		s.set(AnimeID(1+600*i), i+1)
	}
	memory := make([]ballot, 0, len(l))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.votes(memory, 1, s); err != nil {
			b.Fatal(err)
		}
	}
}

// A list that turns out to be damaged in the middle lends nothing of what stands before, and those behind it lend what is theirs.
func TestGatherLeavesOutDamagedLists(t *testing.T) {
	var anime []Anime
	for id := AnimeID(1); id <= 4; id++ {
		a := described(id, "2010-07-04", 12, "r", 1)
		a.Mean = 7
		anime = append(anime, a)
	}
	bad := List{completed(2, 8), completed(3, 7)}.Pack()
	bad = bad[:len(bad)-packedChecksum]
	bad[len(bad)-2] = 0xff // status and score of the second entry
	e := New(Options{Store: newMemStore()})
	p := &pool{catalogue: NewCatalogue(anime), excluded: &excluded{}, near: make([]Neighbour, 3), lenders: []lender{
		{near: 0, list: List{completed(1, 9)}.Pack()}, {near: 1, list: sealed(bad)}, {near: 2, list: List{completed(1, 5), completed(4, 6)}.Pack()},
	}}
	e.gather(t.Context(), p, true)
	if len(p.ranked) != 2 || p.ranked[0].id != 1 || p.ranked[0].sum != 14 || p.ranked[1].id != 4 {
		t.Fatalf("eligible are %+v, want anime 1 with 9 and 5, and 4", p.ranked)
	}
	if got, want := e.vote(t.Context(), p, p.ranked), (Ballots{2, 0, 9, 2, 5, 1, 2, 6}); !slices.Equal(got, want) {
		t.Errorf("votes are %v, want %v", got, want)
	}
}
