package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reko.moe/handlers"
	"reko.moe/handlers/metrics"
	"reko.moe/internal/wait"
)

var newID = regexp.MustCompile(`^[0-9a-f]{16}$`)

// A request keeps the id that it came with if that looks like one, and every answer has one.
func TestRequestIDs(t *testing.T) {
	a := start(t, nil)
	for _, id := range []string{"12345678", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "UP_and_down-09", strings.Repeat("x", 64), "--------"} {
		for _, target := range []string{"/api/version", "/api/spike/similar?page=x", "/nothing", "/healthz"} {
			if got := a.ask(t, http.MethodGet, target, "X-Request-Id", id).header.Values("X-Request-Id"); len(got) != 1 || got[0] != id {
				t.Errorf("%s: id %q became %q", target, id, got)
			}
		}
	}
	seen := map[string]bool{}
	for _, id := range []string{
		"", "1234567", strings.Repeat("x", 65), strings.Repeat("x", 10_000), "with space", "12345678\r\nX-Evil: 1", "12345678\n{\"level\":\"ERROR\"}", "12345678\x00",
		"\"12345678\"", "12345678,87654321", "<script>alert(1)</script>", "${jndi:ldap://x}", "スパイクスパイク", "../../../../etc/passwd", "12345678%0a", "12345678=x", "\x1b[31mred12345",
	} {
		for _, target := range []string{"/api/version", "/api/spike/similar", "/api/a/similar", "/nothing"} {
			got := a.ask(t, http.MethodGet, target, "X-Request-Id", id)
			if given := got.header.Get("X-Request-Id"); !newID.MatchString(given) || seen[given] || got.header.Get("X-Evil") != "" {
				t.Errorf("%s: id %.80q became %q", target, id, given)
			} else {
				seen[given] = true
			}
		}
	}
}

// The access log has a line for every request, with the id that its answer has.
func TestAccessLog(t *testing.T) {
	a := start(t, nil)
	for i, test := range []struct {
		method, target, path string
		status               int
	}{
		{"GET", "/api/spike/similar?page=2", "/api/spike/similar", 200},
		{"HEAD", "/api/version", "/api/version", 200},
		{"OPTIONS", "/api/spike/similar", "/api/spike/similar", 204},
		{"GET", "/api/spike/similar?page=x", "/api/spike/similar", 400},
		{"GET", "/api/a/similar", "/api/a/similar", 404},
		{"GET", "/nothing?key=secret", "/nothing", 404},
		{"POST", "/api/spike/similar", "/api/spike/similar", 405},
		{"GET", "/api/gren/similar", "/api/gren/similar", 500},
		{"GET", "/%0d%0alevel=ERROR", "/%0d%0alevel=ERROR", 404},
		{"GET", "/" + strings.Repeat("x", 10_000), "/" + strings.Repeat("x", 119), 404},
		{"GET", "/healthz", "/healthz", 200},
		{"GET", "/", "/", 200},
		{"GET", "/u/guest-abcdefghij/compare/guest-zzzzzzz234", "/u/guest-*/compare/guest-*", 404},                      // the address of a private list is its secret
		{"GET", "/" + strings.Repeat("x", 108) + "/guest-abcdefghij", "/" + strings.Repeat("x", 108) + "/guest-*", 404}, // also where the path is cut off
	} {
		got := a.ask(t, test.method, test.target)
		lines := a.log.lines(t, "request")
		if len(lines) != i+1 {
			t.Fatalf("%s %s: %d lines, want %d", test.method, test.target, len(lines), i+1)
		}
		l := lines[i]
		if l.Method != test.method || l.Path != test.path || l.Status != test.status || got.status != test.status || l.Request != got.header.Get("X-Request-Id") {
			t.Errorf("%s %s: %d, logged as %+v", test.method, test.target, got.status, l)
		}
	}
}

// Whatever the time zone of the machine is, times in the log are in UTC.
func TestLogIsInUTC(t *testing.T) {
	var line strings.Builder
	log := handlers.LogHandler(slog.NewTextHandler(&line, nil))
	at := time.Date(2025, 6, 1, 1, 30, 0, 0, time.FixedZone("Tokyo", 9*60*60))
	if err := log.Handle(t.Context(), slog.NewRecord(at, slog.LevelInfo, "x", 0)); err != nil || !strings.HasPrefix(line.String(), "time=2025-05-31T16:30:00.000Z ") {
		t.Errorf("%s, %v", line.String(), err)
	}
}

