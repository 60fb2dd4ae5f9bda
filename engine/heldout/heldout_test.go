package heldout

import (
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	"reko.moe/engine"
)

// watched is a list of that many watched entries, from anime 1 on, with scores 1, 2 ... 10, 1 ...
func watched(n int) engine.List {
	var l engine.List
	for i := range n {
		l = append(l, engine.Entry{Anime: engine.AnimeID(i + 1), Status: engine.Completed, Episodes: 1, Score: uint8(i%10) + 1})
	}
	return l
}

// The keys that an independent implementation of the protocol gives.
func TestKey(t *testing.T) {
	for _, test := range []struct {
		user  uint64
		anime engine.AnimeID
		want  uint64
	}{
		{1, 1, 17625448227639214198},
		{12, 20, 10061642483405654716},
		{12, 5114, 5337154938898406099},
		{11340, 40834, 5283457712988666863},
		{0, 1, 998067335020191000},
	} {
		if got := key(test.user, test.anime); got != test.want {
			t.Errorf("key(%d, %d) = %d, want %d", test.user, test.anime, got, test.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for name, want := range map[string]uint64{"u12": 12, "u0": 0, "u18446744073709551615": math.MaxUint64} {
		if got := Number(name); got != want {
			t.Errorf("Number(%q) = %d, want %d", name, got, want)
		}
	}
	if Number("u") == Number("v") || Number("spike") == Number("faye") || Number("u18446744073709551616") < 1<<20 {
		t.Error("names without a number have no number of their own")
	}
}

func TestSplit(t *testing.T) {
	l := watched(24)
	l = append(l, engine.Entry{Anime: 100, Status: engine.Planned}, engine.Entry{Anime: 101, Status: engine.Completed}, engine.Entry{Anime: 102, Status: engine.Dropped, Episodes: 3, Score: 2})
	c, ok := Split("u5", l)
	if !ok || len(c.HeldOut) != 4 || len(c.FoldIn) != 23 || c.Name != "u5" {
		t.Fatalf("Split() = %d folded in, %d held out, %t; want 23 and 4", len(c.FoldIn), len(c.HeldOut), ok)
	}
	greatest := uint64(0)
	for i := range c.HeldOut {
		greatest = max(greatest, key(5, c.HeldOut[i].Anime))
	}
	for _, e := range c.FoldIn {
		if e.Watched() && key(5, e.Anime) <= greatest {
			t.Errorf("anime %d is folded in with a key below one that is held out", e.Anime)
		}
	}
	if _, ok := Split("u5", watched(19)); ok {
		t.Error("a list of 19 is split")
	}
	newcomer, ok := c.Cut(7)
	if !ok || newcomer.FoldIn.Watched() != 7 || len(newcomer.FoldIn) != 7+3 || len(newcomer.Aside) != 13 || !slices.Equal(newcomer.HeldOut, c.HeldOut) {
		t.Errorf("Cut(7) = %+v, %t", newcomer, ok)
	}
	if _, ok := c.Cut(21); ok {
		t.Error("20 watched entries are cut to 21")
	}
}

// ground is eight anime that can be recommended, and two that cannot: 9 has no mean, 10 a parent. 2 is a spin-off of 3, 4 a
// sequel of 6, and 7 has a character in common with 8.
func ground() *Ground {
	var anime []engine.Anime
	for id := range engine.AnimeID(10) {
		anime = append(anime, engine.Anime{ID: id + 1, Mean: 7, DescribedAt: time.Unix(1, 0), Genres: []engine.Genre{{ID: 1 + int(id%2)}}})
	}
	anime[8].Mean, anime[9].Parent = 0, 1
	anime[1].Relations = []engine.Relation{{Type: "spin_off", ID: 3}}
	anime[3].Relations = []engine.Relation{{Type: "prequel", ID: 6}}
	anime[6].Relations = []engine.Relation{{Type: "character", ID: 8}}
	lists := []engine.List{watched(10), watched(6), watched(3)}
	return NewGround(engine.NewCatalogue(anime), slices.Values(lists))
}

func TestGround(t *testing.T) {
	g := ground()
	if want := []engine.AnimeID{1, 2, 3, 4, 5, 6, 7, 8}; !slices.Equal(g.Popular(), want) {
		t.Errorf("Popular() = %v, want %v", g.Popular(), want)
	}
	if g.Watched(1) != 3 || g.Watched(6) != 2 || g.Watched(10) != 1 || g.Watched(11) != 0 {
		t.Errorf("1, 6, 10, 11 were watched by %d, %d, %d, %d", g.Watched(1), g.Watched(6), g.Watched(10), g.Watched(11))
	}
}

func TestJudge(t *testing.T) {
	g := ground()
	score := func(id engine.AnimeID, score uint8) engine.Entry {
		return engine.Entry{Anime: id, Score: score, Status: engine.Completed, Episodes: 1}
	}
	c := Case{
		FoldIn:  engine.List{score(3, 8), score(8, 6), {Anime: 6, Status: engine.Planned}},
		HeldOut: engine.List{score(1, 6), score(2, 9), score(4, 7), score(9, 10), score(10, 10)},
		Aside:   []engine.AnimeID{5},
	}
	// Passed over are 3 and 6, which are on the list, 5, which is aside, and 9 and 10, which cannot be recommended.
	j, err := g.judge(&c, Ranked([]engine.AnimeID{3, 9, 7, 6, 1, 10, 5, 2}))
	if err != nil || !slices.Equal(j.page, []engine.AnimeID{7, 1, 2}) {
		t.Fatalf("judge() has the page %v, %v", j.page, err)
	}
	at := func(places ...float64) (gain float64) {
		for _, p := range places {
			gain += 1 / math.Log2(p+1)
		}
		return gain
	}
	for _, m := range []struct {
		what      string
		got, want float64
	}{
		{"NDCG of what was watched", j.ndcg, at(2, 3) / at(1, 2, 3)},
		{"NDCG of what was liked", j.liked, at(3) / at(1, 2)}, // 2 and 4: at least 7, the mean of 8 and 6
		{"NDCG without franchises", j.fresh, at(1) / at(1)},   // 2 belongs to 3, 4 to 6, 7 to 8
		{"NDCG of what was liked without franchises", j.freshLiked, 0},
		{"NDCG without franchises of which something was watched", j.unwatched, at(1) / at(1, 2)}, // 6 is planned
		{"NDCG without relations", j.unrelated, at(1) / at(1)},
		{"the same of all", j.unrelatedOfAll, at(1) / at(1, 2, 3)},
		{"recall", j.recall, 2.0 / 3},
		{"hit", j.hit, 1},
		{"rank by popularity", j.popularity, (7 + 1 + 2) / 3.0},
		{"entropy", j.entropy, -(2.0/3*math.Log2(2.0/3) + 1.0/3*math.Log2(1.0/3))},
	} {
		if math.Abs(m.got-m.want) > 1e-12 {
			t.Errorf("%s = %g, want %g", m.what, m.got, m.want)
		}
	}
	none := Case{FoldIn: engine.List{score(3, 8)}, HeldOut: engine.List{score(9, 10)}}
	if j, err := g.judge(&none, Ranked(nil)); err != nil || !math.IsNaN(j.ndcg) || !math.IsNaN(j.recall) || !math.IsNaN(j.liked) {
		t.Errorf("with nothing to be found: %+v, %v; want missing values", j, err)
	}
}

func TestRun(t *testing.T) {
	g := ground()
	cases := []Case{{HeldOut: watched(2)}, {HeldOut: watched(4)}, {HeldOut: engine.List{{Anime: 9, Status: engine.Completed, Episodes: 1}}}}
	row, err := g.Run(t.Context(), "popular", func(context.Context, *Case) iter.Seq2[engine.AnimeID, error] { return Ranked(g.Popular()) }, cases)
	if err != nil || row.Watched != (Mean{1, 0, 2}) || row.Recall.Mean != 1 || row.Coverage != 8 || row.Hits.Users != 2 || row.Order != "popular" {
		t.Errorf("Run() = %+v, %v", row, err)
	}
	failure := errors.New("no answer")
	_, err = g.Run(t.Context(), "broken", func(context.Context, *Case) iter.Seq2[engine.AnimeID, error] {
		return func(yield func(engine.AnimeID, error) bool) { yield(0, failure) }
	}, cases)
	if !errors.Is(err, failure) {
		t.Errorf("Run() of a broken order: %v", err)
	}
	if m := meanOf([]float64{1, math.NaN(), 3}); m.Mean != 2 || m.Users != 2 || math.Abs(m.Error-1) > 1e-12 {
		t.Errorf("meanOf() = %+v, want 2 ± 1 of 2", m)
	}
}

func TestScores(t *testing.T) {
	g := ground()
	cases := []Case{{HeldOut: append(watched(6), engine.Entry{Anime: 9, Score: 10, Status: engine.Completed, Episodes: 1})}}
	row := g.Scores("off by one", func(_ *Case, anime []*engine.Anime) []float64 {
		var guesses []float64
		for _, a := range anime {
			guesses = append(guesses, float64(a.ID)+1) // the scores are 1, 2 ... 6
		}
		guesses[5] = 0 // not known: the mean, 7, is off by 1 too
		return guesses
	}, cases)
	if row.RMSE != 1 || row.MAE != 1 || row.Scores != 6 || row.Unknown != 1 || row.Spearman.Users != 1 {
		t.Errorf("Scores() = %+v", row)
	}
	for _, test := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{1, 2, 3}, []float64{10, 20, 99}, 1},
		{[]float64{1, 2, 3}, []float64{3, 2, 1}, -1},
		{[]float64{1, 1, 2}, []float64{1, 2, 3}, math.Sqrt(3) / 2}, // ranks 0.5 0.5 2 and 0 1 2
	} {
		if got := Spearman(test.a, test.b); math.Abs(got-test.want) > 1e-12 {
			t.Errorf("Spearman(%v, %v) = %g, want %g", test.a, test.b, got, test.want)
		}
	}
	if got := Spearman([]float64{1, 1}, []float64{1, 2}); !math.IsNaN(got) {
		t.Errorf("Spearman of one value = %g, want it missing", got)
	}
}

// The original, made anew, agrees with the engine's classic order where both see the whole list.
func TestOriginal(t *testing.T) {
	g := ground()
	lists := []engine.List{
		{{Anime: 1, Score: 9, Status: engine.Completed, Episodes: 1}, {Anime: 2, Score: 10, Status: engine.Watching, Episodes: 1}},
		{{Anime: 2, Score: 8, Status: engine.Completed, Episodes: 1}, {Anime: 4, Score: 10, Status: engine.Planned}},
		{{Anime: 5, Score: 10, Status: engine.Completed, Episodes: 1}},
	}
	c := Case{FoldIn: watched(3)}
	var got []engine.AnimeID
	for id, err := range Original(g, lists)(t.Context(), &c) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, id)
	}
	if want := []engine.AnimeID{2, 5, 1}; !slices.Equal(got, want) { // 18 / 3, 10 / 2, 9 / 2
		t.Errorf("the original's order is %v, want %v", got, want)
	}
}

// What is on the list is not even compared, since it would take a place among the candidates.
func TestMatched(t *testing.T) {
	var all []engine.Anime
	var ids []engine.AnimeID
	for id := engine.AnimeID(1); id <= 9; id++ {
		all, ids = append(all, engine.Anime{ID: id, DescribedAt: time.Unix(1, 0)}), append(ids, id)
	}
	got := Matched(watched(3), engine.NewCatalogue(all), ids, func(_ engine.List, anime []*engine.Anime) (values []float64) {
		for _, a := range anime {
			if a.ID <= 3 {
				t.Errorf("anime %d is on the list", a.ID)
			}
			values = append(values, float64(a.ID%3))
		}
		return values
	})
	if want := []engine.AnimeID{5, 8, 4, 7, 6, 9}; !slices.Equal(got, want) {
		t.Errorf("Matched() = %v, want %v", got, want)
	}
}
