package handlers_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reko.moe/handlers/limit"
)

// hand is a clock that a test moves.
type hand struct {
	mu     sync.Mutex
	passed time.Duration // guarded by mu
}

func (h *hand) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return now.Add(h.passed)
}

func (h *hand) forward(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.passed += d
}

// limitedApp is an application with limits, which believes who asks it about whom that is.
func limitedApp(t *testing.T, budgets limit.Budgets, change func(*setup)) (*app, *hand) {
	t.Helper()
	h := new(hand)
	a := start(t, func(s *setup) {
		s.handlers.Limits = limit.New(limit.Options{Budgets: budgets, Now: h.now})
		s.handlers.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/32"), netip.MustParsePrefix("10.0.0.0/8")}
		if change != nil {
			change(s)
		}
	})
	return a, h
}

var minutely = limit.Budget{Quota: 3, Window: time.Minute}

// browserAccepts is what browsers accept.
const browserAccepts = "text/html,application/xhtml+xml"

func TestLimitOfTheAPI(t *testing.T) {
	a, h := limitedApp(t, limit.Budgets{limit.API: minutely}, nil)
	for left := 2; left >= 0; left-- {
		got := a.get(t, "/api/spike/similar", http.StatusOK)
		if policy, state := got.header.Get("RateLimit-Policy"), got.header.Get("RateLimit"); policy != `"api";q=3;w=60` ||
			state != fmt.Sprintf(`"api";r=%d;t=%d`, left, 20*(3-left)) || got.header.Get("Retry-After") != "" {
			t.Errorf("with %d left: %q, %q, Retry-After %q", left, policy, state, got.header.Get("Retry-After"))
		}
	}
	for _, target := range []string{"/api/spike/similar", "/api/spike/recommendations", "/api/spike/random", "/api/spike/compare/ein",
		"/api/spike/recommendations/ein", "/api/version", "/api/openapi.json", "/api/stats/spike", "/api/nothing"} {
		got := a.ask(t, http.MethodGet, target)
		got.says(t, target, http.StatusServiceUnavailable, "Rate limited")
		if got.header.Get("Retry-After") != "20" || got.header.Get("RateLimit") != `"api";r=0;t=20` || got.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %v", target, got.header)
		}
	}
	for _, target := range []string{"/api/recommendations", "/api/recommendations/spike"} {
		got := a.post(t, target, `{"user_name": "spike"}`)
		got.says(t, target, http.StatusTooManyRequests, "Rate limited")
		if got.header.Get("Retry-After") != "20" {
			t.Errorf("%s: Retry-After %q", target, got.header.Get("Retry-After"))
		}
	}
	if got := a.ask(t, http.MethodOptions, "/api/spike/similar"); got.status != http.StatusNoContent ||
		!strings.Contains(got.header.Get("Access-Control-Expose-Headers"), "RateLimit, RateLimit-Policy, Reko-List-Age, Retry-After") {
		t.Errorf("OPTIONS: %d %v", got.status, got.header)
	}
	a.get(t, "/u/spike", http.StatusOK) // pages have no limit here
	h.forward(20 * time.Second)
	a.get(t, "/api/spike/similar", http.StatusOK)
	a.get(t, "/api/spike/similar", http.StatusServiceUnavailable)
	if failures := a.log.lines(t, "request failed"); len(failures) != 0 {
		t.Errorf("who asks too much is logged as our failure: %+v", failures)
	}
}

