package handlers

import (
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
)

// started turns requests away until what most of them need is in memory.
func (s *server) started(c *fiber.Ctx) error {
	if s.Started() {
		return c.Next()
	}
	return starting(c)
}

// failStarting answers who asks for what is not in memory yet.
func failStarting(c *fiber.Ctx, err error) (answered bool, _ error) {
	if !errors.Is(err, engine.ErrStarting) {
		return false, nil
	}
	return true, starting(c)
}

// starting asks to come again. A browser does so by itself.
func starting(c *fiber.Ctx) error {
	c.Set(fiber.HeaderRetryAfter, "1")
	if c.Method() == http.MethodGet && !isAPI(c) && !isPartial(c) && wantsPage(c) {
		c.Set("Refresh", "1")
	}
	return c.Status(http.StatusServiceUnavailable).SendString("Starting, ask again in a second")
}

// draining ends connections once the server is about to stop: a proxy that keeps them opens new ones elsewhere, so that none has a
// request on its way when they are closed.
func (s *server) draining(c *fiber.Ctx) error {
	if s.Draining != nil && s.Draining() {
		c.Context().SetConnectionClose()
	}
	return c.Next()
}
