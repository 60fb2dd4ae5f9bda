package handlers_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
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
	return answer{res.StatusCode, res.Header, string(text)}
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
