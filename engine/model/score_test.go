package model

import (
	"context"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"reko.moe/engine"
)

func closeTo(a, b float64) bool { return math.Abs(a-b) < 1e-5 }

func TestLine(t *testing.T) {
	points := [][2]float64{{1, 1}, {2, 3}, {9, 100}, {3, 5}}
	l := lineThrough(len(points), func(i int) (x, y float64, ok bool) { return points[i][0], points[i][1], i != 2 })
	if !closeTo(float64(l.slope), 2) || !closeTo(float64(l.base), -1) {
		t.Errorf("line through (1,1), (2,3), (3,5) = %+v, want slope 2, -1 at 0", l)
	}
	if b := (&Scores{line: l}).biasAt(4); !closeTo(b, 7) {
		t.Errorf("at 4 it is %v, want 7", b)
	}
	if b := (&Scores{line: l}).biasAt(0); b != 0 {
		t.Errorf("without a mean it is %v, want 0", b)
	}
	l = lineThrough(2, func(i int) (x, y float64, ok bool) { return 7, float64(i), true })
	if l != (line{base: 0.5}) {
		t.Errorf("line through (7,0), (7,1) = %+v, want 0.5 everywhere", l)
	}
	if l = lineThrough(0, nil); l != (line{}) {
		t.Errorf("line through nothing = %+v", l)
	}
}

// One user: 6 and 10, mean 8. The user is not generous, so the biases are (-2 + 5·0) / (1 + 5) and the opposite, in each round. A
// dropped anime's score of 1 counts for nothing.
func TestBias(t *testing.T) {
	s := &Scores{ids: make([]engine.AnimeID, 3), means: make([]float64, 3), bias: make([]float32, 3), raters: make([]float32, 3)}
	s.fitBias(&scoreRatings{from: []int{0, 3}, seat: []uint16{0, 1, 2}, value: []float32{6, 10, 1}, dropped: []bool{false, false, true}})
	if s.general != 8 {
		t.Errorf("mean %v, want 8", s.general)
	}
	for i, want := range []float64{-1. / 3, 1. / 3, 0} {
		if !closeTo(float64(s.bias[i]), want) {
			t.Errorf("bias %d = %v, want %v", i, s.bias[i], want)
		}
	}
	if !closeTo(float64(s.raters[0]), math.Log(2)) || s.raters[2] != 0 {
		t.Errorf("raters %v, want the logarithms of 2, 2 and 1", s.raters)
	}
}

// Deviations from the bias 2 and 0, of anime of bias 1 and -1: (3 0; 0 12) (a; t) = (2; 2).
func TestFit(t *testing.T) {
	var m scoreSums
	m.add(1, 3)
	m.add(-1, -1)
	if f := m.fit(); !closeTo(f.generosity, 2./3) || !closeTo(f.slope, 1./6) || f.count != 2 {
		t.Errorf("%+v, want generosity 2/3 and slope 1/6 of 2", f)
	}
	if f := new(scoreSums).fit(); f != (scoreFit{}) {
		t.Errorf("fit to nothing is %+v", f)
	}
	s := &Scores{general: 7}
	if b := s.base(&scoreFit{generosity: 0.5, slope: 0.5}, 1); b != 9 {
		t.Errorf("base %v, want 7 + 0.5 + 1.5 · 1", b)
	}
	if v := spreadOf(20, 5, 2); v != 2 {
		t.Errorf("spread of squares 20 of 5, 2 being usual: %v, want √((20 + 5·4) / (5 + 5))", v)
	}
}

