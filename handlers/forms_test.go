package handlers_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// part is a field of a form; one with a file name is a file.
type part struct{ name, file, text string }

// browser keeps cookies, and follows no redirects.
type browser struct {
	http.Client
	url string
}

func newBrowser(t testing.TB, addr string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{url: "http://" + addr}
	b.Jar = jar
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(b.CloseIdleConnections)
	return b
}

// ask sends a request as from a page of the site, unless headers, pairs of name and value, say otherwise.
func (b *browser) ask(t testing.TB, method, target, contentType, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.url+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := answer{res.StatusCode, res.Header, string(text)}
	got.hardened(t, method+" "+target, got.header.Get("Strict-Transport-Security") != "")
	return got
}

func (b *browser) get(t testing.TB, target string) answer {
	t.Helper()
	return b.ask(t, http.MethodGet, target, "", "")
}

const plainForm = "application/x-www-form-urlencoded"

// send posts a form with files.
func (b *browser) send(t testing.TB, target string, parts []part, header ...string) answer {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, p := range parts {
		var w io.Writer
		var err error
		if p.file == "" {
			w, err = form.CreateFormField(p.name)
		} else {
			w, err = form.CreateFormFile(p.name, p.file)
		}
		if err == nil {
			_, err = io.WriteString(w, p.text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return b.ask(t, http.MethodPost, target, form.FormDataContentType(), body.String(), header...)
}

// upload sends a list and returns its name.
func (b *browser) upload(t testing.TB, text string, listed bool) string {
	t.Helper()
	parts := []part{{"file", "animelist_1_-_2.xml.gz", text}}
	if listed {
		parts = append(parts, part{"listed", "", "yes"})
	}
	got := b.send(t, "/import", parts)
	name, ok := strings.CutPrefix(got.header.Get("Location"), "/u/")
	if got.status != http.StatusSeeOther || !ok || !regexp.MustCompile(`^guest-[a-z2-7]{10}$`).MatchString(name) {
		t.Fatalf("%d to %q: %s", got.status, got.header.Get("Location"), got.body)
	}
	return name
}

// cookie is the value of a cookie that the browser has.
func (b *browser) cookie(t testing.TB, name string) string {
	t.Helper()
	u, err := url.Parse(b.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// What is forgotten is gone from the browser, and not only empty.
func TestCookiesThatAreForgottenAreGone(t *testing.T) {
	_, _, b := startLoggedIn(t, nil)
	cookies := func() (names []string) {
		u, err := url.Parse(b.url)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range b.Jar.Cookies(u) {
			names = append(names, c.Name)
		}
		slices.Sort(names)
		return names
	}
	b.get(t, "/u?name=spike")
	if got := cookies(); !slices.Equal(got, []string{"admin", "name"}) {
		t.Fatalf("cookies %q", got)
	}
	b.form(t, "/forget").leads(t, "forget", "/")
	if got := cookies(); !slices.Equal(got, []string{"admin"}) {
		t.Errorf("after the name was forgotten there are the cookies %q", got)
	}
	b.does(t, "/admin/logout").leads(t, "logout", "/admin/login")
	if got := cookies(); len(got) != 0 {
		t.Errorf("after the logout there are the cookies %q", got)
	}
}

// What is secret is taken from the body of a form only: addresses are logged on the way.
func TestSecretsInAddressesAreNotTaken(t *testing.T) {
	a, _, b := startAdmin(t, nil)
	token := b.token(t, "/admin/login")
	for _, fields := range [][]string{{"admin", adminName, "password", adminPassword}, {"token", token, "admin", adminName}, {"token", token, "password", adminPassword}} {
		in := url.Values{"token": {token}, "admin": {adminName}, "password": {adminPassword}}
		for i := 0; i < len(fields); i += 2 {
			in.Del(fields[i])
		}
		if got := b.form(t, "/admin/login?"+in.Encode(), fields...); got.status == http.StatusSeeOther {
			t.Errorf("a login with %q in the address is let in", in)
		}
	}
	b.logIn(t, adminName, adminPassword).leads(t, "login", "/admin/log")
	token = b.token(t, "/admin")
	if got := b.form(t, "/admin/keys?token="+token, "name", "x"); got.status != http.StatusForbidden {
		t.Errorf("a form with its token in the address: %d", got.status)
	}
	const password = "another password"
	if got := b.form(t, "/admin/admins/spike/password?password="+url.QueryEscape(password)+"&again="+url.QueryEscape(password), "token", token); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a new password in the address: %d", got.status)
	}
	if admin, err := a.engine.Admins(t.Context()); err != nil || !admin[0].ChangedAt.Equal(admin[0].MadeAt) {
		t.Errorf("the password was changed: %+v, %v", admin, err)
	}
}
