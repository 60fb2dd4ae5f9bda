package model

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas/blas64"

	"reko.moe/engine"
)

// tastes are lists of two kinds of people: those who watch anime 1..20, and those who watch 21..40; all watch some of 41..50. Of
// these anime every fifth has a parent.
func tastes(people int) (*engine.Catalogue, []engine.List) {
	var anime []engine.Anime
	for id := range engine.AnimeID(50) {
		a := engine.Anime{ID: id + 1, Title: fmt.Sprint("Anime ", id+1), Mean: 6 + float64(id%5)/2, DescribedAt: time.Unix(1, 0)}
		if a.ID%5 == 0 {
			a.Parent = a.ID - 1
		}
		anime = append(anime, a)
	}
	r := rand.New(rand.NewPCG(3, 4))
	var lists []engine.List
	for p := range people {
		var l engine.List
		add := func(id engine.AnimeID, status engine.Status, score int) {
			l = append(l, engine.Entry{Anime: id, Status: status, Episodes: 1, Score: uint8(score)})
		}
		from := engine.AnimeID(1 + 20*(p%2))
		for id := from; id < from+20; id++ {
			switch r.IntN(10) {
			case 0:
				add(id, engine.Planned, 0)
			case 1:
				add(id, engine.Dropped, 3)
			case 2, 3, 4, 5, 6:
				add(id, engine.Completed, r.IntN(11))
			}
		}
		for id := engine.AnimeID(41); id <= 50; id++ {
			if r.IntN(3) == 0 {
				add(id, engine.Watching, 5+r.IntN(5))
			}
		}
		lists = append(lists, l)
	}
	return engine.NewCatalogue(anime), lists
}

func quietly(string) {}

func walk(lists []engine.List) Lists {
	return func() iter.Seq2[engine.List, error] {
		return func(yield func(engine.List, error) bool) {
			for _, l := range lists {
				if !yield(l, nil) {
					return
				}
			}
		}
	}
}

func trained(t testing.TB, people int) (*Model, *engine.Catalogue, []engine.List) {
	t.Helper()
	c, lists := tastes(people)
	m, err := train(t.Context(), walk(lists), c, Defaults(), quietly)
	if err != nil {
		t.Fatal(err)
	}
	return m, c, lists
}

