// Package api has the JSON types of /api, and makes them of the engine's. They are a promise to strangers, so they stand
// apart from the types of the engine, which may change: documented keys are always there, null where nothing is known.
package api

import (
	_ "embed" // for the document
	"strings"

	"reko.moe/engine"
)

// OpenAPI describes all of /api, as OpenAPI 3.1 in JSON.
//
//go:embed openapi.json
var OpenAPI []byte

// Error is what a failed request answers.
type Error struct {
	Code    int    `json:"code"` // HTTP status
	ID      string `json:"id"`
	Message string `json:"message"`
}

// Answer wraps what a GET endpoint answers; a paginated one answers a [Paged].
type Answer struct {
	Requester Requester `json:"requester"`
	Data      any       `json:"data"`
}

// Paged is an [Answer] of which there are more pages.
type Paged struct {
	Requester  Requester  `json:"requester"`
	Pagination Pagination `json:"pagination"`
	Data       any        `json:"data"`
}

// Draw is the [Answer] of random, with the seed that repeats it.
type Draw struct {
	Requester Requester `json:"requester"`
	Seed      uint64    `json:"seed"`
	Data      any       `json:"data"`
}

// Requester is the user for whom was asked.
type Requester struct {
	Username string `json:"username"`
	Hash     string `json:"hash"`
}

// Pagination has the numbers of pages, null where there is none.
type Pagination struct {
	Current  int  `json:"current"`
	Previous *int `json:"previous"`
	Next     *int `json:"next"`
}

// User is somebody compared with the requester. Similarity is in percent.
type User struct {
	Username   string `json:"username"`
	Hash       string `json:"hash"`
	Similarity int    `json:"similarity"`
}

// Voter is a [User] with a score of an anime, 1..10.
type Voter struct {
	Score      int    `json:"score"`
	Username   string `json:"username"`
	Hash       string `json:"hash"`
	Similarity int    `json:"similarity"`
}

// Recommendation is an anime from the lists of several users, the most similar first.
type Recommendation struct {
	ID      engine.AnimeID `json:"id"`
	Score   int            `json:"score"`
	Details Details        `json:"details"`
	Users   []Voter        `json:"users"`
	*Explanation
}

// Single is an anime from one user's list.
type Single struct {
	ID      engine.AnimeID `json:"id"`
	Score   int            `json:"score"`
	Details Details        `json:"details"`
	*Explanation
}

// Explanation is what the item model says of a recommendation; it is there when it was asked for. Without a model all is null or
// empty.
type Explanation struct {
	Match    *float64    `json:"match"`    // how well it fits the list: what the order taste goes by
	Expected *float64    `json:"expected"` // predicted score, 1..10, two decimals
	Because  []Influence `json:"because"`  // the strongest first
}

// Influence is an anime on the requester's list by which a match is so much higher.
type Influence struct {
	ID     engine.AnimeID `json:"id"`
	Title  string         `json:"title"`
	Weight float64        `json:"weight"`
}

// Details describe an anime.
type Details struct {
	Title      string   `json:"title"`
	Mean       float64  `json:"mean"`
	AiringDate *string  `json:"airing_date"` // YYYY-MM-DD
	Length     *int     `json:"length"`      // episodes
	Rating     *string  `json:"rating"`
	Picture    *string  `json:"picture"`
	Genres     []string `json:"genres"`
}

// Recommendations makes the answer of recommendations.
func Recommendations(a engine.Answer[engine.Recommendations], explain bool) Paged {
	return Paged{requester(a.Requester), pagination(a.Page), recommendations(a.Data.Items, explain)}
}

// RecommendationsFrom makes the answer of recommendations/{other}.
func RecommendationsFrom(a engine.Answer[engine.Recommendations], explain bool) Paged {
	singles := make([]Single, len(a.Data.Items))
	d := newDescriber(a.Data.Items)
	for i := range a.Data.Items {
		r := &a.Data.Items[i]
		singles[i] = Single{r.Anime.ID, r.Score, d.details(r.Anime), explanation(r, explain)}
	}
	return Paged{requester(a.Requester), pagination(a.Page), singles}
}

