package handlers_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
)

// hardened checks the headers that every answer has, whatever it is. All answers in the tests of this package come by here.
func (got answer) hardened(t testing.TB, what string, https bool) {
	t.Helper()
	want := map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		"Strict-Transport-Security": "", "Cross-Origin-Resource-Policy": "same-origin",
	}
	if https {
		want["Strict-Transport-Security"] = "max-age=63072000"
	}
	program := got.header.Get("Access-Control-Allow-Origin") == "*"
	if program || strings.HasPrefix(got.header.Get("Content-Type"), "image/png") {
		want["Cross-Origin-Resource-Policy"] = "cross-origin"
	}
	for name, value := range want {
		if all := got.header.Values(name); len(all) > 1 || got.header.Get(name) != value {
			if name == "Cross-Origin-Resource-Policy" && strings.Contains(what, ".png") {
				continue // a picture that is not there is none, and its address still is one's
			}
			t.Errorf("%.200s: %d with %s: %q, want %q", what, got.status, name, all, value)
		}
	}
	policy := got.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action '"} {
		if !strings.Contains(policy, part) {
			t.Errorf("%.200s: %d with the policy %q, which lacks %s", what, got.status, policy, part)
		}
	}
	for _, part := range []string{"unsafe", "*", "data:", "http:", "https: ", "https:;"} {
		if strings.Contains(policy, part) {
			t.Errorf("%.200s: %d with the policy %q, which has %s", what, got.status, policy, part)
		}
	}
	for _, host := range policyHost.FindAllStringSubmatch(policy, -1) {
		if !strings.HasSuffix("."+host[1], ".myanimelist.net") {
			t.Errorf("%.200s: %d with the policy %q, which lets in %s", what, got.status, policy, host[1])
		}
	}
	if program && strings.Contains(policy, "'self'") {
		t.Errorf("%.200s: %d, for programs, with the policy %q", what, got.status, policy)
	}
	if !strings.Contains(got.header.Get("Permissions-Policy"), "geolocation=()") {
		t.Errorf("%.200s: %d without a Permissions-Policy", what, got.status)
	}
	for _, telling := range []string{"Server", "X-Powered-By"} {
		if got.header.Get(telling) != "" {
			t.Errorf("%.200s: %s: %s", what, telling, got.header.Get(telling))
		}
	}
	if kind := got.header.Get("Content-Type"); got.body != "" && got.status != http.StatusNoContent && kind == "" {
		t.Errorf("%.200s: %d with a body of no Content-Type", what, got.status)
	} else if strings.HasPrefix(kind, "text/") && !strings.Contains(kind, "charset=utf-8") {
		t.Errorf("%.200s: %d with the Content-Type %q", what, got.status, kind)
	}
}

var policyHost = regexp.MustCompile(`[a-z]+://([^ ;]+)`)

// routes are the method and pattern of every route that is registered, without what is only on the way to one.
func (a *app) routes() (all []fiber.Route) {
	for _, routes := range a.Stack() {
		for _, r := range routes {
			same := func(other fiber.Route) bool { return other.Method == r.Method && other.Path == r.Path }
			if !slices.ContainsFunc(all, same) {
				all = append(all, *r)
			}
		}
	}
	return all
}

var parameter = regexp.MustCompile(`:[a-z]+`)

// methods are those of HTTP, and one that is none.
var methods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"}

// Every route, asked well and badly by every method, by strangers and by an admin, answers with the headers that keep browsers strict, and with
// nothing that was not meant.
func TestHeadersOfEveryRoute(t *testing.T) {
	for _, site := range []string{"", "http://reko.test", "https://reko.test"} {
		t.Run("site "+site, func(t *testing.T) {
			a, _, _ := startAdmin(t, func(s *setup) { s.handlers.PublicURL = site })
			a.log.off.Store(true)
			session, err := a.engine.LogIn(t.Context(), adminName, adminPassword, "")
			if err != nil {
				t.Fatal(err)
			}
			fill := map[string][]string{
				":username": {"spike", "ed", "nobody", "x", "..%2f", "%00", strings.Repeat("a", 9000)}, ":other": {"faye-v", "%ff"},
				":id": {"1", "x"}, ":name": {"app.css", "count", "..%2fx"}, ":hash": {"x"},
			}
			asked, shown := 0, 0 // shown are pages of the admin side
			ask := func(method, target string, headers ...string) {
				t.Helper()
				got := a.ask(t, method, target, headers...)
				asked++
				if got.header.Get("X-Evil") != "" {
					t.Errorf("%s %s: a header of the asker's", method, target)
				}
				if got.status >= http.StatusInternalServerError {
					t.Errorf("%s %.200s: %d %.200s", method, target, got.status, got.body)
				}
				people := strings.HasPrefix(target, "/u/") || target == "/u" || strings.HasPrefix(target, "/admin/") || strings.HasPrefix(target, "/api/")
				if robots := got.header.Get("X-Robots-Tag"); people && robots != "noindex, nofollow" {
					t.Errorf("%s %.200s: %d with X-Robots-Tag %q", method, target, got.status, robots)
				}
				if strings.Contains(got.body, "Logged in as") {
					shown++
					if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Encoding") != "" {
						t.Errorf("%s %.200s: %v", method, target, got.header)
					}
				}
			}
			for _, route := range a.routes() {
				if route.Path == "" {
					t.Errorf("a route without a path: %+v", route)
				}
				targets := []string{route.Path}
				for _, p := range parameter.FindAllString(route.Path, -1) {
					var more []string
					for _, target := range targets {
						if fill[p] == nil {
							t.Fatalf("%s has the parameter %s, of which this test knows nothing", route.Path, p)
						}
						for _, value := range fill[p] {
							more = append(more, strings.Replace(target, p, value, 1))
						}
					}
					targets = more
				}
				for _, target := range targets {
					for _, query := range []string{"", "?page=x&batch=x&name=%0d%0aX-Evil:1&seed=-1&genre=%ff"} {
						ask(route.Method, target+query, "Accept", "text/html")
						ask(route.Method, target+query, "Accept", "text/html", "HX-Request", "true")
						ask(route.Method, target+query, "Sec-Fetch-Site", "cross-site", "Content-Type", "application/json")
						ask(route.Method, target+query, "Accept", "text/html", "Accept-Encoding", "gzip", "Cookie", "admin="+session+"; __Host-admin="+session)
					}
					for _, method := range methods {
						ask(method, target)
					}
				}
			}
			if shown < 16 {
				t.Errorf("the admin was shown %d pages", shown)
			}
			if asked < 1000 {
				t.Errorf("%d requests", asked)
			}
		})
	}
}

