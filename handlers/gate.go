package handlers

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/sync/semaphore"
)

// How much is worked on at a time, for each processor, and how many may wait for their turn, how long. More at a time would make all of
// them slower and nothing quicker; who would wait longer is told at once to come again. Who waits for a list from
// MyAnimeList works on nothing, and so takes nobody's turn; but not too many of them either: who comes then does not wait.
const (
	workPerProcessor = 8
	waitPerProcessor = 64
	waitTime         = 250 * time.Millisecond
	mostParked       = 256
	adminWork        = 4 // the admin side has a share of its own, so that who runs the site sees what happens
)

// gate lets in no more requests than can be worked on. It is safe for concurrent use.
type gate struct {
	turns   *semaphore.Weighted
	work    int64        // turns that there are
	now     atomic.Int64 // turns that are given at present
	owed    atomic.Int64 // turns that are not given any more, but have not ended yet
	most    int64        // who may wait while all turns are given
	waiting atomic.Int64
	parked  atomic.Int64
}

func newGate(work, most int) *gate {
	g := &gate{turns: semaphore.NewWeighted(int64(work)), work: int64(work), most: int64(most)}
	g.now.Store(g.work)
	return g
}

// give gives so many turns from now on. It is for one goroutine at a time.
func (g *gate) give(turns int64) {
	n := g.now.Swap(turns) - turns
	if n > 0 {
		g.owed.Add(n)
	}
	for ; n < 0; n++ {
		g.leave()
	}
}

// settle takes one off what is owed, if anything is.
func (g *gate) settle() bool {
	for {
		switch n := g.owed.Load(); {
		case n == 0:
			return false
		case g.owed.CompareAndSwap(n, n-1):
			return true
		}
	}
}

// room is how many may wait: in proportion to the turns that are given, so that nobody waits for longer when there are fewer.
func (g *gate) room() int64 { return g.most * g.now.Load() / g.work }

// enter returns true when it is the request's turn, and false when that would take too long. While fewer turns are given than there are, who
// has one lets others in the line for a processor come first, who find it taken: on a single processor, where all of them come one after the
// other, they would find it free.
func (g *gate) enter(ctx context.Context) bool {
	if !g.turns.TryAcquire(1) && !g.wait(ctx) {
		return false
	}
	if g.now.Load() < g.work {
		runtime.Gosched()
	}
	return true
}

// wait waits for a turn, unless too many do.
func (g *gate) wait(ctx context.Context) bool {
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > g.room() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	return g.turns.Acquire(ctx, 1) == nil
}

// queued tells whether somebody waits for a turn.
func (g *gate) queued() bool { return g.waiting.Load() > 0 }

// full tells whether who comes now would be turned away.
func (g *gate) full() bool {
	n := g.waiting.Load()
	return n > 0 && n >= g.room()
}

// leave ends a turn.
func (g *gate) leave() {
	if !g.settle() {
		g.turns.Release(1)
	}
}

// park gives the turn of a request that is about to wait to somebody else, unless too many wait already. It tells whether it did; then the
// request goes on without a turn. Else it is not to wait.
func (g *gate) park() bool {
	if g.parked.Add(1) > mostParked {
		g.parked.Add(-1)
		return false
	}
	g.leave()
	return true
}

// gates are those of the program.
type gates struct {
	all, admin *gate
	crush      *crush
}

// newGates makes them. line may be nil, see [newCrush].
func newGates(line func() time.Duration) gates {
	n := runtime.GOMAXPROCS(0)
	return gates{newGate(n*workPerProcessor, n*waitPerProcessor), newGate(adminWork, n*waitPerProcessor), newCrush(n, line)}
}

// of is the gate before what is at a path; nil: there is none. Uploads, of which few are read at a time anyway, need no turn.
func (g *gates) of(method, path string) *gate {
	switch {
	case path == uploadPath && method == http.MethodPost:
		return nil
	case isAdminPath(path):
		return g.admin
	}
	return g.all
}

// turnedAwayKey is where it stands in the locals of a request that waited for its turn in vain.
type turnedAwayKey struct{}

// turn lets the request wait for its turn, or turns it away. Most of those who are turned away do not come this far: see [server.crowded].
func (s *server) turn(c *fiber.Ctx) error {
	g := s.gates.of(c.Method(), c.Path())
	if g == nil {
		return c.Next()
	}
	if !g.enter(c.UserContext()) {
		s.turnAway(c.Context())
		c.Locals(turnedAwayKey{}, true)
		return nil
	}
	t := tickets.Get().(*ticket)
	t.gate, t.parked = g, false
	manners(c).Waiting = t.waits
	defer t.end()
	return c.Next()
}

// ticket is the turn of a request.
type ticket struct {
	gate   *gate
	parked bool
	waits  func() bool // parks it, if it can be
}

// tickets are used again.
var tickets = sync.Pool{New: func() any {
	t := new(ticket)
	t.waits = func() bool {
		t.parked = t.parked || t.gate.park()
		return t.parked
	}
	return t
}}

// end gives back the turn, or the place among those who wait.
func (t *ticket) end() {
	if t.parked {
		t.gate.parked.Add(-1)
	} else {
		t.gate.leave()
	}
	tickets.Put(t)
}
