package main

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"reko.moe/db/dbtest"
	"reko.moe/engine/demo"
	"reko.moe/internal/wait"
)

// The admin of the tests.
const (
	adminName     = "spike"
	adminPassword = "see you space cowboy"
)

// adminSite is a site on two servers, with the store that they use.
type adminSite struct {
	url, other, store string
}

func newAdminSite(t *testing.T) *adminSite {
	t.Helper()
	s := &adminSite{store: "sqlite:" + filepath.Join(t.TempDir(), "reko.db")}
	configure := func(cfg *config) { cfg.Database, cfg.Jobs = s.store, false }
	s.url = start(t, configure)
	s.other = start(t, configure)
	return s
}

// setPassword makes the admin, as on the command line.
func (s *adminSite) setPassword(t *testing.T) {
	t.Helper()
	cmd := program(t, t.TempDir(), []string{"REKO_DB_URL=" + s.store}, "admin", "set-password", adminName)
	cmd.Stdin = strings.NewReader(adminPassword + "\n")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), adminName+" can log in under /admin") {
		t.Fatalf("set-password: %v %s", err, out)
	}
}

// expire lets all sessions be too old.
func (s *adminSite) expire(t *testing.T) {
	t.Helper()
	dbtest.Exec(t, s.store, `UPDATE admin_sessions SET made_at = made_at - 86400, seen_at = seen_at - 86400`)
}

// logIn fills the login in and sends it.
func (tb *tab) logIn(name, password string) {
	tb.t.Helper()
	tb.enter("#admin-name", name)
	tb.enter("#password", password)
	tb.press(kb.Enter)
}

// stats asks the other server for somebody's statistics with a key.
func (s *adminSite) stats(t *testing.T, key string) (status int) {
	t.Helper()
	return askStats(t, s.other, key)
}

// testAdmin walks through the admin side, from the first admin to too many wrong passwords.
func testAdmin(t *testing.T, b *browser, _ *world) {
	t.Run("pages", func(t *testing.T) { t.Parallel(); adminPages(t, b) })
	bothWays(t, func(t *testing.T, plain bool) {
		s := newAdminSite(t)
		tb := b.visitor(t, s.url, plain)
		for _, status := range []int{401, 403, 429} {
			tb.expectStatus(status)
		}

		tb.open("/admin")
		tb.shows("h1", "There is no admin yet")
		tb.shows("pre", "reko admin set-password NAME")
		s.setPassword(t)
		tb.click("main a", "look again")
		tb.at("/admin/login")

		tb.open("/admin/keys")
		tb.at("/admin/login?next=%2Fadmin%2Fkeys")
		tb.logIn(adminName, "wrong password")
		tb.shows("[role=alert]", "do not go together")
		tb.enter("#password", adminPassword)
		tb.click("main button", "Log in")
		tb.at("/admin/keys")
		tb.shows("h1", "Keys")

		adminOverview(tb)
		adminJobs(tb)
		adminKeys(tb, s)
		adminUsers(tb)
		adminAnime(tb, s)
		adminLog(tb)
		adminToken(tb)
		adminExpired(tb, s)

		tb.click("button", "Log out")
		tb.at("/admin/login")
		tb.open("/admin")
		tb.at("/admin/login")
		for range 5 {
			tb.logIn(adminName, "wrong password")
			tb.shows("[role=alert]", "do not go together")
			tb.open("/admin/login")
		}
		tb.logIn(adminName, adminPassword)
		tb.shows("[role=alert]", "Too many logins failed. Try again in ")
		tb.open("/admin")
		tb.at("/admin/login")
	})
}

func adminOverview(tb *tab) {
	tb.t.Helper()
	tb.stays(func() {
		tb.click("nav a", "Overview")
		tb.at("/admin")
	})
	tb.shows("h1", "Overview")
	tb.shows("dd", "400")
	tb.shows("table", "logged in")
}

// adminJobs runs a job and watches it end.
func adminJobs(tb *tab) {
	tb.t.Helper()
	tb.click("nav a", "Jobs")
	tb.at("/admin/jobs")
	tb.shows("#jobs tr", "never")
	tb.click("button", "Run now: population")
	tb.shows("#flash", "The job population was started.")
	tb.at("/admin/jobs")
	tb.stays(func() { tb.shows("#jobs tr", "just now") })
	tb.click("#jobs a", "population")
	tb.at("/admin/jobs/population")
	tb.shows("td", "just now")
}

