package api

import (
	"math"
	"time"

	"reko.moe/engine"
)

// Rekos is what POST /recommendations answers.
type Rekos struct {
	Metadata RekosMetadata `json:"metadata"`
	Users    []RekoUser    `json:"users"`
	Rekos    []Reko        `json:"rekos"`
}

// RekosMetadata says how [Rekos] came about.
type RekosMetadata struct {
	UserLastAnalyzed string        `json:"user_last_analyzed"` // RFC 3339, UTC, milliseconds
	Users            RekosUsers    `json:"users"`
	Rekos            RekosCount    `json:"rekos"`
	Algorithm        RekoAlgorithm `json:"algorithm"`
}

// RekosUsers says how many similar users were found, and repeats who was not wanted.
type RekosUsers struct {
	Found  int      `json:"found"`
	Banned []string `json:"banned"`
}

// RekosCount says how many anime were found, and repeats which were not wanted.
type RekosCount struct {
	Sent   int       `json:"sent"`
	Found  int       `json:"found"`
	Banned []float64 `json:"banned"`
}

// NamedRekos is what POST /recommendations/{username} answers.
type NamedRekos struct {
	Metadata NamedRekosMetadata `json:"metadata"`
	Users    []RekoUser         `json:"users"`
	Rekos    []Reko             `json:"rekos"`
}

// NamedRekosMetadata says how [NamedRekos] came about.
type NamedRekosMetadata struct {
	UserLastAnalyzed string        `json:"user_last_analyzed"` // RFC 3339, UTC, milliseconds
	UsersFound       int           `json:"users_found"`
	Rekos            RekoCount     `json:"rekos"`
	Algorithm        RekoAlgorithm `json:"algorithm"`
}

// RekoAlgorithm says how similar users were found: by how many searches, and how accurate the last one was.
type RekoAlgorithm struct {
	Passages int     `json:"passages"`
	Accuracy float64 `json:"accuracy"`
}

// RekoCount says how many anime there are, and how many of them in the answer.
type RekoCount struct {
	Sent  int `json:"sent"`
	Found int `json:"found"`
}

// RekoUser is a similar user. Hash names without telling the name; Affinity is in percent.
type RekoUser struct {
	Hash     string    `json:"hash"`
	Affinity int       `json:"affinity"`
	Rekos    RekoCount `json:"rekos"`
}

// Reko is a recommended anime. Users are places in the users of the answer.
type Reko struct {
	ID       engine.AnimeID `json:"id"`
	Info     RekoInfo       `json:"info"`
	Expected Expected       `json:"expected"`
	Users    []int          `json:"users"`
}

// RekoInfo describes an anime.
type RekoInfo struct {
	ID          engine.AnimeID `json:"id"`
	Mean        float64        `json:"mean"`
	Title       string         `json:"title"`
	AiringDate  *string        `json:"airing_date"` // YYYY-MM-DD
	MainImage   *string        `json:"main_image"`
	Rating      *string        `json:"rating"`
	NumEpisodes int            `json:"num_episodes"` // 0: not known
	Genres      []string       `json:"genres"`
	Related     []Related      `json:"related"`
}

// Related is an anime that another one is related to.
type Related struct {
	ID       engine.AnimeID `json:"id"`
	Relation string         `json:"relation"`
}

// Expected is what the user can be expected to think of an anime: score 1..10 to two decimals, enjoyment 0..100.
type Expected struct {
	Score     float64 `json:"score"`
	Enjoyment int     `json:"enjoyment"`
}

// MakeRekos makes the answer of POST /recommendations. hash stands for a name, the others are what was not wanted.
func MakeRekos(a engine.Answer[engine.Rekos], hash func(name string) string, users []string, anime []float64) Rekos {
	d := &a.Data
	return Rekos{
		Metadata: RekosMetadata{
			UserLastAnalyzed: timestamp(a.Requester.FetchedAt),
			Users:            RekosUsers{Found: len(d.Users), Banned: append([]string{}, users...)},
			Rekos:            RekosCount{Sent: len(d.Items), Found: d.Found, Banned: append([]float64{}, anime...)},
			Algorithm:        RekoAlgorithm{d.Passages, d.Accuracy},
		},
		Users: rekoUsers(d.Users, hash),
		Rekos: rekos(d.Items),
	}
}

// MakeNamedRekos makes the answer of POST /recommendations/{username}. hash stands for a name.
func MakeNamedRekos(a engine.Answer[engine.Rekos], hash func(name string) string) NamedRekos {
	d := &a.Data
	return NamedRekos{
		Metadata: NamedRekosMetadata{
			UserLastAnalyzed: timestamp(a.Requester.FetchedAt),
			UsersFound:       len(d.Users),
			Rekos:            RekoCount{Sent: len(d.Items), Found: d.Found},
			Algorithm:        RekoAlgorithm{d.Passages, d.Accuracy},
		},
		Users: rekoUsers(d.Users, hash),
		Rekos: rekos(d.Items),
	}
}

// timestamp writes a time as JavaScript does.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func rekoUsers(users []engine.Alike, hash func(name string) string) []RekoUser {
	out := make([]RekoUser, len(users))
	for i := range users {
		u := &users[i]
		out[i] = RekoUser{hash(u.Name), int(math.Round(u.Affinity)), RekoCount{Sent: u.Sent, Found: u.Found}}
	}
	return out
}

func rekos(items []engine.Reko) []Reko {
	out := make([]Reko, len(items))
	for i := range items {
		item := &items[i]
		d := new(memory).details(item.Anime)
		info := RekoInfo{
			ID: item.Anime.ID, Mean: d.Mean, Title: d.Title, AiringDate: d.AiringDate, MainImage: d.Picture, Rating: d.Rating,
			NumEpisodes: item.Anime.Episodes, Genres: d.Genres, Related: make([]Related, len(item.Anime.Relations)),
		}
		for j, r := range item.Anime.Relations {
			info.Related[j] = Related{r.ID, r.Type}
		}
		out[i] = Reko{item.Anime.ID, info, Expected{rounded(item.Score, 100), int(math.Round(item.Enjoyment))}, item.Users}
	}
	return out
}
