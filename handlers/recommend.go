package handlers

import (
	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/handlers/api"
)

func (s *server) recommendations(c *fiber.Ctx) error {
	q, err := s.pageQuery(c)
	if err != nil {
		return err
	}
	a, err := s.Engine.Recommend(c.UserContext(), param(c, "username"), q)
	if err != nil {
		return err
	}
	return c.JSON(api.Recommendations(a))
}

func (s *server) recommendationsFrom(c *fiber.Ctx) error {
	var q engine.Query
	var err error
	if q.Page, err = whole(c, "page"); err != nil {
		return err
	}
	if q.Order, err = s.order(c); err != nil {
		return err
	}
	a, err := s.Engine.RecommendFrom(c.UserContext(), param(c, "username"), param(c, "other"), q)
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
	q, err := s.query(c)
	if err != nil {
		return err
	}
	seed, err := seedOf(c)
	if err != nil {
		return err
	}
	a, err := s.Engine.Random(c.UserContext(), param(c, "username"), q, seed)
	if err != nil {
		return err
	}
	return c.JSON(api.Random(a))
}

// pageQuery is query with the page.
func (s *server) pageQuery(c *fiber.Ctx) (engine.Query, error) {
	q, err := s.query(c)
	if err == nil {
		q.Page, err = whole(c, "page")
	}
	return q, err
}

// query reads which recommendations are wanted, but for the page.
func (s *server) query(c *fiber.Ctx) (engine.Query, error) {
	var q engine.Query
	var err error
	if q.Batch, err = whole(c, "batch"); err != nil {
		return q, err
	}
	q.Order, err = s.order(c)
	return q, err
}

// order reads how recommendations are to be ordered.
func (s *server) order(c *fiber.Ctx) (engine.Order, error) {
	text := c.Query("order", string(s.Order))
	order, err := engine.ParseOrder(text)
	if err != nil {
		return "", invalid{"order", text, "the name of an order, such as classic"}
	}
	return order, nil
}
