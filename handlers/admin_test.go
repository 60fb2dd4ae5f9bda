package handlers_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/jobs"
	"reko.moe/engine/password"
	"reko.moe/handlers"
)

// The admin of the tests.
const (
	adminName     = "spike"
	adminPassword = "see you space cowboy"
)

// clock is a clock that stands still until it is set.
type clock struct{ past atomic.Int64 }

func (c *clock) now() time.Time       { return now.Add(time.Duration(c.past.Load())) }
func (c *clock) pass(d time.Duration) { c.past.Add(int64(d)) }

// startAdmin builds an application with an admin, and a browser that nobody logged in with.
func startAdmin(t testing.TB, change func(*setup)) (*app, *clock, *browser) {
	t.Helper()
	clock := new(clock)
	a := start(t, func(s *setup) {
		s.engine.Now, s.engine.Passwords = clock.now, password.Weak()
		s.jobs = []jobs.Job{{Name: "count", About: "count to one", Every: time.Hour, Run: func(context.Context) (string, error) { return "1", nil }}}
		if change != nil {
			change(s)
		}
	})
	if err := a.engine.SetPassword(t.Context(), adminName, adminPassword); err != nil {
		t.Fatal(err)
	}
	return a, clock, newBrowser(t, a.listen(t))
}

var tokenField = regexp.MustCompile(`<input type="hidden" name="token" value="([A-Za-z0-9_-]{43})">`)

// token is that of the first form on a page.
func (b *browser) token(t testing.TB, target string) string {
	t.Helper()
	got := b.get(t, target)
	m := tokenField.FindStringSubmatch(got.body)
	if m == nil {
		t.Fatalf("%s has no token: %d %s", target, got.status, got.body)
	}
	return m[1]
}

// form posts fields, pairs of name and value.
func (b *browser) form(t testing.TB, target string, fields ...string) answer {
	t.Helper()
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Add(fields[i], fields[i+1])
	}
	return b.ask(t, http.MethodPost, target, plainForm, values.Encode())
}

// logIn tries a name and a password.
func (b *browser) logIn(t testing.TB, name, password string) answer {
	t.Helper()
	return b.form(t, "/admin/login", "token", b.token(t, "/admin/login?next=/admin/log"), "next", "/admin/log", "admin", name, "password", password)
}

// leads checks that an answer leads to a place.
func (got answer) leads(t testing.TB, what, to string) {
	t.Helper()
	if got.status != http.StatusSeeOther || got.header.Get("Location") != to {
		t.Fatalf("%s: %d to %q, want it to lead to %s: %s", what, got.status, got.header.Get("Location"), to, got.body)
	}
}

// adminPages are all pages of the admin side.
var adminPages = []string{
	"/admin", "/admin/jobs", "/admin/jobs/count", "/admin/users", "/admin/anime", "/admin/keys", "/admin/admins", "/admin/log",
	"/admin?span=month", "/admin/users/spike",
}

func TestWithoutAdminThereIsHelp(t *testing.T) {
	a := start(t, nil)
	got := a.get(t, "/admin", http.StatusOK)
	if !strings.Contains(got.body, "reko admin set-password NAME") {
		t.Errorf("the page does not say how: %s", got.body)
	}
	a.ask(t, http.MethodGet, "/admin/login").leads(t, "the login", "/admin")
	a.ask(t, http.MethodGet, "/admin/log").leads(t, "another page", "/admin/login?next=%2Fadmin%2Flog")
}

