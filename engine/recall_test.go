package engine

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// recalling is a store that remembers users when it does not answer.
type recalling struct {
	*memStore
	remembered map[string]User
}

func (s recalling) Recall(name string) (User, bool) {
	u, ok := s.remembered[name]
	return u, ok
}

// As long as the store does not answer, questions are answered from what is in memory, and the answers say so.
func TestStoreIsDown(t *testing.T) {
	s := recalling{newMemStore(), map[string]User{}}
	s.fetched("spike", time.Hour, completed(1, 9), completed(2, 7))
	s.fetched("faye", time.Hour, completed(1, 9))
	s.fetched("jet", time.Hour, completed(2, 9))
	spike, jet := s.stored(t, "spike"), s.stored(t, "jet")
	e := New(Options{Store: s})
	if err := e.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	right, err := e.Compare(t.Context(), "spike", "jet")
	if err != nil {
		t.Fatal(err)
	}
	failure := ErrStoreDown
	s.broken = func(string) error { return failure }
	s.remembered["spike"], s.remembered["jet"] = spike, jet

	a, err := e.Compare(t.Context(), "Spike", "jet")
	if err != nil || !a.Requester.Recalled || !a.Requester.FetchedAt.Equal(spike.FetchedAt) ||
		fmt.Sprint(a.Data) != fmt.Sprint(right.Data) {
		t.Errorf("Compare of two in memory = %+v, %v; want %+v, recalled", a, err, right.Data)
	}
	between, err := e.Between(t.Context(), "spike", "faye") // of whom the hash alone is in memory
	if err != nil || !between.Requester.Recalled || between.Data.Name != "faye" || between.Data.Hash != 8 {
		t.Errorf("Between with one in memory = %+v, %v", between, err)
	}
	if _, err := e.Compare(t.Context(), "spike", "faye"); !errors.Is(err, ErrStoreDown) {
		t.Errorf("Compare with one whose list is not in memory: %v, want ErrStoreDown", err)
	}
	near, err := e.Similar(t.Context(), "faye", 1)
	if err != nil || len(near.Data) != 2 || !near.Requester.Bare() || near.Requester.Name != "faye" {
		t.Errorf("Similar = %+v, %v", near, err)
	}
	if _, err := e.RecommendFrom(t.Context(), "spike", "faye", Query{}); !errors.Is(err, ErrStoreDown) {
		t.Errorf("what faye could recommend, whose list is not in memory: %v, want ErrStoreDown", err)
	}
	if _, err := e.Similar(t.Context(), "nobody", 1); !errors.Is(err, ErrStoreDown) {
		t.Errorf("somebody who is not in memory: %v, want ErrStoreDown", err)
	}
	failure = errors.New("no such table")
	if _, err := e.Similar(t.Context(), "spike", 1); !errors.Is(err, ErrStore) || errors.Is(err, ErrStoreDown) {
		t.Errorf("a store that refuses: %v, want ErrStore", err)
	}
}

func TestNamed(t *testing.T) {
	x := NewIndex([]Card{{1, "ed", 5}, {2, "sixteen-letters-", 6}, {3, "edward", 7}})
	for name, want := range map[string]Card{
		"ed": {1, "ed", 5}, "edward": {3, "edward", 7}, "sixteen-letters-": {2, "sixteen-letters-", 6},
		"": {}, "e": {}, "edw": {}, "sixteen-letters-x": {},
	} {
		if got, ok := x.Named(name); got != want || ok != (want.ID != 0) {
			t.Errorf("Named(%q) = %v, %t; want %v", name, got, ok, want)
		}
	}
}
