package mal

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"reko.moe/engine"
)

// readable is what encoding/json of old takes for JSON.
var readable = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// decoding is as lenient as encoding/json of old, and uses memory again as that does. What is used is its second version, which reads a list in a
// third of the time and makes a text that comes again and again once.
var decoding = json.JoinOptions(readable, json.MatchCaseInsensitiveNames(true), jsonv1.MatchCaseSensitiveDelimiter(true),
	jsonv1.MergeWithLegacySemantics(true))

// The answers as they are sent. A key that is absent or null is zero here, which everywhere means unknown.

type listAnswer struct {
	Data   []entryAnswer `json:"data"`
	Paging struct {
		Next string `json:"next"`
	} `json:"paging"`

	memory []entryAnswer // of Data, which is used again
}

type entryAnswer struct {
	Node       animeAnswer `json:"node"`
	ListStatus struct {
		Status    string `json:"status"`
		Score     int64  `json:"score"`
		Episodes  int64  `json:"num_episodes_watched"`
		UpdatedAt moment `json:"updated_at"`
	} `json:"list_status"`
}

// moment is a time as it is read: the zero time where there is none, or none that can be read. A list has as many as entries, each another
// one, and no text is made of them.
type moment struct{ time.Time }

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *moment) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	m.Time = time.Time{}
	switch v.Kind() {
	case 'n':
		return nil
	case '"':
		var memory [64]byte
		text, err := jsontext.AppendUnquote(memory[:0], v)
		if err != nil || m.UnmarshalText(text) != nil {
			m.Time = time.Time{}
		}
		return nil
	}
	return fmt.Errorf("a time was expected, not %s", v.Kind())
}

// listAnswers have memory that was used: a page of a list takes half a megabyte.
var listAnswers = sync.Pool{New: func() any { return new(listAnswer) }}

// read reads an answer into memory that has nothing of the one before: what is absent must not be taken from there.
func (w *listAnswer) read(body []byte) error {
	w.Data = w.memory[:0]
	w.Paging.Next = ""
	err := json.Unmarshal(body, w, decoding)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", engine.ErrInvalidList, err)
	case w.Data == nil, len(w.Data) == 0 && cap(w.Data) > 0: // of an empty array json makes a slice without room
		return fmt.Errorf("%w: no data", engine.ErrInvalidList)
	}
	return nil
}

// keptEntries is how many entries the memory of an answer may have that is kept: more than a page of the service has.
const keptEntries = 2 * pageEntries

// release ends the use of an answer.
func (w *listAnswer) release() {
	if cap(w.Data) > keptEntries {
		return
	}
	if cap(w.Data) > cap(w.memory) {
		w.memory = w.Data
	}
	w.memory = w.memory[:cap(w.memory)]
	for i := range w.memory {
		e := &w.memory[i]
		genres := e.Node.Genres[:cap(e.Node.Genres)]
		clear(genres)
		*e = entryAnswer{}
		e.Node.Genres = genres[:0]
	}
	w.Data = nil
	listAnswers.Put(w)
}

type animeAnswer struct {
	ID          int64  `json:"id"`
	Title       string `json:"title"`
	MainPicture struct {
		Medium string `json:"medium"`
		Large  string `json:"large"`
	} `json:"main_picture"`
	AlternativeTitles struct {
		En string `json:"en"`
	} `json:"alternative_titles"`
	StartDate    string  `json:"start_date"`
	Mean         float64 `json:"mean"`
	NumListUsers int64   `json:"num_list_users"`
	NSFW         string  `json:"nsfw"`
	MediaType    string  `json:"media_type"`
	Status       string  `json:"status"`
	Genres       []struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	} `json:"genres"`
	NumEpisodes  int64  `json:"num_episodes"`
	Rating       string `json:"rating"`
	RelatedAnime []struct {
		Node struct {
			ID int64 `json:"id"`
		} `json:"node"`
		RelationType string `json:"relation_type"`
	} `json:"related_anime"`
}

// page is a page of a list.
type page struct {
	changes []engine.Change // those of the pages before, too
	anime   []engine.Anime  // those on the page that have a title, without relations
	next    int             // offset of the next page; 0: this is the last
}

