package model

import "reko.moe/engine"

// What a user makes of each statistic of anime (genres, decades, lengths ...) is a ridge fit of the deviations on them, which a
// few steps of conjugate gradients come near enough to: they stop early, which is a ridge, too.

const (
	tasteRidge = 40
	tasteSteps = 6
)

// fitTaste fits f.taste to the deviations of the scored anime.
func (f *Scorer) fitTaste(scored []int32) {
	traits := f.scores.traits
	var x, r, p, q [engine.General]float32
	for _, seat := range scored {
		for _, stat := range traits[seat] {
			r[stat] += f.deviation[seat]
		}
	}
	p = r
	rr := scoreDot(r[:], r[:])
	for range tasteSteps {
		for i := range q {
			q[i] = tasteRidge * p[i]
		}
		for _, seat := range scored {
			var sum float32
			for _, stat := range traits[seat] {
				sum += p[stat]
			}
			for _, stat := range traits[seat] {
				q[stat] += sum
			}
		}
		pq := scoreDot(p[:], q[:])
		if pq <= 0 {
			break
		}
		step := rr / pq
		for i := range x {
			x[i] += step * p[i]
			r[i] -= step * q[i]
		}
		next := scoreDot(r[:], r[:])
		for i := range p {
			p[i] = r[i] + next/rr*p[i]
		}
		if rr = next; rr == 0 {
			break
		}
	}
	f.taste = x
}
