package handlers_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/jobs"
	"reko.moe/engine/mal/maltest"
	"reko.moe/internal/wait"
)

// does posts a form of the admin side with its token and fields, pairs of name and value.
func (b *browser) does(t testing.TB, target string, fields ...string) answer {
	t.Helper()
	return b.form(t, target, append(fields, "token", b.token(t, "/admin"), "once", rand.Text())...)
}

// shows checks that a page has texts.
func (b *browser) shows(t testing.TB, target string, texts ...string) string {
	t.Helper()
	got := b.get(t, target)
	for _, text := range texts {
		if got.status != http.StatusOK || !strings.Contains(got.body, text) {
			t.Errorf("%s does not show %q: %d %s", target, text, got.status, main(got.body))
		}
	}
	return main(got.body)
}

// main is a page without what all pages have.
func main(body string) string {
	_, rest, _ := strings.Cut(body, `<div id="flash"`)
	rest, _, _ = strings.Cut(rest, "<footer")
	return rest
}

func startLoggedIn(t testing.TB, change func(*setup)) (*app, *clock, *browser) {
	t.Helper()
	a, clock, b := startAdmin(t, change)
	b.logIn(t, adminName, adminPassword).leads(t, "login", "/admin/log")
	return a, clock, b
}

// noted checks what the last action in the log is.
func (a *app) noted(t testing.TB, what, on string) {
	t.Helper()
	last, _, err := a.engine.Actions(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := last[0]; got.Admin != adminName || got.What != what || got.On != on || got.From != "127.0.0.1" {
		t.Errorf("noted: %+v, want %s %s", got, what, on)
	}
}

func TestAdminRunsJobs(t *testing.T) {
	let := make(chan struct{})
	a, _, b := startLoggedIn(t, func(s *setup) {
		s.jobs = []jobs.Job{
			{Name: "slow", About: "wait", Every: time.Hour, Run: func(ctx context.Context) (string, error) {
				select {
				case <-let:
					return "waited", nil
				case <-ctx.Done():
					return "", ctx.Err()
				}
			}},
			{Name: "broken", About: "fail", Every: 90 * time.Second, Run: func(context.Context) (string, error) { return "half", errors.New("it <broke>") }},
		}
	})
	b.shows(t, "/admin/jobs", "slow", "1 min 30 s", "never", `hx-trigger="every 15s"`)
	b.does(t, "/admin/jobs/slow/run").leads(t, "run", "/admin/jobs")
	a.noted(t, "ran the job", "slow")
	b.shows(t, "/admin/jobs", "The job slow was started.", ">running<", `hx-trigger="every 2s"`)
	if body := b.shows(t, "/admin/jobs", ">running<"); strings.Contains(body, "was started") {
		t.Error("what was to be said once is said again")
	}
	part := b.ask(t, http.MethodGet, "/admin/jobs", "", "", "HX-Request", "true", "HX-Target", "jobs")
	if part.status != http.StatusOK || !strings.HasPrefix(part.body, `<div id="jobs"`) || !strings.Contains(part.body, ">running<") {
		t.Errorf("the part: %d %s", part.status, part.body)
	}
	b.does(t, "/admin/jobs/slow/run").leads(t, "run again", "/admin/jobs")
	b.shows(t, "/admin/jobs", "The job slow is running already.")
	close(let)
	b.does(t, "/admin/jobs/broken/run").leads(t, "run", "/admin/jobs")
	wait.For(t, func() error {
		body := b.get(t, "/admin/jobs").body
		if strings.Contains(body, ">running<") || !strings.Contains(body, "waited") || !strings.Contains(body, "it &lt;broke&gt;") {
			return fmt.Errorf("the jobs do not end: %s", main(body))
		}
		return nil
	})
	if err := a.store.SaveRun(t.Context(), jobs.Run{Job: "slow", Started: time.Now(), Err: jobs.Interrupted}); err != nil {
		t.Fatal(err)
	}
	if body := b.shows(t, "/admin/jobs/slow", "waited", "Every 1 h: wait.", "Interrupted, and tried again"); strings.Contains(body, "Failed:") {
		t.Error("what was interrupted is said to have failed")
	}
	b.shows(t, "/admin/jobs/broken", "half", "it &lt;broke&gt;")
	for _, missing := range []answer{b.get(t, "/admin/jobs/dance"), b.does(t, "/admin/jobs/dance/run"), b.get(t, "/admin/users/nobody"), b.get(t, "/admin/nothing")} {
		if missing.status != http.StatusNotFound || !strings.Contains(missing.body, "Logged in as <strong") {
			t.Errorf("what is not there: %d %s", missing.status, main(missing.body))
		}
	}
}

func TestAdminFindsUsers(t *testing.T) {
	fake := maltest.Start(t, maltest.Lists{"fetched": {entry(1, 9, 2024), entry(2, 8, 2024)}}, smallAnime...)
	a, _, b := startLoggedIn(t, func(s *setup) {
		s.mal, s.handlers.Upstream = fake, true
		big := crowd(120, 100)
		s.users, s.anime = append(s.users, big.users...), append(s.anime, big.anime...)
		u := person("guest-abcdefghij", engine.Uploaded, entry(1, 9, 2024))
		u.Unlisted = true
		s.users = append(s.users, u, person("fetched", engine.FromMAL, entry(1, 9, 2024)), person("gone", engine.FromMAL, entry(1, 9, 2024)))
	})
	if body := b.shows(t, "/admin/users?q=+SPIKE", ">spike<", "import"); strings.Contains(body, "crowd-") || strings.Contains(body, ">Refresh<") {
		t.Errorf("found too much: %s", body)
	}
	b.shows(t, "/admin/users?q=guest", "guest-abcdefghij", "unlisted", "upload")
	b.shows(t, "/admin/users?q=%25", "Nobody is called so")
	all := map[string]bool{}
	name := regexp.MustCompile(`href="/admin/users/([a-z0-9_-]+)"`)
	pages := 0
	for next := "/admin/users"; next != ""; pages++ {
		body := b.shows(t, next)
		for _, m := range name.FindAllStringSubmatch(body, -1) {
			all[m[1]] = true
		}
		m := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(body)
		if next = ""; m != nil {
			next = strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	if len(all) != 130 || pages != 3 {
		t.Errorf("%d users on %d pages, want 130 on 3", len(all), pages)
	}

	back := "/admin/users?q=fetched&page=1"
	b.does(t, "/admin/users/fetched/refresh", "back", back).leads(t, "refresh", back)
	a.noted(t, "fetched the list of", "fetched")
	b.shows(t, back, "The list of fetched was fetched: 2 entries.", `data-label="Entries" class="number">2<`)
	b.does(t, "/admin/users/gone/refresh").leads(t, "refresh of somebody who is gone", "/admin/users")
	b.shows(t, "/admin/users?q=gone", "could not be fetched", `data-label="Failures since" class="number">1<`)
	b.does(t, "/admin/users/spike/refresh").leads(t, "refresh of an import", "/admin/users")
	b.shows(t, "/admin/users", "does not come from MyAnimeList")

	b.does(t, "/admin/users/Spike/delete", "back", "https://evil.test").leads(t, "delete", "/admin/users")
	a.noted(t, "deleted the list of", "spike")
	b.shows(t, "/admin/users?q=spike", "The list of Spike was deleted.", "Nobody is called so")
	if got := b.does(t, "/admin/users/spike/delete"); got.status != http.StatusNotFound {
		t.Errorf("deleting nobody: %d", got.status)
	}
}

// A store that fails does not make somebody of whom it has the list nobody.
func TestAdminRefreshWhenTheStoreFails(t *testing.T) {
	a, _, b := startLoggedIn(t, nil)
	token := b.token(t, "/admin")
	if got := b.form(t, "/admin/users/nobody/refresh", "token", token); got.status != http.StatusNotFound {
		t.Errorf("nobody: %d", got.status)
	}
	a.sqlExec(t, `ALTER TABLE users RENAME TO elsewhere`)
	if got := b.form(t, "/admin/users/faye/refresh", "token", token); got.status != http.StatusInternalServerError {
		t.Errorf("without a table: %d %s", got.status, main(got.body))
	}
}

// A list that takes too long is told of, and comes later.
func TestAdminRefreshTakesLong(t *testing.T) {
	fake := maltest.Start(t, maltest.Lists{"slow": {entry(1, 9, 2024), entry(2, 8, 2024)}}, smallAnime...)
	let := make(chan struct{})
	answer := sync.OnceFunc(func() { close(let) })
	fake.Fail("/users/slow/", 1, func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		select {
		case <-let:
			answer(w, r)
		case <-r.Context().Done():
		}
	})
	a, _, b := startLoggedIn(t, func(s *setup) {
		s.mal, s.handlers.Upstream, s.handlers.Timeout = fake, true, 4*time.Second
		s.users = append(s.users, person("slow", engine.FromMAL, entry(1, 9, 2024)))
	})
	t.Cleanup(answer)
	b.does(t, "/admin/users/slow/refresh").leads(t, "refresh", "/admin/users")
	a.noted(t, "failed to fetch the list of", "slow")
	b.shows(t, "/admin/users?q=slow", "could not be fetched: That took too long", `class="number">1<`)
	answer()
	wait.For(t, func() error {
		if body := b.get(t, "/admin/users?q=slow").body; !strings.Contains(body, `class="number">2<`) {
			return fmt.Errorf("the list does not come: %s", main(body))
		}
		return nil
	})
}

func TestAdminExcludesAnime(t *testing.T) {
	a, _, b := startLoggedIn(t, func(s *setup) { s.engine.Exclude = []engine.AnimeID{3, 77} })
	elsewhere := engine.New(engine.Options{Store: a.another(t), Now: func() time.Time { return now }})
	if err := elsewhere.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	recommended := func(e *engine.Engine) bool {
		t.Helper()
		recs, err := e.Recommend(t.Context(), "spike", engine.Query{})
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(recs.Data.Items, func(r engine.Recommendation) bool { return r.Anime.ID == 2 })
	}
	if !recommended(a.engine) || !recommended(elsewhere) {
		t.Fatal("the anime is not recommended at first")
	}
	b.shows(t, "/admin/anime", "Monster", "anime 77", "no, by the configuration")
	b.shows(t, "/admin/anime?q=HALF", "&amp; known", "yes")
	b.shows(t, "/admin/anime?q=1", "Cowboy Bebop")
	b.shows(t, "/admin/anime?q=nothing", "Nothing is called so")

	back := "/admin/anime?q=half"
	b.does(t, "/admin/anime/2/exclude", "back", back).leads(t, "exclude", back)
	a.noted(t, "excluded", "2 "+smallAnime[1].Title)
	b.shows(t, back, "is not recommended any more", "no, spike excluded it")
	if recommended(a.engine) {
		t.Error("an excluded anime is recommended")
	}
	if _, err := elsewhere.Reload(t.Context()); err != nil || recommended(elsewhere) {
		t.Errorf("on another instance an excluded anime is recommended: %v", err)
	}
	b.does(t, "/admin/anime/2/include").leads(t, "include", "/admin/anime")
	if !recommended(a.engine) {
		t.Error("an anime that was taken back is not recommended")
	}
	if _, err := elsewhere.Reload(t.Context()); err != nil || !recommended(elsewhere) {
		t.Errorf("on another instance an anime that was taken back is not recommended: %v", err)
	}
	b.does(t, "/admin/anime/3/include").leads(t, "include", "/admin/anime")
	b.shows(t, "/admin/anime?q=monster", "no, by the configuration")
	for _, bad := range []string{"x", "0", "-1", "99999999999"} {
		if got := b.does(t, "/admin/anime/"+bad+"/exclude"); got.status != http.StatusBadRequest {
			t.Errorf("anime %s: %d", bad, got.status)
		}
	}
}

func TestAdminKeys(t *testing.T) {
	a, _, b := startLoggedIn(t, nil)
	b.shows(t, "/admin/keys", "There are no keys yet")
	got := b.does(t, "/admin/keys", "name", `a "program"`)
	key := regexp.MustCompile(`reko_[A-Za-z0-9_-]{43}`).FindString(got.body)
	if got.status != http.StatusOK || key == "" || got.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("a new key: %d %s", got.status, got.body)
	}
	a.noted(t, "made the key", `1 of a "program"`)
	if body := b.shows(t, "/admin/keys", "a &#34;program&#34;"); strings.Contains(body, key) {
		t.Error("the key is shown again")
	}
	if got := a.ask(t, http.MethodGet, "/api/stats/spike", "Authorization", "Bearer "+key); got.status != http.StatusOK {
		t.Errorf("the key does not do: %d", got.status)
	}
	b.shows(t, "/admin/keys", `data-label="Uses" class="number">1<`)
	b.does(t, "/admin/keys/1/revoke").leads(t, "revoke", "/admin/keys")
	a.noted(t, "revoked the key", `1 of a "program"`)
	b.shows(t, "/admin/keys", "is revoked", "revoked")
	if got := a.ask(t, http.MethodGet, "/api/stats/spike", "Authorization", "Bearer "+key); got.status != http.StatusUnauthorized {
		t.Errorf("the revoked key does: %d", got.status)
	}
	// A form makes one key, however often it is sent.
	sent := []string{"name", "twice", "once", rand.Text(), "token", b.token(t, "/admin")}
	first, again := b.form(t, "/admin/keys", sent...), b.form(t, "/admin/keys", sent...)
	again.leads(t, "the same form again", "/admin/keys")
	key = regexp.MustCompile(`reko_[A-Za-z0-9_-]{43}`).FindString(first.body)
	if body := b.shows(t, "/admin/keys", "makes no second one"); key == "" || strings.Contains(body, key) || strings.Count(body, ">twice<") != 1 {
		t.Errorf("a form that was sent twice makes %q, and shows %s", key, body)
	}
	b.does(t, "/admin/keys/2/revoke")
	if got := b.form(t, "/admin/keys", "name", "without once", "token", b.token(t, "/admin")); got.status != http.StatusForbidden {
		t.Errorf("a form that does not say which it is: %d", got.status)
	}
	for _, name := range []string{"", "  ", "a\x00b", strings.Repeat("x", 65)} {
		if got := b.does(t, "/admin/keys", "name", name); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "1 to 64 printable characters.") {
			t.Errorf("a key of %q: %d %s", name, got.status, main(got.body))
		}
	}
	for _, id := range []string{"3", "x", "-1"} {
		if got := b.does(t, "/admin/keys/"+id+"/revoke"); got.status != http.StatusNotFound {
			t.Errorf("revoking key %s: %d", id, got.status)
		}
	}
}

