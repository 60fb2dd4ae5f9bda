package handlers_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/password"
)

// Whatever stands in the request line, every answer is of a documented kind.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{
		"/api/spike/similar", "/api/%zz/random?seed=1", "/api/%2F/compare/%00?page=1e999", "//api/../spike/similar?page=&page=x", "*", "/api/o-o/recommendations/../similar", "/%75/spike", "/u/Spike/",
		"/u/spike/compare/EIN?x", "/static/x/app.css", "/api", "/api/", "/api/%73pike/similar%3fpage=2", "/u/%E3%82%B9/similar", "/admin/../u/spike", "/import/delete", "/u/spike;x/random", "/u//similar",
	} {
		f.Add(seed)
	}
	a := startWired(f, func(s *setup) { s.users = append(s.users, person("o-o", engine.FromFile, entry(1, 5, 2024))) })
	f.Fuzz(func(t *testing.T, target string) {
		if target == "" || strings.HasPrefix(target, "http") || strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return // which is no target, or another host's
		}
		switch got := a.ask(t, http.MethodGet, target, ""); got.status {
		case http.StatusOK, http.StatusSeeOther, http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnprocessableEntity:
		default:
			t.Errorf("%q: %d %.2000s", target, got.status, got.body)
		}
	})
}

// targets are addresses that are asked by GET, one for each of what can be asked.
var targets = []string{
	"/api/spike/recommendations", "/api/spike/recommendations/faye-v", "/api/faye-v/similar", "/api/spike/compare/ein", "/api/spike/random", "/api/stats/spike", "/api/version",
	"/", "/u", "/u/spike", "/u/faye-v/similar", "/u/spike/compare", "/u/spike/compare/ein", "/u/spike/random", "/pick", "/saved", "/import", "/about",
	"/docs", "/docs/try", "/admin", "/admin/login", "/admin/log", "/robots.txt",
}

// Whatever stands behind a ?, for a page, a part of one and a program.
func FuzzQuery(f *testing.F) {
	for i, query := range []string{
		"page=2&batch=3", "order=classic&explain=true&niche=4&without=1,2,3", "page=1e999&batch=-1", "page=x", "page=%00&page=2", "seed=9007199254740993&batch=40", "reload_list=true",
		"name=spike", "name=%0d%0aX-Evil:1", "genre=1&genre=46&length=short&decade=1990&rating=r", "from=faye-v&page=2&niche=2", "other=ein", "other=../../x", "anime=1&anime=2&anime=3",
		"choose=yes&find=cow&anime=1", "anime=1,2,3,5,6&niche=1&order=classic", "q=%ff&page=", "endpoint=similar&username=spike&page=1", "endpoint=%22%3E%3Cscript%3E&username=a/b", "span=month",
		"next=/admin/log%3Fpage=2", "next=//evil.test", "without=1&without=x", "&&=&;=%zz", "a=b;c=d#e",
	} {
		for j := range 2 {
			f.Add(uint8(7*i+5*j), query)
		}
	}
	a := startWired(f, nil)
	f.Fuzz(func(t *testing.T, kind uint8, query string) {
		if strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return // would end the request line
		}
		target := targets[int(kind>>1)%len(targets)] + "?" + query
		var header []string
		if kind&1 != 0 {
			header = []string{"HX-Request", "true", "HX-Current-URL", "http://reko.test" + target}
		}
		got := a.ask(t, http.MethodGet, target, "", header...)
		switch got.status {
		case http.StatusOK, http.StatusSeeOther, http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusUnprocessableEntity:
		default:
			t.Errorf("%s: %d %s", target, got.status, got.body)
		}
		if again := a.ask(t, http.MethodGet, target, "", header...); again.status != got.status ||
			again.body != got.body && !strings.Contains(target, "random") && !strings.Contains(target, "/admin/login") {
			t.Errorf("%s: %d %s\nand then %d %s", target, got.status, got.body, again.status, again.body)
		}
	})
}

