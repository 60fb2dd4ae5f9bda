package model

import (
	"context"
	"math"

	"reko.moe/engine"
)

// What the blend leaves is foreseen by a forest: a ridge fit cannot tell that a predictor is worth more here than there. It learns from the
// lists that were set apart, each of whose scores is hidden once.

// The features of a prediction. Their numbers are part of the stored form. Deviations are in units of the user's spread, but for those of the
// predictors and of the blend.
const (
	scoreNear = iota // the predictors
	scoreFactor
	scoreListed
	scoreTaste
	scoreBase // and what comes of them
	scoreBlended
	scorePredicted
	scoreBias // of the anime, and how many scored it
	scoreRaters
	scoreMean // the anime's own
	scoreMembers
	scoreYear
	scoreType
	scoreEpisodes
	scoreGenerosity // how the user differs from others
	scoreSlope
	scoreSpread
	scoreUsers // how many scores there are
	scoreUserMean
	scoreDeviation
	scoreSkew
	scoreTop     // the highest score given
	scoreBelow   // how far the prediction is above it
	scoreTens    // share of scores of 10
	scoreWatched // how much the user watched, and which share of it was scored
	scoreShare
	scorePlans // planned entries, for each that was watched
	scoreLeft  // the same of those on hold and dropped
	scoreSupport
	scoreNearby // scored anime near this one; the nearest
	scoreNearest
	scoreNearestBy
	scoreApart       // how much those near it disagree
	scoreUnsure      // variance of what the factors say
	scoreRelated     // how many of its relations are scored, and how
	scoreRelatedMean //
	scoreSequels     // sequels and prequels alone
	scoreSides       // all others
	scoreUnscored    // relations on the list without a score
	scoreUnliked     // relations that are on hold or dropped

	scoreFeatures
)

// scoreHabits are what a list says of how its user scores, beside the fit.
type scoreHabits struct {
	watched, planned, left float64 // entries
	mean, deviation, skew  float64 // of the scores of what was not dropped
	top, tens, scored      float64 // the highest, how many are 10, how many there are
}

// read adds up a list.
func (h *scoreHabits) read(l engine.List) {
	var squares, cubes float64
	for i := range l {
		e := &l[i]
		switch {
		case e.Watched():
			h.watched++
		case e.Status == engine.Planned:
			h.planned++
		default:
			h.left++
		}
		if e.Score == 0 || e.Status == engine.Dropped {
			continue
		}
		v := float64(e.Score)
		h.scored++
		h.mean += v
		squares += v * v
		cubes += v * v * v
		h.top = max(h.top, v)
		if e.Score == engine.MaxScore {
			h.tens++
		}
	}
	n := max(h.scored, 1)
	h.mean /= n
	variance := max(squares/n-h.mean*h.mean, 0)
	h.deviation = math.Sqrt(variance)
	third := cubes/n - 3*h.mean*squares/n + 2*h.mean*h.mean*h.mean
	h.skew = third / (variance*h.deviation + 0.1)
}

