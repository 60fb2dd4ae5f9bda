package handlers

import (
	"sync"
	"sync/atomic"
	"time"
)

// While very many are turned away, to turn them away takes most of the processors. All who can run wait in one line for a processor: each
// turn that is given is work that stands in this line before the next refusal, and before the next step of those who have a turn. So
// fewer turns are given as long as the line is long. That costs nothing as long as the processors have enough to do without; when
// few are turned away it would, since what makes the line long then is something else, such as training.
//
// Where nothing waits for a database, hardly more than one for each processor is worked on at any moment, so that turns never run out,
// however many ask: all of them stand in the line, and none is refused. No other work makes a line that long, but for a moment. So when
// it stays that long turns are given for half of the processors, which makes a queue that can be seen; on a single one it is seen since
// who has a turn lets others come first, see [gate.enter].
const (
	crushEvery   = 50 * time.Millisecond
	longLine     = 10 * time.Millisecond // before the processors
	shortLine    = 5 * time.Millisecond
	endlessLine  = 75 * time.Millisecond
	endlessLooks = 5           // in a row: a machine that stood still for a moment, and then has all at once to do, refuses nobody
	manyRefused  = 500         // a second, for each processor
	crushLasts   = time.Second // after very many were refused: they come in waves, and each wave would find all turns given
)

// crush finds out how many turns to give. It is safe for concurrent use.
type crush struct {
	many    float64 // refusals a second
	refused atomic.Int64
	began   time.Time
	due     atomic.Int64 // the next look, as time since began
	looking sync.Mutex
	last    time.Duration        // when it was looked, since began; guarded by looking
	until   time.Duration        // the crush lasts, since began; guarded by looking
	endless int                  // looks in a row at which the line was; guarded by looking
	line    func() time.Duration // how long who comes waits until somebody looks; guarded by looking
}

// newCrush makes one. Without line, which says how long who comes waits until somebody looks, there is none.
func newCrush(processors int, line func() time.Duration) *crush {
	if line == nil {
		line = func() time.Duration { return 0 }
	}
	return &crush{many: float64(processors * manyRefused), began: time.Now(), line: line}
}

// adapt looks how things stand, when it is time for a look, and lets g give as many turns as are right.
func (c *crush) adapt(g *gate, now time.Time) {
	due, at := c.due.Load(), now.Sub(c.began)
	if int64(at) < due || !c.due.CompareAndSwap(due, int64(at+crushEvery)) || !c.looking.TryLock() {
		return
	}
	defer c.looking.Unlock()
	if rate := float64(c.refused.Swap(0)) / (at - c.last).Seconds(); rate >= c.many {
		c.until = at + crushLasts
	}
	c.last = at
	line := c.line()
	if c.endless++; line <= endlessLine {
		c.endless = 0
	}
	if turns := turnsFor(g.now.Load(), g.work, line, at < c.until, c.endless >= endlessLooks); turns != g.now.Load() {
		g.give(turns)
	}
}

// turnsFor is how many turns of most to give where there were now, in a line of that length, while very many are refused or not, and the line is
// endless or not.
func turnsFor(now, most int64, line time.Duration, crushed, endless bool) int64 {
	switch {
	case endless:
		return max(min(now, most/workPerProcessor/2), 1)
	case !crushed:
		return min(2*now, most)
	case line > longLine:
		return max(now/2, 1)
	case line < shortLine:
		return min(now+1, most)
	}
	return now
}
