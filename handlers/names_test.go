package handlers_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"reko.moe/engine/mal/maltest"
)

// The places of a name in a path.
var places = []string{
	"/api/%s/recommendations", "/api/%s/similar", "/api/%s/random",
	"/api/%s/recommendations/spike", "/api/spike/recommendations/%s", "/api/%s/compare/spike", "/api/spike/compare/%s",
}

// Names that somebody has, however they are written.
func TestNames(t *testing.T) {
	a := start(t, nil)
	for _, name := range []string{"ein", "EIN", "Ein", "%65in", "e%69n", "%45%49%4E", "%65%69%6e"} {
		for _, place := range places {
			want := a.get(t, strings.Replace(place, "%s", "ein", 1)+"?seed=1", http.StatusOK).body
			if got := a.get(t, strings.Replace(place, "%s", name, 1)+"?seed=1", http.StatusOK).body; got != want {
				t.Errorf("%s for %s: %s, want %s", place, name, got, want)
			}
		}
	}
	// Whoever is called like a part of a path is found all the same.
	for _, name := range []string{"version", "spike"} {
		a.get(t, "/api/"+name+"/similar", http.StatusOK)
		a.get(t, "/api/spike/compare/"+name, http.StatusOK)
	}
}

// Names that nobody can have, as they stand in the path. Nobody is asked about them.
func TestImpossibleNames(t *testing.T) {
	t.Parallel()
	fake := maltest.New(maltest.Lists{})
	a := start(t, func(s *setup) { s.mal = fake })
	names := []string{
		"a", "abcdefghijklmnopq", "%61", strings.Repeat("a", 10_000), strings.Repeat("%61", 3_000), strings.Repeat("%00", 3_000),
		"spike%2Ffaye", "spike%2ffaye", "..%2F..%2Fetc%2Fpasswd", "%2e%2e", "..", "...", ".", "%2E%2E%2F", "%5C..%5C", `..\..`,
		"%00", "spike%00", "spi%00ke", "sp%0D%0Aike", "%0a%0a", "spike%20", "%20spike", "spike+", "+spike", "sp ike"[:2] + "%20ike", "spike%09",
		"%zz", "%", "%%", "sp%ike", "%7", "spike%", "%u0073", "%2573pike", "%25zz", "%ff%fe", "%c0%af", "%ed%a0%80",
		url.PathEscape("スパイク"), "スパイク", "Спайк", url.PathEscape("Спайк"), "ſpike", "spıke", "%EF%BC%B3pike", "spike%E2%80%8B",
		url.PathEscape("🚀🚀"), "é", "e%CC%81e", "%E2%80%AEekips",
		"spike'--", "'%20OR%20'1'='1", "spike%22;DROP%20TABLE%20users;--", "$1", "%25", "*", "sp_ke%25", "{username}", ":username",
		"<script>alert(1)<%2Fscript>", "%3Csvg%20onload=alert(1)%3E", "spike&amp;", "${jndi:ldap:%2F%2Fx}", "{{7*7}}", "spike;x=1", "a@b.c", "~root", "sp.ike",
		"null%00", "spike,faye", "(spike)", "[]", "%7B%7D", "|", "^^", "``", "%60id%60", "$(id)",
	}
	for _, name := range names {
		for _, place := range places {
			target := strings.Replace(place, "%s", name, 1)
			got := a.ask(t, http.MethodGet, target)
			got.refused(t, target, http.StatusNotFound, "UserNotFound")
			if len(got.body) > 200 {
				t.Errorf("%.100s: an answer of %d bytes", target, len(got.body))
			}
		}
	}
	if n := fake.Requests(""); n != 0 {
		t.Errorf("MyAnimeList was asked %d times", n)
	}
	for _, line := range a.log.lines(t, "") {
		if line.Level != "INFO" || len(line.Path) > 120 {
			t.Errorf("%+v", line)
		}
	}
	// MyAnimeList decides about those that somebody could have.
	for _, name := range []string{"zz", "--", "__", "0123456789abcdef", "SELECT", "null", "undefined", "%2D%2D"} {
		a.ask(t, http.MethodGet, "/api/"+name+"/similar").refused(t, name, http.StatusNotFound, "UserNotFound")
	}
	if n := fake.Requests(""); n != 7 { // "--" is there twice, and an unknown name is remembered
		t.Errorf("MyAnimeList was asked %d times, want 7", n)
	}
}

