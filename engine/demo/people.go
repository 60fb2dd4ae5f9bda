package demo

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"

	"reko.moe/engine"
)

// seed is what all chance in the demo begins with. Another one makes other people.
const seed = 0x72656b6f

// source returns the source of chance that belongs to key. Everybody draws from one of their own, so that a change to one
// does not change the others.
func source(key string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(key)) // never fails
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// between returns a number from low up to high.
func between(r *rand.Rand, low, high float64) float64 { return low + (high-low)*r.Float64() }

// The lengths that a list can have.
const (
	shortest = 25
	longest  = 200
)

// person is one invented user: what attracts them and how they keep their list.
type person struct {
	name  string
	taste int // the main one, an index into tastes
	r     *rand.Rand

	pull   [len(engine.Statistics)]float64 // how much each statistic attracts
	crowd  float64                         // see taste
	season float64                         // see taste
	length int                             // of the list

	habits  habits
	scoring scoring
	joined  time.Time // when they began their list
	left    time.Time // when they last touched their list
}

// habits are the chances of an entry not to be completed.
type habits struct {
	planned, dropped, onHold, watching float64
}

// scoring is how somebody gives scores.
type scoring struct {
	share  float64 // of what was watched
	bias   float64 // above or below the anime's mean
	spread float64 // points by which what fits their taste gains
	noise  float64
}

// newPerson invents who is called name and has that main taste.
func newPerson(name string, main int) person {
	r := source(name)
	t := &tastes[main]
	second := &tastes[(main+1+r.IntN(len(tastes)-1))%len(tastes)]
	mix := between(r, 0.1, 0.4) // how much of the second taste
	p := person{
		name:   name,
		taste:  main,
		r:      r,
		crowd:  t.crowd*(1-mix) + second.crowd*mix,
		season: t.season,
	}
	for i, s := range engine.Statistics {
		p.pull[i] = t.likes[s.Name]*(1-mix/2) + second.likes[s.Name]*mix + 0.2*r.NormFloat64()
	}
	p.length = int(float64(t.length) * math.Exp(0.4*r.NormFloat64()))
	p.length = min(max(p.length, shortest), longest)
	p.habits = habits{
		planned:  between(r, 0, 0.18),
		dropped:  between(r, 0, 0.08),
		onHold:   between(r, 0, 0.05),
		watching: between(r, 0, 0.06),
	}
	p.scoring = scoring{
		share:  between(r, 0.85, 1),
		bias:   -0.2 + 0.6*r.NormFloat64(),
		spread: between(r, 0.4, 1.1),
		noise:  between(r, 0.4, 0.9),
	}
	if r.IntN(8) == 0 { // scores are not for everybody
		p.scoring.share = between(r, 0.1, 0.4)
	}
	p.joined = moment(r, time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2021, 7, 1, 0, 0, 0, 0, time.UTC))
	p.left = moment(r, time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC), fetched)
	return p
}

// moment returns a time from since up to until, to the second.
func moment(r *rand.Rand, since, until time.Time) time.Time {
	seconds := until.Unix() - since.Unix()
	if seconds <= 0 {
		return since
	}
	return since.Add(time.Duration(r.Int64N(seconds)) * time.Second)
}
