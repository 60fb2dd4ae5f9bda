package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/views"
)

// home is the first page.
func (s *server) home(c *fiber.Ctx) error {
	p := s.page(c, "Anime recommendations from people like you", "Find the people who watch like you. Watch what they loved.")
	p.Index = true
	v := views.HomeView{Upstream: s.Upstream, Users: s.Engine.Users(), Titles: s.Engine.Titles(), Examples: s.examples(c, 6)}
	if p.Name != "" {
		ctx := impatient(c)
		// Without recommendations for the name the page is still a page.
		if a, err := s.Engine.Recommend(ctx, p.Name, engine.Query{Order: s.Order, Filter: engine.Filter{Hidden: s.visitor(c).Hidden}}); err == nil {
			v.Preview = a.Data.Items[:min(len(a.Data.Items), 6)]
			v.Cards = s.cards(c, p.Name)
		}
	}
	return write(c, views.HomePage(p, v))
}

// examples are users to click on.
func (s *server) examples(c *fiber.Ctx, n int) []engine.Card {
	if !s.Demo() {
		return s.Engine.Some(n)
	}
	var cards []engine.Card
	for _, name := range s.Examples {
		if card, ok := s.Engine.Known(c.UserContext(), name); ok && len(cards) < n {
			cards = append(cards, card)
		}
	}
	return cards
}

// cards is what cards of recommendations to a user depend on.
func (s *server) cards(c *fiber.Ctx, name string) views.CardView {
	visitor := s.visitor(c)
	v := views.CardView{Name: name, CanHide: true, Hidden: len(visitor.Hidden), Back: c.OriginalURL(), Saved: map[engine.AnimeID]bool{}}
	for _, id := range visitor.Saved {
		v.Saved[id] = true
	}
	return v
}

// userPage is somebody's recommendations: from a batch of users, or from one.
func (s *server) userPage(c *fiber.Ctx) error {
	state, q, err := s.state(c)
	if err != nil {
		return err
	}
	ctx := impatient(c)
	a, err := s.Engine.Recommend(ctx, state.Name, q)
	v := views.RecommendationsView{State: state, Answer: a, Out: s.Engine.AnimeByID(state.Without), Cards: s.cards(c, state.Name), Now: time.Now()}
	if err == nil && state.From != "" {
		var from engine.Answer[engine.Recommendations]
		if from, err = s.Engine.RecommendFrom(ctx, state.Name, state.From, q); err == nil {
			v.Single, v.Cards.Single = &from.Data.From[0], true
			from.Data.From = a.Data.From
			v.Answer = from
		}
	}
	if err != nil {
		return s.waiting(c, err, state.Name, state.From)
	}
	aged(c, v.Answer.Requester)
	v.State.Page = v.Answer.Page.Current
	v.Cards = leavable(v.Cards, v.State)
	pushURL(c, v.State)
	name := v.Answer.Requester.Name
	p := s.page(c, "Recommendations for "+name, "What "+name+" could watch, from the lists of the people most alike.")
	return s.render(c, views.RecommendationsPage(p, v), views.Recommendations(v), "results")
}

// leavable are cards whose influences can be left out, if that changes anything.
func leavable(v views.CardView, state views.State) views.CardView {
	if state.ByTaste() {
		v.Leave = &state
	}
	return v
}

// pushURL tells htmx the address of the part that it gets: without what is the default, and shareable.
func pushURL(c *fiber.Ctx, state views.State) {
	if isPartial(c) {
		c.Set("HX-Push-Url", state.URL())
	}
}

func (s *server) similarPage(c *fiber.Ctx) error {
	page, err := whole(c, "page")
	if err != nil {
		return err
	}
	ctx := impatient(c)
	name := param(c, "username")
	a, err := s.Engine.Similar(ctx, name, page)
	if err != nil {
		return s.waiting(c, err, name)
	}
	aged(c, a.Requester)
	v := views.SimilarView{Answer: a, Now: time.Now()}
	p := s.page(c, "Users like "+a.Requester.Name, "Whose taste is close to "+a.Requester.Name+"’s.")
	return s.render(c, views.SimilarPage(p, v), views.Similar(v), "results")
}

