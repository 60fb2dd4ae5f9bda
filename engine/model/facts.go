package model

import (
	"math"

	"reko.moe/engine"
)

// facts are what is known of an anime from all lists that were learnt from. Numbers of lists are floats, since those of anime that
// were not learnt are estimates.
type facts struct {
	watchers float32 // who watched it
	scored   float32 // who gave it a score too
	liking   float32 // sum of these scores, each in the user's standard deviations from the user's mean
	planned  float32 // who plan to watch it
	dropped  float32 // who dropped it
}

// add counts an entry of a list with that scale, times times: -1 takes one out that was counted.
func (f *facts) add(e *engine.Entry, s scale, times float32) {
	switch {
	case e.Watched():
		f.watchers += times
		if e.Score > 0 {
			f.scored += times
			f.liking += times * float32(s.of(e))
		}
	case e.Status == engine.Planned:
		f.planned += times
	case e.Status == engine.Dropped:
		f.dropped += times
	}
}

// farthestBelow bounds how much one low score says, in standard deviations.
const farthestBelow = 3

// of is how far an entry's score is from the user's mean, in standard deviations; 0 for an entry without a score.
func (s scale) of(e *engine.Entry) float64 {
	if e.Score == 0 {
		return 0
	}
	return max((float64(e.Score)-s.mean)/s.deviation, -farthestBelow)
}

// popularity is the natural logarithm of the number of watchers, of whom there is one at least.
func (f *facts) popularity() float64 { return math.Log(max(1, float64(f.watchers))) }

// liked is how much it is liked: the mean of liking, less where few gave a score.
func (f *facts) liked() float64 { return float64(f.liking) / (float64(f.scored) + 10) }

// anticipated compares those who plan to watch it with those who did.
func (f *facts) anticipated() float64 {
	return math.Log((float64(f.planned) + 1) / (float64(f.watchers) + 1))
}

// abandoned is the share of those who began it that dropped it.
func (f *facts) abandoned() float64 {
	return (float64(f.dropped) + 1) / (float64(f.watchers) + float64(f.dropped) + 20)
}

// backdrop is what all lists that were learnt from have in common: the shares of watched entries that have a trait.
type backdrop struct {
	statistics [len(engine.Statistics)]float32
	types      [animeTypes]float32
}

// animeTypes is the number of types that are told apart.
const animeTypes = 7

// typeOf numbers the types of anime; the last is all others.
func typeOf(a *engine.Anime) int {
	switch a.Type {
	case "tv":
		return 0
	case "movie":
		return 1
	case "ova":
		return 2
	case "ona":
		return 3
	case "special":
		return 4
	case "music":
		return 5
	}
	return animeTypes - 1
}

// yearOf is when an anime began, with the month as a fraction; 2010 when unknown.
func yearOf(a *engine.Anime) float64 { return lookOf(a).year() }

// look is what an anime is at first sight, in a word.
type look struct {
	began int16 // year
	month uint8 // of that, from 0
	kind  uint8 // see [typeOf]
}

func lookOf(a *engine.Anime) look {
	l := look{began: 2010, kind: uint8(typeOf(a))}
	if a.Start.Year != 0 {
		l.began, l.month = int16(min(max(a.Start.Year, 0), math.MaxInt16)), uint8(min(max(a.Start.Month, 1), 12)-1)
	}
	return l
}

// year is that of [yearOf].
func (l look) year() float64 { return float64(l.began) + float64(l.month)/12 }
