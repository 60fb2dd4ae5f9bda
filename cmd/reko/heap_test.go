package main

import "testing"

func TestGCPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 100, 1 << 20: 100, heapRoom: 100, 2 * heapRoom: 50, 4 * heapRoom: 25, 100 * heapRoom: leastGOGC} {
		if got := gcPercent(live); got != want {
			t.Errorf("gcPercent(%d) = %d, want %d", live, got, want)
		}
	}
}