func (s *server) comparePage(c *fiber.Ctx) error {
	ctx := impatient(c)
	name, other := param(c, "username"), param(c, "other")
	a, err := s.Engine.Compare(ctx, name, other)
	if err != nil {
		return s.waiting(c, err, name, other)
	}
	aged(c, a.Requester)
	v := views.CompareView{Answer: a, Cards: s.cards(c, a.Requester.Name), Now: time.Now()}
	v.Cards.Single, v.Cards.CanHide = true, false
	p := s.page(c, a.Requester.Name+" and "+a.Data.Name, fmt.Sprintf("Their anime taste is %d %% similar.", a.Data.Similarity()))
	p.Image = "/u/" + url.PathEscape(a.Requester.Name) + "/compare/" + url.PathEscape(a.Data.Name) + "/share.png"
	return write(c, views.ComparePage(p, v))
}

// compareWith leads to the comparison with the user whose name was typed.
func (s *server) compareWith(c *fiber.Ctx) error {
	name := url.PathEscape(param(c, "username"))
	other := c.Query("other")
	if other == "" {
		return c.Redirect("/u/"+name, http.StatusSeeOther)
	}
	return c.Redirect("/u/"+name+"/compare/"+url.PathEscape(other), http.StatusSeeOther)
}

func (s *server) randomPage(c *fiber.Ctx) error {
	state, q, err := s.state(c)
	if err != nil {
		return err
	}
	seed, err := seedOf(c)
	if err != nil {
		return err
	}
	state.Random = true
	ctx := impatient(c)
	a, err := s.Engine.Random(ctx, state.Name, q, seed)
	if err != nil {
		return s.waiting(c, err, state.Name)
	}
	aged(c, a.Requester)
	state.Seed = strconv.FormatUint(a.Data.Seed, 10)
	if seed == nil && !isPartial(c) {
		return c.Redirect(state.URL(), http.StatusSeeOther) // a hand has its own address, so that it can be shared
	}
	v := views.RandomView{State: state, Answer: a, Out: s.Engine.AnimeByID(state.Without), Cards: s.cards(c, a.Requester.Name), Now: time.Now()}
	v.Cards.Back = state.URL()
	v.Cards = leavable(v.Cards, state)
	name := a.Requester.Name
	p := s.page(c, "Random picks for "+name, "Something for tonight, drawn from the lists of the people most alike.")
	pushURL(c, state)
	return s.render(c, views.RandomPage(p, v), views.Random(v), "results")
}

// aboutPage explains the taste hash on a real example.
func (s *server) aboutPage(c *fiber.Ctx) error {
	p := s.page(c, "How it works", "Taste prints, similarity, and what is recommended in which order.")
	p.Index = true
	v := views.AboutView{Users: s.Engine.Users(), Contact: s.Contact}
	if examples := s.examples(c, 1); len(examples) > 0 {
		x, err := s.Engine.Explain(c.UserContext(), examples[0].Name)
		if err != nil {
			return err
		}
		v.Name, v.Hash = x.Name, x.Hash
		for i, sum := range x.Sums {
			v.Sums = append(v.Sums, views.Sum{Name: engine.PlaceName(i), Sum: sum})
		}
		near, err := s.Engine.Similar(c.UserContext(), x.Name, 1)
		if err != nil {
			return err
		}
		if len(near.Data) > 0 {
			v.Other, v.Similar = near.Data[0].Card, near.Data[0].Similarity()
		}
		a, err := s.Engine.Recommend(c.UserContext(), x.Name, engine.Query{Order: engine.Taste})
		if err != nil {
			return err
		}
		if len(a.Data.Items) > 0 {
			v.For, v.Because = a.Data.Items[0].Anime, a.Data.Items[0].Because
		}
	}
	return write(c, views.AboutPage(p, v))
}

