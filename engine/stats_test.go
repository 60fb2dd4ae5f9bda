package engine

import (
	"encoding/csv"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"reko.moe/internal/shared"
)

func TestStatisticsOf(t *testing.T) {
	names := func(a Anime) string {
		var names []string
		for _, s := range StatisticsOf(&a) {
			names = append(names, Statistics[s].Name)
		}
		return strings.Join(names, ", ")
	}
	for _, test := range []struct {
		name  string
		anime Anime
		want  string
	}{
		{"nothing known", Anime{}, "about 6 episodes"},
		{"all kinds", described(1, "1998-04-03", 26, "r", 1, 46, 24, 50, 29),
			"1990s, about 24 episodes, R, Action, Award Winning, Sci-Fi, Adult Cast, Space"},
		{"year alone", described(1, "2017", 1, ""), "1 episode"},
		{"year and month", described(1, "2017-04", 1, ""), "1 episode"},
		{"full date", described(1, "2017-04-01", 1, ""), "2010s, 1 episode"},
		{"genres twice", described(1, "", 1, "", 4, 8, 4, 8), "1 episode, Comedy, Drama"},
		{"genres in their order", described(1, "", 1, "", 8, 4), "1 episode, Drama, Comedy"},
		{"no genres of ours", described(1, "", 1, "", 0, -4, 16, 1000), "1 episode"},
	} {
		if got := names(test.anime); got != test.want {
			t.Errorf("%s: StatisticsOf(%+v) = %s; want %s", test.name, test.anime, got, test.want)
		}
	}
}

func TestStatisticsBounds(t *testing.T) {
	stat := func(a Anime, kind StatKind) string {
		for _, s := range StatisticsOf(&a) {
			if Statistics[s].Kind == kind {
				return Statistics[s].Name
			}
		}
		return ""
	}
	for start, want := range map[string]string{
		"1917-05-20": "1980s and before", "1989-12-31": "1980s and before", "1990-01-01": "1990s", "1999-12-31": "1990s",
		"2000-01-01": "2000s", "2009-12-31": "2000s", "2010-01-01": "2010s", "2017-12-31": "2010s", "2018-01-01": "2020s",
		"2031-01-01": "2020s",
	} {
		if got := stat(described(1, start, 1, ""), Decade); got != want {
			t.Errorf("decade of %s = %q, want %q", start, got, want)
		}
	}
	for episodes, want := range map[int]string{
		0: "about 6 episodes", 1: "1 episode", 2: "about 6 episodes", 8: "about 6 episodes", 9: "about 12 episodes",
		18: "about 12 episodes", 19: "about 24 episodes", 32: "about 24 episodes", 33: "about 48 episodes",
		3057: "about 48 episodes",
	} {
		if got := stat(described(1, "", episodes, ""), Length); got != want {
			t.Errorf("length of %d episodes = %q, want %q", episodes, got, want)
		}
	}
	for rating, want := range map[string]string{
		"": "", "g": "G", "pg": "PG", "pg_13": "PG-13", "r": "R", "r+": "R+", "rx": "Rx", "R": "", "nc_17": "",
	} {
		if got := stat(described(1, "", 1, rating), AgeRating); got != want {
			t.Errorf("rating %q = %q, want %q", rating, got, want)
		}
	}
}

func TestStatisticsPlaces(t *testing.T) {
	seen := map[int]string{}
	for i, s := range Statistics {
		if s.Place < -1 || s.Place >= hashPlaces {
			t.Errorf("statistic %d: place %d", i, s.Place)
		}
		if other, taken := seen[s.Place]; taken && s.Place >= 0 {
			t.Errorf("statistic %d: place %d is that of %s", i, s.Place, other)
		}
		seen[s.Place] = s.Name
		if (s.Genre == 0) != (s.Kind <= AgeRating) {
			t.Errorf("statistic %d: %v with genre %d", i, s.Kind, s.Genre)
		}
		if s.Genre != 0 && GenreName(s.Genre) != s.Name {
			t.Errorf("GenreName(%d) = %q, want %q", s.Genre, GenreName(s.Genre), s.Name)
		}
	}
	if delete(seen, -1); len(seen) != 65 {
		t.Errorf("%d places are taken, want 65", len(seen))
	}
	for _, id := range []int{0, -1, 16, 1000} {
		if got := GenreName(id); got != "" {
			t.Errorf("GenreName(%d) = %q, want none", id, got)
		}
	}
}

