package handlers_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/handlers/limit"
)

// exported is a list as MyAnimeList exports it: Cowboy Bebop, which makes the hash of spike, and Only a year, planned.
const exported = `<?xml version="1.0" encoding="UTF-8" ?>
<myanimelist>
	<myinfo><user_name>Vicious</user_name><user_export_type>1</user_export_type></myinfo>
	<anime>
		<series_animedb_id>1</series_animedb_id>
		<series_title><![CDATA[Cowboy Bebop <script>alert(1)</script>]]></series_title>
		<my_watched_episodes>26</my_watched_episodes>
		<my_finish_date>2015-03-04</my_finish_date>
		<my_score>10</my_score>
		<my_status>Completed</my_status>
	</anime>
	<anime>
		<series_animedb_id>6</series_animedb_id>
		<my_status>Plan to Watch</my_status>
	</anime>
</myanimelist>
`

func packed(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func (a *app) uploaded(t testing.TB) int {
	t.Helper()
	users, err := a.store.CountUsers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return users[engine.Uploaded]
}

func TestUpload(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"plain": exported, "compressed": packed(t, exported)} {
		for _, listed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, listed %t", name, listed), func(t *testing.T) {
				a := start(t, nil)
				addr := a.listen(t)
				b := newBrowser(t, addr)
				name := b.upload(t, text, listed)
				if b.cookie(t, "name") != name || b.cookie(t, "session") == "" {
					t.Errorf("the cookies are %v", b.Jar)
				}
				page := a.get(t, "/u/"+name, http.StatusOK).body
				for _, want := range []string{"Monster", "faye-v", "uploaded on", "noindex", name} {
					if !strings.Contains(page, want) {
						t.Errorf("the page of %s does not have %q", name, want)
					}
				}
				for _, not := range []string{"imported", "vicious", "Only a year", "<script>alert"} {
					if strings.Contains(page, not) {
						t.Errorf("the page of %s has %q", name, not)
					}
				}
				for _, path := range []string{"/similar", "/random", "/compare/spike", "/recommendations/spike", "/recommendations"} {
					a.get(t, "/api/"+name+path, http.StatusOK)
				}
				// Others meet it only if it is listed.
				for _, target := range []string{"/api/spike/similar", "/u/spike/similar", "/api/version/recommendations", "/u/spike", "/u/guest-/similar"} {
					got := a.ask(t, http.MethodGet, target).body
					if found := strings.Contains(got, name); found && !listed {
						t.Errorf("%s has the unlisted %s", target, name)
					} else if !found && listed && strings.HasSuffix(target, "similar") && strings.Contains(target, "spike") {
						t.Errorf("%s does not have the listed %s", target, name)
					}
				}
				own := b.get(t, "/import")
				if own.status != http.StatusOK || !strings.Contains(own.body, "/u/"+name) || !strings.Contains(own.body, `action="/import/delete"`) ||
					strings.Contains(own.body, "others may be matched with it") != listed {
					t.Errorf("/import of who uploaded: %d %s", own.status, own.body)
				}
				if others := newBrowser(t, addr).get(t, "/import"); strings.Contains(others.body, name) || strings.Contains(others.body, "noindex") {
					t.Errorf("/import of others: %s", others.body)
				}
				if n := a.uploaded(t); n != 1 {
					t.Errorf("%d lists are stored, want 1", n)
				}
			})
		}
	}
}

func TestUploadDelete(t *testing.T) {
	a := start(t, nil)
	addr := a.listen(t)
	b, stranger, beside := newBrowser(t, addr), newBrowser(t, addr), newBrowser(t, addr)
	first, second := b.upload(t, exported, true), b.upload(t, exported, false)
	other := beside.upload(t, exported, true)
	listed := regexp.MustCompile(`name="name" value="([^"]*)"`)
	own := func(names ...string) {
		t.Helper()
		var got []string
		for _, m := range listed.FindAllStringSubmatch(b.get(t, "/import").body, -1) {
			got = append(got, m[1])
		}
		if !slices.Equal(got, names) {
			t.Errorf("/import lists %v, want %v", got, names)
		}
	}
	own(second, first)
	for _, test := range []struct {
		what   string
		by     *browser
		name   string
		header []string
	}{
		{"without a session", stranger, first, nil},
		{"in another session", beside, first, nil},
		{"in an invented session", stranger, first, []string{"Cookie", "session=00000000-0000-0000-0000-000000000000; name=" + first}},
		{"somebody who was not uploaded", b, "spike", nil},
		{"nobody", b, "", nil},
		{"from another site", b, first, []string{"Sec-Fetch-Site", "cross-site"}},
	} {
		got := test.by.ask(t, http.MethodPost, "/import/delete", plainForm, "name="+test.name, test.header...)
		if got.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", test.what, got.status, got.body)
		}
	}
	if n := a.uploaded(t); n != 3 {
		t.Fatalf("%d lists are left, want 3", n)
	}

	remove := func(name string, status int) {
		t.Helper()
		if got := b.ask(t, http.MethodPost, "/import/delete", plainForm, "name="+name); got.status != status {
			t.Errorf("deleting %s: %d %s, want %d", name, got.status, got.body, status)
		}
		a.get(t, "/u/"+name, http.StatusNotFound)
	}
	remove(first, http.StatusSeeOther)
	own(second)
	remove(first, http.StatusForbidden)
	if a.get(t, "/u/"+second, http.StatusOK); a.uploaded(t) != 2 {
		t.Error("another list is gone too")
	}
	if got := a.get(t, "/api/spike/similar", http.StatusOK).body; strings.Contains(got, first) || !strings.Contains(got, other) {
		t.Errorf("like spike are %s", got)
	}

	// The name that the browser remembers is forgotten with its list, and with no other.
	third := b.upload(t, exported, true)
	remove(second, http.StatusSeeOther)
	if got := b.cookie(t, "name"); got != third {
		t.Errorf("the browser remembers %q, want %s", got, third)
	}
	// That it is gone already is no reason to keep it in the session.
	if err := a.engine.Unupload(t.Context(), third); err != nil {
		t.Fatal(err)
	}
	own()
	remove(third, http.StatusSeeOther)
	if got := b.cookie(t, "name"); got != "" {
		t.Errorf("the browser remembers %q", got)
	}
}

