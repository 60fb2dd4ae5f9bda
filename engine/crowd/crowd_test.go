package crowd

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/demo"
	"reko.moe/engine/listfile"
	"reko.moe/internal/shared"
)

// demoCrowd is a crowd like the demo's users.
func demoCrowd(t *testing.T, o Options) *Crowd {
	t.Helper()
	var lists []engine.List
	for _, u := range demo.Users() {
		l, err := u.List.Unpack(nil)
		if err != nil {
			t.Fatal(err)
		}
		lists = append(lists, l)
	}
	x, err := New(lists, engine.NewCatalogue(demo.Anime()), o)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestListsDependOnSeedAndNumberAlone(t *testing.T) {
	x := demoCrowd(t, Options{Seed: 1})
	m, other := x.Maker(), demoCrowd(t, Options{Seed: 1}).Maker()
	var first []engine.List
	for n := range 50 {
		first = append(first, slices.Clone(m.List(n+1)))
	}
	for n := 49; n >= 0; n-- {
		if !slices.Equal(other.List(n+1), first[n]) {
			t.Errorf("list %d is another one when it is made after others", n+1)
		}
	}
	differ := 0
	m = demoCrowd(t, Options{Seed: 2}).Maker()
	for n := range first {
		if !slices.Equal(m.List(n+1), first[n]) {
			differ++
		}
	}
	if differ != len(first) {
		t.Errorf("%d of %d lists differ with another seed", differ, len(first))
	}
}

func TestListsAreInOrder(t *testing.T) {
	m := demoCrowd(t, Options{Seed: 3, Mean: 200}).Maker()
	entries := 0
	for n := range 400 {
		l := m.List(n + 1)
		entries += len(l)
		seen := map[engine.AnimeID]bool{}
		for i := range l {
			if seen[l[i].Anime] {
				t.Fatalf("list %d has anime %d twice", n+1, l[i].Anime)
			}
			seen[l[i].Anime] = true
			if i > 0 && (l[i].Day > l[i-1].Day || l[i].Day == l[i-1].Day && l[i].Anime < l[i-1].Anime) {
				t.Fatalf("entry %d of list %d is out of order", i, n+1)
			}
		}
		if again, err := l.Pack().Unpack(nil); err != nil || !slices.Equal(again, l) {
			t.Fatalf("list %d does not survive its stored form: %v", n+1, err)
		}
	}
	// The demo's lists are short, so that a list of 200 has to be mixed from many.
	if mean := entries / 400; mean < 150 || mean > 210 {
		t.Errorf("lists have %d entries on average, want about 200", mean)
	}
}

func TestBatchesComeInOrder(t *testing.T) {
	x := demoCrowd(t, Options{Seed: 1})
	m := x.Maker()
	next := 3
	err := x.Batches(t.Context(), 3, 1000, 64, 3, func(batch []Made) error {
		for _, made := range batch {
			if made.N != next || !slices.Equal(made.List, m.List(next).Pack()) {
				t.Fatalf("user %d comes with the list of another or in place of %d", made.N, next)
			}
			next++
		}
		return nil
	})
	if err != nil || next != 1001 {
		t.Errorf("users up to %d came, %v", next-1, err)
	}
	stop, calls := errors.New("stop"), 0
	if err := x.Batches(t.Context(), 1, 1000, 10, 2, func([]Made) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
		t.Errorf("after an error: %v, %d calls", err, calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = x.Batches(ctx, 1, 1_000_000, 10, 2, func([]Made) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestNothingToBeLike(t *testing.T) {
	if _, err := New([]engine.List{{}}, engine.NewCatalogue(nil), Options{}); err == nil {
		t.Error("a crowd like nobody")
	}
}

func TestFiguresOfFewLists(t *testing.T) {
	anime := demo.Anime()
	e := func(a engine.Anime, score uint8) engine.Entry {
		return engine.Entry{Anime: a.ID, Score: score, Status: engine.Completed, Episodes: 1}
	}
	one, two := engine.List{e(anime[0], 9)}, engine.List{e(anime[0], 0), e(anime[1], 9)}
	f := Measure(slices.Values([]engine.List{one, one, two, {}}), engine.NewCatalogue(anime))
	if f.Users != 4 || f.Entries != 4 || f.Hashed != 3 || f.Hashes != 2 {
		t.Errorf("%d users, %d entries, %d with a hash, %d distinct", f.Users, f.Entries, f.Hashed, f.Hashes)
	}
	if f.Scores[9] != 0.75 || f.Scores[0] != 0.25 || f.Statuses[engine.Completed] != 1 || f.Popular[0] != 1 {
		t.Errorf("scores %v, statuses %v, popular %v", f.Scores, f.Statuses, f.Popular)
	}
	if f.Nearest[0][0] != 0 || f.Lengths[len(f.Lengths)-1] != 1 {
		t.Errorf("nearest %v, lengths %v", f.Nearest, f.Lengths)
	}
	var table strings.Builder
	if err := WriteFit(&table, f, f); err != nil || !strings.Contains(table.String(), "distinct hashes") {
		t.Errorf("%v\n%s", err, &table)
	}
}

// Lists made like the real ones are like them: that is what all figures at a million users rest on.
func TestCrowdIsLikeRealLists(t *testing.T) {
	var anime []engine.Anime
	for a, err := range listfile.ReadAnime(shared.Gunzip(t, "data", "anime.csv.gz"), time.Unix(1, 0)) {
		if err != nil {
			t.Fatal(err)
		}
		anime = append(anime, a)
	}
	var lists []engine.List
	for u, err := range listfile.ReadLists(shared.Gunzip(t, "data", "lists.csv.gz")) {
		if err != nil {
			t.Fatal(err)
		}
		lists = append(lists, u.List)
	}
	c := engine.NewCatalogue(anime)
	const mean = 220
	x, err := New(lists, c, Options{Seed: 1, Mean: mean})
	if err != nil {
		t.Fatal(err)
	}
	m := x.Maker()
	real, made := Measure(slices.Values(lists), c), Measure(func(yield func(engine.List) bool) {
		for n := range lists {
			if !yield(m.List(n + 1)) {
				return
			}
		}
	}, c)
	near := func(what string, got, want, most float64) {
		t.Helper()
		if math.Abs(got-want) > most {
			t.Errorf("%s: %.3f, want %.3f, give or take %.3f", what, got, want, most)
		}
	}
	near("entries of a list", float64(made.Entries)/float64(made.Users), mean, 10)
	scale := float64(mean) * float64(real.Users) / float64(real.Entries)
	for i, l := range real.Lengths {
		near("quantile of lengths", float64(made.Lengths[i]), scale*float64(l), 3+0.06*scale*float64(l))
	}
	for i := range real.Popular {
		near("share of the most watched", made.Popular[i], real.Popular[i], 0.015)
	}
	for i := range real.Statuses {
		near("share of a status", made.Statuses[i], real.Statuses[i], 0.02)
	}
	for i := range real.Scores {
		near("share of a score", made.Scores[i], real.Scores[i], 0.03)
	}
	near("distinct hashes among all", float64(made.Hashes)/float64(made.Hashed), float64(real.Hashes)/float64(real.Hashed), 0.015)
	for k := range real.Nearest {
		for i := range real.Nearest[k] {
			near("quantile of distances", float64(made.Nearest[k][i]), float64(real.Nearest[k][i]), 1)
		}
	}
}
