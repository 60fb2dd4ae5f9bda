package model

import (
	"math"

	"reko.moe/engine"
)

// Scores foresees how users will score anime. It is immutable, hence safe for concurrent use. [TrainScores] makes one, or
// [UnpackScores].
type Scores struct {
	ids    []engine.AnimeID // of the anime that were learnt, by seat: most scored first
	seats  []int32          // by anime: its seat + 1
	means  []float64        // only while training
	bias   []float32        // by seat: how much better than most it is scored
	raters []float32        // by seat: logarithm of how many scored it, and 1
	traits [][]uint8        // by seat: numbers of its statistics

	general float64 // mean of all scores, but those of dropped anime
	dropped float64 // how far below the base dropped anime are scored just because they were dropped
	spread  float64 // usual spread of a user's deviations from the base
	line    line    // bias of what was not learnt

	near scoreNeighbours

	factors scoreFactors
	weights [blendFeatures]float64 // of the predictors
	forest  *forest                // what is added to the blend; nil: nothing
}

// newScores has the seats of what is to be learnt, and what the catalogue says of it.
func newScores(ids []engine.AnimeID, c *engine.Catalogue) *Scores {
	s := &Scores{
		ids: ids, means: make([]float64, len(ids)), traits: make([][]uint8, len(ids)),
		bias: make([]float32, len(ids)), raters: make([]float32, len(ids)),
	}
	for i, id := range ids {
		a := c.Anime(id)
		s.means[i] = a.Mean
		for _, stat := range engine.StatisticsOf(a) {
			s.traits[i] = append(s.traits[i], uint8(stat))
		}
	}
	s.index()
	return s
}

// index sets seats.
func (s *Scores) index() {
	top := engine.AnimeID(0)
	for _, id := range s.ids {
		top = max(top, id)
	}
	s.seats = make([]int32, top+1)
	for i, id := range s.ids {
		s.seats[id] = int32(i) + 1
	}
}

// seatOf returns the seat of an anime, -1 when it was not learnt.
func (s *Scores) seatOf(id engine.AnimeID) int {
	if uint(id) >= uint(len(s.seats)) {
		return -1
	}
	return int(s.seats[id]) - 1
}

// Scorer foresees the scores of one user. It is immutable, hence safe for concurrent use.
type Scorer struct {
	scores    *Scores
	catalogue *engine.Catalogue
	fit       scoreFit
	deviation []float32 // by seat, in spreads, of what the user scored; 0: unscored
	place     []float32 // among the factors
	prior     []float32 // the place that follows from what is on the list
	taste     [engine.General]float32
	habits    scoreHabits
	standing  []uint8 // by seat: how an anime stands on the list
	sure      *posterior
}

// never0 stands for a deviation of exactly nothing, 0 being no score.
const never0 = 1e-20

// For folds a list in. What it scored is compared with the biases of what was learnt and, for all other anime, with their mean
// scores in c.
func (s *Scores) For(l engine.List, c *engine.Catalogue) *Scorer {
	f := &Scorer{scores: s, catalogue: c, deviation: make([]float32, len(s.ids))}
	var sums scoreSums
	for i := range l {
		if b, ok := f.biasOf(&l[i]); ok && l[i].Status != engine.Dropped {
			sums.add(b, float64(l[i].Score)-s.general)
		}
	}
	f.fit = sums.fit()
	squares := 0.0
	scored := make([]int32, 0, int(sums.n))
	for i := range l {
		b, ok := f.biasOf(&l[i])
		if !ok {
			continue
		}
		d := float64(l[i].Score) - s.base(&f.fit, b)
		if l[i].Status != engine.Dropped {
			squares += d * d
		} else {
			d -= s.dropped
		}
		if seat := s.seatOf(l[i].Anime); seat >= 0 {
			scored = append(scored, int32(seat))
			f.deviation[seat] = float32(d)
		}
	}
	f.fit.spread = spreadOf(squares, sums.n, s.spread)
	for _, seat := range scored {
		d := &f.deviation[seat]
		*d = min(max(*d/float32(f.fit.spread), -farthest), farthest)
		if *d == 0 {
			*d = never0
		}
	}
	f.place, f.prior, f.sure = s.factors.fold(s, l, scored, f.deviation)
	f.fitTaste(scored)
	f.habits.read(l)
	f.standing = make([]uint8, len(s.ids))
	for i := range l {
		if seat := s.seatOf(l[i].Anime); seat >= 0 {
			f.standing[seat] = standingOf(&l[i])
		}
	}
	return f
}

