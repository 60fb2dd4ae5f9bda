// Package maltest is a MyAnimeList to test and to play against. It answers over HTTP as the real API v2 does: lists in
// pages, only the fields that were asked for, absent keys where something is unknown, and the real service's refusals.
// What goes wrong out there can be made to go wrong here, see [Fault].
//
// In a test, [Start] listens on a free port and closes with the test. A program serves what [New] returns, or hands it
// to its client as a transport: a [Server] is a [http.RoundTripper] too, which needs no network and so also works inside
// a testing/synctest bubble.
package maltest

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"reko.moe/engine"
)

// prefix is the path of [Server.BaseURL].
const prefix = "/v2"

// Lists are lists by the names of their users. Unlike an [engine.List], every entry has the exact time of its change.
type Lists map[string][]engine.Change

// Server is a fake MyAnimeList. It is safe for concurrent use: its methods may change its data while it answers. Users need
// not exist before something of theirs is set, and their names are matched without regard to case.
type Server struct {
	BaseURL  string // what to configure as the API's address
	ClientID string // the client id that is accepted; all others are refused

	answers *http.ServeMux

	mu       sync.Mutex
	users    map[string]*user                 // by lower-case name; guarded by mu
	anime    map[engine.AnimeID]*engine.Anime // which never change; guarded by mu
	nameless map[engine.AnimeID]*engine.Anime // asked for, but never set: nothing but their ids; guarded by mu
	requests map[string]int                   // by path below BaseURL; guarded by mu
	faults   []*standing                      // the oldest first; guarded by mu
	pace     *rate.Limiter                    // nil: as fast as they come; guarded by mu
}

// user is somebody with a list.
type user struct {
	entries map[engine.AnimeID]kept
	private bool
}

// kept is an [engine.Change] without pointers: where very many lists are served, the collector has nothing to look at in them.
type kept struct {
	engine.Entry
	at    int64 // nanoseconds since 1970
	dated bool
}

func keptOf(c engine.Change) kept { return kept{c.Entry, c.At.UnixNano(), !c.At.IsZero()} }

func (k kept) change() engine.Change {
	c := engine.Change{Entry: k.Entry}
	if k.dated {
		c.At = time.Unix(0, k.at)
	}
	return c
}

// New returns a server that knows these lists and anime. It listens nowhere: its BaseURL is for a client that has the
// server as its transport.
func New(lists Lists, anime ...engine.Anime) *Server {
	s := &Server{
		BaseURL:  "http://myanimelist.invalid" + prefix,
		ClientID: "maltest-client-id",
		answers:  http.NewServeMux(),
		users:    make(map[string]*user),
		anime:    make(map[engine.AnimeID]*engine.Anime),
		nameless: make(map[engine.AnimeID]*engine.Anime),
		requests: make(map[string]int),
	}
	s.answers.HandleFunc("GET "+prefix+"/users/{name}/animelist", s.answerList)
	s.answers.HandleFunc("GET "+prefix+"/anime/{id}", s.answerAnime)
	s.answers.HandleFunc("/", notFound)
	for name, entries := range lists {
		s.SetList(name, entries...)
	}
	s.SetAnime(anime...)
	return s
}

// TB is what [Start] needs of a *testing.T.
type TB interface {
	Helper()
	Cleanup(f func())
}

// Start serves what [New] makes on a free port of this machine until the test ends.
func Start(t TB, lists Lists, anime ...engine.Anime) *Server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("maltest: no port to listen on: " + err.Error())
	}
	s := New(lists, anime...)
	s.BaseURL = "http://" + ln.Addr().String() + prefix
	srv := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln) // always http.ErrServerClosed, once closed below
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return s
}

// ServeHTTP answers one request: by the oldest fault that applies, by 429 when they come too fast, by a refusal of the
// client id, or by what was asked for.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.ToLower(strings.TrimPrefix(r.URL.Path, prefix))
	s.mu.Lock()
	s.requests[path]++
	fault := s.takeFault(path)
	tooFast := s.pace != nil && !s.pace.Allow()
	s.mu.Unlock()
	switch {
	case fault != nil:
		fault(w, r, s.answer)
	case tooFast:
		TooMany("1")(w, r, s.answer)
	default:
		s.answer(w, r)
	}
}

