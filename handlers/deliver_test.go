package handlers_test

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"reko.moe/engine"
	"reko.moe/static"
)

var strongTag = regexp.MustCompile(`^"[0-9a-f]{16}(-br|-gz|-gzip)?"$`)

// named are targets whose answers have an ETag.
var named = []string{
	"/api/version", "/api/openapi.json", "/api/spike/recommendations", "/api/spike/recommendations?order=classic&explain=true",
	"/api/spike/recommendations/faye-v", "/api/spike/similar", "/api/spike/similar?page=40", "/api/spike/compare/ein", "/api/spike/random?seed=3",
	"/", "/u/spike", "/u/spike?order=classic&batch=2", "/u/spike/similar", "/u/spike/compare/ein", "/u/spike/random?seed=3", "/pick", "/saved", "/about",
	"/docs", "/import", "/robots.txt", "/favicon.ico", "/u/spike/compare/ein/share.png", static.Path("app.css"), static.Path("icon.svg"),
	static.Path("bricolage-grotesque-latin-700.woff2"), "/static/old/app.css",
}

// The conditions of RFC 9110, section 13.1.2, on every kind of answer, as it is and compressed.
func TestConditionalRequests(t *testing.T) {
	a := start(t, nil)
	for _, target := range named {
		for _, accepted := range []string{"identity", "gzip", "br, gzip"} {
			plain := a.ask(t, http.MethodGet, target, "Accept-Encoding", accepted)
			tag := plain.header.Get("ETag")
			if plain.status != http.StatusOK || !strongTag.MatchString(tag) || plain.header.Get("Cache-Control") == "" {
				t.Errorf("%s: %d, ETag %s, Cache-Control %q", target, plain.status, tag, plain.header.Get("Cache-Control"))
				continue
			}
			for condition, want := range map[string]int{
				tag: 304, "W/" + tag: 304, " " + tag + " ": 304, `"x", ` + tag: 304, `"a,b" ,W/"` + `c",` + tag + `,"d"`: 304, "*": 304, " * ": 304,
				"": 200, `"x"`: 200, `W/"x"`: 200, strings.Trim(tag, `"`): 200, `"` + tag + `"`: 200, tag[:len(tag)-1]: 200,
				"W/": 200, `"`: 200, `w/` + tag: 200, `x` + tag: 200, `"*"`: 200, "***": 200,
			} {
				for _, method := range []string{http.MethodGet, http.MethodHead} {
					got := a.ask(t, method, target, "Accept-Encoding", accepted, "If-None-Match", condition)
					what := fmt.Sprintf("%s %s, If-None-Match %s, Accept-Encoding %s", method, target, condition, accepted)
					if got.status != want {
						t.Errorf("%s: %d, want %d", what, got.status, want)
						continue
					}
					for _, name := range []string{"ETag", "Cache-Control", "Vary"} {
						if got.header.Get(name) != plain.header.Get(name) {
							t.Errorf("%s: %s %q, want %q", what, name, got.header.Get(name), plain.header.Get(name))
						}
					}
					switch {
					case want == http.StatusNotModified:
						for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Length"} {
							if got.header.Get(name) != "" {
								t.Errorf("%s: 304 with %s %q", what, name, got.header.Get(name))
							}
						}
						if got.body != "" {
							t.Errorf("%s: 304 with %d bytes", what, len(got.body))
						}
					case method == http.MethodGet && got.body != plain.body:
						t.Errorf("%s: another body", what)
					case method == http.MethodHead && got.header.Get("Content-Length") != plain.header.Get("Content-Length"):
						t.Errorf("%s: Content-Length %q, want %q", what, got.header.Get("Content-Length"), plain.header.Get("Content-Length"))
					}
				}
			}
		}
	}
}

