package handlers

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"

	"reko.moe/engine"
	"reko.moe/engine/series"
	"reko.moe/handlers/limit"
)

// nowhere is the pattern of a request that no route is for.
const nowhere = "(none)"

// measure counts a request that has been answered.
func (s *server) measure(c *fiber.Ctx, took time.Duration) {
	route, status := pattern(c), c.Response().StatusCode()
	s.Metrics.Request(route, method(c), status, took)
	if !behindTheScenes(route) {
		s.Metrics.Series.Observe(s.eventOf(status), took)
	}
}

// pattern is that of the route which answered. Middleware answers under its own prefix, and what it found no route for is nowhere.
func pattern(c *fiber.Ctx) string {
	route := c.Route()
	if len(route.Handlers) == 0 || route.Path == "/" && c.Path() != "/" {
		return nowhere // the first is a request that could not even be read
	}
	return route.Path
}

// method is the request's, if it is one of those that there are.
func method(c *fiber.Ctx) string {
	if m := c.Method(); slices.Contains(fiber.DefaultMethods, m) {
		return m
	}
	return "OTHER"
}

// behindTheScenes tells whether a route is not for visitors and programs, so that how often it is asked, and how quick it is, says
// nothing about how they are served.
func behindTheScenes(route string) bool {
	switch route {
	case healthPath, readyPath, metricsPath, staticPath + ":hash/:name":
		return true
	}
	return route == "/admin" || strings.HasPrefix(route, "/admin/")
}

// eventOf says how a request ended. Once everything is in memory, 503 is what is answered to who asks too much.
func (s *server) eventOf(status int) series.Event {
	switch {
	case status < http.StatusBadRequest:
		return series.Answered
	case status < http.StatusInternalServerError, status == http.StatusServiceUnavailable && s.Started():
		return series.Refused
	}
	return series.Failed
}

// metricsHandler answers Prometheus: on this machine, where no proxy can be in front, and whoever has a key. For everybody else there
// is nothing, counted as a page that is not there.
func (s *server) metricsHandler() fiber.Handler {
	answer := adaptor.HTTPHandler(s.Metrics.Handler())
	return func(c *fiber.Ctx) error {
		if s.proxied() || !fromHere(c) {
			if err := s.spend(c, limit.Pages); err != nil {
				return err
			}
			if err := s.Engine.UseKey(c.UserContext(), bearer(c)); errors.Is(err, engine.ErrUnauthorized) {
				return fiber.ErrNotFound
			} else if err != nil {
				return err
			}
		}
		c.Set(fiber.HeaderCacheControl, "no-store")
		return answer(c)
	}
}

// proxied tells whether the site is said to be reached through a proxy. What comes from this machine is everybody's then: nginx, unless
// told otherwise, passes requests on as if they were its own.
func (s *server) proxied() bool { return s.PublicURL != "" || len(s.TrustedProxies) > 0 }

// forwarding are the headers by which a proxy says that it asks for somebody else.
var forwarding = []string{
	fiber.HeaderXForwardedFor, fiber.HeaderForwarded, fiber.HeaderXForwardedHost, fiber.HeaderXForwardedProto, "X-Real-Ip", fiber.HeaderVia,
}

// fromHere tells whether a program on this machine asks, and for itself: a proxy here that passes on what strangers ask gives itself
// away by its headers. Most pass on the name of the site, too; that also keeps out pages that a browser here was tricked to ask for.
func fromHere(c *fiber.Ctx) bool {
	header := &c.Request().Header
	for _, name := range forwarding {
		if header.Peek(name) != nil {
			return false
		}
	}
	host := string(c.Request().Host())
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return c.Context().RemoteIP().IsLoopback() && (host == "localhost" || ip != nil && ip.IsLoopback())
}
