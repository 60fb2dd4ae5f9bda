package model

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"reko.moe/engine"
)

// What is said of an anime that was not learnt, because nobody watched it yet or it came after the training, is estimated from its
// kin: the anime that were learnt and are most like it.
const (
	kinSize     = 40  // how many are asked
	kinRelated  = 0.5 // by how much an anime is more alike if the two are related
	kinTrusted  = 0.6 // how much of the mean of their sums counts: whom nothing is known of is no sure thing
	kinExponent = 3   // of the likeness: the nearest have the say
)

// kinship is who the kin of an anime are.
type kinship struct {
	anime   *engine.Anime // as it was described then
	columns []uint16
	shares  []float32 // of the say, 1 in all
}

// traits are the statistics of an anime as a set.
type traits [2]uint64

func traitsOf(statistics []uint8) (t traits) {
	for _, s := range statistics {
		t[s>>6] |= 1 << (s & 63)
	}
	return t
}

// fit is a straight line.
type fit struct{ base, slope float32 }

func (f fit) at(x float64) float32 { return f.base + f.slope*float32(x) }

// fitted is the line of least squares through points.
func fitted(xs, ys []float64) fit {
	n, x, y, xx, xy := float64(len(xs)), 0.0, 0.0, 0.0, 0.0
	for i := range xs {
		x += xs[i]
		y += ys[i]
		xx += xs[i] * xs[i]
		xy += xs[i] * ys[i]
	}
	d := n*xx - x*x
	if n == 0 || d <= 0 {
		return fit{float32(y / max(n, 1)), 0}
	}
	slope := (n*xy - x*y) / d
	return fit{float32((y - slope*x) / n), float32(slope)}
}

// size is how well known an anime is on MyAnimeList: the logarithm of the number of lists that have it.
func sizeOf(a *engine.Anime) float64 { return math.Log(float64(a.Members) + 1) }

// estimate says what the sums of the fold mean for an anime that was not learnt, and what facts it may have.
func (f *fold) estimate(a *engine.Anime) (sum float64, facts facts) {
	m := f.model
	k := m.kinOf(a, f.catalogue)
	for i, j := range k.columns {
		sum += float64(k.shares[i]) * f.sums[j]
		facts.planned += k.shares[i] * m.facts[m.items[j]].planned
		facts.dropped += k.shares[i] * m.facts[m.items[j]].dropped
		facts.watchers += k.shares[i] * m.facts[m.items[j]].watchers
	}
	// Who plans and who dropped follow the number of watchers.
	watchers := float32(math.Exp(float64(m.popularity.at(sizeOf(a)))))
	times := watchers / max(facts.watchers, 1)
	facts.planned, facts.dropped, facts.watchers = facts.planned*times, facts.dropped*times, watchers
	facts.scored = watchers
	facts.liking = m.liked.at(a.Mean) * (facts.scored + 10)
	return sum * kinTrusted, facts
}

// kinOf finds the kin of an anime, and remembers them.
func (m *Model) kinOf(a *engine.Anime, c *engine.Catalogue) *kinship {
	if k, ok := m.kin.Load(a.ID); ok && k.(*kinship).anime == a {
		return k.(*kinship)
	}
	type relative struct {
		column uint16
		like   float64
	}
	own := traitsOf(c.Statistics(a.ID))
	related := make(map[engine.AnimeID]bool, len(a.Relations))
	for _, r := range a.Relations {
		related[r.ID] = true
	}
	var rare [len(engine.Statistics)]float64 // how much it says to share a statistic
	for s, share := range m.backdrop.statistics {
		rare[s] = -math.Log(max(float64(share), 1e-4))
	}
	weight := func(t traits) (sum float64) {
		for w, word := range t {
			for ; word != 0; word &= word - 1 {
				sum += rare[w<<6+bits.TrailingZeros64(word)]
			}
		}
		return sum
	}
	mine := weight(own)
	relatives := make([]relative, 0, len(m.columns))
	for j, id := range m.columns {
		theirs := traitsOf(c.Statistics(id))
		like := weight(traits{own[0] & theirs[0], own[1] & theirs[1]}) / math.Sqrt(max(mine*weight(theirs), 1e-9))
		if related[id] {
			like += kinRelated
		}
		relatives = append(relatives, relative{uint16(j), like})
	}
	slices.SortFunc(relatives, func(a, b relative) int {
		return cmp.Or(cmp.Compare(b.like, a.like), cmp.Compare(a.column, b.column))
	})
	k := &kinship{anime: a}
	all := 0.0
	for _, r := range relatives[:min(len(relatives), kinSize)] {
		all += math.Pow(r.like, kinExponent)
	}
	for _, r := range relatives[:min(len(relatives), kinSize)] {
		k.columns = append(k.columns, r.column)
		k.shares = append(k.shares, float32(math.Pow(r.like, kinExponent)/max(all, 1e-9)))
	}
	m.kin.Store(a.ID, k)
	return k
}