// What is compressed is the same, says so to caches, and has a name of its own.
func TestEncodings(t *testing.T) {
	a := start(t, nil)
	css := static.Path("app.css")
	font := static.Path("bricolage-grotesque-latin-700.woff2")
	for _, test := range []struct{ target, accepted, coding string }{
		{"/u/spike", "", ""}, {"/u/spike", "gzip", "gzip"}, {"/u/spike", "GZIP", "gzip"}, {"/u/spike", "br", ""}, {"/u/spike", "deflate, zstd", ""},
		{"/u/spike", "gzip, deflate, br, zstd", "gzip"}, {"/u/spike", "*", "gzip"}, {"/u/spike", "gzip;q=0", ""}, {"/u/spike", "gzip;q=0.000", ""},
		{"/u/spike", "gzip;q=0.001", "gzip"}, {"/u/spike", "identity, gzip;q=0.5", ""}, {"/u/spike", "identity;q=0.5, gzip;q=0.5", "gzip"},
		{"/u/spike", "*;q=0", ""}, {"/u/spike", "identity;q=0", ""}, {"/u/spike", "gzip;q=0, *", ""}, {"/u/spike", "gzip;q=2", ""}, {"/u/spike", "gzip;q=x", ""},
		{"/u/spike", "gzip ; Q=1", "gzip"}, {"/u/spike", "xgzip", ""}, {"/u/spike", ";,,=", ""},
		{"/api/openapi.json", "gzip, br", "gzip"}, {"/api/version", "gzip", ""}, {"/u/spike/compare/ein/share.png", "gzip, br", ""},
		{css, "", ""}, {css, "gzip", "gzip"}, {css, "br", "br"}, {css, "gzip, br", "br"}, {css, "gzip, br;q=0.9", "gzip"}, {css, "br;q=0, gzip;q=0", ""},
		{css, "br;q=0, *", "gzip"}, {css, "*", "br"}, {css, "identity;q=0.2, br;q=0.1, gzip;q=0.1", ""}, {font, "gzip, br", ""}, {"/static/old/app.css", "br", "br"},
	} {
		plain := a.get(t, test.target, http.StatusOK)
		got := a.ask(t, http.MethodGet, test.target, "Accept-Encoding", test.accepted)
		if got.header.Get("Content-Encoding") != test.coding {
			t.Errorf("%s, Accept-Encoding %q: Content-Encoding %q, want %q", test.target, test.accepted, got.header.Get("Content-Encoding"), test.coding)
		}
		text := strings.HasPrefix(plain.header.Get("Content-Type"), "text/") || strings.HasPrefix(plain.header.Get("Content-Type"), "application/json")
		for _, h := range []http.Header{plain.header, got.header} {
			if strings.Contains(h.Get("Vary"), "Accept-Encoding") != text {
				t.Errorf("%s: Vary %q of %s", test.target, h.Get("Vary"), plain.header.Get("Content-Type"))
			}
		}
		if same := plain.header.Get("ETag") == got.header.Get("ETag"); same != (test.coding == "") {
			t.Errorf("%s: ETag %s as it is, %s encoded as %q", test.target, plain.header.Get("ETag"), got.header.Get("ETag"), test.coding)
		}
		if body := decoded(t, got); body != plain.body {
			t.Errorf("%s, Accept-Encoding %q: decodes to %d bytes, want %d", test.target, test.accepted, len(body), len(plain.body))
		}
		if test.coding != "" && len(got.body) > len(plain.body)/2 {
			t.Errorf("%s: %d of %d bytes are left", test.target, len(got.body), len(plain.body))
		}
		if other := a.ask(t, http.MethodGet, test.target, "Accept-Encoding", test.accepted, "If-None-Match", plain.header.Get("ETag")); (other.status == http.StatusNotModified) != (test.coding == "") {
			t.Errorf("%s: %d for the name of another encoding", test.target, other.status)
		}
	}
}

