package s3fifo

import "sync"

// shard is a part of a cache, with queues of its own.
type shard[K comparable, V any] struct {
	mu sync.Mutex // guards all of it

	at     map[K]uint32   // slots by key
	pages  [][]slot[K, V] // of pageSize each, which stay when values go
	free   uint32         // the first slot that nobody has, linked by next; none: all are taken
	queues [2]queue
	ghosts []uint64 // hashes of what went and has its place in the main queue if it comes back; 0: none
	most   int      // bytes
}

// slot is a value and its place in a queue.
type slot[K comparable, V any] struct {
	hash       uint64
	key        K
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
func (s *shard[K, V]) init(most int) {
	ghosts := leastGhosts
	for ghosts < most/perGhost {
		ghosts *= 2
	}
	s.at, s.pages, s.free, s.most = map[K]uint32{}, nil, none, most
	s.queues = [2]queue{{first: none, newest: none}, {first: none, newest: none}}
	s.ghosts = make([]uint64, ghosts)
}

func (s *shard[K, V]) bytes() int { return s.queues[small].bytes + s.queues[main].bytes }

func (s *shard[K, V]) slot(at uint32) *slot[K, V] { return &s.pages[at/pageSize][at%pageSize] }

// take returns a slot that nobody has.
func (s *shard[K, V]) take() uint32 {
	if s.free == none {
		from := uint32(len(s.pages) * pageSize)
		page := make([]slot[K, V], pageSize)
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

// add keeps a value of a key that has none.
func (s *shard[K, V]) add(hash uint64, key K, v V, size int) {
	at := s.take()
	e := s.slot(at)
	e.hash, e.key, e.value, e.size, e.asked = hash, key, v, int32(size), 0
	s.at[key] = at
	if ghost := s.ghost(hash); *ghost == hash {
		*ghost = 0
		s.push(main, at)
	} else {
		s.push(small, at)
	}
}

// remove forgets a value.
func (s *shard[K, V]) remove(at uint32) {
	s.pull(at)
	e := s.slot(at)
	delete(s.at, e.key)
	*e = slot[K, V]{next: s.free}
	s.free = at
}

// push puts a slot at the end of a queue.
func (s *shard[K, V]) push(in uint8, at uint32) {
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
func (s *shard[K, V]) pull(at uint32) {
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
func (s *shard[K, V]) room(size int) {
	for s.bytes()+size > s.most {
		s.evict()
	}
}

// evict lets one value go, or takes a step towards that. There is one.
func (s *shard[K, V]) evict() {
	if q := &s.queues[small]; q.first != none && (q.bytes > s.most/smallShare || s.queues[main].first == none) {
		s.evictSmall(q.first)
	} else {
		s.evictMain(s.queues[main].first)
	}
}

// evictSmall lets the first of the small queue go, or on to the main one.
func (s *shard[K, V]) evictSmall(at uint32) {
	e := s.slot(at)
	if e.asked > enough {
		s.pull(at)
		e.asked = 0
		s.push(main, at)
		return
	}
	s.remember(e.hash)
	s.remove(at)
}

// evictMain lets the first of the main queue go, or back to its end.
func (s *shard[K, V]) evictMain(at uint32) {
	e := s.slot(at)
	if e.asked == 0 {
		s.remove(at)
		return
	}
	s.pull(at)
	e.asked--
	s.push(main, at)
}

// remember notes the hash of what goes, until another takes its place.
func (s *shard[K, V]) remember(hash uint64) { *s.ghost(hash) = hash }

// ghost is where a hash is remembered.
func (s *shard[K, V]) ghost(hash uint64) *uint64 { return &s.ghosts[hash&uint64(len(s.ghosts)-1)] }
