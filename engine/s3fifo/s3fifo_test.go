package s3fifo

import (
	"math"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
)

func sizeOf(v int) int { return v }

// used is what a shard's queues say they have, which has to be what there is.
func (s *shard[K, V]) used(t *testing.T) (values, bytes int) {
	t.Helper()
	for in := range s.queues {
		q, sum, last := &s.queues[in], 0, uint32(none)
		for at := q.first; at != none; at = s.slot(at).next {
			e := s.slot(at)
			if e.last != last || int(e.in) != in || s.at[e.key] != at {
				t.Fatalf("slot %d of key %v: after %d, not %d; queue %d, not %d; by its key %d", at, e.key, e.last, last, e.in, in, s.at[e.key])
			}
			sum += int(e.size)
			last = at
			values++
		}
		if q.newest != last || q.bytes != sum {
			t.Fatalf("queue %d ends with %d, not %d, and has %d bytes, not %d", in, q.newest, last, q.bytes, sum)
		}
		bytes += sum
	}
	free := 0
	for at := s.free; at != none; at = s.slot(at).next {
		if e := *s.slot(at); !reflect.DeepEqual(e, slot[K, V]{next: e.next}) {
			t.Fatalf("free slot %d has %+v", at, e)
		}
		free++
	}
	if values != len(s.at) || values+free != len(s.pages)*pageSize {
		t.Fatalf("%d values stand in queues, %d are found by key, %d slots are free of %d", values, len(s.at), free, len(s.pages)*pageSize)
	}
	return values, bytes
}

// A cache does what a map does, but that it forgets; and it never has more than its bytes.
func TestCacheIsAMapThatForgets(t *testing.T) {
	for _, bytes := range []int{1, 100, 5000, 1 << 20, 8 << 20} {
		c := New[uint64](bytes, sizeOf)
		set := map[uint64]int{}
		r := rand.New(rand.NewPCG(uint64(bytes), 1))
		lost := 0
		for n := range 100_000 {
			key := r.Uint64N(3000)
			switch r.IntN(20) {
			case 0:
				c.Delete(key)
				delete(set, key)
			case 1, 2, 3, 4, 5, 6:
				v := 1 + r.IntN(60)
				if r.IntN(100) == 0 {
					v = bytes + r.IntN(2) // as large as can be, or larger
				}
				c.Set(key, v)
				set[key] = v
			case 7:
				if n%1000 == 0 {
					c.Clear()
					clear(set)
				}
			default:
				v, ok := c.Get(key)
				want, is := set[key]
				switch {
				case ok && (!is || v != want):
					t.Fatalf("%d bytes: key %d has %d, want %d, %t", bytes, key, v, want, is)
				case is && !ok && want < bytes: // a shard has less room than the whole
					lost++
				}
			}
		}
		values, size := c.Size()
		sum, all := 0, 0
		for i := range c.shards {
			n, b := c.shards[i].used(t)
			sum, all = sum+b, all+n
		}
		if size > bytes || size != sum || values != all {
			t.Errorf("%d bytes: %d values have %d, and stand in queues as %d with %d", bytes, values, size, all, sum)
		}
		if bytes >= 8<<20 && lost > 0 {
			t.Errorf("%d bytes: %d values were forgotten where there is room for all", bytes, lost)
		}
		if bytes >= 5000 && values == 0 {
			t.Errorf("%d bytes: nothing is kept", bytes)
		}
	}
}

// What is asked for now and then stays while ten times as much as fits is used by a walk that comes by each twice.
func TestScansPushNothingOut(t *testing.T) {
	const often, each = 400, 100
	c := New[uint64](1000*each, func(int) int { return each })
	there := func() (n int) {
		for key := range uint64(often) {
			if _, ok := c.Get(key); ok {
				n++
			} else {
				c.Set(key, 1)
			}
		}
		return n
	}
	there()
	for part := range uint64(20) {
		if n := there(); n < often {
			t.Fatalf("before part %d of the walk %d of %d are there", part, n, often)
		}
		for key := range uint64(500) {
			key += 1_000_000 + 500*part
			if _, ok := c.Get(key); ok {
				t.Fatalf("key %d was never set", key)
			}
			c.Set(key, 1)
			if _, ok := c.Get(key); !ok {
				t.Fatalf("key %d is gone at once", key)
			}
		}
	}
}

