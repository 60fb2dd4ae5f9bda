package engine

import (
	"context"
	"sync"
	"time"
	"unsafe"
)

// TotalsStore counts what is stored. It is part of [Store].
type TotalsStore interface {
	// Totals counts users, their lists and anime, without reading any list.
	Totals(ctx context.Context) (Totals, error)
}

// Totals are how much there is in a store.
type Totals struct {
	Origins     map[Origin]OriginTotals // those that have users
	Undescribed int                     // anime that some list mentions and nobody described yet
	At          time.Time               // when they were counted; set by [Engine.Totals]
}

// OriginTotals are how much there is of one origin.
type OriginTotals struct {
	Users   int
	Lists   int // that are not empty
	Entries int // of all lists
}

// All returns the totals of all origins together.
func (t *Totals) All() OriginTotals {
	var all OriginTotals
	for _, o := range t.Origins {
		all.Users += o.Users
		all.Lists += o.Lists
		all.Entries += o.Entries
	}
	return all
}

// totalsAge is how long totals are taken for new: counting millions of users takes part of a second.
const totalsAge = time.Minute

// totals keeps the last [Totals]. It is safe for concurrent use.
type totals struct {
	mu   sync.Mutex // held while counting, so that who comes meanwhile waits for the same count
	last Totals     // guarded by mu
}

// Totals returns how much there is in the store, as it was within the last minute.
func (e *Engine) Totals(ctx context.Context) (Totals, error) {
	e.totals.mu.Lock()
	defer e.totals.mu.Unlock()
	now := e.opts.Now()
	if at := e.totals.last.At; !at.IsZero() && now.Sub(at) < totalsAge {
		return e.totals.last, nil
	}
	t, err := e.opts.Store.Totals(ctx)
	if err != nil {
		return Totals{}, err
	}
	t.At = now
	e.totals.last = t
	return t, nil
}

// Memory is what an engine keeps in memory of all users and anime.
type Memory struct {
	Users        int // that can be matched by their hashes
	IndexBytes   int // of their hashes and names
	Profiles     int // users that can be matched by their statistics
	ProfileBytes int
	Titles       int       // described anime
	Population   int64     // its version
	PopulationAt time.Time // zero: it is not kept, but made at the start
	Populace     int       // users of whom the population was made
}

// Memory says what is kept in memory now. It takes no time.
func (e *Engine) Memory() Memory {
	m := e.profiles.matcher()
	p := m.population
	users, profiles := e.Users(), m.users()
	return Memory{
		Users: users, IndexBytes: users * int(unsafe.Sizeof(UserID(0))+unsafe.Sizeof(Hash(0))+unsafe.Sizeof(name{})),
		Profiles: profiles, ProfileBytes: profiles * int(unsafe.Sizeof(UserID(0))+unsafe.Sizeof(uint32(0))+unsafe.Sizeof(row{})),
		Titles: e.Titles(), Population: p.Version, PopulationAt: p.MadeAt, Populace: p.Users,
	}
}
