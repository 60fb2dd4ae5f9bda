package mal

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"reko.moe/engine"
)

func TestReadPage(t *testing.T) {
	at := t0
	for name, test := range map[string]struct {
		node, status string // the fields of an entry
		want         engine.Change
	}{
		"everything": {
			`"id":1`, `"status":"watching","score":7,"num_episodes_watched":3,"updated_at":"2020-09-06T07:39:52+00:00"`,
			engine.Change{
				Entry: engine.Entry{Anime: 1, Episodes: 3, Score: 7, Status: engine.Watching},
				At:    time.Date(2020, 9, 6, 7, 39, 52, 0, time.UTC),
			},
		},
		"nothing": {`"id":1`, ``, engine.Change{Entry: engine.Entry{Anime: 1}}},
		"null": {
			`"id":1,"title":null,"main_picture":null,"genres":null,"mean":null,"num_episodes":null,"rating":null`,
			`"status":null,"score":null,"num_episodes_watched":null,"updated_at":null`,
			engine.Change{Entry: engine.Entry{Anime: 1}},
		},
		"rubbish date":      {`"id":1`, `"updated_at":"yesterday"`, engine.Change{Entry: engine.Entry{Anime: 1}}},
		"no such day":       {`"id":1`, `"updated_at":"0000-00-00T00:00:00+00:00"`, engine.Change{Entry: engine.Entry{Anime: 1}}},
		"very many watched": {`"id":1`, `"num_episodes_watched":70000`, engine.Change{Entry: engine.Entry{Anime: 1, Episodes: 65535}}},
		"highest":           {`"id":4194303`, `"score":10`, engine.Change{Entry: engine.Entry{Anime: engine.MaxAnimeID, Score: 10}}},
	} {
		body := `{"data":[{"node":{` + test.node + `},"list_status":{` + test.status + `}}],"paging":{}}`
		p, err := readPage(nil, []byte(body), at)
		if err != nil || len(p.changes) != 1 || p.next != 0 {
			t.Errorf("%s: readPage = %+v, %v", name, p, err)
			continue
		}
		if got := p.changes[0]; got.Entry != test.want.Entry || !got.At.Equal(test.want.At) {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}

	for _, body := range []string{
		`{"data":[]}`,
		`{"data":[],"paging":null}`,
		`{"data":[],"paging":{"next":null}}`,
		`{"data":[],"paging":{"previous":"https://myanimelist.invalid/?offset=0"},"surprise":[1]}`,
	} {
		if p, err := readPage(nil, []byte(body), at); err != nil || p.next != 0 || len(p.changes) != 0 {
			t.Errorf("readPage(%s) = %+v, %v, want an empty last page", body, p, err)
		}
	}

	for _, body := range []string{
		``, `null`, `{}`, `[]`, `7`, `"list"`, `{"data":null}`, `{"data":{}}`, `{"data":[7]}`, `{"data":[{}]}`, `{"data":[null]}`,
		`{"message":"","error":"not_found"}`,
		`{"data":[],"paging":{"next":7}}`,
		entryJSON(`"id":0`, ``), entryJSON(`"id":-1`, ``), entryJSON(`"id":4194304`, ``), entryJSON(`"id":4294967297`, ``),
		entryJSON(`"id":1.5`, ``), entryJSON(`"id":"1"`, ``), entryJSON(`"id":99999999999999999999`, ``),
		entryJSON(`"id":1`, `"score":11`), entryJSON(`"id":1`, `"score":-1`), entryJSON(`"id":1`, `"score":266`),
		entryJSON(`"id":1`, `"score":"10"`), entryJSON(`"id":1`, `"status":"rewatching"`), entryJSON(`"id":1`, `"status":1`),
		entryJSON(`"id":1`, `"num_episodes_watched":-1`), entryJSON(`"id":1`, `"updated_at":1599377992`),
		entryJSON(`"id":1,"title":1`, ``),
	} {
		if p, err := readPage(nil, []byte(body), at); !errors.Is(err, engine.ErrInvalidList) {
			t.Errorf("readPage(%s) = %+v, %v, want %v", body, p, err, engine.ErrInvalidList)
		}
	}
}

// entryJSON is a page with one entry of these fields.
func entryJSON(node, status string) string {
	return `{"data":[{"node":{` + node + `},"list_status":{` + status + `}}]}`
}

func TestReadAnime(t *testing.T) {
	for fields, want := range map[string]engine.Anime{
		``:                                      {},
		`"start_date":"2017"`:                   {Start: engine.Date{Year: 2017}},
		`"start_date":"2017-04"`:                {Start: engine.Date{Year: 2017, Month: 4}},
		`"start_date":"2017-04-12"`:             {Start: engine.Date{Year: 2017, Month: 4, Day: 12}},
		`"start_date":"2017-02-30"`:             {},
		`"start_date":"spring"`:                 {},
		`"num_episodes":0`:                      {},
		`"num_episodes":-3,"num_list_users":-1`: {},
		`"num_episodes":9999999999`:             {Episodes: 1<<31 - 1},
		`"mean":8.75`:                           {Mean: 8.75},
		`"mean":0`:                              {},
		`"mean":-1`:                             {},
		`"mean":11`:                             {},
		`"media_type":"unknown"`:                {},
		`"media_type":"tv_special"`:             {Type: "tv_special"},
		`"rating":"pg_13"`:                      {Rating: engine.RatingPG13},
		`"rating":"none"`:                       {},
		`"status":"currently_airing"`:           {Status: engine.CurrentlyAiring},
		`"status":"paused"`:                     {},
		`"alternative_titles":{"en":"B\u0000","ja":2}`:                           {English: "B"},
		`"main_picture":{"medium":"https://x/1.jpg"}`:                            {Picture: "https://x/1.jpg"},
		`"main_picture":{"medium":"https://x/1.jpg","large":"https://x/1l.jpg"}`: {Picture: "https://x/1l.jpg"},
		`"main_picture":{"large":"javascript:alert(1)"}`:                         {},
		`"main_picture":{"large":"https://x/\u0000"}`:                            {},
		`"main_picture":{}`: {},
		`"genres":[]`:       {},
		`"genres":[{"id":1,"name":"Action"},{"id":0,"name":"?"},{"name":"?"}]`: {Genres: []engine.Genre{{ID: 1, Name: "Action"}}},
		`"related_anime":[]`: {},
		`"related_anime":[{"node":{"id":3},"relation_type":"sequel"},{"node":{"id":-3},"relation_type":"prequel"},` +
			`{"node":{"id":2},"relation_type":"prequel"}]`: {
			Relations: []engine.Relation{{Type: "sequel", ID: 3}, {Type: "prequel", ID: 2}}, Parent: 2,
		},
	} {
		want.ID, want.Title, want.DescribedAt, want.RelatedAt = 1, "A", t0, t0
		body := strings.TrimSuffix(`{"id":1,"title":"A",`+fields, ",") + `}`
		if got, err := readAnime([]byte(body), t0); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("readAnime(%s) = %+v, %v\nwant %+v", body, got, err, want)
		}
	}
	for _, body := range []string{
		`null`, `[]`, `{}`, `{"id":1}`, `{"title":"A"}`, `{"id":0,"title":"A"}`, `{"id":4194304,"title":"A"}`, `{"id":1,"title":""}`,
		`{"id":1,"title":"\u0000"}`, `{"id":1,"title":"A","genres":{}}`, `{"id":1,"title":"A","mean":"8"}`,
	} {
		if got, err := readAnime([]byte(body), t0); !errors.Is(err, engine.ErrInvalidList) {
			t.Errorf("readAnime(%s) = %+v, %v, want %v", body, got, err, engine.ErrInvalidList)
		}
	}
}

