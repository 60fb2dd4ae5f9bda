// Package orders is an [engine.OrderMemory] within a number of bytes.
package orders

import (
	"sync/atomic"
	"unsafe"

	"github.com/maypok86/otter/v2"

	"reko.moe/engine"
)

// Memory remembers the orders that are asked for most (W-TinyLFU), so that those that are asked for once do not push them out. It is safe for
// concurrent use.
type Memory struct {
	orders       *otter.Cache[engine.OrderKey, engine.Remembered]
	hits, misses atomic.Uint64
}

var _ engine.OrderMemory = (*Memory)(nil)

// overhead is what is kept beside anime, votes and sayings, in bytes, about.
const overhead = int(unsafe.Sizeof(engine.OrderKey{})+unsafe.Sizeof(engine.Remembered{})) + 128

// New makes a memory of so many bytes, more than 0.
func New(bytes int) *Memory {
	return &Memory{orders: otter.Must(&otter.Options[engine.OrderKey, engine.Remembered]{
		MaximumWeight: uint64(bytes),
		Weigher: func(_ engine.OrderKey, r engine.Remembered) uint32 {
			return uint32(cap(r.Order) + cap(r.Ballots) +
				len(r.Said)*int(unsafe.Sizeof(engine.Saying{})) + r.Near.Size() + overhead)
		},
	})}
}

// Get implements [engine.OrderMemory].
func (m *Memory) Get(key engine.OrderKey) (engine.Remembered, bool) {
	r, ok := m.orders.GetIfPresent(key)
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
	Bytes        int64
}

// Stats says how the memory is doing.
func (m *Memory) Stats() Stats {
	return Stats{m.hits.Load(), m.misses.Load(), m.orders.EstimatedSize(), int64(m.orders.WeightedSize())}
}
