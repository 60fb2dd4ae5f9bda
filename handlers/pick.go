package handlers

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/views"
)

// pickPage is for who has no list: anime are picked by poster, and the address with those is recommendations for them. Nothing is
// stored.
func (s *server) pickPage(c *fiber.Ctx) error {
	picked, err := s.picked(c)
	if err != nil {
		return err
	}
	if len(picked) == 0 || c.Query("choose") != "" {
		return s.choose(c, picked)
	}
	state, q, err := s.state(c)
	if err != nil {
		return err
	}
	state.From = ""
	for _, a := range picked {
		state.Picked = append(state.Picked, a.ID)
	}
	if c.Query("show") != "" && !isPartial(c) {
		return c.Redirect(state.URL(), http.StatusSeeOther) // an address to share, without what the form sends beside the picks
	}
	list, err := engine.Picked(state.Picked)
	if err != nil {
		return err
	}
	a, err := s.Engine.RecommendList(c.UserContext(), list, q)
	if err != nil {
		return err
	}
	state.Page = a.Page.Current
	v := views.RecommendationsView{State: state, Answer: a, Out: s.Engine.AnimeByID(state.Without), Now: time.Now()}
	v.Cards = leavable(s.cards(c, ""), state)
	pushURL(c, state)
	p := s.page(c, "Recommendations for what you picked", "What people watched who watched the same few anime.")
	return s.render(c, views.PickedPage(p, v, picked), views.Recommendations(v), "results")
}

// choose answers with the page on which anime are picked.
func (s *server) choose(c *fiber.Ctx, picked []*engine.Anime) error {
	v := views.PickView{Find: strings.TrimSpace(c.Query("find")), Picked: picked}
	v.Missing = len(picked) == 0 && c.Query("show") != ""
	v.Offered = s.Engine.WellKnown()
	if v.Find != "" {
		v.Offered = s.Engine.FindKnown(v.Find)
	}
	if isPartial(c) {
		c.Set("HX-Replace-Url", v.URL()) // so that a reload keeps what is picked
	}
	p := s.page(c, "Pick a few anime you liked", "Recommendations without a list: pick a few anime you liked, and see what people with that taste watched.")
	p.Index = len(c.Request().URI().QueryString()) == 0
	return s.render(c, views.PickPage(p, v), views.Picks(v), "picks")
}

// picked reads the anime that were picked, each once. One that is not known here, or no longer, is passed over while others are left:
// the address may be older than that.
func (s *server) picked(c *fiber.Ctx) ([]*engine.Anime, error) {
	var picked []*engine.Anime
	var passed error // the first over which was passed
	seen := map[engine.AnimeID]bool{}
	for _, value := range c.Context().QueryArgs().PeekMulti("anime") {
		for text := range strings.SplitSeq(string(value), ",") {
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			id, err := parseID(text)
			if err == nil && seen[id] {
				continue
			}
			unknown := invalid{"anime", text, "the id of an anime that is known here"}
			if err != nil {
				return nil, unknown
			}
			anime := s.Engine.AnimeByID([]engine.AnimeID{id})
			if len(anime) == 0 {
				passed = cmp.Or(passed, error(unknown))
				continue
			}
			if len(picked) == views.MostPicked {
				return nil, invalid{"anime", text, fmt.Sprintf("one of the first %d: no more can be picked", views.MostPicked)}
			}
			seen[id] = true
			picked = append(picked, anime[0])
		}
	}
	if len(picked) == 0 {
		return nil, passed
	}
	return picked, nil
}
