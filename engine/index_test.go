package engine

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"unsafe"
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
			checkTree(t, x)
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

// The hash is compared exactly though it is kept in two parts.
func FuzzHashParts(f *testing.F) {
	f.Add(uint64(0), uint64(1))
	f.Add(uint64(hashMask), ^uint64(0))
	f.Add(uint64(pivot), uint64(rowMask))
	f.Fuzz(func(t *testing.T, h, other uint64) {
		a, b := partsOf(Hash(h)), partsOf(Hash(other))
		if a.hash() != Hash(h) || a.row >= rows || a.depth() >= depths || a.cell().row() != int(a.row) || a.cell().depth() != a.depth() {
			t.Errorf("parts of %s are %+v: %s", Hash(h), a, a.hash())
		}
		far := 2*bits.OnesCount16(a.row^b.row) + bits.OnesCount64(a.rest^b.rest)
		if want := Distance(Hash(h), Hash(other)); far != want {
			t.Errorf("distance of the parts of %s and %s = %d, want %d", Hash(h), Hash(other), far, want)
		}
	})
}

// checkTree checks what the tree of x promises to whoever walks over it, and that the roll agrees with it.
func checkTree(t *testing.T, x *Index) {
	t.Helper()
	users := 0
	tree := x.changed()
	for row := range rows {
		last := 0
		for _, b := range tree.row(row) {
			if n := len(b.rests); n == 0 || n > maxBlock || len(b.ids) != n || len(b.names) != n {
				t.Fatalf("row %d has a block of %d users, %d ids and %d names", row, n, len(b.ids), len(b.names))
			}
			for at, id := range b.ids {
				p := partsOf(rowBlock{b, row}.hash(at))
				d := p.depth()
				if int(p.row) != row || d < last || at < int(b.starts[d]) || at >= int(b.starts[d+1]) {
					t.Fatalf("row %d, user %d: row %d, depth %d after %d at %d", row, id, p.row, d, last, at)
				}
				if c, found := x.roll.cell(id); !found || c != p.cell() {
					t.Fatalf("user %d is in cell %d, on the roll %d, %t", id, p.cell(), c, found)
				}
				last = d
			}
			users += len(b.ids)
		}
	}
	onRoll, before := 0, entered(0)
	for _, page := range x.roll.pages {
		if len(page) == 0 || len(page) > maxPage {
			t.Fatalf("a page of the roll has %d users", len(page))
		}
		for _, e := range page {
			if e.id() <= before.id() {
				t.Fatalf("user %d after %d on the roll", e.id(), before.id())
			}
			before = e
		}
		onRoll += len(page)
	}
	if users != x.Len() || onRoll != users {
		t.Fatalf("%d users in the tree, %d on the roll, Len() = %d", users, onRoll, x.Len())
	}
}

// Blocks are split and joined where thousands have nearly the same taste, and pages where ids come in no order.
func TestIndexOfFewTastes(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	tastes := make([]Hash, 5)
	for i := range tastes {
		tastes[i] = Hash(r.Uint64())
	}
	taste := func() Hash { return tastes[r.IntN(len(tastes))] ^ 1<<r.IntN(8) }
	var cards []Card
	for i := range 4000 {
		cards = append(cards, Card{ID: UserID(3*i + 1), Name: fmt.Sprint("u", 3*i+1), Hash: taste()})
	}
	x := NewIndex(cards)
	checkTree(t, x)
	for len(cards) < 9000 { // many come, between those who are there
		c := Card{ID: UserID(1 + r.IntN(40_000)), Hash: taste()}
		c.Name = fmt.Sprint("u", c.ID)
		x.Set(c)
		at, found := slices.BinarySearchFunc(cards, c.ID, func(c Card, id UserID) int { return cmp.Compare(c.ID, id) })
		if found {
			cards[at] = c
		} else {
			cards = slices.Insert(cards, at, c)
		}
	}
	checkTree(t, x)
	sameNearest(t, x, cards, tastes[0], 0, 0, len(cards))
	sameNearest(t, x, cards, tastes[1], cards[7].ID, 1248, 1280)
	for len(cards) > 50 { // nearly all leave
		at := r.IntN(len(cards))
		x.Remove(cards[at].ID)
		x.Remove(cards[at].ID) // who is not there any more
		cards = slices.Delete(cards, at, at+1)
	}
	checkTree(t, x)
	sameNearest(t, x, cards, tastes[2], 0, 0, 100)
	blocks := 0
	for range x.blocks() {
		blocks++
	}
	if blocks > 50 {
		t.Errorf("%d blocks for 50 users", blocks)
	}
}

// However many are equally near, it is the smallest ids that count, and the search does not remember them all.
func TestNearestOfEquals(t *testing.T) {
	cards := make([]Card, 50_000)
	for i := range cards {
		cards[i] = Card{ID: UserID(i + 1), Name: "ab", Hash: 5}
	}
	x := NewIndex(cards)
	for i := range cards { // come again in another order
		if i%7 == 0 {
			at := (i * 7919) % len(cards)
			x.Remove(cards[at].ID)
			x.Set(cards[at])
		}
	}
	for _, window := range [][2]int{{0, 32}, {1248, 1280}, {40_000, 40_010}} {
		sameNearest(t, x, cards, 5, 3, window[0], window[1])
		sameNearest(t, x, cards, ^Hash(5), 0, window[0], window[1])
	}
	var s selection
	s.search(x.tree.Load(), 5, 33, 0)
	if len(s.found) > 4*33+1024 {
		t.Errorf("%d candidates for 33", len(s.found))
	}
}