func TestUploadsOfOneBrowser(t *testing.T) {
	a := start(t, nil)
	b := newBrowser(t, a.listen(t))
	name := b.upload(t, exported, false)
	for range 19 {
		b.upload(t, exported, false)
	}
	got := b.send(t, "/import", []part{{"file", "list.xml", exported}})
	if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "Delete one of them first.") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if err := a.engine.Unupload(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	b.upload(t, exported, false)
}

// A store has room for so many uploaded lists; none that somebody uploaded goes for a new one.
func TestUploadsOfAll(t *testing.T) {
	a := start(t, func(s *setup) { s.engine.Uploads = 2 })
	addr := a.listen(t)
	first, second := newBrowser(t, addr), newBrowser(t, addr)
	name := first.upload(t, exported, false)
	other := second.upload(t, exported, true)
	got := second.send(t, "/import", []part{{"file", "list.xml", exported}, {"listed", "", "yes"}})
	if got.status != http.StatusInsufficientStorage || !strings.Contains(got.body, "as many uploaded lists as it has room for") ||
		!strings.Contains(got.body, " checked") || !strings.Contains(got.body, "/u/"+other) {
		t.Errorf("one more: %d %s", got.status, got.body)
	}
	a.get(t, "/u/"+name, http.StatusOK)
	if n := a.uploaded(t); n != 2 {
		t.Errorf("%d lists are stored, want 2", n)
	}
	if got := first.ask(t, http.MethodPost, "/import/delete", plainForm, "name="+name); got.status != http.StatusSeeOther || got.header.Get("Location") != "/import#uploads" {
		t.Fatalf("deleting %s: %d, %q", name, got.status, got.header.Get("Location"))
	}
	second.upload(t, exported, false)
}

// One address can have so many lists stored in a time; what is not taken does not count.
func TestLimitOfUploads(t *testing.T) {
	a, c := limitedApp(t, limit.Budgets{limit.Uploads: minutely}, nil)
	b := newBrowser(t, a.listen(t))
	file := []part{{"file", "list.xml", exported}}
	for range 3 {
		b.upload(t, exported, false)
		if got := b.send(t, "/import", []part{{"file", "list.xml", "no list"}}); got.status != http.StatusUnprocessableEntity || got.header.Get("RateLimit") != "" {
			t.Errorf("no list: %d %v", got.status, got.header)
		}
	}
	got := b.send(t, "/import", file, "Accept", browserAccepts)
	if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "20" || got.header.Get("RateLimit") != `"uploads";r=0;t=20` ||
		!strings.Contains(got.body, "Many lists were uploaded from where you are.") {
		t.Errorf("one more: %d %v %s", got.status, got.header, got.body)
	}
	if n := a.uploaded(t); n != 3 {
		t.Errorf("%d lists are stored, want 3", n)
	}
	c.forward(20 * time.Second)
	b.upload(t, exported, false)
}

// forgetful are sessions that keep nothing.
type forgetful struct{}

func (forgetful) Get(string) ([]byte, error) { return nil, nil }
func (forgetful) Swap(string, []byte, []byte, time.Duration) (bool, error) {
	return false, errors.New("the disk is full")
}

// A list that nobody could delete does not stay.
func TestUploadWithoutSession(t *testing.T) {
	a := start(t, func(s *setup) { s.handlers.Sessions = forgetful{} })
	b := newBrowser(t, a.listen(t))
	got := b.send(t, "/import", []part{{"file", "list.xml", exported}})
	if got.status != http.StatusInternalServerError || a.uploaded(t) != 0 || b.cookie(t, "name") != "" {
		t.Errorf("%d %s; %d lists stored", got.status, got.body, a.uploaded(t))
	}
	a.sqlExec(t, `CREATE TRIGGER full BEFORE INSERT ON users BEGIN SELECT RAISE(FAIL, 'disk is full'); END`)
	if got := b.send(t, "/import", []part{{"file", "list.xml", exported}}); got.status != http.StatusInternalServerError {
		t.Errorf("a store that fails: %d %s", got.status, got.body)
	}
}
