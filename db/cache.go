package db

import (
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"reko.moe/engine"
)

// cache keeps recently used users with their lists. It is safe for concurrent use.
//
// A reader that asked the database before a write was committed must not leave behind what it read then. Every write
// therefore counts in writes and takes its users out, in one step after it was committed; a reader puts in what it read only
// if nothing was counted since it began.
type cache struct {
	users  *otter.Cache[engine.UserID, engine.User] // nil: nothing is kept
	names  *otter.Cache[string, engine.UserID]      // of users; nil with it
	mu     sync.RWMutex                             // held for reading while put checks and sets
	writes uint64                                   // guarded by mu

	hits, misses atomic.Uint64
}

// userOverhead is about what a cached user takes beside the list.
const userOverhead = 256

func newCache(bytes int) *cache {
	if bytes <= 0 {
		return &cache{}
	}
	return &cache{names: newNames(), users: otter.Must(&otter.Options[engine.UserID, engine.User]{
		MaximumWeight: uint64(bytes),
		Weigher: func(_ engine.UserID, u engine.User) uint32 {
			return uint32(len(u.List) + userOverhead)
		},
	})}
}

// begin returns what put has to be given. It comes before the query.
func (c *cache) begin() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.writes
}

// put keeps users that were read since begin.
func (c *cache) put(began uint64, users []engine.User) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.users == nil || c.writes != began {
		return
	}
	for _, u := range users {
		c.users.Set(u.ID, u)
		c.names.Set(u.Name, u.ID)
	}
}

// wrote takes out users that were written or, as a write that failed may have been committed, perhaps were; all if none is
// given.
func (c *cache) wrote(ids ...engine.UserID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	if c.users == nil {
		return
	}
	if len(ids) == 0 {
		c.users.InvalidateAll()
	}
	for _, id := range ids {
		c.users.Invalidate(id)
	}
}

// get returns a user, if kept.
func (c *cache) get(id engine.UserID) (engine.User, bool) {
	if c.users == nil {
		return engine.User{}, false
	}
	return c.users.GetIfPresent(id)
}