// A question sees everybody once, also those who change in the meantime.
func TestQuestionsSeeOneInstant(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	cards := randomCards(r, 3000)
	x := NewIndex(cards)
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for worker := range 2 {
		busy.Go(func() {
			r := rand.New(rand.NewPCG(15, uint64(worker)))
			for {
				select {
				case <-stop:
					return
				default:
				}
				c := cards[r.IntN(len(cards))]
				c.Hash = max(Hash(r.Uint64()), 1) // to another row
				x.Set(c)
			}
		})
	}
	seen := make([]bool, len(cards)+1)
	for range 200 {
		near, more := x.Nearest(Hash(r.Uint64()), 0, 0, len(cards))
		if len(near) != len(cards) || more {
			t.Errorf("%d of %d users seen, more: %t", len(near), len(cards), more)
		}
		clear(seen)
		for _, n := range near {
			if seen[n.ID] {
				t.Errorf("user %d seen twice", n.ID)
			}
			seen[n.ID] = true
		}
	}
	close(stop)
	busy.Wait()
	checkTree(t, x)
}

// Saving a list again that has the same taste changes nothing, and copies nothing.
func TestSetOfTheSame(t *testing.T) {
	cards := randomCards(rand.New(rand.NewPCG(16, 17)), 100)
	x := NewIndex(cards)
	before := x.tree.Load()
	for _, c := range cards {
		x.Set(c)
	}
	if x.tree.Load() != before {
		t.Error("setting what is there made a new tree")
	}
	renamed := cards[3]
	renamed.Name = "another"
	x.Set(renamed)
	if near, _ := x.Nearest(renamed.Hash, 0, 0, 100); !slices.ContainsFunc(near, func(n Neighbour) bool { return n.Card == renamed }) {
		t.Errorf("%+v is not found", renamed)
	}
}

func TestIndexRefusesImpossibleIDs(t *testing.T) {
	for _, id := range []UserID{-1, 0, maxUserID + 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Set with id %d does not panic", id)
				}
			}()
			new(Index).Set(Card{ID: id, Name: "ab", Hash: 5})
		}()
	}
	x := new(Index)
	last := Card{ID: maxUserID, Name: "ab", Hash: 5}
	x.Set(last)
	sameNearest(t, x, []Card{last}, 9, 0, 0, 5)
}

// A question allocates its answer: the neighbours and, in one piece, their names.
func TestNearestAllocatesTheAnswer(t *testing.T) {
	cards := randomCards(rand.New(rand.NewPCG(18, 19)), 20_000)
	x := NewIndex(cards)
	for _, window := range [][2]int{{0, 32}, {1248, 1280}, {0, 1280}} {
		least := 1000.0 // of many times, since the memory of searches may be thrown away in between
		for i := range 100 {
			h := cards[i*7].Hash
			least = min(least, testing.AllocsPerRun(1, func() { x.Nearest(h, 0, window[0], window[1]) }))
		}
		if least != 2 {
			t.Errorf("the users %d to %d take %.0f allocations, want 2", window[0], window[1], least)
		}
	}
}

func TestIndexTakes41BytesAUser(t *testing.T) {
	const n = 200_000
	x := NewIndex(randomCards(rand.New(rand.NewPCG(20, 21)), n))
	size := int(unsafe.Sizeof(tree{}) + rows/shelfRows*unsafe.Sizeof(shelf{}))
	for b := range x.blocks() {
		size += int(unsafe.Sizeof(block{})) + 8*cap(b.rests) + 8*cap(b.ids) + MaxName*cap(b.names)
	}
	for _, page := range x.roll.pages {
		size += 8 * cap(page)
	}
	if each := float64(size) / n; each > 42 {
		t.Errorf("%.1f bytes a user", each)
	}
}

// The index of any users, after any changes, finds what sorting them all does.
func FuzzNearest(f *testing.F) {
	f.Add(uint64(1), []byte("0123456701234567abcdefgh"), []byte{}, uint16(0), uint16(2))
	f.Add(uint64(0), []byte{}, []byte{0, 3, 0x81, 0, 2}, uint16(0), uint16(0))
	f.Add(uint64(hashMask), bytes.Repeat([]byte("same it is"), 800), []byte{1, 2, 3, 0x82, 4, 0x81}, uint16(990), uint16(40))
	f.Fuzz(func(t *testing.T, h uint64, hashes, changes []byte, from, size uint16) {
		var cards []Card
		for id := UserID(1); len(hashes) >= 8; id++ {
			cards = append(cards, Card{ID: id, Name: "ab", Hash: Hash(binary.LittleEndian.Uint64(hashes))})
			hashes = hashes[8:]
		}
		x := NewIndex(cards)
		for i, change := range changes {
			if len(cards) == 0 {
				break
			}
			c := &cards[int(change&0x7f)*(i+1)%len(cards)]
			c.Hash = 0
			if change < 0x80 {
				c.Hash = Hash(h) ^ 1<<(i%64)
			}
			x.Set(*c)
		}
		checkTree(t, x)
		sameNearest(t, x, cards, Hash(h), UserID(from%5), int(from%2000), int(from%2000)+int(size%2000))
	})
}

// Bulk loading, a save, and somebody who comes and goes, at a million users.
func BenchmarkIndexChange(b *testing.B) {
	cards := randomCards(rand.New(rand.NewPCG(22, 23)), 1_000_000)
	b.Run("NewIndex", func(b *testing.B) {
		for b.Loop() {
			NewIndex(cards)
		}
	})
	x := NewIndex(cards)
	b.Run("Set", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			c := cards[i*7919%len(cards)]
			c.Hash = max(c.Hash^1<<(i%64), 1)
			x.Set(c)
		}
	})
	b.Run("Remove and Set", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			c := cards[i*7919%len(cards)]
			x.Remove(c.ID)
			x.Set(c)
		}
	})
}