// Before everything is in memory, and when nothing can be answered, the headers are there as well.
func TestHeadersOfARefusal(t *testing.T) {
	a := start(t, func(s *setup) { s.handlers.APIHost = "api.reko.test" })
	a.started.Store(false)
	for _, target := range []string{"/", "/u/spike", "/api/spike/similar", "/healthz", "/readyz", "/static/x/app.css"} {
		a.ask(t, http.MethodGet, target) // which looks
	}
	a.started.Store(true)
	// The API's own host is for programs, though its paths look like those of pages.
	got := a.ask(t, http.MethodGet, "/spike/similar", "Host", "api.reko.test")
	if policy, shared := got.header.Get("Content-Security-Policy"), got.header.Get("Cross-Origin-Resource-Policy"); strings.Contains(policy, "'self'") || shared != "cross-origin" {
		t.Errorf("policy %q, shared %q", policy, shared)
	}
	got = a.ask(t, http.MethodGet, "/u/spike/compare/faye-v/share.png")
	if got.header.Get("Cross-Origin-Resource-Policy") != "cross-origin" || got.header.Get("X-Robots-Tag") == "" {
		t.Errorf("a picture to share: %v", got.header)
	}
	for _, target := range []string{"/", "/about", "/docs", "/robots.txt"} {
		if got := a.ask(t, http.MethodGet, target); got.header.Get("X-Robots-Tag") != "" {
			t.Errorf("%s: %v", target, got.header)
		}
	}
}

// Everything that changes something is refused to pages of other sites, and on the admin side to forms without their token. A route
// that is added is among these by itself.
func TestEveryChangeIsGuarded(t *testing.T) {
	a, _, b := startAdmin(t, nil)
	b.logIn(t, adminName, adminPassword).leads(t, "login", "/admin/log")
	open := map[string]bool{ // programs ask these, with no cookie
		"/api/recommendations": true, "/api/recommendations/:username": true,
	}
	guarded := 0
	for _, route := range a.routes() {
		if route.Method == http.MethodGet || route.Method == http.MethodHead || route.Method == http.MethodOptions || open[route.Path] {
			continue
		}
		if route.Path == "/" || route.Path == "/api" || route.Path == "/admin" {
			continue // on the way to others, under every method
		}
		if route.Method != http.MethodPost {
			t.Errorf("%s %s: changes are by POST", route.Method, route.Path)
			continue
		}
		guarded++
		target := parameter.ReplaceAllString(route.Path, "spike")
		form := url.Values{"id": {"1"}, "theme": {"dark"}, "name": {"x"}, "back": {"/"}}.Encode()
		for _, header := range [][]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.test"},
			{"Sec-Fetch-Site", "", "Origin", "null"}, {"Sec-Fetch-Site", "", "Origin", "http://127.0.0.1.evil.test"},
		} {
			got := b.ask(t, http.MethodPost, target, plainForm, form, header...)
			if got.status != http.StatusForbidden {
				t.Errorf("POST %s from %q: %d to %q", target, header, got.status, got.header.Get("Location"))
			}
			for _, c := range got.header.Values("Set-Cookie") {
				t.Errorf("POST %s from %q sets %s", target, header, c)
			}
		}
	}
	if guarded < 20 {
		t.Errorf("%d routes", guarded)
	}
	if actions, _, err := a.engine.Actions(t.Context(), 1); err != nil || len(actions) != 1 {
		t.Errorf("%d actions, %v: want the login alone", len(actions), err)
	}
}

