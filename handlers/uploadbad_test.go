package handlers_test

import (
	"bufio"
	"fmt"
	"html"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

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

// What a file is called is no path: nothing is written or read there, and it is shown nowhere.
func TestNamesOfFilesAreNotUsed(t *testing.T) {
	a := start(t, nil)
	b := newBrowser(t, a.listen(t))
	dir := t.TempDir()
	t.Chdir(dir)
	for _, way := range []string{
		dir + "/written.xml", "../../../../../../.." + dir + "/written.xml", "/etc/passwd", "..\\..\\written.xml", "file://" + dir + "/written", "http://127.0.0.1:1/written",
		"%2e%2e%2fwritten", "<script>.xml", "CON", "|id", "-rf .", // not -rf, which may begin a guest's name
	} {
		got := b.send(t, "/import", []part{{"file", way, exported}})
		if got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/u/guest-") {
			t.Errorf("a file called %q: %d to %q", way, got.status, got.header.Get("Location"))
		}
		got = b.send(t, "/import", []part{{"file", way, "no list"}})
		for _, name := range []string{way, filepath.Base(way)} { // Go itself takes folders off
			if strings.Contains(got.body, html.EscapeString(name)) {
				t.Errorf("a file called %q that is no list: %s", way, got.body)
			}
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("there are the files %v, %v", files, err)
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

// Who sends all of a body that is too large before looking at the answer gets it, whatever it was for.
func TestLargeBodiesAreAnswered(t *testing.T) {
	a := start(t, nil)
	a.get(t, "/healthz", http.StatusOK) // Fiber begins with the first
	for _, target := range []string{"/save", "/api/recommendations", "/import/delete"} {
		conn, served := net.Pipe() // which keeps nothing: what is written is read, or it is not written
		go func() {
			_ = a.Server().ServeConn(served) // fails, since the request was not read to its end
			_ = served.Close()
		}()
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: reko.test\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", target, 640<<10)
		if _, err := conn.Write(make([]byte, 640<<10)); err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		if got, err := answerOn(bufio.NewReader(conn), http.MethodPost); err != nil || got.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d, %v, want 413", target, got.status, err)
		}
		_ = conn.Close()
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

// Who sends large forms, and none to its end, neither fills the memory nor keeps others from sending theirs: when there is no more room those are
// cut off that stand still, and told so.
func TestLargeUploadsAtOnce(t *testing.T) {
	a := start(t, nil)
	addr := a.listen(t)
	const sent, each, room = 12, 6 << 20, 32 << 20
	refusals := make(chan answer, sent)
	send := func() net.Conn {
		conn := dial(t, addr)
		if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil { // it is much to send
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /import HTTP/1.1\r\nHost: reko.test\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n"+
			"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.xml\"\r\n\r\n", 9<<20)
		if _, err := conn.Write(make([]byte, each)); err != nil {
			t.Error(err)
		}
		go func() {
			got, _ := answerOn(bufio.NewReader(conn), http.MethodPost) // none to who is waited for
			refusals <- got
		}()
		return conn
	}
	var conns []net.Conn
	for range sent {
		conns = append(conns, send())
	}
	cut := 0
	refused := func() {
		t.Helper()
		got := <-refusals
		if cut++; got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || !strings.Contains(got.body, "Many lists are being read just now.") {
			t.Errorf("who is cut off: %d %v %s", got.status, got.header, got.body)
		}
	}
	for cut < sent-room/each {
		refused()
	}
	large := []part{{"file", "list.xml", exported}, {"more", "", strings.Repeat(" ", 7<<20)}}
	for range 3 {
		if got := newBrowser(t, addr).send(t, "/import", large); got.status != http.StatusSeeOther {
			t.Errorf("a large form that comes quickly: %d %.300s", got.status, got.body)
		}
	}
	refused() // for the room that it took
	if len(refusals) > 1 {
		t.Errorf("%d more were cut off than had to be", len(refusals))
	}
	for _, conn := range conns {
		conn.Close()
	}
}
