package handlers_test

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/handlers"
)

// printable are the characters of ASCII that are seen.
const printable = "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// Where a form leads back to is this site, whatever the form says. For the admin side see TestNoOpenRedirect.
func TestFormsLeadNowhereElse(t *testing.T) {
	a := start(t, nil)
	for _, back := range []string{
		"//evil.test", "///evil.test", `/\evil.test`, `\\evil.test`, "https://evil.test", "http:evil.test", "https:/evil.test", "javascript:alert(1)",
		"data:text/html,x", " //evil.test", "\t//evil.test", "/\t/evil.test", "/\n/evil.test", "/\r/evil.test", "/\x00/evil.test", "evil.test", "//evil.test@reko.test/",
		"https://reko.test@evil.test/", "//%65vil.test", "/\u2028/evil.test", "//\u3002evil.test", "?x", "#x", "", "/%zz",
		"/#\x00", "/u/spike#\x01\x1b[2J", "/#\x7f", "/#\u0085", "/\xff", "/a b",
	} {
		for _, path := range []string{"/save", "/unsave", "/hide", "/unhide", "/theme"} {
			target := path + "?id=1&theme=dark&back=" + url.QueryEscape(back)
			got := a.ask(t, http.MethodPost, target, "Sec-Fetch-Site", "same-origin")
			to := got.header.Get("Location")
			u, err := url.Parse(to)
			if got.status != http.StatusSeeOther || err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") ||
				strings.Contains(to, `\`) || strings.Trim(to, printable) != "" {
				t.Errorf("%s with back=%q: %d to %q", path, back, got.status, to)
			}
		}
	}
	for _, target := range []string{"/u?name=//evil.test", "/u?name=https://evil.test", `/u?name=\evil.test`, "/u/spike/compare?other=//evil.test", "/u/spike/compare?other=../../x"} {
		got := a.ask(t, http.MethodGet, target)
		if to := got.header.Get("Location"); got.status != http.StatusSeeOther || !strings.HasPrefix(to, "/u/") || strings.Contains(to[1:], "//") || strings.Contains(to, "..") && !strings.Contains(to, "%2F") {
			t.Errorf("%s: %d to %q", target, got.status, to)
		}
	}
	got := a.ask(t, http.MethodPost, "/theme?theme=dark&back="+url.QueryEscape("/u/spike?page=2"), "Sec-Fetch-Site", "same-origin")
	if to := got.header.Get("Location"); to != "/u/spike?page=2" {
		t.Errorf("an honest form leads to %q", to)
	}
}

// What is sent becomes neither a header of the answer nor a line of the log, in either format.
func TestNothingIsInjected(t *testing.T) {
	const evil = "x\r\nX-Evil: 1\nlevel=ERROR msg=evil"
	a := start(t, nil)
	var lines bytes.Buffer
	plain := handlers.New(handlers.Options{
		Engine: a.engine, Ready: func(context.Context) error { return nil }, Started: func() bool { return true }, Demo: func() bool { return false },
		Log: slog.New(handlers.LogHandler(slog.NewTextHandler(&lines, nil))),
	})
	sent := 0
	for _, app := range []*app{a, {App: plain, engine: a.engine, log: a.log}} {
		for _, target := range []string{
			"/api/" + url.PathEscape(evil) + "/similar", "/api/spike/similar?page=" + url.QueryEscape(evil), "/u?name=" + url.QueryEscape(evil),
			"/u/" + url.PathEscape(evil), "/u/spike/compare?other=" + url.QueryEscape(evil), "/x\x1b[31mred\u202e",
			"/static/x/" + url.PathEscape(evil), "/admin/login?next=" + url.QueryEscape("/admin/"+evil), "/u/spike?order=" + url.QueryEscape(evil),
			"/docs/try?endpoint=similar&username=" + url.QueryEscape(evil),
		} {
			for _, header := range [][]string{nil, {"X-Request-Id", evil}, {"HX-Request", "true", "HX-Current-URL", evil}, {"Cookie", "name=" + evil}, {"X-Forwarded-For", evil}} {
				got := app.ask(t, http.MethodGet, target, header...)
				sent++
				if got.header.Get("X-Evil") != "" || strings.Contains(fmt.Sprint(got.header), "\n") {
					t.Errorf("%q %q: headers %q", target, header, got.header)
				}
			}
		}
	}
	if got := strings.Count(lines.String(), "\n"); got != sent/2 {
		t.Errorf("%d lines for %d requests:\n%.3000s", got, sent/2, lines.String())
	}
	for line := range strings.Lines(lines.String()) {
		if !strings.HasPrefix(line, "time=") || strings.Count(line, " level=")-strings.Count(line, `\nlevel=`) != 1 && !strings.Contains(line, `"`) ||
			strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\r\n\x1b") {
			t.Errorf("line %q", line)
		}
	}
	a.log.lines(t, "") // each of which is JSON
}

// Paths that look like files elsewhere lead to none.
func TestPathTricks(t *testing.T) {
	a := start(t, nil)
	for _, way := range []string{
		"../../etc/passwd", "..%2f..%2fetc%2fpasswd", "..%252f..%252fetc%252fpasswd", "%2e%2e/%2e%2e/etc/passwd", `..\..\etc\passwd`, "..%5c..%5cetc%5cpasswd",
		"....//....//etc/passwd", "..;/etc/passwd", "/etc/passwd", "//etc/passwd", "%00", "app.css%00.html", "%c0%ae%c0%ae/etc/passwd", "static.go", ".", "..", "%2e",
		"con", "file:///etc/passwd", "C:%5cboot.ini", "app.css/..", "app.css%2f..%2fstatic.go", "%u002e%u002e/x",
	} {
		for _, place := range []string{"/static/x/", "/static/", "/", "/admin/", "/u/", "/api/"} {
			got := a.ask(t, http.MethodGet, place+way)
			if got.status < 300 || got.status >= 500 || strings.Contains(got.body, "root:") || strings.Contains(got.body, "go:embed") {
				t.Errorf("%s%s: %d %.200s", place, way, got.status, got.body)
			}
			if to := got.header.Get("Location"); to != "" && (!strings.HasPrefix(to, "/admin/login") && !strings.HasPrefix(to, "/u")) {
				t.Errorf("%s%s: to %q", place, way, to)
			}
		}
	}
}

// hostile are anime as nobody describes them who means well.
func hostile() world {
	w := smallWorld()
	scripts := []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'onmouseover='alert(1)`, `</title><svg onload=alert(1)>`, `{{7*7}}${7*7}<%=7*7%>`, `--><b>`, "`${alert(1)}`",
		`</textarea><iframe src="javascript:alert(1)">`, "\u2028\u202e</script>", `" hx-get="/admin" hx-trigger="load`,
	}
	pictures := []string{
		"javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "https://evil.test/x.png", "//evil.test/x.png", "https://cdn.myanimelist.net@evil.test/x.png",
		"https://cdn.myanimelist.net.evil.test/x.png", `https://cdn.myanimelist.net/"onerror="alert(1)`, "http://cdn.myanimelist.net/x.png", "https://user:pass@cdn.myanimelist.net/x.png", " javascript:alert(1)",
	}
	var changes []engine.Change
	for i, text := range scripts {
		id := engine.AnimeID(100 + i)
		w.anime = append(w.anime, engine.Anime{
			ID: id, Title: text, English: text, Type: text, Mean: 8, Members: 100, Picture: pictures[i], Start: engine.Date{Year: 2017}, DescribedAt: described,
			Genres: genres(1, 46, 24), Relations: []engine.Relation{{Type: text, ID: 1}}, RelatedAt: described,
		})
		changes = append(changes, entry(id, 10, 2024))
	}
	w.users = append(w.users, person("vicious", engine.FromFile, append(changes, entry(1, 10, 2024))...))
	return w
}