func TestLimitOfPages(t *testing.T) {
	a, h := limitedApp(t, limit.Budgets{limit.Pages: minutely}, nil)
	for range 3 {
		if got := a.get(t, "/u/spike", http.StatusOK); got.header.Get("RateLimit-Policy") != `"pages";q=3;w=60` {
			t.Errorf("%v", got.header)
		}
	}
	h.forward(time.Second)
	for _, target := range []string{"/u/spike?page=2", "/", "/nothing"} {
		got := a.ask(t, http.MethodGet, target, "Accept", browserAccepts)
		if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "19" || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %v", target, got.status, got.header)
		}
		for _, want := range []string{`href="` + target + `" id="again"`, `data-countdown="19">in 19 seconds<`, `<noscript><meta http-equiv="refresh" content="19"`, "at once"} {
			if !strings.Contains(got.body, want) {
				t.Errorf("the page %s has no %s:\n%s", target, want, got.body)
			}
		}
	}
	part := a.ask(t, http.MethodGet, "/u/spike?page=2", "HX-Request", "true", "HX-Target", "results")
	if part.status != http.StatusTooManyRequests || part.header.Get("HX-Retarget") != "#flash" || part.header.Get("HX-Push-Url") != "false" ||
		!strings.Contains(part.body, `<span data-countdown="19">in 19 seconds</span>`) || strings.Contains(part.body, "<h1") {
		t.Errorf("part: %d %v %s", part.status, part.header, part.body)
	}
	// What was to be changed does not change by itself.
	form := a.post(t, "/save", "id=1&back=/u/spike%3Fpage=3", "Content-Type", "application/x-www-form-urlencoded", "Accept", browserAccepts)
	if form.status != http.StatusTooManyRequests || !strings.Contains(form.body, `href="/u/spike?page=3">Try again`) || strings.Contains(form.body, "http-equiv") {
		t.Errorf("form: %d %s", form.status, form.body)
	}
	icon := regexp.MustCompile(`/static/[^"]+\.svg`).FindString(form.body)
	for _, target := range []string{icon, "/healthz", "/readyz", "/robots.txt", "/share.png", "/favicon.ico"} {
		if got := a.get(t, target, http.StatusOK); got.header.Get("RateLimit") != "" {
			t.Errorf("%s counts: %v", target, got.header)
		}
	}
	a.get(t, "/api/spike/similar", http.StatusOK)
}

// A list that has to be fetched is costly; one that is known is not.
func TestLimitOfCostlyQuestions(t *testing.T) {
	fake := source()
	for i := range 9 {
		fake.SetList(fmt.Sprintf("new-%d", i), entry(1, 10, 2024))
	}
	h := new(hand)
	a, c := limitedApp(t, limit.Budgets{limit.Costly: minutely, limit.Pages: {Quota: 100, Window: time.Minute}}, func(s *setup) {
		s.mal, s.engine.Now = fake, h.now
	})
	if got := a.get(t, "/u/new-0", http.StatusOK); got.header.Get("RateLimit-Policy") != `"pages";q=100;w=60, "costly";q=3;w=60` ||
		got.header.Get("RateLimit") != `"pages";r=99;t=1, "costly";r=2;t=20` {
		t.Errorf("%v", got.header)
	}
	if got := a.get(t, "/u/new-1/compare/new-2", http.StatusOK); got.header.Get("RateLimit") != `"pages";r=98;t=2, "costly";r=0;t=60` {
		t.Errorf("%v", got.header)
	}
	a.get(t, "/api/new-3/similar", http.StatusServiceUnavailable).says(t, "somebody new", http.StatusServiceUnavailable, "Rate limited")
	if got := a.post(t, "/api/recommendations", `{"user_name": "new-3"}`); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "20" {
		t.Errorf("POST for somebody new: %d %v", got.status, got.header)
	}
	if got := a.ask(t, http.MethodGet, "/u/spike/compare/new-3", "Accept", browserAccepts); got.status != http.StatusTooManyRequests ||
		!strings.Contains(got.body, "one by one") || !strings.Contains(got.body, "in 20 seconds") {
		t.Errorf("a page for somebody new: %d %s", got.status, got.body)
	}
	a.get(t, "/u/new-0", http.StatusOK)
	a.get(t, "/api/new-1/similar", http.StatusOK)
	a.get(t, "/api/!/similar", http.StatusNotFound) // nobody's name
	upload := a.post(t, "/import", "", "Accept", browserAccepts)
	if upload.status != http.StatusTooManyRequests || !strings.Contains(upload.body, `href="/import">Try again`) {
		t.Errorf("upload: %d %s", upload.status, upload.body)
	}
	// A list can be wanted anew once it is 10 minutes old; then that is costly, too.
	reload := func(name string) answer {
		t.Helper()
		return a.post(t, "/api/recommendations", `{"user_name": "`+name+`", "force_list_update": true}`)
	}
	if got := reload("new-0"); got.status != http.StatusOK {
		t.Errorf("a reload that is not due: %d %s", got.status, got.body)
	}
	h.forward(time.Hour)
	for range 2 {
		if got := reload("new-0"); got.status != http.StatusTooManyRequests {
			t.Errorf("a reload: %d %s", got.status, got.body)
		}
	}
	c.forward(20 * time.Second)
	if got := reload("new-0"); got.status != http.StatusOK {
		t.Errorf("a reload with leave: %d %s", got.status, got.body)
	}
	if n := fake.Requests("/users/new-"); n != 4 {
		t.Errorf("MyAnimeList was asked %d times, want 4", n)
	}
	if n := fake.Requests("/users/new-3"); n != 0 {
		t.Errorf("MyAnimeList was asked %d times for whom there was no leave", n)
	}
}