// answer answers as the real service does on a good day.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	switch r.Header.Get("X-MAL-CLIENT-ID") {
	case s.ClientID:
		s.answers.ServeHTTP(w, r)
	case "":
		refuse(w, http.StatusForbidden, "", "forbidden")
	default:
		refuse(w, http.StatusBadRequest, "Invalid client id", "bad_request")
	}
}

// SetList gives the user a public list, in place of what was there.
func (s *Server) SetList(name string, entries ...engine.Change) {
	s.change(name, func(u *user) {
		u.private = false
		clear(u.entries)
		for _, e := range entries {
			u.entries[e.Anime] = keptOf(e)
		}
	})
}

// SetEntry adds the entry to the user's list, in place of the one of the same anime.
func (s *Server) SetEntry(name string, e engine.Change) {
	s.change(name, func(u *user) { u.entries[e.Anime] = keptOf(e) })
}

// RemoveEntry takes the anime off the user's list.
func (s *Server) RemoveEntry(name string, id engine.AnimeID) {
	s.change(name, func(u *user) { delete(u.entries, id) })
}

// SetPrivate hides the user's list or shows it again.
func (s *Server) SetPrivate(name string, private bool) {
	s.change(name, func(u *user) { u.private = private })
}

// change lets f change a user.
func (s *Server) change(name string, f func(u *user)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name = strings.ToLower(name)
	if s.users[name] == nil {
		s.users[name] = &user{entries: make(map[engine.AnimeID]kept)}
	}
	f(s.users[name])
}

// RemoveUser forgets the user.
func (s *Server) RemoveUser(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users, strings.ToLower(name))
}

// SetAnime adds anime, or replaces those with the same ids. An anime that is on a list and was never set has no title
// there and no page of its own.
func (s *Server) SetAnime(anime ...engine.Anime) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range anime {
		s.anime[a.ID] = &a
	}
}

// SetPace answers 429 to more than n requests a second. 0 takes them as fast as they come.
func (s *Server) SetPace(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pace = nil
	if n > 0 {
		s.pace = rate.NewLimiter(rate.Limit(n), n)
	}
}

// Requests counts the requests so far whose path below BaseURL begins with path, faults and refusals included:
// "/users/spike/" are those for spike's list, "/anime/" those for any anime, and "" are all.
func (s *Server) Requests(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := 0
	for p, n := range s.requests {
		if strings.HasPrefix(p, strings.ToLower(path)) {
			sum += n
		}
	}
	return sum
}

// Changes gives every entry of l a time on its day, so that [engine.NewList] makes l of them again.
func Changes(l engine.List) []engine.Change {
	changes := make([]engine.Change, len(l))
	for i := len(l) - 1; i >= 0; i-- {
		changes[i] = engine.Change{Entry: l[i], At: l[i].Day.Time()}
		if i+1 < len(l) && l[i].Day == l[i+1].Day && l[i].Day != 0 {
			changes[i].At = changes[i+1].At.Add(time.Second)
		}
	}
	return changes
}

// row is an entry with what is known about its anime.
type row struct {
	engine.Change
	anime *engine.Anime // nothing but the id when it was never set
}

// rows returns the user's list in no order, and whether it is private; ok is false when there is no such user.
func (s *Server) rows(name string) (rows []row, private, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[strings.ToLower(name)]
	if !ok {
		return nil, false, false
	}
	rows = make([]row, 0, len(u.entries))
	for id, e := range u.entries {
		a, _ := s.known(id)
		rows = append(rows, row{e.change(), a})
	}
	return rows, u.private, true
}

// title returns the anime of that id, and whether it was set; if not, it is one with nothing but the id.
func (s *Server) title(id engine.AnimeID) (a *engine.Anime, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known(id)
}

// known is title for who holds mu.
func (s *Server) known(id engine.AnimeID) (a *engine.Anime, ok bool) {
	if a, ok = s.anime[id]; ok {
		return a, true
	}
	if a = s.nameless[id]; a == nil {
		a = &engine.Anime{ID: id}
		s.nameless[id] = a
	}
	return a, false
}
