package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"
)

// randomStore has a requester and others with lists over a random catalogue, and hashes that are those of their lists.
func randomStore(r *rand.Rand, users, titles int) *memStore {
	s := newMemStore()
	for id := range AnimeID(titles) {
		a := randomAnime(r, id+1)
		a.RelatedAt = t0
		s.mention(a.ID).Anime = a
	}
	var anime []Anime
	for _, a := range s.anime {
		anime = append(anime, a.Anime)
	}
	c := NewCatalogue(anime)
	for i := range users {
		name := "requester"
		if i > 0 {
			name = fmt.Sprint("user", i)
		}
		l := randomList(r, 5+r.IntN(titles/2), titles)
		s.add(name, TasteHash(l, c), l...)
	}
	return s
}

// Two processes over the same store answer the same to the last byte, whatever was asked before.
func TestTwoProcessesAnswerTheSame(t *testing.T) {
	s := randomStore(rand.New(rand.NewPCG(70, 70)), 200, 300)
	first, second := loaded(t, Options{Store: s, Now: clock}), loaded(t, Options{Store: s, Now: clock})
	seed := uint64(5)
	for page := range 8 {
		for batch := 3; batch > 0; batch-- {
			if _, err := first.Recommend(t.Context(), "user5", Query{Batch: batch}); err != nil {
				t.Fatal(err)
			}
		}
		for question, ask := range map[string]func(e *Engine) (any, error){
			"Recommend": func(e *Engine) (any, error) { return e.Recommend(t.Context(), "requester", Query{Page: page}) },
			"RecommendFrom": func(e *Engine) (any, error) {
				return e.RecommendFrom(t.Context(), "requester", "user7", Query{Page: page})
			},
			"Random":  func(e *Engine) (any, error) { return e.Random(t.Context(), "requester", Query{Batch: page}, &seed) },
			"Similar": func(e *Engine) (any, error) { return e.Similar(t.Context(), "requester", page) },
			"Compare": func(e *Engine) (any, error) { return e.Compare(t.Context(), "requester", fmt.Sprint("user", page+1)) },
		} {
			a, errA := ask(first)
			b, errB := ask(second)
			if errA != nil || errB != nil || !reflect.DeepEqual(a, b) {
				t.Errorf("%s() = %+v, %v; in another process %+v, %v", question, a, errA, b, errB)
			}
		}
	}
}

// plainEligible is what can be recommended by the rules, read off the lists one by one.
func plainEligible(t *testing.T, s *memStore, e *Engine, requester string, batch int) map[AnimeID][]int {
	t.Helper()
	own := map[AnimeID]bool{}
	for _, entry := range s.storedList(t, requester) {
		own[entry.Anime] = true
	}
	a, err := e.Similar(t.Context(), requester, batch) // a page of these is a batch
	if err != nil {
		t.Fatal(err)
	}
	scores := map[AnimeID][]int{}
	for _, n := range a.Data {
		for _, entry := range s.storedList(t, n.Name) {
			a := s.anime[entry.Anime]
			watched := entry.Episodes > 0 && (entry.Status == Completed || entry.Status == Watching)
			if watched && entry.Score > 0 && !own[entry.Anime] && a.Mean > 0 && a.Parent == 0 {
				scores[entry.Anime] = append(scores[entry.Anime], int(entry.Score))
			}
		}
	}
	return scores
}