// asked counts how often a storage without anything in it is asked.
type asked struct{ times atomic.Int32 }

func (a *asked) Get(string) ([]byte, error)                             { a.times.Add(1); return nil, nil }
func (*asked) Swap(string, []byte, []byte, time.Duration) (bool, error) { return true, nil }

// What nobody is for is limited as pages are, or takes no look at the store.
func TestNothingIsFreeToAskFor(t *testing.T) {
	sessions := new(asked)
	a, h := limitedApp(t, limit.Budgets{limit.Pages: minutely}, func(s *setup) { s.handlers.Sessions = sessions })
	ask := func(method, target string, status int) {
		t.Helper()
		if got := a.ask(t, method, target, "Accept", browserAccepts, "Cookie", "session=0123456789abcdef"); got.status != status {
			t.Errorf("%s %s: %d, want %d", method, target, got.status, status)
		}
	}
	for _, test := range []struct {
		target string
		looks  int32 // after the session
	}{{"/static/x/nothing.css", 0}, {"/metrics", 0}, {"/nothing", int32(minutely.Quota)}} {
		sessions.times.Store(0)
		for range minutely.Quota {
			ask(http.MethodGet, test.target, http.StatusNotFound)
		}
		ask(http.MethodGet, test.target, http.StatusTooManyRequests)
		if n := sessions.times.Load(); n != test.looks {
			t.Errorf("for %s the session was looked for %d times, want %d", test.target, n, test.looks)
		}
		h.forward(time.Minute)
	}
	sessions.times.Store(0)
	ask("BREW", "/", http.StatusMethodNotAllowed)
	if n := sessions.times.Load(); n != 0 {
		t.Errorf("for a method that is none the session was looked for %d times", n)
	}
}

// One key has one budget, wherever it is used.
func TestLimitOfKeys(t *testing.T) {
	a, _ := limitedApp(t, limit.Budgets{limit.API: minutely}, nil)
	key, _ := a.key(t)
	other, _ := a.key(t)
	ask := func(from, key string) answer {
		t.Helper()
		return a.ask(t, http.MethodGet, "/api/stats/spike", "Authorization", "Bearer "+key, "X-Forwarded-For", from)
	}
	for i := range 3 {
		if got := ask("192.0.2."+strconv.Itoa(i), key); got.status != http.StatusOK {
			t.Errorf("%d: %d %s", i, got.status, got.body)
		}
	}
	if got := ask("192.0.2.9", key); got.status != http.StatusServiceUnavailable || got.header.Get("RateLimit") != `"api";r=0;t=20` {
		t.Errorf("the key is used up: %d %v", got.status, got.header)
	}
	if got := ask("192.0.2.9", other); got.status != http.StatusOK {
		t.Errorf("another key: %d %s", got.status, got.body)
	}
}

