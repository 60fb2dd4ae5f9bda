package engine

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"sync"
)

// matcher keeps in memory what finds users with similar profiles: 78 bytes a user. Those are the id, the number of entries,
// and as bytes the ranks of the 66 other values that may differ least. A search is exact in the number of entries and errs
// on the side of finding too many in the rest, so that whole profiles have to be looked at for few. It is safe for concurrent
// use.
type matcher struct {
	population *Population
	mu         sync.RWMutex
	ids        []UserID // ascending; guarded by mu
	entries    []uint32 // of ids[i]
	rows       []row    // of ids[i]
}

// row has the ranks of a user's keptValues.
type row [len(keptValues)]uint8

// Ranks in a row are multiples of 1/rankSteps.
const (
	rankSteps   = 254
	missingRank = 255
)

// keptValue is a value whose rank is in a row.
type keptValue struct {
	stat    int
	measure Measure
}

// keptValues are the values with the smallest tolerances, those of the same tolerance in their order. The number of entries
// is kept apart.
var keptValues = func() (kept [66]keptValue) {
	var all []keptValue
	for s := range profileStats {
		for _, m := range Measures() {
			if s != General || m != Share {
				all = append(all, keptValue{s, m})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b keptValue) int {
		return cmp.Compare(groupFactor(a.stat)*valueFactor(a.measure), groupFactor(b.stat)*valueFactor(b.measure))
	})
	copy(kept[:], all)
	return kept
}()

// newMatcher makes a matcher among a population, with room for n users.
func newMatcher(p *Population, n int) *matcher {
	return &matcher{population: p, ids: make([]UserID, 0, n), entries: make([]uint32, 0, n), rows: make([]row, 0, n)}
}

// rankByte is the rank v as a byte.
func rankByte(v float64) uint8 {
	if math.IsNaN(v) {
		return missingRank
	}
	return uint8(math.Round(v * rankSteps))
}

// rowOf returns what is kept of a profile.
func (m *matcher) rowOf(p *Profile) (r row) {
	for i, k := range keptValues {
		r[i] = rankByte(m.population.spreads[k.stat][k.measure].cumulative(p.values[k.stat][k.measure]))
	}
	return r
}

// set adds a user, or changes one; a user without entries is taken out.
func (m *matcher) set(id UserID, p *Profile) {
	if p.Entries == 0 {
		m.remove(id)
		return
	}
	r := m.rowOf(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	if i, found := m.find(id); found {
		m.entries[i], m.rows[i] = uint32(p.Entries), r
	} else {
		m.insert(i, id, p.Entries, r)
	}
}

// add adds a user that is not there yet.
func (m *matcher) add(id UserID, p *Profile) {
	if p.Entries == 0 {
		return
	}
	r := m.rowOf(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	if i, found := m.find(id); !found {
		m.insert(i, id, p.Entries, r)
	}
}

func (m *matcher) insert(i int, id UserID, entries int, r row) {
	m.ids = slices.Insert(m.ids, i, id)
	m.entries = slices.Insert(m.entries, i, uint32(entries))
	m.rows = slices.Insert(m.rows, i, r)
}

// remove takes a user out, if there.
func (m *matcher) remove(id UserID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i, found := m.find(id); found {
		m.ids = slices.Delete(m.ids, i, i+1)
		m.entries = slices.Delete(m.entries, i, i+1)
		m.rows = slices.Delete(m.rows, i, i+1)
	}
}

func (m *matcher) find(id UserID) (int, bool) {
	if n := len(m.ids); n == 0 || m.ids[n-1] < id {
		return n, false
	}
	return slices.BinarySearch(m.ids, id)
}

// users returns how many users can be found.
func (m *matcher) users() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.ids)
}

// search is what may match a profile.
type search struct {
	me          UserID // who is not found
	least, most uint32 // entries
	checks      []check
}

// check is a range of a rank in a row.
type check struct {
	at          uint8 // in keptValues
	least, span uint8
}

func (s *search) passes(r *row) bool {
	for _, c := range s.checks {
		if v := r[c.at]; v-c.least > c.span && v != missingRank {
			return false
		}
	}
	return true
}

// search prepares to look for those whose values are within tolerances of somebody's.
func (m *matcher) search(me *subject, tolerances *values) *search {
	s := &search{me: me.id, checks: make([]check, 0, len(keptValues))}
	s.least, s.most = m.entriesWithin(me.profile.Entries, tolerances[General][Share])
	for i, k := range keptValues {
		v, most := me.ranks.values[k.stat][k.measure], tolerances[k.stat][k.measure]
		if math.IsNaN(v) || most > 1 {
			continue
		}
		steps := most*rankSteps + 0.5 + 1e-6 // a byte is off by half a step; the rest is for the last digit
		low, high := max(math.Ceil(v*rankSteps-steps), 0), min(math.Floor(v*rankSteps+steps), rankSteps)
		s.checks = append(s.checks, check{uint8(i), uint8(low), uint8(high - low)})
	}
	slices.SortStableFunc(s.checks, func(a, b check) int { return cmp.Compare(a.span, b.span) })
	return s
}

// entriesWithin returns which numbers of entries have ranks within a tolerance of that of n.
func (m *matcher) entriesWithin(n int, most float64) (from, to uint32) {
	spread := &m.population.spreads[General][Share]
	rank := spread.cumulative(float64(n))
	outside := func(n int) bool { return math.Abs(spread.cumulative(float64(n))-rank) > most }
	from = uint32(sort.Search(n, func(i int) bool { return !outside(i) }))
	return from, uint32(n + sort.Search(MaxEntries+1, func(i int) bool { return outside(n + i) }) - 1)
}

// hit is a user that a search may have found.
type hit struct {
	id      UserID
	entries uint32
}

// compareHits orders the longest lists first, then by id.
func compareHits(a, b hit) int {
	return cmp.Or(cmp.Compare(b.entries, a.entries), cmp.Compare(a.id, b.id))
}

// longest returns the n longest lists that may match, after the given one in that order; the zero hit is before all.
func (m *matcher) longest(s *search, n int, after hit) []hit {
	var hits []hit
	limit := 4*n + 64
	least, most := s.least, s.most
	if after.id != 0 {
		most = min(most, after.entries)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	for i, entries := range m.entries {
		if entries < least || entries > most || !s.passes(&m.rows[i]) {
			continue
		}
		h := hit{m.ids[i], entries}
		if h.id == s.me || after.id != 0 && compareHits(h, after) <= 0 {
			continue
		}
		if hits = append(hits, h); len(hits) == limit {
			slices.SortFunc(hits, compareHits)
			hits = hits[:n]
			least = max(least, hits[n-1].entries)
		}
	}
	slices.SortFunc(hits, compareHits)
	return hits[:min(n, len(hits))]
}