// Unknown routes, with the tricks that make a path look like another one.
func TestUnknownRoutes(t *testing.T) {
	a := start(t, nil)
	for _, target := range []string{
		"/api", "/api/", "/api/spike", "/api/spike/", "/api/spike/nothing", "/api/spike/Similar", "/api/spike/SIMILAR",
		"/api/version/x", "/api/VERSION", "/api/healthz", "/api/spike/similar/x", "/api/spike/compare", "/api/spike/compare/", "/api/spike/random/7",
		"/api/spike/compare/faye-v/x", "/api/spike/recommendations/ein/x", "/api/spike%2Fsimilar", "/api/spike/simil%61r",
		"/api//spike/similar", "/api/spike//similar", "/api/spike/compare//", "/api/spike/compare//ein", "/api///",
		"/api/spike/../similar", "/api/../api/spike/similar", "/api/./spike/similar", "/api/..", "/api/../healthz", "/api/%2e%2e/version", "/api/version;x",
		"/api/version%00", "/api/version%20", "/api/version.json", "/api/" + strings.Repeat("../", 8_000), "/api/" + strings.Repeat("a/", 10_000), "/api/%zz", "/api/%",
		"/api/スパイク", "/api/<script>", "/api/'--",
	} {
		a.ask(t, http.MethodGet, target).says(t, target, http.StatusNotFound, "Resource does not exist")
	}
	// The root is for pages. None of these is one.
	for _, target := range []string{
		"/nothing", "//", "//api/spike/similar", "/API/spike/similar", "/Api/version", "/api%2Fspike%2Fsimilar", "/../api/spike/similar", "/./api/version", "/..", "/.",
		"/%2e%2e/api/version", "/..%2f", "/%2f", "/api;/version", `/api\version`, "/healthz/x", "/HEALTHZ", "/readyz%00", "/openapi.json", "/version", "/.env",
		"/.git/config", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/" + strings.Repeat("a/", 10_000), "/%zz", "/%", "/スパイク", "/<script>", "/'--", "//evil.test/", `/\evil.test`,
	} {
		if got := a.ask(t, http.MethodGet, target); got.status != http.StatusNotFound || strings.Contains(got.body, "<script>") {
			t.Errorf("%.200s: %d %.300s, want 404", target, got.status, got.body)
		}
	}
	// A slash at the end makes no difference.
	for _, target := range []string{"/api/version", "/api/openapi.json", "/api/spike/similar", "/api/spike/compare/ein", "/healthz", "/readyz"} {
		if with, without := a.get(t, target+"/", http.StatusOK), a.get(t, target, http.StatusOK); with.body != without.body {
			t.Errorf("%s/: %s, want %s", target, with.body, without.body)
		}
	}
}

func TestWrongMethods(t *testing.T) {
	a := start(t, nil)
	for _, target := range []string{
		"/api/version", "/api/openapi.json", "/api/spike/recommendations", "/api/spike/recommendations/ein", "/api/spike/similar", "/api/spike/compare/ein",
		"/api/spike/random", "/api/a/similar", "/api/%zz/similar", "/healthz", "/readyz",
	} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "BREW", "get", "GETGETGETGETGETGETGETGETGET"} {
			got := a.ask(t, method, target)
			got.says(t, method+" "+target, http.StatusMethodNotAllowed, "Invalid request method")
			allow := strings.Split(got.header.Get("Allow"), ", ")
			if !slices.Contains(allow, "GET") || !slices.Contains(allow, "HEAD") || slices.Contains(allow, "POST") {
				t.Errorf("%s %s: Allow %q", method, target, allow)
			}
			if got.header.Get("X-Request-Id") == "" {
				t.Errorf("%s %s: no request id", method, target)
			}
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		a.ask(t, method, "/api/nothing/at-all").says(t, method, http.StatusNotFound, "Resource does not exist")
	}
	// Every one of them is in the access log.
	counts := map[string]int{}
	for _, line := range a.log.lines(t, "request") {
		counts[line.Method]++
	}
	for _, method := range []string{"POST", "TRACE", "BREW", "get"} {
		if counts[method] < 11 {
			t.Errorf("%d of 11 requests by %s are logged", counts[method], method)
		}
	}
}

