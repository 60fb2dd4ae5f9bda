package handlers

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// beginTrace begins the span of a request, as a part of the trace that it says it belongs to. Nothing in it says who asked for whom: no path,
// no address, no name of a browser.
func (s *server) beginTrace(c *fiber.Ctx) trace.Span {
	ctx := propagation.TraceContext{}.Extract(c.UserContext(), carrier{c})
	ctx, span := s.Tracer.Start(ctx, method(c), trace.WithSpanKind(trace.SpanKindServer))
	c.SetUserContext(ctx)
	return span
}

// endTrace ends it, once the request is answered.
func (s *server) endTrace(c *fiber.Ctx, span trace.Span) {
	if span.IsRecording() {
		route, status := pattern(c), c.Response().StatusCode()
		span.SetName(method(c) + " " + route)
		id, _ := c.Locals(requestID{}).(string)
		span.SetAttributes(attribute.String("http.request.method", method(c)), attribute.String("http.route", route),
			attribute.Int("http.response.status_code", status), attribute.String("reko.request_id", id))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	}
	span.End()
}

// carrier reads the headers of W3C Trace Context.
type carrier struct{ c *fiber.Ctx }

// Get implements [propagation.TextMapCarrier].
func (h carrier) Get(key string) string { return h.c.Get(key) }

// Set implements [propagation.TextMapCarrier].
func (carrier) Set(string, string) {}

// Keys implements [propagation.TextMapCarrier].
func (carrier) Keys() []string { return nil }

// traced adds the id of the trace to a line of the log.
func traced(ctx context.Context, r *slog.Record) {
	if span := trace.SpanContextFromContext(ctx); span.IsSampled() {
		r.AddAttrs(slog.String("trace", span.TraceID().String()))
	}
}
