package handlers

import (
	"github.com/gofiber/fiber/v2"

	"reko.moe/views"
)

// portraitPage shows the statistics of a user who is in the store.
func (s *server) portraitPage(c *fiber.Ctx) error {
	a, err := s.Engine.Portrait(c.UserContext(), param(c, "username"))
	if err != nil {
		return err
	}
	p, err := s.adminPage(c, usersPath, a.Requester.Name)
	if err != nil {
		return err
	}
	return write(c, views.PortraitPage(p, views.PortraitView{Answer: a}))
}
