package model

import (
	"math"

	"reko.moe/engine"
)

// The base: a score is foreseen as g + a + (1 + t) b, with g the mean of all scores, b how much better the anime is scored than
// most, and a and t the user's own: how generous, and how much is made of differences. What a user dropped is scored low because it was
// dropped; that says little of how the user scores, or the anime is scored, by those who go on watching. So scores of dropped anime are left
// out here, and as deviations count from a lower base.

// The constants of the base.
const (
	biasRounds    = 6  // to tell the generosity of users from the quality of anime
	biasUserRidge = 1  // scores of nothing special that a user is thought to have given
	biasPrior     = 5  // scores at the value foreseen from its mean that an anime is thought to have
	fitRidge      = 1  // of a
	fitSlopeRidge = 10 // of t
	spreadPrior   = 5  // deviations of the usual size that a user is thought to have

	droppedPart = 0.7 // of how far below the base dropped anime are scored that every dropped one is
	farthest    = 2.5 // spreads that a deviation counts for at most
)

// fitBias sets the mean of all scores, the line and the biases of s.
func (s *Scores) fitBias(r *scoreRatings) {
	sum, count := 0.0, 0
	for k, v := range r.value {
		if !r.dropped[k] {
			sum += float64(v)
			count++
		}
	}
	s.general = sum / float64(count)
	s.line = lineThrough(len(r.seat), func(i int) (x, y float64, ok bool) {
		mean := s.means[r.seat[i]]
		return mean, float64(r.value[i]) - s.general, mean > 0
	})
	n := len(s.ids)
	prior, bias, raters := make([]float64, n), make([]float64, n), make([]float64, n)
	for i, mean := range s.means {
		prior[i] = s.biasAt(mean)
		bias[i] = prior[i]
	}
	for k, i := range r.seat {
		if !r.dropped[k] {
			raters[i]++
		}
	}
	above := make([]float64, n)
	for range biasRounds {
		clear(above)
		for u := range r.users() {
			row, values := r.seat[r.from[u]:r.from[u+1]], r.value[r.from[u]:r.from[u+1]]
			dropped := r.dropped[r.from[u]:r.from[u+1]]
			sum, n := 0.0, 0
			for k, i := range row {
				if !dropped[k] {
					sum += float64(values[k]) - s.general - bias[i]
					n++
				}
			}
			generosity := sum / float64(n+biasUserRidge)
			for k, i := range row {
				if !dropped[k] {
					above[i] += float64(values[k]) - s.general - generosity
				}
			}
		}
		for i := range bias {
			bias[i] = (above[i] + biasPrior*prior[i]) / (raters[i] + biasPrior)
		}
	}
	for i := range bias {
		s.bias[i] = float32(bias[i])
		s.raters[i] = float32(math.Log1p(raters[i]))
	}
}

// scoreFit is what is a user's own about the base.
type scoreFit struct {
	count      float64 // of scores
	generosity float64 // a
	slope      float64 // t
	spread     float64 // of the deviations from the base
}

// scoreSums gathers a [scoreFit].
type scoreSums struct{ n, x, xx, y, xy float64 }

// add adds a score y above g of an anime of bias x.
func (m *scoreSums) add(x, y float64) {
	y -= x
	m.n++
	m.x, m.xx, m.y, m.xy = m.x+x, m.xx+x*x, m.y+y, m.xy+x*y
}

// fit solves for a and t.
func (m *scoreSums) fit() scoreFit {
	n, xx := m.n+fitRidge, m.xx+fitSlopeRidge
	det := n*xx - m.x*m.x
	return scoreFit{count: m.n, generosity: (m.y*xx - m.x*m.xy) / det, slope: (n*m.xy - m.x*m.y) / det}
}

// spreadOf returns the spread of n deviations whose squares add up to that, when usual is the usual one.
func spreadOf(squares, n, usual float64) float64 {
	return math.Sqrt((squares + spreadPrior*usual*usual) / (n + spreadPrior))
}

// deviate turns scores into deviations from the base in units of the user's spread.
func (s *Scores) deviate(r *scoreRatings) {
	fits := make([]scoreFit, r.users())
	var total, below, drops float64
	for u := range fits {
		var sums scoreSums
		row, values := r.seat[r.from[u]:r.from[u+1]], r.value[r.from[u]:r.from[u+1]]
		dropped := r.dropped[r.from[u]:r.from[u+1]]
		for k, i := range row {
			if !dropped[k] {
				sums.add(float64(s.bias[i]), float64(values[k])-s.general)
			}
		}
		fits[u] = sums.fit()
		for k, i := range row {
			values[k] -= float32(s.base(&fits[u], float64(s.bias[i])))
			if dropped[k] {
				below += float64(values[k])
				drops++
			} else {
				fits[u].spread += float64(values[k]) * float64(values[k])
			}
		}
		total += fits[u].spread
	}
	if drops > 0 {
		s.dropped = droppedPart * below / drops
	}
	for k := range r.value {
		if r.dropped[k] {
			r.value[k] -= float32(s.dropped)
		}
	}
	s.spread = max(math.Sqrt(total/(float64(len(r.seat))-drops)), 0.1)
	for u := range fits {
		spread := float32(spreadOf(fits[u].spread, fits[u].count, s.spread))
		values := r.value[r.from[u]:r.from[u+1]]
		for k := range values {
			values[k] = min(max(values[k]/spread, -farthest), farthest)
		}
	}
}

// base returns what is foreseen for an anime of that bias.
func (s *Scores) base(f *scoreFit, bias float64) float64 {
	return s.general + f.generosity + (1+f.slope)*bias
}

// biasOf returns the bias of an anime that was not learnt; ok is false when nothing is known of it.
func (s *Scores) biasOf(a *engine.Anime) (bias float64, ok bool) {
	if a == nil || !a.HasMean() {
		return 0, false
	}
	return s.biasAt(a.Mean), true
}

// biasAt returns the bias of an anime with that mean, and that of a usual one when it has none.
func (s *Scores) biasAt(mean float64) float64 {
	if mean > 0 {
		return s.line.at(mean)
	}
	return 0
}