// What is asked for in the main queue comes round again, and what is not goes, however hot the rest is.
func TestSecondChance(t *testing.T) {
	const each, fit = 100, 100
	c := New[uint64](fit*each, func(int) int { return each })
	settle := func(key uint64) { // in the main queue, as what comes back
		c.Set(key, 1)
		c.Get(key)
		c.Delete(key)
		c.Set(key, 1)
	}
	for key := range uint64(fit) {
		settle(key)
	}
	for key := range uint64(fit / 2) {
		c.Get(key)
	}
	for key := range uint64(fit / 2) {
		settle(1000 + key)
	}
	kept := [3]int{}
	for key := range uint64(fit / 2) {
		for n, from := range []uint64{0, fit / 2, 1000} {
			if _, ok := c.Get(from + key); ok {
				kept[n]++
			}
		}
	}
	if kept != [3]int{fit / 2, 0, fit / 2} {
		t.Errorf("%d are kept of those that were asked for, %d of the others, %d of those that came then", kept[0], kept[1], kept[2])
	}
}

// What is set is there, however hot and however small everything else is.
func TestWhatIsSetIsThere(t *testing.T) {
	const room = 100_000
	c := New[uint64](room, sizeOf)
	for key := range uint64(1000) {
		c.Set(key, 100)
		c.Get(key)
		c.Delete(key)
		c.Set(key, 100)
		c.Get(key)
	}
	for n, size := range []int{100, room / 5, room} {
		c.Set(5000+uint64(n), size)
		if _, ok := c.Get(5000 + uint64(n)); !ok {
			t.Errorf("a value of %d bytes of %d is gone at once", size, room)
		}
	}
}

// Who comes back soon after it went stays from then on, but for some of whom another took the place that is remembered.
func TestGhosts(t *testing.T) {
	const each, fit, back = 1000, 100, 20
	c := New[uint64](fit*each, func(int) int { return each })
	for key := range uint64(2 * fit) {
		c.Set(key, 1)
	}
	for key := range uint64(fit) {
		if _, ok := c.Get(key); ok {
			t.Fatalf("key %d is there, which came before the last %d", key, fit)
		}
	}
	for key := range uint64(back) {
		c.Set(fit-1-key, 1)
	}
	for key := range uint64(fit + fit/2) {
		c.Set(1000+key, 1)
	}
	kept := 0
	for key := range uint64(back) {
		if _, ok := c.Get(fit - 1 - key); ok {
			kept++
		}
	}
	if kept < back/2 {
		t.Errorf("%d of %d that came back are there", kept, back)
	}
}

// For a mixture as in service nine tenths are found of what a cache finds that always has what is asked for most.
func TestHitRate(t *testing.T) {
	const numbers, fit, asked = 20_000, 2000, 400_000
	cum, sum := make([]float64, numbers), 0.0
	for i := range cum {
		sum += math.Pow(float64(i+1), -0.9)
		cum[i] = sum
	}
	c := New[uint64](fit*100, func(int) int { return 100 })
	r := rand.New(rand.NewPCG(1, 1))
	hits, best := 0, 0
	for range asked {
		x := r.Float64() * sum
		rank := 0
		for step := 1 << 14; step > 0; step /= 2 {
			if rank+step <= numbers-1 && cum[rank+step-1] < x {
				rank += step
			}
		}
		if rank < fit {
			best++
		}
		key := uint64(rank) * 7919 % numbers
		if _, ok := c.Get(key); ok {
			hits++
		} else {
			c.Set(key, 1)
		}
	}
	if hits < best*9/10 {
		t.Errorf("%d of %d were found; of what is asked for most it would be %d", hits, asked, best)
	}
	t.Logf("%.3f of the best", float64(hits)/float64(best))
}

func TestConcurrentUse(t *testing.T) {
	c := New[uint64](1<<20, sizeOf)
	var all sync.WaitGroup
	for g := range uint64(8) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(g, 1))
			for range 20_000 {
				key := r.Uint64N(5000)
				switch r.IntN(10) {
				case 0:
					c.Delete(key)
				case 1, 2, 3:
					c.Set(key, 1+int(key)%1000)
				case 4:
					c.Size()
				default:
					if v, ok := c.Get(key); ok && v != 1+int(key)%1000 {
						t.Errorf("key %d has %d", key, v)
						return
					}
				}
				if r.IntN(5000) == 0 {
					c.Clear()
				}
			}
		})
	}
	all.Wait()
	for i := range c.shards {
		c.shards[i].used(t)
	}
}

// Looking up what is kept, and keeping it, makes nothing for the garbage collector.
func TestNoAllocations(t *testing.T) {
	c := New[uint64](1<<20, sizeOf)
	for key := range uint64(10_000) {
		c.Set(key, 200)
	}
	key := uint64(0)
	if n := testing.AllocsPerRun(20_000, func() {
		key++
		if _, ok := c.Get(key % 12_000); !ok {
			c.Set(key%12_000, 200)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkGet(b *testing.B) {
	c := New[uint64](64<<20, func(int) int { return 1000 })
	for key := range uint64(50_000) {
		c.Set(key, 1)
	}
	key := uint64(0)
	for b.Loop() {
		key += 7919
		c.Get(key % 50_000)
	}
}