// Similar makes the answer of similar.
func Similar(a engine.Answer[[]engine.Neighbour]) Paged {
	users := make([]User, len(a.Data))
	var h hashes
	h.grow(len(users))
	for i := range a.Data {
		n := &a.Data[i]
		users[i] = User{n.Name, h.text(n.Hash), n.Similarity()}
	}
	return Paged{requester(a.Requester), pagination(a.Page), users}
}

// Compare makes the answer of compare.
func Compare(a engine.Answer[engine.Neighbour]) Answer {
	return Answer{requester(a.Requester), user(&a.Data)}
}

// Random makes the answer of random.
func Random(a engine.Answer[engine.Draw], explain bool) Draw {
	return Draw{requester(a.Requester), a.Data.Seed, recommendations(a.Data.Picks, explain)}
}

func requester(c engine.Requester) Requester { return Requester{c.Name, c.Hash.String()} }

func pagination(p engine.Page) Pagination {
	var out Pagination
	out.Current = p.Current
	if p.Current > 1 {
		out.Previous = new(p.Current - 1)
	}
	if p.More {
		out.Next = new(p.Current + 1)
	}
	return out
}

func user(n *engine.Neighbour) User { return User{n.Name, n.Hash.String(), n.Similarity()} }

func recommendations(recs []engine.Recommendation, explain bool) []Recommendation {
	out := make([]Recommendation, len(recs))
	n := 0
	for i := range recs {
		n += len(recs[i].Votes)
	}
	all := make([]Voter, n)
	var h hashes
	h.grow(n)
	d := newDescriber(recs)
	for i := range recs {
		r := &recs[i]
		voters := all[:len(r.Votes):len(r.Votes)]
		all = all[len(r.Votes):]
		for j := range r.Votes {
			v := &r.Votes[j]
			voters[j] = Voter{v.Score, v.Name, h.text(v.Hash), v.Similarity()}
		}
		out[i] = Recommendation{r.Anime.ID, r.Score, d.details(r.Anime), voters, explanation(r, explain)}
	}
	return out
}

// hashes writes hashes into one piece of memory.
type hashes struct{ strings.Builder }

// grow makes room for n hashes.
func (h *hashes) grow(n int) { h.Grow(16 * n) }

func (h *hashes) text(x engine.Hash) string {
	var b [16]byte
	from := h.Len()
	h.Write(x.Append(b[:0]))
	return h.String()[from:]
}

// explanation says why, if that is wanted.
func explanation(r *engine.Recommendation, wanted bool) *Explanation {
	if !wanted {
		return nil
	}
	e := &Explanation{Because: make([]Influence, len(r.Because))}
	if r.HasMatch {
		e.Match = new(rounded(r.Match, 10_000))
	}
	if r.Expected > 0 {
		e.Expected = new(rounded(r.Expected, 100))
	}
	for i, in := range r.Because {
		e.Because[i] = Influence{in.Anime.ID, in.Anime.Title, rounded(in.Weight, 10_000)}
	}
	return e
}

// describer makes the details of anime, which share nothing with the catalogue, in few pieces of memory.
type describer struct {
	genres  []string
	texts   []string // the others
	lengths []int
}

// newDescriber has room for the anime of recs.
func newDescriber(recs []engine.Recommendation) *describer {
	const texts = 3 // of an anime at most
	n := 0
	for i := range recs {
		n += len(recs[i].Anime.Genres)
	}
	return &describer{make([]string, 0, n), make([]string, 0, texts*len(recs)), make([]int, 0, len(recs))}
}

// details describe an anime.
func (d *describer) details(a *engine.Anime) Details {
	from := len(d.genres)
	for _, g := range a.Genres {
		d.genres = append(d.genres, g.Name)
	}
	out := Details{Title: a.Title, Mean: a.Mean, Genres: d.genres[from:len(d.genres):len(d.genres)]}
	if out.Genres == nil {
		out.Genres = []string{}
	}
	if a.Start.Full() {
		out.AiringDate = d.text(a.Start.String())
	}
	if a.Episodes > 0 {
		d.lengths = append(d.lengths, a.Episodes)
		out.Length = &d.lengths[len(d.lengths)-1]
	}
	if a.Rating != engine.NoRating {
		out.Rating = d.text(a.Rating.String())
	}
	if a.Picture != "" {
		out.Picture = d.text(a.Picture)
	}
	return out
}

func (d *describer) text(s string) *string {
	d.texts = append(d.texts, s)
	return &d.texts[len(d.texts)-1]
}
