package api_test

import (
	"encoding/json"
	"testing"

	"reko.moe/engine"
	"reko.moe/handlers/api"
)

var (
	spike = engine.Requester{Card: engine.Card{ID: 7, Name: "spike", Hash: 0x1104410102000000}}
	faye  = engine.Neighbour{Card: engine.Card{ID: 8, Name: "faye", Hash: 0x0a}, Distance: 10}
	near  = engine.Neighbour{Card: spike.Card, Distance: 3}
	bebop = engine.Anime{
		ID: 1, Title: "Cowboy Bebop", English: "not told", Episodes: 26, Mean: 8.75, Rating: engine.RatingPG13, Picture: "https://pictures.test/1.jpg",
		Start: engine.Date{Year: 998, Month: 4, Day: 3}, Genres: []engine.Genre{{ID: 1, Name: "Action"}, {ID: 24, Name: "Sci-Fi"}},
	}
	vague = engine.Anime{ID: 4194303, Mean: 7}
)

const (
	spikeJSON = `{"username":"spike","hash":"1104410102000000"}`
	fayeJSON  = `"username":"faye","hash":"0a","similarity":88}`
	bebopJSON = `{"title":"Cowboy Bebop","mean":8.75,"airing_date":"0998-04-03","length":26,"rating":"pg_13",` +
		`"picture":"https://pictures.test/1.jpg","genres":["Action","Sci-Fi"]}`
	vagueJSON = `{"title":"","mean":7,"airing_date":null,"length":null,"rating":null,"picture":null,"genres":[]}`
)

func check(t *testing.T, what string, v any, want string) {
	t.Helper()
	got, err := json.Marshal(v)
	if err != nil || string(got) != want {
		t.Errorf("%s: %s, %v\nwant %s", what, got, err, want)
	}
}

// Every key in its order, null where nothing is known, and an empty list where there is nothing.
func TestAnswers(t *testing.T) {
	votes := []engine.Vote{{Neighbour: &faye, Score: 10}}
	recs := []engine.Recommendation{{Anime: &bebop, Score: 10, Votes: votes}, {Anime: &vague, Score: 1, Votes: votes}}
	const recsJSON = `[{"id":1,"score":10,"details":` + bebopJSON + `,"users":[{"score":10,` + fayeJSON + `]},` +
		`{"id":4194303,"score":1,"details":` + vagueJSON + `,"users":[{"score":10,` + fayeJSON + `]}]`
	const head = `{"requester":` + spikeJSON + `,`
	const page2 = head + `"pagination":{"current":2,"previous":1,"next":3},"data":`
	more := engine.Page{Current: 2, More: true}

	recommendations := engine.Answer[engine.Recommendations]{Requester: spike, Page: more, Data: engine.Recommendations{Items: recs}}
	check(t, "recommendations", api.Recommendations(recommendations, false), page2+recsJSON+`}`)
	check(t, "from one user", api.RecommendationsFrom(recommendations, false),
		page2+`[{"id":1,"score":10,"details":`+bebopJSON+`},{"id":4194303,"score":1,"details":`+vagueJSON+`}]}`)
	recommendations.Data.Items = nil
	check(t, "no recommendations", api.Recommendations(recommendations, false), page2+`[]}`)
	check(t, "none from one user", api.RecommendationsFrom(recommendations, false), page2+`[]}`)

	check(t, "similar", api.Similar(engine.Answer[[]engine.Neighbour]{Requester: spike, Page: more, Data: []engine.Neighbour{faye}}), page2+`[{`+fayeJSON+`]}`)
	check(t, "nobody similar", api.Similar(engine.Answer[[]engine.Neighbour]{Requester: spike, Page: more}), page2+`[]}`)
	check(t, "compare", api.Compare(engine.Answer[engine.Neighbour]{Requester: spike, Data: faye}), head+`"data":{`+fayeJSON+`}`)
	check(t, "random", api.Random(engine.Answer[engine.Draw]{Requester: spike, Data: engine.Draw{Seed: engine.MaxSeed, Picks: recs}}, false),
		head+`"seed":9007199254740991,"data":`+recsJSON+`}`)
	check(t, "nothing random", api.Random(engine.Answer[engine.Draw]{Requester: spike}, false), head+`"seed":0,"data":[]}`)
	check(t, "error", api.Error{Code: 404, ID: "UserNotFound", Message: "who?"}, `{"code":404,"id":"UserNotFound","message":"who?"}`)
}

func TestPagination(t *testing.T) {
	for _, test := range []struct {
		page engine.Page
		want string
	}{
		{engine.Page{Current: 1}, `{"current":1,"previous":null,"next":null}`},
		{engine.Page{Current: 1, More: true}, `{"current":1,"previous":null,"next":2}`},
		{engine.Page{Current: 2, More: true}, `{"current":2,"previous":1,"next":3}`},
		{engine.Page{Current: 40}, `{"current":40,"previous":39,"next":null}`},
	} {
		check(t, "pagination", api.Similar(engine.Answer[[]engine.Neighbour]{Page: test.page}).Pagination, test.want)
	}
}