// Requests with the API's own host find it at the root, too.
func TestAPIHost(t *testing.T) {
	a := start(t, func(s *setup) { s.handlers.APIHost = "api.example.org" })
	hosts := []string{"api.example.org", "API.Example.ORG", "api.example.org:3000"}
	for _, target := range []string{
		"/version", "/openapi.json", "/spike/similar", "/SPIKE/similar?page=2", "/spike/recommendations", "/spike/recommendations/ein", "/spike/compare/%65in",
		"/spike/random?seed=3", "/a/similar", "/spike%2Fx/similar", "/spike/similar?page=x", "/nothing", "/spike/similar/x",
	} {
		want := a.ask(t, http.MethodGet, "/api"+target)
		for _, host := range hosts {
			for _, prefix := range []string{"", "/api"} {
				got := a.ask(t, http.MethodGet, prefix+target, "Host", host)
				if got.status != want.status || got.body != want.body || got.header.Get("Access-Control-Allow-Origin") != "*" {
					t.Errorf("%s%s of %s: %d %s, want %d %s", prefix, target, host, got.status, got.body, want.status, want.body)
				}
			}
		}
		for _, host := range []string{"reko.test", "example.org", "xapi.example.org", "api.example.org.evil.test", "api.example.com", "[::1]:80"} {
			if got := a.ask(t, http.MethodGet, target, "Host", host); got.body == want.body && got.status == want.status && want.status == http.StatusOK ||
				got.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s of %s is the API: %d %s", target, host, got.status, got.body)
			}
		}
	}
	host := hosts[0]
	for target, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		a.ask(t, http.MethodGet, target, "Host", host).says(t, target, http.StatusOK, want)
	}
	for _, target := range []string{"/", "/api", "/api/"} {
		a.ask(t, http.MethodGet, target, "Host", host).says(t, target, http.StatusNotFound, "Resource does not exist")
	}
	got := a.ask(t, http.MethodPost, "/spike/similar", "Host", host)
	got.says(t, "POST", http.StatusMethodNotAllowed, "Invalid request method")
	if !strings.Contains(got.header.Get("Allow"), "GET") {
		t.Errorf("Allow %q", got.header.Get("Allow"))
	}
	if got := a.ask(t, http.MethodOptions, "/spike/similar", "Host", host); got.status != http.StatusNoContent || got.header.Get("Access-Control-Allow-Methods") == "" {
		t.Errorf("OPTIONS: %d %v", got.status, got.header)
	}

	without := start(t, nil)
	for _, host := range []string{host, ""} {
		if got := without.ask(t, http.MethodGet, "/spike/similar", "Host", host); got.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("no API host, but %q has it: %s", host, got.body)
		}
	}
}

func TestHealth(t *testing.T) {
	var unready error
	a := start(t, func(s *setup) { s.handlers.Ready = func(context.Context) error { return unready } })
	a.get(t, "/healthz", 200).says(t, "healthz", http.StatusOK, "ok\n")
	a.get(t, "/readyz", 200).says(t, "readyz", http.StatusOK, "ready\n")
	unready = errors.New("stopping")
	a.get(t, "/healthz", 200).says(t, "healthz", http.StatusOK, "ok\n")
	a.get(t, "/readyz", 503).says(t, "readyz", http.StatusServiceUnavailable, "not ready\n")
	if lines := a.log.lines(t, "not ready"); len(lines) != 1 || lines[0].Level != "WARN" || lines[0].Err != "stopping" {
		t.Errorf("logged %+v", lines)
	}

	gone := start(t, nil) // with the store's own Ping
	gone.get(t, "/readyz", http.StatusOK)
	gone.store.Close()
	gone.get(t, "/readyz", 503).says(t, "readyz without a database", http.StatusServiceUnavailable, "not ready\n")
	gone.get(t, "/healthz", http.StatusOK)
}

// However many ask whether it is ready, the database is asked once at a time.
func TestReadinessIsAskedOnceAtATime(t *testing.T) {
	const askers = 16
	numbers := metrics.New("v")
	var at, most atomic.Int32
	var all sync.Once
	a := start(t, func(s *setup) {
		s.handlers.Metrics = numbers
		s.handlers.Ready = func(context.Context) error {
			most.Store(max(most.Load(), at.Add(1)))
			all.Do(func() { // nobody is told before all have asked
				wait.For(t, func() error {
					if n := numbers.InFlight(); n < askers {
						return fmt.Errorf("%d of %d have asked", n, askers)
					}
					return nil
				})
			})
			at.Add(-1)
			return nil
		}
	})
	b := newBrowser(t, a.listen(t))
	var asking sync.WaitGroup
	for range askers {
		asking.Go(func() {
			if got := b.get(t, "/readyz"); got.status != http.StatusOK {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
	if asking.Wait(); most.Load() != 1 {
		t.Errorf("it was asked %d times at once", most.Load())
	}
}

// Until everything is in memory, questions are turned away, and the pages too.
func TestStarting(t *testing.T) {
	a := start(t, nil)
	a.started.Store(false)
	for _, target := range []string{
		"/api/version", "/api/openapi.json", "/api/spike/recommendations", "/api/spike/recommendations/ein", "/api/spike/similar", "/api/spike/compare/ein",
		"/api/spike/random", "/api/a/similar", "/api/nothing",
	} {
		got := a.ask(t, http.MethodGet, target)
		got.says(t, target, http.StatusServiceUnavailable, "Starting, ask again in a second")
		if got.header.Get("Retry-After") != "1" {
			t.Errorf("%s: Retry-After %q", target, got.header.Get("Retry-After"))
		}
	}
	a.get(t, "/", http.StatusServiceUnavailable)
	for target, want := range map[string]string{"/u/spike": "1", "/api/spike/similar": ""} { // browsers look again by themselves
		if got := a.ask(t, http.MethodGet, target, "Accept", browserAccepts); got.header.Get("Refresh") != want {
			t.Errorf("%s: Refresh %q, want %q", target, got.header.Get("Refresh"), want)
		}
	}
	a.get(t, "/healthz", http.StatusOK)
	a.get(t, "/readyz", http.StatusOK) // which is what Ready says
	if got := a.ask(t, http.MethodOptions, "/api/spike/similar"); got.status != http.StatusNoContent {
		t.Errorf("OPTIONS: %d", got.status)
	}
	a.started.Store(true)
	a.get(t, "/api/spike/similar", http.StatusOK)
}