// adminKeys makes a key, uses it, and revokes it.
func adminKeys(tb *tab, s *adminSite) {
	tb.t.Helper()
	tb.click("nav a", "Keys")
	tb.enter("#key-name", "a program")
	if !tb.plain {
		const click = `document.querySelector("#key-name").form.dispatchEvent(new SubmitEvent("submit", {bubbles: true, cancelable: true}))`
		if !read[bool](tb, click) || read[bool](tb, click) {
			tb.t.Error("of two clicks not the first one alone sends the form")
		}
		read[bool](tb, `Boolean(document.querySelector("#key-name").form.dataset.once = "0")`) // as after a while
	}
	tb.click("button", "Make")
	tb.shows("h2", "The new key of a program")
	key := read[string](tb, `document.querySelector("#new-key").value`)
	if status := s.stats(tb.t, key); !strings.HasPrefix(key, "reko_") || status != http.StatusOK {
		tb.t.Errorf("key %q: %d", key, status)
	}
	tb.reload() // sends the form again
	tb.shows("#flash", "makes no second one")
	tb.at("/admin/keys")
	if n := read[int](tb, `document.querySelectorAll("main tbody tr").length`); n != 1 {
		tb.t.Errorf("after a reload there are %d keys, want 1", n)
	}
	tb.shows("td", "a program")
	if read[bool](tb, fmt.Sprintf("document.documentElement.outerHTML.includes(%s)", quote(key))) {
		tb.t.Error("the key is shown again")
	}
	tb.click("summary", "Revoke")
	tb.click("details button", "Revoke a program")
	tb.shows("#flash", "The key of a program is revoked.")
	if status := s.stats(tb.t, key); status != http.StatusUnauthorized {
		tb.t.Errorf("the revoked key: %d", status)
	}
}

// adminUsers finds somebody and deletes the list.
func adminUsers(tb *tab) {
	tb.t.Helper()
	name := demo.Examples()[5].Name
	tb.click("nav a", "Users")
	tb.at("/admin/users")
	tb.click("a[rel=next]", "Next")
	tb.at("/admin/users?q=&page=2")
	tb.enter("#q", name[1:])
	tb.press(kb.Enter)
	tb.at("/admin/users?q=" + name[1:])
	tb.shows("td", name)
	tb.click("summary", "Delete")
	tb.click("details button", "Delete "+name)
	tb.shows("#flash", "The list of "+name+" was deleted.")
	tb.at("/admin/users?q=" + name[1:])
	tb.shows("main", "Nobody is called so.")
}

// adminAnime excludes what somebody is recommended, and takes that back.
func adminAnime(tb *tab, s *adminSite) {
	tb.t.Helper()
	path := "/u/" + demo.Examples()[0].Name
	tb.open(path)
	title := tb.place().Cards[0]
	tb.open("/admin/anime")
	tb.enter("#q", title)
	tb.press(kb.Enter)
	tb.shows("td", title)
	tb.click("td button", "Exclude "+title)
	tb.shows("#flash", title+" is not recommended any more.")
	tb.shows("td", "spike excluded it")
	visitor := tb.sibling()
	visitor.open(path)
	visitor.lacks(".cards h3", title)
	begin := time.Now()
	elsewhere := func(recommended bool) {
		tb.t.Helper()
		wait.For(tb.t, func() error {
			if status, body := get(s.other + path); status != http.StatusOK || strings.Contains(body, html.EscapeString(title)) != recommended {
				return fmt.Errorf("on the other server %s is recommended, want %t: %d", title, recommended, status)
			}
			return nil
		})
	}
	elsewhere(false)
	if took := time.Since(begin); took > 5*time.Second {
		tb.t.Errorf("the other server knows after %s", took)
	}
	tb.click("td button", "Take back "+title)
	tb.shows("#flash", title+" may be recommended again.")
	visitor.open(path)
	visitor.shows(".cards h3", title)
	elsewhere(true)
}

// adminLog finds all that was done.
func adminLog(tb *tab) {
	tb.t.Helper()
	tb.click("nav a", "Log")
	tb.at("/admin/log")
	for _, what := range []string{"set the password of", "failed to log in", "logged in", "ran the job", "made the key", "revoked the key", "deleted the list of", "excluded"} {
		tb.shows("td", what)
	}
}

// adminToken sends a form without its token.
func adminToken(tb *tab) {
	tb.t.Helper()
	tb.open("/admin/keys")
	tb.enter("#key-name", "a forged one")
	read[bool](tb, `document.querySelectorAll("[name=token]").forEach(e => e.remove()), true`)
	tb.click("button", "Make")
	tb.shows("#error", "That form is out of date")
	tb.open("/admin/keys")
	tb.shows("td", "a program")
	tb.lacks("td", "a forged one")
}

// adminExpired goes on once the session is over.
func adminExpired(tb *tab, s *adminSite) {
	tb.t.Helper()
	s.expire(tb.t)
	tb.click("nav a", "Users")
	tb.shows("h1", "Log in")
	tb.at("/admin/login?next=%2Fadmin%2Fusers")
	tb.logIn(adminName, adminPassword)
	tb.at("/admin/users")
	if !tb.plain { // a page that looks again by itself notices, too
		tb.open("/admin/jobs")
		s.expire(tb.t)
		tb.shows("h1", "Log in")
		tb.at("/admin/login?next=%2Fadmin%2Fjobs")
		tb.logIn(adminName, adminPassword)
		tb.at("/admin/jobs")
	}
}

