// Package handlers_test asks the whole application: handlers, engine and a SQLite store, with a MyAnimeList that maltest
// plays where one is needed. Every answer below /api is checked against the OpenAPI document and the laws that all answers
// keep, and every log line must say which request it belongs to.
package handlers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/jobs"
	"reko.moe/engine/mal"
	"reko.moe/engine/mal/maltest"
	"reko.moe/handlers"
)

// now is when the engine thinks it is.
var now = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

// setup is what an application is made of. start fills in what a test leaves empty.
type setup struct {
	world
	handlers  handlers.Options
	engine    engine.Options
	mal       *maltest.Server // nil: only stored lists are known
	client    mal.Options     // of the client of mal
	jobs      []jobs.Job      // that admins run
	lists     int             // MiB of lists in memory; 8
	unchecked bool            // answers are not compared with the document, which takes time and memory
}

// app is the application under test.
type app struct {
	*fiber.App
	engine  *engine.Engine
	store   *db.DB
	path    string // of the store's file
	started atomic.Bool
	log     *logBook
	https   bool // the site is reached by https only
}

// start builds the application. What change leaves alone is the small world of world_test.go, without a MyAnimeList.
func start(t testing.TB, change func(*setup)) *app {
	t.Helper()
	s := setup{world: smallWorld(), lists: 8}
	if change != nil {
		change(&s)
	}
	a := &app{path: filepath.Join(t.TempDir(), "reko.db"), log: new(logBook)}
	a.started.Store(true)
	log := slog.New(handlers.LogHandler(slog.NewJSONHandler(a.log, nil)))
	if err := os.WriteFile(a.path, emptyStore(t), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if a.store, err = db.Open(t.Context(), db.Options{URL: "sqlite:" + a.path, Lists: s.lists}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.store.Close() })

	s.engine.Store, s.engine.Log = a.store, log
	if s.engine.Now == nil {
		s.engine.Now = func() time.Time { return now }
	}
	if s.mal != nil {
		s.engine.Source = s.source(t, log)
	}
	a.engine = engine.New(s.engine)
	t.Cleanup(func() {
		if err := a.engine.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	a.fill(t, s.world)

	o := &s.handlers
	a.https = strings.HasPrefix(o.PublicURL, "https:")
	if o.Engine == nil {
		o.Engine = a.engine
	}
	o.Log, o.Started, o.Version = log, a.started.Load, "v1.2.3"
	o.Series, o.Failures = a.store, a.store.LastFailures
	if o.Sessions == nil {
		o.Sessions = a.store.Sessions()
	}
	if o.Ready == nil {
		o.Ready = a.store.Ping
	}
	if o.Demo == nil {
		o.Demo = func() bool { return false }
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	byHand := jobs.NewRunner(ctx, slog.New(slog.DiscardHandler), a.store, s.jobs...)
	t.Cleanup(func() { cancel(); byHand.Wait() })
	o.Jobs = byHand
	a.App = handlers.New(*o)
	if _, measured := t.(*testing.B); !measured && !s.unchecked {
		a.checkEvery(t)
	}
	t.Cleanup(func() { a.log.check(t) })
	return a
}

var (
	emptyOnce sync.Once
	empty     []byte
)

// emptyStore is the file of a store without anything, made once: its tables take longer than most tests.
func emptyStore(t testing.TB) []byte {
	t.Helper()
	emptyOnce.Do(func() {
		path := filepath.Join(t.TempDir(), "empty.db")
		store, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + path})
		if err == nil {
			err = store.Close()
		}
		if err == nil {
			empty, err = os.ReadFile(path)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	return empty
}

// source makes a client of the fake MyAnimeList that neither waits nor is slowed down.
func (s *setup) source(t testing.TB, log *slog.Logger) engine.Source {
	t.Helper()
	o := s.client
	o.URL, o.ProbeUser, o.Log = s.mal.BaseURL, "probe", log
	o.Rate, o.Burst, o.Backoff = 1e6, 1e6, time.Nanosecond
	if o.ClientID == "" {
		o.ClientID = s.mal.ClientID
	}
	if o.Transport == nil {
		o.Transport = s.mal
	}
	c, err := mal.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fill imports anime and users.
func (a *app) fill(t testing.TB, w world) {
	t.Helper()
	for _, step := range []func() error{
		func() error { return a.engine.ImportAnime(t.Context(), w.anime) },
		func() error { return a.engine.ImportUsers(t.Context(), w.users) },
		func() error { return a.engine.ImportDone(t.Context()) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request, its target as it is, and headers as pairs of name and value.
func (a *app) ask(t testing.TB, method, target string, header ...string) answer {
	t.Helper()
	req := &http.Request{
		Method: method, RequestURI: target, Host: "reko.test", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody,
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		} else {
			req.Header.Set(header[i], header[i+1])
		}
	}
	res, err := a.Test(req, -1)
	if err != nil {
		t.Fatalf("%s %.200s: %v", method, target, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %.200s: %v", method, target, err)
	}
	got := answer{res.StatusCode, res.Header, string(body)}
	got.hardened(t, method+" "+target, a.https)
	return got
}

// get asks by GET and wants a status.
func (a *app) get(t testing.TB, target string, status int) answer {
	t.Helper()
	got := a.ask(t, http.MethodGet, target)
	if got.status != status {
		t.Errorf("GET %.200s: %d %.300s, want %d", target, got.status, got.body, status)
	}
	return got
}

// refused checks an error of the kind that is JSON.
func (got answer) refused(t testing.TB, what string, status int, id string) {
	t.Helper()
	var e struct {
		Code        int
		ID, Message string
	}
	err := json.Unmarshal([]byte(got.body), &e)
	if err != nil || got.status != status || e.Code != status || e.ID != id || e.Message == "" ||
		got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%.200s: %d %q %.300s, want %d %s in JSON", what, got.status, got.header.Get("Content-Type"), got.body, status, id)
	}
}

// says checks an answer in plain text.
func (got answer) says(t testing.TB, what string, status int, text string) {
	t.Helper()
	if got.status != status || got.body != text || got.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%.200s: %d %q %.300q, want %d %q in text/plain", what, got.status, got.header.Get("Content-Type"), got.body, status, text)
	}
}

// logBook keeps log lines in JSON. It is safe for concurrent use.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
	off atomic.Bool  // keeps nothing
}

func (l *logBook) Write(p []byte) (int, error) {
	if l.off.Load() {
		return len(p), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// text is all that was logged.
func (l *logBook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// logLine is one line with what all have in common.
type logLine struct {
	Level, Msg, Request, Method, Path, ID, Err, From string
	Status                                           int
}

// lines returns the lines so far of that message, all for an empty one.
func (l *logBook) lines(t testing.TB, msg string) []logLine {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []logLine
	for text := range strings.Lines(l.buf.String()) {
		var line logLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("log line %q: %v", text, err)
		}
		if msg == "" || line.Msg == msg {
			lines = append(lines, line)
		}
	}
	return lines
}

// check finds lines that do not say which request they belong to.
func (l *logBook) check(t testing.TB) {
	t.Helper()
	for _, line := range l.lines(t, "") {
		if line.Request == "" {
			t.Errorf("a log line without a request id: %+v", line)
		}
	}
}
