package handlers

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
)

// headerAge says how many seconds ago the list was read that an answer is from, where that is longer than it should be, or where the
// database did not answer and memory did.
const headerAge = "Reko-List-Age"

// aged sets headerAge if it is due.
func aged(c *fiber.Ctx, r engine.Requester) {
	if (r.Stale || r.Recalled) && !r.FetchedAt.IsZero() {
		c.Set(headerAge, strconv.Itoa(max(int(time.Since(r.FetchedAt).Seconds()), 0)))
	}
}

// How long a question may take that somebody waits for: whatever is broken, an answer or a refusal comes before 3 seconds. For a list
// that is being fetched a program waits nearly as long, and is then told to come again.
const (
	questionTime  = 2700 * time.Millisecond
	fetchPatience = 2400 * time.Millisecond
)

// deadline bounds the time that anything done for a request may take: a question has little, and what takes its time, uploads and what
// admins do, has [Options.Timeout]. It is one for both, since each costs as much memory as the rest of a small question.
func (s *server) deadline(c *fiber.Ctx) error {
	ctx, most, m := c.UserContext(), s.Timeout, new(engine.Manners)
	if path := c.Path(); path != uploadPath && !isAdmin(c) {
		m.Patience, most = fetchPatience, min(most, questionTime)
	}
	timed := within(engine.WithManners(ctx, m), most)
	defer timed.end()
	c.SetUserContext(timed)
	return c.Next()
}

// manners are those of the questions that a request asks, to be completed before it does. They are there behind [server.deadline].
func manners(c *fiber.Ctx) *engine.Manners { return engine.MannersOf(c.UserContext()) }
