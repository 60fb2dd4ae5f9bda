package handlers_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"reko.moe/engine"
)

// wire is a connection on which everything has been sent already. What is answered is kept.
type wire struct {
	in  *bytes.Reader
	out bytes.Buffer
}

func (w *wire) Read(b []byte) (int, error)     { return w.in.Read(b) }
func (w *wire) Write(b []byte) (int, error)    { return w.out.Write(b) }
func (*wire) Close() error                     { return nil }
func (*wire) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)} }
func (*wire) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2)} }
func (*wire) SetDeadline(time.Time) error      { return nil }
func (*wire) SetReadDeadline(time.Time) error  { return nil }
func (*wire) SetWriteDeadline(time.Time) error { return nil }

// wired is an application that is asked over such connections, thousands of times a second.
type wired struct {
	*app
	methods []string // of the requests on the current connection
}

// startWired builds an application for a fuzz target, which keeps no log.
func startWired(f *testing.F, change func(*setup)) *wired {
	f.Helper()
	a := &wired{app: start(f, func(s *setup) {
		s.users = slices.DeleteFunc(s.users, func(u engine.User) bool { return u.Name == "gren" }) // who is a failure, as promised
		if change != nil {
			change(s)
		}
	})}
	a.log.off.Store(true)
	a.get(f, "/healthz", http.StatusOK) // Fiber begins with the first
	serve := a.Server().Handler
	a.Server().Handler = func(c *fasthttp.RequestCtx) {
		a.methods = append(a.methods, string(c.Method()))
		serve(c)
	}
	return a
}

// send sends bytes as they are, and returns what was answered to them.
func (a *wired) send(t testing.TB, sent []byte) (answers []answer) {
	t.Helper()
	w := &wire{in: bytes.NewReader(sent)}
	a.methods = a.methods[:0]
	_ = a.Server().ServeConn(w) // fails when it was no request, which the answer says too
	r := bufio.NewReader(&w.out)
	for {
		if _, err := r.Peek(1); errors.Is(err, io.EOF) {
			return answers
		}
		method := http.MethodGet
		if len(answers) < len(a.methods) {
			method = a.methods[len(answers)]
		}
		got, err := answerOn(r, method)
		if err != nil {
			t.Fatalf("%.500q is answered by what is no HTTP: %v\n%.500q", sent, err, w.out.Bytes())
		}
		if got.status == http.StatusContinue {
			continue
		}
		got.decent(t, sent)
		answers = append(answers, got)
	}
}

// ask sends one request, with headers as pairs of name and value, and wants one answer.
func (a *wired) ask(t testing.TB, method, target, body string, header ...string) answer {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: reko.test\r\nAccept: text/html\r\nSec-Fetch-Site: same-origin\r\n", method, target)
	for i := 0; i < len(header); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", header[i], header[i+1])
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	answers := a.send(t, b.Bytes())
	if len(answers) != 1 {
		t.Fatalf("%.500q has %d answers: %.500v", b.Bytes(), len(answers), answers)
	}
	return answers[0]
}

// decent checks what holds for each answer, whatever was sent: nobody's fault is ours, headers are clean, leads stay on this site, and
// pages are well formed and harmless.
func (got answer) decent(t testing.TB, sent []byte) {
	t.Helper()
	if got.status >= http.StatusInternalServerError {
		t.Fatalf("%.500q: %d %.2000s", sent, got.status, got.body)
	}
	got.hardened(t, fmt.Sprintf("%.300q", sent), false)
	for name, values := range got.header {
		for _, value := range values {
			if strings.Trim(value, printable+" ") != "" {
				t.Fatalf("%.500q: %s: %q", sent, name, value)
			}
		}
	}
	for _, name := range []string{"Location", "Hx-Redirect"} {
		if to := got.header.Get(name); to != "" && (to[0] != '/' || strings.HasPrefix(to, "//") || strings.ContainsAny(to, `\ `)) {
			t.Fatalf("%.500q: %s: %q", sent, name, to)
		}
	}
	for _, text := range got.header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(text); err != nil || c.Valid() != nil || !c.HttpOnly || c.Path != "/" || c.Domain != "" {
			t.Fatalf("%.500q: Set-Cookie: %q", sent, text)
		}
	}
	if strings.HasPrefix(got.header.Get("Content-Type"), "text/html") && got.header.Get("Content-Encoding") == "" {
		if err := wellFormed(got.body); err != nil {
			t.Fatalf("%.500q: %v\n%s", sent, err, got.body)
		}
	}
}

