package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"reko.moe/handlers/api"
	"reko.moe/views"
)

// The paths of what takes no turn: who watches over the program, or has a page already, is answered however many ask.
const (
	healthPath  = "/healthz"
	readyPath   = "/readyz"
	metricsPath = "/metrics"
	staticPath  = "/static/"
	robotsPath  = "/robots.txt"
	sharePath   = "/share.png"
	iconPath    = "/icon-512.png"
	faviconPath = "/favicon.ico"
)

// takesNoTurn tells whether a request is answered without one.
func takesNoTurn(method, path string) bool {
	switch path {
	case healthPath, readyPath, metricsPath, robotsPath, sharePath, iconPath, faviconPath:
		return true
	}
	return method == http.MethodOptions || strings.HasPrefix(path, staticPath)
}

// door lets in to known, the application's handler, what it can take in: no more than can be worked on, no request whose end is unclear, and no
// method that Fiber does not know.
func (s *server) door(app *fiber.App, known fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) {
		if form, ok := raw.Conn().(*formConn); ok {
			form.hold()
			defer form.done()
		}
		s.gates.crush.adapt(s.gates.all, raw.Time())
		wrong := unclear(&raw.Request.Header)
		if wrong || endsHere(&raw.Request.Header) {
			raw.SetConnectionClose()
		}
		switch {
		case s.crowded(raw):
			s.turnAway(raw)
			return
		case !wrong && slices.Contains(fiber.DefaultMethods, string(raw.Method())):
			known(raw)
			return
		}
		c := app.AcquireCtx(raw)
		defer app.ReleaseCtx(c)
		if wrong {
			_ = s.fail(c, fiber.ErrBadRequest)
			return
		}
		c.Set(fiber.HeaderAllow, "GET, HEAD, OPTIONS")
		_ = s.fail(c, fiber.ErrMethodNotAllowed) // Fiber itself would answer 400
	}
}

// crowded tells whether the request has to be turned away, before anything else is done for it. While others wait for a turn, so has every
// one of a client that has asked for all it may: to be told that takes a turn, too, and who asks most would take most of them.
func (s *server) crowded(raw *fasthttp.RequestCtx) bool {
	if !s.gates.all.queued() && !s.gates.admin.queued() {
		return false
	}
	method, path := string(raw.Method()), string(raw.URI().PathOriginal())
	if takesNoTurn(method, path) {
		return false
	}
	g := s.gates.of(method, path)
	return g != nil && g.queued() && (g.full() || s.spent(raw, path))
}

// turnAway answers who came when there was too much to do: by an answer that was made before, without a line in the log, and counted by
// one number, since there can be very many of them.
func (s *server) turnAway(raw *fasthttp.RequestCtx) {
	s.Metrics.Shed()
	s.gates.crush.refused.Add(1)
	r := s.refusals.of(s, raw)
	r.header.CopyTo(&raw.Response.Header)
	raw.Response.SetBodyRaw(r.body)
	id := string(raw.Request.Header.Peek(fiber.HeaderXRequestID))
	if !isID(id) {
		id = newID()
	}
	raw.Response.Header.Set(fiber.HeaderXRequestID, id)
	if s.Draining != nil && s.Draining() {
		raw.SetConnectionClose()
	}
}

// refusals are the answers to those who are turned away, made when the first one is. The zero value is ready; they are safe for concurrent
// use.
type refusals struct {
	made sync.Once
	api  *refusal
	part *refusal    // of a page
	page [2]*refusal // of a site, and of one whose users are invented
}

type refusal struct {
	header fasthttp.ResponseHeader
	body   []byte
}

// of is the answer to a request.
func (r *refusals) of(s *server, raw *fasthttp.RequestCtx) *refusal {
	r.made.Do(func() { r.prepare(s) })
	switch path := string(raw.URI().PathOriginal()); {
	case s.isProgram(raw, path):
		return r.api
	case wantsPart(&raw.Request.Header):
		return r.part
	case s.Demo():
		return r.page[1]
	}
	return r.page[0]
}

func (r *refusals) prepare(s *server) {
	const status, id, text = http.StatusServiceUnavailable, "Overloaded", "Too many are asking at once. Try again in a moment."
	body, _ := json.Marshal(api.Error{Code: status, ID: id, Message: text}) // never fails
	r.api = s.refusal("/api/", fiber.MIMEApplicationJSON, body)
	r.api.header.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	r.api.header.Set(fiber.HeaderAccessControlExposeHeaders, exposed)
	r.part = s.refusal("/u/", fiber.MIMETextHTMLCharsetUTF8, rendering(views.FlashText(text)))
	r.part.header.Set("HX-Retarget", "#flash")
	r.part.header.Set("HX-Reswap", "innerHTML")
	r.part.header.Set("HX-Push-Url", "false")
	for i := range r.page {
		r.page[i] = s.refusal("/u/", fiber.MIMETextHTMLCharsetUTF8, rendering(views.CrowdedPage("One moment", text, i == 1)))
	}
}

// refusal makes an answer with the headers of what is at a path.
func (s *server) refusal(path, contentType string, body []byte) *refusal {
	var raw fasthttp.RequestCtx
	raw.Request.SetRequestURI(path)
	app := fiber.New()
	c := app.AcquireCtx(&raw)
	defer app.ReleaseCtx(c)
	s.harden(c)
	c.Status(http.StatusServiceUnavailable)
	c.Set(fiber.HeaderContentType, contentType)
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set(fiber.HeaderRetryAfter, "1")
	r := &refusal{body: body}
	raw.Response.Header.CopyTo(&r.header)
	return r
}

// rendering is what a component that cannot fail looks like.
func rendering(component templ.Component) []byte {
	var b bytes.Buffer
	_ = component.Render(context.Background(), &b)
	return b.Bytes()
}
