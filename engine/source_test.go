package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

var _ Source = (*fakeSource)(nil)

// fakeSource is a Source that knows what it is told. It is safe for concurrent use.
type fakeSource struct {
	mu      sync.Mutex
	lists   map[string]Fetched // by canonical name; nobody else is known
	anime   map[AnimeID]Anime
	errs    map[string]error // by name; what asking for the list fails with
	gate    chan struct{}    // if set, a list comes when it is closed
	asked   []askedList
	askedOf []AnimeID
	resting bool // anime are not asked for
}

// askedList is a call of List.
type askedList struct {
	name  string
	known List
	full  bool
}

func newFakeSource() *fakeSource {
	return &fakeSource{lists: map[string]Fetched{}, anime: map[AnimeID]Anime{}, errs: map[string]error{}}
}

// has lets the source answer with a whole list.
func (s *fakeSource) has(name string, l List, anime ...Anime) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists[name] = Fetched{List: l, Full: true, Anime: anime}
	delete(s.errs, name)
}

func (s *fakeSource) fails(name string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs[name] = err
}

// close keeps lists back until the function that it returns is called.
func (s *fakeSource) close() (open func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gate := make(chan struct{})
	s.gate = gate
	return sync.OnceFunc(func() {
		close(gate)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.gate = nil
	})
}

// calls returns how often List was called.
func (s *fakeSource) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

func (s *fakeSource) lastCall() askedList {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) == 0 {
		return askedList{}
	}
	return s.asked[len(s.asked)-1]
}

func (s *fakeSource) List(ctx context.Context, name string, known List, full bool) (Fetched, error) {
	s.mu.Lock()
	s.asked = append(s.asked, askedList{name, slices.Clone(known), full})
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return Fetched{}, fmt.Errorf("list of %q: %w: %w", name, ErrUpstreamTimeout, ctx.Err())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.errs[name]; err != nil {
		return Fetched{}, fmt.Errorf("list of %q: %w", name, err)
	}
	f, ok := s.lists[name]
	if !ok {
		return Fetched{}, fmt.Errorf("list of %q: %w", name, ErrNotFound)
	}
	return f, nil
}

func (s *fakeSource) Anime(ctx context.Context, id AnimeID) (Anime, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.askedOf = append(s.askedOf, id)
	if err := ctx.Err(); err != nil {
		return Anime{}, fmt.Errorf("anime %d: %w", id, err)
	}
	if s.resting {
		return Anime{}, fmt.Errorf("anime %d: %w", id, ErrNotAsked)
	}
	a, ok := s.anime[id]
	if !ok {
		return Anime{}, fmt.Errorf("anime %d: %w", id, ErrUpstream)
	}
	return a, nil
}
