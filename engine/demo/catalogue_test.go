package demo

import (
	"math"
	"slices"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/listfile"
	"reko.moe/internal/shared"
)

func TestAnime(t *testing.T) {
	anime := Anime()
	c := engine.NewCatalogue(anime)
	if len(anime) < 250 || c.Len() != len(anime) {
		t.Errorf("%d anime, %d different ones; want at least 250, all different", len(anime), c.Len())
	}
	if !slices.IsSortedFunc(anime, func(a, b engine.Anime) int { return int(a.ID - b.ID) }) {
		t.Error("anime are not in order of ids")
	}
	for i := range anime {
		a := &anime[i]
		switch {
		case a.Title == "" || a.Type == "" || a.Picture != "" || a.Members < 1000 || a.Mean < 5 || a.Mean > 10:
			t.Errorf("anime %d: odd details: %+v", a.ID, a)
		case !a.Start.Full() || a.Start.String() > fetched.Format(time.DateOnly):
			t.Errorf("anime %d: start %v, want a day before %v", a.ID, a.Start, fetched)
		case a.Rating == engine.NoRating || a.Rating == engine.RatingRx:
			t.Errorf("anime %d: rating %q", a.ID, a.Rating)
		case a.Status != engine.FinishedAiring && (a.Status != engine.CurrentlyAiring || a.Episodes != 0):
			t.Errorf("anime %d: %v with %d episodes", a.ID, a.Status, a.Episodes)
		case a.Status == engine.FinishedAiring && a.Episodes == 0:
			t.Errorf("anime %d: finished without episodes", a.ID)
		case len(a.Genres) == 0:
			t.Errorf("anime %d: no genres", a.ID)
		case !a.DescribedAt.Equal(described) || !a.RelatedAt.Equal(described):
			t.Errorf("anime %d: described %v, related %v, want %v", a.ID, a.DescribedAt, a.RelatedAt, described)
		case a.Parent != engine.ParentOf(a.Relations):
			t.Errorf("anime %d: parent %d is not that of %v", a.ID, a.Parent, a.Relations)
		}
		for _, g := range a.Genres {
			if g.Name == "" || g.Name == "Hentai" || g.Name == "Erotica" {
				t.Errorf("anime %d: genre %d %q", a.ID, g.ID, g.Name)
			}
		}
		for _, r := range a.Relations {
			if r.ID == a.ID || c.Anime(r.ID) == nil {
				t.Errorf("anime %d: %s %d is not in the catalogue", a.ID, r.Type, r.ID)
			}
		}
	}
}

func TestAnimeIsDiverse(t *testing.T) {
	has := make(map[int]int)
	decades := make(map[int]int)
	parents := 0
	for _, a := range Anime() {
		for _, s := range engine.StatisticsOf(&a) {
			has[s]++
		}
		decades[a.Start.Year/10]++
		if a.Parent != 0 {
			parents++
		}
	}
	for i, s := range engine.Statistics {
		if s.Place >= 0 && s.Name != "Rx" && has[i] == 0 {
			t.Errorf("no anime has %q, which counts in the taste hash", s.Name)
		}
	}
	for decade := 196; decade <= 202; decade++ {
		if decades[decade] < 4 {
			t.Errorf("%d anime of the %d0s, want at least 4", decades[decade], decade)
		}
	}
	if parents < 35 || parents > 70 {
		t.Errorf("%d anime have a parent, want about 45", parents)
	}
}

// TestAnimeIsTrue compares the catalogue with descriptions from elsewhere. Those are not part of the project, so away from
// CI they may be missing.
func TestAnimeIsTrue(t *testing.T) {
	truth := truth(t)
	anime := Anime()
	var episodes, years, ratings, means, overlap tally
	for i := range anime {
		a := &anime[i]
		known, ok := truth[a.ID]
		if !ok || known.Title != a.Title {
			t.Errorf("anime %d is called %q, want %q", a.ID, known.Title, a.Title)
			continue
		}
		for _, r := range a.Relations {
			// Which relation is which is a matter of opinion between sources, that there is one is not.
			if !slices.ContainsFunc(known.Relations, func(other engine.Relation) bool { return other.ID == r.ID }) {
				t.Errorf("anime %d %q: no relation to %d", a.ID, a.Title, r.ID)
			}
		}
		if known.Episodes != 0 {
			episodes.add(known.Episodes == a.Episodes)
		}
		if known.Start.Year != 0 {
			years.add(known.Start.Year == a.Start.Year)
		}
		if known.Rating != engine.NoRating {
			ratings.add(known.Rating == a.Rating)
		}
		if known.HasMean() {
			means.add(math.Abs(known.Mean-a.Mean) < 0.3)
		}
		for _, g := range a.Genres {
			overlap.add(slices.Contains(known.Genres, g))
		}
	}
	for _, c := range []struct {
		what  string
		right tally
		want  float64
	}{
		{"episodes", episodes, 0.95},
		{"start years", years, 0.95},
		{"ratings", ratings, 0.9},
		{"means", means, 0.9},
		{"genres", overlap, 0.8},
	} {
		t.Logf("%.1f %% of %d %s are right", 100*c.right.share(), c.right.all, c.what)
		if got := c.right.share(); got < c.want {
			t.Errorf("%.1f %% of %d %s are right, want %.0f %%", 100*got, c.right.all, c.what, 100*c.want)
		}
	}
}

// tally counts how many of all are so.
type tally struct{ so, all int }

func (t *tally) add(so bool) {
	if t.all++; so {
		t.so++
	}
}

func (t *tally) share() float64 { return float64(t.so) / float64(t.all) }

// truth reads the anime that lie beside the checkout.
func truth(t *testing.T) map[engine.AnimeID]engine.Anime {
	t.Helper()
	anime := make(map[engine.AnimeID]engine.Anime)
	for a, err := range listfile.ReadAnime(shared.Gunzip(t, "data", "anime.csv.gz"), described) {
		if err != nil {
			t.Fatal(err)
		}
		anime[a.ID] = a
	}
	return anime
}
