package model

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas/blas64"

	"reko.moe/engine"
)

// enough lists for a second stage, here.
const enough = 150

// crowd are lists long enough for a second stage to be grown from: of three genres, each has one that it is mostly made of. Anime of
// one genre have ids that leave the same rest when divided by three.
func crowd(people int) (*engine.Catalogue, []engine.List) {
	const titles = 240
	genres := []engine.Genre{{ID: 1, Name: "Action"}, {ID: 22, Name: "Romance"}, {ID: 14, Name: "Horror"}}
	var anime []engine.Anime
	for id := engine.AnimeID(1); id <= titles; id++ {
		anime = append(anime, engine.Anime{
			ID: id, Title: "Anime", Type: "tv", Mean: 6 + float64(id%20)/10, Members: 1_000_000 / int(id), DescribedAt: time.Unix(1, 0),
			Start: engine.Date{Year: 1990 + int(id%30), Month: 4, Day: 1}, Genres: genres[id%3 : id%3+1],
		})
	}
	r := rand.New(rand.NewPCG(7, 8))
	lists := make([]engine.List, people)
	for p := range lists {
		for id := engine.AnimeID(1); id <= titles; id++ {
			chance := 8 / (8 + math.Sqrt(float64(id))*4)
			if int(id)%3 == p%3 {
				chance *= 2.5
			}
			if r.Float64() > chance {
				continue
			}
			e := engine.Entry{Anime: id, Status: engine.Completed, Episodes: 1, Score: uint8(5 + r.IntN(6))}
			if r.IntN(8) == 0 {
				e = engine.Entry{Anime: id, Status: engine.Planned}
			}
			lists[p] = append(lists[p], e)
		}
	}
	return engine.NewCatalogue(anime), lists
}

// The second stage is grown where there are enough lists, says what the forests do, survives its stored form, and leaves influences
// true.
func TestSecondStage(t *testing.T) {
	m, c, lists := skilled(t)
	if m.second == nil {
		t.Fatal("there is no second stage")
	}
	again, err := learn(20, 12)
	if err != nil || !bytes.Equal(m.pack(), again.pack()) {
		t.Errorf("the same lists made different bytes, %v", err)
	}
	stored := reread(t, m)
	anime := slices.Collect(c.All())
	astray := 0
	for p, l := range lists[:30] {
		f, g := m.Fold(l, c, nil), stored.Fold(l, c, nil)
		matches, because := f.Matches(nil, engine.IDs(anime), 0), f.Because(anime)
		if !slices.Equal(matches, g.Matches(nil, engine.IDs(anime), 0)) {
			t.Fatal("the stored model says something else")
		}
		own := map[engine.AnimeID]bool{}
		for i := range l {
			own[l[i].Anime] = true
		}
		best, at := math.Inf(-1), 0
		for i, a := range anime {
			if !own[a.ID] && matches[i] > best {
				best, at = matches[i], i
			}
		}
		if int(anime[at].ID)%3 != p%3 {
			astray++
		}
		if len(because[at]) == 0 {
			t.Fatalf("nothing speaks for anime %d", anime[at].ID)
		}
		in := because[at][0]
		without := m.Fold(l, c, []engine.AnimeID{in.Anime.ID})
		if fall := matches[at] - without.Matches(nil, engine.IDs(anime), 0)[at]; math.Abs(fall-in.Weight) > 1e-9 {
			t.Errorf("without %d the match of %d falls by %g, want %g", in.Anime.ID, anime[at].ID, fall, in.Weight)
		}
		for _, fold := range []engine.Fold{f, g, without} {
			fold.Release()
		}
	}
	if astray > 6 {
		t.Errorf("to %d of 30 lists an anime of another genre fits best", astray)
	}
	empty := m.Fold(nil, c, nil)
	if got := empty.Matches(nil, nil, 0); len(got) != 0 {
		t.Errorf("no anime have the matches %v", got)
	}
	empty.Release()
}

// What is liked is worth more than what is only watched, and the more where the list has something related; what is usual is worth the
// same in both cases.
func TestWorth(t *testing.T) {
	s := second{more: usualMore}
	for _, related := range []bool{false, true} {
		last := math.Inf(-1)
		for _, odds := range [][2]float64{{-1e9, -1e9}, {-3, -9}, {-3, -4}, {1, -4}, {1, 0}, {1e9, 1e9}} {
			w := s.worth(odds[0], odds[1], related)
			if w <= last || math.IsInf(w, 0) || math.IsNaN(w) {
				t.Errorf("what is watched and liked with log odds of %g is worth %g, after %g", odds, w, last)
			}
			last = w
		}
	}
	odds := func(p float64) float64 { return math.Log(p / (1 - p)) }
	if a, b := s.worth(odds(0.5), odds(0.3), false), s.worth(odds(0.5), odds(0.3), true); !closeTo(a, b) {
		t.Errorf("what is usual is worth %g without, %g with something related", a, b)
	}
	if a, b := s.worth(odds(0.5), odds(0.45), false), s.worth(odds(0.5), odds(0.45), true); a >= b {
		t.Errorf("what is liked is worth %g without, %g with something related", a, b)
	}
}

// What comes below the candidates that are looked at closely keeps its order, and stays below.
func TestTheRestStaysBelow(t *testing.T) {
	m, c, lists := learned(t)
	anime := slices.Collect(c.All())
	if len(anime) <= reranked {
		t.Fatalf("%d anime are no more than are looked at", len(anime))
	}
	for _, l := range []engine.List{lists[0], short(lists[0], 5), slices.Concat(lists[0], lists[1])} {
		restStaysBelow(t, m.fold(l, c, nil, nil), anime)
	}
}

