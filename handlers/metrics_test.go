package handlers_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"reko.moe/engine/series"
	"reko.moe/handlers/limit"
	"reko.moe/handlers/metrics"
)

// Whoever asks from elsewhere without a key cannot tell that there is something.
func TestMetricsAreForThisMachineAndForKeys(t *testing.T) {
	a := start(t, nil)
	key, id := a.key(t)
	addr := a.listen(t)
	wire := func(header string) answer {
		t.Helper()
		conn := dial(t, addr)
		fmt.Fprintf(conn, "GET /metrics HTTP/1.1\r\nConnection: close\r\n%s\r\n\r\n", strings.ReplaceAll(header, "\n", "\r\n"))
		got, err := answerOn(bufio.NewReader(conn), http.MethodGet)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	nothing := a.get(t, "/nothing", 404)
	hidden := func(what string, got answer) {
		t.Helper()
		if got.status != 404 || got.body != nothing.body || got.header.Get("Content-Type") != nothing.header.Get("Content-Type") ||
			got.header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s: %d %v %.200s, want the same as for what is not there", what, got.status, got.header, got.body)
		}
	}
	shown := func(what string, got answer) {
		t.Helper()
		if got.status != 200 || !strings.Contains(got.body, "reko_build_info{version=\"v1.2.3\"} 1") || !strings.Contains(got.body, "go_goroutines") {
			t.Errorf("%s: %d %.200s, want the metrics", what, got.status, got.body)
		}
	}
	for _, host := range []string{addr, "localhost", "localhost:3000", "127.0.0.1", "[::1]:3000", "[::1]"} {
		shown(host, wire("Host: "+host))
	}
	for _, foreign := range []string{
		"Host: reko.example", "Host: 192.0.2.1:3000", "Host: localhost.reko.example", "Host: ",
		"Host: localhost\nX-Forwarded-For: 192.0.2.1", "Host: localhost\nx-forwarded-for: 127.0.0.1", "Host: localhost\nForwarded: for=192.0.2.1",
		"Host: localhost\nX-Real-IP: 192.0.2.1", "Host: localhost\nX-Forwarded-Proto: https", "Host: localhost\nX-Forwarded-Host: reko.example",
		"Host: localhost\nVia: 1.1 proxy", "Host: localhost\nX-Forwarded-For:",
		"Host: localhost\nX-Forwarded-For: 192.0.2.1\nAuthorization: Bearer reko_" + strings.Repeat("A", 43),
		"Host: localhost\nX-Forwarded-For: 192.0.2.1\nAuthorization: Basic " + key,
	} {
		hidden(foreign, wire(foreign))
	}
	shown("a forwarded request with a key", wire("Host: localhost\nX-Forwarded-For: 192.0.2.1\nAuthorization: Bearer "+key))

	hidden("from elsewhere", a.ask(t, http.MethodGet, "/metrics", "Host", "localhost"))
	got := a.ask(t, http.MethodGet, "/metrics", "Authorization", "Bearer "+key)
	shown("from elsewhere with a key", got)
	if strings.Contains(got.body, key) || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v, or the key is among the metrics", got.header)
	}
	if err := a.engine.RevokeKey(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	hidden("with a revoked key", a.ask(t, http.MethodGet, "/metrics", "Authorization", "Bearer "+key))
}

// Where a proxy is said to be in front, one on this machine may pass on strangers as nginx does unless told otherwise: without a word,
// under the name that it asks by.
func TestMetricsBehindAProxyAreForKeysOnly(t *testing.T) {
	for name, change := range map[string]func(*setup){
		"public_url":      func(s *setup) { s.handlers.PublicURL = "http://reko.example" },
		"trusted_proxies": func(s *setup) { s.handlers.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} },
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t, change)
			key, _ := a.key(t)
			b := newBrowser(t, a.listen(t))
			if got := b.get(t, "/metrics"); got.status != http.StatusNotFound {
				t.Errorf("from this machine: %d %.200s, want 404", got.status, got.body)
			}
			if got := a.ask(t, http.MethodGet, "/metrics", "Authorization", "Bearer "+key); got.status != http.StatusOK {
				t.Errorf("with a key: %d %.200s, want 200", got.status, got.body)
			}
		})
	}
}

// Guesses of keys count like other questions for what is not there.
func TestMetricsLimitGuesses(t *testing.T) {
	a, _ := limitedApp(t, limit.Budgets{limit.Pages: minutely}, nil)
	for range minutely.Quota {
		if got := a.get(t, "/metrics", http.StatusNotFound); got.header.Get("RateLimit") == "" {
			t.Errorf("%v, want that it is counted", got.header)
		}
	}
	a.get(t, "/metrics", http.StatusTooManyRequests)
}

// Who is refused is counted, by the limit.
func TestRefusalsAreCounted(t *testing.T) {
	m := metrics.New("v")
	a, _ := limitedApp(t, limit.Budgets{limit.Pages: minutely, limit.API: minutely}, func(s *setup) { s.handlers.Metrics = m })
	for range minutely.Quota + 2 {
		a.ask(t, http.MethodGet, "/about")
	}
	for range minutely.Quota + 1 {
		a.ask(t, http.MethodGet, "/api/version")
	}
	text := scrape(m)
	for _, want := range []string{`reko_limited_total{limit="pages"} 2`, `reko_limited_total{limit="api"} 1`} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
}

