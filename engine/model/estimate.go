package model

import (
	"math"
	"math/bits"
	"slices"
	"sync/atomic"

	"reko.moe/engine"
)

// What is said of an anime that was not learnt, because few or nobody watched it yet or it came after the training, is estimated from its
// kin: the anime that were learnt and are most like it. How many would watch it follows from how well it is known, but where that is known
// from the training.
const (
	kinSize     = 40  // how many are asked
	kinRelated  = 0.5 // by how much an anime is more alike if the two are related
	kinExponent = 3   // of the likeness: the nearest have the say
	kinTrusted  = 1.2 // times what they say: a mean varies less than what it is of
)

// kinship is what is estimated of an anime by its kin.
type kinship struct {
	anime      *engine.Anime // as it was described then
	size       int           // how many they are
	columns    [kinSize]uint16
	says       [kinSize]float32 // how much the sum of each column counts
	facts      facts            // that the anime may have
	popularity float64          // of facts
	at         direction        // mean
}

// sum is what the sums of a fold mean for the anime.
func (k *kinship) sum(sums *sums) (sum float64) {
	for i, j := range k.columns[:k.size] {
		sum += float64(k.says[i]) * sums[j&(maxColumns-1)]
	}
	return sum
}

// traits are the statistics of an anime as a set.
type traits [2]uint64

func traitsOf(statistics []uint8) (t traits) {
	for _, s := range statistics {
		t[s>>6] |= 1 << (s & 63)
	}
	return t
}

// sizeOf is how well known an anime is on MyAnimeList: the logarithm of the number of lists that have it.
func sizeOf(a *engine.Anime) float64 { return math.Log(float64(a.Members) + 1) }

// relative is a column and how much it is like an anime that was not learnt.
type relative struct {
	column uint16
	like   float64
}

// kinOf finds the kin of an anime of a catalogue, and remembers them.
func (m *Model) kinOf(id engine.AnimeID, known *seen) *kinship {
	if k := known.kin[id].Load(); k != nil {
		return k
	}
	a := known.catalogue.Anime(id)
	own := traitsOf(known.catalogue.Statistics(a.ID))
	mine := known.weight(own)
	related := make(map[engine.AnimeID]bool, len(a.Relations))
	for _, r := range a.Relations {
		related[r.ID] = true
	}
	nearest := make([]relative, 0, kinSize+1) // the most alike first; of equals the one that comes first
	for j, id := range m.columns {
		theirs := known.traits[j]
		like := known.weight(traits{own[0] & theirs[0], own[1] & theirs[1]}) / math.Sqrt(max(mine*known.weights[j], 1e-9))
		if related[id] {
			like += kinRelated
		}
		at := len(nearest)
		for at > 0 && nearest[at-1].like < like {
			at--
		}
		if at < kinSize {
			nearest = slices.Insert(nearest, at, relative{uint16(j), like})
			nearest = nearest[:min(len(nearest), kinSize)]
		}
	}
	k := m.kinshipOf(a, nearest)
	known.kin[a.ID].Store(k)
	return k
}

// kinshipOf is what is estimated of an anime by its nearest.
func (m *Model) kinshipOf(a *engine.Anime, nearest []relative) *kinship {
	k := &kinship{anime: a, size: len(nearest)}
	watchers := m.watchersOf(a)
	all := 0.0
	for _, r := range nearest {
		all += math.Pow(r.like, kinExponent)
	}
	for i, r := range nearest {
		share := float32(math.Pow(r.like, kinExponent) / max(all, 1e-9))
		kin := &m.facts[m.items[r.column]]
		k.columns[i] = r.column
		// What few watch is seldom spoken for.
		k.says[i] = kinTrusted * share * watchers / max(kin.watchers, 1)
		k.facts.planned += share * kin.planned
		k.facts.dropped += share * kin.dropped
		k.facts.watchers += share * kin.watchers
		at := m.alike.of(int(m.items[r.column]))
		k.at.add(&at, float64(share))
	}
	// Who plans and who dropped follow the number of watchers.
	f := &k.facts
	times := watchers / max(f.watchers, 1)
	f.planned, f.dropped, f.watchers, f.scored = f.planned*times, f.dropped*times, watchers, watchers
	f.liking = float32(m.liked.at(a.Mean)) * (f.scored + 10)
	k.popularity = f.popularity()
	return k
}

// watchersOf estimates how many watch an anime that has no column.
func (m *Model) watchersOf(a *engine.Anime) float32 {
	if i, ok := slices.BinarySearch(m.rare, a.ID); ok {
		return m.watchers[i]
	}
	if known := m.factsOf(a.ID); known != nil {
		return known.watchers
	}
	const most = 30 // e to that is more people than there are
	return float32(math.Exp(min(m.popularity.at(sizeOf(a)), most)))
}

// seen is what a model makes of a catalogue. It is safe for concurrent use.
type seen struct {
	catalogue *engine.Catalogue
	rare      [len(engine.Statistics)]float64 // how much it says to share a statistic
	traits    []traits                        // of the columns
	weights   []float64                       // of traits
	looks     []look                          // by id
	kin       []atomic.Pointer[kinship]       // by id, of anime that were not learnt; nil: nobody asked yet
}

// see looks at a catalogue, once. What is known of the kin of anime that are as they were stays.
func (m *Model) see(c *engine.Catalogue) *seen {
	before := m.seen.Load()
	if before != nil && before.catalogue == c {
		return before
	}
	now := &seen{
		catalogue: c, traits: make([]traits, len(m.columns)), weights: make([]float64, len(m.columns)),
		looks: make([]look, c.Last()+1), kin: make([]atomic.Pointer[kinship], c.Last()+1),
	}
	for a := range c.All() {
		now.looks[a.ID] = lookOf(a)
	}
	for s, share := range m.backdrop.statistics {
		now.rare[s] = -math.Log(max(float64(share), 1e-4))
	}
	for j, id := range m.columns {
		now.traits[j] = traitsOf(c.Statistics(id))
		now.weights[j] = now.weight(now.traits[j])
	}
	if before != nil {
		for id := range before.kin[:min(len(before.kin), len(now.kin))] {
			if k := before.kin[id].Load(); k != nil && k.anime == c.Anime(engine.AnimeID(id)) {
				now.kin[id].Store(k)
			}
		}
	}
	m.seen.Store(now)
	return now
}

// weight is how much it says to have all of some traits.
func (k *seen) weight(t traits) (sum float64) {
	for w, word := range t {
		for ; word != 0; word &= word - 1 {
			sum += k.rare[w<<6+bits.TrailingZeros64(word)]
		}
	}
	return sum
}
