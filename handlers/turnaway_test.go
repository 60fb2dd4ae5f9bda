package handlers

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"reko.moe/handlers/limit"
)

// crowd is an application where nobody is worked on, until leave is called: one is, and so many wait.
func crowd(t testing.TB, waiting int) (s *server, app *fiber.App, leave func()) {
	t.Helper()
	s, app = bare(func(c *fiber.Ctx) error { return c.SendString("ok") })
	s.gates.all = newGate(1, waiting)
	s.gates.all.enter(t.Context())
	s.gates.all.waiting.Add(int64(waiting))
	return s, app, func() {
		s.gates.all.waiting.Add(-int64(waiting))
		s.gates.all.leave()
	}
}

// reply is an answer that has come.
type reply struct {
	StatusCode int
	Header     http.Header
	Close      bool
}

// asked is what an application answers to a request.
func asked(t testing.TB, app *fiber.App, req *http.Request) (reply, string) {
	t.Helper()
	resp, err := app.Test(req, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, resp.Close}, string(body)
}

// When there is too much to do who comes is turned away, at the door or, one of those who came in together, at the gate; the admin side
// has a share of its own, and who watches over the program is answered.
func TestOverloaded(t *testing.T) {
	for where, waiting := range map[string]int{"door": 8, "gate": 0} {
		t.Run(where, func(t *testing.T) {
			s, app, leave := crowd(t, waiting)
			if s.gates.all.full() != (where == "door") {
				t.Fatalf("the door sees that nobody can come in: %t", s.gates.all.full())
			}
			for _, path := range []string{"/api/spike/similar", "/u/spike"} {
				unavailable(t, app, path, "Overloaded", "Too many are asking at once. Try again in a moment.")
			}
			ok := func(path string) {
				t.Helper()
				if resp, body := asked(t, app, httptest.NewRequest(http.MethodGet, path, http.NoBody)); resp.StatusCode != http.StatusOK {
					t.Fatalf("%s: %d %s", path, resp.StatusCode, body)
				}
			}
			ok("/admin")
			leave()
			ok("/u/spike")
			ok("/u/spike") // the turn of the one before is over
		})
	}
}

// Who is turned away gets an answer as all others are, but it is neither logged nor measured: it is counted, by one number.
func TestTurnedAway(t *testing.T) {
	for where, waiting := range map[string]int{"door": 8, "gate": 0} {
		t.Run(where, func(t *testing.T) {
			s, app, _ := crowd(t, waiting)
			var log bytes.Buffer
			s.Log = slog.New(slog.NewTextHandler(&log, nil))
			s.APIHost, s.PublicURL = "api.reko.moe", "https://reko.moe"
			demo := false
			s.Demo = func() bool { return demo }
			n := 0
			refused := func(what string, change func(*http.Request), want map[string]string, text string) {
				t.Helper()
				n++
				req := httptest.NewRequest(http.MethodGet, "/u/spike?page=2", http.NoBody)
				req.Header.Set("X-Request-Id", "see-you-space-cowboy")
				change(req)
				resp, body := asked(t, app, req)
				for name, value := range map[string]string{
					"X-Request-Id": "see-you-space-cowboy", "Retry-After": "1", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
					"X-Robots-Tag": "noindex, nofollow", "Strict-Transport-Security": httpsOnly, "Permissions-Policy": permissions,
				} {
					if got := resp.Header.Get(name); got != value {
						t.Errorf("%s: %s %q, want %q", what, name, got, value)
					}
				}
				for name, value := range want {
					if got := resp.Header.Get(name); got != value {
						t.Errorf("%s: %s %q, want %q", what, name, got, value)
					}
				}
				if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, text) || req.Method == http.MethodHead && body != "" {
					t.Errorf("%s: %d %s", what, resp.StatusCode, body)
				}
				if marked := strings.Contains(body, "This is a demo."); marked != demo {
					t.Errorf("%s: it is said to be a demo: %t", what, marked)
				}
			}
			at := func(path string) func(*http.Request) { return func(r *http.Request) { r.RequestURI = path } }
			program := map[string]string{"Content-Type": "application/json", "Access-Control-Allow-Origin": "*", "Content-Security-Policy": apiPolicy}
			page := map[string]string{"Content-Type": "text/html; charset=utf-8", "Access-Control-Allow-Origin": "", "Content-Security-Policy": policy}
			refused("API", at("/api/spike/similar"), program, `"id":"Overloaded"`)
			refused("API's own host", func(r *http.Request) { r.RequestURI, r.Host = "/spike/similar", "API.reko.moe:443" }, program, `"id":"Overloaded"`)
			refused("page", func(*http.Request) {}, page, "<h1")
			refused("HEAD", func(r *http.Request) { r.Method = http.MethodHead }, page, "")
			refused("form", func(r *http.Request) { r.Method, r.RequestURI = http.MethodPost, "/save" }, page, "<h1")
			refused("part", func(r *http.Request) { r.Header.Set("HX-Request", "true") },
				map[string]string{"HX-Retarget": "#flash", "HX-Reswap": "innerHTML", "HX-Push-Url": "false"}, "<p ")
			demo = true
			refused("page of a demo", func(*http.Request) {}, page, "<h1")
			if log.Len() > 0 {
				t.Errorf("it is logged: %s", &log)
			}
			resp := httptest.NewRecorder()
			s.Metrics.Handler().ServeHTTP(resp, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
			if text := resp.Body.String(); !strings.Contains(text, fmt.Sprintf("\nreko_http_shed_total %d\n", n)) || strings.Contains(text, "reko_http_request_duration_seconds_count") {
				t.Errorf("of %d the metrics say:\n%s", n, text)
			}
		})
	}
}

