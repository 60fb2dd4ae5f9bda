// Package api has the JSON types of /api, and makes them of the engine's. They are a promise to strangers, so they stand
// apart from the types of the engine, which may change: documented keys are always there, null where nothing is known.
package api

import (
	_ "embed" // for the document

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
	*memory
}

// Draw is the [Answer] of random, with the seed that repeats it.
type Draw struct {
	Requester Requester `json:"requester"`
	Seed      uint64    `json:"seed"`
	Data      any       `json:"data"`
	*memory
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
	m := borrow()
	return Paged{requester(a.Requester), pagination(a.Page), m.recommendations(a.Data.Items, explain), m}
}

// RecommendationsFrom makes the answer of recommendations/{other}.
func RecommendationsFrom(a engine.Answer[engine.Recommendations], explain bool) Paged {
	m := borrow()
	return Paged{requester(a.Requester), pagination(a.Page), m.fromOne(a.Data.Items, explain), m}
}

// Similar makes the answer of similar.
func Similar(a engine.Answer[[]engine.Neighbour]) Paged {
	m := borrow()
	return Paged{requester(a.Requester), pagination(a.Page), m.similar(a.Data), m}
}

// Compare makes the answer of compare.
func Compare(a engine.Answer[engine.Neighbour]) Answer {
	return Answer{requester(a.Requester), user(&a.Data)}
}

// Random makes the answer of random.
func Random(a engine.Answer[engine.Draw], explain bool) Draw {
	m := borrow()
	return Draw{requester(a.Requester), a.Data.Seed, m.recommendations(a.Data.Picks, explain), m}
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