// Whatever the body of a question for rekos is: it is understood or refused as its documents say, and what it leaves out is left out.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		`{"user_name": "spike"}`, `{"user_name": "SPIKE", "accuracy": 99.5, "banned_ids": [3, 99999, 1.5], "banned_users": ["nobody"], "force_list_update": true}`, `{}`, ``, `null`, `[]`,
		`{"user_name": "faye-v", "banned_ids": [1, 2, 3, 4, 5, 6], "reload_list": false}`, `{"user_name": null}`, `{"user_name": "a", "user_name": "ein"}`, `{"accuracy": -1e999}`,
		`{"banned_ids": [null]}`, `{"banned_users": "x"}`, `{"user_name": "spike"} {}`, `{"user_name": "ed"}`, `{"\u0075ser_name": "ein", "x": {"y": [[[[]]]]}}`, "\xef\xbb\xbf{}", `{"accuracy": 0, "user_name": "jet_black"}`,
	} {
		f.Add(false, []byte(body))
		f.Add(true, []byte(body))
	}
	a := startWired(f, nil)
	f.Fuzz(func(t *testing.T, named bool, body []byte) {
		target := "/api/recommendations"
		if named {
			target += "/spike"
		}
		got := a.ask(t, http.MethodPost, target, string(body), "Content-Type", "application/json")
		var sent map[string]json.RawMessage
		object := len(body) == 0 || json.Unmarshal(body, &sent) == nil && sent != nil
		switch {
		case len(body) > 64<<10:
			if got.status != http.StatusRequestEntityTooLarge {
				t.Errorf("%d bytes: %d %s", len(body), got.status, got.body)
			}
		case !object || !named && sent["user_name"] == nil:
			got.refused(t, string(body), http.StatusBadRequest, "InvalidBody")
		case got.status == http.StatusOK:
			checkRekos(t, sent, got)
		case got.status != http.StatusBadRequest && got.status != http.StatusNotFound && got.status != http.StatusUnprocessableEntity:
			t.Errorf("%q: %d %s", body, got.status, got.body)
		}
	})
}

// checkRekos checks an answer to a body that was understood.
func checkRekos(t *testing.T, sent map[string]json.RawMessage, got answer) {
	t.Helper()
	var ids []float64
	var users []string
	if json.Unmarshal(orEmpty(sent["banned_ids"]), &ids) != nil || json.Unmarshal(orEmpty(sent["banned_users"]), &users) != nil {
		t.Fatalf("%s is understood: %s", sent, got.body)
	}
	r := read[rekos](t, got.body)
	if accuracy := r.Metadata.Algorithm.Accuracy; len(r.Rekos) > 24 || len(r.Rekos) != r.Metadata.Rekos.Sent || !(accuracy >= 0 && accuracy <= 100) {
		t.Errorf("%s: %s", sent, got.body)
	}
	for _, reko := range r.Rekos {
		if slices.Contains(ids, float64(reko.ID)) {
			t.Errorf("%s: anime %d is banned: %s", sent, reko.ID, got.body)
		}
	}
	for _, u := range r.Users {
		if slices.ContainsFunc(users, func(banned string) bool { return strings.EqualFold(banned, u.Hash) }) {
			t.Errorf("%s: user %s is banned: %s", sent, u.Hash, got.body)
		}
	}
}

func orEmpty(value json.RawMessage) []byte {
	if value == nil {
		return []byte("[]")
	}
	return value
}

// forms are where pages send forms.
var forms = []string{"/save", "/unsave", "/hide", "/unhide", "/theme", "/forget", "/import/delete", "/admin/login", "/admin/keys", "/import", "/nothing"}

// Whatever is in a form of a visitor, who is no admin by it.
func FuzzForm(f *testing.F) {
	for i, body := range []string{
		"id=1&back=/u/spike%3Fpage%3D2", "id=3&back=//evil.test", "id=x", "id=1&back=/%23%00%0d%0aX-Evil:1", "back=/u/spike%23card", "theme=dark&back=/about", "theme=&theme=light&back=%2F%5Cevil.test",
		"name=guest-aaaaaaaaaa", "token=x&admin=spike&password=x&next=/admin/log", "name=<script>", "id=4194303&id=1", "%zz=&=&&id", "id=%31&back=%2fu%2f%c3%a4", "id=1;back=/",
	} {
		for j := range 4 {
			f.Add(uint8(2*i+5*j), body)
		}
	}
	a := startWired(f, nil)
	session := "session=" + sessionOf(f, a.ask(f, http.MethodPost, "/save", "id=1", "Content-Type", plainForm))
	f.Fuzz(func(t *testing.T, kind uint8, body string) {
		target := forms[int(kind>>1)%len(forms)]
		header := []string{"Content-Type", plainForm, "Cookie", session}
		if kind&1 != 0 {
			header = append(header, "HX-Request", "true", "HX-Current-URL", "http://reko.test/u/spike")
		}
		got := a.ask(t, http.MethodPost, target, body, header...)
		switch got.status {
		case http.StatusOK, http.StatusSeeOther, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		case http.StatusRequestEntityTooLarge:
			if len(body) <= 64<<10 {
				t.Errorf("%s of %d bytes: %d", target, len(body), got.status)
			}
		default:
			t.Errorf("%s %q: %d %s", target, body, got.status, got.body)
		}
		if strings.HasPrefix(target, "/admin") && got.status < http.StatusMultipleChoices {
			t.Errorf("%s %q: %d %s", target, body, got.status, got.body)
		}
		if got.status != http.StatusSeeOther {
			return
		}
		if saved := a.ask(t, http.MethodGet, "/saved", "", "Cookie", session); saved.status != http.StatusOK {
			t.Errorf("after %s %q: %d %s", target, body, saved.status, saved.body)
		}
	})
}

