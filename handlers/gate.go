package handlers

import (
	"context"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/sync/semaphore"

	"reko.moe/engine"
	"reko.moe/handlers/api"
)

// How much is worked on at a time, for each processor, and how many may wait for their turn, how long. More at a time would make all of
// them slower and nothing quicker; who would wait longer is told at once to come again. Who waits for a list from
// MyAnimeList works on nothing, and so takes nobody's turn; but not too many of them either.
const (
	workPerProcessor = 8
	waitPerProcessor = 64
	waitTime         = 500 * time.Millisecond
	mostParked       = 256
	adminWork        = 4 // the admin side has a share of its own, so that who runs the site sees what happens
)

// gate lets in no more requests than can be worked on. It is safe for concurrent use.
type gate struct {
	turns   *semaphore.Weighted
	most    int64 // who may wait
	waiting atomic.Int64
	parked  atomic.Int64
}

func newGate(work, most int) *gate {
	return &gate{turns: semaphore.NewWeighted(int64(work)), most: int64(most)}
}

// enter returns true when it is the request's turn, and false when that would take too long.
func (g *gate) enter(ctx context.Context) bool {
	if g.turns.TryAcquire(1) {
		return true
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > g.most {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	return g.turns.Acquire(ctx, 1) == nil
}

// leave ends a turn.
func (g *gate) leave() { g.turns.Release(1) }

// park gives the turn of a request that begins to wait to somebody else, unless too many wait already. It tells whether it did; then the
// request goes on without a turn.
func (g *gate) park() bool {
	if g.parked.Add(1) > mostParked {
		g.parked.Add(-1)
		return false
	}
	g.leave()
	return true
}

// gates are those of the program.
type gates struct{ all, admin *gate }

func newGates() gates {
	n := runtime.GOMAXPROCS(0)
	return gates{newGate(n*workPerProcessor, n*waitPerProcessor), newGate(adminWork, n*waitPerProcessor)}
}

// turn lets the request wait for its turn, or turns it away. Uploads, of which few are read at a time anyway, need none.
func (s *server) turn(c *fiber.Ctx) error {
	g := s.gates.all
	switch {
	case c.Path() == uploadPath && c.Method() == http.MethodPost:
		return c.Next()
	case isAdmin(c):
		g = s.gates.admin
	}
	if !g.enter(c.UserContext()) {
		return s.turnAway(c)
	}
	parked := false
	c.SetUserContext(engine.WithWaiting(c.UserContext(), func() { parked = parked || g.park() }))
	defer func() {
		if parked {
			g.parked.Add(-1)
		} else {
			g.leave()
		}
	}()
	return c.Next()
}

// turnAway answers who came when there was too much to do. It is cheap, since there are many of them.
func (s *server) turnAway(c *fiber.Ctx) error {
	const text = "Too many are asking at once. Try again in a moment."
	s.Metrics.Shed()
	c.Set(fiber.HeaderRetryAfter, "1")
	if isAPI(c) {
		return c.Status(http.StatusServiceUnavailable).JSON(api.Error{Code: http.StatusServiceUnavailable, ID: "Overloaded", Message: text})
	}
	c.Locals(visitorKey, visitor{}) // to say no takes no look at the store
	return s.failPage(c, http.StatusServiceUnavailable, "Overloaded", text)
}
