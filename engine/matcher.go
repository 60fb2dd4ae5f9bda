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
	count      int              // users; guarded by mu
	pages      pages[*profiled] // guarded by mu
}

// profiled is a page of users.
type profiled struct {
	ids     []UserID
	entries []uint32 // of ids[i]
	rows    []row    // of ids[i]
}

// profiledAPage is for how many users there is room on a page: as many as have their rows in 32 kB, beyond which Go gives out memory in larger
// steps.
const profiledAPage = 32 << 10 / len(row{})

func newProfiled() *profiled {
	return &profiled{make([]UserID, 0, profiledAPage), make([]uint32, 0, profiledAPage), make([]row, 0, profiledAPage)}
}

func (p *profiled) insert(at int, id UserID, entries int, r row) {
	p.ids = slices.Insert(p.ids, at, id)
	p.entries = slices.Insert(p.entries, at, uint32(entries))
	p.rows = slices.Insert(p.rows, at, r)
}

func (p *profiled) remove(at int) {
	p.ids = slices.Delete(p.ids, at, at+1)
	p.entries = slices.Delete(p.entries, at, at+1)
	p.rows = slices.Delete(p.rows, at, at+1)
}

func (p *profiled) users() int       { return len(p.ids) }
func (p *profiled) room() int        { return profiledAPage }
func (p *profiled) id(at int) UserID { return p.ids[at] }

func (p *profiled) split(at int) (before, rest *profiled) {
	rest = newProfiled()
	rest.ids, rest.entries, rest.rows = append(rest.ids, p.ids[at:]...), append(rest.entries, p.entries[at:]...), append(rest.rows, p.rows[at:]...)
	p.ids, p.entries, p.rows = p.ids[:at], p.entries[:at], p.rows[:at]
	return p, rest
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

// newMatcher makes a matcher among a population.
func newMatcher(p *Population) *matcher { return &matcher{population: p} }

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
	m.put(id, p.Entries, m.rowOf(p), true)
}

// add adds a user that is not there yet.
func (m *matcher) add(id UserID, p *Profile) {
	if p.Entries > 0 {
		m.put(id, p.Entries, m.rowOf(p), false)
	}
}

// put adds a user. One who is there is changed, if so wanted.
func (m *matcher) put(id UserID, entries int, r row, change bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	page, at, found := m.pages.find(id)
	switch {
	case !found:
		page, at = m.pages.makeRoom(page, at, newProfiled)
		m.pages[page].insert(at, id, entries, r)
		m.count++
	case change:
		on := m.pages[page]
		on.entries[at], on.rows[at] = uint32(entries), r
	}
}

// remove takes a user out, if there.
func (m *matcher) remove(id UserID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	page, at, found := m.pages.find(id)
	if !found {
		return
	}
	m.pages[page].remove(at)
	m.pages.takeOut(page)
	m.count--
}

// users returns how many users can be found.
func (m *matcher) users() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.count
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
	for _, on := range m.pages {
		for i, entries := range on.entries {
			if entries < least || entries > most || !s.passes(&on.rows[i]) {
				continue
			}
			h := hit{on.ids[i], entries}
			if h.id == s.me || after.id != 0 && compareHits(h, after) <= 0 {
				continue
			}
			if hits = append(hits, h); len(hits) == limit {
				slices.SortFunc(hits, compareHits)
				hits = hits[:n]
				least = max(least, hits[n-1].entries)
			}
		}
	}
	slices.SortFunc(hits, compareHits)
	return hits[:min(n, len(hits))]
}
