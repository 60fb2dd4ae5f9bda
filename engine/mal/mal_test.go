package mal

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/mal/maltest"
)

// t0 is when the lists of these tests changed last.
var t0 = time.Date(2024, 5, 20, 12, 0, 0, 0, time.UTC)

// clientOf returns a client that asks s without a network and without a pace worth mentioning.
func clientOf(t *testing.T, s *maltest.Server, options ...func(*Options)) *Client {
	t.Helper()
	o := Options{URL: s.BaseURL, ClientID: s.ClientID, Transport: s, Rate: 1e9, Backoff: time.Nanosecond}
	for _, change := range options {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// overNetwork makes the client ask a server of [maltest.Start].
func overNetwork(o *Options) {
	o.Transport = http.DefaultTransport
}

// transport is a function as a [http.RoundTripper].
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// asking keeps the requests that pass through to the server.
type asking struct {
	next http.RoundTripper
	mu   sync.Mutex
	all  []*http.Request // guarded by mu
	at   []time.Time     // of all; guarded by mu
}

func (a *asking) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	a.all, a.at = append(a.all, r), append(a.at, time.Now())
	a.mu.Unlock()
	return a.next.RoundTrip(r)
}

// entry is a completed anime that changed so long before t0.
func entry(id engine.AnimeID, before time.Duration) engine.Change {
	return engine.Change{
		Entry: engine.Entry{Anime: id, Score: uint8(id % 11), Episodes: 12, Status: engine.Completed},
		At:    t0.Add(-before),
	}
}

// entries are n of those with the ids 1 to n, an hour apart, 1 the newest.
func entries(n int) []engine.Change {
	changes := make([]engine.Change, n)
	for i := range changes {
		changes[i] = entry(engine.AnimeID(i+1), time.Duration(i)*time.Hour)
	}
	return changes
}

// listOf is what the source should make of changes.
func listOf(t *testing.T, changes []engine.Change) engine.List {
	t.Helper()
	l, err := engine.NewList(slices.Clone(changes))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// bebop is an anime of which everything is known.
var bebop = engine.Anime{
	ID: 5, Title: "Cowboy Bebop: Tengoku no Tobira", English: "Cowboy Bebop: The Movie", Type: "movie", Episodes: 1,
	Mean: 8.38, Rating: engine.RatingR, Start: engine.Date{Year: 2001, Month: 9, Day: 1}, Status: engine.FinishedAiring,
	Genres:  []engine.Genre{{ID: 1, Name: "Action"}, {ID: 24, Name: "Sci-Fi"}},
	Picture: "https://cdn.myanimelist.net/images/anime/1439/93480l.jpg", Members: 414561, NSFW: "white",
	Relations: []engine.Relation{{Type: "side_story", ID: 7}, {Type: "parent_story", ID: 1}}, Parent: 1,
}

// bare is one of which nothing is.
var bare = engine.Anime{ID: 6, Title: "Upcoming"}

func TestList(t *testing.T) {
	unknown := engine.Change{Entry: engine.Entry{Anime: bare.ID}}
	watched := engine.Change{
		Entry: engine.Entry{Anime: bebop.ID, Score: 10, Episodes: 1, Status: engine.Completed},
		At:    t0.Add(90 * time.Second),
	}
	explicit := engine.Anime{ID: 8, Title: "Explicit", NSFW: "black"}
	changes := []engine.Change{unknown, entry(8, 0), watched, entry(9, 0)}
	s := maltest.New(maltest.Lists{"Spike": changes, "ed": nil}, bebop, bare, explicit)
	c := clientOf(t, s)
	c.now = func() time.Time { return t0 }

	got, err := c.List(t.Context(), "spike", nil, false)
	if err != nil {
		t.Fatal(err)
	}
	want := engine.Fetched{List: listOf(t, changes), Full: true}
	for _, a := range []engine.Anime{bebop, explicit, bare} { // 9 has no title
		a.Relations, a.Parent, a.DescribedAt = nil, 0, t0
		want.Anime = append(want.Anime, a)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("List = %+v\nwant %+v", got, want)
	}

	got, err = c.List(t.Context(), "ed", nil, false)
	if err != nil || len(got.List) != 0 || !got.Full {
		t.Errorf("empty list: List = %+v, %v", got, err)
	}
}

func TestListOfManyPages(t *testing.T) {
	changes := entries(2500)
	var anime []engine.Anime
	for i := range changes {
		anime = append(anime, engine.Anime{ID: changes[i].Anime, Title: "x"})
	}
	s := maltest.Start(t, maltest.Lists{"spike": changes}, anime...)
	got, err := clientOf(t, s, overNetwork).List(t.Context(), "spike", nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if want := listOf(t, changes); !got.Full || !slices.Equal(got.List, want) {
		t.Errorf("List = %d entries, full %t, want %d", len(got.List), got.Full, len(want))
	}
	if len(got.Anime) != len(anime) {
		t.Errorf("%d anime, want %d", len(got.Anime), len(anime))
	}
	if n := s.Requests("/users/spike/"); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
}

// The list moves by one entry after its first page, so that the last entry of that page comes again.
func TestListChangesBetweenPages(t *testing.T) {
	changes := entries(1500)
	added := entry(5000, -time.Hour)
	s := maltest.New(maltest.Lists{"spike": changes})
	s.SetAnime(engine.Anime{ID: 1000, Title: "twice"})
	c := clientOf(t, s, func(o *Options) {
		o.Transport = transport(func(r *http.Request) (*http.Response, error) {
			resp, err := s.RoundTrip(r)
			s.SetEntry("spike", added)
			return resp, err
		})
	})
	got, err := c.List(t.Context(), "spike", nil, true)
	if err != nil || !slices.Equal(got.List, listOf(t, changes)) || len(got.Anime) != 1 {
		t.Errorf("List = %d entries, %d anime, %v, want %d, 1", len(got.List), len(got.Anime), err, len(changes))
	}
	known := got.List
	got, err = c.List(t.Context(), "spike", known, false)
	if err != nil || !slices.Equal(got.List, listOf(t, append(changes, added))) {
		t.Errorf("refreshed: List = %d entries, %v, want %d", len(got.List), err, len(changes)+1)
	}
}

func TestRefresh(t *testing.T) {
	const (
		changed = 2000
		added   = 3000
	)
	setup := func(t *testing.T, n int, removed engine.AnimeID) (*maltest.Server, engine.List) {
		s := maltest.New(maltest.Lists{"spike": entries(n)})
		known := listOf(t, entries(n))
		s.RemoveEntry("spike", removed)
		s.SetEntry("spike", entry(changed, -26*time.Hour))
		s.SetEntry("spike", entry(added, -25*time.Hour))
		return s, known
	}
	fresh := []engine.Change{entry(changed, -26*time.Hour), entry(added, -25*time.Hour)}

	t.Run("stops at what is known", func(t *testing.T) {
		s, known := setup(t, 2500, 1700)
		got, err := clientOf(t, s).List(t.Context(), "spike", known, false)
		if err != nil {
			t.Fatal(err)
		}
		want := known.Updated(listOf(t, fresh))
		if got.Full || !slices.Equal(got.List, want) {
			t.Errorf("List = %d entries, full %t, want %d, false", len(got.List), got.Full, len(want))
		}
		if got.List[0].Anime != changed || got.List[1].Anime != added || len(got.List) != 2501 {
			t.Errorf("List = %v ..., want %d and %d first", got.List[:2], changed, added)
		}
		if n := s.Requests(""); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
	t.Run("full sees removals", func(t *testing.T) {
		s, known := setup(t, 2500, 1700)
		got, err := clientOf(t, s).List(t.Context(), "spike", known, true)
		if err != nil {
			t.Fatal(err)
		}
		gone := func(e engine.Entry) bool { return e.Anime == 1700 }
		want := slices.DeleteFunc(known.Updated(listOf(t, fresh)), gone)
		if !got.Full || !slices.Equal(got.List, want) {
			t.Errorf("List = %d entries, full %t, want %d, true", len(got.List), got.Full, len(want))
		}
		if n := s.Requests(""); n != 3 {
			t.Errorf("%d requests, want 3", n)
		}
	})
	t.Run("up to 1,000 entries are always full", func(t *testing.T) {
		s, known := setup(t, 999, 700)
		got, err := clientOf(t, s).List(t.Context(), "spike", known, false)
		if err != nil || !got.Full || len(got.List) != 1000 || s.Requests("") != 1 {
			t.Errorf("List = %d entries, full %t, %v after %d requests", len(got.List), got.Full, err, s.Requests(""))
		}
	})
	t.Run("no known date walks to the end", func(t *testing.T) {
		s, known := setup(t, 2500, 1700)
		for i := range known {
			known[i].Day = 0
		}
		got, err := clientOf(t, s).List(t.Context(), "spike", known, false)
		if err != nil || !got.Full || s.Requests("") != 3 {
			t.Errorf("List: full %t, %v after %d requests", got.Full, err, s.Requests(""))
		}
	})
	t.Run("the newest known day is walked to its end", func(t *testing.T) {
		sameDay := entries(2500)
		for i := range 1500 {
			sameDay[i].At = t0.Add(-time.Duration(i) * time.Second)
		}
		s := maltest.New(maltest.Lists{"spike": sameDay})
		known := listOf(t, sameDay)
		got, err := clientOf(t, s).List(t.Context(), "spike", known, false)
		if err != nil || got.Full || !slices.Equal(got.List, known) || s.Requests("") != 2 {
			t.Errorf("List = %d entries, full %t, %v after %d requests", len(got.List), got.Full, err, s.Requests(""))
		}
	})
	t.Run("a list in another order is walked to the end", func(t *testing.T) {
		scrambled := entries(2500)
		for i := range scrambled {
			scrambled[i].At = t0.Add(-time.Duration(i*7919%2500) * time.Hour)
		}
		s, known := maltest.New(maltest.Lists{"spike": scrambled}), listOf(t, scrambled)
		c := clientOf(t, s, func(o *Options) {
			o.Transport = transport(func(r *http.Request) (*http.Response, error) {
				r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, "list_updated_at", "anime_id")
				return s.RoundTrip(r)
			})
		})
		got, err := c.List(t.Context(), "spike", known, false)
		if err != nil || !got.Full || s.Requests("") != 3 {
			t.Errorf("List: full %t, %v after %d requests", got.Full, err, s.Requests(""))
		}
	})
}

func TestAnime(t *testing.T) {
	s := maltest.New(nil, bebop, bare)
	c := clientOf(t, s)
	c.now = func() time.Time { return t0 }
	for _, want := range []engine.Anime{bebop, bare} {
		want.DescribedAt, want.RelatedAt = t0, t0
		got, err := c.Anime(t.Context(), want.ID)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Anime(%d) = %+v, %v\nwant %+v", want.ID, got, err, want)
		}
	}
	for _, id := range []engine.AnimeID{-1, 0, 99, engine.MaxAnimeID + 1} {
		if _, err := c.Anime(t.Context(), id); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("Anime(%d): %v, want %v", id, err, engine.ErrNotFound)
		}
	}
	other := clientOf(t, s, canned(http.StatusOK, `{"id":5,"title":"another"}`))
	if _, err := other.Anime(t.Context(), 6); !errors.Is(err, engine.ErrInvalidList) {
		t.Errorf("answer about another anime: %v, want %v", err, engine.ErrInvalidList)
	}
	if n := s.Requests("/anime/"); n != 3 {
		t.Errorf("%d requests, want 3: impossible ids are not asked for", n)
	}
}

// The page that answers give for the next one is taken from nowhere but our own host, and has to be further on.
func TestNextPage(t *testing.T) {
	walk := func(next string) (*asking, error) {
		a := &asking{next: transport(func(*http.Request) (*http.Response, error) {
			return answer(http.StatusOK, `{"data":[{"node":{"id":1}}],"paging":{"next":"`+next+`"}}`), nil
		})}
		c := clientOf(t, maltest.New(nil), func(o *Options) { o.Transport = a })
		_, err := c.List(t.Context(), "spike", nil, false)
		return a, err
	}
	a, err := walk("https://elsewhere.invalid/steal?offset=1000&limit=7")
	if !errors.Is(err, engine.ErrInvalidList) || len(a.all) != 2 {
		t.Errorf("same offset twice: %v after %d requests", err, len(a.all))
	}
	for _, r := range a.all {
		if r.URL.Host != "myanimelist.invalid" || r.URL.Path != "/v2/users/spike/animelist" {
			t.Errorf("asked %s", r.URL)
		}
	}
	if q := a.all[1].URL.Query(); q.Get("offset") != "1000" || q.Get("limit") != "1000" || q.Get("nsfw") != "1" {
		t.Errorf("second page asked for as %s", a.all[1].URL)
	}
	for _, next := range []string{"https://myanimelist.invalid/", "/?offset=0", "/?offset=-1", "/?offset=x", ":", "x"} {
		if a, err := walk(next); !errors.Is(err, engine.ErrInvalidList) || len(a.all) != 1 {
			t.Errorf("next page %q: %v after %d requests", next, err, len(a.all))
		}
	}

	pages := 0
	c := clientOf(t, maltest.New(nil), func(o *Options) {
		o.Transport = transport(func(*http.Request) (*http.Response, error) {
			pages++
			return answer(http.StatusOK, `{"data":[],"paging":{"next":"?offset=`+strconv.Itoa(pages)+`"}}`), nil
		})
	})
	if _, err := c.List(t.Context(), "spike", nil, false); !errors.Is(err, engine.ErrInvalidList) || pages != maxPages {
		t.Errorf("endless list: %v after %d pages, want %v after %d", err, pages, engine.ErrInvalidList, maxPages)
	}
}

// Many ask for many lists while these change; what the race detector says is the result.
func TestConcurrentUse(t *testing.T) {
	s := maltest.Start(t, maltest.Lists{"spike": entries(30), "ed": entries(20)}, bebop)
	s.SetPrivate("vicious", true)
	c := clientOf(t, s, overNetwork, func(o *Options) { o.ProbeUser = "ed" })
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s.SetEntry("spike", entry(engine.AnimeID(100+i), 0))
			if got, err := c.List(t.Context(), "spike", nil, false); err != nil || len(got.List) < 31 {
				t.Errorf("List = %d entries, %v", len(got.List), err)
			}
			if _, err := c.List(t.Context(), "vicious", nil, false); !errors.Is(err, engine.ErrPrivate) {
				t.Errorf("private list: %v", err)
			}
			if _, err := c.Anime(t.Context(), bebop.ID); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestNew(t *testing.T) {
	for _, o := range []Options{
		{},
		{URL: "://", ClientID: "id"},
		{URL: "api.myanimelist.net/v2", ClientID: "id"},
		{URL: "ftp://api.myanimelist.net/v2", ClientID: "id"},
		{URL: "https://api.myanimelist.net/v2?x=1", ClientID: "id"},
		{ClientID: "id", Rate: -1},
		{ClientID: "id", Burst: -1},
		{ClientID: "id", Timeout: -1},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("New(%+v): no error", o)
		}
	}
	if c, err := New(Options{ClientID: "id"}); err != nil || c.base.String() != DefaultURL {
		t.Errorf("New with defaults: %v", err)
	}
}
