package views

import "strings"

// Older is an endpoint of the API's earlier ages, or one that needs a key: what it takes beside its path, it takes in a JSON
// body or a header.
type Older struct {
	ID     string // of its section
	Title  string
	Method string
	Path   string // with {username}
	Text   []string
	Params []Param
	Tries  []Param // those of Params that the form has, and the key
	Body   string  // of the example; empty: none
	Note   string  // about the abridged answer
}

var (
	paramAccuracy = Param{
		Name: "accuracy", Range: "number, 0..100", Default: "100",
		Text: "How alike users have to be. When fewer than five are, it is lowered by 2, at most ten times; the answer says how it ended.",
	}
	paramBannedAnime = Param{Name: "banned_ids", Range: "array of numbers", Text: "Anime that are not wanted, at most 10,000."}
	paramBannedUsers = Param{
		Name: "banned_users", Range: "array of strings", Text: "Users whose lists are not wanted, at most 10,000, by the `hash` that answers call them by.",
	}
	paramKey = Param{Name: "key", Range: "reko_..."}
)

const reloads = "Whether the list is to be read from MyAnimeList first; at most every ten minutes."

// Olders are all of them, in the order of the page.
var Olders = []Older{
	{
		ID: "rekos", Title: "Rekos", Method: "POST", Path: "/api/recommendations",
		Text: []string{
			"Up to 24 anime from the lists of up to 8 users whose statistics are most like the user’s, as reko.moe answered in late 2022. `users` of an anime are places in the `users` of the answer.",
			"`expected.enjoyment` is 0..100, by which they are ordered; `expected.score` 1..10.",
		},
		Params: []Param{
			{Name: "user_name", Range: "string, required", Text: "Whom to recommend to."},
			paramAccuracy, paramBannedAnime, paramBannedUsers,
			{Name: "force_list_update", Range: "true or false", Default: "false", Text: reloads},
		},
		Tries: []Param{{Name: "user_name", InPath: true}, paramAccuracy},
		Body:  `{"user_name": "USER", "accuracy": 90, "banned_ids": [21]}`,
		Note:  "Abridged: one of up to 24 anime, and one of up to 8 users.",
	},
	{
		ID: "rekos-named", Title: "Rekos, the user in the path", Method: "POST", Path: "/api/recommendations/{username}",
		Text: []string{
			"The same as it was answered in early 2022: all but the user in a JSON object, with other `metadata` in the answer, and hashes of users that are 40 digits long instead of 32. Either is understood in `banned_users`.",
		},
		Params: []Param{
			paramUser, paramAccuracy, paramBannedAnime, paramBannedUsers,
			{Name: "reload_list", Range: "true or false", Default: "false", Text: reloads},
		},
		Tries: []Param{paramUser, paramAccuracy},
		Body:  `{"accuracy": 90}`,
		Note:  "Abridged: one of up to 24 anime, and one of up to 8 users.",
	},
	{
		ID: "stats", Title: "Statistics of a user", Method: "GET", Path: "/api/stats/{username}",
		Text: []string{
			"What a whole list says about each of 93 traits: its share of the list, scores, and how far along the user is; each with the `percentile` among all users. Null is what no entry tells.",
			"It needs a key, which whoever runs the site gives out: `Authorization: Bearer KEY`.",
		},
		Params: []Param{paramUser, {Name: "reload_list", Range: "true or false", Default: "false", Text: reloads}},
		Tries:  []Param{paramUser, paramKey},
		Note:   "Abridged: one of 93.",
	},
}

// named is the path with the name of the examples.
func (o Older) named(v DocsView) string { return strings.ReplaceAll(o.Path, "{username}", v.User) }

// curl is the example for the command line.
func (o Older) curl(v DocsView) string {
	address := ` "` + v.Base + o.named(v) + `"`
	if o.Body == "" {
		return `curl -H "Authorization: Bearer KEY"` + address
	}
	return "curl -d '" + v.fill(o.Body) + "'" + address
}

// script is the example in JavaScript.
func (o Older) script(v DocsView) string {
	if o.Body == "" {
		return `const answer = await fetch("` + v.Base + o.named(v) + `", {
  headers: { Authorization: "Bearer KEY" },
});
const { data } = await answer.json();
console.log(data.map(({ name, values }) => [name, values.share?.percentile]));`
	}
	return `const answer = await fetch("` + v.Base + o.named(v) + `", {
  method: "POST",
  body: JSON.stringify(` + v.fill(o.Body) + `),
});
const { rekos } = await answer.json();
for (const { info, expected } of rekos) {
  console.log(expected.enjoyment, info.title);
}`
}

// kind is the type of a field: what is a number in the body is one there.
func (p Param) kind() string {
	switch p.Name {
	case paramAccuracy.Name:
		return "number"
	case paramKey.Name:
		return "password"
	}
	return "text"
}
