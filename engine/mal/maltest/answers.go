package maltest

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"reko.moe/engine"
)

const contentType = "application/json; charset=UTF-8"

// The limits of a page of a list.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// page is the answer about a list. As in all answers, keys stand in the real service's order, and are absent where
// nothing is known.
type page struct {
	Data   []item `json:"data"`
	Paging paging `json:"paging"`
}

type paging struct {
	Previous string `json:"previous,omitempty"`
	Next     string `json:"next,omitempty"`
}

type item struct {
	Node       node        `json:"node"`
	ListStatus *listStatus `json:"list_status,omitempty"`
}

type listStatus struct {
	Status       string `json:"status,omitempty"`
	Score        *uint8 `json:"score,omitempty"`
	Episodes     *int   `json:"num_episodes_watched,omitempty"`
	IsRewatching *bool  `json:"is_rewatching,omitempty"`
	UpdatedAt    string `json:"updated_at,omitempty"`
}

type node struct {
	ID                engine.AnimeID     `json:"id"`
	Title             string             `json:"title"`
	MainPicture       *picture           `json:"main_picture,omitempty"`
	AlternativeTitles *alternativeTitles `json:"alternative_titles,omitempty"`
	StartDate         string             `json:"start_date,omitempty"`
	Mean              float64            `json:"mean,omitempty"`
	NumListUsers      *int               `json:"num_list_users,omitempty"`
	NSFW              string             `json:"nsfw,omitempty"`
	MediaType         string             `json:"media_type,omitempty"`
	Status            string             `json:"status,omitempty"`
	Genres            []engine.Genre     `json:"genres,omitempty"`
	NumEpisodes       *int               `json:"num_episodes,omitempty"`
	Rating            string             `json:"rating,omitempty"`
	RelatedAnime      []related          `json:"related_anime,omitzero"`
}

type picture struct {
	Medium string `json:"medium"`
	Large  string `json:"large"`
}

type alternativeTitles struct {
	Synonyms []string `json:"synonyms"`
	En       string   `json:"en"`
	Ja       string   `json:"ja"`
}

type related struct {
	Node                  node   `json:"node"`
	RelationType          string `json:"relation_type"`
	RelationTypeFormatted string `json:"relation_type_formatted"`
}

func (s *Server) answerList(w http.ResponseWriter, r *http.Request) {
	rows, private, ok := s.rows(r.PathValue("name"))
	if !ok {
		notFound(w, r)
		return
	}
	if private {
		refuse(w, http.StatusForbidden, "", "not_permitted")
		return
	}
	q := r.URL.Query()
	limit, limitOK := number(q, "limit", defaultLimit, 1, maxLimit)
	offset, offsetOK := number(q, "offset", 0, 0, math.MaxInt32)
	order, orderOK := orders[q.Get("sort")]
	if !limitOK || !offsetOK || !orderOK {
		refuse(w, http.StatusBadRequest, "Invalid parameters", "bad_request")
		return
	}
	if nsfw := q.Get("nsfw"); nsfw != "1" && nsfw != "true" {
		rows = slices.DeleteFunc(rows, func(r row) bool { return r.anime.NSFW == "gray" || r.anime.NSFW == "black" })
	}
	slices.SortFunc(rows, order)

	asked := parseFields(q.Get("fields"))
	end := min(offset+limit, len(rows))
	rest := rows[min(offset, end):end]
	p := page{Data: make([]item, 0, len(rest))}
	for k := range rest {
		i := item{Node: nodeOf(rest[k].anime, asked)}
		if sub, ok := asked["list_status"]; ok {
			i.ListStatus = statusOf(&rest[k].Change, sub)
		}
		p.Data = append(p.Data, i)
	}
	if offset > 0 {
		p.Paging.Previous = pageURL(r, q, max(offset-limit, 0))
	}
	if end < len(rows) {
		p.Paging.Next = pageURL(r, q, end)
	}
	answerJSON(w, http.StatusOK, p)
}

// orders are the values of sort.
var orders = map[string]func(a, b row) int{
	"":            byTitle,
	"anime_title": byTitle,
	"anime_id":    byID,
	"list_updated_at": func(a, b row) int {
		return cmp.Or(b.At.Compare(a.At), byID(a, b))
	},
}

func byID(a, b row) int    { return cmp.Compare(a.anime.ID, b.anime.ID) }
func byTitle(a, b row) int { return cmp.Or(cmp.Compare(a.anime.Title, b.anime.Title), byID(a, b)) }

