package handlers_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"reko.moe/engine"
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

func TestUploadRefused(t *testing.T) {
	t.Parallel()
	const (
		damaged = "The compressed file is damaged or not whole."
		missing = "No file came along."
	)
	file := func(text string) []part { return []part{{"file", "list.xml", text}} }
	changed := func(old, text string) []part { return file(strings.Replace(exported, old, text, 1)) }
	whole := packed(t, exported)
	bomb := "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>"
	external := `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>`
	comment := "<!--" + strings.Repeat("x", 60_000) + "-->\n"
	a := start(t, func(s *setup) { s.handlers.Unpacked = 1 << 20 })
	b := newBrowser(t, a.listen(t))
	for name, test := range map[string]struct {
		parts  []part
		status int
		text   string
	}{
		"nothing":                 {nil, 400, missing},
		"no file chosen":          {[]part{{"file", "", ""}}, 400, missing},
		"a text for a file":       {[]part{{"file", "", exported}}, 400, missing},
		"another field":           {[]part{{"upload", "list.xml", exported}}, 400, missing},
		"two files":               {[]part{{"file", "a.xml", exported}, {"file", "b.xml", exported}}, 400, missing},
		"an empty file":           {file(""), 422, "Line 1: the file is empty."},
		"words":                   {file("hello"), 422, "Line 1: this is no list exported by MyAnimeList."},
		"a picture":               {file("\x89PNG\r\n\x1a\n"), 422, "this is no list exported by MyAnimeList."},
		"a page":                  {file("<!DOCTYPE html><html>"), 422, "Line 1: this is no list exported by MyAnimeList: it has a <!DOCTYPE>"},
		"another XML":             {file("<rss></rss>"), 422, "Line 1: this is no list exported by MyAnimeList: it begins with <rss>."},
		"a ZIP archive":           {file("PK\x03\x04\x14\x00"), 422, "This is a ZIP archive."},
		"manga":                   {changed("type>1<", "type>2<"), 422, "Line 3: this is an export of a manga list; an anime list is needed."},
		"another encoding":        {changed("UTF-8", "Shift_JIS"), 422, `Line 1: the encoding is "Shift_JIS"; only UTF-8 is read.`},
		"no anime":                {file("<myanimelist></myanimelist>"), 422, "Line 1: there is no anime in this export."},
		"the first half":          {file(exported[:500]), 422, "the file ends too early; it is not whole."},
		"a bomb of entities":      {changed("<myanimelist>", bomb+"<myanimelist>"), 422, "it has a <!DOCTYPE>"},
		"an external entity":      {changed("<myanimelist>", external+"<myanimelist>"), 422, "it has a <!DOCTYPE>"},
		"a score that is none":    {changed(">10<", ">11<"), 422, `Line 4: Cowboy Bebop <script>alert(1)</script>: score "11" is no whole number in 0..10.`},
		"nothing watched":         {changed("Completed", "Dropped"), 422, "Nothing on this list is watched yet"},
		"nothing known":           {changed("_id>1<", "_id>9<"), 422, "Reko does not know the anime"},
		"half a compressed file":  {file(whole[:len(whole)/2]), 422, damaged},
		"compressed, cut short":   {file(whole[:len(whole)-1]), 422, damaged},
		"compressed, only a head": {file(whole[:4]), 422, damaged},
		"a wrong checksum":        {file(whole[:len(whole)-8] + "12345678"), 422, damaged},
		"a damaged middle":        {file(whole[:20] + "\xff\xff\xff\xff" + whole[24:]), 422, damaged},
		"compressed twice":        {file(packed(t, whole)), 422, "this is no list exported by MyAnimeList."},
		"something after it":      {file(whole + "x"), 422, damaged},
		"a compressed bomb":       {file(packed(t, "<myanimelist>"+strings.Repeat(comment, 1<<20/len(comment)+1)+"</myanimelist>")), 413, "Unpacked, the file is larger than 1 MB."},
		"a bomb of one tag":       {file(packed(t, "<myanimelist><"+strings.Repeat("x", 10<<20))), 422, "a text or a tag is longer than 65536 bytes."},
		"a bomb of nothing":       {file(packed(t, strings.Repeat(" ", 10<<20))), 422, "this is no list exported by MyAnimeList."},
		"a large file":            {file(strings.Repeat(" ", 8<<20+1)), 413, "The file is larger than 8 MB."},
		"a very large file":       {file(strings.Repeat(" ", 20<<20)), 413, "The file is larger than 8 MB."},
	} {
		for _, choice := range []bool{false, true} {
			if choice {
				test.parts = append(test.parts, part{"listed", "", "yes"})
			}
			got := b.send(t, "/import", test.parts)
			page := html.UnescapeString(got.body)
			if got.status != test.status || !strings.Contains(page, test.text) || !strings.Contains(page, "The list was not taken.") ||
				!strings.Contains(got.body, `action="/import"`) || strings.Contains(got.body, "<script>alert") {
				t.Errorf("%s: %d %s, want %d and %s", name, got.status, got.body, test.status, test.text)
			}
			if kept := strings.Contains(got.body, " checked"); kept != (choice && name != "a very large file") { // of which nothing is read
				t.Errorf("%s: the choice is kept: %t", name, kept)
			}
			if cookies := got.header.Get("Set-Cookie"); cookies != "" {
				t.Errorf("%s: cookies %s", name, cookies)
			}
		}
	}
	if n := a.uploaded(t); n != 0 {
		t.Errorf("%d lists are stored, want none", n)
	}
	if lines := a.log.lines(t, "request failed"); len(lines) != 0 {
		t.Errorf("logged as failures: %+v", lines)
	}
}