// condition returns a function that tells whether an anime has the statistic of which the table says when.
func condition(t *testing.T, kind, when string) func(*Anime) bool {
	t.Helper()
	atoi := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("condition %q: %v", when, err)
		}
		return n
	}
	value := func(a *Anime) (int, bool) { return a.Episodes, true }
	switch kind {
	case "decade":
		value = func(a *Anime) (int, bool) { return a.Start.Year, a.Start.Full() }
	case "rating":
		return func(a *Anime) bool { return a.Rating.String() == when }
	case "length":
	default:
		id := atoi(strings.TrimPrefix(when, "MAL genre id "))
		return func(a *Anime) bool { return slices.ContainsFunc(a.Genres, func(g Genre) bool { return g.ID == id }) }
	}
	when = strings.TrimPrefix(strings.TrimPrefix(when, "year "), "episodes ")
	return func(a *Anime) bool {
		n, ok := value(a)
		return ok && slices.ContainsFunc(strings.Split(when, " or "), func(when string) bool {
			if from, to, ok := strings.Cut(when, ".."); ok {
				return n >= atoi(from) && n <= atoi(to)
			}
			sign, number, ok := strings.Cut(when, " ")
			if !ok {
				sign, number = "=", when
			}
			switch sign {
			case "<":
				return n < atoi(number)
			case ">=":
				return n >= atoi(number)
			case "=":
				return n == atoi(number)
			}
			t.Fatalf("condition %q", when)
			return false
		})
	}
}

