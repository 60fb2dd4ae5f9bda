package handlers

import (
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"reko.moe/handlers/metrics"
)

// BenchmarkMeasure is all that counting adds to a request.
func BenchmarkMeasure(b *testing.B) {
	s := &server{Options: Options{Metrics: metrics.New("v"), Started: func() bool { return true }}}
	app := fiber.New(fiber.Config{Immutable: true})
	plain := func(c *fiber.Ctx) error { return c.SendStatus(200) }
	app.Get("/plain/:name", plain)
	app.Get("/counted/:name", func(c *fiber.Ctx) error {
		start := time.Now()
		defer s.Metrics.Begin()()
		err := plain(c)
		s.measure(c, time.Since(start))
		return err
	})
	handler := app.Handler()
	for _, path := range []string{"/plain/spike", "/counted/spike"} {
		b.Run(path[1:], func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var ctx fasthttp.RequestCtx
				ctx.Request.SetRequestURI(path)
				for pb.Next() {
					handler(&ctx)
				}
			})
		})
	}
}
