package handlers_test

import (
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// BenchmarkTraced compares a request that is not traced, as without a configuration, with one that is.
func BenchmarkTraced(b *testing.B) {
	for name, change := range map[string]func(*setup){
		"off": nil,
		"on": func(s *setup) {
			s.handlers.Tracer = sdk.NewTracerProvider(sdk.WithSampler(sdk.AlwaysSample())).Tracer("test")
		},
	} {
		b.Run(name, func(b *testing.B) {
			a := start(b, change)
			b.ReportAllocs()
			for b.Loop() {
				a.ask(b, "GET", "/api/version")
			}
		})
	}
}