// decoded is the body without its encoding.
func decoded(t testing.TB, got answer) string {
	t.Helper()
	var r io.Reader = strings.NewReader(got.body)
	switch got.header.Get("Content-Encoding") {
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	case "br":
		r = brotli.NewReader(r)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Files have a year at the address that names their bytes, and are asked for again at any other.
func TestStaticFiles(t *testing.T) {
	a := start(t, nil)
	page := a.get(t, "/", http.StatusOK).body
	addresses := regexp.MustCompile(`/static/[0-9a-f]{16}/[a-z0-9.-]+`).FindAllString(page, -1)
	if len(addresses) < 6 {
		t.Fatalf("the page loads %q", addresses)
	}
	for _, address := range addresses {
		got := a.get(t, address, http.StatusOK)
		name := address[strings.LastIndexByte(address, '/')+1:]
		want, ok := static.Find(name)
		if !ok || got.body != string(want.Data) || got.header.Get("Content-Type") == "" || got.header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d bytes, %v", address, len(got.body), got.header)
		}
		old := a.get(t, "/static/0123456789abcdef/"+name, http.StatusOK)
		if old.body != got.body || old.header.Get("Cache-Control") != "no-cache" || old.header.Get("ETag") != got.header.Get("ETag") {
			t.Errorf("%s by another hash: %v", name, old.header)
		}
	}
	for _, gone := range []string{"/static/x/nothing.css", "/static/x/static.go", "/static/x/..%2fstatic.go", "/static/x/", "/static/app.css"} {
		if got := a.get(t, gone, http.StatusNotFound); got.header.Get("Cache-Control") != "no-store" || got.header.Get("ETag") != "" {
			t.Errorf("%s: %v", gone, got.header)
		}
	}
}

// Whatever changes, who asks with the name of what it has gets the new answer exactly if it differs, and caches are told to ask.
func TestAnswersAreNeverStale(t *testing.T) {
	targets := []string{
		"/api/spike/recommendations", "/api/spike/recommendations/faye-v", "/api/spike/similar", "/api/spike/compare/ein", "/api/spike/random?seed=3", "/u/spike",
		"/u/spike?from=faye-v", "/u/spike/similar", "/u/spike/compare/ein", "/",
	}
	a := start(t, nil)
	b := newBrowser(t, a.listen(t))
	kept := map[string]answer{}
	check := func(what string, atLeast int) {
		t.Helper()
		changed := 0
		for _, target := range targets {
			for _, accepted := range []string{"identity", "gzip"} {
				key := target + accepted
				fresh := b.ask(t, http.MethodGet, target, "", "", "Accept-Encoding", accepted)
				if fresh.status != http.StatusOK {
					t.Fatalf("%s: %s: %d", what, target, fresh.status)
				}
				if cc := fresh.header.Get("Cache-Control"); !strings.Contains(cc, "no-cache") || strings.Contains(cc, "public") ||
					strings.HasPrefix(target, "/api") == strings.Contains(cc, "private") {
					t.Errorf("%s: Cache-Control %q", target, cc)
				}
				if old, ok := kept[key]; ok {
					again := b.ask(t, http.MethodGet, target, "", "", "Accept-Encoding", accepted, "If-None-Match", old.header.Get("ETag"))
					want := http.StatusNotModified
					if fresh.body != old.body {
						want, changed = http.StatusOK, changed+1
					}
					if again.status != want || want == http.StatusOK && again.body != fresh.body {
						t.Errorf("%s: %s: %d, want %d", what, target, again.status, want)
					}
				}
				kept[key] = fresh
			}
		}
		if changed < 2*atLeast {
			t.Errorf("%s: %d answers changed, want %d at least", what, changed, 2*atLeast)
		}
	}
	save := func(u engine.User) {
		t.Helper()
		if err := a.engine.ImportUsers(t.Context(), []engine.User{u}); err != nil {
			t.Fatal(err)
		}
		if err := a.engine.ImportDone(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	check("at first", 0)
	check("nothing", 0)
	save(person("spike", engine.FromFile, entry(1, 9, 2024), entry(6, 9, 2024)))
	check("the list of who asks", 5)
	save(person("faye-v", engine.FromFile, entry(1, 9, 2024), entry(3, 10, 2024)))
	check("a neighbour's list", 3)
	save(person("rocco", engine.FromFile, entry(1, 10, 2024)))
	check("somebody new", 3)
	if err := a.engine.Exclude(t.Context(), 3, "tester"); err != nil {
		t.Fatal(err)
	}
	check("an anime is excluded", 3)
	renamed := smallAnime[1]
	renamed.Title, renamed.DescribedAt = "Renamed", renamed.DescribedAt.AddDate(0, 0, 1)
	if err := a.engine.ImportAnime(t.Context(), []engine.Anime{renamed}); err != nil {
		t.Fatal(err)
	}
	if err := a.engine.ImportDone(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("an anime is described anew", 2)
	b.ask(t, http.MethodPost, "/theme", plainForm, "theme=dark&back=/")
	check("the visitor's theme", 4)
	b.ask(t, http.MethodPost, "/save", plainForm, "id=2&back=/")
	check("what the visitor saved", 4)
	b.ask(t, http.MethodPost, "/hide", plainForm, "id=2&back=/")
	check("what the visitor hid", 1)
}

// One visitor's page is nobody else's: neither a shared cache keeps it, nor does its name fit another's.
func TestPagesAreOnesOwn(t *testing.T) {
	a := start(t, nil)
	addr := a.listen(t)
	mine, others := newBrowser(t, addr), newBrowser(t, addr)
	mine.ask(t, http.MethodPost, "/theme", plainForm, "theme=dark&back=/")
	for _, target := range []string{"/", "/u/spike", "/u/spike/similar", "/u/spike/compare/ein", "/u/spike/random?seed=3", "/pick", "/saved", "/about", "/docs", "/import"} {
		got := mine.get(t, target)
		if cc := got.header.Get("Cache-Control"); got.status != http.StatusOK || cc != "private, no-cache" || !strings.Contains(got.header.Get("Vary"), "Cookie") {
			t.Errorf("%s: %d, Cache-Control %q, Vary %q", target, got.status, cc, got.header.Get("Vary"))
		}
		if other := others.ask(t, http.MethodGet, target, "", "", "If-None-Match", got.header.Get("ETag")); other.status != http.StatusOK || other.body == got.body {
			t.Errorf("%s: the name of another visitor's page is answered %d", target, other.status)
		}
	}
	page := a.get(t, "/u/spike", http.StatusOK)
	part := a.ask(t, http.MethodGet, "/u/spike", "HX-Request", "true", "HX-Target", "results", "If-None-Match", page.header.Get("ETag"))
	if part.status != http.StatusOK || strings.Contains(part.body, "<html") || page.header.Get("Vary") != part.header.Get("Vary") {
		t.Errorf("the part with the name of its page: %d %.60s, Vary %q and %q", part.status, part.body, part.header.Get("Vary"), page.header.Get("Vary"))
	}
	for _, name := range []string{"HX-Request", "HX-Target", "HX-Boosted", "HX-History-Restore-Request", "Cookie", "Accept-Encoding"} {
		if !strings.Contains(page.header.Get("Vary"), name) {
			t.Errorf("Vary %q lacks %s", page.header.Get("Vary"), name)
		}
	}
}

// Failures, redirects and what is drawn anew each time have no name and are kept by nobody, whatever the request says it has.
func TestWhatIsNotKept(t *testing.T) {
	a := start(t, nil)
	for target, status := range map[string]int{
		"/api/nobody-here/similar": 404, "/api/spike/similar?page=x": 400, "/api/gren/similar": 500, "/api/ed/similar": 422, "/api/nothing/at/all": 404,
		"/u/nobody-here": 404, "/nothing": 404, "/u/spike?genre=x": 400, "/u?name=spike": 303, "/u/spike/random": 303, "/api/spike/random": 200,
		"/api/stats/spike": 401, "/u/gren/compare/spike/share.png": 500,
	} {
		for _, condition := range []string{"", "*", `"x"`} {
			got := a.ask(t, http.MethodGet, target, "If-None-Match", condition)
			if got.status != status || got.header.Get("Cache-Control") != "no-store" || got.header.Get("ETag") != "" {
				t.Errorf("%s: %d, Cache-Control %q, ETag %q, want %d", target, got.status, got.header.Get("Cache-Control"), got.header.Get("ETag"), status)
			}
		}
	}
	if got := a.ask(t, http.MethodPost, "/api/recommendations", "If-None-Match", "*"); got.status != 400 || got.header.Get("ETag") != "" {
		t.Errorf("POST: %d, ETag %q", got.status, got.header.Get("ETag"))
	}
	if got := a.ask(t, http.MethodDelete, "/u/spike"); got.status != 405 || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("DELETE: %d, Cache-Control %q", got.status, got.header.Get("Cache-Control"))
	}
}

// A connection goes on after a 304, which has no body, and after a HEAD of something compressed.
func TestConditionsOverTheWire(t *testing.T) {
	a := start(t, nil)
	addr := a.listen(t)
	tag := a.ask(t, http.MethodGet, "/u/spike", "Accept-Encoding", "gzip").header.Get("ETag")
	conn := dial(t, addr)
	in := bufio.NewReader(conn)
	for range 3 {
		for _, test := range []struct {
			method, condition string
			status            int
		}{{"GET", tag, 304}, {"HEAD", `"x"`, 200}, {"GET", `"x"`, 200}, {"HEAD", tag, 304}} {
			fmt.Fprintf(conn, "%s /u/spike HTTP/1.1\r\nHost: reko.test\r\nAccept-Encoding: gzip\r\nIf-None-Match: %s\r\n\r\n", test.method, test.condition)
			got, err := answerOn(in, test.method)
			if err != nil || got.status != test.status || (got.body != "") != (test.method == "GET" && test.status == 200) {
				t.Fatalf("%s, If-None-Match %s: %d, %d bytes, %v", test.method, test.condition, got.status, len(got.body), err)
			}
			if length := got.header.Get("Content-Length"); (length == "" || length == "0") != (test.status == 304) {
				t.Errorf("%s: %d with Content-Length %q", test.method, got.status, length)
			}
		}
	}
}
