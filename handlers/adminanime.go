package handlers

import (
	"cmp"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/views"
)

const animePath = "/admin/anime"

// animePage finds anime, and shows which are excluded.
func (s *server) animePage(c *fiber.Ctx) error {
	page, err := whole(c, "page")
	if err != nil {
		return err
	}
	exclusions, err := s.Engine.Exclusions(c.UserContext())
	if err != nil {
		return err
	}
	byID := map[engine.AnimeID]*engine.Exclusion{}
	for i := range exclusions {
		byID[exclusions[i].Anime] = &exclusions[i]
	}
	line := func(id engine.AnimeID) views.AnimeLine {
		l := views.AnimeLine{ID: id, Excluded: byID[id], Configured: s.Engine.Configured(id)}
		if known := s.Engine.AnimeByID([]engine.AnimeID{id}); len(known) > 0 {
			l.Anime = known[0]
		}
		return l
	}
	v := views.AnimeView{Query: query(c)}
	if v.Query != "" {
		var found []*engine.Anime
		found, v.Page = s.Engine.FindAnime(v.Query, page)
		for _, a := range found {
			v.Found = append(v.Found, line(a.ID))
		}
	}
	for _, x := range exclusions {
		v.Excluded = append(v.Excluded, line(x.Anime))
	}
	for _, id := range s.Engine.ConfiguredExclusions() {
		if byID[id] == nil {
			v.Excluded = append(v.Excluded, line(id))
		}
	}
	p, err := s.adminPage(c, animePath, "Anime")
	if err != nil {
		return err
	}
	return write(c, views.AnimePage(p, v))
}

func (s *server) excludeAnime(c *fiber.Ctx) error {
	return s.changeAnime(c, "excluded", "%s is not recommended any more.", func(id engine.AnimeID) error {
		return s.Engine.Exclude(c.UserContext(), id, by(c).Admin)
	})
}

func (s *server) includeAnime(c *fiber.Ctx) error {
	return s.changeAnime(c, "took back that was excluded", "%s may be recommended again.", func(id engine.AnimeID) error {
		return s.Engine.Include(c.UserContext(), id)
	})
}

// changeAnime changes whether the anime of the path is excluded. say has a place for its title.
func (s *server) changeAnime(c *fiber.Ctx, what, say string, change func(engine.AnimeID) error) error {
	text := param(c, "id")
	id, err := parseID(text)
	if err != nil {
		return invalid{"id", text, "the id of an anime"}
	}
	if err := change(id); err != nil {
		return err
	}
	title := ""
	if known := s.Engine.AnimeByID([]engine.AnimeID{id}); len(known) > 0 {
		title = known[0].Title
	}
	return s.did(c, what, fmt.Sprintf("%d %s", id, title), backTo(c, animePath), fmt.Sprintf(say, cmp.Or(title, fmt.Sprintf("Anime %d", id))))
}