// What is recommended equals the rules read plainly, whoever asks after whom: nothing is left of the question before.
func TestRecommendEqualsTheRules(t *testing.T) {
	r := rand.New(rand.NewPCG(71, 71))
	large, small := randomStore(r, 120, 300), randomStore(r, 40, 60)
	for i := range 300 {
		if a := large.anime[AnimeID(i+1)]; i%3 == 0 {
			a.Parent = 1
		}
	}
	engines := map[*memStore]*Engine{large: loaded(t, Options{Store: large, Now: clock}), small: loaded(t, Options{Store: small, Now: clock})}
	for i := range 30 {
		for _, s := range []*memStore{large, small} {
			e := engines[s]
			name, batch := fmt.Sprint("user", i+1), 1+i%3
			a, err := e.Recommend(t.Context(), name, Query{Batch: batch})
			if err != nil {
				t.Fatal(err)
			}
			want := plainEligible(t, s, e, name, batch)
			got := 0
			for page := 1; ; page++ {
				a, err := e.Recommend(t.Context(), name, Query{Batch: batch, Page: page})
				if err != nil {
					t.Fatal(err)
				}
				for _, rec := range a.Data.Items {
					got++
					var scores []int
					for _, v := range rec.Votes {
						scores = append(scores, v.Score)
					}
					if !slices.Equal(scores, want[rec.Anime.ID]) {
						t.Fatalf("%s, batch %d: scores of anime %d are %v, want %v", name, batch, rec.Anime.ID, scores, want[rec.Anime.ID])
					}
				}
				if !a.Page.More {
					break
				}
			}
			if got != min(len(want), PageSize*MaxPage) || a.Data.Total != len(want) {
				t.Fatalf("%s, batch %d: %d anime of %d, want %d", name, batch, got, a.Data.Total, len(want))
			}
		}
	}
}

// Questions, refreshes, upkeep and loading go on at the same time; the race detector looks on.
func TestEverythingAtOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(72, 72))
	s, source := randomStore(r, 60, 100), newFakeSource()
	for i := range 20 {
		name := fmt.Sprint("newcomer", i)
		l := append(randomList(r, 30, 100), completed(AnimeID(200+i), 9))
		brought := randomAnime(r, AnimeID(1+i))
		brought.DescribedAt = time.Now()
		source.has(name, l, brought)
		source.anime[AnimeID(200+i)] = described(AnimeID(200+i), "2020-01-01", 12, "g")
		s.fetched(fmt.Sprint("stale", i), 100*time.Hour, l...)
		source.has(fmt.Sprint("stale", i), l)
	}
	e := loaded(t, Options{Store: s, Source: source})
	var busy sync.WaitGroup
	for worker := range 6 {
		busy.Go(func() {
			r := rand.New(rand.NewPCG(73, uint64(worker)))
			for i := range 40 {
				names := []string{"requester", fmt.Sprint("user", 1+r.IntN(59)), fmt.Sprint("newcomer", r.IntN(20)), fmt.Sprint("stale", r.IntN(20))}
				name, other := names[r.IntN(4)], names[r.IntN(4)]
				var err error
				switch (i + worker) % 8 {
				case 0:
					_, err = e.Recommend(t.Context(), name, Query{Page: i % 3, Batch: i % 4})
				case 1:
					_, err = e.RecommendFrom(t.Context(), name, other, Query{})
				case 2:
					_, err = e.Random(t.Context(), name, Query{}, nil)
				case 3:
					_, err = e.Similar(t.Context(), name, i)
				case 4:
					_, err = e.Compare(t.Context(), name, other)
				case 5:
					_, err = []upkeep{e.RefreshStale, e.DescribeAnime, e.UpdateAiring, e.Rehash}[i%4](t.Context())
					if errors.Is(err, ErrUpstream) {
						err = nil // anime that the source does not know
					}
				case 6:
					err = e.Load(t.Context())
				case 7:
					_, err = e.Reload(t.Context())
				}
				if err != nil {
					t.Errorf("worker %d, %d, for %s and %s: %v", worker, i, name, other, err)
				}
			}
		})
	}
	busy.Wait()
	// What is in memory is what is in the store.
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var cards []Card
	for c, err := range s.Cards(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		cards = append(cards, c)
	}
	sameNearest(t, e.index.Load(), cards, 12345, 0, 0, len(cards)+1)
	for a, err := range s.Anime(t.Context()) {
		if got := e.catalogue.Load().Anime(a.ID); err != nil || got == nil || !reflect.DeepEqual(got.Genres, a.Genres) {
			t.Fatalf("anime %d is %+v in memory, stored %+v", a.ID, got, a)
		}
	}
}
