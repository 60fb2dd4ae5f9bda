package views

import (
	"time"

	"reko.moe/engine"
)

// CompareView is what a comparison shows.
type CompareView struct {
	Answer engine.Answer[engine.Comparison]
	Cards  CardView
	Now    time.Time
}

// shown is how many of each kind of shared anime a comparison shows before one asks for all.
const shown = 8

// disagree are the shared anime whose scores are two or more apart, the furthest first.
func (v CompareView) disagree() []engine.Shared {
	var out []engine.Shared
	for _, s := range v.Answer.Data.Shared {
		if s.Scored() && s.Apart() >= 2 && len(out) < shown {
			out = append(out, s)
		}
	}
	return out
}

// agree are those that both scored the same, the best first.
func (v CompareView) agree() []engine.Shared {
	var out []engine.Shared
	for _, s := range v.Answer.Data.Shared {
		if s.Scored() && s.Apart() == 0 && len(out) < shown {
			out = append(out, s)
		}
	}
	return out
}

// difference is a bit in which two taste prints differ.
type difference struct {
	A, B string // statistics
	Mine bool   // the requester has more A than B, the other has not; else the other way round
}

// differences are the bits in which the two prints differ.
func (v CompareView) differences() []difference {
	mine, theirs := v.Answer.Requester.Hash, v.Answer.Data.Hash
	var out []difference
	for i := range 64 {
		if mine.Bit(i) != theirs.Bit(i) {
			a, b := engine.Compared(i)
			out = append(out, difference{a.Name, b.Name, mine.Bit(i)})
		}
	}
	return out
}

// scoreText is a score, or a dash for none.
func scoreText(score int) string {
	if score == 0 {
		return "–"
	}
	return count(score)
}

// verdict puts a similarity into words. Two random users of the real lists have about 62 %.
func verdict(similarity int) string {
	switch {
	case similarity == 100:
		return "The very same taste print."
	case similarity >= 85:
		return "Remarkably alike."
	case similarity >= 75:
		return "Much in common."
	case similarity >= 60:
		return "Some in common, as strangers have."
	}
	return "Different tastes."
}