// voids are the elements of HTML that have no end.
var voids = []string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}

// wellFormed tells what is wrong with a page: elements that do not end in turn, values without quotes, code that is not a file of ours.
func wellFormed(page string) error {
	var open []string
	rest := page
	for {
		at := strings.IndexByte(rest, '<')
		if at < 0 {
			break
		}
		rest = rest[at+1:]
		if strings.HasPrefix(rest, "!doctype html>") {
			continue
		}
		name := rest[:len(rest)-len(strings.TrimLeft(rest, "/abcdefghijklmnopqrstuvwxyz0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ"))]
		rest = rest[len(name):]
		if end, ok := strings.CutPrefix(name, "/"); ok {
			if len(open) == 0 || open[len(open)-1] != end || !strings.HasPrefix(rest, ">") {
				return fmt.Errorf("</%s> ends what is open: %v", end, open)
			}
			open = open[:len(open)-1]
			continue
		}
		if name == "" || strings.ContainsAny(name, "/") {
			return fmt.Errorf("nothing begins with <%.40q", name+rest)
		}
		attributes, after, err := attributesOf(rest)
		if err != nil {
			return fmt.Errorf("<%s: %w", name, err)
		}
		rest = after
		if src := attributes["src"]; name == "script" && (!strings.HasPrefix(src, "/static/") || !strings.HasPrefix(rest, "</script>")) {
			return fmt.Errorf("a script from %q: %.40q", src, rest)
		}
		if _, closed := attributes["/"]; !closed && !slices.Contains(voids, name) {
			open = append(open, name)
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("%v do not end", open)
	}
	return nil
}

// attributesOf reads what stands in a tag behind its name, and what follows it. A tag that closes itself has the attribute /.
func attributesOf(rest string) (map[string]string, string, error) {
	attributes := map[string]string{}
	for {
		rest = strings.TrimLeft(rest, " \t\r\n")
		if after, ok := strings.CutPrefix(rest, ">"); ok {
			return attributes, after, nil
		}
		if after, ok := strings.CutPrefix(rest, "/>"); ok {
			attributes["/"] = ""
			return attributes, after, nil
		}
		end := strings.IndexAny(rest, " \t\r\n=>/\"'<")
		if end <= 0 {
			return nil, "", fmt.Errorf("an attribute is %.40q", rest)
		}
		name := strings.ToLower(rest[:end])
		rest = rest[end:]
		value := ""
		if after, ok := strings.CutPrefix(rest, "="); ok {
			if after == "" || after[0] != '"' && after[0] != '\'' {
				return nil, "", fmt.Errorf("the value of %s has no quotes", name)
			}
			if value, rest, ok = strings.Cut(after[1:], after[:1]); !ok {
				return nil, "", fmt.Errorf("the value of %s does not end", name)
			}
		}
		if _, twice := attributes[name]; twice || strings.HasPrefix(name, "on") || strings.Contains(strings.ToLower(value), "javascript:") && name != "value" && name != "content" {
			return nil, "", fmt.Errorf("%s=%.40q", name, value)
		}
		attributes[name] = value
	}
}

// The check of pages sees what is wrong.
func TestWellFormed(t *testing.T) {
	for page, well := range map[string]bool{
		"<!doctype html><html><p class=\"a\" hidden>x &lt; y<br></p></html>": true, `<svg><path d="x"/></svg>`: true, `<input value='"javascript:'>`: true,
		`<script src="/static/a/b.js" defer></script>`: true,
		"<p>": false, "<p></b></p>": false, "</p>": false, "<p class=a></p>": false, `<p class="a></p>`: false, `<a href="JavaScript:x"></a>`: false, "a < b": false,
		`<img onload="x">`: false, `<script src="/static/a/b.js">x</script>`: false, `<script>x</script>`: false, `<script src="//evil.test/x"></script>`: false,
		`<p a="1" a="2"></p>`: false, "<!-- x": false,
	} {
		if err := wellFormed(page); (err == nil) != well {
			t.Errorf("%s: %v", page, err)
		}
	}
}
