package model

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"reko.moe/engine"
)

// The predictors are blended by a ridge fit on the lists that were set apart: part of what they watched is held out and is foreseen
// from the rest.

const (
	blendRidge  = 3
	blendLeast  = 20 // watched entries of a list that is used
	blendHidden = 5  // parts of what is watched, of which one is held out
)

// blend fits the weights of the predictors.
func (t *scoreTraining) blend(ctx context.Context) error {
	const n = blendFeatures
	type sums struct{ a, b [n * n]float64 }
	parts := make([]sums, len(t.apart))
	err := parallel(ctx, len(t.apart), func(i int) {
		p := &parts[i]
		t.foresee(i, 0, func(f *Scorer, seat int, above float64) {
			x, _ := f.predictors(seat)
			for r := range n {
				for c := range n {
					p.a[r*n+c] += x[r] * x[c]
				}
				p.b[r] += x[r] * above
			}
		})
	})
	if err != nil {
		return err
	}
	var all sums
	for i := range parts {
		for j, v := range parts[i].a {
			all.a[j] += v
		}
		for j, v := range parts[i].b[:n] {
			all.b[j] += v
		}
	}
	if all.a[0] == 0 { // nobody: the neighbours alone, as they are
		t.scores.weights = [n]float64{1: 1}
		return nil
	}
	p := posterior{k: n, l: make([]float64, packedSize(n))}
	at := 0
	for r := range n {
		for c := range r {
			p.l[at] = all.a[r*n+c]
			at++
		}
		p.l[at] = all.a[r*n+r] + blendRidge
		at++
	}
	p.factorise()
	var x [n]float64
	copy(x[:], all.b[:n])
	p.solve64(x[:])
	t.scores.weights = x
	return nil
}

// foresee hides a part of a list that was set apart, folds in the rest, and tells by how much each hidden score is above the base.
func (t *scoreTraining) foresee(list, part int, tell func(f *Scorer, seat int, above float64)) {
	seen, hidden := hide(t.apart[list], uint64(list), part)
	if len(hidden) == 0 {
		return
	}
	f := t.scores.For(seen, t.catalogue)
	for h := range hidden {
		e := &hidden[h]
		if seat := t.scores.seatOf(e.Anime); seat >= 0 && e.Score > 0 {
			tell(f, seat, float64(e.Score)-t.scores.base(&f.fit, float64(t.scores.bias[seat])))
		}
	}
}

// hide splits a list into what is seen and a part of what was watched, of blendHidden. Which, is drawn by the list's number and the anime, so
// that it is the same each time.
func hide(l engine.List, number uint64, part int) (seen, hidden engine.List) {
	if l.Watched() < blendLeast {
		return l, nil
	}
	type drawn struct {
		key uint64
		at  int
	}
	var draws []drawn
	for i := range l {
		if l[i].Watched() {
			draws = append(draws, drawn{mixed(number, uint64(l[i].Anime)), i})
		}
	}
	slices.SortFunc(draws, func(a, b drawn) int { return cmp.Compare(a.key, b.key) })
	out := make([]bool, len(l))
	size := len(draws) / blendHidden
	for _, d := range draws[part*size : (part+1)*size] {
		out[d.at] = true
	}
	for i := range l {
		if out[i] {
			hidden = append(hidden, l[i])
		} else {
			seen = append(seen, l[i])
		}
	}
	return seen, hidden
}

// learn fits everything but the blend to ratings.
func (t *scoreTraining) learn(ctx context.Context, r *scoreRatings) error {
	s := t.scores
	s.fitBias(r)
	s.deviate(r)
	columns := r.transposed(len(s.ids))
	if err := t.nearest(ctx, r, &columns); err != nil {
		return fmt.Errorf("finding near anime: %w", err)
	}
	if err := t.factorise(ctx, r, &columns); err != nil {
		return fmt.Errorf("fitting factors: %w", err)
	}
	return nil
}
