package mal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/mal/maltest"
)

// answer is an answer of a made-up server.
func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body))}
}

// canned is a server that answers everybody the same.
func canned(status int, body string) func(*Options) {
	return func(o *Options) {
		o.Transport = transport(func(*http.Request) (*http.Response, error) { return answer(status, body), nil })
	}
}

// What the service does wrong, what the client makes of it, and how often it asked until then.
func TestFailures(t *testing.T) {
	for _, test := range []struct {
		name     string
		path     string // below which the fault is
		times    int
		fault    maltest.Fault
		list     error
		anime    error
		requests int // for a list or an anime
	}{
		{"nothing", "", 0, maltest.Slow(0), nil, nil, 1},
		{"overloaded once", "", 1, maltest.Overloaded, nil, nil, 2},
		{"overloaded three times", "", 3, maltest.Overloaded, nil, nil, 4},
		{"overloaded", "", 0, maltest.Overloaded, engine.ErrUpstream, engine.ErrUpstream, 4},
		{"html once", "", 1, maltest.HTML, nil, nil, 2},
		{"html", "", 0, maltest.HTML, engine.ErrUpstream, engine.ErrUpstream, 4},
		{"cut off once", "", 1, maltest.CutOff, nil, nil, 2},
		{"cut off", "", 0, maltest.CutOff, engine.ErrUpstream, engine.ErrUpstream, 4},
		{"dropped once", "", 1, maltest.Dropped, nil, nil, 2},
		{"dropped", "", 0, maltest.Dropped, engine.ErrUpstream, engine.ErrUpstream, 4},
		{"too many once", "", 1, maltest.TooMany("0"), nil, nil, 2},
		{"too many", "", 0, maltest.TooMany("0"), engine.ErrUpstream, engine.ErrUpstream, 4},
		{"wrong types", "", 0, maltest.WrongTypes, engine.ErrInvalidList, engine.ErrInvalidList, 1},
		{"fault elsewhere", "/users/ed/", 0, maltest.Overloaded, nil, nil, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := func(what string, s *maltest.Server, err, want error) {
				t.Helper()
				if !errors.Is(err, want) || want == nil && err != nil {
					t.Errorf("%s: %v, want %v", what, err, want)
				}
				if n := s.Requests(""); n != test.requests {
					t.Errorf("%s: %d requests, want %d", what, n, test.requests)
				}
			}
			for _, network := range []bool{false, true} {
				start := func() (*maltest.Server, *Client) {
					lists := maltest.Lists{"spike": entries(10)}
					if network {
						s := maltest.Start(t, lists, bebop)
						s.Fail(test.path, test.times, test.fault)
						return s, clientOf(t, s, overNetwork)
					}
					s := maltest.New(lists, bebop)
					s.Fail(test.path, test.times, test.fault)
					return s, clientOf(t, s)
				}
				s, c := start()
				got, err := c.List(t.Context(), "spike", nil, false)
				check("List", s, err, test.list)
				if err == nil && len(got.List) != 10 {
					t.Errorf("List = %d entries, want 10", len(got.List))
				}
				s, c = start()
				_, err = c.Anime(t.Context(), bebop.ID)
				check("Anime", s, err, test.anime)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name string
		body string
		code int
		want error
		text string // of the error
	}{
		{"unknown", `{"message":"","error":"not_found"}`, 404, engine.ErrNotFound, `list of "spike": not found`},
		{"404 of something else", `<html>`, 404, engine.ErrUpstream, "check [mal] url"},
		{"client id", `{"message":"Invalid client id","error":"bad_request"}`, 400, engine.ErrUpstream,
			`status 400 (bad_request "Invalid client id"): check [mal] client_id`},
		{"token", `{"message":"","error":"invalid_token"}`, 401, engine.ErrUpstream, "check [mal] client_id"},
		{"teapot", `{}`, 418, engine.ErrUpstream, "418"},
		{"redirect", ``, 302, engine.ErrUpstream, "302"},
		{"list that is none", `{"data":null}`, 200, engine.ErrInvalidList, "no data"},
		{"not even an object", `[]`, 200, engine.ErrInvalidList, "array"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := clientOf(t, maltest.New(nil), canned(test.code, test.body)).List(t.Context(), "spike", nil, false)
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("List: %v, want %v with %q", err, test.want, test.text)
			}
		})
	}

	s := maltest.New(maltest.Lists{"spike": nil}, bebop)
	for id, hint := range map[string]string{"wrong": "[mal] client_id", s.ClientID: ""} {
		c := clientOf(t, s, func(o *Options) { o.ClientID = id })
		if _, err := c.List(t.Context(), "spike", nil, false); hint == "" && err != nil ||
			hint != "" && (!errors.Is(err, engine.ErrUpstream) || !strings.Contains(err.Error(), hint)) {
			t.Errorf("client id %q: %v, want %q", id, err, hint)
		}
	}
	for _, name := range []string{"", "a", "@me", "..", "faye/valentine", "a-name-that-is-too-long"} {
		before := s.Requests("")
		if _, err := clientOf(t, s).List(t.Context(), name, nil, false); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("List(%q): %v, want %v", name, err, engine.ErrNotFound)
		}
		if s.Requests("") != before {
			t.Errorf("List(%q) asked", name)
		}
	}
}

