package engine_test

import (
	"math"
	"testing"

	"reko.moe/engine"
)

// Real lists tell something unusual of nearly everybody, from enough entries, and nothing that is no number.
func TestRealPortraits(t *testing.T) {
	e, users := realEngine(t)
	quiet := 0
	const each = 25
	for i := 0; i < len(users); i += each {
		a, err := e.Portrait(t.Context(), users[i].Name)
		if err != nil {
			t.Fatal(err)
		}
		p := &a.Data
		sum := 0
		for _, n := range p.Scores {
			sum += n
		}
		if sum != a.Requester.Entries || sum != p.Entries(engine.General) || p.Compared(engine.General) > sum-p.Scores[0] {
			t.Errorf("%s: %d entries by score, %d on the list, %d compared", a.Requester.Name, sum, a.Requester.Entries, p.Compared(engine.General))
		}
		traits := p.Traits(8)
		if len(traits) == 0 {
			quiet++
		}
		last := math.Inf(1)
		for _, trait := range traits {
			far := math.Abs(trait.Far)
			if !(far >= 1 && far <= last) || math.IsNaN(trait.Value) || math.IsNaN(trait.Usual) {
				t.Errorf("%s: %+v after one that is %v far", a.Requester.Name, trait, last)
			}
			if last = far; trait.Stat != engine.General && trait.Far > 0 && p.Entries(trait.Stat) < 5 && trait.Usual < 0.01 {
				t.Errorf("%s: %d entries tell %+v", a.Requester.Name, p.Entries(trait.Stat), trait)
			}
		}
	}
	if n := len(users) / each; quiet > n/10 {
		t.Errorf("of %d of %d users nothing is unusual", quiet, n)
	}
}

// BenchmarkPortrait makes one among real users.
func BenchmarkPortrait(b *testing.B) {
	e, users := realEngine(b)
	for i := 0; b.Loop(); i++ {
		a, err := e.Portrait(b.Context(), users[i*97%len(users)].Name)
		if err != nil {
			b.Fatal(err)
		}
		a.Data.Traits(8)
	}
}
