package engine

import (
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"unsafe"
)

// What is remembered of a search is always what a search finds now, whoever came, went or changed meanwhile, and mostly it is remembered.
func TestRememberedNeighboursAreThoseOfNow(t *testing.T) {
	r := rand.New(rand.NewPCG(90, 1))
	near := func() Hash { // in crowds, so that many are equally far away
		h := Hash(0xAAAA5555F0F00F0F)
		for range r.IntN(12) {
			h ^= 1 << r.IntN(64)
		}
		return h
	}
	var cards []Card
	for id := range UserID(400) {
		cards = append(cards, Card{id + 1, "user", near()})
	}
	memory := &allOrders{orders: map[OrderKey]Remembered{}}
	e := New(Options{Orders: memory})
	x := NewIndex(cards)
	e.index.Store(x)
	asks := cards[:20:20]
	valid := 0
	for step := range 3000 {
		id := UserID(1 + r.IntN(410))
		switch r.IntN(20) {
		case 0:
			x.Set(Card{id, "user", near()})
		case 1:
			x.Set(Card{id, "other", near()})
		case 2:
			x.Remove(id)
		case 3:
			x.Set(Card{id, "user", Hash(r.Uint64())}) // far away from all
		}
		me := asks[r.IntN(len(asks))]
		from := []int{0, 0, 0, 32, 384}[r.IntN(5)]
		key := nearKey(x.version, me.Hash, me.ID, from, from+32)
		known := memory.orders[key].Near.users
		got, gotMore := e.nearest(nil, me.Hash, me.ID, from, from+32)
		want, more := x.Nearest(me.Hash, me.ID, from, from+32)
		if !reflect.DeepEqual(got, want) || gotMore != more {
			t.Fatalf("step %d: %v, %t from memory, %v, %t found", step, got, gotMore, want, more)
		}
		if len(known) > 0 && unsafe.StringData(string(known)) == unsafe.StringData(string(memory.orders[key].Near.users)) { // not found anew
			valid++
		}
	}
	if valid < 800 {
		t.Errorf("only %d of 3,000 searches were answered from memory", valid)
	}
	before := len(memory.orders)
	e.index.Store(NewIndex(cards))
	if e.nearest(nil, asks[0].Hash, asks[0].ID, 0, 32); len(memory.orders) == before {
		t.Error("another index's neighbours are taken for those of this one")
	}
}

// Neighbours are the same once they were packed.
func TestPackedNear(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	const me = Hash(0x1104410102000020)
	for n := range 40 {
		var near []Neighbour
		for range n {
			name, h := "a_longest-name-16"[:2+r.IntN(15)], Hash(r.Uint64())
			near = append(near, Neighbour{Card{UserID(1 + r.Uint64N(maxUserID)>>r.IntN(40)), name, h}, Distance(me, h)})
		}
		packed := packNear(near)
		if got := packed.unpack(nil, me); !reflect.DeepEqual(got, near) {
			t.Fatalf("%v became %v", near, got)
		}
		if size := (&Near{users: packed}).Size(); size < n*(hashBytes+2) {
			t.Errorf("%d neighbours take %d bytes", n, size)
		}
	}
}

// A change is forgotten after many others, and then nothing is known.
func TestChangeLog(t *testing.T) {
	var l changeLog
	l.add(0, 0xFF)
	far := ^Hash(0)
	if !l.farther(far, 3, 0) || l.farther(0xFE, 3, 0) || !l.farther(0xFE, 3, 1) {
		t.Errorf("of one change: %t, %t, %t", l.farther(far, 3, 0), l.farther(0xFE, 3, 0), l.farther(0xFE, 3, 1))
	}
	l.add(0xFF, 0)
	if l.farther(0xFE, 3, 1) {
		t.Error("somebody near went, unnoticed")
	}
	for range len(l.latest) - 3 {
		l.add(1, 2)
	}
	if !l.farther(far, 3, 0) {
		t.Error("forgotten too early")
	}
	l.add(1, 2)
	if l.farther(far, 3, 0) {
		t.Error("what was written over counts as known")
	}
}

// Searches from memory while the index changes find who was there at some moment.
func TestNeighboursWhileTheIndexChanges(t *testing.T) {
	var cards []Card
	for id := range UserID(200) {
		cards = append(cards, Card{id + 1, "user", Hash(id + 1)})
	}
	memory := &allOrders{orders: map[OrderKey]Remembered{}}
	e := New(Options{Orders: memory})
	x := NewIndex(cards)
	e.index.Store(x)
	const me = Hash(0xFF00)
	var changing sync.WaitGroup
	changing.Go(func() {
		for i := range 2000 {
			x.Set(Card{UserID(1 + i%3), "user", me ^ Hash(i%5)}) // the nearest of all
		}
	})
	for range 2000 {
		if near, more := e.nearest(nil, me, 0, 0, 32); len(near) != 32 || !more {
			t.Errorf("%d neighbours, more %t", len(near), more)
		}
	}
	changing.Wait()
	got, _ := e.nearest(nil, me, 0, 0, 32)
	want, _ := x.Nearest(me, 0, 0, 32)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v in the end, want %v", got, want)
	}
}
