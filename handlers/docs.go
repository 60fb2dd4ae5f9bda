package handlers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/handlers/api"
	"reko.moe/views"
)

// docsPage documents the API.
func (s *server) docsPage(c *fiber.Ctx) error {
	p := s.page(c, "API", "Recommendations, similar users, comparisons and random picks for programs: how to ask, and what is answered.")
	p.Index = true
	users := s.examples(c, 2)
	for _, n := range docsNobody {
		if !slices.ContainsFunc(users, func(u engine.Card) bool { return u.Name == n.Name }) {
			users = append(users, n)
		}
	}
	answers, err := docsAnswers(users[0], users[1], s.Version)
	if err != nil {
		return err
	}
	v := views.DocsView{
		Base: s.base(c), APIHost: s.APIHost, User: users[0].Name, Other: users[1].Name, Upstream: s.Upstream, Answers: answers,
	}
	return write(c, views.DocsPage(p, v))
}

// docsNobody stand in for users where there are none yet.
var docsNobody = [...]engine.Card{{Name: "spike", Hash: 0x1104410102000000}, {Name: "faye", Hash: 0x1104410102000020}}

// docsAnime is what the examples recommend.
var docsAnime = engine.Anime{
	ID: 1, Title: "Cowboy Bebop", Episodes: 26, Mean: 8.75, Rating: engine.RatingR, Start: engine.Date{Year: 1998, Month: 4, Day: 3},
	Picture: "https://cdn.myanimelist.net/images/anime/4/19644l.jpg",
	Genres:  []engine.Genre{{Name: "Action"}, {Name: "Award Winning"}, {Name: "Sci-Fi"}, {Name: "Adult Cast"}, {Name: "Space"}},
}

// docsAnswers are what the endpoints answer, by the ids of their sections. They are made as the API's own answers are, so that
// their shape cannot be another one.
func docsAnswers(user, other engine.Card, version string) (map[string]string, error) {
	near := engine.Neighbour{Card: other, Distance: engine.Distance(user.Hash, other.Hash)}
	requester := engine.Requester{Card: user}
	picks := []engine.Recommendation{{Anime: &docsAnime, Score: 9, Votes: []engine.Vote{{Neighbour: &near, Score: 9}}}}
	recommended := engine.Answer[engine.Recommendations]{
		Requester: requester, Page: engine.Page{Current: 2, More: true}, Data: engine.Recommendations{Items: picks},
	}
	from := recommended
	from.Page.Current = 1
	olders := docsOlderAnswers(user, other)
	answers := map[string]string{"version": version, "openapi": docsOpening(api.OpenAPI)}
	for id, answer := range map[string]any{
		"recommendations":      api.Recommendations(recommended, false),
		"recommendations-from": api.RecommendationsFrom(from, false),
		"similar": api.Similar(engine.Answer[[]engine.Neighbour]{
			Requester: requester, Page: engine.Page{Current: 1, More: true}, Data: []engine.Neighbour{near},
		}),
		"compare": api.Compare(engine.Answer[engine.Neighbour]{Requester: requester, Data: near}),
		"random":  api.Random(engine.Answer[engine.Draw]{Requester: requester, Data: engine.Draw{Seed: 20011998, Picks: picks}}, false),
	} {
		olders[id] = answer
	}
	for id, answer := range olders {
		text, err := docsJSON(answer)
		if err != nil {
			return nil, err
		}
		answers[id] = text
	}
	return answers, nil
}

// innermost finds objects and arrays that have no others in them.
var innermost = regexp.MustCompile(`[[{][^][{}]*[]}]`)

// docsJSON writes JSON for people: small objects and arrays on a line of their own.
func docsJSON(v any) (string, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return "", fmt.Errorf("example: %w", err)
	}
	return string(innermost.ReplaceAllFunc(data, func(part []byte) []byte {
		if joined := bytes.Join(bytes.Fields(part), []byte(" ")); len(joined) <= 100 {
			return joined
		}
		return part
	})), nil
}

// docsOpening is how the OpenAPI document begins.
func docsOpening(document []byte) string {
	lines := slices.Collect(strings.Lines(string(document)))
	return strings.Join(lines[:min(len(lines), 5)], "") + "    ..."
}

// docsTry leads to the address that a form of the documentation asks for, where no script shows the answer in the page.
func (s *server) docsTry(c *fiber.Ctx) error {
	id := c.Query("endpoint")
	if id == "rekos" || id == "rekos-named" {
		return s.docsSend(c, id)
	}
	at := slices.IndexFunc(views.Endpoints, func(e views.Endpoint) bool { return e.ID == id })
	if at < 0 {
		return invalid{"endpoint", id, "one of the API's"}
	}
	path, query := views.Endpoints[at].Path, url.Values{}
	for _, p := range views.Endpoints[at].Params {
		text := strings.TrimSpace(c.Query(p.Name))
		switch {
		case len(text) > views.MaxTry:
			return invalid{p.Name, text, "short enough"}
		case p.InPath && strings.Trim(text, ".") == "":
			return invalid{p.Name, text, "a name"}
		case p.InPath:
			path = strings.Replace(path, "{"+p.Name+"}", url.PathEscape(text), 1)
		case text != "":
			query.Set(p.Name, text)
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.Redirect(path, http.StatusSeeOther)
}
