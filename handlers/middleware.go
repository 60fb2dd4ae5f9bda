package handlers

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// requestID is the key under which a request's id stands in its context and locals.
type requestID struct{}

// LogHandler adds the request's id to every line that is logged on behalf of one, and has the times of all in UTC.
func LogHandler(h slog.Handler) slog.Handler { return logHandler{h} }

type logHandler struct{ slog.Handler }

func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	r.Time = r.Time.UTC()
	if id, ok := ctx.Value(requestID{}).(string); ok {
		r.AddAttrs(slog.String("request", id))
		traced(ctx, &r)
	}
	return h.Handler.Handle(ctx, r)
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }

// begin gives the request an id, the one it came with if that looks like one, and its answer the headers that all have.
func (s *server) begin(c *fiber.Ctx) {
	id := c.Get(fiber.HeaderXRequestID)
	if !isID(id) {
		id = newID()
	}
	c.Set(fiber.HeaderXRequestID, id)
	var value any = id
	c.Locals(requestID{}, value)
	c.SetUserContext(context.WithValue(c.UserContext(), requestID{}, value))
	s.harden(c)
}

// newID makes an id of a request.
func newID() string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], rand.Uint64()) //nolint:gosec // nobody gains by guessing one, and the system's numbers cost more than a refusal
	return hex.EncodeToString(b[:])
}

func isID(s string) bool {
	return len(s) >= 8 && len(s) <= 64 &&
		strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// identify gives the request an id and, once it is answered, logs and counts it.
func (s *server) identify(c *fiber.Ctx) error {
	start := time.Now()
	defer s.Metrics.Begin()()
	s.begin(c)
	if s.Tracer != nil {
		span := s.beginTrace(c)
		defer func() { s.endTrace(c, span) }()
	}
	if err := c.Next(); err != nil {
		if err := s.fail(c, err); err != nil {
			return err
		}
	}
	if c.Locals(turnedAwayKey{}) == nil { // there can be very many of those
		s.logged(c, start)
	}
	return nil
}

// logged logs and counts the request, which began at start and has been answered.
func (s *server) logged(c *fiber.Ctx, start time.Time) {
	took := time.Since(start)
	s.measure(c, took)
	if !s.Log.Enabled(c.UserContext(), slog.LevelInfo) {
		return
	}
	s.Log.LogAttrs(c.UserContext(), slog.LevelInfo, "request", slog.String("method", c.Method()), slog.String("path", shortPath(c)),
		slog.Int("status", c.Response().StatusCode()), slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("from", s.loggedAddress(c)))
}

// recover makes an error of a panic.
func (s *server) recover(c *fiber.Ctx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return c.Next()
}

// apiHost lets clients of the API's own host leave out /api.
func (s *server) apiHost(c *fiber.Ctx) error {
	path := c.Path()
	if !s.short(c.Context(), path) {
		return c.Next()
	}
	c.Path("/api" + path)
	s.harden(c)
	return c.Next()
}

// short tells whether a request is to the API's own host, by a path that leaves out /api.
func (s *server) short(raw *fasthttp.RequestCtx, path string) bool {
	if s.APIHost == "" || path == healthPath || path == readyPath || isAPIPath(path) {
		return false
	}
	host, _, _ := strings.Cut(string(raw.Request.Host()), ":") // not c.Hostname, which believes what anybody claims to forward
	return strings.EqualFold(host, s.APIHost)
}

// exposed are the headers that pages of other origins can read.
const exposed = "Allow, ETag, RateLimit, RateLimit-Policy, Reko-List-Age, Retry-After, X-Request-Id"

// cors lets pages of any origin read the API.
func (s *server) cors(c *fiber.Ctx) error {
	if !isAPI(c) {
		return c.Next() // Fiber compares the beginning only
	}
	c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	c.Set(fiber.HeaderAccessControlExposeHeaders, exposed)
	if c.Method() != http.MethodOptions {
		return c.Next()
	}
	c.Set(fiber.HeaderAccessControlAllowMethods, "GET, POST, OPTIONS")
	c.Set(fiber.HeaderAccessControlAllowHeaders, "Authorization, Content-Type, If-None-Match, X-Request-Id")
	c.Set(fiber.HeaderAccessControlMaxAge, "86400")
	return c.SendStatus(http.StatusNoContent)
}

// isAPI tells whether the request is a program's.
func isAPI(c *fiber.Ctx) bool { return isAPIPath(c.Path()) }

// isProgram tells it of a path that may leave out /api, see [server.apiHost].
func (s *server) isProgram(raw *fasthttp.RequestCtx, path string) bool {
	return isAPIPath(path) || s.short(raw, path)
}

func isAPIPath(path string) bool { return path == "/api" || strings.HasPrefix(path, "/api/") }
