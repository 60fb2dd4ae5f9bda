package engine

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// What was recommended is made in memory that is used again: an answer that was not released keeps what it says, and nothing of one that was shows
// in another, whoever else asks.
func TestReleasedRecommendations(t *testing.T) {
	s := newMemStore()
	s.recommendable(99)
	s.add("requester", 7, completed(99, 9))
	votes := map[AnimeID][]cast{}
	for id := AnimeID(1); id <= 40; id++ {
		for range 1 + id%3 {
			votes[id] = append(votes[id], cast{uint8(1 + id%10), unknownDay})
		}
	}
	castVotes(s, votes)
	e := loaded(t, Options{Store: s, Now: clock})
	say := func(items []Recommendation) string {
		var b strings.Builder
		for _, r := range items {
			fmt.Fprint(&b, r.Anime.ID, r.Score, r.HasMatch, r.Expected)
			for _, v := range r.Votes {
				fmt.Fprint(&b, v.Name, v.Score)
			}
		}
		return b.String()
	}
	seed := uint64(7)
	type answer struct {
		items   []Recommendation
		release func()
	}
	questions := []func() (answer, error){
		func() (answer, error) {
			a, err := e.Recommend(t.Context(), "requester", Query{Page: 1})
			return answer{a.Data.Items, a.Data.Release}, err
		},
		func() (answer, error) {
			a, err := e.Recommend(t.Context(), "requester", Query{Page: 3})
			return answer{a.Data.Items, a.Data.Release}, err
		},
		func() (answer, error) {
			a, err := e.RecommendFrom(t.Context(), "requester", "lender1", Query{})
			return answer{a.Data.Items, a.Data.Release}, err
		},
		func() (answer, error) {
			a, err := e.Random(t.Context(), "requester", Query{}, &seed)
			return answer{a.Data.Picks, a.Data.Release}, err
		},
	}
	kept, want := make([]answer, len(questions)), make([]string, len(questions))
	for i, ask := range questions {
		var err error
		if kept[i], err = ask(); err != nil || len(kept[i].items) == 0 {
			t.Fatal(i, err)
		}
		want[i] = say(kept[i].items)
	}
	var asking sync.WaitGroup
	for n := range 4 {
		asking.Go(func() {
			for k := range 200 {
				i := (n + k*k) % len(questions)
				a, err := questions[i]()
				if err != nil || say(a.items) != want[i] {
					t.Errorf("question %d: %s, %v\nwant %s", i, say(a.items), err, want[i])
					return
				}
				a.release()
			}
		})
	}
	asking.Wait()
	for i := range kept {
		if got := say(kept[i].items); got != want[i] {
			t.Errorf("what was not released became %s\nwas %s", got, want[i])
		}
	}
	var none Recommendations
	none.Release() // of an answer that failed
}