func TestStatisticsAgreeWithTable(t *testing.T) {
	rows, err := csv.NewReader(shared.Open(t, "facts", "taste-stats.csv")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows = rows[1:] // stat,kind,name,when,hash_position,in_second_mask
	if len(rows) != len(Statistics) {
		t.Fatalf("%d statistics, want %d", len(Statistics), len(rows))
	}
	has := make([]func(*Anime) bool, len(rows))
	masked := 0
	for i, row := range rows {
		s := Statistics[i]
		place := ""
		if s.Place >= 0 {
			place = strconv.Itoa(s.Place)
		}
		if got := []string{strconv.Itoa(i), s.Kind.String(), s.Name, place}; !slices.Equal(got, []string{row[0], row[1], row[2], row[4]}) {
			t.Errorf("Statistics[%d] = %q, want %q", i, got, row)
		}
		if want := "MAL genre id " + strconv.Itoa(s.Genre); s.Genre != 0 && row[3] != want {
			t.Errorf("Statistics[%d].Genre = %d, want %s", i, s.Genre, row[3])
		}
		has[i] = condition(t, row[1], row[3])
		if s.Place < 0 || s.Place > 63 {
			if row[5] != "" {
				t.Errorf("statistic %d has no bit, and %q in the mask", i, row[5])
			}
			continue
		}
		if got := strconv.Itoa(Distance(0, 1<<(63-s.Place)) - 1); got != row[5] {
			t.Errorf("bit %d counts %s time more, want %s", s.Place, got, row[5])
		}
		if row[5] == "1" {
			masked++
		}
	}
	if masked != 19 {
		t.Errorf("%d bits count twice, want 19", masked)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 5000 {
		a := randomAnime(r, 1)
		got := StatisticsOf(&a)
		slices.Sort(got)
		var want []int
		for i := range has {
			if has[i](&a) {
				want = append(want, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("StatisticsOf(%+v) = %v, want %v", a, got, want)
		}
	}
}

// randomAnime makes a described anime with many genres, ids that are no statistic among them, and often with gaps.
func randomAnime(r *rand.Rand, id AnimeID) Anime {
	a := Anime{ID: id, Title: fmt.Sprint("Anime ", id), DescribedAt: t0, Rating: Rating(r.IntN(len(ratingNames)))}
	a.Mean = float64(r.IntN(1001)) / 100
	a.Episodes = []int{0, 1, 2, 6, 8, 9, 12, 13, 18, 19, 24, 26, 32, 33, 50, 1000}[r.IntN(16)]
	if r.IntN(8) > 0 {
		a.Start = Date{1970 + r.IntN(60), r.IntN(13), r.IntN(29)}
		if a.Start.Month == 0 {
			a.Start.Day = 0
		}
	}
	for range r.IntN(9) {
		id := r.IntN(84)
		a.Genres = append(a.Genres, Genre{ID: id, Name: GenreName(id)})
	}
	return a
}

// randomList makes a list of n different anime of 1..top, in the order of a list, some undated, some of the same day.
func randomList(r *rand.Rand, n, top int) List {
	changes := make([]Change, n)
	for i, id := range r.Perm(top)[:n] {
		c := &changes[i]
		c.Anime = AnimeID(id + 1)
		c.Status = []Status{Completed, Completed, Completed, Watching, Watching, Planned, Dropped, OnHold, StatusUnknown}[r.IntN(9)]
		c.Score = uint8(r.IntN(MaxScore + 1))
		c.Episodes = uint16(r.IntN(30))
		if r.IntN(4) > 0 {
			c.At = t0.Add(-time.Duration(r.IntN(400*24)) * time.Hour)
		}
	}
	l, err := NewList(changes)
	if err != nil {
		panic(err)
	}
	return l
}

// plainHash is what TasteHash has to equal: sums by the names of traits, and a hash written down digit by digit.
func plainHash(l List, anime map[AnimeID]Anime) Hash {
	var watched List
	for _, e := range l {
		if e.Episodes != 0 && slices.Contains([]string{"watching", "completed"}, e.Status.String()) {
			watched = append(watched, e)
		}
	}
	sums := map[string]int{}
	for _, e := range watched[:min(len(watched), 256)] {
		a, ok := anime[e.Anime]
		if !ok {
			continue
		}
		for trait := range plainTraits(a) {
			sums[trait] += int(e.Score) + 1
		}
	}
	places := map[int]string{}
	for _, s := range Statistics {
		places[s.Place] = s.Name
	}
	digits := ""
	for i := range 64 {
		if sums[places[i]] > sums[places[i+1]] {
			digits += "1"
		} else {
			digits += "0"
		}
	}
	h, err := strconv.ParseUint(digits, 2, 64)
	if err != nil {
		panic(err)
	}
	return Hash(h)
}

func plainTraits(a Anime) map[string]bool {
	traits := map[string]bool{}
	if parts := strings.Split(a.Start.String(), "-"); len(parts) == 3 {
		for _, decade := range []struct{ from, to, name string }{
			{"0000", "1989", "1980s and before"}, {"1990", "1999", "1990s"}, {"2000", "2009", "2000s"}, {"2010", "2017", "2010s"},
			{"2018", "9999", "2020s"},
		} {
			traits[decade.name] = parts[0] >= decade.from && parts[0] <= decade.to
		}
	}
	traits["1 episode"] = a.Episodes == 1
	traits["about 6 episodes"] = a.Episodes == 0 || a.Episodes >= 2 && a.Episodes <= 8
	traits["about 12 episodes"] = a.Episodes >= 9 && a.Episodes <= 18
	traits["about 24 episodes"] = a.Episodes >= 19 && a.Episodes <= 32
	traits["about 48 episodes"] = a.Episodes >= 33
	traits[map[Rating]string{
		RatingG: "G", RatingPG: "PG", RatingPG13: "PG-13", RatingR: "R", RatingRPlus: "R+", RatingRx: "Rx",
	}[a.Rating]] = true
	for _, g := range a.Genres {
		for _, s := range Statistics {
			if s.Genre != 0 && s.Genre == g.ID {
				traits[s.Name] = true
			}
		}
	}
	maps.DeleteFunc(traits, func(name string, has bool) bool { return name == "" || !has })
	return traits
}

func TestTasteHashEqualsPlain(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	anime := map[AnimeID]Anime{}
	var all []Anime
	for id := range AnimeID(900) {
		if r.IntN(10) == 0 {
			continue // nobody described it
		}
		a := randomAnime(r, id+1)
		anime[a.ID], all = a, append(all, a)
	}
	c := NewCatalogue(all)
	different := map[Hash]bool{}
	for _, n := range []int{0, 1, 2, 3, 5, 10, 30, 100, 300, 600, 900} {
		for range 40 {
			l := randomList(r, n, 900)
			got, want := TasteHash(l, c), plainHash(l, anime)
			if got != want {
				t.Fatalf("TasteHash(%v) = %s, want %s", l, got, want)
			}
			different[got] = true
		}
	}
	if len(different) < 350 {
		t.Errorf("%d different hashes of 440 lists: what is compared here says little", len(different))
	}
}