// What is learnt is what the formula says, made here without any of the shortcuts.
func TestTrainIsTheFormula(t *testing.T) {
	c, lists := tastes(60)
	o := Defaults()
	o.Ridge, o.Kept = 2, 7
	m, err := train(t.Context(), walk(lists), c, o, quietly)
	if err != nil {
		t.Fatal(err)
	}
	const n = 50
	all := 0
	for _, l := range lists {
		for i := range l {
			if o.Inputs.of(&l[i], scaleOf(l)) != 0 {
				all++
			}
		}
	}
	g := squareOf(n)
	for _, l := range lists {
		var x [n]float64
		inputs := 0
		for i := range l {
			if w := o.Inputs.of(&l[i], scaleOf(l)); w != 0 {
				x[l[i].Anime-1] = w
				inputs++
			}
		}
		q := math.Pow(float64(inputs)/(float64(all)/float64(len(lists))), -0.5)
		for i := range n {
			for j := range n {
				g.Data[i*n+j] += q * x[i] * x[j]
			}
		}
	}
	for i := range n {
		g.Data[i*n+i] += 2 + 0.5*g.Data[i*n+i]
	}
	p := gaussJordan(g)
	for i, id := range m.inputs {
		type weight struct {
			column int
			b      float64
		}
		var row []weight
		for j, other := range m.columns {
			if a := c.Anime(other); a.Parent != 0 {
				t.Fatalf("%d has a parent and is a column", other)
			}
			if other != id {
				row = append(row, weight{j, -p.Data[int(id-1)*n+int(other-1)] / p.Data[int(other-1)*n+int(other-1)]})
			}
		}
		slices.SortFunc(row, func(a, b weight) int { return -compare(math.Abs(a.b), math.Abs(b.b)) })
		places, weights, scale := m.row(i)
		if len(places) != 7 || !slices.IsSorted(places) {
			t.Fatalf("row of %d: %v", id, places)
		}
		for _, w := range row[:7] {
			k := slices.Index(places, uint16(w.column))
			if k < 0 || math.Abs(float64(weights[k])*scale-w.b) > scale/2+1e-9 {
				t.Fatalf("weight of %d for column %d is not %g: row %v %v × %g", id, w.column, w.b, places, weights, scale)
			}
		}
	}
	if len(m.inputs) != n || len(m.columns) != 40 {
		t.Errorf("%d inputs and %d columns, want 50 and 40", len(m.inputs), len(m.columns))
	}
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// gaussJordan is the inverse by the school's method.
func gaussJordan(a blas64.General) blas64.General {
	n := a.Rows
	inverse := squareOf(n)
	for i := range n {
		inverse.Data[i*n+i] = 1
	}
	for i := range n {
		d := a.Data[i*n+i]
		for j := range n {
			a.Data[i*n+j] /= d
			inverse.Data[i*n+j] /= d
		}
		for r := range n {
			if f := a.Data[r*n+i]; r != i {
				for j := range n {
					a.Data[r*n+j] -= f * a.Data[i*n+j]
					inverse.Data[r*n+j] -= f * inverse.Data[i*n+j]
				}
			}
		}
	}
	return inverse
}

func TestWeights(t *testing.T) {
	l := engine.List{
		{Anime: 1, Status: engine.Completed, Episodes: 1, Score: 10}, {Anime: 2, Status: engine.Watching, Episodes: 1, Score: 6},
		{Anime: 3, Status: engine.Completed, Episodes: 1}, {Anime: 4, Status: engine.Planned}, {Anime: 5, Status: engine.OnHold, Score: 1},
		{Anime: 6, Status: engine.Dropped, Score: 1}, {Anime: 7, Status: engine.Completed, Score: 10}, {Anime: 8},
	}
	s := scaleOf(l)
	if s != (scale{8, 2}) { // of the watched ones alone
		t.Fatalf("scaleOf() = %+v, want a mean of 8 and a deviation of 2", s)
	}
	w := Weights{Score: 0.3, Planned: 0.4, OnHold: 0.2, Dropped: 0.1}
	for i, want := range []float64{1.3, 0.7, 1, 0.4, 0.2, 0.1, 0, 0} {
		if got := w.of(&l[i], s); math.Abs(got-want) > 1e-12 {
			t.Errorf("weight of entry %d = %g, want %g", i, got, want)
		}
	}
	if s := scaleOf(l[:1]); s != (scale{10, leastDeviation}) {
		t.Errorf("scaleOf() one score = %+v", s)
	}
	if got := (&Weights{Score: 5}).of(&l[1], s); got != leastWeight {
		t.Errorf("the weight of a low score = %g, want %g", got, leastWeight)
	}
}

// Two people who like different things are recommended different things, with reasons from their lists.
func TestFold(t *testing.T) {
	m, c, _ := trained(t, 400)
	var anime []*engine.Anime
	for a := range c.All() {
		if a.Parent == 0 {
			anime = append(anime, a)
		}
	}
	for _, from := range []engine.AnimeID{1, 21} {
		var l engine.List
		for id := from; id < from+10; id++ {
			l = append(l, engine.Entry{Anime: id, Status: engine.Completed, Episodes: 1, Score: 8})
		}
		f := m.Fold(l, c, nil)
		matches := f.Matches(nil, engine.IDs(anime), 0)
		because := f.Because(anime)
		for i, a := range anime {
			kin := a.ID >= from && a.ID < from+20
			for k, b := range anime {
				if kin && b.ID < 41 && (b.ID < from || b.ID >= from+20) && matches[i] <= matches[k] {
					t.Errorf("to the list from %d, %d (%g) fits no better than %d (%g)", from, a.ID, matches[i], b.ID, matches[k])
				}
			}
			if kin && a.ID >= from+10 && len(because[i]) != engine.MaxInfluences {
				t.Errorf("%d has the reasons %v", a.ID, because[i])
			}
			for _, in := range because[i] {
				if in.Anime.ID < from || in.Anime.ID >= from+10 || in.Weight <= 0 {
					t.Errorf("%d has the reason %d (%g), which is not on the list", a.ID, in.Anime.ID, in.Weight)
				}
			}
		}
		f.Release()
	}
}

// The match falls by the weight of an influence that is taken out, exactly, and by the sum of several.
func TestInfluencesAreTrue(t *testing.T) {
	m, c, lists := trained(t, 400)
	var anime []*engine.Anime
	for a := range c.All() {
		anime = append(anime, a)
	}
	checked := 0
	for _, l := range lists[:20] {
		f := m.Fold(l, c, nil)
		for niche := -engine.MaxNiche; niche <= engine.MaxNiche; niche++ {
			matches, because := f.Matches(nil, engine.IDs(anime), niche), f.Because(anime)
			for i := range anime {
				if !slices.IsSortedFunc(because[i], func(a, b engine.Influence) int { return compare(b.Weight, a.Weight) }) {
					t.Errorf("reasons are not in order: %v", because[i])
				}
				var out []engine.AnimeID
				fall := 0.0
				for _, in := range because[i] {
					if !slices.ContainsFunc(l, func(e engine.Entry) bool { return e.Anime == in.Anime.ID && e.Status == in.Status }) {
						t.Errorf("%d is said to be %v on the list", in.Anime.ID, in.Status)
					}
					out = append(out, in.Anime.ID)
					fall += in.Weight
					without := m.Fold(l, c, out)
					got := matches[i] - without.Matches(nil, engine.IDs(anime), niche)[i]
					if math.Abs(got-fall) > 1e-9*max(1, math.Abs(fall)) {
						t.Fatalf("without %v the match of %d falls by %g, want %g", out, anime[i].ID, got, fall)
					}
					for _, left := range without.Because(anime)[i] {
						if slices.Contains(out, left.Anime.ID) {
							t.Errorf("%d is a reason although it is taken out", left.Anime.ID)
						}
					}
					without.Release()
					checked++
				}
			}
		}
		f.Release()
	}
	if checked < 1000 {
		t.Errorf("%d influences were taken out, want more", checked)
	}
}

// Every reason is among the strongest: nothing else that is taken out lets the match fall further.
func TestInfluencesAreTheStrongest(t *testing.T) {
	m, c, lists := trained(t, 200)
	a := c.Anime(12)
	for _, l := range lists[:10] {
		f := m.Fold(l, c, nil)
		match, because := f.Matches(nil, []engine.AnimeID{a.ID}, 0)[0], f.Because([]*engine.Anime{a})[0]
		least := 0.0
		if len(because) == engine.MaxInfluences {
			least = because[len(because)-1].Weight
		}
		for i := range l {
			if slices.ContainsFunc(because, func(in engine.Influence) bool { return in.Anime.ID == l[i].Anime }) {
				continue
			}
			without := m.Fold(l, c, []engine.AnimeID{l[i].Anime})
			if fall := match - without.Matches(nil, []engine.AnimeID{a.ID}, 0)[0]; fall > least+1e-9 {
				t.Errorf("without %d the match falls by %g, though the reasons are %v", l[i].Anime, fall, because)
			}
			without.Release()
		}
		f.Release()
	}
}

func TestTrainTwiceIsTheSame(t *testing.T) {
	c, lists := tastes(300)
	var packed [2][]byte
	for i := range packed {
		var err error
		if packed[i], err = (Trainer{}).Train(t.Context(), walk(lists), c); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(packed[0], packed[1]) {
		t.Error("the same lists made different bytes")
	}
}

func TestTrainFails(t *testing.T) {
	c, lists := tastes(50)
	failure := errors.New("the store is gone")
	broken := func() iter.Seq2[engine.List, error] {
		return func(yield func(engine.List, error) bool) { _ = yield(lists[0], nil) && yield(nil, failure) }
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		what  string
		ctx   context.Context
		lists Lists
		want  error
		says  string
	}{
		{"no lists", t.Context(), walk(nil), engine.ErrTooFew, ": there are 0, and 20 are needed"},
		{"few lists", t.Context(), walk(lists[:leastLists-1]), engine.ErrTooFew, ": there are 19, and 20 are needed"},
		{"empty lists", t.Context(), walk(make([]engine.List, 100)), engine.ErrTooFew, ": no anime is watched on 3 of them or more"},
		{"a store that fails", t.Context(), broken, failure, ""},
		{"nobody who waits", cancelled, walk(lists), context.Canceled, ""},
	} {
		if _, err := (Trainer{}).Train(test.ctx, test.lists, c); !errors.Is(err, test.want) || !strings.HasSuffix(err.Error(), test.says) {
			t.Errorf("%s: %v, want %v%s", test.what, err, test.want, test.says)
		}
	}
}

func BenchmarkFold(b *testing.B) {
	m, c, lists := trained(b, 400)
	anime := slices.Collect(c.All())
	for _, n := range []int{1, 5, len(lists[0])} {
		b.Run(fmt.Sprintf("entries=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f := m.Fold(lists[0][:n], c, nil)
				f.Matches(make([]float64, 0, len(anime)), engine.IDs(anime), 0)
				f.Because(anime[:16])
				f.Release()
			}
		})
	}
}