// The base is 5 everywhere; deviations 2 and -2, and -5 of what was dropped. The last is compared with 0.7 times -5. The
// spread is √((8 + 5·4) / (2 + 5)) = 2, the usual one being 2.
func TestDeviations(t *testing.T) {
	s := &Scores{general: 5, bias: make([]float32, 3)}
	r := &scoreRatings{from: []int{0, 3}, seat: []uint16{0, 1, 2}, value: []float32{7, 3, 0}, dropped: []bool{false, false, true}}
	s.deviate(r)
	if !closeTo(s.dropped, -3.5) || !closeTo(s.spread, 2) {
		t.Errorf("dropped %v, spread %v, want -3.5 and 2", s.dropped, s.spread)
	}
	for i, want := range []float64{1, -1, -0.75} {
		if !closeTo(float64(r.value[i]), want) {
			t.Errorf("deviation %d = %v, want %v", i, r.value[i], want)
		}
	}
}

func TestCorrelation(t *testing.T) {
	for _, c := range []struct {
		pair scorePair
		want float64
	}{
		{scorePair{n: 100, xy: 50, xx: 50, yy: 200}, 0.25}, // 50 / √(50·200) · 100 / 200
		{scorePair{n: 100, xy: -50, xx: 50, yy: 200}, 0},
		{scorePair{}, 0},
	} {
		if got := c.pair.correlation(); !closeTo(float64(got), c.want) {
			t.Errorf("correlation of %v = %v, want %v", c.pair, got, c.want)
		}
	}
}

func TestStrongestNeighboursAreKept(t *testing.T) {
	row := make([]scorePair, 5)
	for j, xy := range []float32{30, 100, 50, 10, 20} {
		row[j] = scorePair{n: 100, xy: xy, xx: 100, yy: 100}
	}
	got := strongest(row, 1, 2)
	if len(got) != 2 || got[0].seat != 0 || got[1].seat != 2 || !closeTo(float64(got[1].correlation), 0.25) {
		t.Errorf("%v, want those of seats 0 and 2, in that order", got)
	}
}

// Weights 0.5³ and 0.25³ of deviations 2 and -1, and 0.02 of nothing.
func TestNeighbours(t *testing.T) {
	s := &Scores{near: scoreNeighbours{[]int32{0, 3}, []float32{0.25}, []uint16{0, 1, 2}, []uint8{2, 1, 4}}}
	f := &Scorer{scores: s, deviation: []float32{2, -1, 0}}
	got, mean := f.neighbours(0), (0.125*2-0.015625)/(0.02+0.140625)
	want := nearness{
		deviation: mean, support: 0.140625 / 0.160625, apart: (0.125*4+0.015625)/(0.02+0.140625) - mean*mean,
		count: 2, nearest: 2, by: 0.5,
	}
	for what, pair := range map[string][2]float64{
		"deviation": {got.deviation, want.deviation}, "support": {got.support, want.support}, "apart": {got.apart, want.apart},
		"count": {got.count, want.count}, "nearest": {got.nearest, want.nearest}, "by": {got.by, want.by},
	} {
		if !closeTo(pair[0], pair[1]) {
			t.Errorf("%s %v, want %v", what, pair[0], pair[1])
		}
	}
}

// (3 1; 1 2)⁻¹ = (2 -1; -1 3) / 5.
func TestPosterior(t *testing.T) {
	p := newPosterior(2)
	p.precision([]float32{4, 2, 2}, 0.5, nil)
	x := []float32{5, 5}
	p.solve(x)
	if !closeTo(float64(x[0]), 1) || !closeTo(float64(x[1]), 2) {
		t.Errorf("solution %v, want 1 and 2", x)
	}
	if v := p.variance([]float32{1, 2}); !closeTo(v, (2-2*2+3*4)/5.) {
		t.Errorf("variance %v, want 2", v)
	}
	m := make([]float32, 3)
	p.moment(m, x)
	for i, want := range []float64{0.4 + 1, -0.2 + 2, 0.6 + 4} {
		if !closeTo(float64(m[i]), want) {
			t.Errorf("moment %v, want 1.4, 1.8, 4.6", m)
		}
	}
	p.precision([]float32{4, 2, 2}, 0.5, []float64{1, 1})
	y := []float64{5, 5}
	if p.solve64(y); !closeTo(y[0], 1) || !closeTo(y[1], 2) {
		t.Errorf("solution %v, want 1 and 2", y)
	}
	if v := packedTrace([]float32{1, 2, 3}, []float32{4, 5, 6}, 2); v != 1*4+2*2*5+3*6 {
		t.Errorf("trace %v, want 42", v)
	}
	sum := make([]float32, 3)
	if addOuter(sum, []float32{2, 3}); !slices.Equal(sum, []float32{4, 6, 9}) {
		t.Errorf("outer product %v", sum)
	}
	clear(sum)
	if addOuters(sum, []float32{1, 2}, []float32{3, 4}, []float32{5, 6}, []float32{7, 8}); !slices.Equal(sum, []float32{84, 100, 120}) {
		t.Errorf("sum of outer products %v, want 84, 100, 120", sum)
	}
}