func TestPrivateOrBlocked(t *testing.T) {
	server := func() *maltest.Server {
		s := maltest.New(maltest.Lists{"ed": entries(3)}, bebop)
		s.SetPrivate("vicious", true)
		return s
	}
	probing := func(o *Options) { o.ProbeUser = "ed" }
	for _, test := range []struct {
		name   string
		s      *maltest.Server
		prefix string // below which everything is blocked
		option func(*Options)
		want   error
		probes int
	}{
		{"private", server(), "/nothing", probing, engine.ErrPrivate, 1},
		{"blocked", server(), "/", probing, engine.ErrUpstream, 1},
		{"nobody to probe", server(), "/nothing", func(*Options) {}, engine.ErrUpstream, 0},
		{"probe unknown", server(), "/nothing", func(o *Options) { o.ProbeUser = "nobody" }, engine.ErrUpstream, 1},
		{"probe private", server(), "/nothing", func(o *Options) { o.ProbeUser = "vicious" }, engine.ErrUpstream, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.s.Fail(test.prefix, 0, maltest.Blocked)
			c := clientOf(t, test.s, test.option)
			for range 3 { // the last two times the probe's result is known
				_, err := c.List(t.Context(), "vicious", nil, false)
				if !errors.Is(err, test.want) || errors.Is(err, engine.ErrNotFound) {
					t.Errorf("List: %v, want %v", err, test.want)
				}
			}
			if n := test.s.Requests("/users/") - 3; n != test.probes {
				t.Errorf("%d probes, want %d", n, test.probes)
			}
		})
	}
	t.Run("anime", func(t *testing.T) {
		s := server()
		s.Fail("/anime/", 0, maltest.Blocked)
		_, err := clientOf(t, s, probing).Anime(t.Context(), bebop.ID)
		if !errors.Is(err, engine.ErrUpstream) || errors.Is(err, engine.ErrPrivate) || s.Requests("/users/") != 0 {
			t.Errorf("Anime: %v after %d probes, want %v without any", err, s.Requests("/users/"), engine.ErrUpstream)
		}
	})
}

