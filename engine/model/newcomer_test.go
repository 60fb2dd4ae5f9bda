package model

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"gonum.org/v1/gonum/blas/blas64"

	"reko.moe/engine"
)

// learned is a model of a crowd with a second stage for newcomers, both of few trees: what asks how good it is takes [skilled] instead. It is
// trained once for all tests, none of which may change it.
func learned(t testing.TB) (*Model, *engine.Catalogue, []engine.List) {
	t.Helper()
	return once(t, learnt)
}

// skilled is learned of more trees, which under the race detector takes half a minute.
func skilled(t testing.TB) (*Model, *engine.Catalogue, []engine.List) {
	t.Helper()
	return once(t, skilful)
}

func once(t testing.TB, train func() (*Model, error)) (*Model, *engine.Catalogue, []engine.List) {
	t.Helper()
	c, lists := crowd(enough)
	m, err := train()
	if err != nil {
		t.Fatal(err)
	}
	return m, c, lists
}

var (
	learnt  = sync.OnceValues(func() (*Model, error) { return learn(3, 2) })
	skilful = sync.OnceValues(func() (*Model, error) { return learn(20, 12) })
)

// learn trains a model of a crowd with so many trees in each forest.
func learn(trees, newcomers int) (*Model, error) {
	c, lists := crowd(enough)
	o := Defaults()
	o.Stage.Trees, o.Newcomers, o.Stage.Least, o.Kept, o.Enough = trees, newcomers, 5, 60, enough
	return train(context.Background(), walk(lists), c, o, quietly)
}

// short are the first watched entries of a list.
func short(l engine.List, watched int) (few engine.List) {
	for i := range l {
		if l[i].Watched() && len(few) < watched {
			few = append(few, l[i])
		}
	}
	return few
}

// A newcomer is told what the forests of newcomers add, somebody with a long list is not, and in between no entry changes everything.
func TestNewcomers(t *testing.T) {
	m, c, lists := skilled(t)
	if m.second == nil || m.second.newcomers == nil {
		t.Fatal("there are no forests of newcomers")
	}
	without := *m.second
	without.newcomers = nil
	plain := &Model{
		inputs: m.inputs, columns: m.columns, facts: m.facts, backdrop: m.backdrop, rare: m.rare, watchers: m.watchers, second: &without,
		popularity: m.popularity, liked: m.liked, kept: m.kept, scales: m.scales, places: m.places, weights: m.weights,
	}
	plain.seat()
	stored := reread(t, m)
	anime := slices.Collect(c.All())
	astray := 0
	for p, l := range lists[:30] {
		for _, watched := range []int{0, 5, 20, 35, fadesTo, fadesTo + 1} {
			few := short(l, watched)
			matches := func(m *Model) []float64 {
				f := m.Fold(few, c, nil)
				defer f.Release()
				return f.Matches(nil, engine.IDs(anime), 0)
			}
			got := matches(m)
			if !slices.Equal(got, matches(stored)) {
				t.Fatalf("of %d entries the stored model says something else", watched)
			}
			if differs, want := !slices.Equal(got, matches(plain)), len(few) < fadesTo; differs != want {
				t.Errorf("of %d entries newcomers' forests say something: %t, want %t", len(few), differs, want)
			}
			if watched != 5 {
				continue
			}
			best := -1
			for i, a := range anime {
				if !slices.ContainsFunc(few, func(e engine.Entry) bool { return e.Anime == a.ID }) && (best < 0 || got[i] > got[best]) {
					best = i
				}
			}
			genre := [3]int{}
			for i := range few {
				genre[few[i].Anime%3]++
			}
			if genre[p%3] >= 4 && int(anime[best].ID)%3 != p%3 {
				astray++
			}
		}
	}
	if astray > 3 {
		t.Errorf("to %d newcomers an anime of another genre fits best", astray)
	}
	last := 1.0
	for watched := range 2 * fadesTo {
		share := newcomer(float64(watched))
		if share > last || last-share > 0.05 || watched <= fadesFrom && share != 1 || watched >= fadesTo && share != 0 {
			t.Errorf("with %d entries somebody is a newcomer by %g, with one less by %g", watched, share, last)
		}
		last = share
	}
}

