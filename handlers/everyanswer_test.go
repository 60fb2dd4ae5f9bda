package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/valyala/fasthttp"
)

// checkEvery checks every answer below /api against the document, whichever way a test asks: in this process or over the wire, by whatever
// method, under the API's own host, compressed or not.
func (a *app) checkEvery(t testing.TB) {
	if f, ok := t.(*testing.F); ok {
		t = crashing{f}
	}
	serve := a.Server().Handler
	a.Server().Handler = func(c *fasthttp.RequestCtx) {
		target := string(c.Request.Header.RequestURI()) // before it is changed
		method := string(c.Method())
		serve(c)
		if path := string(c.URI().PathOriginal()); !strings.HasPrefix(path, "/api/") { // what the handlers saw
			return
		} else if !strings.HasPrefix(target, "/api/") {
			target = path + "?" + string(c.URI().QueryString())
		}
		got := answer{status: c.Response.StatusCode(), header: http.Header{}}
		c.Response.Header.VisitAll(func(name, value []byte) { got.header.Add(string(name), string(value)) })
		body, err := c.Response.BodyUncompressed()
		if err != nil {
			t.Errorf("%s %.200s: %v", method, target, err)
			return
		}
		got.header.Del("Content-Encoding")
		got.body = string(body)
		if got.status == http.StatusBadRequest && c.Response.ConnectionClose() && strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") {
			return // no request as HTTP has them, whatever it asks for: the document's text says so of all
		}
		conforms(t, method, target, got)
	}
}

// promise is what the document says of a method on a path, nil if nothing: what then comes is of no operation.
func promise(method, path string) *openapi3.Operation {
	if path == "" {
		return nil
	}
	return document().Paths.Value(path).Operations()[method]
}

// beside are the answers that come before any operation.
func beside() *openapi3.Operation {
	responses := document().Components.Responses
	return &openapi3.Operation{Responses: openapi3.NewResponses(
		openapi3.WithStatus(http.StatusNotFound, responses["NotFound"]),
		openapi3.WithStatus(http.StatusMethodNotAllowed, responses["InvalidMethod"]),
		openapi3.WithStatus(http.StatusRequestEntityTooLarge, responses["TooLarge"]),
		openapi3.WithStatus(http.StatusTooManyRequests, responses["TooMany"]),
		openapi3.WithStatus(http.StatusServiceUnavailable, responses["Unavailable"]),
	)}
}

// The check sees what is wrong: on each way of asking, an answer that is not in the document fails the test.
func TestEveryAnswerIsChecked(t *testing.T) {
	a := start(t, nil)
	seen := &failures{TB: t}
	serve := a.Server().Handler
	a.Server().Handler = func(c *fasthttp.RequestCtx) {
		serve(c) // whose headers stay
		if string(c.Host()) == "api.test" {
			c.Request.URI().SetPath("/api" + string(c.Path())) // as the handlers do
		}
		c.SetStatusCode(http.StatusTeapot)
		c.SetBodyString("{}")
	}
	a.checkEvery(seen)
	a.ask(seen, http.MethodGet, "/api/spike/similar")
	a.post(seen, "/api/recommendations", "{}")
	a.ask(seen, http.MethodDelete, "/api/spike/similar")
	a.ask(seen, http.MethodGet, "/spike/similar", "Host", "api.test")
	newBrowser(t, a.listen(t)).get(t, "/api/spike/similar")
	if seen.n < 5 {
		t.Errorf("%d of 5 wrong answers were noticed", seen.n)
	}
	n := seen.n
	a.ask(seen, http.MethodGet, "/about")
	a.ask(seen, http.MethodGet, "/spike/similar", "Host", "www.test")
	if seen.n != n {
		t.Errorf("pages are checked, too")
	}
}

// crashing ends a fuzz target, which a server that was started before it cannot fail otherwise.
type crashing struct{ *testing.F }

func (crashing) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (crashing) Helper()                           {}
func (crashing) Failed() bool                      { return false }
func (crashing) Context() context.Context          { return context.Background() }

// failures counts what a test would have failed by.
type failures struct {
	testing.TB
	n int
}

func (f *failures) Errorf(string, ...any) { f.n++ }
func (f *failures) Helper()               {}