// adminTargets are forms of the admin side that can be sent again and again.
var adminTargets = []string{
	"/admin/anime/1/exclude", "/admin/anime/1/include", "/admin/anime/x/include", "/admin/users/spike/refresh", "/admin/users/nobody/delete", "/admin/kept-out/let-in", "/admin/jobs/count/run",
	"/admin/keys/1/revoke", "/admin/admins/nobody/remove", "/admin/admins/nobody/password",
}

// Whatever an admin's form has in it: without its token it changes nothing, with it it leads to a page that can be shown.
func FuzzAdminForm(f *testing.F) {
	for i, body := range []string{
		"back=/admin/users%3Fq=x", "back=//evil.test", "back=/admin/%23%01", "name=somebody", "name=%ff%00", "name=spike&back=/admin/kept-out", "own=x&password=y&again=y", "back=/admin/anime%3Fq=%3Cb%3E",
	} {
		for j := range 4 {
			f.Add(uint8(2*i+3*j), body)
		}
	}
	a := startWired(f, func(s *setup) { s.engine.Passwords = password.Weak() })
	cookie := "admin=" + a.logIn(f)
	token := tokenField.FindStringSubmatch(a.ask(f, http.MethodGet, "/admin/keys", "", "Cookie", cookie).body)
	if token == nil {
		f.Fatal("no token")
	}
	f.Fuzz(func(t *testing.T, kind uint8, body string) {
		target := adminTargets[int(kind>>1)%len(adminTargets)]
		if kind&1 == 0 {
			body = "token=" + token[1] + "&" + body
		}
		got := a.ask(t, http.MethodPost, target, body, "Content-Type", plainForm, "Cookie", cookie)
		switch got.status {
		case http.StatusSeeOther:
			to, err := url.Parse(got.header.Get("Location"))
			if err != nil || !strings.HasPrefix(to.Path, "/admin/") {
				t.Fatalf("%s %q leads to %q", target, body, got.header.Get("Location"))
			}
			a.ask(t, http.MethodGet, to.RequestURI(), "", "Cookie", cookie)
		case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusRequestEntityTooLarge:
		case http.StatusOK: // the page again, with what is wrong
		default:
			t.Errorf("%s %q: %d %s", target, body, got.status, got.body)
		}
		if kind&1 != 0 && got.status != http.StatusForbidden && got.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s %q without a token: %d %s", target, body, got.status, got.body)
		}
	})
}

// logIn begins a session of an admin and returns its id.
func (a *wired) logIn(f *testing.F) string {
	f.Helper()
	if err := a.engine.SetPassword(f.Context(), adminName, adminPassword); err != nil {
		f.Fatal(err)
	}
	id, err := a.engine.LogIn(f.Context(), adminName, adminPassword, "192.0.2.2")
	if err != nil {
		f.Fatal(err)
	}
	return id
}

// storage is [handlers.Sessions] that can be looked into.
type storage map[string][]byte

func (s storage) Get(key string) ([]byte, error) { return s[key], nil }

func (s storage) Swap(key string, old, value []byte, _ time.Duration) (bool, error) {
	if !bytes.Equal(s[key], old) {
		return false, nil
	}
	s[key] = bytes.Clone(value)
	return true, nil
}