// However many come, what takes no turn is not turned away.
func TestNotTurnedAway(t *testing.T) {
	s, app, _ := crowd(t, 8)
	for _, test := range []struct {
		method, path string
		want         bool
	}{
		{http.MethodGet, healthPath, false}, {http.MethodGet, readyPath, false}, {http.MethodGet, metricsPath, false}, {http.MethodGet, "/static/0/app.css", false},
		{http.MethodOptions, "/api/spike/similar", false}, {http.MethodPost, uploadPath, false}, {http.MethodGet, "/admin/jobs", false},
		{http.MethodGet, uploadPath, true}, {http.MethodPost, "/api/recommendations", true}, {http.MethodGet, "/healthz/", true}, {http.MethodGet, "/%68ealthz", true},
	} {
		var raw fasthttp.RequestCtx
		raw.Request.Header.SetMethod(test.method)
		raw.Request.SetRequestURI(test.path)
		if got := s.crowded(&raw); got != test.want {
			t.Errorf("%s %s is turned away: %t", test.method, test.path, got)
		}
	}
	if resp, body := asked(t, app, httptest.NewRequest(http.MethodGet, healthPath, http.NoBody)); resp.StatusCode != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// As long as somebody waits for a turn, who has spent all that one may ask for gets none, and the others do.
func TestSpentIsTurnedAway(t *testing.T) {
	s, app, _ := crowd(t, 8)
	s.Limits = limit.New(limit.Options{Budgets: limit.Budgets{limit.API: {Quota: 1, Window: time.Minute}, limit.Pages: {Quota: 1, Window: time.Minute}}})
	s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/32")}
	s.Limits.Take(t.Context(), limit.API, "192.0.2.1")
	for _, test := range []struct {
		waiting    int64
		path, from string
		want       bool
	}{
		{1, "/api/spike/similar", "192.0.2.1", true},
		{1, "/api/spike/similar", "192.0.2.2", false}, // somebody else
		{1, "/u/spike", "192.0.2.1", false},           // something else
		{1, healthPath, "192.0.2.1", false},
		{1, "/admin", "192.0.2.1", false}, // where nobody waits
		{0, "/api/spike/similar", "192.0.2.1", false},
		{8, "/api/spike/similar", "192.0.2.2", true},
	} {
		s.gates.all.waiting.Store(test.waiting)
		raw := request(test.path)
		raw.Request.Header.Set(fiber.HeaderXForwardedFor, test.from)
		if got := s.crowded(raw); got != test.want {
			t.Errorf("while %d wait, %s of %s is turned away: %t", test.waiting, test.path, test.from, got)
		}
	}
	s.gates.all.waiting.Store(1)
	s.Limits.Take(t.Context(), limit.API, "0.0.0.0")
	unavailable(t, app, "/api/spike/similar", "Overloaded", "Too many are asking at once. Try again in a moment.")
}

// A connection whose server is about to stop ends with a refusal, too.
func TestTurnedAwayWhileDraining(t *testing.T) {
	s, app, _ := crowd(t, 8)
	s.Draining = func() bool { return true }
	if resp, _ := asked(t, app, httptest.NewRequest(http.MethodGet, "/u/spike", http.NoBody)); !resp.Close {
		t.Error("the connection goes on")
	}
}

// Many can be turned away at once, the first ones among them.
func TestTurnedAwayTogether(t *testing.T) {
	_, app, _ := crowd(t, 8)
	handle := app.Server().Handler
	var coming sync.WaitGroup
	for range 8 {
		coming.Go(func() {
			for range 50 {
				raw := request("/u/spike")
				if handle(raw); raw.Response.StatusCode() != http.StatusServiceUnavailable || len(raw.Response.Body()) == 0 {
					t.Errorf("%s", &raw.Response)
				}
			}
		})
	}
	coming.Wait()
}

func request(path string) *fasthttp.RequestCtx {
	var req fasthttp.Request
	req.SetRequestURI(path)
	req.SetHost("reko.test")
	raw := new(fasthttp.RequestCtx)
	raw.Init(&req, nil, nil)
	return raw
}

func BenchmarkTurnedAway(b *testing.B) {
	for _, path := range []string{"/api/spike/similar", "/u/spike"} {
		b.Run(path, func(b *testing.B) {
			_, app, _ := crowd(b, 8)
			handle, raw := app.Server().Handler, request(path)
			b.ReportAllocs()
			for b.Loop() {
				raw.Response.Reset()
				handle(raw)
			}
		})
	}
}

// To turn somebody away takes a few allocations, where the cheapest answer takes dozens.
func TestTurnedAwayCostsLittle(t *testing.T) {
	_, app, _ := crowd(t, 8)
	handle, raw := app.Server().Handler, request("/api/spike/similar")
	handle(raw) // makes the answer
	if n := testing.AllocsPerRun(100, func() {
		raw.Response.Reset()
		handle(raw)
	}); n > 4 {
		t.Errorf("%.0f allocations, want at most 4", n)
	}
}
