package engine

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func similar(t *testing.T, e *Engine, page int) Answer[[]Neighbour] {
	t.Helper()
	a, err := e.Similar(t.Context(), "requester", page)
	if err != nil {
		t.Fatalf("Similar(%d): %v", page, err)
	}
	return a
}

func TestSimilarWalkVisitsEveryUserOnce(t *testing.T) {
	for _, test := range []struct{ users, pages, want int }{
		{0, 1, 0}, {1, 1, 1}, {31, 1, 31}, {32, 1, 32}, {33, 2, 33}, {200, 7, 200},
		{1280, 40, 1280}, {1281, 40, 1280}, {1400, 40, 1280},
	} {
		s := crowdedStore(test.users, 1)
		e := loaded(t, Options{Store: s, Now: clock})
		var cards []Card
		for c, err := range s.Cards(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			cards = append(cards, c)
		}
		var all []Neighbour
		page := 1
		for ; ; page++ {
			a := similar(t, e, page)
			if a.Page.Current != page || a.Page.More && len(a.Data) != SimilarSize {
				t.Fatalf("page %d: %+v with %d", page, a.Page, len(a.Data))
			}
			all = append(all, a.Data...)
			if !a.Page.More {
				break
			}
		}
		if page != test.pages || len(all) != test.want {
			t.Errorf("%d users: %d on %d pages, want %d on %d", test.users, len(all), page, test.want, test.pages)
		}
		if want, _ := plainNearest(cards, cards[0].Hash, 1, 0, 1280); !slices.Equal(all, want) {
			t.Errorf("%d users: not in the order of a plain sort", test.users)
		}
	}
}

func TestSimilarPageIsTakenIntoRange(t *testing.T) {
	few, many := loaded(t, Options{Store: crowdedStore(40, 1)}), loaded(t, Options{Store: crowdedStore(1400, 1)})
	for _, test := range []struct {
		e           *Engine
		page, taken int
		users       int
		more        bool
	}{
		{few, 1, 1, 32, true}, {few, 2, 2, 8, false}, {few, 3, 3, 0, false}, {few, 0, 1, 32, true}, {few, -1, 1, 32, true},
		{few, math.MinInt, 1, 32, true}, {few, 1e9, 40, 0, false}, {few, math.MaxInt, 40, 0, false},
		{many, 39, 39, 32, true}, {many, 40, 40, 32, false}, {many, 41, 40, 32, false}, {many, 1e9, 40, 32, false},
	} {
		if a := similar(t, test.e, test.page); a.Page != (Page{test.taken, test.more}) || len(a.Data) != test.users {
			t.Errorf("page %d: %+v with %d, want page %d with %d, more: %t", test.page, a.Page, len(a.Data), test.taken, test.users, test.more)
		}
	}
}

func TestCompare(t *testing.T) {
	s := newMemStore()
	s.recommendable(1)
	s.add("faye", 0b1000, completed(1, 8))
	s.add("spike", 0b1011, completed(1, 9)) // 0b0010 counts once, 0b0001 (Rx) twice
	s.add("ed", ^Hash(0b1000), completed(1, 10))
	e := loaded(t, Options{Store: s, Now: clock})
	for _, test := range []struct {
		name, other string
		distance    int
		similarity  int
	}{
		{"faye", "faye", 0, 100}, {"FAYE", "faye", 0, 100}, {"spike", "Spike", 0, 100},
		{"faye", "spike", 3, 97}, {"spike", "faye", 3, 97}, {"faye", "ed", 83, 0}, {"spike", "ed", 80, 4},
	} {
		a, err := e.Compare(t.Context(), test.name, test.other)
		if err != nil || a.Data.Distance != test.distance || a.Data.Similarity() != test.similarity {
			t.Errorf("Compare(%s, %s) = %+v, %v; want distance %d, %d %%", test.name, test.other, a.Data, err, test.distance, test.similarity)
		}
		if a.Requester.Name != strings.ToLower(test.name) || a.Data.Name != strings.ToLower(test.other) || a.Page != (Page{}) {
			t.Errorf("Compare(%s, %s) is of %q and %q", test.name, test.other, a.Requester.Name, a.Data.Name)
		}
	}
}

// Every question fails the same way for somebody unknown, as the requester and as the other one.
func TestUnknownUsers(t *testing.T) {
	questions := map[string]func(e *Engine, name string) error{
		"Recommend": func(e *Engine, name string) error { _, err := e.Recommend(t.Context(), name, Query{}); return err },
		"RecommendFrom": func(e *Engine, name string) error {
			_, err := e.RecommendFrom(t.Context(), name, "faye", Query{})
			return err
		},
		"RecommendFrom other": func(e *Engine, name string) error {
			_, err := e.RecommendFrom(t.Context(), "faye", name, Query{})
			return err
		},
		"Random":        func(e *Engine, name string) error { _, err := e.Random(t.Context(), name, Query{}, nil); return err },
		"Similar":       func(e *Engine, name string) error { _, err := e.Similar(t.Context(), name, 1); return err },
		"Compare":       func(e *Engine, name string) error { _, err := e.Compare(t.Context(), name, "faye"); return err },
		"Compare other": func(e *Engine, name string) error { _, err := e.Compare(t.Context(), "faye", name); return err },
	}
	s := newMemStore()
	s.recommendable(1)
	s.add("faye", 8, completed(1, 8))
	s.add("ein", 0, Entry{Anime: 1, Status: Planned})
	s.add("vicious", 0, completed(2, 8))
	source := newFakeSource()
	with, without := loaded(t, Options{Store: s, Now: clock, Source: source}), loaded(t, Options{Store: s, Now: clock})
	for question, ask := range questions {
		for _, name := range []string{
			"", "a", "..", "a/b", "a b", "äöü", "日本語", "nul\x00", "%41bc", "seventeen-letters", strings.Repeat("a", 10_000),
		} {
			if err := ask(with, name); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s(%.20q) fails with %v, want ErrNotFound", question, name, err)
			} else if len(err.Error()) > 200 {
				t.Errorf("%s(%.20q) fails with %d bytes", question, name, len(err.Error()))
			}
		}
		if n := source.calls(); n != 0 {
			t.Fatalf("%s: the source was asked %d times for names that nobody can have", question, n)
		}
		if err := ask(without, "nobody"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s(nobody) fails with %v, want ErrNotFound", question, err)
		}
		if err := ask(without, "ein"); !errors.Is(err, ErrEmptyList) {
			t.Errorf("%s(ein) fails with %v, want ErrEmptyList", question, err)
		}
		if err := ask(without, "vicious"); !errors.Is(err, ErrNoHash) {
			t.Errorf("%s(vicious) fails with %v, want ErrNoHash", question, err)
		}
		s.broken = func(string) error { return errors.New("disk full") }
		if err := ask(with, "faye"); !errors.Is(err, ErrStore) {
			t.Errorf("%s(faye) fails with %v, want ErrStore", question, err)
		}
		s.broken = nil
	}
	for question, ask := range questions {
		if err := ask(with, "nobody"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s(nobody) fails with %v, want ErrNotFound", question, err)
		}
	}
	// Once, and then it was remembered.
	if n := source.calls(); n != 1 {
		t.Errorf("the source was asked %d times, want once", n)
	}
}