// What no browser's form sends is refused before anything is read from it.
func TestUploadOtherBodies(t *testing.T) {
	a := start(t, nil)
	b := newBrowser(t, a.listen(t))
	const boundary = "multipart/form-data; boundary=x"
	form := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.xml\"\r\n\r\n" + exported + "\r\n--x--\r\n"
	long := strings.Repeat("x", 65<<10)
	for _, test := range []struct {
		what, target, kind, body string
		status                   int
		header                   []string
	}{
		{"a form without files", "/import", plainForm, "file=" + exported, 400, nil},
		{"the file itself", "/import", "application/xml", exported, 400, nil},
		{"a large file itself", "/import", "application/gzip", long, 413, nil},
		{"no boundary", "/import", "multipart/form-data", form, 400, nil},
		{"another boundary", "/import", boundary + "y", form, 400, nil},
		{"a form that ends too early", "/import", boundary, form[:len(form)-30], 400, nil},
		{"a compressed form", "/import", boundary, packed(t, form), 415, []string{"Content-Encoding", "gzip"}},
		{"a large compressed form", "/import", boundary, long, 413, []string{"Content-Encoding", "gzip"}},
		{"a large form elsewhere", "/save", boundary, form + long, 413, nil},
		{"a large form below", "/import/delete", boundary, form + long, 413, nil},
		{"a large form to the API", "/api/import", boundary, form + long, 413, nil},
		{"from another site", "/import", boundary, form, 403, []string{"Sec-Fetch-Site", "cross-site"}},
		{"from a page beside", "/import", boundary, form, 403, []string{"Sec-Fetch-Site", "same-site"}},
		{"from elsewhere", "/import", boundary, form, 403, []string{"Sec-Fetch-Site", "", "Origin", "https://elsewhere.test"}},
		{"from nowhere", "/import", boundary, form, 403, []string{"Sec-Fetch-Site", "", "Origin", "null"}},
	} {
		got := b.ask(t, http.MethodPost, test.target, test.kind, test.body, test.header...)
		if got.status != test.status || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s %v, want %d", test.what, got.status, got.body, got.header, test.status)
		}
	}
	if n := a.uploaded(t); n != 0 {
		t.Errorf("%d lists are stored, want none", n)
	}
	if got := b.ask(t, http.MethodPost, "/import", boundary, form, "Sec-Fetch-Site", "", "Origin", b.url); got.status != http.StatusSeeOther {
		t.Errorf("from the site itself: %d %s", got.status, got.body)
	}
}

// A browser that sends what is refused before it is read gets a page.
func TestUnreadRequestsGetPages(t *testing.T) {
	a := start(t, nil)
	addr := a.listen(t)
	for request, want := range map[string]string{
		"POST /save HTTP/1.1\r\nContent-Length: 99999999\r\n":                                                       "Request body too large",
		"POST /u/spike HTTP/1.1\r\nContent-Length: 99999999\r\n":                                                    "Request body too large",
		"POST /import HTTP/1.1\r\nContent-Length: 99999999\r\n":                                                     "The file is larger than 8 MB.",
		"POST /import/?x HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 99999999\r\n": "The file is larger than 8 MB.",
		"POST /import HTTP/1.1\r\nContent-Length: x\r\n":                                                            "Bad Request",
		"BREW /u/spike HTTP/1.1\r\n":                                                                                "Invalid request method",
	} {
		conn := dial(t, addr)
		fmt.Fprintf(conn, "%sHost: reko.test\r\nAccept: text/html\r\n\r\n", request)
		got, err := answerOn(bufio.NewReader(conn), "POST")
		if err != nil || !strings.Contains(got.body, want) || !strings.Contains(got.body, "</html>") && want != "Bad Request" {
			t.Errorf("%q: %+v, %v; want a page with %q", request, got, err, want)
		}
	}
}

// What follows a form in its body is not taken for the next request.
func TestUploadIsOneRequest(t *testing.T) {
	a := start(t, nil)
	addr := a.listen(t)
	const next = "GET /api/version HTTP/1.1\r\nHost: reko.test\r\n\r\n"
	form := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.xml\"\r\n\r\n" + exported + "\r\n--x--\r\n" + next
	for _, target := range []string{"/import", "/save", "/nothing"} {
		conn := dial(t, addr)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: reko.test\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n%s", target, len(form), form)
		r := bufio.NewReader(conn)
		if got, err := answerOn(r, "POST"); err != nil || got.status >= 500 {
			t.Errorf("%s: %+v, %v", target, got, err)
		}
		if got, err := answerOn(r, "GET"); err == nil {
			t.Errorf("%s: a second answer: %+v", target, got)
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

// forgetful is a storage of sessions that keeps nothing.
type forgetful struct{}

func (forgetful) Get(string) ([]byte, error)              { return nil, nil }
func (forgetful) Set(string, []byte, time.Duration) error { return errors.New("the disk is full") }
func (forgetful) Delete(string) error                     { return nil }
func (forgetful) Reset() error                            { return nil }
func (forgetful) Close() error                            { return nil }

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
