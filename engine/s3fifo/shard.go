package s3fifo

import "sync"

// shard is a part of a cache, with queues of its own.
type shard[V any] struct {
	mu sync.Mutex // guards all of it

	at     map[uint64]uint32 // slots by number
	pages  [][]slot[V]       // of pageSize each, which stay when values go
	free   uint32            // the first slot that nobody has, linked by next; none: all are taken
	queues [2]queue
	ghosts []uint64 // numbers of what went and has its place in the main queue if it comes back, each where its hash says
	most   int      // bytes
}

// slot is a value and its place in a queue.
type slot[V any] struct {
	key        uint64
	value      V
	size       int32
	next, last uint32 // slots: of the value that came after it, and before it
	asked      uint8  // how often it was since it last came to the end of a queue
	in         uint8  // which queue
}

// The queues.
const (
	small = iota
	main
)

// queue is a queue of slots. It is linked by their numbers, so that a value can leave it from anywhere.
type queue struct {
	first, newest uint32 // first is the next to leave
	bytes         int
}

const (
	pageSize = 1 << 7
	none     = 1<<32 - 1 // no slot
)

// init makes the shard an empty one.
func (s *shard[V]) init(most int) {
	ghosts := leastGhosts
	for ghosts < most/perGhost {
		ghosts *= 2
	}
	s.at, s.pages, s.free, s.most = map[uint64]uint32{}, nil, none, most
	s.queues = [2]queue{{first: none, newest: none}, {first: none, newest: none}}
	s.ghosts = make([]uint64, ghosts)
}

func (s *shard[V]) bytes() int { return s.queues[small].bytes + s.queues[main].bytes }

func (s *shard[V]) slot(at uint32) *slot[V] { return &s.pages[at/pageSize][at%pageSize] }

// take returns a slot that nobody has.
func (s *shard[V]) take() uint32 {
	if s.free == none {
		from := uint32(len(s.pages) * pageSize)
		page := make([]slot[V], pageSize)
		for i := range page {
			page[i].next = from + uint32(i) + 1
		}
		page[pageSize-1].next = none
		s.pages, s.free = append(s.pages, page), from
	}
	at := s.free
	s.free = s.slot(at).next
	return at
}

// add keeps a value of a number that has none.
func (s *shard[V]) add(key uint64, v V, size int) {
	at := s.take()
	e := s.slot(at)
	e.key, e.value, e.size, e.asked = key, v, int32(size), 0
	s.at[key] = at
	if ghost := s.ghost(key); *ghost == key+1 {
		*ghost = 0
		s.push(main, at)
	} else {
		s.push(small, at)
	}
}

// remove forgets a value.
func (s *shard[V]) remove(at uint32) {
	s.pull(at)
	e := s.slot(at)
	delete(s.at, e.key)
	*e = slot[V]{next: s.free}
	s.free = at
}

// push puts a slot at the end of a queue.
func (s *shard[V]) push(in uint8, at uint32) {
	q, e := &s.queues[in], s.slot(at)
	e.in, e.next, e.last = in, none, q.newest
	if q.newest == none {
		q.first = at
	} else {
		s.slot(q.newest).next = at
	}
	q.newest = at
	q.bytes += int(e.size)
}

// pull takes a slot out of its queue.
func (s *shard[V]) pull(at uint32) {
	e := s.slot(at)
	q := &s.queues[e.in]
	if e.last == none {
		q.first = e.next
	} else {
		s.slot(e.last).next = e.next
	}
	if e.next == none {
		q.newest = e.last
	} else {
		s.slot(e.next).last = e.last
	}
	q.bytes -= int(e.size)
}

// room makes room for so many bytes, no more than there are in all.
func (s *shard[V]) room(size int) {
	for s.bytes()+size > s.most {
		s.evict()
	}
}

// evict lets one value go, or takes a step towards that. There is one.
func (s *shard[V]) evict() {
	in := uint8(main)
	if q := &s.queues[small]; q.first != none && (q.bytes > s.most/smallShare || s.queues[main].first == none) {
		in = small
	}
	at := s.queues[in].first
	e := s.slot(at)
	switch {
	case in == small && e.asked > enough:
		s.pull(at)
		e.asked = 0
		s.push(main, at)
	case in == small:
		s.remember(e.key)
		s.remove(at)
	case e.asked > 0:
		s.pull(at)
		e.asked--
		s.push(main, at)
	default:
		s.remove(at)
	}
}

// remember notes the number of what goes.
func (s *shard[V]) remember(key uint64) { *s.ghost(key) = key + 1 }

// ghost is where the number of what went is remembered, plus 1, until another takes its place. The greatest of all cannot be told from none.
func (s *shard[V]) ghost(key uint64) *uint64 { return &s.ghosts[mixed(key)&uint64(len(s.ghosts)-1)] }