// What a newcomer's list is likely to get are the columns that come first, and what they say is what their rows are.
func TestForesee(t *testing.T) {
	m, c, lists := learned(t)
	for _, watched := range []int{0, 1, 10} {
		few := short(lists[1], watched)
		f := m.fold(few, c, nil, nil)
		f.foresee()
		var want []foreseen
		for j, id := range m.columns {
			if !slices.ContainsFunc(few, func(e engine.Entry) bool { return e.Anime == id }) {
				want = append(want, foreseen{int32(j), f.sums[j]*f.unit - f.cost(0)*m.popular[m.items[j]]})
			}
		}
		slices.SortStableFunc(want, func(a, b foreseen) int { return cmp.Compare(b.match, a.match) })
		want = want[:foreseenMost]
		if !slices.Equal(f.foreseen, want) {
			t.Fatalf("%d entries lead to %v, want %v", watched, f.foreseen, want)
		}
		ahead := make([]float64, len(m.columns))
		for n, b := range want {
			places, weights, scale := m.row(int(m.items[b.column]))
			for k, j := range places {
				ahead[j] += (1 - float64(n)/foreseenMost) * scale * float64(weights[k])
			}
		}
		for j := range ahead {
			if !closeTo(ahead[j], f.ahead[j]) {
				t.Fatalf("for column %d speaks %g, want %g", j, f.ahead[j], ahead[j])
			}
		}
		f.Release()
	}
}

// In the space of likeness those anime are near that the same people watch: here, of one genre.
func TestLikeness(t *testing.T) {
	m, _, _ := learned(t)
	var same, other, sames, others float64
	for i := range m.inputs {
		for j := range i {
			a, b := m.alike.of(i), m.alike.of(j)
			if m.inputs[i]%3 == m.inputs[j]%3 {
				same += a.cosine(&b)
				sames++
			} else {
				other += a.cosine(&b)
				others++
			}
		}
	}
	if same/sames < other/others+0.1 {
		t.Errorf("anime of a genre have a cosine of %g, others of %g", same/sames, other/others)
	}
	var none direction
	if d := m.alike.of(0); none.cosine(&d) != 0 || d.cosine(&none) != 0 || !closeTo(d.cosine(&d), 1) {
		t.Errorf("cosines with nothing are %g and %g, with itself %g", none.cosine(&d), d.cosine(&none), d.cosine(&d))
	}
	if d := new(likeness).of(3); d != none {
		t.Errorf("what knows nothing places an anime at %v", d)
	}
}

// Of a matrix of few dimensions, larger than a block, the likeness keeps all but what rounding takes; and it does the same again.
func TestLiken(t *testing.T) {
	const n, rank = blockSize + 50, 5
	r := rand.New(rand.NewPCG(5, 6))
	x := make([]float64, n*rank)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	x[3*rank+0], x[3*rank+1], x[3*rank+2], x[3*rank+3], x[3*rank+4] = 0, 0, 0, 0, 0 // nothing is known of it
	full := func(i, j int) (sum float64) {
		for k := range rank {
			sum += x[i*rank+k] * x[j*rank+k]
		}
		return 100 * sum
	}
	tr := &training{matrix: squareOf(n)}
	for i := range n {
		for j := range n {
			tr.matrix.Data[i*n+j] = math.NaN() // what is above the diagonal is not read
			if j <= i {
				tr.matrix.Data[i*n+j] = full(i, j)
			}
		}
	}
	if err := tr.liken(t.Context()); err != nil {
		t.Fatal(err)
	}
	k := tr.alike
	for i := range n {
		for j := range n {
			a, b := k.of(i), k.of(j)
			want := full(i, j) / math.Sqrt((full(i, i)+likenessPrior)*(full(j, j)+likenessPrior))
			if got := a.product(&b); math.Abs(got-want) > 0.03 {
				t.Fatalf("the likeness of %d and %d is %g, want %g", i, j, got, want)
			}
		}
	}
	if err := tr.liken(t.Context()); err != nil || !slices.Equal(k.vectors, tr.alike.vectors) || !slices.Equal(k.scales, tr.alike.scales) {
		t.Errorf("the same matrix has another likeness, %v", err)
	}
	tiny := &training{matrix: blas64.General{Rows: 1, Cols: 1, Stride: 1, Data: []float64{3}}}
	if err := tiny.liken(t.Context()); err != nil || len(tiny.alike.vectors) != likenessSize || len(tiny.alike.scales) != 1 {
		t.Errorf("of one anime the likeness is %v, %v", tiny.alike, err)
	}
}