// describe writes the features of a prediction, of which the blend says that the score deviates from the base by so much.
func (f *Scorer) describe(seat int, near *nearness, blended float64, predictors *[blendFeatures]float64, x *features) {
	s, h := f.scores, &f.habits
	set := func(feature int, value float64) { x[feature] = ordinal(float32(value)) }
	base := s.base(&f.fit, float64(s.bias[seat]))
	set(scoreNear, predictors[1])
	set(scoreFactor, predictors[2])
	set(scoreListed, predictors[3])
	set(scoreTaste, predictors[4])
	set(scoreBase, base)
	set(scoreBlended, blended)
	set(scorePredicted, base+blended)
	set(scoreBias, float64(s.bias[seat]))
	set(scoreRaters, float64(s.raters[seat]))
	set(scoreGenerosity, f.fit.generosity)
	set(scoreSlope, f.fit.slope)
	set(scoreSpread, f.fit.spread)
	set(scoreUsers, math.Log1p(f.fit.count))
	set(scoreUserMean, h.mean)
	set(scoreDeviation, h.deviation)
	set(scoreSkew, h.skew)
	set(scoreTop, h.top)
	set(scoreBelow, base+blended-h.top)
	set(scoreTens, h.tens/max(h.scored, 1))
	set(scoreWatched, math.Log1p(h.watched))
	set(scoreShare, h.scored/max(h.watched, 1))
	set(scorePlans, h.planned/(h.watched+5))
	set(scoreLeft, h.left/(h.watched+5))
	set(scoreSupport, near.support)
	set(scoreNearby, near.count)
	set(scoreNearest, near.nearest)
	set(scoreNearestBy, near.by)
	set(scoreApart, near.apart)
	set(scoreUnsure, f.sure.variance(s.factors.vector(seat)))
	a := f.catalogue.Anime(s.ids[seat])
	if a == nil {
		a = &engine.Anime{}
	}
	set(scoreMean, a.Mean)
	set(scoreMembers, sizeOf(a))
	set(scoreYear, yearOf(a))
	set(scoreType, float64(typeOf(a)))
	set(scoreEpisodes, float64(min(a.Episodes, 100)))
	f.describeRelated(a, set)
}

// describeRelated writes how the user scored what is related to an anime.
func (f *Scorer) describeRelated(a *engine.Anime, set func(feature int, value float64)) {
	const little = 0.5 // relations at nothing special that each mean begins with
	var sequels, sides, sequelSum, sideSum, unscored, unliked float64
	for i := range a.Relations {
		r := &a.Relations[i]
		seat := f.scores.seatOf(r.ID)
		if seat < 0 || f.standing[seat] == notListed {
			continue
		}
		if f.standing[seat] == isLeft {
			unliked++
		}
		d := float64(f.deviation[seat])
		switch {
		case d == 0:
			unscored++
		case r.Type == "sequel" || r.Type == "prequel":
			sequels++
			sequelSum += d
		default:
			sides++
			sideSum += d
		}
	}
	set(scoreRelated, sequels+sides)
	set(scoreRelatedMean, (sequelSum+sideSum)/(sequels+sides+little))
	set(scoreSequels, sequelSum/(sequels+little))
	set(scoreSides, sideSum/(sides+little))
	set(scoreUnscored, unscored)
	set(scoreUnliked, unliked)
}

// correct grows the forest from what the blend leaves of the lists that were set apart.
func (t *scoreTraining) correct(ctx context.Context) error {
	type part struct {
		rows [][scoreFeatures]float32
		left []float32
	}
	parts := make([]part, len(t.apart))
	err := parallel(ctx, len(t.apart), func(i int) {
		p := &parts[i]
		for hidden := range blendHidden {
			t.foresee(i, hidden, func(f *Scorer, seat int, above float64) {
				predictors, near := f.predictors(seat)
				blended := f.scores.blended(&predictors)
				var x features
				f.describe(seat, &near, blended, &predictors, &x)
				var row [scoreFeatures]float32
				for k := range row {
					row[k] = fromOrdinal(x[k])
				}
				p.rows = append(p.rows, row)
				p.left = append(p.left, float32(above-blended))
			})
		}
	})
	if err != nil {
		return err
	}
	var all part
	for _, p := range parts {
		all.rows, all.left = append(all.rows, p.rows...), append(all.left, p.left...)
	}
	if len(all.rows) < t.options.Enough {
		return nil
	}
	table, err := newTable(ctx, len(all.rows), scoreFeatures, func(f int, into []float32) {
		for r := range into {
			into[r] = all.rows[r][f]
		}
	})
	if err != nil {
		return err
	}
	weights := make([]float32, len(all.rows))
	for r := range weights {
		weights[r] = 1
	}
	t.scores.forest, err = grow(ctx, table, squared, all.left, weights, nil, t.options.Forest)
	return err
}