// One factor: two marks of weight 1 and vectors 1 and 2 put the user at 3/√2; a deviation of 1.5 of an anime of vector 2, in
// noise of 0.5, at (2·1.5/0.5 + 3/√2) / (2·2/0.5 + 1).
func TestFactorsOfUser(t *testing.T) {
	s := &Scores{ids: []engine.AnimeID{1, 2}}
	s.index()
	f := scoreFactors{k: 1, noise: 0.5, vectors: []float32{2, 7}, marks: []float32{1, 9, 9, 9, 2, 9}, markWeights: []float32{1, 9, 9, 9, 1, 9}}
	l := engine.List{
		{Anime: 1, Status: engine.Completed, Episodes: 1, Score: 8}, {Anime: 2, Status: engine.Planned},
		{Anime: 3, Status: engine.Planned},
	}
	place, prior, sure := f.fold(s, l, []int32{0}, []float32{1.5, 0})
	if want := 3 / math.Sqrt2; !closeTo(float64(prior[0]), want) {
		t.Errorf("marks put the user at %v, want %v", prior[0], want)
	}
	if want := (6 + 3/math.Sqrt2) / 9; !closeTo(float64(place[0]), want) {
		t.Errorf("scores put the user at %v, want %v", place[0], want)
	}
	if v := sure.variance([]float32{3}); !closeTo(v, 1) {
		t.Errorf("of a vector 3 the variance is %v, want 9 / (2·2/0.5 + 1)", v)
	}
}

// One user stands at 6 and has one mark, which then has the norm 1: the ridge fit is 6 / (1 + 5).
func TestMarks(t *testing.T) {
	m := &scoreMarks{}
	m.begin()
	s := &Scores{ids: []engine.AnimeID{1}}
	s.index()
	m.add(s, engine.List{{Anime: 1, Status: engine.Dropped}, {Anime: 5}})
	f := newMarkFit(m, markKinds, 1)
	if want := 0.7 * math.Pow(21, -0.25); !closeTo(float64(f.weights[2]), want) || !closeTo(float64(m.norm[0]), 1/want) {
		t.Errorf("weights %v, norm %v, want the third to be %v, and the norm to undo it", f.weights, m.norm, want)
	}
	if err := f.improve(t.Context(), []float32{6}); err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(f.vectors, []float32{0, 0, 1}, func(a, b float32) bool { return closeTo(float64(a), float64(b)) }) {
		t.Errorf("vectors %v, want 0, 0, 1", f.vectors)
	}
}

// One anime of a deviation of 2 with two statistics: both are (2 - 2x) / 40.
func TestTaste(t *testing.T) {
	f := &Scorer{scores: &Scores{traits: [][]uint8{{3, 8}}}, deviation: []float32{2}}
	f.fitTaste([]int32{0})
	if want := 2. / 42; !closeTo(float64(f.taste[3]), want) || f.taste[3] != f.taste[8] || f.taste[0] != 0 {
		t.Errorf("%v, want %v of 3 and 8", f.taste, want)
	}
}

