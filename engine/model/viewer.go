package model

import (
	"math"
	"slices"

	"reko.moe/engine"
)

// viewer is what a list says of its user beside which anime go together: habits. It is used again for other lists.
type viewer struct {
	scale   scale
	watched float64 // entries
	planned float64
	scored  float64 // watched entries with a score
	known   float64 // mean popularity of what is watched

	statistics [len(engine.Statistics)]float64 // by how much a trait is more frequent on the list than on all, as a logarithm
	liking     [len(engine.Statistics)]float64 // mean liking of what has a trait, less where there is little
	types      [animeTypes]float64             // as statistics

	median, late, newest float64 // when the anime on the list began: half, 49 of 50, and all by then

	years  []float64
	liked  [engine.MaxScore + 1]float32 // by score: how what got it was liked, in standard deviations
	marks  []mark                       // by anime id
	listed []engine.AnimeID
}

// mark is how an anime stands on a list and, if it is watched, its score, 0 if it has none.
type mark uint8

const markScore = 2 // the lowest bit of the score

// How an anime stands on a list. The zero value is not at all.
const (
	notListed uint8 = iota
	isWatched
	isPlanned
	isLeft // on hold or dropped
)

// standingOf is how an entry stands.
func standingOf(e *engine.Entry) uint8 {
	switch {
	case e.Watched():
		return isWatched
	case e.Status == engine.Planned:
		return isPlanned
	case e.Status == engine.OnHold, e.Status == engine.Dropped:
		return isLeft
	}
	return notListed
}

// read makes v the viewer of a list.
func (v *viewer) read(l engine.List, m *Model, seen *seen) {
	v.scale = scaleOf(l)
	v.watched, v.planned, v.scored, v.known = 0, 0, 0, 0
	clear(v.statistics[:])
	clear(v.liking[:])
	clear(v.types[:])
	v.years = v.years[:0]
	for score := range v.liked {
		v.liked[score] = float32(v.scale.of(&engine.Entry{Score: uint8(score)}))
	}
	if len(v.marks) < len(seen.looks) {
		v.marks = make([]mark, len(seen.looks))
	}
	for i := range l {
		e := &l[i]
		if seen.catalogue.Anime(e.Anime) == nil {
			continue
		}
		v.list(e)
		if e.Status == engine.Planned {
			v.planned++
		}
		if !e.Watched() {
			continue
		}
		v.watched++
		if e.Score > 0 {
			v.scored++
		}
		z := v.scale.of(e)
		for _, s := range seen.catalogue.Statistics(e.Anime) {
			v.statistics[s]++
			v.liking[s] += z
		}
		look := seen.looks[e.Anime]
		v.types[look.kind]++
		v.years = append(v.years, look.year())
		if i, ok := m.inputOf(e.Anime); ok {
			v.known += m.popular[i]
		}
	}
	v.known /= max(v.watched, 1)
	for s, n := range v.statistics {
		v.liking[s] /= n + 5
		v.statistics[s] = ratio(n, v.watched, float64(m.backdrop.statistics[s]), 8)
	}
	for t, n := range v.types {
		v.types[t] = ratio(n, v.watched, float64(m.backdrop.types[t]), 5)
	}
	v.median, v.late, v.newest = 2010, 2010, 2010
	if n := len(v.years); n > 0 {
		slices.Sort(v.years)
		v.median, v.late, v.newest = v.years[n/2], v.years[n*49/50], v.years[n-1]
	}
}

// ratio is the logarithm of how much more frequent something is, n of all, than the share that is usual, which counts as much as
// prior entries.
func ratio(n, all, usual, prior float64) float64 {
	return math.Log((n+prior*usual)/((all+prior)*usual+1e-6) + 1e-3)
}

// list notes how an entry stands.
func (v *viewer) list(e *engine.Entry) {
	standing := standingOf(e)
	if standing == notListed {
		return
	}
	m := mark(standing)
	if standing == isWatched {
		m |= mark(e.Score) << markScore
	}
	v.marks[e.Anime] = m
	v.listed = append(v.listed, e.Anime)
}

// forget wipes what was noted.
func (v *viewer) forget() {
	for _, id := range v.listed {
		v.marks[id] = mark(notListed)
	}
	v.listed = v.listed[:0]
}

func (v *viewer) standingOf(id engine.AnimeID) uint8 {
	if uint(id) >= uint(len(v.marks)) {
		return notListed
	}
	return uint8(v.marks[id] & (1<<markScore - 1))
}

// likingOf is how a watched anime was liked, in standard deviations; 0 for others.
func (v *viewer) likingOf(id engine.AnimeID) float32 {
	if uint(id) >= uint(len(v.marks)) {
		return 0
	}
	return v.liked[v.marks[id]>>markScore]
}