func TestAdminLogin(t *testing.T) {
	_, _, b := startAdmin(t, nil)
	for _, path := range append(adminPages, "/admin/", "/admin/log/", "/admin/nothing", "/admin/log?page=2") {
		to := "/admin/login?next=" + url.QueryEscape(path)
		if strings.TrimSuffix(path, "/") == "/admin" {
			to = "/admin/login"
		}
		b.get(t, path).leads(t, path, to)
		got := b.ask(t, http.MethodGet, path, "", "", "HX-Request", "true", "HX-Target", "x", "HX-Current-URL", b.url+"/admin/log?page=3")
		if got.status != http.StatusUnauthorized || got.header.Get("HX-Redirect") != "/admin/login?next=%2Fadmin%2Flog%3Fpage%3D3" {
			t.Errorf("a part of %s: %d to %q", path, got.status, got.header.Get("HX-Redirect"))
		}
		b.ask(t, http.MethodGet, path, "", "", "HX-Request", "true", "HX-Boosted", "true").leads(t, "boosted "+path, to)
	}
	for _, path := range adminForms {
		part := strings.Join(strings.Split(path, "/")[:3], "/")
		to := "/admin/login?next=" + url.QueryEscape(part)
		if part == "/admin/logout" {
			to = "/admin/login"
		}
		b.form(t, path, "token", "x").leads(t, "a form to "+path, to)
	}
	for path, says := range map[string]bool{"/admin/login": false, "/admin/login?next=/admin/keys": true} {
		if got := b.get(t, path); strings.Contains(got.body, "what was sent after that was not done") != says {
			t.Errorf("%s: %s, want it to say what became of what was sent: %t", path, got.body, says)
		}
	}
	if got := b.get(t, "/administrator"); got.status != http.StatusNotFound {
		t.Errorf("/administrator: %d", got.status)
	}

	before := b.token(t, "/admin/login")
	nobodys := b.cookie(t, "admin")
	for _, wrong := range [][2]string{{adminName, "wrong"}, {"nobody", adminPassword}, {"", ""}} {
		got := b.logIn(t, wrong[0], wrong[1])
		if got.status != http.StatusUnauthorized || !strings.Contains(got.body, "do not go together") || strings.Contains(got.body, adminPassword) {
			t.Errorf("login by %q: %d %s", wrong, got.status, got.body)
		}
	}
	got := b.logIn(t, "  SPIKE ", adminPassword)
	got.leads(t, "login", "/admin/log")
	cookie := got.header.Get("Set-Cookie")
	if !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") || strings.Contains(cookie, "xpires") {
		t.Errorf("cookie %s", cookie)
	}
	if b.cookie(t, "admin") == nobodys {
		t.Error("the session has the same id after the login")
	}
	for _, path := range adminPages {
		got := b.get(t, path)
		if got.status != http.StatusOK || got.header.Get("Cache-Control") != "no-store" || !strings.Contains(got.body, "Logged in as") {
			t.Errorf("%s: %d, %q", path, got.status, got.header.Get("Cache-Control"))
		}
	}
	b.get(t, "/admin/login?next=/admin/log").leads(t, "the login of somebody who is logged in", "/admin/log")
	if token := b.token(t, "/admin"); token == before {
		t.Error("forms have the same token after the login")
	}

	session := b.cookie(t, "admin")
	b.form(t, "/admin/logout", "token", b.token(t, "/admin")).leads(t, "logout", "/admin/login")
	b.get(t, "/admin").leads(t, "the first page", "/admin/login")
	b.ask(t, http.MethodGet, "/admin", "", "", "Cookie", "admin="+session).leads(t, "with the old cookie", "/admin/login")
}

// After the login one comes to pages of the admin side only.
func TestNoOpenRedirect(t *testing.T) {
	_, _, b := startAdmin(t, nil)
	for next, want := range map[string]string{
		"": "/admin", "/": "/admin", "/admin": "/admin", "/admin/log?page=2": "/admin/log?page=2", "/u/spike": "/admin", "/administrator": "/admin",
		"//evil.test/admin/log": "/admin", "https://evil.test/admin/log": "/admin", `/\evil.test/admin/`: "/admin", "/admin/log\r\nX-Evil: 1": "/admin",
		"/admin/login?next=/admin/login": "/admin", "/admin/logout": "/admin", "admin/log": "/admin", "javascript:alert(1)": "/admin",
	} {
		if next != "" {
			b.get(t, "/admin/login?next="+url.QueryEscape(next))
		}
		got := b.form(t, "/admin/login", "token", b.token(t, "/admin/login"), "next", next, "admin", adminName, "password", adminPassword)
		got.leads(t, "login on the way to "+next, want)
		b.form(t, "/admin/logout", "token", b.token(t, "/admin")).leads(t, "logout", "/admin/login")
	}
}

