package db

import (
	"sync"
	"sync/atomic"

	"reko.moe/engine"
	"reko.moe/engine/s3fifo"
)

// cache keeps recently used users with their lists, within a number of bytes. What is used once, as by a walk over many, does not push out
// what is used often (S3-FIFO). It is safe for concurrent use.
//
// A reader that asked the database before a write was committed must not leave behind what it read then. Every write
// therefore counts in writes and takes its users out, in one step after it was committed; a reader puts in what it read only
// if nothing was counted since it began. For the same reason nobody joins a load that began before a write of what it loads.
type cache struct {
	users *s3fifo.Cache[engine.UserID, cached] // nil: nothing is kept
	names *names

	mu      sync.RWMutex            // held for reading while put checks and sets
	writes  uint64                  // guarded by mu
	loading map[engine.UserID]*load // what is being loaded; guarded by mu
	naming  map[string]*load        // the same by name; guarded by mu

	hits, misses atomic.Uint64
}

const (
	userOverhead = 160 // bytes that a user takes beside what is kept: the cache's own, and what allocation rounds up
	namesShare   = 32  // of all bytes, for names
)

func newCache(bytes int) *cache {
	c := &cache{loading: map[engine.UserID]*load{}, naming: map[string]*load{}}
	if bytes <= 0 {
		return c
	}
	c.users = s3fifo.New[engine.UserID](bytes-bytes/namesShare, func(k cached) int { return len(k) + userOverhead })
	c.names = newNames(bytes / namesShare)
	return c
}

// get returns a user, if kept.
func (c *cache) get(id engine.UserID) (engine.User, bool) {
	if c.users == nil {
		return engine.User{}, false
	}
	k, ok := c.users.Get(id)
	if !ok {
		return engine.User{}, false
	}
	return k.user(id), true
}

// named returns the user of that name, if kept.
func (c *cache) named(name string) (engine.User, bool) {
	if c.users == nil {
		return engine.User{}, false
	}
	id, ok := c.names.id(name)
	if !ok {
		return engine.User{}, false
	}
	u, ok := c.get(id)
	if !ok || u.Name != name {
		return engine.User{}, false
	}
	return u, true
}

// put keeps users that were read since began, see [cache.claim].
func (c *cache) put(began uint64, users ...engine.User) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.users == nil || c.writes != began {
		return
	}
	for i := range users {
		if k, ok := cachedOf(&users[i]); ok {
			c.users.Set(users[i].ID, k)
			c.names.set(users[i].Name, users[i].ID)
		}
	}
}

// wrote takes out users that were written or, as a write that failed may have been committed, perhaps were; all if none is
// given.
func (c *cache) wrote(ids ...engine.UserID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	clear(c.naming)
	if len(ids) == 0 {
		clear(c.loading)
	}
	for _, id := range ids {
		delete(c.loading, id)
	}
	if c.users == nil {
		return
	}
	if len(ids) == 0 {
		c.users.Clear()
	}
	for _, id := range ids {
		c.users.Delete(id)
	}
}
