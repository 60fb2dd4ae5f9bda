// Package orders is an [engine.OrderMemory] within a number of bytes.
package orders

import (
	"hash/maphash"
	"sync/atomic"
	"unsafe"

	"reko.moe/engine"
	"reko.moe/engine/s3fifo"
)

// Memory remembers the orders that are asked for again (S3-FIFO), so that those that are asked for once do not push them out. It is safe for
// concurrent use.
type Memory struct {
	orders       *s3fifo.Cache[order]
	hits, misses atomic.Uint64
}

var _ engine.OrderMemory = (*Memory)(nil)

// order is what is kept of one, which is found by a hash of its key.
type order struct {
	key engine.OrderKey
	engine.Remembered
}

var seed = maphash.MakeSeed()

// numberOf is a hash of a key, all of it: the keys of searches begin alike.
func numberOf(key engine.OrderKey) uint64 { return maphash.Bytes(seed, key[:]) }

// overhead is what is kept beside anime, votes and sayings, in bytes, about.
const overhead = int(unsafe.Sizeof(order{})) + 128

// New makes a memory of so many bytes, more than 0.
func New(bytes int) *Memory {
	return &Memory{orders: s3fifo.New(bytes, func(o order) int {
		return cap(o.Order) + cap(o.Ballots) + len(o.Said)*int(unsafe.Sizeof(engine.Saying{})) + o.Near.Size() + overhead
	})}
}

// Get implements [engine.OrderMemory].
func (m *Memory) Get(key engine.OrderKey) (engine.Remembered, bool) {
	o, ok := m.orders.Get(numberOf(key))
	if ok = ok && o.key == key; !ok {
		m.misses.Add(1)
		return engine.Remembered{}, false
	}
	m.hits.Add(1)
	return o.Remembered, true
}

// Set implements [engine.OrderMemory].
func (m *Memory) Set(key engine.OrderKey, r engine.Remembered) {
	m.orders.Set(numberOf(key), order{key, r})
}

// Stats says how a memory is doing.
type Stats struct {
	Hits, Misses uint64 // since the start
	Orders       int
	Bytes        int
}

// Stats says how the memory is doing.
func (m *Memory) Stats() Stats {
	orders, bytes := m.orders.Size()
	return Stats{m.hits.Load(), m.misses.Load(), orders, bytes}
}
