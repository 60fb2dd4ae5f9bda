package model

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// Anime that the same users score above, or below, what was foreseen are near each other. What users scored near an anime
// speaks for it with the cube of the correlation, shrunk by how few scored both.

const (
	nearShrink = 100  // common raters of which a correlation is worth half
	nearPrior  = 0.02 // weight of nothing special, beside that of the neighbours
)

// scorePair gathers the correlation of two anime over those who scored both.
type scorePair struct {
	n      float32
	xy     float32
	xx, yy float32
}

// correlation is shrunk towards 0, and 0 when it is negative.
func (p *scorePair) correlation() float32 {
	if p.xy <= 0 || p.xx <= 0 || p.yy <= 0 {
		return 0
	}
	return p.xy / float32(math.Sqrt(float64(p.xx)*float64(p.yy))) * p.n / (p.n + nearShrink)
}

// scoreNeighbour is an anime near another one.
type scoreNeighbour struct {
	seat        uint16
	correlation float32
}

// scoreNeighbours are the neighbours of each anime, in order of seats: three bytes for each of a million. Correlations are rounded to steps
// of a 255th of the anime's largest, and not their cubes, of which most would become nothing.
type scoreNeighbours struct {
	from  []int32   // by seat: where its neighbours begin; and the end of the last
	scale []float32 // by seat: a step
	seats []uint16
	steps []uint8
}

// newScoreNeighbours has room for those of n anime, so many in all.
func newScoreNeighbours(n, all int) scoreNeighbours {
	return scoreNeighbours{make([]int32, 1, n+1), make([]float32, 0, n), make([]uint16, 0, all), make([]uint8, 0, all)}
}

// of returns the neighbours of an anime, and how many steps their correlations are.
func (s *scoreNeighbours) of(seat int) (seats []uint16, steps []uint8, scale float32) {
	from, to := s.from[seat], s.from[seat+1]
	return s.seats[from:to], s.steps[from:to], s.scale[seat]
}

// add adds those of the next anime.
func (s *scoreNeighbours) add(near []scoreNeighbour) {
	var largest float32
	for _, n := range near {
		largest = max(largest, n.correlation)
	}
	for _, n := range near {
		s.seats = append(s.seats, n.seat)
		s.steps = append(s.steps, uint8(max(1, math.Round(float64(n.correlation/largest*math.MaxUint8)))))
	}
	s.end(largest / math.MaxUint8)
}

// end ends those of an anime.
func (s *scoreNeighbours) end(scale float32) {
	s.from, s.scale = append(s.from, int32(len(s.seats))), append(s.scale, scale)
}

// nearest finds the anime near each one. It looks at one after the other: all pairs of one fit into the processor's cache, and
// those of all never have to be in memory.
func (t *scoreTraining) nearest(ctx context.Context, r *scoreRatings, columns *scoreColumns) error {
	n := len(t.scores.ids)
	near := make([][]scoreNeighbour, n)
	rows := make(chan []scorePair, 64)
	err := parallel(ctx, n, func(i int) {
		var row []scorePair
		select {
		case row = <-rows:
			clear(row)
		default:
			row = make([]scorePair, n)
		}
		for k := columns.from[i]; k < columns.from[i+1]; k++ {
			u := columns.user[k]
			x := r.value[columns.at[k]]
			xx := x * x
			from, to := r.from[u], r.from[u+1]
			seats, values := r.seat[from:to], r.value[from:to]
			for m, j := range seats {
				y := values[m]
				p := &row[j]
				p.n++
				p.xy += x * y
				p.xx += xx
				p.yy += y * y
			}
		}
		near[i] = strongest(row, i, t.options.Near)
		select {
		case rows <- row:
		default:
		}
	})
	all := 0
	for _, row := range near {
		all += len(row)
	}
	t.scores.near = newScoreNeighbours(n, all)
	for _, row := range near {
		t.scores.near.add(row)
	}
	return err
}

// strongest returns the kept neighbours of i, in order of seats.
func strongest(row []scorePair, i, kept int) []scoreNeighbour {
	var near []scoreNeighbour
	for j := range row {
		if c := row[j].correlation(); c > 0 && j != i {
			near = append(near, scoreNeighbour{uint16(j), c})
		}
	}
	if len(near) > kept {
		slices.SortFunc(near, func(a, b scoreNeighbour) int {
			return cmp.Or(cmp.Compare(b.correlation, a.correlation), cmp.Compare(a.seat, b.seat))
		})
		near = slices.Clone(near[:kept])
		slices.SortFunc(near, func(a, b scoreNeighbour) int { return cmp.Compare(a.seat, b.seat) })
	}
	return near
}