var (
	tagPattern   = regexp.MustCompile(`<[a-zA-Z/!][^>]*>`)
	hostPattern  = regexp.MustCompile(`(?:src|href|action|content)="(?:https?:)?//([^/"]*)`)
	eventPattern = regexp.MustCompile(`(?i)\s(on[a-z]+|hx-trigger|srcdoc|style)=`)
)

// Whatever titles and names say, pages stay what we wrote: no element, attribute or address comes from them.
func TestTitlesAreNoMarkup(t *testing.T) {
	a, _, b := startAdmin(t, func(s *setup) { s.world = hostile() })
	b.logIn(t, adminName, adminPassword).leads(t, "login", "/admin/log")
	name := `<script>alert(1)</script>`
	for _, target := range []string{
		"/u/spike", "/u/spike?from=vicious", "/u/faye-v/random", "/u/spike/similar", "/u/spike/compare/vicious", "/u/vicious", "/u/vicious/compare/faye-v", "/pick?find=alert", "/pick?like=100&like=101",
		"/about", "/", "/docs", "/u/" + url.PathEscape(name), "/u/spike/compare/" + url.PathEscape(name), "/u/spike?genre=" + url.QueryEscape(name), "/pick?find=" + url.QueryEscape(name),
		"/admin/users?q=" + url.QueryEscape(name), "/admin/anime?q=" + url.QueryEscape("alert"), "/admin/anime?q=" + url.QueryEscape(name), "/admin/users/vicious", "/admin/login?next=" + url.QueryEscape("/admin/"+name),
		"/u/spike?page=2&x=" + url.QueryEscape(`"><script>alert(1)</script>`), "/docs/try?endpoint=similar&username=" + url.QueryEscape(name),
	} {
		got := b.get(t, target)
		if got.status >= 500 {
			t.Errorf("%s: %d", target, got.status)
		}
		for _, tag := range tagPattern.FindAllString(got.body, -1) {
			bare := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(tag, `""`)
			if strings.HasPrefix(tag, "<script") && !strings.HasPrefix(tag, `<script src="/static/`) || eventPattern.MatchString(bare) && !strings.Contains(bare, "hx-") ||
				strings.HasPrefix(tag, "<iframe") || strings.Contains(bare, "alert") || strings.Contains(strings.ToLower(bare), "onerror") {
				t.Errorf("%s has %.300s", target, tag)
			}
		}
		for _, host := range hostPattern.FindAllStringSubmatch(got.body, -1) {
			switch html.UnescapeString(host[1]) {
			case "myanimelist.net", "cdn.myanimelist.net", "github.com", "go.dev", strings.TrimPrefix(b.url, "http://"), "www.w3.org", "reko.moe":
			default:
				t.Errorf("%s leads to %s", target, host[0])
			}
		}
		if strings.Contains(got.body, `"javascript:`) || strings.Contains(got.body, `src="data:`) || strings.Contains(got.body, "evil.test") {
			t.Errorf("%s has an address of somebody else's", target)
		}
	}
	// It is there, as text.
	if body := b.get(t, "/u/spike").body; !strings.Contains(body, html.EscapeString(`{{7*7}}`)) && !strings.Contains(body, "{{7*7}}") {
		t.Errorf("the titles are not shown: %.500s", body)
	}
	for _, v := range []string{"/api/spike/recommendations", "/api/spike/recommendations/vicious"} {
		if got := a.get(t, v, http.StatusOK); strings.Contains(got.body, "<script") || got.header.Get("Content-Type") != fiber.MIMEApplicationJSON {
			t.Errorf("%s: %q %.300s", v, got.header.Get("Content-Type"), got.body)
		}
	}
}

