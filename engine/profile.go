package engine

import "math"

// General is the number of the statistic, beside those of [Statistics], that every entry has.
const General = len(Statistics)

// profileStats is the number of statistics in a [Profile].
const profileStats = General + 1

// Measure is what a [Profile] says about each statistic.
type Measure uint8

// The measures. Of a statistic that no entry has only the share is known.
const (
	Share          Measure = iota // entries that have it, of those that have any of its group; of [General] the number of entries
	MeanScore                     // mean of MyAnimeList's mean scores
	ScoreDeviation                // mean deviation of the user's score from MyAnimeList's mean, over scored entries
	ShareScored                   // entries with a score
	ShareWatching                 // entries with that status, and so on
	ShareCompleted
	ShareOnHold
	ShareDropped
	SharePlanned

	measures
)

var measureNames = [...]string{"share", "mean", "deviation", "scored", "watching", "completed", "on_hold", "dropped", "planned"}

// Measures are all measures, in their order.
func Measures() []Measure {
	all := make([]Measure, measures)
	for i := range all {
		all[i] = Measure(i)
	}
	return all
}

// String returns the measure's name.
func (m Measure) String() string { return enumName(measureNames[:], int(m)) }

// StatisticName returns the group and the name of a statistic in a [Profile]: 0..General.
func StatisticName(stat int) (group, name string) {
	if stat == General {
		return "general", "all entries"
	}
	return Statistics[stat].Kind.String(), Statistics[stat].Name
}

// values has a number for each measure of each statistic. NaN is a missing one.
type values [profileStats][measures]float64

// Profile is the statistics model of a user: what the whole list says of each statistic. An entry of an anime that nobody
// described counts for [General] only. A list without entries has no values at all.
type Profile struct {
	Entries int
	values  values
}

// ProfileOf makes the profile of a list.
func ProfileOf(l List, c *Catalogue) *Profile {
	p := new(Profile)
	p.fill(l, c)
	return p
}

// Value returns a value of a statistic (0..[General]), and false when it is missing.
func (p *Profile) Value(stat int, m Measure) (float64, bool) {
	v := p.values[stat][m]
	return v, !math.IsNaN(v)
}

// tally counts the entries that have a statistic.
type tally struct {
	entries   int32
	scored    int32
	rated     int32   // of anime with a mean score
	compared  int32   // scored ones of anime with a mean score
	means     float64 // sum over rated
	deviation float64 // sum over compared
	statuses  [statuses]int32
}

func (t *tally) add(e *Entry, mean float64) {
	t.entries++
	t.statuses[e.Status]++
	if mean > 0 {
		t.rated++
		t.means += mean
	}
	if e.Score > 0 {
		t.scored++
		if mean > 0 {
			t.compared++
			t.deviation += float64(e.Score) - mean
		}
	}
}

// fill makes p the profile of a list.
func (p *Profile) fill(l List, c *Catalogue) {
	var tallies [profileStats]tally
	for i := range l {
		e := &l[i]
		t, stats := c.title(e.Anime)
		if t == nil {
			tallies[General].add(e, 0)
			continue
		}
		tallies[General].add(e, t.mean)
		for _, s := range stats {
			tallies[s].add(e, t.mean)
		}
	}
	var groups [MinorTheme + 1]int32 // entries, once for each statistic that they have
	for s := range Statistics {
		groups[Statistics[s].Kind] += tallies[s].entries
	}
	p.Entries = len(l)
	for s := range p.values {
		t := &tallies[s]
		share := float64(t.entries)
		if s != General {
			share = ratio(share, groups[Statistics[s].Kind])
		} else if len(l) == 0 {
			share = math.NaN()
		}
		v := &p.values[s]
		v[Share] = share
		v[MeanScore] = ratio(t.means, t.rated)
		v[ScoreDeviation] = ratio(t.deviation, t.compared)
		v[ShareScored] = ratio(float64(t.scored), t.entries)
		for status := Watching; status < statuses; status++ {
			v[ShareWatching+Measure(status-Watching)] = ratio(float64(t.statuses[status]), t.entries)
		}
	}
}

// ratio is sum / n, missing for an n of 0.
func ratio(sum float64, n int32) float64 {
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}
