package engine

import (
	"context"
	"sync/atomic"
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

// How totals are counted: millions of users take part of a second.
const (
	totalsAge      = time.Minute            // how long they are taken for new
	totalsPatience = 100 * time.Millisecond // how long a new count is waited for when there is an older one
	totalsTimeout  = 30 * time.Second       // the longest that counting may take
)

// totals keeps the last [Totals]. The zero value has none. It is safe for concurrent use.
type totals struct {
	last     atomic.Pointer[Totals]
	counting flights[Totals]
}

// Totals returns how much there is in the store, as it was within the last minute, or longer ago while that is being counted. Whoever asks
// meanwhile waits for the same count.
func (e *Engine) Totals(ctx context.Context) (Totals, error) {
	last := e.totals.last.Load()
	if last != nil && e.opts.Now().Sub(last.At) < totalsAge {
		return *last, nil
	}
	patient := ctx
	if last != nil {
		var cancel context.CancelFunc
		patient, cancel = context.WithTimeout(ctx, totalsPatience)
		defer cancel()
	}
	t, err := e.totals.counting.do(patient, "", func() (Totals, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), totalsTimeout)
		defer cancel()
		at := e.opts.Now()
		t, err := e.opts.Store.Totals(ctx)
		if err == nil {
			t.At = at
			e.totals.last.Store(&t)
		}
		return t, err
	})
	if err != nil && last != nil && patient.Err() != nil && ctx.Err() == nil {
		return *last, nil
	}
	return t, err
}

// Memory is what an engine keeps in memory of all users and anime.
type Memory struct {
	Users        int // that can be matched by their hashes
	IndexBytes   int // of their hashes and names
	Profiles     int // users that can be matched by their statistics
	ProfileBytes int
	Loading      bool      // at the start, profiles are still being made, and Profiles says how far
	Titles       int       // described anime
	Population   int64     // its version
	PopulationAt time.Time // zero: it is not kept, but made at the start
	Populace     int       // users of whom the population was made
}

// Memory says what is kept in memory now. It takes no time.
func (e *Engine) Memory() Memory {
	m, loading := e.profiles.progress()
	p := m.population
	users, profiles := e.Users(), m.users()
	return Memory{
		Users: users, IndexBytes: users * int(unsafe.Sizeof(UserID(0))+unsafe.Sizeof(Hash(0))+unsafe.Sizeof(name{})),
		Profiles: profiles, ProfileBytes: profiles * int(unsafe.Sizeof(UserID(0))+unsafe.Sizeof(uint32(0))+unsafe.Sizeof(row{})),
		Loading: loading, Titles: e.Titles(), Population: p.Version, PopulationAt: p.MadeAt, Populace: p.Users,
	}
}
