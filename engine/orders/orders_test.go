package orders

import (
	"slices"
	"testing"

	"reko.moe/engine"
)

// keyOf makes keys that begin alike, as those of searches do.
func keyOf(n int) engine.OrderKey { return engine.OrderKey{20: byte(n), 21: byte(n >> 8)} }

func TestWhatIsSetIsRemembered(t *testing.T) {
	m := New(1 << 20)
	if _, ok := m.Get(keyOf(1)); ok {
		t.Error("an order is known before it is set")
	}
	want := engine.PackedOrder{0, 3, 0, 1, 0, 2}
	m.Set(keyOf(1), engine.Remembered{Order: want})
	if r, ok := m.Get(keyOf(1)); !ok || !slices.Equal(r.Order, want) {
		t.Errorf("remembered is %v, %t; want %v", r, ok, want)
	}
	if _, ok := m.Get(keyOf(2)); ok {
		t.Error("another key has the order")
	}
	s := m.Stats()
	if s.Hits != 1 || s.Misses != 2 || s.Orders != 1 || s.Bytes != overhead+6 {
		t.Errorf("statistics: %+v", s)
	}
}

func TestKeysMayBeginAlike(t *testing.T) {
	const all = 1000
	m := New(1 << 20)
	for n := range all {
		m.Set(keyOf(n), engine.Remembered{Total: n})
	}
	for n := range all {
		if r, ok := m.Get(keyOf(n)); !ok || r.Total != n {
			t.Fatalf("order %d is %+v, %t", n, r, ok)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	const most = 100_000
	m := New(most)
	for i := range 10_000 {
		m.Set(keyOf(i), engine.Remembered{Order: make(engine.PackedOrder, 240), Said: make([]engine.Saying, 4)})
	}
	if s := m.Stats(); s.Bytes > most || s.Bytes < most/2 {
		t.Errorf("%d bytes are kept of at most %d", s.Bytes, most)
	}
}
