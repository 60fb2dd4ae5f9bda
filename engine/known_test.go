package engine

import (
	"fmt"
	"slices"
	"testing"
)

// franchised are 200 anime, on fewer lists the greater their ids, which are in franchises of two; every fifth is a sequel.
func franchised() []Anime {
	var anime []Anime
	for i := range AnimeID(200) {
		a := Anime{ID: i + 1, Title: fmt.Sprintf("Title %03d", i+1), English: "In English", Mean: 7, Members: int(1000 - i), DescribedAt: t0}
		if i%2 == 1 {
			a.Relations = []Relation{{Type: "alternative_version", ID: i}}
		}
		if i%5 == 4 {
			a.Parent = 1
		}
		anime = append(anime, a)
	}
	anime[2].Mean = 0
	return anime
}

func TestWellKnown(t *testing.T) {
	s := newMemStore()
	e := loaded(t, Options{Store: s})
	if all := e.WellKnown(); len(all) != 0 {
		t.Errorf("of no catalogue, %d are well known", len(all))
	}
	anime := franchised()
	if err := e.ImportAnime(t.Context(), anime); err != nil {
		t.Fatal(err)
	}
	if err := e.ImportDone(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := e.catalogue.Load()
	got := e.WellKnown()
	if len(got) != KnownSize {
		t.Fatalf("%d are well known, want %d", len(got), KnownSize)
	}
	// As defined: by members, without sequels and what has no mean, the first of each franchise.
	var want []AnimeID
	seen := map[AnimeID]bool{}
	for i := range anime {
		a := &anime[i]
		if a.Parent == 0 && a.Mean > 0 && !seen[c.Franchise(a.ID)] && len(want) < KnownSize {
			seen[c.Franchise(a.ID)] = true
			want = append(want, a.ID)
		}
	}
	var ids []AnimeID
	for _, a := range got {
		ids = append(ids, a.ID)
	}
	if !slices.Equal(ids, want) {
		t.Errorf("well known are %v, want %v", ids, want)
	}

	// A changed catalogue has others.
	anime[150].Members, anime[150].Relations = 1_000_000, nil
	if err := e.ImportAnime(t.Context(), anime[150:151]); err != nil {
		t.Fatal(err)
	}
	if err := e.ImportDone(t.Context()); err != nil {
		t.Fatal(err)
	}
	if first := e.WellKnown()[0]; first.ID != 151 {
		t.Errorf("the best known is %d, want 151", first.ID)
	}
}

func TestFindKnown(t *testing.T) {
	e := loaded(t, Options{Store: newMemStore()})
	if err := e.ImportAnime(t.Context(), franchised()); err != nil {
		t.Fatal(err)
	}
	if err := e.ImportDone(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		text  string
		n     int
		first AnimeID
	}{
		{" tItLe 00", 9, 1}, {"title 2", 1, 200}, {"in english", KnownSize, 1}, {"5", 20 + 18, 5}, {"english\ntitle", 0, 0}, {"nothing", 0, 0},
	} {
		found := e.FindKnown(test.text)
		if len(found) != test.n || test.n > 0 && found[0].ID != test.first {
			t.Errorf("%q finds %d, want %d, the first %d", test.text, len(found), test.n, test.first)
		}
		if !slices.IsSortedFunc(found, func(a, b *Anime) int { return b.Members - a.Members }) {
			t.Errorf("%q finds the less known first", test.text)
		}
	}
}

func TestPickedIsAList(t *testing.T) {
	l, err := Picked([]AnimeID{5, 1, 5})
	if err != nil || len(l) != 2 || l.Watched() != 2 {
		t.Fatalf("picked: %v, %v", l, err)
	}
	for _, entry := range l {
		if entry.Score != 0 || entry.Status != Completed {
			t.Errorf("picked: %+v, want it completed and not scored", entry)
		}
	}
}

func BenchmarkFindKnown(b *testing.B) {
	e := New(Options{Store: newMemStore()})
	var anime []Anime
	for i := range AnimeID(30_000) {
		anime = append(anime, Anime{ID: i + 1, Title: fmt.Sprintf("Title of the anime %d", i), English: "Something in English", DescribedAt: t0})
	}
	e.catalogue.Store(NewCatalogue(anime))
	for b.Loop() {
		if len(e.FindKnown("zzz")) > 0 {
			b.Fatal("found")
		}
	}
}
