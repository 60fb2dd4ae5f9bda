package model

import (
	"math"

	"reko.moe/engine"
)

// Weights say how much the entries of a list count as inputs.
type Weights struct {
	Score   float64 // how much a watched entry's score moves its weight of 1, for each standard deviation of the user's scores
	Planned float64
	OnHold  float64
	Dropped float64
}

// leastWeight and leastDeviation bound the weight of a watched entry, and what a user's scores are divided by.
const (
	leastWeight    = 0.1
	leastDeviation = 0.8
)

// scale is how a user gives scores: their mean and standard deviation over the watched and scored entries.
type scale struct{ mean, deviation float64 }

func scaleOf(l engine.List) scale {
	n, sum, squares := 0, 0, 0
	for i := range l {
		if s := int(l[i].Score); s > 0 && l[i].Watched() {
			n++
			sum += s
			squares += s * s
		}
	}
	if n == 0 {
		return scale{0, leastDeviation}
	}
	mean := float64(sum) / float64(n)
	return scale{mean, max(leastDeviation, math.Sqrt(max(0, float64(squares)/float64(n)-mean*mean)))}
}

// of is the weight of an entry as an input; 0: it is none.
func (w *Weights) of(e *engine.Entry, s scale) float64 {
	switch {
	case e.Watched():
		if e.Score == 0 {
			return 1
		}
		return max(leastWeight, 1+w.Score*(float64(e.Score)-s.mean)/s.deviation)
	case e.Status == engine.Planned:
		return w.Planned
	case e.Status == engine.OnHold:
		return w.OnHold
	case e.Status == engine.Dropped:
		return w.Dropped
	}
	return 0
}
