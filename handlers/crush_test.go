package handlers

import (
	"testing"
	"testing/synctest"
	"time"
)

// As long as very many are refused, turns are fewer the longer the line for a processor is, and in an endless line there are enough for half of the
// processors; else there are as many as ever soon.
func TestTurnsFor(t *testing.T) {
	const most = 16
	for _, test := range []struct {
		now     int64
		line    time.Duration
		crushed bool
		want    int64
	}{
		{most, longLine + 1, true, 8}, {3, longLine + 1, true, 1}, {1, longLine + 1, true, 1},
		{4, 0, true, 5}, {most, 0, true, most}, {4, (longLine + shortLine) / 2, true, 4},
		{4, longLine + 1, false, 8}, {4, 0, false, 8}, {12, 0, false, most}, {most, longLine + 1, false, most},
	} {
		if got := turnsFor(test.now, most, test.line, test.crushed, false); got != test.want {
			t.Errorf("%d turns, %s, crushed: %t: %d, want %d", test.now, test.line, test.crushed, got, test.want)
		}
		if got := turnsFor(test.now, most, test.line, test.crushed, true); got != 1 {
			t.Errorf("%d turns, an endless line before two processors: %d, want 1", test.now, got)
		}
		if got, want := turnsFor(test.now, 8*most, test.line, test.crushed, true), min(test.now, 8); got != want {
			t.Errorf("%d turns, an endless line before 16 processors: %d, want %d", test.now, got, want)
		}
	}
}

// A gate gives as many turns as it is told, whether they are taken when it is told or not, and lets as many wait as fit to them.
func TestFewerTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(8, 16)
		holds := func(want int64) {
			t.Helper()
			n := int64(0)
			for g.turns.TryAcquire(1) {
				n++
			}
			if n != want {
				t.Errorf("%d turns are given, want %d", n, want)
			}
			for range n {
				g.leave()
			}
		}
		taken := func(n int) {
			for range n {
				if !g.enter(t.Context()) {
					t.Fatal("no turn")
				}
			}
		}
		taken(6)
		g.give(2)
		for range 6 {
			g.leave()
		}
		holds(2)
		holds(2)
		g.give(5)
		holds(5)
		g.give(1)
		g.give(8) // before any of them was taken and given back
		holds(8)
		taken(8)
		g.give(1)
		g.give(3) // while they are taken
		for range 8 {
			g.leave()
		}
		holds(3)
		g.give(2)
		holds(3) // whoever has none of the two yet still gets one, once
		holds(2)
		taken(2)
		if g.room() != 4 {
			t.Errorf("%d may wait at 2 of 8 turns, want 4 of 16", g.room())
		}
		for range 4 {
			go g.enter(t.Context())
		}
		synctest.Wait()
		if !g.full() || g.enter(t.Context()) {
			t.Error("a fifth may wait")
		}
		g.leave()
		g.leave()
		synctest.Wait()
	})
}

// Only of those who were refused at a rate that takes the processors it is a crush, and it lasts for a while.
func TestCrush(t *testing.T) {
	c, g := newCrush(2, nil), newGate(8, 16)
	at := c.began
	look := func(refused int64) int64 {
		at = at.Add(crushEvery)
		c.refused.Add(refused)
		c.line = func() time.Duration { return 2 * longLine }
		c.adapt(g, at)
		return g.now.Load()
	}
	few, many := int64(49), int64(51) // 1,000 a second would be 50
	if n := look(few); n != 8 {
		t.Errorf("%d turns while few are refused, want 8", n)
	}
	for _, want := range []int64{4, 2, 1, 1} {
		if n := look(many); n != want {
			t.Errorf("%d turns while many are refused, want %d", n, want)
		}
	}
	for range int(crushLasts/crushEvery) - 1 {
		if n := look(0); n != 1 {
			t.Fatalf("%d turns right after many were refused, want 1", n)
		}
	}
	for _, want := range []int64{2, 4, 8, 8} {
		if n := look(few); n != want {
			t.Errorf("%d turns after the crush, want %d", n, want)
		}
	}
	c.adapt(g, at) // a second look at once tells nothing
	if n := g.now.Load(); n != 8 {
		t.Errorf("%d turns after a look too early, want 8", n)
	}
}

// Where nobody is refused, turns are given for half of the processors when the line was endless for some looks in a row; fewer are a machine that stood still.
func TestEndlessLine(t *testing.T) {
	c, g := newCrush(2, nil), newGate(8, 16)
	at := c.began
	for i, test := range []struct {
		line time.Duration
		want int64
	}{
		{2 * endlessLine, 8}, {2 * endlessLine, 8}, {2 * endlessLine, 8}, {2 * endlessLine, 8}, {longLine, 8},
		{2 * endlessLine, 8}, {2 * endlessLine, 8}, {2 * endlessLine, 8}, {2 * endlessLine, 8}, {2 * endlessLine, 1}, {2 * endlessLine, 1},
		{longLine, 2}, {2 * endlessLine, 4},
	} {
		at = at.Add(crushEvery)
		c.line = func() time.Duration { return test.line }
		if c.adapt(g, at); g.now.Load() != test.want {
			t.Errorf("look %d, a line of %s: %d turns, want %d", i, test.line, g.now.Load(), test.want)
		}
	}
}
