package handlers

import (
	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/handlers/api"
)

func (s *server) recommendations(c *fiber.Ctx) error {
	page, err := whole(c, "page")
	if err != nil {
		return err
	}
	batch, err := whole(c, "batch")
	if err != nil {
		return err
	}
	order, err := s.order(c)
	if err != nil {
		return err
	}
	a, err := s.Engine.Recommend(c.UserContext(), param(c, "username"), page, batch, order)
	if err != nil {
		return err
	}
	return c.JSON(api.Recommendations(a))
}

func (s *server) recommendationsFrom(c *fiber.Ctx) error {
	page, err := whole(c, "page")
	if err != nil {
		return err
	}
	order, err := s.order(c)
	if err != nil {
		return err
	}
	a, err := s.Engine.RecommendFrom(c.UserContext(), param(c, "username"), param(c, "other"), page, order)
	if err != nil {
		return err
	}
	return c.JSON(api.RecommendationsFrom(a))
}

func (s *server) similar(c *fiber.Ctx) error {
	page, err := whole(c, "page")
	if err != nil {
		return err
	}
	a, err := s.Engine.Similar(c.UserContext(), param(c, "username"), page)
	if err != nil {
		return err
	}
	return c.JSON(api.Similar(a))
}

func (s *server) compare(c *fiber.Ctx) error {
	a, err := s.Engine.Compare(c.UserContext(), param(c, "username"), param(c, "other"))
	if err != nil {
		return err
	}
	return c.JSON(api.Compare(a))
}

func (s *server) random(c *fiber.Ctx) error {
	batch, err := whole(c, "batch")
	if err != nil {
		return err
	}
	order, err := s.order(c)
	if err != nil {
		return err
	}
	seed, err := seedOf(c)
	if err != nil {
		return err
	}
	a, err := s.Engine.Random(c.UserContext(), param(c, "username"), batch, order, seed)
	if err != nil {
		return err
	}
	return c.JSON(api.Random(a))
}

// order reads the parameter of that name.
func (s *server) order(c *fiber.Ctx) (engine.Order, error) {
	text := c.Query("order", string(s.Order))
	order, err := engine.ParseOrder(text)
	if err != nil {
		return "", invalid{"order", text, "the name of an order, such as classic"}
	}
	return order, nil
}
