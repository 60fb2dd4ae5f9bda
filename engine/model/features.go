package model

import (
	"math"

	"reko.moe/engine"
)

// The features by which candidates are compared. Their numbers are part of the stored form.
const (
	featSum        = iota // what the list says for it
	featMatch             // the same in standard deviations
	featLinear            // the same less the cost of popularity
	featRank              // logarithm of its rank by that
	featGap               // how far that is below the first
	featWatched           // what the watched entries alone say, in standard deviations
	featLiking            // what their scores add
	featPlanned           // what the planned entries add
	featLeft              // what those on hold and dropped add
	featPopularity        // facts of all lists
	featLiked
	featAnticipated
	featAbandoned
	featMembers // the anime's own
	featMean
	featEpisodes
	featYear
	featType
	featTraits // how the list's traits fit it
	featTraitsLiked
	featTypes
	featAfterMedian
	featAfterLate
	featAfterNewest
	featKnown         // how much more popular it is than what is on the list
	featSequelWatched // how many of its relations stand on the list, and how
	featSequelPlanned
	featSequelLeft
	featSideWatched
	featSidePlanned
	featSideLeft
	featVersionWatched
	featOtherWatched
	featEntries // the list's own
	featPlans
	featListKnown
	featScale
	featSpread
	featScored
	featStrongest // the strongest influence, the four strongest, how many there are, and all for and against it
	featFour
	featInfluences
	featFor
	featAgainst
	featStrong      // how many strong influences
	featUncommon    // what the watched entries say that not everybody has
	featSequelLiked // how its relations were liked
	featSideLiked
	featAhead // what the columns say that the list is likely to get; this and what follows are for newcomers
	featAlike // how alike it is to what is on the list, in their mean and as a cosine
	featCosine

	featureCount
)

// featuresOf describes a candidate.
func (f *fold) featuresOf(k *candidate, place int, best float64, x *features) {
	v := &f.viewer
	a := f.catalogue.Anime(k.id)
	set := func(feature int, value float64) { x[feature] = ordinal(float32(value)) }
	set(featSum, k.sum)
	set(featMatch, k.sum*f.unit)
	set(featLinear, k.linear)
	set(featRank, math.Log(float64(place+1)))
	set(featGap, best-k.linear)
	set(featWatched, k.parts[partWatched]*f.unit)
	set(featLiking, k.parts[partLiking]*f.unit)
	set(featPlanned, k.parts[partPlanned]*f.unit)
	set(featLeft, k.parts[partLeft]*f.unit)
	set(featPopularity, k.popularity)
	set(featLiked, k.facts.liked())
	set(featAnticipated, k.facts.anticipated())
	set(featAbandoned, k.facts.abandoned())
	set(featMembers, math.Log(max(1, float64(a.Members))))
	set(featMean, a.Mean)
	set(featEpisodes, float64(min(a.Episodes, 100)))
	look := f.seen.looks[a.ID]
	year := look.year()
	set(featYear, year)
	set(featType, float64(look.kind))
	traits, liked := 0.0, 0.0
	statistics := f.catalogue.Statistics(a.ID)
	for _, s := range statistics {
		traits += v.statistics[s]
		liked += v.liking[s]
	}
	n := max(float64(len(statistics)), 1)
	set(featTraits, traits/n)
	set(featTraitsLiked, liked/n)
	set(featTypes, v.types[look.kind])
	set(featAfterMedian, year-v.median)
	set(featAfterLate, year-v.late)
	set(featAfterNewest, year-v.newest)
	set(featKnown, k.popularity-v.known)
	f.relationsOf(a, x)
	set(featEntries, math.Log(v.watched+1))
	set(featPlans, math.Log(v.planned+1))
	set(featListKnown, v.known)
	set(featScale, v.scale.mean)
	set(featSpread, v.scale.deviation)
	set(featScored, v.scored/max(v.watched, 1))
	four := &k.strongest
	set(featStrongest, four[0].says*f.unit)
	set(featFour, (four[0].says+four[1].says+four[2].says+four[3].says)*f.unit)
	set(featInfluences, float64(k.influences))
	set(featFor, k.speaksFor*f.unit)
	set(featAgainst, k.speaksAgainst*f.unit)
	set(featStrong, float64(k.strong))
	set(featUncommon, k.uncommon*f.unit)
}

// related tells whether something related to a candidate is on the list.
func related(x *features) bool {
	for _, n := range x[featSequelWatched : featOtherWatched+1] {
		if n > ordinal(0) {
			return true
		}
	}
	return false
}

// relationsOf counts the anime related to a candidate by how they stand on the list.
func (f *fold) relationsOf(a *engine.Anime, x *features) {
	var counts [featureCount]int
	sequels, sides := 0.0, 0.0
	for _, r := range a.Relations {
		standing := f.viewer.standingOf(r.ID)
		if standing == notListed {
			continue
		}
		at := -1
		switch r.Type {
		case "sequel", "prequel":
			sequels += float64(f.viewer.likingOf(r.ID))
			at = featSequelWatched + int(standing-isWatched)
		case "side_story", "parent_story", "full_story", "summary":
			sides += float64(f.viewer.likingOf(r.ID))
			at = featSideWatched + int(standing-isWatched)
		case "alternative_version", "alternative_setting", "spin_off":
			if standing == isWatched {
				at = featVersionWatched
			}
		default:
			if standing == isWatched {
				at = featOtherWatched
			}
		}
		if at >= 0 {
			counts[at]++
		}
	}
	for at := featSequelWatched; at <= featOtherWatched; at++ {
		x[at] = ordinal(float32(counts[at]))
	}
	x[featSequelLiked], x[featSideLiked] = ordinal(float32(sequels)), ordinal(float32(sides))
}