// readPage reads a page of a list as it was at that time, and appends its changes to those of the pages before. What it says about the user
// must be right to the last entry. Of what it says about anime, nonsense counts as unknown.
func readPage(before []engine.Change, body []byte, at time.Time) (page, error) {
	answer := listAnswers.Get().(*listAnswer)
	defer answer.release()
	if err := answer.read(body); err != nil {
		return page{}, err
	}
	p := page{changes: slices.Grow(before, len(answer.Data))}
	for i := range answer.Data {
		node, status := &answer.Data[i].Node, &answer.Data[i].ListStatus
		id, ok := animeID(node.ID)
		if !ok {
			return page{}, fmt.Errorf("%w: anime id %d", engine.ErrInvalidList, node.ID)
		}
		doing, ok := engine.ParseStatus(status.Status)
		if !ok || status.Score < 0 || status.Score > engine.MaxScore || status.Episodes < 0 {
			return page{}, fmt.Errorf("%w: anime %d: status %q, score %d, %d episodes watched",
				engine.ErrInvalidList, id, status.Status, status.Score, status.Episodes)
		}
		p.changes = append(p.changes, engine.Change{
			Entry: engine.Entry{
				Anime:    id,
				Episodes: uint16(min(status.Episodes, math.MaxUint16)),
				Score:    uint8(status.Score),
				Status:   doing,
			},
			At: status.UpdatedAt.Time,
		})
		if a := node.anime(id, at); a.Title != "" {
			if p.anime == nil {
				p.anime = make([]engine.Anime, 0, len(answer.Data)-i)
			}
			p.anime = append(p.anime, a)
		}
	}
	var err error
	if p.next, err = nextOffset(answer.Paging.Next); err != nil {
		return page{}, err
	}
	return p, nil
}

// nextOffset returns where the page at that address begins.
func nextOffset(next string) (int, error) {
	if next == "" {
		return 0, nil
	}
	u, err := url.Parse(next)
	if err != nil {
		return 0, fmt.Errorf("%w: next page: %w", engine.ErrInvalidList, err)
	}
	offset, err := strconv.ParseInt(u.Query().Get("offset"), 10, 32)
	if err != nil || offset <= 0 {
		return 0, fmt.Errorf("%w: next page %q has no offset", engine.ErrInvalidList, next)
	}
	return int(offset), nil
}

// readAnime reads the details and relations of an anime as they were at that time.
func readAnime(body []byte, at time.Time) (engine.Anime, error) {
	var answer animeAnswer
	if err := json.Unmarshal(body, &answer, decoding); err != nil {
		return engine.Anime{}, fmt.Errorf("%w: %w", engine.ErrInvalidList, err)
	}
	id, ok := animeID(answer.ID)
	a := answer.anime(id, at)
	if !ok || a.Title == "" {
		return engine.Anime{}, fmt.Errorf("%w: anime %d with the title %q", engine.ErrInvalidList, answer.ID, answer.Title)
	}
	for _, r := range answer.RelatedAnime {
		if other, ok := animeID(r.Node.ID); ok {
			a.Relations = append(a.Relations, engine.Relation{Type: text(r.RelationType), ID: other})
		}
	}
	a.Parent = engine.ParentOf(a.Relations)
	a.RelatedAt = a.DescribedAt
	return a, nil
}

// anime returns the details.
func (w *animeAnswer) anime(id engine.AnimeID, at time.Time) engine.Anime {
	a := engine.Anime{
		ID:          id,
		Title:       text(w.Title),
		English:     text(w.AlternativeTitles.En),
		Episodes:    count(w.NumEpisodes),
		Rating:      engine.ParseRating(w.Rating),
		Status:      engine.ParseAiring(w.Status),
		Picture:     picture(cmp.Or(w.MainPicture.Large, w.MainPicture.Medium)),
		Members:     count(w.NumListUsers),
		NSFW:        text(w.NSFW),
		DescribedAt: at.UTC(),
	}
	if w.MediaType != "unknown" {
		a.Type = text(w.MediaType)
	}
	if w.Mean > 0 && w.Mean <= engine.MaxScore {
		a.Mean = w.Mean
	}
	if start, err := engine.ParseDate(w.StartDate); err == nil {
		a.Start = start
	}
	for _, g := range w.Genres {
		if g.ID > 0 && g.ID <= math.MaxInt32 {
			a.Genres = append(a.Genres, engine.Genre{ID: int(g.ID), Name: text(g.Name)})
		}
	}
	return a
}

// animeID returns n as the id of an anime, if it can be one.
func animeID(n int64) (engine.AnimeID, bool) {
	return engine.AnimeID(n), n >= 1 && n <= int64(engine.MaxAnimeID)
}

// count returns n within what a store's integers hold.
func count(n int64) int { return int(min(max(n, 0), math.MaxInt32)) }

// text returns s without NUL characters, which JSON can hold and Postgres cannot.
func text(s string) string { return strings.ReplaceAll(s, "\x00", "") }

// picture returns the address of a picture that a browser may load, or nothing.
func picture(address string) string {
	if address == "" {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return address
}
