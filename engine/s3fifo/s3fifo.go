// Package s3fifo is a cache within a number of bytes that keeps what is asked for again, and is not emptied by a walk over everything: S3-FIFO
// (Yang et al., “FIFO queues are all you need for cache eviction”, 2023).
//
// What is new stands in a small queue. Whatever is asked for twice while it is there goes on to the main queue when its turn has come; the
// rest goes, and only a hash of its key is remembered for a while: who comes back then belongs to the main queue at once. From that goes what was not
// asked for since it last came to the end.
//
// It is here beside the libraries because of the garbage collector: a cache of tens of thousands of values has, besides these and
// what keys point to, no more than some pages of an array for it to look at, where a library has a node with several pointers for each. See docs/adr/0015-orders-are-remembered.md.
package s3fifo

import "hash/maphash"

// Cache keeps values by key. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	shards []shard[K, V]
	seed   maphash.Seed
	size   func(V) int
}

// How a cache is divided, so that not all who ask wait for each other.
const (
	mostShards  = 16
	leastShard  = 256 << 10 // bytes
	smallShare  = 10        // the small queue has a tenth
	enough      = 1         // who was asked for more often in the small queue goes on to the main one: a walk may come by twice
	mostAsked   = 3         // more than so often does not count
	perGhost    = 1 << 10   // bytes of values, for each hash that is remembered of what went
	leastGhosts = 64
)

// New makes a cache of so many bytes, more than 0. size tells how many a value takes, all that is kept of it included; what takes
// more than there is room for is not kept.
func New[K comparable, V any](bytes int, size func(V) int) *Cache[K, V] {
	n := 1
	for n < mostShards && bytes/(2*n) >= leastShard {
		n *= 2
	}
	c := &Cache[K, V]{shards: make([]shard[K, V], n), seed: maphash.MakeSeed(), size: size}
	for i := range c.shards {
		c.shards[i].init(max(bytes/n, 1))
	}
	return c
}

// hashOf is a hash of a key, of which shards and ghosts use different bits.
func (c *Cache[K, V]) hashOf(key K) uint64 { return maphash.Comparable(c.seed, key) }

// shardOf is where a hash belongs.
func (c *Cache[K, V]) shardOf(hash uint64) *shard[K, V] {
	return &c.shards[hash>>32&uint64(len(c.shards)-1)]
}

// Get returns the value of a key, if it is kept.
func (c *Cache[K, V]) Get(key K) (v V, ok bool) {
	s := c.shardOf(c.hashOf(key))
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.at[key]
	if !ok {
		return v, false
	}
	e := s.slot(at)
	e.asked = min(e.asked+1, mostAsked)
	return e.value, true
}

// Set keeps a value, in the place of what was kept by its key.
func (c *Cache[K, V]) Set(key K, v V) {
	size, hash := c.size(v), c.hashOf(key)
	s := c.shardOf(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.at[key]
	if size > s.most {
		if ok {
			s.remove(at)
		}
		return
	}
	if !ok {
		s.room(size) // before, so that it is not the new value that goes
		s.add(hash, key, v, size)
		return
	}
	e := s.slot(at)
	s.queues[e.in].bytes += size - int(e.size)
	e.value, e.size = v, int32(size)
	s.room(0)
}

// Delete forgets the value of a key. One that was asked for is remembered: who is set again soon has its place again.
func (c *Cache[K, V]) Delete(key K) {
	hash := c.hashOf(key)
	s := c.shardOf(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.at[key]; ok {
		if e := s.slot(at); e.in == main || e.asked > 0 {
			s.remember(hash)
		}
		s.remove(at)
	}
}

// Clear forgets everything.
func (c *Cache[K, V]) Clear() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.init(s.most)
		s.mu.Unlock()
	}
}

// Size returns how many values are kept, and how many bytes they take.
func (c *Cache[K, V]) Size() (values, bytes int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		values, bytes = values+len(s.at), bytes+s.bytes()
		s.mu.Unlock()
	}
	return values, bytes
}
