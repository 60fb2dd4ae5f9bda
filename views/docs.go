package views

import (
	"context"
	"io"
	"strings"

	"github.com/a-h/templ"
)

// DocsView is what the documentation of the API has to know.
type DocsView struct {
	Base        string            // of all addresses, without a slash at its end
	APIHost     string            // where the API is at the root; empty: nowhere
	User, Other string            // names for the examples
	Upstream    bool              // users who are not stored are looked for on MyAnimeList
	Answers     map[string]string // what is answered to the example, abridged, by the endpoint's id
}

// Endpoint is a path of the API, for people.
type Endpoint struct {
	ID     string // of its section
	Title  string
	Path   string // with {username} and {other}
	Text   []string
	Params []Param
	Query  string // of the example
	Code   string // that the example in JavaScript ends with
	Note   string // about the abridged answer
}

// MaxTry is how much can be typed into a field of the forms.
const MaxTry = 64

// Param is something that one says in an address. In texts, what stands between ` is code.
type Param struct {
	Name    string
	InPath  bool
	Range   string // in short
	Default string // empty: none
	Text    string
}

const intoRange = "A number outside is taken into the range."

var (
	paramUser = Param{
		Name: "username", InPath: true, Range: "2..16 letters, digits, _ and -",
		Text: "Whom to ask for, without regard to upper and lower case. A name that nobody can have is a 404, as one that nobody has.",
	}
	paramOther = Param{Name: "other", InPath: true, Range: paramUser.Range, Text: "The other user, by the same rules."}
	paramPage  = Param{Name: "page", Range: "1..20", Default: "1", Text: "Which page. " + intoRange}
	paramBatch = Param{
		Name: "batch", Range: "1..40", Default: "1",
		Text: "Whose lists: 1 are the 32 most similar users, 2 the next 32, and so on. " + intoRange,
	}
	paramOrder = Param{
		Name: "order", Range: "taste, classic", Default: "taste",
		Text: "`taste` puts first what the user’s own list speaks for, by the trained item model; `classic` what is scored highly by many and lately. Any other name is a 400.",
	}
	paramNiche = Param{
		Name: "niche", Range: "0..4", Default: "2",
		Text: "Taste for the unusual: 0 puts first what everybody watches, 4 what few do. " + intoRange,
	}
	paramWithout = Param{
		Name: "without", Range: "up to 100 ids",
		Text: "Anime on the user’s list that are to have no influence, their ids separated by commas.",
	}
	paramExplain = Param{
		Name: "explain", Range: "true, false", Default: "false",
		Text: "With `true` each anime has three keys more: `because`, what on the list speaks for it most and by how much, `match`, which `taste` orders by, and `expected`, the predicted score 1..10.",
	}
)