func TestFormsNeedTheirToken(t *testing.T) {
	_, _, b := startAdmin(t, nil)
	login := []string{"admin", adminName, "password", adminPassword}
	other := newBrowser(t, strings.TrimPrefix(b.url, "http://"))
	foreign := other.token(t, "/admin/login")
	b.get(t, "/admin/login")
	for _, token := range []string{"", "x", foreign} {
		if got := b.form(t, "/admin/login", append(login, "token", token)...); got.status != http.StatusForbidden || !strings.Contains(got.body, "out of date") {
			t.Errorf("login with the token %q: %d %s", token, got.status, got.body)
		}
	}
	if got := newBrowser(t, strings.TrimPrefix(b.url, "http://")).form(t, "/admin/login", append(login, "token", foreign)...); got.status != http.StatusForbidden {
		t.Errorf("login without a cookie: %d", got.status)
	}
	b.logIn(t, adminName, adminPassword).leads(t, "login", "/admin/log")
	other.logIn(t, adminName, adminPassword).leads(t, "login", "/admin/log")
	foreign = other.token(t, "/admin")
	for _, path := range adminForms {
		for _, token := range []string{"", "x", foreign} {
			got := b.form(t, path, "token", token)
			if got.status != http.StatusForbidden || !strings.Contains(got.body, "out of date") {
				t.Errorf("%s with the token %q: %d %s", path, token, got.status, got.body)
			}
		}
	}
	if got := b.get(t, "/admin"); got.status != http.StatusOK {
		t.Errorf("after all that: %d", got.status)
	}
}

// adminForms are where forms of the admin side go.
var adminForms = []string{
	"/admin/logout", "/admin/jobs/count/run", "/admin/users/spike/refresh", "/admin/users/spike/delete", "/admin/anime/1/exclude",
	"/admin/anime/1/include", "/admin/keys", "/admin/keys/1/revoke", "/admin/admins", "/admin/admins/spike/password",
	"/admin/admins/spike/remove", "/admin/nothing",
}

func TestAdminSessionsEnd(t *testing.T) {
	a, clock, b := startAdmin(t, nil)
	in := func() bool { t.Helper(); return b.get(t, "/admin").status == http.StatusOK }
	b.logIn(t, adminName, adminPassword).leads(t, "login", "/admin/log")
	for range 11 {
		clock.pass(29 * time.Minute)
		if !in() {
			t.Fatal("a session ended that was used")
		}
	}
	clock.pass(31 * time.Minute)
	if in() {
		t.Error("a session goes on that was not used for longer than half an hour")
	}
	b.logIn(t, adminName, adminPassword).leads(t, "login", "/admin/log")
	for passed := time.Duration(0); passed < 12*time.Hour; passed += 20 * time.Minute {
		if !in() {
			t.Fatalf("a session that is used ended after %s", passed)
		}
		clock.pass(20 * time.Minute)
	}
	if in() {
		t.Error("a session goes on after 12 hours")
	}

	// What a page asks for by itself keeps nobody logged in.
	b.logIn(t, adminName, adminPassword).leads(t, "login", "/admin/log")
	for range 2 {
		clock.pass(15 * time.Minute)
		b.ask(t, http.MethodGet, "/admin", "", "", "HX-Request", "true", "HX-Target", "x")
	}
	if in() {
		t.Error("a session goes on because a page asked for its parts")
	}

	b.logIn(t, adminName, adminPassword).leads(t, "login", "/admin/log")
	if err := a.engine.SetPassword(t.Context(), adminName, "another password"); err != nil {
		t.Fatal(err)
	}
	if in() {
		t.Error("a session goes on after the password was changed")
	}
	if err := a.engine.SetPassword(t.Context(), "faye", "another password"); err != nil {
		t.Fatal(err)
	}
	b.logIn(t, adminName, "another password").leads(t, "login", "/admin/log")
	if err := a.engine.RemoveAdmin(t.Context(), adminName); err != nil {
		t.Fatal(err)
	}
	if in() {
		t.Error("a session goes on after the admin was removed")
	}
}

