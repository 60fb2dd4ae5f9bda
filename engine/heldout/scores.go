package heldout

import (
	"cmp"
	"math"
	"slices"
	"time"

	"reko.moe/engine"
)

// Predictor predicts the scores that the user of a fold-in would give anime; 0 where it knows nothing.
type Predictor func(c *Case, anime []*engine.Anime) []float64

// ScoreRow is how well a predictor did on all scores that were held out.
type ScoreRow struct {
	Predictor string  `json:"predictor"`
	RMSE      float64 `json:"rmse"`
	MAE       float64 `json:"mae"`
	Spearman  Mean    `json:"spearman"` // rank correlation within a user, over users with 5 scores or more
	Scores    int     `json:"scores"`
	Unknown   int     `json:"unknown"` // of these, how many were not predicted: they count as the anime's mean
	Took      Mean    `json:"ms_per_user"`
}

// leastRanked is how many scores a user needs for a rank correlation.
const leastRanked = 5

// Scores judges a predictor on the held-out watched entries that have a score and whose anime has a mean.
func (g *Ground) Scores(name string, predict Predictor, cases []Case) ScoreRow {
	row := ScoreRow{Predictor: name}
	squares, absolute := 0.0, 0.0
	var ranks, took []float64
	for i := range cases {
		var anime []*engine.Anime
		var scores []float64
		for k := range cases[i].HeldOut {
			e := &cases[i].HeldOut[k]
			if a := g.Catalogue.Anime(e.Anime); e.Score > 0 && a != nil && a.HasMean() {
				anime, scores = append(anime, a), append(scores, float64(e.Score))
			}
		}
		start := time.Now()
		guesses := predict(&cases[i], anime)
		took = append(took, float64(time.Since(start).Microseconds())/1000)
		for k, guess := range guesses {
			if guess == 0 {
				row.Unknown++
				guess = anime[k].Mean
				guesses[k] = guess
			}
			squares += (guess - scores[k]) * (guess - scores[k])
			absolute += math.Abs(guess - scores[k])
			row.Scores++
		}
		if len(scores) >= leastRanked {
			ranks = append(ranks, Spearman(guesses, scores))
		}
	}
	n := max(float64(row.Scores), 1)
	row.RMSE, row.MAE = math.Sqrt(squares/n), absolute/n
	row.Spearman, row.Took = meanOf(ranks), meanOf(took)
	return row
}

// Spearman is the correlation of ranks, ties having their mean rank. It is missing, which is NaN, when either has one value only.
func Spearman(a, b []float64) float64 { return pearson(ranksOf(a), ranksOf(b)) }

func ranksOf(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	ranks := make([]float64, len(values))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && values[order[to]] == values[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			ranks[i] = float64(from+to-1) / 2
		}
		from = to
	}
	return ranks
}

func pearson(a, b []float64) float64 {
	ma, mb := meanOf(a).Mean, meanOf(b).Mean
	ab, aa, bb := 0.0, 0.0, 0.0
	for i := range a {
		ab += (a[i] - ma) * (b[i] - mb)
		aa += (a[i] - ma) * (a[i] - ma)
		bb += (b[i] - mb) * (b[i] - mb)
	}
	if aa == 0 || bb == 0 {
		return math.NaN()
	}
	return ab / math.Sqrt(aa*bb)
}
