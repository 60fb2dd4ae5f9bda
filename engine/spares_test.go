package engine

import (
	"runtime"
	"sync"
	"testing"
)

func TestSpares(t *testing.T) {
	var s Spares[int]
	a, b := s.Get(), s.Get()
	*a, *b = 1, 2
	s.Put(a)
	s.Put(b)
	runtime.GC()
	runtime.GC()
	if got := s.Get(); got != b {
		t.Errorf("%d comes first, not what was used last", *got)
	}
	if got := s.Get(); got != a {
		t.Errorf("%d comes then, not what was used before", *got)
	}
	if got := s.Get(); *got != 0 {
		t.Errorf("%d comes when nothing is left", *got)
	}
	for range 3 * mostSpares {
		s.Put(new(int))
	}
	if len(s.free) != mostSpares {
		t.Errorf("%d are kept, want %d", len(s.free), mostSpares)
	}
}

// A piece has one user at a time.
func TestSparesAreNotShared(t *testing.T) {
	var s Spares[int]
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10_000 {
				v := s.Get()
				if *v++; *v != 1 {
					t.Error("somebody else has the same")
				}
				*v--
				s.Put(v)
			}
		})
	}
	all.Wait()
}