// details returns what an answer says about an anime.
func details(a *engine.Anime) api.Details {
	one := engine.Recommendations{Items: []engine.Recommendation{{Anime: a}}}
	return api.RecommendationsFrom(engine.Answer[engine.Recommendations]{Data: one}, false).Data.([]api.Single)[0].Details
}

// What counts as known of an anime.
func TestDetails(t *testing.T) {
	const dated, rated = "airing_date", "rating"
	for _, test := range []struct {
		key    string
		change func(*engine.Anime)
		want   string
	}{
		{dated, func(a *engine.Anime) { a.Start = engine.Date{Year: 2017} }, `null`},
		{dated, func(a *engine.Anime) { a.Start = engine.Date{Year: 2017, Month: 4} }, `null`},
		{dated, func(a *engine.Anime) { a.Start = engine.Date{Year: 2017, Month: 4, Day: 9} }, `"2017-04-09"`},
		{"length", func(a *engine.Anime) { a.Episodes = 1 }, `1`},
		{"length", func(a *engine.Anime) { a.Episodes = 7000 }, `7000`},
		{"mean", func(a *engine.Anime) { a.Mean = 10 }, `10`},
		{"mean", func(a *engine.Anime) { a.Mean = 5.01 }, `5.01`},
		{rated, func(a *engine.Anime) { a.Rating = engine.RatingG }, `"g"`},
		{rated, func(a *engine.Anime) { a.Rating = engine.RatingPG }, `"pg"`},
		{rated, func(a *engine.Anime) { a.Rating = engine.RatingPG13 }, `"pg_13"`},
		{rated, func(a *engine.Anime) { a.Rating = engine.RatingR }, `"r"`},
		{rated, func(a *engine.Anime) { a.Rating = engine.RatingRPlus }, `"r+"`},
		{rated, func(a *engine.Anime) { a.Rating = engine.RatingRx }, `"rx"`},
		{"picture", func(a *engine.Anime) { a.Picture = "https://x.test/?a=1&b=2" }, `"https://x.test/?a=1\u0026b=2"`},
		{"title", func(a *engine.Anime) { a.Title = "シンフォギア\x00\xff" }, `"シンフォギア\u0000\ufffd"`},
		{"genres", func(a *engine.Anime) { a.Genres = []engine.Genre{{ID: 2, Name: "B"}, {ID: 1, Name: "A"}} }, `["B","A"]`},
	} {
		a := vague
		test.change(&a)
		text, err := json.Marshal(details(&a))
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]json.RawMessage
		if err := json.Unmarshal(text, &got); err != nil || string(got[test.key]) != test.want || len(got) != 7 {
			t.Errorf("%s: %s, want %s", test.key, text, test.want)
		}
	}
}

// What an answer says is its own: the anime of the catalogue are shared.
func TestAnswersOwnTheirData(t *testing.T) {
	a := bebop
	got := details(&a)
	got.Genres[0], *got.Length, *got.Picture = "", 0, ""
	if a.Genres[0].Name != "Action" || a.Episodes != 26 || a.Picture == "" {
		t.Errorf("the catalogue's anime became %+v", a)
	}
}

// Answers are made in memory that is used again: what was there before shows in none.
func TestReleasedAnswers(t *testing.T) {
	votes := []engine.Vote{{Neighbour: &faye, Score: 10}, {Neighbour: &near, Score: 1}}
	long := engine.Answer[engine.Recommendations]{Requester: spike, Data: engine.Recommendations{Items: []engine.Recommendation{
		{Anime: &bebop, Score: 10, Votes: votes}, {Anime: &vague, Score: 1, Votes: votes[:1]},
	}}}
	short := long
	short.Data.Items = long.Data.Items[1:]
	similar := engine.Answer[[]engine.Neighbour]{Requester: spike, Data: []engine.Neighbour{near}}
	draw := engine.Answer[engine.Draw]{Requester: spike, Data: engine.Draw{Picks: long.Data.Items[:1]}}
	type answer interface{ Release() }
	made := []func() answer{
		func() answer { return api.Recommendations(long, true) },
		func() answer { return api.RecommendationsFrom(short, false) },
		func() answer { return api.Recommendations(short, false) },
		func() answer { return api.Similar(similar) },
		func() answer { return api.Random(draw, false) },
		func() answer { return api.RecommendationsFrom(long, true) },
	}
	want := make([]string, len(made))
	for i := range made {
		text, err := json.Marshal(made[i]()) // never released, so it has memory of its own
		if err != nil {
			t.Fatal(err)
		}
		want[i] = string(text)
	}
	for n := range 50 {
		i := n * n % len(made)
		a := made[i]()
		check(t, "used again", a, want[i])
		a.Release()
	}
}