// Forests on top of others begin where these end.
func TestGrowOnTop(t *testing.T) {
	table, targets, columns := xor(t, 3000)
	o := boosting{Trees: 10, Depth: 3, Rate: 0.3, Ridge: 1, Least: 1, Sample: 1, Columns: 1}
	grown := func(said []float64, o boosting) *forest {
		f, err := grow(t.Context(), table, logistic, targets, even(len(targets)), said, o)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	below := grown(nil, o)
	rows, values := make([]features, len(targets)), make([]float32, len(targets))
	for i := range rows {
		for k := range columns {
			rows[i][k] = ordinal(columns[k][i])
		}
	}
	below.values(rows, values)
	said := make([]float64, len(targets))
	for i, v := range values {
		said[i] = float64(v)
	}
	above := grown(said, o)
	o.Trees = 20
	whole := grown(nil, o)
	for i, leaf := range append(slices.Clone(below.leaves), above.leaves...) {
		if math.Abs(float64(leaf-whole.leaves[i])) > 1e-4 {
			t.Fatalf("leaf %d of 10 trees and 10 on top is %g, of 20 trees %g", i, leaf, whole.leaves[i])
		}
	}
	above.values(rows, values)
	for i, v := range values {
		said[i] -= float64(v) // grow left there what both say
	}
	below.values(rows, values)
	for i, v := range values {
		if math.Abs(said[i]-float64(v)) > 1e-4 {
			t.Fatalf("of row %d is left %g, want %g", i, said[i], v)
		}
	}
}

// Where no forests are asked for, none are for newcomers, and the model is as it would be without.
func TestWithoutNewcomers(t *testing.T) {
	c, lists := crowd(enough)
	o := Defaults()
	o.Stage.Trees, o.Newcomers, o.Stage.Least, o.Enough = 5, 0, 5, enough
	m, err := train(t.Context(), walk(lists), c, o, quietly)
	if err != nil {
		t.Fatal(err)
	}
	if m.second == nil || m.second.newcomers != nil {
		t.Fatalf("the second stage is %+v", m.second)
	}
	stored, err := unpack(m.pack())
	if err != nil || !bytes.Equal(stored.pack(), m.pack()) {
		t.Errorf("stored, it is another model, %v", err)
	}
}

// However many users there are, the second stage learns from so many lists at most, and from about as many where there are more.
func TestEveryBoundsWhatIsLookedAt(t *testing.T) {
	for _, most := range []int{1, 3000, 15_000} {
		for _, users := range []int{1, 2, 2999, 3000, 3001, 12_338, 50_000, 1_000_000} {
			s := &stage{training: &training{users: users}}
			every := s.every(most)
			if n := users / every; n > most || users >= most && n < most/2 || users <= most && every != 1 {
				t.Errorf("of %d lists %d are looked at, of at most %d", users, n, most)
			}
		}
	}
}
