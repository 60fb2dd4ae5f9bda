package model

import (
	"context"
	"math"

	"reko.moe/engine"
)

// A list says something about how its user scores without any score: what is on it at all. Marks are the entries as
// watched, planned, or given up; each has a weight and a vector among the factors, and their weighted mean is where a user is
// thought to stand before any score is seen.

const (
	markKinds   = 3
	markRare    = 20   // added to the number of lists that have a mark
	markPower   = 0.25 // its weight is the number to the power of minus that
	markUnseen  = 0.7  // weight of marks of what was not watched
	markRidge   = 5
	markCGSteps = 3
)

// markOf returns the kind of mark of an entry.
func markOf(e *engine.Entry) int {
	switch {
	case e.Watched():
		return 0
	case e.Status == engine.Planned:
		return 1
	}
	return 2
}

// scoreMarks are the marks of users, user after user.
type scoreMarks struct {
	from []int
	mark []uint16 // seat * markKinds + kind, below 65,536 for 21,845 anime
	norm []float32
}

func (m *scoreMarks) begin() { m.from = append(m.from, 0) }

// add appends a user's marks.
func (m *scoreMarks) add(s *Scores, l engine.List) {
	for i := range l {
		if seat := s.seatOf(l[i].Anime); seat >= 0 {
			m.mark = append(m.mark, uint16(seat*markKinds+markOf(&l[i])))
		}
	}
	m.from = append(m.from, len(m.mark))
}

func (m *scoreMarks) users() int { return len(m.from) - 1 }

// weigh returns the weight of each of n marks, and sets norms.
func (m *scoreMarks) weigh(n int) []float32 {
	weights := make([]float32, n)
	for _, k := range m.mark {
		weights[k]++
	}
	for k, count := range weights {
		w := math.Pow(float64(count)+markRare, -markPower)
		if k%markKinds != 0 {
			w *= markUnseen
		}
		weights[k] = float32(w)
	}
	m.norm = make([]float32, m.users())
	for u := range m.norm {
		sum := float32(0)
		for _, k := range m.mark[m.from[u]:m.from[u+1]] {
			sum += weights[k] * weights[k]
		}
		if sum > 0 {
			m.norm[u] = float32(1 / math.Sqrt(float64(sum)))
		}
	}
	return weights
}

// markFit fits the vectors of the marks to where users stand.
type markFit struct {
	marks   *scoreMarks
	columns markColumns
	weights []float32
	k       int
	vectors []float32 // by mark
}

// markColumns are marks by mark.
type markColumns struct {
	from []int
	user []int32
}

func newMarkFit(m *scoreMarks, marks, k int) *markFit {
	f := &markFit{marks: m, k: k, weights: m.weigh(marks), vectors: make([]float32, marks*k)}
	f.columns = markColumns{from: make([]int, marks+1), user: make([]int32, len(m.mark))}
	for _, x := range m.mark {
		f.columns.from[x+1]++
	}
	for x := range marks {
		f.columns.from[x+1] += f.columns.from[x]
	}
	next := append([]int(nil), f.columns.from...)
	for u := range m.users() {
		for _, x := range m.mark[m.from[u]:m.from[u+1]] {
			f.columns.user[next[x]] = int32(u)
			next[x]++
		}
	}
	return f
}

// places sets each user's row of dst to the weighted mean of the vectors of the marks.
func (f *markFit) places(ctx context.Context, dst, vectors []float32) error {
	return parallel(ctx, f.marks.users(), func(u int) {
		row := dst[u*f.k : (u+1)*f.k]
		clear(row)
		for _, x := range f.marks.mark[f.marks.from[u]:f.marks.from[u+1]] {
			scoreAxpy(row, f.weights[x]*f.marks.norm[u], vectors[int(x)*f.k:])
		}
	})
}

// gather is the transpose of places, less the ridge times the vectors.
func (f *markFit) gather(ctx context.Context, dst, users, vectors []float32, ridge float32) error {
	return parallel(ctx, len(f.weights), func(x int) {
		row := dst[x*f.k : (x+1)*f.k]
		clear(row)
		for _, u := range f.columns.user[f.columns.from[x]:f.columns.from[x+1]] {
			scoreAxpy(row, f.weights[x]*f.marks.norm[u], users[int(u)*f.k:])
		}
		scoreAxpy(row, ridge, vectors[x*f.k:])
	})
}

// improve takes a few steps of conjugate gradients towards the ridge fit of the places of users.
func (f *markFit) improve(ctx context.Context, users []float32) error {
	left := make([]float32, len(users))
	if err := f.places(ctx, left, f.vectors); err != nil {
		return err
	}
	for i := range left {
		left[i] = users[i] - left[i]
	}
	r, q := make([]float32, len(f.vectors)), make([]float32, len(f.vectors))
	if err := f.gather(ctx, r, left, f.vectors, -markRidge); err != nil {
		return err
	}
	p := append([]float32(nil), r...)
	rr := scoreSquares(r, r)
	for range markCGSteps {
		if err := f.places(ctx, left, p); err != nil {
			return err
		}
		if err := f.gather(ctx, q, left, p, markRidge); err != nil {
			return err
		}
		pq := scoreSquares(p, q)
		if pq <= 0 || rr == 0 {
			return nil
		}
		step := float32(rr / pq)
		scoreAxpy(f.vectors, step, p)
		scoreAxpy(r, -step, q)
		next := scoreSquares(r, r)
		for i := range p {
			p[i] = r[i] + float32(next/rr)*p[i]
		}
		rr = next
	}
	return nil
}

// scoreAxpy adds a x to y.
func scoreAxpy(y []float32, a float32, x []float32) {
	x = x[:len(y)]
	for i := range y {
		y[i] += a * x[i]
	}
}

// scoreSquares is [scoreDot] for long vectors.
func scoreSquares(a, b []float32) float64 {
	sum := 0.0
	for i, x := range a {
		sum += float64(x) * float64(b[i])
	}
	return sum
}
