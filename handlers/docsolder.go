package handlers

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/handlers/api"
	"reko.moe/views"
)

// docsHash stands for a user in the examples.
const docsHash = "5b1f0cdd9c1f4a7e8d2b6a3c4e5f60718293a4b5"

// docsOlderAnswers are what the older endpoints answer, and the one that needs a key, by the ids of their sections.
func docsOlderAnswers(user, other engine.Card) map[string]any {
	read := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	rekos := engine.Answer[engine.Rekos]{
		Requester: engine.Requester{Card: user, FetchedAt: read},
		Data: engine.Rekos{
			Users: []engine.Alike{{Card: other, Affinity: 92, Found: 31, Sent: 1}},
			Items: []engine.Reko{{Anime: &docsAnime, Score: 8.94, Enjoyment: 87, Users: []int{0}}},
			Found: 31, Passages: 2, Accuracy: 88,
		},
	}
	hash := func(length int) func(string) string { return func(string) string { return docsHash[:length] } }
	group, name := engine.StatisticName(slices.IndexFunc(engine.Statistics[:], func(s engine.Statistic) bool { return s.Name == "Action" }))
	stats := api.Stats{
		Requester:        api.Requester{Username: user.Name, Hash: user.Hash.String()},
		UserLastAnalyzed: read.Format("2006-01-02T15:04:05.000Z"),
		Population:       api.Population{Users: 12_338, MadeAt: new(read.Format("2006-01-02T15:04:05.000Z"))},
		Data: []api.Statistic{{Group: group, Name: name, Values: api.Values{
			Share: &api.Value{Value: 0.31, Percentile: new(71.9)}, Mean: &api.Value{Value: 7.42, Percentile: new(58.2)},
		}}},
	}
	return map[string]any{
		"rekos":       api.MakeRekos(rekos, hash(shortHash), nil, []float64{21}),
		"rekos-named": api.MakeNamedRekos(rekos, hash(longHash)),
		"stats":       stats,
	}
}

// docsSend answers what a form of the documentation would post, where no script posts it.
func (s *server) docsSend(c *fiber.Ctx, id string) error {
	body := map[string]any{}
	if text := strings.TrimSpace(c.Query("accuracy")); text != "" {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return invalid{"accuracy", text, "a number"}
		}
		body["accuracy"] = n
	}
	name := strings.TrimSpace(c.Query("username") + c.Query("user_name"))
	if len(name) > views.MaxTry {
		return invalid{"user_name", name, "short enough"}
	}
	if id == "rekos" {
		body["user_name"] = name
	}
	data, err := json.Marshal(body)
	if err != nil {
		return invalid{"accuracy", c.Query("accuracy"), "a number"} // such as NaN
	}
	c.Request().SetBody(data)
	if id == "rekos" {
		return s.rekos(c)
	}
	return s.namedRekosOf(c, name)
}
