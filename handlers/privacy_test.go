package handlers_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/mal/maltest"
)

// everywhere is where the list of somebody, or the name, could come up.
func everywhere(name, other string) []string {
	return []string{
		"/api/" + name + "/recommendations", "/api/" + name + "/similar", "/api/" + name + "/random", "/api/" + name + "/compare/" + other,
		"/api/" + other + "/compare/" + name, "/api/" + other + "/recommendations/" + name,
		"/u/" + name, "/u/" + name + "/similar", "/u/" + name + "/random", "/u/" + name + "/compare/" + other, "/u/" + other + "/compare/" + name,
		"/u/" + other + "?from=" + name, "/u/" + name + "/compare/" + other + "/share.png", "/u/" + other + "/compare/" + name + "/share.png",
	}
}

// An admin deletes somebody and keeps the name out: nothing of them is anywhere any more, and the name is not kept.
func TestAdminKeepsOut(t *testing.T) {
	fake := maltest.Start(t, maltest.Lists{"faye-v": {entry(1, 9, 2024)}, "stranger": {entry(1, 9, 2024)}}, smallAnime...)
	a, _, b := startLoggedIn(t, func(s *setup) { s.mal, s.handlers.Upstream = fake, true })
	for _, target := range everywhere("faye-v", "spike") {
		if got := a.ask(t, http.MethodGet, target); got.status != http.StatusOK && got.status != http.StatusSeeOther {
			t.Fatalf("at first %s: %d", target, got.status)
		}
	}
	b.shows(t, "/admin/users?q=faye", `href="/admin/kept-out?name=faye-v"`)
	b.shows(t, "/admin/kept-out?name=faye-v", `value="faye-v"`, "Nobody is kept out.")
	b.does(t, "/admin/kept-out", "name", "Faye-V").leads(t, "keeping out", "/admin/kept-out")
	page := b.shows(t, "/admin/kept-out", "1 name is kept out", "Done: the list is deleted")
	short := regexp.MustCompile(`font-mono">([0-9a-f]{8})<`).FindStringSubmatch(page)
	if short == nil || strings.Contains(page, "faye") {
		t.Fatalf("who is kept out: %s", page)
	}
	a.noted(t, "kept out", short[1])

	before := fake.Requests("")
	for _, target := range everywhere("faye-v", "spike") {
		got := a.ask(t, http.MethodGet, target)
		if got.status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", target, got.status)
		}
		if strings.HasPrefix(target, "/api/") {
			got.refused(t, target, http.StatusNotFound, "UserNotFound")
		}
	}
	for _, target := range []string{"/", "/about", "/u/spike", "/u/spike/similar", "/api/spike/similar", "/api/spike/recommendations", "/u/faye-w", "/api/ein/random", "/robots.txt"} {
		if got := a.ask(t, http.MethodGet, target, "Cookie", "name=faye-w"); strings.Contains(got.body, "faye-v") {
			t.Errorf("%s has the name: %s", target, got.body)
		}
	}
	got := a.ask(t, http.MethodPost, "/api/recommendations", "Content-Type", "application/json")
	got.refused(t, "without a body", http.StatusBadRequest, "InvalidBody")
	if n := fake.Requests("/users/faye-v"); n != 0 || fake.Requests("") != before+1 { // faye-w, whom nobody knows
		t.Errorf("MyAnimeList was asked %d times for the name, and %d times in all", n, fake.Requests("")-before)
	}
	if log := b.shows(t, "/admin/log", short[1]); strings.Contains(log, "faye") {
		t.Errorf("the log has the name: %s", log)
	}

	// Of whom there is no list. Nobody can be called by what is no name.
	b.does(t, "/admin/kept-out", "name", "stranger").leads(t, "keeping out a stranger", "/admin/kept-out")
	a.ask(t, http.MethodGet, "/api/stranger/similar").refused(t, "the stranger", http.StatusNotFound, "UserNotFound")
	b.shows(t, "/admin/kept-out", "2 names are kept out")
	for _, name := range []string{"", "x", "no name"} {
		if got := b.does(t, "/admin/kept-out", "name", name); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "Nobody can be called so.") {
			t.Errorf("keeping out %q: %d", name, got.status)
		}
	}

	if got := b.does(t, "/admin/kept-out/let-in", "name", "nobody"); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "not kept out") {
		t.Errorf("letting in nobody: %d", got.status)
	}
	b.does(t, "/admin/kept-out/let-in", "name", "FAYE-V").leads(t, "letting in", "/admin/kept-out")
	a.noted(t, "let in again", short[1])
	a.get(t, "/api/faye-v/similar", http.StatusOK)
}

