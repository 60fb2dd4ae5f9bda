package demo

import (
	"fmt"
	"math"
	"time"

	"reko.moe/engine"
)

// list returns p's list. It uses up p's chance, so it is asked for once.
func (p *person) list(s shelf) engine.List {
	chosen := p.choose(s)
	var average float64
	for i := range chosen {
		average += chosen[i].fit / float64(len(chosen))
	}
	spare := len(chosen) / 6 // how many may stay unwatched
	completed := make(map[engine.AnimeID]time.Time, len(chosen))
	changes := make([]engine.Change, len(chosen))
	for i := range chosen {
		t := chosen[i].title
		fit := chosen[i].fit - average
		since := later(t.start, p.joined)
		status := p.status(t, fit, spare > 0)
		if t.prequel != 0 {
			at, ok := completed[t.prequel]
			if !ok {
				status = engine.Planned // first things first
			}
			since = later(since, at)
		}
		if status == engine.Completed {
			since = later(since, t.end)
		}
		c := engine.Change{Entry: engine.Entry{Anime: t.ID, Status: status}, At: p.moment(since, t)}
		switch status {
		case engine.Completed:
			c.Episodes = uint16(t.Episodes)
			completed[t.ID] = c.At
		case engine.Planned:
			spare--
		default:
			c.Episodes = p.episodes(t, c.At)
			if status != engine.Watching {
				spare--
			}
		}
		c.Score = p.score(t, status, fit)
		changes[i] = c
	}
	list, err := engine.NewList(changes)
	if err != nil {
		panic(fmt.Sprintf("demo: list of %q: %v", p.name, err)) // tests make all lists
	}
	return list
}

// status returns how far p came with t, which stays unwatched only if it may. What fits badly is dropped more often.
func (p *person) status(t *title, fit float64, may bool) engine.Status {
	h := p.habits
	dropped := h.dropped * math.Exp(-fit)
	chance := p.r.Float64()
	several := t.Episodes != 1
	switch {
	case !t.end.Before(p.left) && (chance > h.planned || !may):
		return engine.Watching
	case may && chance < h.planned:
		return engine.Planned
	case may && several && chance < h.planned+dropped:
		return engine.Dropped
	case may && several && chance < h.planned+dropped+h.onHold:
		return engine.OnHold
	case several && chance > 1-h.watching:
		return engine.Watching
	}
	return engine.Completed
}

// moment returns when p last changed the entry of t, at the earliest at since: soon after, as people do who follow a
// season or fill a new list, or any time later.
func (p *person) moment(since time.Time, t *title) time.Time {
	soon := 0.2
	if t.start.After(p.joined) {
		soon = p.season
	}
	until := p.left
	if p.r.Float64() < soon {
		until = earlier(until, since.AddDate(0, 2, 0))
	}
	return moment(p.r, since, until)
}

// episodes returns how many p watched by then of what was not completed: at least one, not all, and none before it aired.
func (p *person) episodes(t *title, at time.Time) uint16 {
	most := int(at.Sub(t.start)/week) + 1
	if t.Episodes > 0 {
		most = min(most, t.Episodes-1)
	}
	return uint16(1 + p.r.IntN(max(most, 1)))
}

// score returns the score that p gives t, and 0 for none.
func (p *person) score(t *title, status engine.Status, fit float64) uint8 {
	share := p.scoring.share
	points := t.Mean + p.scoring.bias + p.scoring.spread*fit + p.scoring.noise*p.r.NormFloat64()
	switch status {
	case engine.Planned:
		share = 0
	case engine.Dropped:
		points -= 2
		share *= 0.7
	case engine.Watching, engine.OnHold:
		share *= 0.5
	}
	if p.r.Float64() >= share {
		return 0
	}
	return uint8(min(max(math.Round(points), 1), engine.MaxScore))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
