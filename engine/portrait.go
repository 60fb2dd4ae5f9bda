package engine

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// Portrait is all that is known of a user's taste: the profile with where it stands among all users, and what only the list tells.
type Portrait struct {
	ProfileReport
	Scores  [MaxScore + 1]int // entries with each score; 0: without one
	entries [profileStats]int
	scored  [profileStats]int // entries with a score, of anime with a mean score
	groups  [MinorTheme + 1]int
}

// Portrait returns that of the named user, who is in the store: the list is not fetched again, and may be empty.
func (e *Engine) Portrait(ctx context.Context, name string) (Answer[Portrait], error) {
	canonical, ok := CanonicalName(name)
	if !ok {
		return Answer[Portrait]{}, fmt.Errorf("user %.40q: %w", name, ErrNotFound)
	}
	u, err := e.opts.Store.User(ctx, canonical)
	if err != nil {
		return Answer[Portrait]{}, err
	}
	if !u.PrivateAt.IsZero() {
		return Answer[Portrait]{}, fmt.Errorf("user %q: %w", canonical, ErrPrivate)
	}
	l, err := u.List.Unpack(nil)
	if err != nil {
		return Answer[Portrait]{}, fmt.Errorf("list of %q: %w", u.Name, err)
	}
	return Answer[Portrait]{Requester: e.requester(u), Data: PortraitOf(l, e.catalogue.Load(), e.profiles.among())}, nil
}

// PortraitOf makes the portrait of a list among a population.
func PortraitOf(l List, c *Catalogue, among *Population) Portrait {
	p := Portrait{ProfileReport: ProfileReport{Profile: ProfileOf(l, c), Population: among}}
	p.Ranks = among.Ranks(p.Profile)
	count := func(stat int, e *Entry, mean float64) {
		p.entries[stat]++
		if e.Score > 0 && mean > 0 {
			p.scored[stat]++
		}
	}
	for i := range l {
		e := &l[i]
		p.Scores[min(e.Score, MaxScore)]++
		t, stats := c.title(e.Anime)
		if t == nil {
			count(General, e, 0)
			continue
		}
		count(General, e, t.mean)
		for _, s := range stats {
			count(int(s), e, t.mean)
			p.groups[Statistics[s].Kind]++
		}
	}
	return p
}

// Entries returns how many entries have a statistic (0..[General]).
func (p *Portrait) Entries(stat int) int { return p.entries[stat] }

// Compared returns how many entries with a statistic have a score that [ScoreDeviation] compares.
func (p *Portrait) Compared(stat int) int { return p.scored[stat] }

// Trait is a value of a profile that few people have.
type Trait struct {
	Stat    int // 0..[General]
	Measure Measure
	Value   float64
	Usual   float64 // mean of all users
	Far     float64 // how many standard deviations the value is above that; negative: below
}

// What counts as a trait: a value so many deviations from what is usual, that so many entries tell. Below what is usual, entries that are
// missing tell as much as those that are there.
const (
	traitFar     = 1
	traitEntries = 5
)

// Traits returns at most n values that are most unusual, the most unusual first: shares within a group, and what is said of the list as a
// whole.
func (p *Portrait) Traits(n int) []Trait {
	var traits []Trait
	consider := func(stat int, m Measure) {
		v, ok := p.Profile.Value(stat, m)
		usual := p.Population.Spread(stat, m)
		if !ok || usual.Deviation == 0 || !p.tells(stat, m, usual.Mean) {
			return
		}
		if far := (v - usual.Mean) / usual.Deviation; math.Abs(far) >= traitFar {
			traits = append(traits, Trait{stat, m, v, usual.Mean, far})
		}
	}
	for s := range Statistics {
		consider(s, Share)
	}
	for _, m := range Measures() {
		consider(General, m)
	}
	slices.SortStableFunc(traits, func(a, b Trait) int { return cmp.Compare(math.Abs(b.Far), math.Abs(a.Far)) })
	return traits[:min(n, len(traits))]
}

// tells tells whether enough entries say something about a value, of which the mean is usual.
func (p *Portrait) tells(stat int, m Measure, usual float64) bool {
	switch {
	case stat != General: // a share, see Traits
		return max(float64(p.entries[stat]), usual*float64(p.groups[Statistics[stat].Kind])) >= traitEntries
	case m == Share:
		return true
	case m == ScoreDeviation:
		return p.scored[General] >= traitEntries
	}
	return p.entries[General] >= traitEntries
}
