package handlers_test

import (
	"context"
	"database/sql"
	"net/http"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"reko.moe/engine"
	"reko.moe/engine/mal"
	"reko.moe/engine/mal/maltest"
)

// source is a MyAnimeList with a public list, and one of each that cannot be used.
func source() *maltest.Server {
	fake := maltest.New(maltest.Lists{
		"probe": {entry(1, 10, 2024)}, "vicious": {entry(1, 10, 2024)}, "andy": {entry(1, 3, 2024), entry(3, 8, 2024), entry(2, 1, 2023)},
		"nothing": {}, "plans": {planned(1), planned(2)}, "undescribed": {entry(9, 10, 2024)},
	}, smallAnime...)
	fake.SetPrivate("vicious", true)
	return fake
}

// sqlExec changes the store's file behind the back of the application.
func (a *app) sqlExec(t testing.TB, statement string, args ...any) {
	t.Helper()
	file, err := sql.Open("sqlite", "file:"+a.path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// Every kind of failure, with the name in each place of a path where a name can be.
func TestErrors(t *testing.T) {
	t.Parallel()
	refuseSaving := func(t *testing.T, a *app) {
		a.sqlExec(t, `CREATE TRIGGER full BEFORE INSERT ON users BEGIN SELECT RAISE(FAIL, 'disk is full'); END`)
	}
	for _, test := range []struct {
		kind   string
		name   string
		fault  maltest.Fault
		client mal.Options
		store  func(*testing.T, *app)
		status int
		id     string
	}{
		{kind: "private", name: "vicious", status: 403, id: "PrivateUserList"},
		{kind: "private in other letters", name: "Vicious", status: 403, id: "PrivateUserList"},
		{kind: "blocked", name: "andy", fault: maltest.Blocked, status: 502, id: "UpstreamFailed"},
		{kind: "blocked, and private", name: "vicious", fault: maltest.Blocked, status: 502, id: "UpstreamFailed"},
		{kind: "unknown", name: "nobody", status: 404, id: "UserNotFound"},
		{kind: "nothing on the list", name: "nothing", status: 422, id: "EmptyUserList"},
		{kind: "nothing watched", name: "plans", status: 422, id: "EmptyUserList"},
		{kind: "stored, nothing watched", name: "ed", status: 422, id: "EmptyUserList"},
		{kind: "not a list", name: "andy", fault: maltest.WrongTypes, status: 422, id: "InvalidUserList"},
		{kind: "nothing described", name: "undescribed", status: 500, id: "HashFailed"},
		{kind: "stored, nothing described", name: "gren", status: 500, id: "HashFailed"},
		{kind: "not saved", name: "andy", store: refuseSaving, status: 500, id: "FailedSave"},
		{kind: "database closed", name: "spike", store: func(t *testing.T, a *app) { a.store.Close() }, status: 500, id: "FailedSave"},
		{kind: "database damaged", name: "spike", store: func(t *testing.T, a *app) { a.sqlExec(t, `ALTER TABLE users RENAME TO gone`) }, status: 500, id: "FailedSave"},
		{kind: "own list damaged", name: "gren", store: func(t *testing.T, a *app) { a.sqlExec(t, `UPDATE users SET list = X'00'`) }, status: 500, id: "InternalError"},
		{kind: "overloaded", name: "andy", fault: maltest.Overloaded, status: 502, id: "UpstreamFailed"},
		{kind: "a page for people", name: "andy", fault: maltest.HTML, status: 502, id: "UpstreamFailed"},
		{kind: "cut off", name: "andy", fault: maltest.CutOff, status: 502, id: "UpstreamFailed"},
		{kind: "hung up", name: "andy", fault: maltest.Dropped, status: 502, id: "UpstreamFailed"},
		{kind: "client id refused", name: "andy", client: mal.Options{ClientID: "wrong"}, status: 502, id: "UpstreamFailed"},
		{kind: "slow", name: "andy", fault: maltest.Slow(time.Hour), client: mal.Options{Timeout: time.Millisecond, Transport: http.DefaultTransport}, status: 504, id: "UpstreamTimeout"},
		{kind: "told to wait", name: "andy", fault: maltest.TooMany("3600"), status: 504, id: "UpstreamTimeout"},
	} {
		t.Run(test.kind, func(t *testing.T) {
			a := start(t, func(s *setup) {
				s.mal, s.client = source(), test.client
				if s.client.Transport != nil { // over a real connection
					s.mal = maltest.Start(t, nil)
				}
				if test.fault != nil {
					s.mal.Fail("", 0, test.fault)
				}
			})
			if test.store != nil {
				test.store(t, a)
			}
			for i, place := range places {
				target := strings.Replace(place, "%s", test.name, 1)
				got := a.ask(t, http.MethodGet, target)
				got.refused(t, target, test.status, test.id)
				if wait := got.header.Get("Retry-After") != ""; wait != (test.status == 502 || test.status == 504) {
					t.Errorf("%s: Retry-After %q", target, got.header.Get("Retry-After"))
				}
				if strings.Contains(got.body, "sql") || strings.Contains(got.body, "reko.moe") || strings.Contains(got.body, "goroutine") {
					t.Errorf("%s: %s tells too much", target, got.body)
				}
				a.logged(t, i+1, target, test.status, test.id, got)
			}
		})
	}
}

// logged checks that what is our fault, or MyAnimeList's, was logged once, by the nth request.
func (a *app) logged(t *testing.T, n int, target string, status int, id string, got answer) {
	t.Helper()
	if access := a.log.lines(t, "request"); len(access) != n || access[n-1].Status != status || access[n-1].Request != got.header.Get("X-Request-Id") {
		t.Errorf("access log of request %d: %+v", n, access)
	}
	failures := a.log.lines(t, "request failed")
	if status < 500 {
		if len(failures) != 0 {
			t.Errorf("%s is logged as a failure: %+v", target, failures)
		}
		return
	}
	if len(failures) != n {
		t.Fatalf("%d failures logged after %d requests: %+v", len(failures), n, failures)
	}
	if f := failures[n-1]; f.Level != "ERROR" || f.ID != id || f.Path != target || f.Err == "" || f.Request != got.header.Get("X-Request-Id") {
		t.Errorf("failure logged as %+v", f)
	}
}

// A new user's list is asked for once, and then it is known, in any spelling.
func TestNewUser(t *testing.T) {
	fake := source()
	a := start(t, func(s *setup) { s.mal = fake })
	for _, target := range []string{"/api/Andy/similar", "/api/andy/recommendations", "/api/spike/compare/ANDY", "/api/spike/recommendations/andy", "/api/andy/random"} {
		a.get(t, target, http.StatusOK)
	}
	if n := fake.Requests("/users/andy/"); n != 1 {
		t.Errorf("%d requests for the list, want 1", n)
	}
	if got := a.get(t, "/api/spike/similar", http.StatusOK); !strings.Contains(got.body, `"andy"`) {
		t.Errorf("%s does not have the new user", got.body)
	}
}

// A list that is too old is better than none.
func TestStaleList(t *testing.T) {
	for name, fault := range map[string]maltest.Fault{
		"overloaded": maltest.Overloaded, "blocked": maltest.Blocked, "not a list": maltest.WrongTypes, "told to wait": maltest.TooMany("60"),
	} {
		t.Run(name, func(t *testing.T) {
			fake := source()
			fake.Fail("", 0, fault)
			old := person("andy", engine.FromMAL, entry(1, 3, 2024))
			old.FetchedAt = now.AddDate(-1, 0, 0)
			a := start(t, func(s *setup) { s.mal, s.users = fake, append(s.users, old) })
			a.get(t, "/api/andy/similar", http.StatusOK)
			if fake.Requests("/users/andy/") == 0 {
				t.Error("MyAnimeList was not asked")
			}
		})
	}
}

// A list that comes too late for the one who asked is there for the next.
func TestRequestTimeout(t *testing.T) {
	fake := source()
	release, answered := make(chan struct{}), make(chan struct{})
	fake.Fail("/users/andy/", 1, func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		<-release
		answer(w, r)
		close(answered)
	})
	a := start(t, func(s *setup) { s.mal, s.handlers.Timeout = fake, 250*time.Millisecond })
	got := a.ask(t, http.MethodGet, "/api/andy/similar")
	got.refused(t, "too late", http.StatusGatewayTimeout, "UpstreamTimeout")
	if got.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	close(release)
	<-answered
	if err := a.engine.Close(t.Context()); err != nil { // the list is saved
		t.Fatal(err)
	}
	if _, err := a.store.User(t.Context(), "andy"); err != nil {
		t.Errorf("the list was not saved: %v", err)
	}
}

// A damaged list of somebody else is left out, and the log says on whose behalf it was met.
func TestDamagedLender(t *testing.T) {
	a := start(t, nil)
	a.sqlExec(t, `UPDATE users SET list = X'00' WHERE name = 'faye-v'`)
	if got := a.get(t, "/api/spike/recommendations", http.StatusOK); strings.Contains(got.body, "faye-v") {
		t.Errorf("%s has votes of a damaged list", got.body)
	}
	if lines := a.log.lines(t, "stored list"); len(lines) != 1 {
		t.Errorf("logged %+v, want one line", lines)
	}
}

// A panic is an error like any other, and the server goes on.
func TestPanics(t *testing.T) {
	a := start(t, func(s *setup) {
		s.engine.Seed = func() uint64 { panic("no <seed> today") }
		s.handlers.Ready = func(context.Context) error { panic("not even this") }
	})
	got := a.ask(t, http.MethodGet, "/api/spike/random")
	got.refused(t, "/api/spike/random", http.StatusInternalServerError, "InternalError")
	a.logged(t, 1, "/api/spike/random", http.StatusInternalServerError, "InternalError", got)
	a.logged(t, 2, "/readyz", http.StatusInternalServerError, "InternalError", a.get(t, "/readyz", http.StatusInternalServerError))
	for _, line := range a.log.lines(t, "request failed") {
		if !strings.Contains(line.Err, "panic: no") || !strings.Contains(line.Err, "errors_test.go") {
			t.Errorf("logged without cause or place: %s", line.Err)
		}
	}
	if strings.Contains(got.body, "seed") {
		t.Errorf("%s tells too much", got.body)
	}
	a.get(t, "/api/spike/random?seed=1", http.StatusOK)
}
