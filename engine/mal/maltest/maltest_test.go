package maltest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/mal/maltest"
)

var t0 = time.Date(2024, 5, 20, 12, 0, 0, 0, time.UTC)

// change is an entry that changed so long before t0.
func change(id engine.AnimeID, before time.Duration) engine.Change {
	return engine.Change{
		Entry: engine.Entry{Anime: id, Score: 8, Episodes: 12, Status: engine.Completed},
		At:    t0.Add(-before),
	}
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

// ask asks s, over the network if it listens, with its client id.
func ask(t *testing.T, s *maltest.Server, path string) reply {
	t.Helper()
	got, err := try(t.Context(), s, s.BaseURL+path, s.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func try(ctx context.Context, s *maltest.Server, address, clientID string) (reply, error) {
	client := http.Client{Transport: s}
	if strings.Contains(address, "127.0.0.1") {
		client.Transport = http.DefaultTransport
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return reply{}, err
	}
	if clientID != "" {
		r.Header.Set("X-MAL-CLIENT-ID", clientID)
	}
	resp, err := client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, strings.TrimSpace(string(body))}, err
}

// ids returns the anime on a page of a list, and the address of the next page.
func ids(t *testing.T, r reply) (ids []int, next string) {
	t.Helper()
	var p struct {
		Data []struct {
			Node struct{ ID int }
		}
		Paging struct{ Next string }
	}
	if err := json.Unmarshal([]byte(r.body), &p); err != nil || r.status != http.StatusOK {
		t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	for _, d := range p.Data {
		ids = append(ids, d.Node.ID)
	}
	return ids, p.Paging.Next
}

func TestFields(t *testing.T) {
	full := engine.Anime{
		ID: 5, Title: "Tengoku no Tobira & more", English: "Bebop: The Movie", Type: "movie", Episodes: 1, Mean: 8.38,
		Rating: engine.RatingR, Start: engine.Date{Year: 2001, Month: 9}, Status: engine.FinishedAiring,
		Genres:  []engine.Genre{{ID: 1, Name: "Action"}},
		Picture: "https://x/1/2l.jpg", Members: 3, NSFW: "white", Relations: []engine.Relation{{Type: "side_story", ID: 1}},
	}
	bare := engine.Anime{ID: 6, Title: "Upcoming"}
	s := maltest.Start(t, maltest.Lists{"Spike": {change(5, 0), {Entry: engine.Entry{Anime: 6}}}}, full, bare)
	const everything = "title,main_picture,alternative_titles,start_date,mean,status,genres,num_episodes,rating," +
		"media_type,num_list_users,nsfw,related_anime,synopsis"
	const fullNode = `"id":5,"title":"Tengoku no Tobira & more","main_picture":{"medium":"https://x/1/2.jpg","large":"https://x/1/2l.jpg"}`
	for path, want := range map[string]string{
		"/anime/5": `{` + fullNode + `}`,
		"/anime/5?fields=" + everything: `{` + fullNode + `,"alternative_titles":{"synonyms":[],"en":"Bebop: The Movie","ja":""},` +
			`"start_date":"2001-09","mean":8.38,"num_list_users":3,"nsfw":"white","media_type":"movie","status":"finished_airing",` +
			`"genres":[{"id":1,"name":"Action"}],"num_episodes":1,"rating":"r","related_anime":[{"node":{"id":1,"title":""},` +
			`"relation_type":"side_story","relation_type_formatted":"Side story"}]}`,
		"/anime/6?fields=" + everything: `{"id":6,"title":"Upcoming","alternative_titles":{"synonyms":[],"en":"","ja":""},` +
			`"num_list_users":0,"media_type":"unknown","num_episodes":0,"related_anime":[]}`,
		"/users/spike/animelist?limit=1": `{"data":[{"node":{` + fullNode + `}}],` +
			`"paging":{"next":"` + s.BaseURL + `/users/spike/animelist?limit=1&offset=1"}}`,
		"/users/SPIKE/animelist?fields=list_status,mean": `{"data":[{"node":{` + fullNode + `,"mean":8.38},` +
			`"list_status":{"status":"completed","score":8,"num_episodes_watched":12,"is_rewatching":false,` +
			`"updated_at":"2024-05-20T12:00:00+00:00"}},{"node":{"id":6,"title":"Upcoming"},` +
			`"list_status":{"score":0,"num_episodes_watched":0,"is_rewatching":false}}],"paging":{}}`,
		"/users/spike/animelist?fields=list_status{score,updated_at},%20mean&limit=1&sort=list_updated_at": `{"data":[{"node":{` +
			fullNode + `,"mean":8.38},"list_status":{"score":8,"updated_at":"2024-05-20T12:00:00+00:00"}}],"paging":{"next":"` +
			s.BaseURL + `/users/spike/animelist?fields=list_status%7Bscore%2Cupdated_at%7D%2C+mean&limit=1&offset=1&sort=list_updated_at"}}`,
	} {
		if got := ask(t, s, path); got.body != want || got.header.Get("Content-Type") != "application/json; charset=UTF-8" {
			t.Errorf("%s\n got %s\nwant %s", path, got.body, want)
		}
	}
}

func TestPagesAndOrder(t *testing.T) {
	s := maltest.New(maltest.Lists{"spike": {change(1, 2*time.Hour), change(2, 0), change(3, time.Hour), {Entry: engine.Entry{Anime: 4}}}},
		engine.Anime{ID: 1, Title: "B"}, engine.Anime{ID: 2, Title: "C"}, engine.Anime{ID: 3, Title: "A", NSFW: "gray"},
		engine.Anime{ID: 4, Title: "D"})
	for query, want := range map[string][]int{
		"nsfw=1":                                {3, 1, 2, 4},
		"nsfw=true":                             {3, 1, 2, 4},
		"":                                      {1, 2, 4},
		"nsfw=false":                            {1, 2, 4},
		"nsfw=1&sort=anime_title":               {3, 1, 2, 4},
		"nsfw=1&sort=anime_id":                  {1, 2, 3, 4},
		"nsfw=1&sort=list_updated_at":           {2, 3, 1, 4},
		"nsfw=1&sort=anime_id&limit=2&offset=1": {2, 3},
		"nsfw=1&sort=anime_id&limit=1000&offset=4":  nil,
		"nsfw=1&sort=anime_id&limit=1000&offset=99": nil,
	} {
		if got, _ := ids(t, ask(t, s, "/users/spike/animelist?"+query)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	for _, query := range []string{"limit=0", "limit=1001", "limit=x", "offset=-1", "sort=mood"} {
		if got := ask(t, s, "/users/spike/animelist?"+query); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}

	long := make([]engine.Change, 250)
	for i := range long {
		long[i] = change(engine.AnimeID(i+1), time.Duration(i)*time.Minute)
	}
	s.SetList("ed", long...)
	var walked []int
	address := s.BaseURL + "/users/ed/animelist?sort=list_updated_at&nsfw=1"
	for address != "" {
		r, err := try(t.Context(), s, address, s.ClientID)
		if err != nil {
			t.Fatal(err)
		}
		page, next := ids(t, r)
		walked, address = append(walked, page...), next
	}
	if len(walked) != 250 || !slices.IsSorted(walked) || s.Requests("/users/ed/") != 3 {
		t.Errorf("walked %d entries in %d requests, want 250 in 3", len(walked), s.Requests("/users/ed/"))
	}
	if got := ask(t, s, "/users/ed/animelist?offset=100"); !strings.Contains(got.body, `"previous":"`+s.BaseURL+`/users/ed/animelist?offset=0"`) {
		t.Errorf("no previous page in %s", got.body)
	}
}

func TestRefusals(t *testing.T) {
	s := maltest.New(maltest.Lists{"spike": nil}, engine.Anime{ID: 1, Title: "Bebop"})
	s.SetPrivate("vicious", true)
	const (
		forbidden    = `{"message":"","error":"forbidden"}`
		notPermitted = `{"message":"","error":"not_permitted"}`
		notFound     = `{"message":"","error":"not_found"}`
		badClient    = `{"message":"Invalid client id","error":"bad_request"}`
	)
	for _, test := range []struct {
		path, clientID string
		status         int
		body           string
	}{
		{"/users/spike/animelist", s.ClientID, 200, `{"data":[],"paging":{}}`},
		{"/users/spike/animelist", "", 403, forbidden},
		{"/users/spike/animelist", "wrong", 400, badClient},
		{"/users/nobody/animelist", "wrong", 400, badClient},
		{"/users/vicious/animelist", s.ClientID, 403, notPermitted},
		{"/users/nobody/animelist", s.ClientID, 404, notFound},
		{"/users/spike/mangalist", s.ClientID, 404, notFound},
		{"/anime/2", s.ClientID, 404, notFound},
		{"/anime/one", s.ClientID, 404, notFound},
		{"/anime/4294967297", s.ClientID, 404, notFound},
		{"/", s.ClientID, 404, notFound},
	} {
		got, err := try(t.Context(), s, s.BaseURL+test.path, test.clientID)
		if err != nil || got.status != test.status || got.body != test.body {
			t.Errorf("%s as %q: %d %s, %v, want %d %s", test.path, test.clientID, got.status, got.body, err, test.status, test.body)
		}
	}
}

func TestChangesWhileRunning(t *testing.T) {
	s := maltest.New(nil)
	list := func() []int {
		t.Helper()
		got, _ := ids(t, ask(t, s, "/users/spike/animelist?sort=anime_id"))
		return got
	}
	s.SetEntry("Spike", change(1, 0))
	s.SetEntry("spike", change(2, 0))
	if got := list(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("after two were set: %v", got)
	}
	s.RemoveEntry("SPIKE", 1)
	if got := list(); !slices.Equal(got, []int{2}) {
		t.Errorf("after one was removed: %v", got)
	}
	s.SetPrivate("spike", true)
	if got := ask(t, s, "/users/spike/animelist"); got.status != http.StatusForbidden {
		t.Errorf("private: %d", got.status)
	}
	s.SetPrivate("spike", false)
	if got := list(); !slices.Equal(got, []int{2}) {
		t.Errorf("public again: %v", got)
	}
	s.SetList("spike", change(7, 0))
	if got := list(); !slices.Equal(got, []int{7}) {
		t.Errorf("after all was replaced: %v", got)
	}
	s.RemoveUser("Spike")
	if got := ask(t, s, "/users/spike/animelist"); got.status != http.StatusNotFound {
		t.Errorf("removed: %d", got.status)
	}
	if n := s.Requests("/users/spike/"); n != 6 {
		t.Errorf("%d requests, want 6", n)
	}
}

func TestFaults(t *testing.T) {
	const right = `{"id":1,"title":"Bebop"}`
	for _, start := range []func() *maltest.Server{
		func() *maltest.Server { return maltest.New(nil, engine.Anime{ID: 1, Title: "Bebop"}) },
		func() *maltest.Server { return maltest.Start(t, nil, engine.Anime{ID: 1, Title: "Bebop"}) },
	} {
		for name, test := range map[string]struct {
			fault  maltest.Fault
			status int
			body   string // the beginning
			header [2]string
		}{
			"overloaded":   {maltest.Overloaded, 503, "<html>", [2]string{"Content-Type", "text/html"}},
			"html":         {maltest.HTML, 200, "<html>", [2]string{"Content-Type", "text/html"}},
			"wrong types":  {maltest.WrongTypes, 200, `{"id":"one"`, [2]string{}},
			"blocked":      {maltest.Blocked, 403, `{"message":"","error":"forbidden"}`, [2]string{}},
			"cut off":      {maltest.CutOff, 200, right[:len(right)/2], [2]string{"Content-Type", "application/json; charset=UTF-8"}},
			"too many":     {maltest.TooMany("7"), 429, "", [2]string{"Retry-After", "7"}},
			"how long not": {maltest.TooMany(""), 429, "", [2]string{"Retry-After", ""}},
			"slow":         {maltest.Slow(time.Nanosecond), 200, right, [2]string{}},
		} {
			s := start()
			s.Fail("/anime/", 2, test.fault)
			for range 2 {
				got := ask(t, s, "/anime/1")
				if got.status != test.status || !strings.HasPrefix(got.body, test.body) {
					t.Errorf("%s: %d %s, want %d %s", name, got.status, got.body, test.status, test.body)
				}
				if key, want := test.header[0], test.header[1]; key != "" && got.header.Get(key) != want {
					t.Errorf("%s: %s is %q, want %q", name, key, got.header.Get(key), want)
				}
				if valid := json.Valid([]byte(got.body)); valid == (name == "cut off" || test.body == "<html>") {
					t.Errorf("%s: %q is valid JSON: %t", name, got.body, valid)
				}
			}
			if got := ask(t, s, "/anime/1"); got.body != right {
				t.Errorf("%s: afterwards %s, want %s", name, got.body, right)
			}
		}

		s := start()
		s.Fail("", 1, maltest.Dropped)
		if got, err := try(t.Context(), s, s.BaseURL+"/anime/1", s.ClientID); err == nil {
			t.Errorf("dropped: %+v, want an error", got)
		}
		s.Fail("/users/", 0, maltest.HTML)
		s.Fail("/anime/", 0, maltest.Overloaded)
		s.Fail("/anime/", 0, maltest.HTML) // the older one answers
		for range 3 {
			if got := ask(t, s, "/anime/1"); got.status != http.StatusServiceUnavailable {
				t.Errorf("until healed: %d %s", got.status, got.body)
			}
		}
		s.Heal()
		if got := ask(t, s, "/anime/1"); got.body != right {
			t.Errorf("healed: %s, want %s", got.body, right)
		}
		if got := []int{s.Requests(""), s.Requests("/anime/1"), s.Requests("/users/")}; !slices.Equal(got, []int{5, 5, 0}) {
			t.Errorf("requests %v, want 5, all of them for the anime", got)
		}
	}
}

func TestSlowAndPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := maltest.New(nil, engine.Anime{ID: 1, Title: "Bebop"})
		start := time.Now()
		s.Fail("", 2, maltest.Slow(time.Minute))
		if got := ask(t, s, "/anime/1"); got.status != http.StatusOK || time.Since(start) != time.Minute {
			t.Errorf("%d after %v, want 200 after a minute", got.status, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		if _, err := try(ctx, s, s.BaseURL+"/anime/1", s.ClientID); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %v, want %v after a second", err, time.Since(start), context.DeadlineExceeded)
		}

		s.SetPace(2)
		for i, want := range []int{200, 200, 429, 429} {
			if got := ask(t, s, "/anime/1"); got.status != want || want == 429 && got.header.Get("Retry-After") != "1" {
				t.Errorf("request %d: %d %v, want %d", i, got.status, got.header, want)
			}
		}
		s.SetPace(0)
		for range 10 {
			if got := ask(t, s, "/anime/1"); got.status != http.StatusOK {
				t.Errorf("without a pace: %d", got.status)
			}
		}
	})
}

func TestStartEndsWithTheTest(t *testing.T) {
	var s *maltest.Server
	t.Run("inner", func(t *testing.T) {
		s = maltest.Start(t, maltest.Lists{"spike": nil})
		if got := ask(t, s, "/users/spike/animelist"); got.status != http.StatusOK {
			t.Errorf("while the test runs: %d", got.status)
		}
	})
	var refused *url.Error
	if _, err := try(t.Context(), s, s.BaseURL+"/users/spike/animelist", s.ClientID); !errors.As(err, &refused) {
		t.Errorf("afterwards: %v, want no connection", err)
	}
}

// What the race detector says is the result.
func TestConcurrentUse(t *testing.T) {
	s := maltest.Start(t, maltest.Lists{"spike": {change(1, 0)}})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			id := engine.AnimeID(i + 2)
			s.SetAnime(engine.Anime{ID: id, Title: strconv.Itoa(i), Genres: []engine.Genre{{ID: 1}}})
			s.SetEntry("spike", change(id, 0))
			s.Fail("/anime/", 1, maltest.HTML)
			s.SetPace(0)
			if got := ask(t, s, "/users/spike/animelist?fields=genres,list_status"); got.status != http.StatusOK {
				t.Errorf("%d %s", got.status, got.body)
			}
			ask(t, s, "/anime/1")
			s.RemoveEntry("spike", id)
			s.Heal()
		})
	}
	wg.Wait()
	if s.Requests("/users/spike/") != 8 {
		t.Errorf("%d list requests, want 8", s.Requests("/users/spike/"))
	}
}

func TestChanges(t *testing.T) {
	l := engine.List{
		{Anime: 9, Day: 20000, Score: 1}, {Anime: 3, Day: 20000}, {Anime: 5, Day: 20000}, {Anime: 1, Day: 19000}, {Anime: 2}, {Anime: 4},
	}
	got, err := engine.NewList(maltest.Changes(l))
	if err != nil || !reflect.DeepEqual(got, l) {
		t.Errorf("NewList(Changes(l)) = %v, %v, want %v", got, err, l)
	}
}
