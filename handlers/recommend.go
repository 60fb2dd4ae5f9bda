package handlers

import (
	"fmt"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/handlers/api"
)

func (s *server) recommendations(c *fiber.Ctx) error {
	q, err := s.pageQuery(c)
	if err != nil {
		return err
	}
	explain, err := truth(c, "explain")
	if err != nil {
		return err
	}
	q.Bare = !explain
	a, err := s.Engine.Recommend(c.UserContext(), param(c, "username"), q)
	if err != nil {
		return err
	}
	defer a.Data.Release()
	aged(c, a.Requester)
	return answer(c, api.Recommendations(a, explain))
}

func (s *server) recommendationsFrom(c *fiber.Ctx) error {
	q, err := s.ordering(c)
	if err != nil {
		return err
	}
	if q.Page, err = whole(c, "page"); err != nil {
		return err
	}
	explain, err := truth(c, "explain")
	if err != nil {
		return err
	}
	q.Bare = !explain
	a, err := s.Engine.RecommendFrom(c.UserContext(), param(c, "username"), param(c, "other"), q)
	if err != nil {
		return err
	}
	defer a.Data.Release()
	aged(c, a.Requester)
	return answer(c, api.RecommendationsFrom(a, explain))
}

func (s *server) similar(c *fiber.Ctx) error {
	page, err := whole(c, "page")
	if err != nil {
		return err
	}
	m := neighbours.Get().(*[]engine.Neighbour)
	defer neighbours.Put(m)
	a, err := s.Engine.AppendSimilar(c.UserContext(), (*m)[:0], param(c, "username"), page)
	if err != nil {
		return err
	}
	defer clear(a.Data)
	*m = a.Data
	aged(c, a.Requester)
	return answer(c, api.Similar(a))
}

// neighbours is memory for answers of similar.
var neighbours = sync.Pool{New: func() any { return new([]engine.Neighbour) }}

func (s *server) compare(c *fiber.Ctx) error {
	a, err := s.Engine.Between(c.UserContext(), param(c, "username"), param(c, "other"))
	if err != nil {
		return err
	}
	aged(c, a.Requester)
	return answer(c, api.Compare(a))
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
	explain, err := truth(c, "explain")
	if err != nil {
		return err
	}
	q.Bare = !explain
	a, err := s.Engine.Random(c.UserContext(), param(c, "username"), q, seed)
	if err != nil {
		return err
	}
	if seed == nil {
		c.Set(fiber.HeaderCacheControl, "no-store") // the same question has another answer each time
	}
	defer a.Data.Release()
	aged(c, a.Requester)
	return answer(c, api.Random(a, explain))
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
	q, err := s.ordering(c)
	if err == nil {
		q.Batch, err = whole(c, "batch")
	}
	return q, err
}

// ordering reads what a query says of the order.
func (s *server) ordering(c *fiber.Ctx) (engine.Query, error) {
	var q engine.Query
	var err error
	if q.Order, err = s.order(c); err != nil {
		return q, err
	}
	if q.Niche, err = niche(c); err != nil {
		return q, err
	}
	q.Without, err = without(c)
	return q, err
}

// niche reads the taste for the unusual: 0..4 outside, around 0 inside.
func niche(c *fiber.Ctx) (int, error) {
	if strings.TrimSpace(c.Query("niche")) == "" {
		return 0, nil
	}
	n, err := whole(c, "niche")
	return min(max(n, 0), 2*engine.MaxNiche) - engine.MaxNiche, err
}

// mostWithout is how many anime can be left without influence.
const mostWithout = 100

// without reads the anime on the user's list that are to have no influence: ids, separated by commas or in several parameters.
func without(c *fiber.Ctx) ([]engine.AnimeID, error) {
	var ids []engine.AnimeID
	for _, value := range c.Context().QueryArgs().PeekMulti("without") {
		for text := range strings.SplitSeq(string(value), ",") {
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			id, err := parseID(text)
			if err != nil || len(ids) == mostWithout {
				return nil, invalid{"without", text, fmt.Sprintf("the id of an anime, one of at most %d", mostWithout)}
			}
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// order reads how recommendations are to be ordered.
func (s *server) order(c *fiber.Ctx) (engine.Order, error) {
	text := c.Query("order", string(s.Order))
	order, err := engine.ParseOrder(text)
	if err != nil {
		return "", invalid{"order", text, "taste or classic"}
	}
	return order, nil
}