func TestHide(t *testing.T) {
	var l engine.List
	for i := range 21 {
		l = append(l, engine.Entry{Anime: engine.AnimeID(i + 1), Status: engine.Completed, Episodes: 1})
	}
	l = append(l, engine.Entry{Anime: 99, Status: engine.Planned})
	seen, hidden := hide(l, 3, 0)
	if len(hidden) != 4 || len(seen) != 18 || slices.ContainsFunc(hidden, func(e engine.Entry) bool { return e.Anime == 99 }) {
		t.Errorf("of 21 watched, %d are hidden and %d of 22 seen, want 4 and 18", len(hidden), len(seen))
	}
	if again, _ := hide(l, 3, 0); !slices.Equal(again, seen) {
		t.Error("another time other ones are hidden")
	}
	if other, _ := hide(l, 4, 0); slices.Equal(other, seen) {
		t.Error("of all lists the same ones are hidden")
	}
	for part := range blendHidden {
		_, more := hide(l, 3, part)
		for _, e := range more {
			if part > 0 && slices.Contains(hidden, e) {
				t.Errorf("anime %d is hidden twice", e.Anime)
			}
		}
		if part > 0 {
			hidden = append(hidden, more...)
		}
	}
	if len(hidden) != 20 {
		t.Errorf("of 21 watched, %d are hidden once, want 20", len(hidden))
	}
	if seen, hidden = hide(l[2:], 3, 0); len(seen) != 20 || hidden != nil {
		t.Error("of 19 watched some are hidden")
	}
}

// twoTastes are lists of users of whom every second one likes anime 1..20 and the others 21..40. Anime 41 has a mean and 42 has
// none; nobody has either.
func twoTastes(users int) ([]engine.List, *engine.Catalogue) {
	anime := make([]engine.Anime, 42)
	for i := range anime {
		anime[i] = engine.Anime{ID: engine.AnimeID(i + 1), Mean: 7, Episodes: 12, DescribedAt: time.Unix(1, 0)}
	}
	anime[40].Mean, anime[41].Mean = 9, 0
	lists := make([]engine.List, users)
	for u := range lists {
		for i := range 40 {
			draw := rand.NewPCG(uint64(u), uint64(i)).Uint64()
			if draw%3 == 0 {
				continue
			}
			e := engine.Entry{Anime: engine.AnimeID(i + 1), Status: engine.Completed, Episodes: 12, Score: uint8(5 + draw>>8%2)}
			if i/20 == u%2 {
				e.Score += 3
			}
			if draw>>16%10 == 0 {
				e.Status, e.Score = engine.Dropped, e.Score-4
			}
			lists[u] = append(lists[u], e)
		}
	}
	return lists, engine.NewCatalogue(anime)
}

