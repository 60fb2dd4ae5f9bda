package views

import (
	"strconv"
	"time"

	"reko.moe/engine"
)

// OverviewView is what the first page of the admin side shows.
type OverviewView struct {
	Span  string   // hour, day or month
	Spans []string // all of them

	Minute Figures // the last whole one
	Whole  Figures // the whole span
	Charts []LineChart

	InFlight int     // requests that are being answered, but for the one for this
	Asks     *Asking // nil: MyAnimeList is not asked

	Totals engine.Totals
	Memory engine.Memory
	Cache  CacheLine
	Pools  []PoolLine
	Model  Version // Number 0: there is none

	Keys     int // valid ones
	Failures []Failure
	Last     []engine.Action
}

// Figures say how requests were answered for a while.
type Figures struct {
	Requests float64   // a minute
	Refused  float64   // a minute
	Failed   float64   // a minute
	Took     []float64 // p50, p95 and p99 in seconds; nil: there were no requests
}

// Asking says how MyAnimeList is asked.
type Asking struct {
	Rate     float64 // calls a second that are allowed
	Burst    int
	Waiting  int           // calls that stand in line now
	Paused   time.Duration // for which nobody asks
	Resting  bool          // it failed so often that it is asked only now and then
	Outcomes []Outcome     // of the span, those that happened
	Waited   []float64     // p50, p95 and p99 of the wait for a turn, in seconds
}

// Outcome is how often a call ended so.
type Outcome struct {
	Name string
	N    int64
}

// CacheLine says how the lists in memory are doing.
type CacheLine struct {
	Lists int
	Bytes int
	Rate  float64 // of lists that were in memory when they were asked for
	Asked bool    // any was
}

// PoolLine says how a pool of connections is doing.
type PoolLine struct {
	Name             string
	Max, Open, InUse int
	Waits            int64
}

// Version is one of what is made from all users.
type Version struct {
	Number int64
	MadeAt time.Time
	Users  int // 0 where that is not known
}

// Failure is a run of a job that failed.
type Failure struct {
	Job  string
	At   time.Time
	Text string
}

// spanPath is the address of the overview over a span.
func spanPath(span string) string {
	if span == "hour" {
		return "/admin"
	}
	return "/admin?span=" + span
}

// origins that have users, in the order in which they are shown.
func (v OverviewView) origins() (there []engine.Origin) {
	for _, o := range origins {
		if v.Totals.Origins[o].Users > 0 {
			there = append(there, o)
		}
	}
	return there
}

// all are the totals of all origins.
func (v OverviewView) all() engine.OriginTotals { return v.Totals.All() }

// trouble says how many of the requests of a minute went wrong.
func trouble(f Figures) string {
	if f.Refused == 0 && f.Failed == 0 {
		return "none refused, none failed"
	}
	return PerMinute(f.Refused) + " refused, " + PerMinute(f.Failed) + " failed"
}

// pace says how fast MyAnimeList is asked.
func pace(a *Asking) string {
	if a.Paused > 0 {
		return "told to wait for " + every(a.Paused.Round(time.Second))
	}
	if a.Resting {
		return "calls; it failed too often, so few go out"
	}
	return "calls; " + PerMinute(a.Rate) + " a second may go out"
}

// size prints a number of bytes.
func size(bytes int) string {
	const kilo = 1 << 10
	switch {
	case bytes < kilo:
		return plural(bytes, "byte", "bytes")
	case bytes < kilo*kilo:
		return strconv.Itoa(bytes/kilo) + " KiB"
	case bytes < 10*kilo*kilo:
		return strconv.FormatFloat(float64(bytes)/(kilo*kilo), 'f', 1, 64) + " MiB"
	}
	return whole(bytes/(kilo*kilo)) + " MiB"
}

// quantile is one of p50, p95 and p99, or a dash.
func quantile(took []float64, i int) string {
	if took == nil {
		return "–"
	}
	return Seconds(took[i])
}

// population is the version of the population.
func (v OverviewView) population() Version {
	m := v.Memory
	return Version{Number: m.Population, MadeAt: m.PopulationAt, Users: m.Populace}
}
