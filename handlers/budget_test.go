//go:build !race

// The race detector lets pools forget what they keep, so that allocations can be counted only without it.

package handlers_test

import (
	"net/http"
	"testing"

	"github.com/valyala/fasthttp"

	"reko.moe/handlers/limit"
)

// What a whole request may allocate, whatever it is of: routing, middleware, limits, log, engine, store and JSON. Unlike times,
// allocations are the same on every machine.
func TestAllocationBudgets(t *testing.T) {
	const asked = "mecha-miso"
	a := taught(t, func(s *setup) {
		s.unchecked = true
		s.handlers.Limits = limit.New(limit.Options{Budgets: limit.Budgets{
			limit.API: {Quota: 1_000_000, Window: 1 << 36}, limit.Pages: {Quota: 1_000_000, Window: 1 << 36},
		}})
	})
	a.log.off.Store(true)
	a.Handler() // prepares the server
	handle := a.Server().Handler
	for _, test := range []struct {
		target string
		budget int
	}{
		{"/api/version", 36},
		{"/api/" + asked + "/similar", 39},
		{"/api/" + asked + "/similar?page=3", 39},
		{"/api/" + asked + "/compare/quiet_tanuki", 39},
		{"/api/" + asked + "/recommendations", 149},
		{"/api/" + asked + "/recommendations?order=classic", 149},
		{"/api/" + asked + "/recommendations?explain=true&page=2", 349},
		{"/api/" + asked + "/recommendations/quiet_tanuki", 149},
		{"/api/" + asked + "/random?seed=7", 249},
		{"/u/" + asked, 7500},
	} {
		var req fasthttp.Request
		req.SetRequestURI(test.target)
		req.SetHost("reko.test")
		req.Header.Set("Accept-Encoding", "gzip")
		ctx := new(fasthttp.RequestCtx)
		ctx.Init(&req, nil, nil)
		ask := func() {
			ctx.Response.Reset()
			ctx.ResetUserValues()
			handle(ctx)
		}
		ask()
		if ctx.Response.StatusCode() != http.StatusOK {
			t.Fatalf("%s: %s", test.target, &ctx.Response)
		}
		if n := int(testing.AllocsPerRun(100, ask)); n > test.budget {
			t.Errorf("%s: %d allocations, want at most %d", test.target, n, test.budget)
		} else {
			t.Logf("%s: %d allocations", test.target, n)
		}
	}
}