// Who is asked for is decided by what a proxy of ours says, and by nothing that anybody can write.
func TestClientAddress(t *testing.T) {
	a := func(proxies ...string) *app {
		return start(t, func(s *setup) {
			s.handlers.Addresses = "full"
			for _, p := range proxies {
				s.handlers.TrustedProxies = append(s.handlers.TrustedProxies, netip.MustParsePrefix(p))
			}
		})
	}
	alone, behind := a(), a("0.0.0.0/32", "10.0.0.0/8", "2001:db8:1::/48") // tests ask from 0.0.0.0
	for _, test := range []struct {
		app     *app
		forward []string
		want    string
	}{
		{alone, nil, "0.0.0.0"},
		{alone, []string{"192.0.2.1"}, "0.0.0.0"},
		{behind, nil, "0.0.0.0"},
		{behind, []string{"192.0.2.1"}, "192.0.2.1"},
		{behind, []string{"198.51.100.7, 192.0.2.1"}, "192.0.2.1"},
		{behind, []string{"198.51.100.7, 192.0.2.1, 10.1.2.3 ,10.1.2.4"}, "192.0.2.1"},
		{behind, []string{"198.51.100.7", "192.0.2.1", "10.1.2.3"}, "192.0.2.1"},
		{behind, []string{"10.1.2.3, 10.1.2.4"}, "10.1.2.3"},
		{behind, []string{"192.0.2.1, unknown"}, "0.0.0.0"},
		{behind, []string{"192.0.2.1, <script>, 10.1.2.3"}, "10.1.2.3"},
		{behind, []string{""}, "0.0.0.0"},
		{behind, []string{"192.0.2.1:4711"}, "192.0.2.1"},
		{behind, []string{"::ffff:192.0.2.1"}, "192.0.2.1"},
		{behind, []string{"2001:db8::7, 2001:db8:1::1"}, "2001:db8::7"},
		{behind, []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		{behind, []string{"[2001:db8::7]"}, "2001:db8::7"},
		{behind, []string{"fe80::1%eth0"}, "fe80::1"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range test.forward {
			req.Header.Add("X-Forwarded-For", line)
		}
		res, err := test.app.Test(req, -1)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		lines := test.app.log.lines(t, "request")
		if got := lines[len(lines)-1].From; got != test.want {
			t.Errorf("behind proxies: %t, X-Forwarded-For %q: from %s, want %s", test.app == behind, test.forward, got, test.want)
		}
	}
}

// Addresses have budgets of their own, and all of a /64 have one.
func TestLimitPerAddress(t *testing.T) {
	a, _ := limitedApp(t, limit.Budgets{limit.API: {Quota: 1, Window: time.Minute}}, nil)
	for _, test := range []struct {
		from   string
		status int
	}{
		{"192.0.2.1", 200}, {"192.0.2.1", 503}, {"192.0.2.2", 200}, {"::ffff:192.0.2.2", 503}, {"192.0.2.3, 192.0.2.1", 503},
		{"2001:db8::1", 200}, {"2001:db8::2", 503}, {"2001:db8:0:0:ffff:ffff:ffff:ffff", 503}, {"2001:db8:0:1::1", 200},
	} {
		if got := a.ask(t, http.MethodGet, "/api/version", "X-Forwarded-For", test.from); got.status != test.status {
			t.Errorf("from %s: %d, want %d", test.from, got.status, test.status)
		}
	}
}

// What a proxy says of https is believed as what it says of addresses.
func TestForwardedProtocol(t *testing.T) {
	for _, test := range []struct {
		proxies []netip.Prefix
		want    string
	}{
		{nil, "http://reko.test/api"},
		{[]netip.Prefix{netip.MustParsePrefix("0.0.0.0/32")}, "https://reko.test/api"},
	} {
		a := start(t, func(s *setup) { s.handlers.TrustedProxies = test.proxies })
		if got := a.ask(t, http.MethodGet, "/docs", "X-Forwarded-Proto", "https"); !strings.Contains(got.body, test.want) {
			t.Errorf("with %v trusted the documentation has no %s", test.proxies, test.want)
		}
	}
}

// An address tries as many passwords as it may, whosever they are; another one is not held up by that.
func TestLimitOfLogins(t *testing.T) {
	budgets := limit.Budgets{limit.Logins: minutely}
	h := new(hand)
	_, _, b := startAdmin(t, func(s *setup) {
		s.handlers.Limits = limit.New(limit.Options{Budgets: budgets, Now: h.now})
		s.handlers.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	try := func(from, name, password string) answer {
		t.Helper()
		fields := url.Values{"token": {b.token(t, "/admin/login")}, "admin": {name}, "password": {password}}
		return b.ask(t, http.MethodPost, "/admin/login", plainForm, fields.Encode(), "X-Forwarded-For", from)
	}
	for i := range 3 {
		if got := try("192.0.2.1", "nobody"+strconv.Itoa(i), "wrong"); got.status != http.StatusUnauthorized || got.header.Get("RateLimit-Policy") != `"logins";q=3;w=60` {
			t.Errorf("login no. %d: %d %v", i, got.status, got.header)
		}
	}
	got := try("192.0.2.1", adminName, adminPassword)
	if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "20" || !strings.Contains(got.body, "Too many passwords were tried") ||
		!strings.Contains(got.body, `href="/admin/login"`) || got.header.Get("Set-Cookie") != "" {
		t.Errorf("after too many: %d %v %s", got.status, got.header, got.body)
	}
	try("192.0.2.2", adminName, adminPassword).leads(t, "login from another address", "/admin")
	b.shows(t, "/admin/log", "192.0.2.2")
	b.form(t, "/admin/logout", "token", b.token(t, "/admin")).leads(t, "logout", "/admin/login")
	h.forward(20 * time.Second)
	try("192.0.2.1", adminName, adminPassword).leads(t, "login after waiting", "/admin")
}