// Whatever the service sends, a page is refused or makes a list that can be stored and read back.
func FuzzReadPage(f *testing.F) {
	for _, body := range []string{
		`{"data":[{"node":{"id":967,"title":"Hokuto no Ken","main_picture":{"medium":"https:\/\/x\/1.jpg"},"mean":7.9,` +
			`"genres":[{"id":1,"name":"Action"}],"start_date":"1984-10"},"list_status":{"status":"watching","score":9,` +
			`"num_episodes_watched":73,"updated_at":"2021-03-15T09:00:58+00:00"}}],"paging":{"next":"https:\/\/x?offset=1"}}`,
		entryJSON(`"id":1`, `"score":10`), entryJSON(`"id":4194303,"title":"\u0000"`, `"updated_at":"9999-12-31T23:59:59Z"`),
		`{"data":[],"paging":{}}`, `{"data":[{}]}`, `<html>`, `{"data":[{"node":{"id":1`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := readPage(nil, body, t0)
		if err != nil {
			if !errors.Is(err, engine.ErrInvalidList) {
				t.Errorf("error is %v, want %v", err, engine.ErrInvalidList)
			}
			return
		}
		l, err := engine.NewList(p.changes)
		if err != nil {
			t.Fatalf("no list: %v", err)
		}
		if back, err := l.Pack().Unpack(nil); err != nil || !slices.Equal(back, l) && len(l) > 0 {
			t.Errorf("Unpack = %v, %v, want %v", back, err, l)
		}
		for _, a := range p.anime {
			checkAnime(t, a)
		}
	})
}

func FuzzReadAnime(f *testing.F) {
	f.Add([]byte(`{"id":5,"title":"Tengoku no Tobira","mean":8.38,"num_episodes":1,"start_date":"2001-09-01",` +
		`"related_anime":[{"node":{"id":1},"relation_type":"parent_story"}]}`))
	f.Add([]byte(`{"id":"one"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := readAnime(body, t0)
		if err == nil {
			checkAnime(t, a)
		} else if !errors.Is(err, engine.ErrInvalidList) {
			t.Errorf("error is %v, want %v", err, engine.ErrInvalidList)
		}
	})
}

// checkAnime checks what everybody may rely on.
func checkAnime(t *testing.T, a engine.Anime) {
	t.Helper()
	if a.ID < 1 || a.ID > engine.MaxAnimeID || a.Title == "" || a.Episodes < 0 || a.Members < 0 || a.Mean < 0 || a.Mean > 10 {
		t.Errorf("impossible anime %+v", a)
	}
	if engine.NewCatalogue([]engine.Anime{a}).Len() != 1 {
		t.Errorf("no catalogue takes %+v", a)
	}
	for _, s := range []string{a.Title, a.English, a.Type, a.NSFW, a.Picture} {
		if strings.ContainsRune(s, 0) {
			t.Errorf("NUL in %q", s)
		}
	}
}
