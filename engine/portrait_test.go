package engine

import (
	"errors"
	"math"
	"testing"
)

const (
	mecha  = 18 // MyAnimeList's ids of themes
	school = 23
)

// mechaStore has anime 1..20 about mecha and 21..40 about school, and users with lists of so many of each.
func mechaStore() *memStore {
	s := newMemStore()
	for id := AnimeID(1); id <= 40; id++ {
		genre := mecha
		if id > 20 {
			genre = school
		}
		a := described(id, "2005-04-03", 12, "r", 1, genre)
		a.Mean = 7
		s.anime[id] = &memAnime{Anime: a}
	}
	list := func(mechas, schools int, score uint8) (entries []Entry) {
		for i := range mechas {
			entries = append(entries, completed(AnimeID(1+i), score))
		}
		for i := range schools {
			entries = append(entries, completed(AnimeID(21+i), score))
		}
		return entries
	}
	s.add("pupil", 8, list(1, 9, 7)...)
	s.add("teacher", 8, list(3, 7, 7)...)
	s.add("pilot", 8, list(8, 2, 9)...)
	s.add("novice", 8, list(3, 0, 9)...)
	s.add("nobody", 8)
	return s
}

// among is the population of some users.
func among(t *testing.T, e *Engine, names ...string) *Population {
	t.Helper()
	var profiles []*Profile
	for _, name := range names {
		a, err := e.Portrait(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		profiles = append(profiles, a.Data.Profile)
	}
	return PopulationOf(profiles...)
}

func TestTraits(t *testing.T) {
	e := loaded(t, Options{Store: mechaStore(), Now: clock})
	population := among(t, e, "pupil", "teacher") // mecha: 0.2 ± 0.1, school: 0.8 ± 0.1
	portrait := func(name string) Portrait {
		t.Helper()
		a, err := e.Portrait(t.Context(), name)
		if err != nil || a.Requester.Name != name {
			t.Fatalf("%v, %+v", err, a.Requester)
		}
		a.Data.Population = population
		return a.Data
	}
	pilot := portrait("pilot")
	got := pilot.Traits(10)
	if len(got) != 2 {
		t.Fatalf("traits %+v, want two", got)
	}
	for i, want := range []struct {
		stat              int
		value, usual, far float64
	}{{genreStat[mecha], 0.8, 0.2, 6}, {genreStat[school], 0.2, 0.8, -6}} {
		near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
		if g := got[i]; g.Stat != want.stat || g.Measure != Share || !near(g.Value, want.value) || !near(g.Usual, want.usual) || !near(g.Far, want.far) {
			t.Errorf("trait %+v, want %+v", g, want)
		}
	}
	if one := pilot.Traits(1); len(one) != 1 || one[0] != got[0] {
		t.Errorf("the first trait alone is %+v", one)
	}
	if pilot.Entries(genreStat[mecha]) != 8 || pilot.Compared(General) != 10 || pilot.Scores[9] != 10 || pilot.Scores[0] != 0 {
		t.Errorf("portrait %+v", pilot)
	}

	novice := portrait("novice")
	for _, trait := range novice.Traits(10) {
		if trait.Stat != General || trait.Measure != Share {
			t.Errorf("three entries tell %+v", trait)
		}
	}
	nobody := portrait("nobody")
	if got := nobody.Traits(10); len(got) != 0 {
		t.Errorf("an empty list tells %+v", got)
	}
	if got := portrait("pupil"); len(got.Traits(0)) != 0 {
		t.Error("no traits were wanted")
	}
}

func TestPortraitIsOfStoredUsersOnly(t *testing.T) {
	source := newFakeSource()
	source.has("unheard", nil)
	e := loaded(t, Options{Store: mechaStore(), Now: clock, Source: source})
	for _, name := range []string{"unheard", "not a name", ""} {
		if _, err := e.Portrait(t.Context(), name); !errors.Is(err, ErrNotFound) {
			t.Errorf("portrait of %q: %v, want ErrNotFound", name, err)
		}
	}
	if len(source.asked) != 0 {
		t.Errorf("the source was asked for %v", source.asked)
	}
	if a, err := e.Portrait(t.Context(), "PILOT"); err != nil || a.Requester.Name != "pilot" {
		t.Errorf("%+v, %v", a.Requester, err)
	}
}