func TestLoginsAreLimited(t *testing.T) {
	_, clock, b := startAdmin(t, nil)
	fail := func(name, password string, status int) answer {
		t.Helper()
		got := b.logIn(t, name, password)
		if got.status != status {
			t.Fatalf("login as %q: %d, want %d", name, got.status, status)
		}
		return got
	}
	var texts []string
	for _, name := range []string{adminName, "nobody"} { // who is there and who is not are told the same
		for range 5 {
			fail(name, "wrong", http.StatusUnauthorized)
		}
		got := fail(name, adminPassword, http.StatusTooManyRequests)
		if got.header.Get("Retry-After") != "5" || !strings.Contains(got.body, "Try again in 5 seconds.") {
			t.Errorf("%s has to wait for %q: %s", name, got.header.Get("Retry-After"), got.body)
		}
		clock.pass(5 * time.Second)
		fail(name, "wrong", http.StatusUnauthorized)
		got = fail(name, adminPassword, http.StatusTooManyRequests)
		if got.header.Get("Retry-After") != "10" {
			t.Errorf("%s has to wait for %q, want more and more", name, got.header.Get("Retry-After"))
		}
		texts = append(texts, tokenField.ReplaceAllString(strings.ReplaceAll(got.body, name, "NAME"), ""))
		clock.pass(25 * time.Hour) // all is forgotten
	}
	if texts[0] != texts[1] {
		t.Errorf("the page tells whether there is such an admin:\n%s\n%s", texts[0], texts[1])
	}
	// An address that tries many names has to wait as well.
	for i := range 10 {
		fail(fmt.Sprint("nobody", i), "wrong", http.StatusUnauthorized)
	}
	got := fail(adminName, adminPassword, http.StatusTooManyRequests)
	if !strings.Contains(got.body, "Try again in 10 seconds.") {
		t.Errorf("another name: %s", got.body)
	}
	clock.pass(10 * time.Second)
	fail(adminName, adminPassword, http.StatusSeeOther)
	b.form(t, "/admin/logout", "token", b.token(t, "/admin")).leads(t, "logout", "/admin/login")
	for range 4 { // a good login starts anew
		fail(adminName, "wrong", http.StatusUnauthorized)
	}
	fail(adminName, adminPassword, http.StatusSeeOther)
}

// Where the site is reached by https only, the cookie is of the strictest kind.
func TestAdminCookieByHTTPS(t *testing.T) {
	_, _, b := startAdmin(t, func(s *setup) { s.handlers.PublicURL = "https://reko.test" })
	cookie := b.get(t, "/admin/login").header.Get("Set-Cookie")
	for _, part := range []string{"__Host-admin=", "; path=/", "; HttpOnly", "; secure", "; SameSite=Lax"} {
		if !strings.Contains(strings.ToLower(cookie), strings.ToLower(part)) {
			t.Errorf("cookie %s lacks %s", cookie, part)
		}
	}
	if strings.Contains(strings.ToLower(cookie), "domain") {
		t.Errorf("cookie %s", cookie)
	}
}

// A session, its end, and the limits of logins are the same on all instances.
func TestAdminOnTwoInstances(t *testing.T) {
	secret := []byte("the secret that instances share, of 32 or more")
	a, clock, here := startAdmin(t, func(s *setup) { s.handlers.Secret = secret })
	other := &app{log: a.log}
	other.engine = engine.New(engine.Options{Store: a.another(t), Now: clock.now, Passwords: password.Weak()})
	other.App = handlers.New(handlers.Options{
		Engine: other.engine, Secret: secret, Started: func() bool { return true }, Demo: func() bool { return false }, Log: slog.New(slog.DiscardHandler),
	})
	there := newBrowser(t, other.listen(t))
	there.Jar = here.Jar // cookies are the same for all ports of a host
	here.logIn(t, adminName, adminPassword).leads(t, "login", "/admin/log")
	there.shows(t, "/admin/log", "logged in")
	there.does(t, "/admin/keys", "name", "a program")
	here.shows(t, "/admin/keys", "a program")
	there.form(t, "/admin/logout", "token", here.token(t, "/admin")).leads(t, "logout", "/admin/login")
	here.get(t, "/admin").leads(t, "after the logout", "/admin/login")

	for i := range 5 {
		b := []*browser{here, there}[i%2]
		if got := b.logIn(t, adminName, "wrong"); got.status != http.StatusUnauthorized {
			t.Errorf("login no. %d: %d", i, got.status)
		}
	}
	for _, b := range []*browser{here, there} {
		if got := b.logIn(t, adminName, adminPassword); got.status != http.StatusTooManyRequests {
			t.Errorf("login after too many: %d", got.status)
		}
	}
}
