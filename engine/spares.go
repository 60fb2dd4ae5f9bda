package engine

import (
	"runtime"
	"sync"
)

// Spares keep large pieces of memory for their next use, as many as are worked with at a time and no more: the one that was used last comes
// first. A [sync.Pool] forgets what it has with every second garbage collection, and 0.7 MB for each question at work are then made anew a
// few times a second. The zero value is ready. They are safe for concurrent use.
type Spares[T any] struct {
	mu   sync.Mutex
	free []*T // guarded by mu
}

// mostSpares is how many are kept: one for each processor, and one for who had to stop in the middle.
var mostSpares = 1 + runtime.GOMAXPROCS(0)

// Get returns a piece that was put back, or a new one.
func (s *Spares[T]) Get() *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.free) - 1
	if last < 0 {
		return new(T)
	}
	v := s.free[last]
	s.free[last] = nil
	s.free = s.free[:last]
	return v
}

// Put gives a piece back, which the caller does not use any more.
func (s *Spares[T]) Put(v *T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) < mostSpares {
		s.free = append(s.free, v)
	}
}
