package traces_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"reko.moe/handlers/traces"
	"reko.moe/handlers/traces/tracestest"
	"reko.moe/internal/locked"
)

func begin(t *testing.T, o traces.Options) *traces.Traces {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	traced, err := traces.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return traced
}

func TestSpansArrive(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	to := tracestest.Start(t)
	traced := begin(t, traces.Options{URL: traces.Under(to.URL + "/"), Headers: map[string]string{"X-Key": "secret"}, Sample: 1, Version: "v1.2.3"})
	ctx, request := traced.Start(t.Context(), "request")
	ctx, end := traces.Step(ctx, "outer")
	_, inner := traces.Step(ctx, "inner")
	inner(errors.New("no spike"))
	end(nil)
	request.End()
	if err := traced.Close(); err != nil {
		t.Fatal(err)
	}
	spans := to.Spans()
	if len(spans) != 3 {
		t.Fatalf("%d spans came, want 3", len(spans))
	}
	byName := map[string]tracestest.Span{}
	for _, s := range spans {
		byName[s.Name] = s
	}
	a, b, c := byName["request"], byName["outer"], byName["inner"]
	if a.Parent != "" || b.Parent != a.ID || c.Parent != b.ID || a.Trace != c.Trace || a.Failed || b.Failed || !c.Failed {
		t.Errorf("spans %v", byName)
	}
	if strings.Contains(c.Raw, "spike") {
		t.Errorf("the error is told: %s", c.Raw)
	}
	if s := a.Service; s["service.name"] != "reko" || s["service.version"] != "v1.2.3" || s["deployment.environment.name"] != "test" {
		t.Errorf("the program is %v", s)
	}
	h := to.Headers()[0]
	if h.Get(":path") != "POST /v1/traces" || h.Get("X-Key") != "secret" || h.Get("Content-Type") != "application/x-protobuf" {
		t.Errorf("headers %v", h)
	}
}

func TestNothingIsTracedOfNoRequest(t *testing.T) {
	ctx := t.Context()
	if got, end := traces.Step(ctx, "step"); got != ctx {
		t.Error("a step without a trace has one")
	} else {
		end(nil)
	}
	if n := testing.AllocsPerRun(100, func() {
		_, end := traces.Step(ctx, "step")
		end(nil)
	}); n != 0 {
		t.Errorf("it allocates %v times", n)
	}
	to := tracestest.Start(t)
	traced := begin(t, traces.Options{URL: traces.Under(to.URL), Sample: 0})
	sampled, request := traced.Start(ctx, "request")
	_, end := traces.Step(sampled, "step")
	end(nil)
	request.End()
	if err := traced.Close(); err != nil || len(to.Spans()) != 0 {
		t.Errorf("%v, %v of a share of 0", err, to.Spans())
	}
}

// A collector that is away, refuses or never answers costs a request nothing, and the end of the program a second.
func TestCollectorsThatFail(t *testing.T) {
	away := httptest.NewServer(nil)
	away.Close()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer refusing.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, url := range map[string]string{"away": away.URL, "refusing": refusing.URL, "silent": "http://" + silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			var said locked.Buffer
			traced := begin(t, traces.Options{URL: traces.Under(url), Sample: 1, Log: slog.New(slog.NewTextHandler(&said, nil))})
			begin := time.Now()
			const spans = 20_000 // more than are kept
			for range spans {
				_, span := traced.Start(context.Background(), "request") //nolint:usetesting // as many traces
				span.End()
			}
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("%d spans took %s", spans, took)
			}
			begin = time.Now()
			_ = traced.Close()
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("the end took %s", took)
			}
			if n := len(said.Lines()); n > 1 {
				t.Errorf("it was said %d times: %q", n, said.Lines())
			}
		})
	}
}

func TestWhereTheEnvironmentSays(t *testing.T) {
	for _, test := range []struct {
		env  map[string]string
		to   string
		key  string
		fail bool
	}{
		{nil, "", "", false},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318/"}, "http://a:4318/v1/traces", "", false},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b/x"}, "http://b/x", "", false},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_SDK_DISABLED": "true"}, "", "", false},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_TRACES_EXPORTER": "none"}, "", "", false},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_HEADERS": "x=y, key = a%20b%3D"}, "http://a/v1/traces", "a b=", false},
		{map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "hunter2"}, "", "", true},
		{map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "key=hunter%zz2"}, "", "", true},
	} {
		to, headers, err := traces.FromEnv(func(name string) string { return test.env[name] })
		if to != test.to || headers["key"] != test.key || (err != nil) != test.fail {
			t.Errorf("%v: %q, %v, %v", test.env, to, headers, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter") {
			t.Errorf("%v is told", err)
		}
	}
	for _, url := range []string{"", "localhost:4318", "grpc://localhost:4317", "http://"} {
		if _, err := traces.New(traces.Options{URL: url}); err == nil {
			t.Errorf("traces are sent to %q", url)
		}
	}
}