func restStaysBelow(t *testing.T, f *fold, anime []*engine.Anime) {
	t.Helper()
	defer f.Release()
	f.choose(engine.IDs(anime), f.cost(0))
	linear := make([]float64, len(anime))
	for i := range linear {
		linear[i] = f.choices[i].linear
	}
	f.first(linear, reranked)
	looked := map[int32]bool{}
	for _, i := range f.order {
		looked[i] = true
	}
	matches := f.Matches(nil, engine.IDs(anime), 0)
	least := math.Inf(1)
	for i := range looked {
		least = min(least, matches[i])
	}
	for i := range anime {
		if looked[int32(i)] {
			continue
		}
		if matches[i] > least {
			t.Errorf("anime %d, not looked at, fits better (%g) than one that is (%g)", anime[i].ID, matches[i], least)
		}
		for k := range anime {
			if !looked[int32(k)] && (linear[i] > linear[k]) != (matches[i] > matches[k]) && linear[i] != linear[k] {
				t.Fatalf("anime %d and %d changed places", anime[i].ID, anime[k].ID)
			}
		}
	}
}

// The correction for a list that was learnt from is what training without it gives.
func TestLeavingIsExact(t *testing.T) {
	c, lists := crowd(40)
	o := Defaults()
	o.Rows = 0 // else the mean number of inputs changes, too
	o.Dropout = 0
	weights := func(lists []engine.List) (*training, *Model) {
		tr := &training{options: o, catalogue: c, lists: walk(lists)}
		if err := tr.count(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := tr.gram(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range tr.items {
			tr.matrix.Data[i*tr.matrix.Stride+i] += o.Ridge
		}
		if err := invert(t.Context(), tr.matrix); err != nil {
			t.Fatal(err)
		}
		m, err := tr.prune(t.Context(), len(tr.items))
		if err != nil {
			t.Fatal(err)
		}
		return tr, m
	}
	tr, m := weights(lists)
	less, _ := weights(lists[:len(lists)-1])
	if !slices.Equal(tr.items, less.items) {
		t.Fatal("without the last list other anime are learnt")
	}
	s := tr.newStage(m)
	leave := s.leave(lists[len(lists)-1])
	of := func(m blas64.General, i, j int) float64 { return -m.Data[i*m.Stride+j] / m.Data[j*m.Stride+j] }
	for i := range tr.items {
		for j := range tr.items {
			if i == j {
				continue
			}
			got, want := leave.weight(i, j), of(less.matrix, i, j)
			if math.Abs(got-want) > 1e-9 {
				t.Fatalf("without the list the weight of %d for %d is %g, want %g", i, j, got, want)
			}
		}
	}
}

// A new anime is recommended to those whose lists are of its kind.
func TestNewAnimeAreEstimated(t *testing.T) {
	c, lists := crowd(300)
	o := Defaults()
	o.Except = func(id engine.AnimeID) bool { return id <= 3 }
	m, err := train(t.Context(), walk(lists), c, o, quietly)
	if err != nil {
		t.Fatal(err)
	}
	fresh := []*engine.Anime{c.Anime(1), c.Anime(2), c.Anime(3)}
	for _, a := range fresh {
		if _, learnt := m.columnOf(a.ID); learnt {
			t.Fatalf("anime %d was learnt", a.ID)
		}
	}
	var own, other [3]float64 // sums over the lists of its genre, and over those of others
	for p, l := range lists[:60] {
		f := m.Fold(l, c, nil)
		for i, match := range f.Matches(nil, engine.IDs(fresh), 0) {
			if int(fresh[i].ID)%3 == p%3 {
				own[i] += match / 20
			} else {
				other[i] += match / 40
			}
		}
		if because := f.Because(fresh); len(because[0])+len(because[1])+len(because[2]) != 0 {
			t.Error("nothing on a list is known to speak for a new anime, yet it is said to")
		}
		f.Release()
	}
	for i, a := range fresh {
		if own[i] <= other[i]+1 {
			t.Errorf("anime %d fits lists of its genre by %g, others by %g", a.ID, own[i], other[i])
		}
	}
}

// A model that is whole but makes no sense is refused, however it came into the store.
func TestColumnsHaveToBeInputs(t *testing.T) {
	for _, m := range []*Model{
		{columns: []engine.AnimeID{5}, scales: []float32{}},
		{inputs: []engine.AnimeID{1, 9}, columns: []engine.AnimeID{5}, facts: make([]facts, 2), scales: make([]float32, 2)},
	} {
		if _, err := unpack(m.pack()); !errors.Is(err, engine.ErrCorrupt) {
			t.Errorf("unpack of inputs %v and columns %v = %v, want %v", m.inputs, m.columns, err, engine.ErrCorrupt)
		}
	}
}

// Where all sums are the same, they are compared as they are.
func TestSumsThatDoNotVary(t *testing.T) {
	c, lists := tastes(60)
	o := Defaults()
	o.Anime = 1
	m, err := train(t.Context(), walk(lists), c, o, quietly)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists[:10] {
		f := m.Fold(l, c, nil)
		for _, match := range f.Matches(nil, engine.IDs(slices.Collect(c.All())), 0) {
			if !(math.Abs(match) < 1000) {
				t.Errorf("a match of %g", match)
			}
		}
		f.Release()
	}
}