// One probe serves all who need it, for a minute. A probe that failed for another reason serves nobody.
func TestProbeIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := maltest.New(maltest.Lists{"ed": nil})
		s.SetPrivate("vicious", true)
		c := clientOf(t, s, func(o *Options) { o.ProbeUser = "ed" })
		now := t0
		c.now = func() time.Time { return now }
		askAll := func() (failed []error) {
			var mu sync.Mutex
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					_, err := c.List(t.Context(), "vicious", nil, false)
					mu.Lock()
					defer mu.Unlock()
					if !errors.Is(err, engine.ErrPrivate) {
						failed = append(failed, err)
					}
				})
			}
			wg.Wait()
			return failed
		}
		s.Fail("/users/ed/", attempts, maltest.Overloaded)
		if failed := askAll(); len(failed) != 1 || !errors.Is(failed[0], engine.ErrUpstream) {
			t.Errorf("while the probe fails: %v, want one %v", failed, engine.ErrUpstream)
		}
		if n := s.Requests("/users/ed/"); n != attempts+1 {
			t.Errorf("%d probes, want %d", n, attempts+1)
		}
		now = t0.Add(probeAge - 1)
		if failed := askAll(); failed != nil || s.Requests("/users/ed/") != attempts+1 {
			t.Errorf("just within a minute: %v, %d probes", failed, s.Requests("/users/ed/"))
		}
		now = t0.Add(probeAge)
		if failed := askAll(); failed != nil || s.Requests("/users/ed/") != attempts+2 {
			t.Errorf("after a minute: %v, %d probes", failed, s.Requests("/users/ed/"))
		}

		now = t0.Add(2 * probeAge)
		s.Fail("/users/ed/", 1, maltest.Slow(30*time.Second))
		go func() { _, _ = c.List(t.Context(), "vicious", nil, false) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.List(ctx, "vicious", nil, false); !errors.Is(err, engine.ErrUpstreamTimeout) {
			t.Errorf("waiting for somebody else's probe: %v, want %v", err, engine.ErrUpstreamTimeout)
		}
	})
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer elsewhere.Close()
	redirecting := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	defer redirecting.Close()
	c := clientOf(t, maltest.New(nil), overNetwork, func(o *Options) { o.URL = redirecting.URL })
	if _, err := c.List(t.Context(), "spike", nil, false); !errors.Is(err, engine.ErrUpstream) {
		t.Errorf("List: %v, want %v", err, engine.ErrUpstream)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

func TestNobodyListens(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	c := clientOf(t, maltest.New(nil), overNetwork, func(o *Options) { o.URL = "http://" + ln.Addr().String() })
	_, err = c.List(t.Context(), "spike", nil, false)
	if !errors.Is(err, engine.ErrUpstream) || !strings.Contains(err.Error(), "4 times") {
		t.Errorf("List: %v, want %v after 4 times", err, engine.ErrUpstream)
	}
}

func TestConnectionBreaksWithinTheBody(t *testing.T) {
	s := maltest.New(maltest.Lists{"spike": entries(3)})
	left := 1
	c := clientOf(t, s, func(o *Options) {
		o.Transport = transport(func(r *http.Request) (*http.Response, error) {
			resp, err := s.RoundTrip(r)
			if left--; left >= 0 {
				resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 40), iotest.ErrReader(io.ErrUnexpectedEOF)))
			}
			return resp, err
		})
	})
	got, err := c.List(t.Context(), "spike", nil, false)
	if err != nil || len(got.List) != 3 || s.Requests("") != 2 {
		t.Errorf("List = %d entries, %v after %d requests, want 3 after 2", len(got.List), err, s.Requests(""))
	}
}

func TestBodiesAreCapped(t *testing.T) {
	read := 0
	c := clientOf(t, maltest.New(nil), func(o *Options) {
		o.Transport = transport(func(*http.Request) (*http.Response, error) {
			resp := answer(http.StatusOK, "")
			resp.Body = io.NopCloser(io.TeeReader(endless{}, counter{&read}))
			return resp, nil
		})
	})
	if _, err := c.List(t.Context(), "spike", nil, false); !errors.Is(err, engine.ErrUpstream) {
		t.Errorf("List: %v, want %v", err, engine.ErrUpstream)
	}
	if read > maxBody+1 {
		t.Errorf("%d bytes read, want at most %d", read, maxBody+1)
	}
}

// endless is a body of spaces.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte(" "), len(p))), nil }

// counter counts what is written.
type counter struct{ n *int }

func (c counter) Write(p []byte) (int, error) {
	*c.n += len(p)
	return len(p), nil
}

func TestObserve(t *testing.T) {
	s := maltest.New(maltest.Lists{"ed": entries(1), "spike": entries(1)})
	s.SetPrivate("vicious", true)
	var got []Outcome
	c := clientOf(t, s, func(o *Options) {
		o.ProbeUser = "ed"
		o.Timeout = time.Minute
		o.Observe = func(outcome Outcome, _ time.Duration) { got = append(got, outcome) }
	})
	for _, test := range []struct {
		name  string
		fault maltest.Fault
		want  []Outcome
	}{
		{"spike", maltest.Overloaded, []Outcome{Failed, OK}},
		{"spike", maltest.TooMany("0"), []Outcome{Limited, OK}},
		{"spike", maltest.Slow(time.Hour), []Outcome{TimedOut}},
		{"jet", maltest.HTML, []Outcome{Failed, NotFound}},
		{"vicious", maltest.Slow(time.Second), []Outcome{Forbidden, OK}},
	} {
		synctest.Test(t, func(t *testing.T) {
			got = nil
			s.Fail("/users/", 1, test.fault)
			_, _ = c.List(t.Context(), test.name, nil, false)
			if !slices.Equal(got, test.want) {
				t.Errorf("%s: outcomes %v, want %v", test.name, got, test.want)
			}
		})
	}
}