// A body of JSON costs no more than its length, however it is made.
func TestHostileJSON(t *testing.T) {
	a := start(t, nil)
	addr := a.listen(t)
	b := newBrowser(t, addr)
	many := func(n int, of func(int) string) string {
		var parts []string
		for i := range n {
			parts = append(parts, of(i))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	// Keys that all have one value in the usual hashes of strings: Java's, and djb2's.
	colliding := many(2000, func(i int) string {
		var key strings.Builder
		for bit := range 12 {
			key.WriteString([]string{"Aa", "BB"}[i>>bit&1])
		}
		return strconv.Quote(key.String()) + ":1"
	})
	for name, test := range map[string]struct {
		body   string
		status int
	}{
		"keys that collide":      {colliding, 400},
		"many keys":              {many(5000, func(i int) string { return fmt.Sprintf(`"k%d":1`, i) }), 400},
		"one key again":          {many(2000, func(int) string { return `"user_name":"nobody-at-all"` }), 404},
		"the last one counts":    {`{"user_name":1,"user_name":"spike"}`, 200},
		"arrays in arrays":       {`{"user_name":"spike","banned_ids":` + strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + `}`, 400},
		"objects in objects":     {strings.Repeat(`{"a":`, 12_000) + "1", 400},
		"a number of digits":     {`{"user_name":"spike","accuracy":` + strings.Repeat("9", 60_000) + `}`, 400},
		"a great exponent":       {`{"user_name":"spike","accuracy":1e999999999}`, 400},
		"a small exponent":       {`{"user_name":"spike","accuracy":1e-999999999}`, 200},
		"a number that is none":  {`{"user_name":"spike","accuracy":NaN}`, 400},
		"many ids":               {`{"user_name":"spike","banned_ids":[` + strings.Repeat("1,", 30_000) + `1]}`, 400},
		"half a pair":            {`{"user_name":"\ud800"}`, 404},
		"NUL in a name":          {`{"user_name":"spi\u0000ke"}`, 404},
		"bytes that are no text": {"{\"user_name\":\"\xff\xfe\"}", 404},
		"a prototype":            {`{"__proto__":{"user_name":"spike"},"constructor":1}`, 400},
		"a case of its own":      {`{"USER_NAME":"spike"}`, 400},
	} {
		began := time.Now()
		got := b.ask(t, http.MethodPost, "/api/recommendations", "application/json", test.body)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s takes %s", name, took)
		}
		if got.status != test.status || len(got.body) > 4000 {
			t.Errorf("%s: %d %.300s, want %d", name, got.status, got.body, test.status)
		}
	}
	if lines := a.log.lines(t, "request failed"); len(lines) != 0 {
		t.Errorf("%+v", lines)
	}
}