// Pages of any origin may read the API, errors included, and nothing else.
func TestCORS(t *testing.T) {
	a := start(t, nil)
	for _, target := range []string{"/api/version", "/api/spike/similar", "/api/a/similar", "/api/spike/similar?page=x", "/api/nothing"} {
		got := a.ask(t, http.MethodGet, target, "Origin", "https://elsewhere.test")
		if got.header.Get("Access-Control-Allow-Origin") != "*" || got.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", target, got.header)
		}
		for _, name := range []string{"X-Request-Id", "Retry-After", "Allow"} {
			if !strings.Contains(got.header.Get("Access-Control-Expose-Headers"), name) {
				t.Errorf("%s: %s is not exposed", target, name)
			}
		}
		got = a.ask(t, http.MethodOptions, target, "Origin", "https://elsewhere.test", "Access-Control-Request-Method", "GET")
		if got.status != http.StatusNoContent || got.body != "" || got.header.Get("Access-Control-Allow-Origin") != "*" ||
			got.header.Get("Access-Control-Allow-Methods") != "GET, POST, OPTIONS" || got.header.Get("Access-Control-Max-Age") == "" ||
			got.header.Get("Allow") != "" { // what a path answers is not known before it is looked up
			t.Errorf("OPTIONS %s: %d %q %v", target, got.status, got.body, got.header)
		}
		for _, name := range []string{"Authorization", "Content-Type", "If-None-Match", "X-Request-Id"} {
			if !strings.Contains(got.header.Get("Access-Control-Allow-Headers"), name) {
				t.Errorf("OPTIONS %s: pages of other origins may not send %s", target, name)
			}
		}
	}
	got := a.ask(t, http.MethodPost, "/api/spike/similar", "Origin", "https://elsewhere.test")
	if got.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("405: %v", got.header)
	}
	for _, target := range []string{"/", "/healthz", "/readyz", "/nothing"} {
		if got := a.ask(t, http.MethodGet, target, "Origin", "https://elsewhere.test"); got.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", target, got.header)
		}
	}
}

func TestHead(t *testing.T) {
	a := start(t, nil)
	for _, target := range []string{"/api/version", "/api/openapi.json", "/api/spike/recommendations", "/api/spike/compare/ein", "/api/a/similar", "/api/spike/similar?page=x", "/api/nothing", "/healthz", "/"} {
		head, get := a.ask(t, http.MethodHead, target), a.ask(t, http.MethodGet, target)
		if head.status != get.status || head.body != "" || head.header.Get("Content-Length") != get.header.Get("Content-Length") ||
			head.header.Get("Content-Type") != get.header.Get("Content-Type") {
			t.Errorf("HEAD %s: %d %v, GET: %d %v", target, head.status, head.header, get.status, get.header)
		}
	}
}

// Compressed for those who ask for it, the answer is the same.
func TestCompression(t *testing.T) {
	a := start(t, func(s *setup) { s.world = crowd(100, 100) })
	for _, target := range []string{"/api/openapi.json", "/api/crowd-0/recommendations", "/api/crowd-0/similar"} {
		want := a.get(t, target, http.StatusOK)
		got := a.ask(t, http.MethodGet, target, "Accept-Encoding", "gzip")
		if got.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: Content-Encoding %q", target, got.header.Get("Content-Encoding"))
			continue
		}
		r, err := gzip.NewReader(strings.NewReader(got.body))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); err != nil || string(text) != want.body {
			t.Errorf("%s: %.200s, %v, want %.200s", target, text, err, want.body)
		}
	}
}
