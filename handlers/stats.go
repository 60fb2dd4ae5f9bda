package handlers

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/handlers/api"
	"reko.moe/handlers/limit"
)

// stats answers the statistics of a user to who has a key.
func (s *server) stats(c *fiber.Ctx) error {
	refresh, err := truth(c, "reload_list")
	if err != nil {
		return err
	}
	a, err := s.Engine.Profile(c.UserContext(), param(c, "username"), refresh)
	if err != nil {
		return err
	}
	aged(c, a.Requester)
	return answer(c, api.MakeStats(a))
}

// keyed lets only those through who have a key. It comes before the request is looked at any further.
func (s *server) keyed(c *fiber.Ctx) error {
	key := bearer(c)
	if err := s.Engine.UseKey(c.UserContext(), key); err != nil {
		if errors.Is(err, engine.ErrUnauthorized) {
			c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="reko"`)
		}
		return err
	}
	sum := sha256.Sum256([]byte(key)) // the key itself goes nowhere
	if err := s.spendAs(c, limit.API, "key "+hex.EncodeToString(sum[:8])); err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Vary(fiber.HeaderAuthorization)
	return c.Next()
}

// bearer is the key that the request came with, empty for none.
func bearer(c *fiber.Ctx) string {
	scheme, key, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}
