// Package traces sends what requests did, and how long each part took, to where OpenTelemetry is collected: by OTLP over HTTP, which
// collectors, Jaeger, Tempo and others understand. It never harms a request: what cannot be sent is dropped.
package traces

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Options are the settings of [New].
type Options struct {
	URL     string            // where traces are posted, such as http://localhost:4318/v1/traces
	Headers map[string]string // sent along, such as a key
	Sample  float64           // the share of requests that are traced, 0..1
	Version string            // of the program
	Log     *slog.Logger      // is told at most once a minute that nothing can be sent
}

// scope is who made a span.
const scope = "reko.moe"

// How much is kept until it is sent, and how long that may take.
const (
	queueSize   = 2048 // spans; more are dropped
	batchSize   = 512
	sendEvery   = 2 * time.Second
	sendTimeout = 5 * time.Second
	lastChance  = time.Second // for what is left when the program ends
	complainAt  = time.Minute
)

// Traces are those of a program. They are safe for concurrent use.
type Traces struct {
	trace.Tracer
	provider *sdk.TracerProvider
}

// New begins to send traces.
func New(o Options) (*Traces, error) {
	if u, err := url.Parse(o.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("traces are sent to a URL such as http://localhost:4318/v1/traces")
	}
	about, err := resource.New(context.Background(),
		resource.WithAttributes(attribute.String("service.name", "reko"), attribute.String("service.version", o.Version)),
		resource.WithHost(), resource.WithFromEnv()) // the environment stands above
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, err
	}
	otel.SetErrorHandler(&complaints{log: o.Log})
	// A caller's word that its trace is not wanted counts; that it is wanted does not, since anybody may say so.
	share := sdk.TraceIDRatioBased(o.Sample)
	provider := sdk.NewTracerProvider(
		sdk.WithResource(about),
		sdk.WithSampler(sdk.ParentBased(share, sdk.WithRemoteParentSampled(share))),
		sdk.WithBatcher(otlptrace.NewUnstarted(&sender{url: o.URL, headers: o.Headers}),
			sdk.WithMaxQueueSize(queueSize), sdk.WithMaxExportBatchSize(batchSize), sdk.WithBatchTimeout(sendEvery), sdk.WithExportTimeout(sendTimeout)),
	)
	return &Traces{provider.Tracer(scope), provider}, nil
}

// Close sends what is left, within a second.
func (t *Traces) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), lastChance)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// sender posts spans. Its requests are no requests of Reko's and not traced.
type sender struct {
	url     string
	headers map[string]string
	client  http.Client
}

var _ otlptrace.Client = (*sender)(nil)

// Start implements [otlptrace.Client].
func (s *sender) Start(context.Context) error { return nil }

// Stop implements [otlptrace.Client].
func (s *sender) Stop(context.Context) error {
	s.client.CloseIdleConnections()
	return nil
}

// UploadTraces implements [otlptrace.Client]. A TracesData is to the byte what the protocol calls ExportTraceServiceRequest, whose package
// would bring gRPC along.
func (s *sender) UploadTraces(ctx context.Context, spans []*otlp.ResourceSpans) error {
	message, err := proto.Marshal(&otlp.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	if _, err := z.Write(message); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, &body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "gzip")
	for name, value := range s.headers {
		req.Header.Set(name, value)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s", req.URL.Host, res.Status)
	}
	return nil
}

// complaints logs failures, but not each.
type complaints struct {
	log  *slog.Logger
	last atomic.Int64 // unix nanoseconds
}

// Handle implements [otel.ErrorHandler].
func (c *complaints) Handle(err error) {
	now, last := time.Now().UnixNano(), c.last.Load()
	if now-last < int64(complainAt) || !c.last.CompareAndSwap(last, now) {
		return
	}
	c.log.Warn("traces are lost", "err", err)
}

// FromEnv returns where the environment says, by OpenTelemetry's own variables, that traces are sent, and with which headers. An empty url
// is nowhere.
func FromEnv(getenv func(string) string) (to string, headers map[string]string, err error) {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") || strings.EqualFold(getenv("OTEL_TRACES_EXPORTER"), "none") {
		return "", nil, nil
	}
	to = getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if base := getenv("OTEL_EXPORTER_OTLP_ENDPOINT"); to == "" && base != "" {
		to = Under(base)
	}
	headers = map[string]string{}
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} {
		for _, pair := range strings.Split(getenv(variable), ",") {
			if strings.TrimSpace(pair) == "" {
				continue
			}
			name, value, ok := strings.Cut(pair, "=")
			value, err := url.PathUnescape(strings.TrimSpace(value))
			if !ok || err != nil {
				return "", nil, errors.New(variable + " is not name=value, separated by commas") // of a value nothing is told
			}
			headers[strings.TrimSpace(name)] = value
		}
	}
	return to, headers, nil
}

// Under returns where traces are posted to a collector at base.
func Under(base string) string { return strings.TrimRight(base, "/") + "/v1/traces" }