// adminPages checks every page of the admin side as testPages does the others, and takes pictures of it if somebody wants to
// look.
func adminPages(t *testing.T, b *browser) {
	if _, err := axe(); err != nil {
		lacking(t, "axe-core: "+err.Error())
	}
	s := newAdminSite(t)
	tb := b.visitor(t, s.url, false)
	tb.expectStatus(401)
	tb.expectStatus(422)
	tb.open("/admin")
	tb.checks("first")
	s.setPassword(t)
	tb.open("/admin/login")
	tb.logIn(adminName, "wrong password")
	tb.shows("[role=alert]", "do not go together")
	tb.checks("login")
	tb.enter("#password", adminPassword)
	tb.press(kb.Enter)
	tb.at("/admin")
	tb.shows("h1", "Overview")
	for i := range 3 {
		s.fill(tb, i)
	}
	for _, p := range []struct{ name, path string }{
		{"overview", "/admin"}, {"jobs", "/admin/jobs"}, {"job", "/admin/jobs/population"}, {"users", "/admin/users"},
		{"users-found", "/admin/users?q=a_"}, {"kept-out", "/admin/kept-out?name=somebody"}, {"anime", "/admin/anime?q=a"}, {"keys", "/admin/keys"}, {"admins", "/admin/admins"}, {"log", "/admin/log"},
	} {
		tb.open(p.path)
		tb.checks(p.name)
	}
	tb.expectStatus(404)
	tb.open("/admin/users/nobody-of-that-name")
	tb.shows("nav a", "Jobs")
	tb.checks("nobody")
	tb.open("/admin/keys")
	tb.enter("#key-name", "somebody with a rather long name, who needs a key")
	tb.click("button", "Make")
	tb.shows("h2", "The new key")
	tb.checks("key-made")
	tb.open("/admin/admins")
	tb.enter("#new-admin", "x!")
	tb.enter("#new-admin-password", adminPassword)
	tb.enter("#new-admin-password-again", adminPassword)
	tb.enter("#new-admin-password-own", adminPassword)
	tb.click("button", "Add")
	tb.shows("[role=alert]", "An admin's name has")
	tb.checks("admin-refused")
}

// fill does something of everything, so that the pages have something to show.
func (s *adminSite) fill(tb *tab, i int) {
	tb.t.Helper()
	post := func(path, fields string) {
		tb.t.Helper()
		if status := read[int](tb, fmt.Sprintf(`fetch(%s, {method: "POST", body: new URLSearchParams(%s +
			"&token=" + document.querySelector("[name=token]").value)}).then(r => r.status)`, quote(path), quote(fields))); status != http.StatusOK {
			tb.t.Fatalf("%s: %d", path, status)
		}
	}
	post("/admin/keys", fmt.Sprintf("once=%d&name=program %[1]d, without_any_place_to_break_its_name_in", i))
	post("/admin/admins", fmt.Sprintf("admin=admin%d&password=%s&again=%[2]s&own=%[2]s", i, adminPassword))
	post(fmt.Sprintf("/admin/anime/%d/exclude", demo.Anime()[i].ID), "x=")
	post("/admin/jobs/population/run", "x=")
	if i == 0 {
		post("/admin/keys/1/revoke", "x=")
	}
}

// checks checks a page, small and large, in light and in dark, folded and unfolded.
func (tb *tab) checks(name string) {
	tb.t.Helper()
	for _, width := range []int64{narrow, 1440} {
		tb.size(width)
		tb.until("the fonts are there", `document.fonts.status === "loaded"`)
		for theme, dark := range map[string]bool{"light": false, "dark": true} {
			tb.dark(dark)
			tb.shoot(fmt.Sprintf("admin-%s-%d-%s", name, width, theme))
		}
		tb.dark(false)
		tb.fits()
		read[bool](tb, `[...document.querySelectorAll("details")].every(e => e.open = true)`)
		tb.fits()
		if width == narrow {
			tb.fitsTwiceAsLarge()
		}
		tb.accessible()
		tb.shoot(fmt.Sprintf("admin-%s-%d-unfolded", name, width))
		tb.dark(true)
		tb.accessible("color-contrast", "link-in-text-block")
		read[bool](tb, `[...document.querySelectorAll("details")].forEach(e => e.open = false), true`)
	}
	tb.size(1280)
}

// shoot writes a picture of the page into the folder that REKO_TEST_SCREENSHOTS names, if it does.
func (tb *tab) shoot(name string) {
	tb.t.Helper()
	folder := os.Getenv("REKO_TEST_SCREENSHOTS")
	if folder == "" {
		return // nobody wants to look
	}
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), shot, 0o600)
	}
	if err != nil {
		tb.t.Fatal(err)
	}
}
