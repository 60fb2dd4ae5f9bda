package handlers

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"reko.moe/engine"
	"reko.moe/handlers/limit"
)

// idLimited is the id of the failure, for the page that tells of it.
const idLimited = "RateLimited"

// limitedTexts say what was too much.
var limitedTexts = map[limit.Kind]string{
	limit.Pages:  "That was a bit much at once. Wait a moment, then go on where you were.",
	limit.Costly: "New lists have to be read one by one, and you asked for many. Those that Reko knows already are still there.",
	limit.Logins: "Too many passwords were tried. Wait, then try again.",

	limit.Uploads: "Many lists were uploaded from where you are. Those that are stored stay; more of them have to wait.",
}

// limited is the error of who asked for too much.
type limited struct {
	kind limit.Kind
	wait time.Duration
}

func (e limited) Error() string { return fmt.Sprintf("limit of %s, for %s", e.kind, e.wait) }

// spend counts one question of that kind against the client's address, says so in the headers of the answer, and fails when it
// is too much. Return that error as it is: it becomes the answer that is due.
func (s *server) spend(c *fiber.Ctx, kind limit.Kind) error {
	if s.Limits == nil {
		return nil
	}
	return s.spendAs(c, kind, engine.Network(s.client(c.Context()).String()))
}

// spendAs is spend against something else than the address, such as "account NAME".
func (s *server) spendAs(c *fiber.Ctx, kind limit.Kind, who string) error {
	if s.Limits == nil {
		return nil
	}
	v, ok := s.Limits.Take(c.UserContext(), kind, who)
	if !ok {
		return nil
	}
	s.declare(c, v)
	if !v.OK() {
		s.Metrics.Limited(string(kind))
		return limited{kind, v.Wait}
	}
	return nil
}

// verdictsKey is where the verdicts on a request stand in its locals.
type verdictsKey struct{}

// verdicts are those on one request, of as many kinds as count for one, most of the time.
type verdicts struct {
	all  []limit.Verdict
	room [2]limit.Verdict
}

// declare writes the headers of draft-ietf-httpapi-ratelimit-headers-10: each kind once, by the verdict that leaves least.
func (s *server) declare(c *fiber.Ctx, v limit.Verdict) {
	on, ok := c.Locals(verdictsKey{}).(*verdicts)
	if !ok {
		on = new(verdicts)
		on.all = on.room[:0]
		c.Locals(verdictsKey{}, on)
	}
	at := slices.IndexFunc(on.all, func(other limit.Verdict) bool { return other.Kind == v.Kind })
	switch {
	case at < 0:
		on.all = append(on.all, v)
	case !v.OK() || v.Left < on.all[at].Left:
		on.all[at] = v
	}
	var room [2][96]byte
	policies, states := room[0][:0], room[1][:0]
	for i, v := range on.all {
		until := v.Reset
		if !v.OK() {
			until = v.Wait
			c.Set(fiber.HeaderRetryAfter, strconv.Itoa(seconds(v.Wait)))
		}
		if i > 0 {
			policies, states = append(policies, ", "...), append(states, ", "...)
		}
		policies = appendItem(policies, v.Kind, ";q=", v.Budget.Quota, ";w=", seconds(v.Budget.Window))
		states = appendItem(states, v.Kind, ";r=", v.Left, ";t=", seconds(until))
	}
	header := &c.Response().Header
	header.SetBytesV("RateLimit-Policy", policies)
	header.SetBytesV("RateLimit", states)
}

// appendItem appends an item of a structured field: the kind, and two numbers with what goes before them.
func appendItem(dst []byte, kind limit.Kind, before string, n int, between string, m int) []byte {
	dst = strconv.AppendQuote(dst, string(kind))
	dst = strconv.AppendInt(append(dst, before...), int64(n), 10)
	return strconv.AppendInt(append(dst, between...), int64(m), 10)
}

// seconds is d in whole seconds, rounded up.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// spent tells whether the client of a request is known to have spent all that it may ask for.
func (s *server) spent(raw *fasthttp.RequestCtx, path string) bool {
	if s.Limits == nil {
		return false
	}
	kind := limit.Pages
	if s.isProgram(raw, path) {
		kind = limit.API
	}
	return s.Limits.Spent(kind, engine.Network(s.client(raw).String()))
}

// countedKey is where it stands in the locals of a request that [server.limits] let through.
type countedKey struct{}

// limits counts every request that comes this far, and what is done for it that costs more than others do.
func (s *server) limits(c *fiber.Ctx) error {
	kind := limit.Pages
	if isAPI(c) {
		kind = limit.API
	}
	if err := s.spend(c, kind); err != nil {
		return err
	}
	c.Locals(countedKey{}, true)
	manners(c).Leave = func() error { return s.spend(c, limit.Costly) }
	return c.Next()
}

// costly counts a request as a costly one.
func (s *server) costly(c *fiber.Ctx) error {
	if err := s.spend(c, limit.Costly); err != nil {
		return err
	}
	return c.Next()
}

// failLimited answers who asked for too much, if that is what err is.
func (s *server) failLimited(c *fiber.Ctx, err error) (answered bool, _ error) {
	var e limited
	switch {
	case !errors.As(err, &e):
		return false, nil
	case !isAPI(c):
		c.Locals(visitorKey, visitor{}) // to say no takes no look at the store
		return true, s.failPage(c, http.StatusTooManyRequests, idLimited, limitedTexts[e.kind])
	case c.Method() == http.MethodPost: // as the documents of these say
		return true, c.Status(http.StatusTooManyRequests).SendString(common[http.StatusServiceUnavailable])
	}
	return true, c.Status(http.StatusServiceUnavailable).SendString(common[http.StatusServiceUnavailable])
}