// Endpoints are all of them, in the order of the page.
var Endpoints = []Endpoint{
	{
		ID: "recommendations", Title: "Recommendations", Path: "/api/{username}/recommendations",
		Text: []string{
			"What the most similar users watched and the user could, the best first, 16 on a page: anime with a mean score that are no sequel or side story, and not on the user’s list in any status.",
			"`score` is the mean of the scores of those who recommend it, as a whole number 1..10. `users` are those who do, the most similar first, each with their own score.",
		},
		Params: []Param{paramUser, paramPage, paramBatch, paramOrder, paramNiche, paramWithout, paramExplain}, Query: "page=2",
		Code: "const { data } = await answer.json();\nfor (const { score, details, users } of data) {\n  console.log(score, details.title, users.map((u) => u.username));\n}",
		Note: "Abridged: one of up to 16 anime, and one of the users who recommend it.",
	},
	{
		ID: "recommendations-from", Title: "Recommendations from one user", Path: "/api/{username}/recommendations/{other}",
		Text: []string{
			"What one other user watched and the user could, the best first, 16 on a page. `score` is the score that the other user gave; there are no `users`.",
		},
		Params: []Param{paramUser, paramOther, paramPage, paramOrder, paramNiche, paramWithout, paramExplain},
		Code:   "const { data } = await answer.json();\nfor (const { score, details } of data) {\n  console.log(score, details.title);\n}",
		Note:   "Abridged: one of up to 16 anime.",
	},
	{
		ID: "similar", Title: "Similar users", Path: "/api/{username}/similar",
		Text: []string{
			"Whose taste is closest, the closest first, 32 on a page. `similarity` is in percent; 100 means the same hash. The user is not among them.",
		},
		Params: []Param{paramUser, {Name: "page", Range: "1..40", Default: "1", Text: "Which page. " + intoRange}},
		Code:   "const { data } = await answer.json();\nfor (const { username, similarity } of data) {\n  console.log(username, similarity);\n}",
		Note:   "Abridged: one of up to 32 users.",
	},
	{
		ID: "compare", Title: "Comparison", Path: "/api/{username}/compare/{other}",
		Text:   []string{"How similar two users are. It is the same either way round. `data` is one object here: the other user."},
		Params: []Param{paramUser, paramOther},
		Code:   "const { requester, data } = await answer.json();\nconsole.log(requester.username, data.username, data.similarity);",
		Note:   "All of it.",
	},
	{
		ID: "random", Title: "Random picks", Path: "/api/{username}/random",
		Text: []string{
			"Up to 32 anime, drawn from all that the batch recommends; the better are up to twice as likely as the last. There are no pages.",
			"The answer has the `seed` of the draw beside its `data`. Ask with it, and the same anime are drawn again while the data stands still.",
		},
		Params: []Param{
			paramUser, paramBatch, paramOrder, paramNiche, paramWithout, paramExplain,
			{Name: "seed", Range: "0..9007199254740991", Text: "What the draw begins with; a new one if it is left out. It is not taken into its range: anything else is a 400."},
		},
		Query: "seed=20011998",
		Code:  "const { seed, data } = await answer.json();\nconsole.log(seed, data.map((pick) => pick.details.title));",
		Note:  "Abridged: one of up to 32 anime, and one of the users who recommend it.",
	},
	{
		ID: "version", Title: "Version", Path: "/api/version",
		Text: []string{"The version of the program that answers, in `text/plain`."},
		Code: "console.log(await answer.text());",
		Note: "All of it.",
	},
	{
		ID: "openapi", Title: "OpenAPI document", Path: "/api/openapi.json",
		Text: []string{"All of this for programs: the API as OpenAPI 3.1, with a schema for every answer. Generate a client from it, or check answers by it."},
		Code: "const { paths } = await answer.json();\nconsole.log(Object.keys(paths));",
		Note: "Abridged: how it begins.",
	},
}

// example is the address that the examples ask for, without the base.
func (e Endpoint) example(v DocsView) string {
	path := strings.NewReplacer("{username}", v.User, "{other}", v.Other).Replace(e.Path)
	if e.Query != "" {
		path += "?" + e.Query
	}
	return path
}

// script is the example in JavaScript.
func (e Endpoint) script(v DocsView) string {
	return "const answer = await fetch(\"" + v.Base + e.example(v) + "\");\n" + e.Code
}

// limits are the range and the default, in short.
func (p Param) limits() string {
	if p.Default == "" || p.Default == p.Range {
		return p.Range
	}
	return p.Range + ", default " + p.Default
}

// width is the class of a field's width.
func (p Param) width() string {
	if p.InPath {
		return "w-full sm:w-44"
	}
	return "w-[calc(50%-0.375rem)] sm:w-44"
}

// value is what a field holds at first.
func (p Param) value(v DocsView) string {
	switch p.Name {
	case "username", "user_name":
		return v.User
	case "other":
		return v.Other
	}
	return ""
}

// docsOutline is the table of contents; the endpoints stand below the entry of that id.
var docsOutline = []struct{ ID, Title string }{
	{"address", "Address"},
	{"answers", "Answers"},
	{"numbers", "Pages and numbers"},
	{"endpoints", "Endpoints"},
	{"older", "Older, and with a key"},
	{"errors", "Errors"},
	{"common", "Common errors"},
	{"origins", "Other origins"},
	{"limits", "Limits"},
	{"again", "Asking again"},
	{"promise", "What will not change"},
}

// docsError is an error that Reko handles.
type docsError struct {
	Status int
	ID     string
	When   string
}

