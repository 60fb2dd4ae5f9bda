// Package orders is an [engine.OrderMemory] within a number of bytes.
package orders

import (
	"sync/atomic"
	"unsafe"

	"reko.moe/engine"
	"reko.moe/engine/s3fifo"
)

// Memory remembers the orders that are asked for again (S3-FIFO), so that those that are asked for once do not push them out. It is safe for
// concurrent use.
type Memory struct {
	orders       *s3fifo.Cache[engine.OrderKey, engine.Remembered]
	hits, misses atomic.Uint64
}

var _ engine.OrderMemory = (*Memory)(nil)

// overhead is what is kept beside anime, votes and sayings, in bytes, about.
const overhead = int(unsafe.Sizeof(engine.Remembered{})+2*unsafe.Sizeof(engine.OrderKey{})) + 104

// New makes a memory of so many bytes, more than 0.
func New(bytes int) *Memory {
	return &Memory{orders: s3fifo.New[engine.OrderKey](bytes, func(r engine.Remembered) int {
		return cap(r.Order) + cap(r.Ballots) + len(r.Said)*int(unsafe.Sizeof(engine.Saying{})) + r.Near.Size() + overhead
	})}
}

// Get implements [engine.OrderMemory].
func (m *Memory) Get(key engine.OrderKey) (engine.Remembered, bool) {
	r, ok := m.orders.Get(key)
	if ok {
		m.hits.Add(1)
	} else {
		m.misses.Add(1)
	}
	return r, ok
}

// Set implements [engine.OrderMemory].
func (m *Memory) Set(key engine.OrderKey, r engine.Remembered) { m.orders.Set(key, r) }

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