// Once a list is surely private it is shown to nobody, and comes back once it is public.
func TestPrivateListIsShownToNobody(t *testing.T) {
	at := now
	fake := maltest.Start(t, maltest.Lists{"probe": {entry(1, 9, 2024)}, "spike": {entry(1, 10, 2024)}, "faye-v": {entry(1, 9, 2024), entry(3, 8, 2024)}}, smallAnime...)
	a, _, b := startLoggedIn(t, func(s *setup) {
		s.mal, s.handlers.Upstream = fake, true
		s.engine.Now = func() time.Time { return at }
		for i := range s.users {
			s.users[i].Origin = engine.FromMAL
		}
	})
	a.get(t, "/api/faye-v/similar", http.StatusOK)
	fake.SetPrivate("faye-v", true)
	at = at.Add(73 * time.Hour)
	for range 2 {
		for _, target := range everywhere("faye-v", "spike") {
			got := a.ask(t, http.MethodGet, target)
			if got.status != http.StatusForbidden {
				t.Errorf("%s: %d, want 403", target, got.status)
			}
			if strings.HasPrefix(target, "/api/") {
				got.refused(t, target, http.StatusForbidden, "PrivateUserList")
			}
		}
		for _, target := range []string{"/", "/u/spike/similar", "/api/spike/similar", "/api/spike/recommendations", "/u/faye-w"} {
			if got := a.ask(t, http.MethodGet, target); strings.Contains(got.body, "faye-v") {
				t.Errorf("%s has the name: %s", target, got.body)
			}
		}
	}
	b.logIn(t, adminName, adminPassword)
	b.shows(t, "/admin/users?q=faye-v", "private")
	if got := b.get(t, "/admin/users/faye-v"); got.status != http.StatusForbidden || strings.Contains(got.body, "Monster") {
		t.Errorf("its portrait: %d", got.status)
	}
	fake.SetPrivate("faye-v", false)
	at = at.Add(time.Minute)
	a.get(t, "/api/faye-v/similar", http.StatusOK)
	if got := a.get(t, "/api/spike/similar", http.StatusOK); !strings.Contains(got.body, "faye-v") {
		t.Errorf("public again: %s", got.body)
	}
}

// The log has as much of an address as it is configured to.
func TestAddressesInTheLog(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/8")} // where a.Test comes from
	for _, test := range []struct{ kept, from, want string }{
		{"", "192.0.2.123", "192.0.2.0/24"}, {"short", "192.0.2.123", "192.0.2.0/24"}, {"full", "192.0.2.123", "192.0.2.123"}, {"none", "192.0.2.123", ""},
		{"short", "2001:db8:1234:5678:9abc::1", "2001:db8:1234::/48"}, {"full", "2001:db8:1234:5678::1", "2001:db8:1234:5678::1"}, {"none", "2001:db8::1", ""},
		{"short", "::ffff:192.0.2.123", "192.0.2.0/24"},
	} {
		a := start(t, func(s *setup) { s.handlers.Addresses, s.handlers.TrustedProxies = test.kept, proxies })
		a.ask(t, http.MethodGet, "/api/spike/similar", "X-Forwarded-For", test.from)
		lines := a.log.lines(t, "request")
		if len(lines) != 1 || lines[0].From != test.want || test.kept != "full" && strings.Contains(a.log.text(), test.from) {
			t.Errorf("%q of %s: %q", test.kept, test.from, a.log.text())
		}
	}
}

// Who wants to be left out is told how.
func TestAboutTellsHowToBeLeftOut(t *testing.T) {
	for contact, want := range map[string]string{
		"": "whoever runs this site", "hello@example.org": `<a href="mailto:hello@example.org">hello@example.org</a>`,
		"https://example.org/write?a=b&c": `<a href="https://example.org/write?a=b&amp;c">`,
	} {
		a := start(t, func(s *setup) { s.handlers.Contact = contact })
		if got := a.get(t, "/about", http.StatusOK); !strings.Contains(got.body, want) || !strings.Contains(got.body, `id="removal"`) {
			t.Errorf("with the contact %q: %s", contact, got.body)
		}
	}
}

// Pages about people are nothing for search engines, by header and by what stands in them; the others are.
func TestPeopleAreNotIndexed(t *testing.T) {
	a := start(t, nil)
	for target, indexed := range map[string]bool{
		"/": true, "/about": true, "/docs": true, "/pick": true, "/import": true,
		"/u/spike": false, "/u/spike/similar": false, "/u/spike/compare/faye-v": false, "/u/spike/random?seed=1": false, "/u/nobody": false, "/saved": false, "/pick?like=1": false,
	} {
		got := a.ask(t, http.MethodGet, target)
		meta, header := strings.Contains(got.body, `content="noindex, nofollow"`), got.header.Get("X-Robots-Tag") == "noindex, nofollow"
		if meta == indexed || header && indexed || !header && !indexed && !strings.HasPrefix(target, "/pick") {
			t.Errorf("%s: noindex in the page: %t, as a header: %t", target, meta, header)
		}
	}
	robots := a.get(t, "/robots.txt", http.StatusOK).body
	for _, line := range []string{"Disallow: /u/", "Disallow: /admin", "Disallow: /api/"} {
		if !strings.Contains(robots, line) {
			t.Errorf("robots.txt lacks %s: %s", line, robots)
		}
	}
}

// No page asks anybody else for anything but pictures of anime.
func TestPagesAskNobodyElse(t *testing.T) {
	a := start(t, nil)
	loads := regexp.MustCompile(`(?:src|srcset|data|poster|action|formaction)="([^"]*)"|<link[^>]*href="([^"]*)"`)
	for _, target := range []string{"/", "/about", "/docs", "/pick", "/import", "/u/spike", "/u/spike/similar", "/u/spike/compare/faye-v", "/u/spike/random?seed=1", "/u/nobody", "/saved"} {
		body := a.ask(t, http.MethodGet, target).body
		found := loads.FindAllStringSubmatch(body, -1)
		if len(found) < 5 {
			t.Errorf("%s: %d addresses", target, len(found))
		}
		for _, m := range found {
			u, err := url.Parse(m[1] + m[2])
			if err != nil || u.Host != "" && u.Host != "cdn.myanimelist.net" {
				t.Errorf("%s loads %s", target, m[0])
			}
		}
	}
}
