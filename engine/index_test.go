package engine

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// plainNearest is what Index.Nearest has to equal: all users sorted by distance, then id.
func plainNearest(cards []Card, h Hash, skip UserID, from, to int) (near []Neighbour, more bool) {
	var all []Neighbour
	for _, c := range cards {
		if c.ID != skip && c.Hash != 0 {
			all = append(all, Neighbour{Card: c, Distance: Distance(h, c.Hash)})
		}
	}
	slices.SortFunc(all, func(a, b Neighbour) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ID, b.ID))
	})
	return all[min(from, len(all)):min(to, len(all))], len(all) > to
}

func sameNearest(t *testing.T, x *Index, cards []Card, h Hash, skip UserID, from, to int) {
	t.Helper()
	got, gotMore := x.Nearest(h, skip, from, to)
	want, wantMore := plainNearest(cards, h, skip, from, to)
	if !slices.Equal(got, want) || gotMore != wantMore {
		t.Fatalf("Nearest(%s, %d, %d, %d) of %d = %v, %t; want %v, %t",
			h, skip, from, to, len(cards), got, gotMore, want, wantMore)
	}
}

// randomCards makes n users whose hashes differ in few bits from a few centres, so that equal distances abound.
func randomCards(r *rand.Rand, n int) []Card {
	centres := make([]Hash, 1+r.IntN(8))
	for i := range centres {
		centres[i] = Hash(r.Uint64())
	}
	cards := make([]Card, n)
	for i := range cards {
		h := centres[r.IntN(len(centres))]
		for range r.IntN(12) {
			h ^= 1 << r.IntN(64)
		}
		cards[i] = Card{ID: UserID(i + 1), Name: fmt.Sprintf("u%d", i+1), Hash: max(h, 1)}
	}
	return cards
}

func TestNearestEqualsSort(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 31, 32, 33, 100, 5000} {
		cards := randomCards(r, n)
		x := NewIndex(cards)
		for range 20 {
			h := Hash(r.Uint64())
			if n > 0 {
				h = cards[r.IntN(n)].Hash
			}
			skip := UserID(r.IntN(n + 1))
			for _, window := range [][2]int{{0, 0}, {0, 1}, {0, 32}, {32, 64}, {1248, 1280}, {0, 1280}, {0, n + 5}} {
				sameNearest(t, x, cards, h, skip, window[0], window[1])
			}
		}
	}
}

func TestIndexFollowsChanges(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	cards := map[UserID]Card{}
	x := new(Index)
	for step := range 3000 {
		c := randomCards(r, 1)[0]
		c.ID = UserID(1 + r.IntN(400))
		switch r.IntN(4) {
		case 0:
			x.Remove(c.ID)
			delete(cards, c.ID)
		case 1:
			c.Hash = 0 // as good as removed
			x.Set(c)
			delete(cards, c.ID)
		default:
			x.Set(c)
			cards[c.ID] = c
		}
		if x.Len() != len(cards) {
			t.Fatalf("step %d: Len() = %d, want %d", step, x.Len(), len(cards))
		}
		if step%100 == 0 {
			var all []Card
			for _, c := range cards {
				all = append(all, c)
			}
			sameNearest(t, x, all, Hash(r.Uint64()), c.ID, 0, 64)
		}
	}
}

func TestIndexConcurrent(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	cards := randomCards(r, 2000)
	x := NewIndex(cards)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r := rand.New(rand.NewPCG(7, 8))
		for range 2000 {
			c := cards[r.IntN(len(cards))]
			x.Remove(c.ID)
			x.Set(c)
		}
	}()
	for range 500 {
		near, _ := x.Nearest(cards[r.IntN(len(cards))].Hash, 0, 0, 64)
		for i, n := range near {
			if n.Name != fmt.Sprintf("u%d", n.ID) {
				t.Fatalf("id %d has name %q", n.ID, n.Name)
			}
			if i > 0 && near[i-1].Distance > n.Distance {
				t.Fatalf("distance %d before %d", near[i-1].Distance, n.Distance)
			}
		}
	}
	<-done
	sameNearest(t, x, cards, cards[0].Hash, 0, 0, 1280)
}

func FuzzNearest(f *testing.F) {
	f.Add(uint64(1), []byte("0123456701234567abcdefgh"), uint16(0), uint16(2))
	f.Add(uint64(0), []byte{}, uint16(0), uint16(0))
	f.Fuzz(func(t *testing.T, h uint64, data []byte, from, size uint16) {
		var cards []Card
		for id := UserID(1); len(data) >= 8; id++ {
			cards = append(cards, Card{ID: id, Name: "ab", Hash: Hash(binary.LittleEndian.Uint64(data))})
			data = data[8:]
		}
		sameNearest(t, NewIndex(cards), cards, Hash(h), UserID(from%5), int(from%2000), int(from%2000)+int(size%2000))
	})
}

func BenchmarkNearest(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("users=%d", n), func(b *testing.B) {
			cards := randomCards(rand.New(rand.NewPCG(9, 10)), n)
			x := NewIndex(cards)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				x.Nearest(cards[i*7919%n].Hash, 0, 0, 1280)
			}
		})
	}
}