func TestAdminsOfAdmins(t *testing.T) {
	a, clock, b := startLoggedIn(t, nil)
	if body := b.shows(t, "/admin/admins", "spike", ">you<"); strings.Contains(body, "/remove") {
		t.Error("the last admin can be removed")
	}
	if got := b.does(t, "/admin/admins/spike/remove"); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "The last admin stays") {
		t.Errorf("removing the last: %d %s", got.status, main(got.body))
	}
	const password = "nobody knows this"
	for _, test := range []struct{ name, password, again, want string }{
		{"faye", password, "another one", "two different passwords"},
		{"faye", "short", "short", "at least 12 characters"},
		{"x", password, password, "name has 2 to 32"},
		{"Spike", password, password, "There is an admin of that name"},
	} {
		got := b.does(t, "/admin/admins", "admin", test.name, "password", test.password, "again", test.again, "own", adminPassword)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, test.want) || strings.Contains(got.body, password) {
			t.Errorf("adding %+v: %d %s", test, got.status, main(got.body))
		}
	}
	b.does(t, "/admin/admins", "admin", "Faye", "password", password, "again", password, "own", adminPassword).leads(t, "add", "/admin/admins")
	a.noted(t, "added the admin", "faye")
	b.shows(t, "/admin/admins", "faye can log in now", "/admin/admins/faye/remove")

	// Who found a session open has no password of whose it is, and gets no admin by it.
	for _, own := range []string{"", "another password", password} {
		for _, target := range []string{"/admin/admins/faye/password", "/admin/admins/spike/password", "/admin/admins"} {
			got := b.does(t, target, "admin", "ed", "password", "a newer password", "again", "a newer password", "own", own)
			if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "Your own password is another one.") && !strings.Contains(got.body, "Too many passwords were wrong.") {
				t.Errorf("%s with the own password %q: %d %s", target, own, got.status, main(got.body))
			}
		}
	}
	if got := b.does(t, "/admin/admins/faye/password", "password", "a newer password", "again", "a newer password", "own", adminPassword); !strings.Contains(got.body, "Too many passwords were wrong.") {
		t.Errorf("after many wrong ones: %d %s", got.status, main(got.body))
	}
	clock.pass(16 * time.Minute)

	faye := newBrowser(t, strings.TrimPrefix(b.url, "http://"))
	faye.logIn(t, "faye", password).leads(t, "login", "/admin/log")
	b.does(t, "/admin/admins/faye/password", "password", "a newer password", "again", "a newer password", "own", adminPassword).leads(t, "set password", "/admin/admins")
	faye.get(t, "/admin/keys").leads(t, "after another password was set", "/admin/login?next=%2Fadmin%2Fkeys")
	faye.logIn(t, "faye", "a newer password").leads(t, "login", "/admin/log")
	faye.does(t, "/admin/admins/spike/remove").leads(t, "remove", "/admin/admins")
	b.get(t, "/admin").leads(t, "who was removed", "/admin/login")
	if got := b.logIn(t, adminName, adminPassword); got.status != http.StatusUnauthorized {
		t.Errorf("login of who was removed: %d", got.status)
	}
	faye.shows(t, "/admin/log", "removed the admin", "failed to log in", "127.0.0.1")
	if last := faye.shows(t, "/admin", "removed the admin"); strings.Contains(last, "failed to log in") {
		t.Error("the overview has logins that failed among what admins did last")
	}
	for _, target := range []string{"/admin/admins/ed/password", "/admin/admins/ed/remove"} {
		if got := faye.does(t, target, "password", password, "again", password, "own", "a newer password"); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", target, got.status)
		}
	}
}

func TestLogHasPages(t *testing.T) {
	a, _, b := startLoggedIn(t, nil)
	for i := range 120 {
		if err := a.engine.Note(t.Context(), engine.Action{Admin: "ed", What: fmt.Sprintf("did no. %d", i), From: "<b>"}); err != nil {
			t.Fatal(err)
		}
	}
	if body := b.shows(t, "/admin/log", "did no. 119 ", "did no. 70 ", "&lt;b&gt;", `href="/admin/log?page=2"`); strings.Contains(body, "did no. 69 ") {
		t.Error("the page is too long")
	}
	b.shows(t, "/admin/log?page=2", "did no. 69 ", `rel="prev" href="/admin/log?page=1"`)
	if body := b.shows(t, "/admin/log?page=3", "did no. 0 ", "logged in"); strings.Contains(body, `rel="next"`) {
		t.Error("there is a page after the last")
	}
}

// another opens the store again, as another instance would.
func (a *app) another(t testing.TB) *db.DB {
	t.Helper()
	s, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + a.path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