// state reads what the address of recommendations says.
func (s *server) state(c *fiber.Ctx) (views.State, engine.Query, error) {
	q, err := s.pageQuery(c)
	if err != nil {
		return views.State{}, q, err
	}
	if q.Filter, err = filter(c); err != nil {
		return views.State{}, q, err
	}
	q.Without = s.known(q.Without)
	_, model := s.Engine.Model()
	state := views.State{
		Name: param(c, "username"), From: c.Query("from"), Page: q.Page, Batch: min(max(q.Batch, 1), engine.MaxBatch),
		Order: q.Order, Usual: s.Order, Model: model, Niche: q.Niche, Without: q.Without, Filter: q.Filter,
	}
	if state.From != "" {
		if name, ok := engine.CanonicalName(state.From); ok {
			state.From = name
		}
	}
	q.Filter.Hidden = s.visitor(c).Hidden
	return state, q, nil
}

// known returns those of ids that are of described anime, each once. Nothing is lost with the others: no model knows them.
func (s *server) known(ids []engine.AnimeID) []engine.AnimeID {
	var known []engine.AnimeID
	for _, a := range s.Engine.AnimeByID(ids) {
		if !slices.Contains(known, a.ID) {
			known = append(known, a.ID)
		}
	}
	return known
}

// filter reads the parameters that narrow. Empty ones do not.
func filter(c *fiber.Ctx) (engine.Filter, error) {
	var f engine.Filter
	var errs []error
	number := func(name string, least, most float64) float64 {
		text := c.Query(name)
		if text == "" {
			return 0
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n >= least && n <= most) {
			errs = append(errs, invalid{name, text, fmt.Sprintf("a number in %g..%g", least, most)})
		}
		return n
	}
	genres := func(name string) (ids []int) {
		for _, text := range c.Context().QueryArgs().PeekMulti(name) {
			id, err := strconv.Atoi(string(text))
			if err != nil || engine.GenreName(id) == "" {
				errs = append(errs, invalid{name, string(text), "the id of a genre"})
			}
			ids = append(ids, id)
		}
		slices.Sort(ids)
		return slices.Compact(ids)
	}
	f.With, f.Without = genres("genre"), genres("not_genre")
	f.From, f.To = int(number("since", 1900, 2200)), int(number("until", 1900, 2200))
	f.MinMean = number("mean", 0, engine.MaxScore)
	f.MinMembers, f.MaxMembers = int(number("members", 0, 1e9)), int(number("below", 0, 1e9))
	f.Type = c.Query("type")
	f.Length = c.Query("length")
	if !engine.IsLength(f.Length) {
		errs = append(errs, invalid{"length", f.Length, "a length, such as “about 12 episodes”"})
	}
	airing := c.Query("airing")
	f.Airing = engine.ParseAiring(airing)
	if f.Airing.String() != airing {
		errs = append(errs, invalid{"airing", airing, "one of finished_airing, currently_airing, not_yet_aired"})
	}
	return f, errors.Join(errs...)
}

// parseID reads the id of an anime.
func parseID(text string) (engine.AnimeID, error) {
	id, err := strconv.ParseInt(text, 10, 32)
	if err == nil && (id < 1 || engine.AnimeID(id) > engine.MaxAnimeID) {
		err = strconv.ErrRange
	}
	return engine.AnimeID(id), err
}

// robots keeps people's pages, and the admin side, out of search engines.
func (s *server) robots(c *fiber.Ctx) error {
	return c.SendString("User-agent: *\nAllow: /u/*/share.png\nDisallow: /u/\nDisallow: /u?\nDisallow: /pick?\nDisallow: /saved\nDisallow: /admin\nDisallow: /api/\n")
}