// A store that cannot say whether a key is valid is our failure.
func TestMetricsWhenTheStoreFails(t *testing.T) {
	a := start(t, nil)
	key, _ := a.key(t)
	a.store.Close()
	if got := a.ask(t, http.MethodGet, "/metrics", "Authorization", "Bearer "+key); got.status != http.StatusInternalServerError {
		t.Errorf("%d %.200s, want 500", got.status, got.body)
	}
	if n := len(a.log.lines(t, "request failed")); n != 1 {
		t.Errorf("the failure was logged %d times, want 1", n)
	}
}

var (
	routeLabel  = regexp.MustCompile(`route="([^"]*)"`)
	methodLabel = regexp.MustCompile(`method="([^"]*)"`)
)

// scrape returns what Prometheus would see.
func scrape(m *metrics.Metrics) string {
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return rec.Body.String()
}

// No path and no name becomes a label, whatever is asked.
func TestLabelsArePatterns(t *testing.T) {
	m := metrics.New("v")
	a := start(t, func(s *setup) { s.handlers.Metrics = m })
	addr := a.listen(t)
	const secret = "sekrit"
	for _, target := range []string{
		"/", "/u/spike", "/u/" + secret, "/u/" + secret + "/compare/" + secret, "/" + secret, "/" + secret + "/" + secret, "/api/" + secret, "/api",
		"/api/" + secret + "/similar", "/api/" + secret + "/" + secret, "/static/x/" + secret, "/static/" + secret, "/u?name=" + secret,
		"/%73ekrit", "//" + secret, "/u/" + secret + "/", "/healthz", "/api/version?" + secret, "/api/stats/" + secret,
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE"} {
			a.ask(t, method, target)
		}
	}
	for _, raw := range []string{
		"SEKRIT /sekrit HTTP/1.1\r\nHost: a\r\n\r\n", "GET /sekrit HTTP/1.1\r\nX-A: " + strings.Repeat("a", 40_000) + "\r\n\r\n", "sekrit\r\n\r\n",
		"POST /sekrit HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n",
	} {
		conn := dial(t, addr)
		fmt.Fprint(conn, raw)
		if _, err := answerOn(bufio.NewReader(conn), http.MethodGet); err != nil {
			t.Errorf("%.60q: %v", raw, err)
		}
	}
	patterns := map[string]bool{"(none)": true, "/api": true} // the latter is what answers OPTIONS
	for _, r := range a.GetRoutes(true) {
		patterns[r.Path] = true
	}
	text := scrape(m)
	if strings.Contains(strings.ToLower(text), secret) {
		t.Error("what was asked for became a label")
	}
	seen := map[string]bool{}
	for _, found := range routeLabel.FindAllStringSubmatch(text, -1) {
		seen[found[1]] = true
		if !patterns[found[1]] {
			t.Errorf("the label %q is no pattern", found[1])
		}
	}
	for _, want := range []string{"(none)", "/", "/u/:username", "/u/:username/compare/:other", "/api/:username/similar", "/healthz"} {
		if !seen[want] {
			t.Errorf("%s was not counted; there is %v", want, seen)
		}
	}
	var methods []string
	for _, found := range methodLabel.FindAllStringSubmatch(text, -1) {
		methods = append(methods, found[1])
	}
	slices.Sort(methods)
	if got := slices.Compact(methods); !slices.Equal(got, []string{"DELETE", "GET", "HEAD", "OPTIONS", "OTHER", "PATCH", "POST", "TRACE"}) {
		t.Errorf("methods %v", got)
	}
}

func TestRequestsAreCounted(t *testing.T) {
	m := metrics.New("v")
	a := start(t, func(s *setup) { s.handlers.Metrics = m })
	for range 3 {
		a.get(t, "/api/spike/similar", 200)
	}
	a.get(t, "/api/nobody/similar", 404)
	a.get(t, "/nothing", 404)
	a.get(t, "/healthz", 200)
	a.get(t, "/static/x/app.css", 200)
	a.started.Store(false)
	a.get(t, "/about", 503) // starting: not the visitor's fault
	a.started.Store(true)
	text := scrape(m)
	for _, want := range []string{
		`reko_http_request_duration_seconds_count{method="GET",route="/api/:username/similar",status="2xx"} 3`,
		`reko_http_request_duration_seconds_count{method="GET",route="/api/:username/similar",status="4xx"} 1`,
		`reko_http_request_duration_seconds_count{method="GET",route="(none)",status="4xx"} 1`,
		`reko_http_request_duration_seconds_count{method="GET",route="/healthz",status="2xx"} 1`,
		`reko_http_requests_in_flight 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	// The charts leave out what is behind the scenes.
	if err := m.Series.Flush(t.Context(), a.store); err != nil {
		t.Fatal(err)
	}
	counts, err := a.store.Counts(t.Context(), series.Spans[1], time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	got := map[series.Event]int64{}
	for _, c := range counts {
		got[c.Event] += c.N
	}
	if got[series.Answered] != 3 || got[series.Refused] != 2 || got[series.Failed] != 1 || len(got) != 3 {
		t.Errorf("counted %v, want 3 answered, 2 refused, 1 failed", got)
	}
}