// What programs ask is answered whoever's browser asks it: cookies neither change an answer nor are set by one.
func TestProgramsRoutesTakeNoCookies(t *testing.T) {
	a, _, _ := startAdmin(t, nil)
	admin, err := a.engine.LogIn(t.Context(), adminName, adminPassword, "")
	if err != nil {
		t.Fatal(err)
	}
	session := sessionOf(t, a.ask(t, http.MethodPost, "/hide?id=2", "Sec-Fetch-Site", "same-origin"))
	cookies := []string{"Cookie", "admin=" + admin + "; session=" + session + "; name=faye-v; theme=dark"}
	seen, hidden := a.get(t, "/u/spike", http.StatusOK).body, a.ask(t, http.MethodGet, "/u/spike", cookies...).body
	if !strings.Contains(seen, "Half") || strings.Contains(hidden, "Half") {
		t.Fatalf("the cookies are not those of a browser that hid something: %s", main(hidden))
	}
	asked := 0
	for _, route := range a.routes() {
		if !strings.HasPrefix(route.Path, "/api/") {
			continue
		}
		target := strings.NewReplacer(":username", "spike", ":other", "faye-v").Replace(route.Path) + "?seed=1"
		without, with := a.ask(t, route.Method, target), a.ask(t, route.Method, target, cookies...)
		if route.Method == http.MethodPost {
			const body = `{"user_name": "spike"}`
			without, with = a.post(t, target, body), a.post(t, target, body, cookies...)
		}
		asked++
		if with.status != without.status || with.body != without.body || len(with.header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s %s: %d %s with cookies, %d %s without; sets %q", route.Method, target, with.status, with.body, without.status, without.body, with.header.Values("Set-Cookie"))
		}
	}
	if asked < 15 {
		t.Errorf("%d routes", asked)
	}
}

// Every cookie of a site reached by https is one that browsers take from this host alone.
func TestCookiesByHTTPS(t *testing.T) {
	for _, site := range []string{"http://reko.test", "https://reko.test"} {
		a := start(t, func(s *setup) { s.handlers.PublicURL = site })
		var set []string
		for _, ask := range [][2]string{{"GET", "/u?name=spike"}, {"POST", "/save?id=1"}, {"POST", "/theme?theme=dark"}, {"POST", "/forget"}} {
			set = append(set, a.ask(t, ask[0], ask[1], "Sec-Fetch-Site", "same-origin").header.Values("Set-Cookie")...)
		}
		if len(set) != 4 {
			t.Errorf("%s: %d cookies: %q", site, len(set), set)
		}
		for _, text := range set {
			c, err := http.ParseSetCookie(text)
			https := site == "https://reko.test"
			if err != nil || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.Secure != https ||
				strings.HasPrefix(c.Name, "__Host-") != https {
				t.Errorf("%s: %s, %v", site, text, err)
			}
		}
	}
}

// Who saved something while the site was reached by http still has it when that ends. The id of the old session, which anybody
// between may have seen or set, is of no use from the next change on.
func TestSessionsOutliveTheChangeToHTTPS(t *testing.T) {
	sessions := start(t, nil).store.Sessions()
	before := start(t, func(s *setup) { s.handlers.Sessions = sessions })
	id := sessionOf(t, before.ask(t, "POST", "/save?id=1", "Sec-Fetch-Site", "same-origin"))
	after := start(t, func(s *setup) { s.handlers.PublicURL, s.handlers.Sessions = "https://reko.test", sessions })
	sees := func(cookie string) string { return after.ask(t, "GET", "/saved", "Cookie", cookie).body }
	if !strings.Contains(sees("session="+id), "Cowboy Bebop") {
		t.Error("what was saved is gone")
	}
	got := after.ask(t, "POST", "/save?id=3", "Sec-Fetch-Site", "same-origin", "Cookie", "session="+id)
	if len(got.header.Values("Set-Cookie")) != 2 {
		t.Fatalf("cookies %q", got.header.Values("Set-Cookie"))
	}
	renewed := sessionOf(t, got)
	if renewed == id {
		t.Error("the id of a session is still that which was sent by http")
	}
	if body := sees("__Host-session=" + renewed); !strings.Contains(body, "Cowboy Bebop") || !strings.Contains(body, "Monster") {
		t.Errorf("in the new session: %.300s", body)
	}
	if strings.Contains(sees("session="+id), "Monster") {
		t.Error("what was saved since is in the old session")
	}
	if strings.Contains(sees("session="+id+"; __Host-session=00000000-0000-0000-0000-000000000000"), "Cowboy Bebop") {
		t.Error("the old cookie stands above the new one")
	}
}

// sessionOf is the value of the session's cookie that an answer sets.
func sessionOf(t testing.TB, got answer) string {
	t.Helper()
	for _, text := range got.header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(text); err == nil && strings.HasSuffix(c.Name, "session") && c.Value != "" {
			return c.Value
		}
	}
	t.Fatalf("no session: %q", got.header.Values("Set-Cookie"))
	return ""
}