func scoreLists(lists []engine.List) func() iter.Seq2[engine.List, error] {
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

// smallScores is quick to train.
func smallScores() ScoreOptions {
	o := ScoreDefaults()
	o.Near, o.Factors, o.Sweeps, o.BlendEvery = 20, 2, 5, 4
	o.Forest.Trees, o.Forest.Least, o.Enough = 3, 10, 100
	return o
}

func TestTastesAreTold(t *testing.T) {
	lists, c := twoTastes(240)
	s, err := TrainScores(t.Context(), scoreLists(lists[40:]), c, smallScores())
	if err != nil {
		t.Fatal(err)
	}
	for u, l := range lists[:40] {
		f := s.For(l[:len(l)-8], c) // what is left out is of 21..40
		for _, e := range l[len(l)-8:] {
			if e.Status == engine.Dropped {
				continue
			}
			if got, ok := f.Predict(e.Anime); !ok || math.Abs(got-float64(e.Score)) > 2 {
				t.Errorf("user %d: anime %d: %.2f, %t, want about %d", u, e.Anime, got, ok, e.Score)
			}
		}
	}
}

func TestUnknownAnimeAndEmptyLists(t *testing.T) {
	lists, c := twoTastes(120)
	s, err := TrainScores(t.Context(), scoreLists(lists), c, smallScores())
	if err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]engine.List{
		"nothing": nil, "no scores": {{Anime: 1, Status: engine.Completed, Episodes: 12}, {Anime: 9999, Status: engine.Planned}},
		"unknown anime": {{Anime: 9999, Status: engine.Completed, Episodes: 1, Score: 3}},
		"only dropped":  {{Anime: 1, Status: engine.Dropped, Episodes: 1, Score: 1}},
		"only tens":     {{Anime: 1, Status: engine.Completed, Episodes: 1, Score: 10}, {Anime: 2, Status: engine.Completed, Episodes: 1, Score: 10}},
	} {
		f := s.For(l, c)
		for id := range engine.AnimeID(42) {
			got, ok := f.Predict(id)
			if want := id >= 1 && id <= 41; ok != want || ok && !(got >= 1 && got <= 10) {
				t.Errorf("%s: anime %d: %v, %t", name, id, got, ok)
			}
		}
		for _, id := range []engine.AnimeID{-1, 42, engine.MaxAnimeID} {
			if _, ok := f.Predict(id); ok {
				t.Errorf("%s: anime %d has a score", name, id)
			}
		}
	}
	// What is outside has its mean, by the user's fit. All learnt ones have the mean 7, so no slope was to be learnt.
	f := s.For(lists[0], c)
	if got, _ := f.Predict(41); !closeTo(got, s.base(&f.fit, s.biasAt(9))) {
		t.Errorf("anime 41: %v", got)
	}
}

func TestSameListsSameBytes(t *testing.T) {
	lists, c := twoTastes(120)
	train := func() []byte {
		s, err := TrainScores(t.Context(), scoreLists(lists), c, smallScores())
		if err != nil {
			t.Fatal(err)
		}
		return s.Pack()
	}
	first := train()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if !slices.Equal(first, train()) {
		t.Error("on one core the scores are others")
	}
}

func TestFewerListsAreLearntFrom(t *testing.T) {
	lists, c := twoTastes(100)
	o := smallScores()
	o.Lists, o.BlendEvery = 34, 1000
	tr := &scoreTraining{options: o, catalogue: c}
	if err := tr.choose(t.Context(), scoreLists(lists)()); err != nil {
		t.Fatal(err)
	}
	if err := tr.read(t.Context(), scoreLists(lists)()); err != nil {
		t.Fatal(err)
	}
	if tr.learning.users() != 33 || tr.learning.marks.users() != 33 {
		t.Errorf("%d users, want every third of 100", tr.learning.users())
	}
}

func TestTrainScoresFails(t *testing.T) {
	lists, c := twoTastes(60)
	if _, err := TrainScores(t.Context(), scoreLists(nil), c, smallScores()); !errors.Is(err, ErrFewScores) {
		t.Errorf("of no lists: %v", err)
	}
	dropped := make([]engine.List, 10)
	for i := range dropped {
		dropped[i] = engine.List{{Anime: 1, Status: engine.Dropped, Score: 2}}
	}
	if _, err := TrainScores(t.Context(), scoreLists(dropped), c, smallScores()); !errors.Is(err, ErrFewScores) {
		t.Errorf("of dropped anime only: %v", err)
	}
	if _, err := TrainScores(t.Context(), scoreLists(lists), c, ScoreOptions{}); !errors.Is(err, engine.ErrInvalid) {
		t.Errorf("without options: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := TrainScores(ctx, scoreLists(lists), c, smallScores()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	broken := func() iter.Seq2[engine.List, error] {
		return func(yield func(engine.List, error) bool) { yield(nil, engine.ErrCorrupt) }
	}
	if _, err := TrainScores(t.Context(), broken, c, smallScores()); !errors.Is(err, engine.ErrCorrupt) {
		t.Errorf("lists that cannot be read: %v", err)
	}
}