// biasOf returns the bias of the anime of a scored entry.
func (f *Scorer) biasOf(e *engine.Entry) (bias float64, ok bool) {
	if e.Score == 0 {
		return 0, false
	}
	if seat := f.scores.seatOf(e.Anime); seat >= 0 {
		return float64(f.scores.bias[seat]), true
	}
	return f.scores.biasOf(f.catalogue.Anime(e.Anime))
}

// Predict returns the score, 1..10, that the user would give the anime; ok is false when nothing is known of it: it was not
// learnt and has no mean.
func (f *Scorer) Predict(id engine.AnimeID) (score float64, ok bool) {
	s := f.scores
	if seat := s.seatOf(id); seat >= 0 {
		x, near := f.predictors(seat)
		blended := s.blended(&x)
		score = s.base(&f.fit, float64(s.bias[seat])) + blended
		if s.forest != nil {
			var row [1]features
			var more [1]float32
			f.describe(seat, &near, blended, &x, &row[0])
			s.forest.values(row[:], more[:])
			score += float64(more[0])
		}
	} else {
		b, ok := s.biasOf(f.catalogue.Anime(id))
		if !ok {
			return 0, false
		}
		score = s.base(&f.fit, b)
	}
	return min(max(score, 1), engine.MaxScore), true
}

// nearness is what the user scored near an anime. Deviations are in spreads.
type nearness struct {
	deviation float64 // the mean, by the cubes of the correlations
	support   float64 // how far it can be relied upon: 0..1
	apart     float64 // variance around it
	count     float64
	nearest   float64 // deviation of the nearest
	by        float64 // its correlation
}

// neighbours looks at what the user scored near an anime.
func (f *Scorer) neighbours(seat int) nearness {
	var sum, weight, squares, nearest, by float32
	count := 0
	seats, steps, scale := f.scores.near.of(seat)
	for i, to := range seats {
		if d := f.deviation[to]; d != 0 {
			correlation := float32(steps[i]) * scale
			w := correlation * correlation * correlation
			sum += w * d
			weight += w
			squares += w * d * d
			count++
			if correlation > by {
				nearest, by = d, correlation
			}
		}
	}
	all := nearPrior + weight
	mean := float64(sum / all)
	return nearness{mean, float64(weight / all), float64(squares/all) - mean*mean, float64(count), float64(nearest), float64(by)}
}

// The predictors that are blended, see [Scorer.predictors].
const blendFeatures = 22

// blended returns what the predictors say, by their weights.
func (s *Scores) blended(predictors *[blendFeatures]float64) (sum float64) {
	for i, w := range s.weights {
		sum += w * predictors[i]
	}
	return sum
}

// predictors returns what may move the score of an anime away from the base, and what is near it.
func (f *Scorer) predictors(seat int) ([blendFeatures]float64, nearness) {
	s := f.scores
	spread, b := f.fit.spread, float64(s.bias[seat])
	around := f.neighbours(seat)
	near, support := around.deviation*spread, around.support
	vector := s.factors.vector(seat)
	factors := float64(scoreDot(f.place, vector)) * spread
	listed := float64(scoreDot(f.prior, vector)) * spread
	var taste float64
	for _, stat := range s.traits[seat] {
		taste += float64(f.taste[stat])
	}
	taste *= spread
	users, raters := math.Log1p(f.fit.count), float64(s.raters[seat])
	return [blendFeatures]float64{
		1, near, factors, listed, taste,
		b, f.fit.generosity, f.fit.slope * b, spread, raters, users,
		support, support * near, support * factors,
		near * spread, near * users, near * raters, factors * users, factors * raters,
		b * users, b * spread, f.fit.generosity * spread,
	}, around
}

// scoreDot returns the inner product of two vectors of the same length.
func scoreDot(a, b []float32) float32 {
	b = b[:len(a)]
	var sum float32
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}
