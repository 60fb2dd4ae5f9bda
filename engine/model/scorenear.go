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

// nearOf returns the neighbours of an anime, in order of seats.
func (s *Scores) nearOf(seat int) []scoreNeighbour {
	return s.near[s.nearFrom[seat]:s.nearFrom[seat+1]]
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
	t.scores.nearFrom = []int{0}
	for _, row := range near {
		t.scores.near = append(t.scores.near, row...)
		t.scores.nearFrom = append(t.scores.nearFrom, len(t.scores.near))
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