var docsErrors = []docsError{
	{400, "InvalidParameter", "A parameter makes no sense: a page that is no number, an order that does not exist. The message says which."},
	{400, "InvalidBody", "What was sent to an older endpoint is no JSON object, or a field of it is wrong. The message says which."},
	{401, "Unauthorized", "A key is missing, wrong or revoked."},
	{403, "PrivateUserList", "The list is private, and that was made sure of."},
	{404, "UserNotFound", "There is no user of that name, or nobody can have it."},
	{422, "EmptyUserList", "The user has not watched anything yet."},
	{422, "InvalidUserList", "MyAnimeList answered something that could not be understood."},
	{500, "HashFailed", "The list does not tell a taste: its hash came out as 0."},
	{500, "FailedSave", "The database refused."},
	{500, "InternalError", "Anything else that is our fault."},
	{503, "StoreUnavailable", "The database does not answer, and memory does not know. Has Retry-After."},
	{503, "Overloaded", "Too many are asking at once. Has Retry-After."},
	{502, "UpstreamFailed", "MyAnimeList failed, and no older list is known. Has Retry-After."},
	{504, "UpstreamTimeout", "MyAnimeList took too long, and no older list is known. Has Retry-After."},
}

// docsCommon are the answers in text/plain.
var docsCommon = []struct {
	Status     int
	Text, When string
}{
	{404, "Resource does not exist", "No such path. An unknown user of a path that exists is a UserNotFound instead."},
	{405, "Invalid request method", "The path exists, but not for that method. Allow has those that it answers."},
	{503, "Rate limited", "Too many requests. Retry-After has the seconds to wait. To POST it is 429."},
	{503, "Starting, ask again in a second", "The server has just started and is still reading its data. Has Retry-After."},
}

// docsFields explains the parts of an anime.
var docsFields = []struct{ Name, Type, Text string }{
	{"id", "number", "Its id on MyAnimeList."},
	{"score", "number", "1..10; whose it is, the endpoint says."},
	{"details.title", "string", "The main title."},
	{"details.mean", "number", "The mean of all scores on MyAnimeList."},
	{"details.airing_date", "string or null", "The first day on air, `YYYY-MM-DD`, if year, month and day are known."},
	{"details.length", "number or null", "Episodes, if their number is known."},
	{"details.rating", "string or null", "`g`, `pg`, `pg_13`, `r`, `r+` or `rx`, as on MyAnimeList."},
	{"details.picture", "string or null", "The address of the main picture."},
	{"details.genres", "array of strings", "Genres, themes and audience; it can be empty."},
}

const walkScript = `const address = "BASE/api/USER/similar";
const everyone = [];
let page = 1;
while (page !== null) {
  const answer = await fetch(address + "?page=" + page);
  const { pagination, data } = await answer.json();
  everyone.push(...data);
  page = pagination.next;
}`

const errorScript = `async function ask(path, tries = 3) {
  const answer = await fetch("BASE" + path);
  if (answer.ok) return answer.json();
  const wait = Number(answer.headers.get("Retry-After"));
  if (wait > 0 && tries > 1) {
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    return ask(path, tries - 1);
  }
  const json = answer.headers.get("Content-Type").startsWith("application/json");
  throw new Error(json ? (await answer.json()).id : await answer.text());
}`

// fill puts addresses and names into a script.
func (v DocsView) fill(script string) string {
	return strings.NewReplacer("BASE", v.Base, "USER", v.User).Replace(script)
}

// shape is what all answers have in common.
func (v DocsView) shape() string {
	return `{
  "requester": { "username": "` + v.User + `", "hash": "..." },
  "pagination": { "current": 2, "previous": 1, "next": null },
  "data": [...]
}`
}

const errorShape = `{ "code": 404, "id": "UserNotFound", "message": "There is no such user." }`

// prose writes text in which what stands between ` is code.
func prose(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		for i, part := range strings.Split(text, "`") {
			part = templ.EscapeString(part)
			if i%2 == 1 {
				part = "<code>" + part + "</code>"
			}
			if _, err := io.WriteString(w, part); err != nil {
				return err
			}
		}
		return nil
	})
}
