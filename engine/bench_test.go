package engine

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// benchStore is as large as what the engine meets: a catalogue of 20,000 anime, and lists of 280 to 300 of the better known
// ones.
func benchStore(lenders int) *memStore {
	const titles, known = 20_000, 3000
	r := rand.New(rand.NewPCG(40, 40))
	s := newMemStore()
	for id := range AnimeID(titles) {
		a := randomAnime(r, id+1)
		if r.IntN(3) == 0 {
			a.Parent = 1
		}
		s.mention(a.ID).Anime = a
	}
	s.add("requester", 7, randomList(r, 300, known)...)
	for i := range lenders {
		s.add("lender"+strconv.Itoa(i+1), Hash(r.Uint64()), randomList(r, 280, known)...)
	}
	return s
}

func BenchmarkTasteHash(b *testing.B) {
	e := loaded(b, Options{Store: benchStore(0)})
	l := randomList(rand.New(rand.NewPCG(41, 41)), 300, 3000)
	c := e.catalogue.Load()
	b.ReportAllocs()
	for b.Loop() {
		TasteHash(l, c)
	}
}

func BenchmarkPack(b *testing.B) {
	l := randomList(rand.New(rand.NewPCG(42, 42)), 300, 20_000)
	b.SetBytes(int64(len(l.Pack())))
	b.ReportAllocs()
	for b.Loop() {
		l.Pack()
	}
}

func BenchmarkUnpack(b *testing.B) {
	p := randomList(rand.New(rand.NewPCG(42, 42)), 300, 20_000).Pack()
	memory := make(List, 0, 300)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Unpack(memory); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewList(b *testing.B) {
	l := randomList(rand.New(rand.NewPCG(42, 42)), 300, 20_000)
	changes := make([]Change, len(l))
	b.ReportAllocs()
	for b.Loop() {
		for i, e := range l {
			changes[i] = Change{e, e.Day.Time()}
		}
		if _, err := NewList(changes); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDistance(b *testing.B) {
	h := Hash(0x9522414902000000)
	for b.Loop() {
		h ^= Hash(Distance(h, 0x1104410102000000))
	}
}

// BenchmarkRecommend is a page of recommendations from 32 lists of 280 entries, the store being in memory.
func BenchmarkRecommend(b *testing.B) {
	e := loaded(b, Options{Store: benchStore(BatchSize), Now: clock})
	b.ReportAllocs()
	for b.Loop() {
		a, err := e.Recommend(b.Context(), "requester", Query{})
		if err != nil || len(a.Data.Items) != PageSize {
			b.Fatal(len(a.Data.Items), err)
		}
	}
}

// BenchmarkRecommendParallel asks the same from all processors at once.
func BenchmarkRecommendParallel(b *testing.B) {
	e := loaded(b, Options{Store: benchStore(BatchSize), Now: clock})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := e.Recommend(b.Context(), "requester", Query{}); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkRandom(b *testing.B) {
	e := loaded(b, Options{Store: benchStore(BatchSize), Now: clock})
	seed := uint64(1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Random(b.Context(), "requester", Query{}, &seed); err != nil {
			b.Fatal(err)
		}
	}
}
