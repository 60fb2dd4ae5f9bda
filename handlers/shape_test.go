package handlers_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// What the answers below have in common. The hash of spike is the contract's example.
const (
	spike   = `"requester": {"username": "spike", "hash": "1104410102000000"}`
	onePage = `"pagination": {"current": 1, "previous": null, "next": null}`
	half    = `{"title": "<b>\"Half\" & known</b> \u2028ア", "mean": 7, "airing_date": null, "length": null, "rating": null,
		"picture": null, "genres": []}`
	monster = `{"title": "Monster", "mean": 8.89, "airing_date": "2004-04-07", "length": 74, "rating": "r+", "picture": null,
		"genres": ["Drama", "Mystery", "Suspense", "Adult Cast", "Psychological", "Seinen"]}`
	bebop = `{"title": "Cowboy Bebop", "mean": 8.75, "airing_date": "1998-04-03", "length": 26, "rating": "r",
		"picture": "https://pictures.test/1.jpg", "genres": ["Action", "Award Winning", "Sci-Fi", "Adult Cast", "Space"]}`
	jet  = `"username": "jet_black", "hash": "5144410142000000", "similarity": 93}`
	faye = `"username": "faye-v", "hash": "1126491142000000", "similarity": 92}`
	ein  = `"username": "ein", "hash": "22881140001000", "similarity": 76}`

	// Of five that the others watched, one is on spike's own list, one has no mean, one continues another, one is unscored
	// and one nobody described. The means of 8.5 are rounded up. Monster lost a point because ein's entry is over two years
	// old; faye's has no date.
	both = `{"id": 2, "score": 9, "details": ` + half + `, "users": [{"score": 9, ` + jet + `, {"score": 8, ` + faye + `]},
		{"id": 3, "score": 9, "details": ` + monster + `, "users": [{"score": 7, ` + faye + `, {"score": 10, ` + ein + `]}`
)

// Whole answers of every endpoint: each documented key with its type, and null where nothing is known.
func TestAnswers(t *testing.T) {
	a := start(t, nil)
	for _, test := range []struct{ target, want string }{
		{"/api/SPIKE/recommendations", `{` + spike + `,` + onePage + `, "data": [` + both + `]}`},
		{"/api/spike/recommendations?batch=2", `{` + spike + `,` + onePage + `, "data": []}`},
		{"/api/spike/recommendations?page=2", `{` + spike + `, "pagination": {"current": 2, "previous": 1, "next": null}, "data": []}`},
		{
			"/api/Spike/recommendations/Faye-V",
			`{` + spike + `,` + onePage + `, "data": [{"id": 2, "score": 8, "details": ` + half + `}, {"id": 3, "score": 7, "details": ` + monster + `}]}`,
		},
		{
			"/api/ein/recommendations/spike", // planned is on the list, too
			`{"requester": {"username": "ein", "hash": "22881140001000"},` + onePage + `, "data": []}`,
		},
		{
			"/api/ein/recommendations/jet_black",
			`{"requester": {"username": "ein", "hash": "22881140001000"},` + onePage + `, "data": []}`,
		},
		{
			"/api/spike/similar",
			`{` + spike + `,` + onePage + `, "data": [{"username": "version", "hash": "1104410102000000", "similarity": 100}, {` + jet + `, {` + faye + `, {` + ein + `]}`,
		},
		{"/api/spike/compare/JET_black", `{` + spike + `, "data": {` + jet + `}`},
		{"/api/spike/compare/spike", `{` + spike + `, "data": {"username": "spike", "hash": "1104410102000000", "similarity": 100}}`},
		{"/api/spike/random?seed=0", `{` + spike + `, "seed": 0, "data": [` + both + `]}`},
		{"/api/version/recommendations?batch=2", `{"requester": {"username": "version", "hash": "1104410102000000"},` + onePage + `, "data": []}`},
	} {
		got := a.get(t, test.target, http.StatusOK)
		if got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: Content-Type %q", test.target, got.header.Get("Content-Type"))
		}
		if compact(t, got.body) != compact(t, test.want) {
			t.Errorf("%s:\n%s\nwant\n%s", test.target, compact(t, got.body), compact(t, test.want))
		}
	}
}

// Everything that is known about an anime.
func TestFullDetails(t *testing.T) {
	a := start(t, func(s *setup) { s.users = append(s.users, person("julia", "file", entry(3, 10, 2024))) })
	want := `{"id": 1, "score": 10, "details": ` + bebop + `}`
	got := read[struct{ Data []json.RawMessage }](t, a.get(t, "/api/julia/recommendations/spike", http.StatusOK).body)
	if len(got.Data) != 1 || compact(t, string(got.Data[0])) != compact(t, want) {
		t.Errorf("%s, want %s", got.Data, want)
	}
}

// compact returns JSON without spaces, keys in their order, strings unescaped.
func compact(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(b.String())
}

// The documented keys of a user with thousands of others, on every endpoint and on many pages.
func TestKeysInACrowd(t *testing.T) {
	a := start(t, func(s *setup) { s.world = crowd(300, 200) })
	objects := map[string][]string{}
	for _, target := range []string{
		"/api/crowd-0/recommendations", "/api/crowd-0/recommendations?page=2&batch=3", "/api/crowd-0/recommendations/crowd-7",
		"/api/crowd-0/similar", "/api/crowd-0/similar?page=3", "/api/crowd-0/compare/crowd-299", "/api/crowd-0/random", "/api/crowd-0/random?batch=9",
	} {
		keysOf(read[any](t, a.get(t, target, http.StatusOK).body), "answer", objects)
	}
	want := map[string][]string{
		"answer":     {"data", "pagination", "requester", "seed"},
		"requester":  {"hash", "username"},
		"pagination": {"current", "next", "previous"},
		"data":       {"details", "hash", "id", "score", "similarity", "username", "users"},
		"details":    {"airing_date", "genres", "length", "mean", "picture", "rating", "title"},
		"users":      {"hash", "score", "similarity", "username"},
	}
	if !maps.EqualFunc(objects, want, slices.Equal) {
		t.Errorf("keys %v, want %v", objects, want)
	}
}

// keysOf collects the keys of the objects in value, by the key under which they stand.
func keysOf(value any, under string, found map[string][]string) {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if at, ok := slices.BinarySearch(found[under], key); !ok {
				found[under] = slices.Insert(found[under], at, key)
			}
			keysOf(inner, key, found)
		}
	case []any:
		for _, inner := range value {
			keysOf(inner, under, found)
		}
	}
}
