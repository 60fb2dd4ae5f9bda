package api

import (
	"math"

	"reko.moe/engine"
)

// Stats is what GET /stats/{username} answers.
type Stats struct {
	Requester        Requester   `json:"requester"`
	UserLastAnalyzed string      `json:"user_last_analyzed"` // RFC 3339, UTC, milliseconds
	Population       Population  `json:"population"`
	Data             []Statistic `json:"data"`
}

// Population says among whom percentiles are.
type Population struct {
	Users  int     `json:"users"`
	MadeAt *string `json:"made_at"` // RFC 3339, UTC, milliseconds
}

// Statistic is what a user's whole list says about one of the traits that anime have.
type Statistic struct {
	Group  string `json:"group"`
	Name   string `json:"name"`
	Values Values `json:"values"`
}

// Values are null where no entry tells them.
type Values struct {
	Share     *Value `json:"share"` // of the group; of the group general the number of entries
	Mean      *Value `json:"mean"`
	Deviation *Value `json:"deviation"`
	Scored    *Value `json:"scored"`
	Watching  *Value `json:"watching"`
	Completed *Value `json:"completed"`
	OnHold    *Value `json:"on_hold"`
	Dropped   *Value `json:"dropped"`
	Planned   *Value `json:"planned"`
}

// Value is a number, and in how many percent of a population with its mean and deviation it is smaller; null when nobody in
// the population has it.
type Value struct {
	Value      float64  `json:"value"`
	Percentile *float64 `json:"percentile"`
}

// MakeStats makes the answer of GET /stats/{username}.
func MakeStats(a engine.Answer[engine.ProfileReport]) Stats {
	report := &a.Data
	out := Stats{Requester: requester(a.Requester), UserLastAnalyzed: timestamp(a.Requester.FetchedAt)}
	out.Population.Users = report.Population.Users
	if made := report.Population.MadeAt; !made.IsZero() {
		out.Population.MadeAt = new(timestamp(made))
	}
	statistic := func(stat int) {
		group, name := engine.StatisticName(stat)
		value := func(m engine.Measure) *Value {
			v, ok := report.Profile.Value(stat, m)
			if !ok {
				return nil
			}
			out := &Value{Value: rounded(v, 1e6)}
			if percentile, ok := report.Ranks.Percentile(stat, m); ok {
				out.Percentile = new(rounded(percentile, 100))
			}
			return out
		}
		out.Data = append(out.Data, Statistic{group, name, Values{
			Share: value(engine.Share), Mean: value(engine.MeanScore), Deviation: value(engine.ScoreDeviation),
			Scored: value(engine.ShareScored), Watching: value(engine.ShareWatching), Completed: value(engine.ShareCompleted),
			OnHold: value(engine.ShareOnHold), Dropped: value(engine.ShareDropped), Planned: value(engine.SharePlanned),
		}})
	}
	statistic(engine.General)
	for stat := range engine.General {
		statistic(stat)
	}
	return out
}

// rounded returns v as a multiple of 1/steps.
func rounded(v, steps float64) float64 { return math.Round(v*steps) / steps }
