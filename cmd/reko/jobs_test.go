package main

import (
	"testing"

	"reko.moe/engine/jobs"
)

func TestOutcomeOfARun(t *testing.T) {
	for want, r := range map[string]jobs.Run{
		"5 lists":          {Outcome: "5 lists"},
		"failed: it broke": {Outcome: "5 lists", Err: "it broke"},
		"interrupted, and tried again as soon as possible": {Err: jobs.Interrupted},
	} {
		if got := outcomeOf(r); got != want {
			t.Errorf("outcomeOf(%+v) = %q, want %q", r, got, want)
		}
	}
}
