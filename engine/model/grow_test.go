package model

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// xor is a table of two features that only tell the target together, and one that tells nothing.
func xor(t testing.TB, rows int) (*table, []float32, [][]float32) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	columns := make([][]float32, 3)
	for f := range columns {
		columns[f] = make([]float32, rows)
		for i := range columns[f] {
			columns[f][i] = float32(r.NormFloat64())
		}
	}
	targets := make([]float32, rows)
	for i := range targets {
		if (columns[0][i] > 0.3) != (columns[2][i] > -0.2) {
			targets[i] = 1
		}
	}
	table, err := newTable(t.Context(), rows, len(columns), func(f int, into []float32) { copy(into, columns[f]) })
	if err != nil {
		t.Fatal(err)
	}
	return table, targets, columns
}

// even are weights of 1.
func even(n int) []float32 { return slices.Repeat([]float32{1}, n) }

func TestGrow(t *testing.T) {
	table, targets, columns := xor(t, 5000)
	o := boosting{Trees: 30, Depth: 3, Rate: 0.3, Ridge: 1, Least: 1, Sample: 0.7, Columns: 1}
	f, err := grow(t.Context(), table, logistic, targets, even(len(targets)), nil, o)
	if err != nil {
		t.Fatal(err)
	}
	if f.trees() != 30 || !f.sound(3) || f.sound(2) {
		t.Errorf("%d trees, sound for 3 features: %t, for 2: %t", f.trees(), f.sound(3), f.sound(2))
	}
	rows, values := make([]features, len(targets)), make([]float32, len(targets))
	for i := range rows {
		for k := range columns {
			rows[i][k] = ordinal(columns[k][i])
		}
	}
	f.values(rows, values)
	wrong := 0
	for i := range targets {
		if (values[i] > 0) != (targets[i] == 1) {
			wrong++
		}
	}
	if wrong > 5000/25 {
		t.Errorf("%d of 5000 rows are on the wrong side", wrong)
	}
	again, err := grow(t.Context(), table, logistic, targets, even(len(targets)), nil, o)
	if err != nil || !reflect.DeepEqual(f, again) {
		t.Errorf("the same table grows another forest, %v", err)
	}
}

// One tree of one split, by hand: with odds 0 the first derivatives are 0.5 - target, the second 0.25.
func TestGrowByHand(t *testing.T) {
	values := []float32{1, 1, 2, 2, 2, 3}
	targets := []float32{1, 1, 0, 0, 1, 0}
	table, err := newTable(t.Context(), 6, 1, func(_ int, into []float32) { copy(into, values) })
	if err != nil {
		t.Fatal(err)
	}
	f, err := grow(t.Context(), table, logistic, targets, even(len(targets)), nil, boosting{Trees: 1, Depth: 1, Rate: 0.5, Ridge: 0.5, Least: 0.1, Sample: 1, Columns: 1})
	if err != nil {
		t.Fatal(err)
	}
	// Left of it {1, 1}: -(-1) / (0.5 + 0.5) = 1, right {0, 0, 1, 0}: -1 / (1 + 0.5); both times the rate.
	want := &forest{depth: 1, features: []uint8{0}, thresholds: []int32{ordinal(1)}, leaves: []float32{0.5, float32(-1 / 1.5 * 0.5)}}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("grown is %+v, want %+v", f, want)
	}
	values1 := make([]float32, 3)
	f.values([]features{{ordinal(2.5)}, {ordinal(1)}, {ordinal(-7)}}, values1)
	if want := []float32{float32(-1 / 1.5 * 0.5), 0.5, 0.5}; !slices.Equal(values1, want) {
		t.Errorf("values = %g, want %g", values1, want)
	}
}

func TestGrowWithoutAnythingToTell(t *testing.T) {
	table, err := newTable(t.Context(), 100, 2, func(_ int, into []float32) { clear(into) })
	if err != nil {
		t.Fatal(err)
	}
	f, err := grow(t.Context(), table, logistic, make([]float32, 100), even(100), nil, boosting{Trees: 2, Depth: 2, Rate: 1, Ridge: 1, Least: 0, Sample: 1, Columns: 1})
	value := make([]float32, 1)
	f.values(make([]features, 1), value)
	if err != nil || f.thresholds[0] != never || value[0] >= 0 {
		t.Errorf("grown is %+v, %v; want nodes that split nothing and a negative value", f, err)
	}
}

func TestOrdinal(t *testing.T) {
	ascending := []float32{float32(math.Inf(-1)), -math.MaxFloat32, -2, -1, -math.SmallestNonzeroFloat32, 0, math.SmallestNonzeroFloat32, 1, 2, math.MaxFloat32}
	for i := 1; i < len(ascending); i++ {
		if a, b := ascending[i-1], ascending[i]; ordinal(a) >= ordinal(b) {
			t.Errorf("ordinal(%g) = %d is not below ordinal(%g) = %d", a, ordinal(a), b, ordinal(b))
		}
	}
}

func BenchmarkForest(b *testing.B) {
	table, targets, columns := xor(b, 5000)
	f, err := grow(b.Context(), table, logistic, targets, even(len(targets)), nil, boosting{Trees: 150, Depth: 6, Rate: 0.1, Ridge: 1, Least: 0, Sample: 1, Columns: 1})
	if err != nil {
		b.Fatal(err)
	}
	rows := make([]features, 200)
	for i := range rows {
		for k := range columns {
			rows[i][k] = ordinal(columns[k][i])
		}
	}
	into := make([]float32, len(rows))
	b.Run("row by row", func(b *testing.B) {
		for b.Loop() {
			f.values(rows, into)
		}
	})
	b.Run("binned", func(b *testing.B) {
		all, ok := newBinned(f)
		if !ok {
			b.Fatal("more thresholds than bins")
		}
		var m binning
		for b.Loop() {
			all.values(&m, rows, into)
		}
	})
}

func BenchmarkGrow(b *testing.B) {
	table, targets, _ := xor(b, 200_000)
	for b.Loop() {
		if _, err := grow(b.Context(), table, logistic, targets, even(len(targets)), nil, boosting{Trees: 2, Depth: 6, Rate: 0.1, Ridge: 1, Least: 0, Sample: 1, Columns: 1}); err != nil {
			b.Fatal(err)
		}
	}
}