// pageURL returns the address of r's answer from another offset on.
func pageURL(r *http.Request, q url.Values, offset int) string {
	q = maps.Clone(q)
	q.Set("offset", strconv.Itoa(offset))
	u := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: q.Encode()}
	return u.String()
}

func (s *Server) answerAnime(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 32)
	a, ok := s.title(engine.AnimeID(id))
	if err != nil || !ok {
		notFound(w, r)
		return
	}
	asked := parseFields(r.URL.Query().Get("fields"))
	n := nodeOf(a, asked)
	if _, ok := asked["related_anime"]; ok {
		n.RelatedAnime = []related{}
		for _, rel := range a.Relations {
			other, _ := s.title(rel.ID)
			n.RelatedAnime = append(n.RelatedAnime, related{nodeOf(other, nil), rel.Type, formatted(rel.Type)})
		}
	}
	answerJSON(w, http.StatusOK, n)
}

// nodeOf describes a: id, title and picture always, the rest when it was asked for.
func nodeOf(a *engine.Anime, asked map[string][]string) node {
	n := node{ID: a.ID, Title: a.Title, MainPicture: pictureOf(a.Picture)}
	for field := range asked {
		switch field {
		case "alternative_titles":
			n.AlternativeTitles = &alternativeTitles{Synonyms: []string{}, En: a.English}
		case "start_date":
			n.StartDate = a.Start.String()
		case "mean":
			n.Mean = a.Mean
		case "num_list_users":
			n.NumListUsers = &a.Members
		case "nsfw":
			n.NSFW = a.NSFW
		case "media_type":
			n.MediaType = cmp.Or(a.Type, "unknown")
		case "status":
			n.Status = a.Status.String()
		case "genres":
			n.Genres = a.Genres
		case "num_episodes":
			n.NumEpisodes = &a.Episodes
		case "rating":
			n.Rating = a.Rating.String()
		}
	}
	return n
}

// pictureOf returns both sizes of a picture: the large one of 1.jpg is 1l.jpg.
func pictureOf(large string) *picture {
	if large == "" {
		return nil
	}
	ext := path.Ext(large)
	return &picture{Medium: strings.TrimSuffix(strings.TrimSuffix(large, ext), "l") + ext, Large: large}
}

// statusOf returns the entry as list_status. sub names what of it was asked for; nil stands for everything.
func statusOf(e *engine.Change, sub []string) *listStatus {
	if sub == nil {
		sub = []string{"status", "score", "num_episodes_watched", "is_rewatching", "updated_at"}
	}
	l := new(listStatus)
	for _, field := range sub {
		switch field {
		case "status":
			l.Status = e.Status.String()
		case "score":
			l.Score = &e.Score
		case "num_episodes_watched":
			n := int(e.Episodes)
			l.Episodes = &n
		case "is_rewatching":
			l.IsRewatching = new(bool)
		case "updated_at":
			if !e.At.IsZero() {
				l.UpdatedAt = e.At.UTC().Truncate(time.Second).Format("2006-01-02T15:04:05-07:00")
			}
		}
	}
	return l
}

// parseFields reads a list of fields like "mean,list_status{score,updated_at}". The fields of a field are its value, nil
// where none are named.
func parseFields(s string) map[string][]string {
	asked := make(map[string][]string)
	for s != "" {
		end := strings.IndexAny(s, ",{")
		if end < 0 {
			end = len(s)
		}
		var sub []string
		name, rest := strings.TrimSpace(s[:end]), s[end:]
		if inner, ok := strings.CutPrefix(rest, "{"); ok {
			inner, rest, _ = strings.Cut(inner, "}")
			sub = strings.Split(inner, ",")
		}
		if name != "" {
			asked[name] = sub
		}
		s = strings.TrimPrefix(rest, ",")
	}
	return asked
}

// formatted returns a relation type as people read it: “Side story” for side_story.
func formatted(relation string) string {
	if relation == "" {
		return ""
	}
	return strings.ToUpper(relation[:1]) + strings.ReplaceAll(relation[1:], "_", " ")
}

// number reads a parameter within low..high, which is def when absent.
func number(q url.Values, key string, def, low, high int) (n int, ok bool) {
	if !q.Has(key) {
		return def, true
	}
	n, err := strconv.Atoi(q.Get(key))
	return n, err == nil && n >= low && n <= high
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	refuse(w, http.StatusNotFound, "", "not_found")
}

// refuse answers with an error in the real service's form.
func refuse(w http.ResponseWriter, status int, message, id string) {
	answerJSON(w, status, struct {
		Message string `json:"message"`
		Error   string `json:"error"`
	}{message, id})
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // fails when the other side is gone, and then there is nobody to tell
}
