package engine

import "math"

// The search for similar profiles, see [Engine.RecommendAlike].
const (
	MaxAlike    = 8  // users that are found at most
	MaxPassages = 10 // searches, each less accurate than the one before

	enoughAlike  = 5 // users with which a search is content
	lessAccurate = 2 // by which the accuracy falls from one passage to the next
	widest       = 50
	crowdedness  = 250_000 // users that are so many that accuracy alone decides
)

// groupFactor says how much more than in general the values of a statistic may differ.
func groupFactor(stat int) float64 {
	if stat == General {
		return 1
	}
	switch Statistics[stat].Kind {
	case Decade, AgeRating, Length:
		return 3
	case MajorGenre, MajorTheme, Demographic:
		return 4
	}
	return 8
}

// valueFactor says how much more than a share a measure may differ.
func valueFactor(m Measure) float64 {
	switch m {
	case Share:
		return 1
	case MeanScore:
		return 2.5
	}
	return 8
}

// tolerances says how far the ranks of each value may be apart, among so many users. What may differ by more than half of all
// users is left out: infinite.
func tolerances(users int, accuracy float64) *values {
	base := crowdedness/float64(users) + 100 - accuracy
	t := new(values)
	for s := range t {
		for m := range t[s] {
			percent := base * groupFactor(s) * valueFactor(Measure(m))
			if percent > widest {
				percent = math.Inf(1)
			}
			t[s][m] = percent / 100
		}
	}
	return t
}

// within tells whether no value of a profile stands farther from r than its tolerance. What one of them lacks has no say.
func (p *Population) within(r *Ranks, of *Profile, tolerances *values) bool {
	for s := range tolerances {
		for m, most := range tolerances[s] {
			if most > 1 {
				continue
			}
			if math.Abs(r.values[s][m]-p.spreads[s][m].cumulative(of.values[s][m])) > most {
				return false
			}
		}
	}
	return true
}

// Affinity says how much alike two profiles are: 100 less the mean difference of their ranks in percent, over all values that
// both have. With none in common it is 0.
func Affinity(a, b *Ranks) float64 {
	sum, n := 0.0, 0
	for s := range a.values {
		for m, v := range a.values[s] {
			if d := math.Abs(v - b.values[s][m]); !math.IsNaN(d) {
				sum += d
				n++
			}
		}
	}
	if n == 0 {
		return 0
	}
	return 100 - 100*sum/float64(n)
}

// pointsPerScore is how much less an anime is enjoyed for each point that its mean is below those that the user watches: the
// one scale runs to 100, the other to 10.
const pointsPerScore = 10

// ExpectedEnjoyment says how much the user of a profile can be expected to enjoy an anime, 0..100. It is 50 + the mean, over
// the anime's decade, rating, length and the mean of its genres, themes and demographic, of (rank of the user's share - 0.5)
// * 100; and less where the anime's mean is below the mean of what the user has on the list.
func ExpectedEnjoyment(p *Profile, r *Ranks, a *Anime) float64 {
	var parts, genres sum
	for _, s := range StatisticsOf(a) {
		v := r.values[s][Share]
		if Statistics[s].Genre != 0 {
			genres.add(v)
		} else {
			parts.add(v)
		}
	}
	parts.add(genres.mean())
	enjoyment := 50.0
	if share := parts.mean(); !math.IsNaN(share) {
		enjoyment += (share - 0.5) * 100
	}
	if below := p.values[General][MeanScore] - a.Mean; a.HasMean() && below > 0 {
		enjoyment -= below * pointsPerScore
	}
	return min(max(enjoyment, 0), 100)
}

// ExpectedScore predicts how the user of a profile would score an anime that has a mean: that mean, and the mean of the user's
// deviations on the anime's statistics; 1..10, to two decimals. Where there is an item model its prediction stands in its place.
func ExpectedScore(p *Profile, a *Anime) float64 {
	var deviations sum
	for _, s := range StatisticsOf(a) {
		deviations.add(p.values[s][ScoreDeviation])
	}
	score := a.Mean
	if d := deviations.mean(); !math.IsNaN(d) {
		score += d
	}
	return math.Round(min(max(score, 1), MaxScore)*100) / 100
}

// sum adds up numbers that are not missing.
type sum struct {
	of float64
	n  int
}

func (s *sum) add(v float64) {
	if !math.IsNaN(v) {
		s.of += v
		s.n++
	}
}

// mean is missing when there are no numbers.
func (s *sum) mean() float64 { return ratio(s.of, int32(s.n)) }