var sessionID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// Whatever cookies come along: nobody is an admin by them, and a session is that of who was given it, or a new one.
func FuzzCookies(f *testing.F) {
	for i, cookie := range []string{
		"theme=dark; name=spike", "theme=\"light\"; name=<b>", "session=%SESSION%", "session=%SESSION%; session=x", "session=00000000-0000-4000-8000-000000000000", "session=", "admin=%ADMIN%", "admin=%ADMIN%x",
		"admin=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "name=faye-v;theme=blue;;=;a", "__Host-session=%SESSION%; __Host-admin=%ADMIN%", "name=\x00\xff", "session=../../x; name=a b", "theme=dark, session=x", "admin=%ADMIN%; admin=",
	} {
		for j := range 3 {
			f.Add(uint8(2*i+j), cookie)
		}
	}
	kept := storage{}
	a := startWired(f, func(s *setup) { s.handlers.Sessions, s.engine.Passwords = kept, password.Weak() })
	admin := a.logIn(f)
	session := sessionOf(f, a.ask(f, http.MethodPost, "/save", "id=1", "Content-Type", plainForm))
	pages := []string{"/", "/saved", "/u/spike", "/admin/keys", "/admin/login", "/import", "/save"}
	f.Fuzz(func(t *testing.T, kind uint8, cookie string) {
		if strings.ContainsAny(cookie, "\r\n\x00") || len(cookie) > 8<<10 {
			return // is not of one header
		}
		cookie = strings.NewReplacer("%SESSION%", session, "%ADMIN%", admin).Replace(cookie)
		target := pages[int(kind)%len(pages)]
		method, body := http.MethodGet, ""
		if target == "/save" {
			method, body = http.MethodPost, "id=3&back=/saved"
		}
		got := a.ask(t, method, target, body, "Cookie", cookie, "Content-Type", plainForm)
		switch {
		case got.status == http.StatusOK:
		case got.status == http.StatusSeeOther && (strings.HasPrefix(target, "/admin") || target == "/save"):
		default:
			t.Errorf("%s with %q: %d %s", target, cookie, got.status, got.body)
		}
		if target == "/admin/keys" && got.status == http.StatusOK && !strings.Contains(cookie, admin) {
			t.Errorf("%q is an admin's", cookie)
		}
		if target == "/saved" && strings.Contains(got.body, "Cowboy Bebop") && !strings.Contains(cookie, session) {
			t.Errorf("%q has the session of somebody else", cookie)
		}
		for _, text := range got.header.Values("Set-Cookie") {
			c, err := http.ParseSetCookie(text)
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := base64.RawURLEncoding.DecodeString(c.Value)
			if c.Name == "session" && !sessionID.MatchString(c.Value) || c.Name == "admin" && c.Value != "" && len(raw) != 32 {
				t.Errorf("%q is given %s", cookie, text)
			}
		}
		for id := range kept { // so that memory does not fill
			if id != session {
				delete(kept, id)
			}
		}
	})
}

// Whatever comes over a connection: each request has at most one answer, and after what is none there is nothing any more.
func FuzzConnection(f *testing.F) {
	const get, post = "GET /api/spike/similar HTTP/1.1\r\nHost: reko.test\r\n", "POST /api/recommendations HTTP/1.1\r\nHost: reko.test\r\n"
	for _, sent := range []string{
		get + "\r\n", get + "\r\n" + get + "Connection: close\r\n\r\n", post + "Content-Length: 2\r\n\r\n{}" + get + "\r\n", post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HEAD / HTTP/1.1\r\nHost: reko.test\r\n\r\n", "OPTIONS /api/spike/similar HTTP/1.1\r\nOrigin: null\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "BREW /pot HTTP/1.1\r\n\r\n", "GET http://reko.test/about HTTP/1.1\nHost: x\n\n",
		get + "If-None-Match: W/\"a\", \"b\"\r\nAccept-Encoding: gzip;q=0.5, *\r\n\r\n", get + "X-Forwarded-For: 192.0.2.7, [2001:db8::1]:80, x\r\nX-Forwarded-Proto: https\r\nX-Request-Id: 0123456789\r\n\r\n", get + "Authorization: Bearer x\r\nRange: bytes=0-1\r\n\r\n",
		"POST /save HTTP/1.1\r\nHost: reko.test\r\nExpect: 100-continue\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 4\r\n\r\nid=1", "GET /../..//%2e%2e/etc/passwd HTTP/1.1\r\nHost: api.reko.test\r\n\r\n", "GET /spike/similar HTTP/1.1\r\nHost: api.reko.test\r\n\r\n",
		get + " folded: x\r\n\r\n", get + "Content-Length: +1\r\n\r\nx", "\r\n\r\n" + get + "\r\n", "GET  HTTP/1.1\r\n\r\n", "GET /u/spike/compare/ein/share.png HTTP/1.1\r\nAccept: image/png\r\n\r\n",
		"POST /import HTTP/1.1\r\nHost: reko.test\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 6\r\n\r\n--x--\r\n" + get + "\r\n", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		f.Add([]byte(sent))
	}
	a := startWired(f, func(s *setup) {
		s.handlers.APIHost = "api.reko.test"
		s.handlers.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	})
	f.Fuzz(func(t *testing.T, sent []byte) {
		answers := a.send(t, sent)
		if len(answers) > len(a.methods)+1 {
			t.Errorf("%q: %d requests have %d answers", sent, len(a.methods), len(answers))
		}
		for i, got := range answers {
			if i >= len(a.methods) && got.status < http.StatusBadRequest {
				t.Errorf("%q: what is no request is answered %d %s", sent, got.status, got.body)
			}
			if got.header.Get("Connection") == "close" && i+1 < len(answers) {
				t.Errorf("%q: something follows the end: %s", sent, fmt.Sprint(answers[i+1]))
			}
		}
	})
}
