package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// The neighbours of a short list are those of the list that the model expects it to become; its hash stays what it is.
func TestShortListsAreForeseen(t *testing.T) {
	s := newMemStore()
	var anime []Anime
	for id := AnimeID(1); id <= 80; id++ {
		a := knownAnime[int(id)%len(knownAnime)]
		a.ID, a.Mean, a.Members, a.DescribedAt, a.RelatedAt = id, 7, 1000-int(id), t0, t0
		anime = append(anime, a)
	}
	if err := s.SaveAnime(t.Context(), anime); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 5))
	for i := range 200 {
		s.add(fmt.Sprint("user", i), Hash(r.Uint64()|1), completed(AnimeID(1+i%80), 8))
	}
	e := modelled(t, s)
	c := e.catalogue.Load()
	for _, n := range []int{1, 2, 5, shortList - 1, shortList, 30} {
		var l, want List
		for id := range AnimeID(n) {
			l = append(l, completed(2*id+1, 0))
		}
		want = slices.Clone(l)
		if n < shortList { // the toy model likes the smallest ids most
			for id := AnimeID(1); len(want) < n+foreseenMost && id <= 80; id++ {
				if !slices.ContainsFunc(l, func(e Entry) bool { return e.Anime == id }) {
					want = append(want, completed(id, 0))
				}
			}
		}
		if got := e.foreseen(l, TasteHash(l, c)); got != TasteHash(want, c) {
			t.Errorf("of %d entries: %v is foreseen, want %v", n, got, TasteHash(want, c))
		}
		a, err := e.RecommendList(t.Context(), l, Query{})
		if err != nil {
			t.Fatal(err)
		}
		near, _ := e.index.Load().Nearest(TasteHash(want, c), 0, 0, BatchSize)
		if a.Requester.Hash != TasteHash(l, c) || !slices.Equal(a.Data.From, near) {
			t.Errorf("of %d entries: hash %v and neighbours %v, want %v and %v", n, a.Requester.Hash, a.Data.From, TasteHash(l, c), near)
		}
	}
}
