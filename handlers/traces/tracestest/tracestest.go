// Package tracestest is a collector of traces to test against, over HTTP.
package tracestest

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is one that was collected.
type Span struct {
	Trace, ID, Parent string // hexadecimal; no parent is empty
	Name              string
	Failed            bool
	About             map[string]string // attributes
	Service           map[string]string // those of the program
	Raw               string            // everything, as text
}

// Collector takes traces. It is safe for concurrent use.
type Collector struct {
	URL string // its base

	mu      sync.Mutex
	spans   []Span        // guarded by mu
	headers []http.Header // guarded by mu
}

// Start starts a collector, which ends with the test.
func Start(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.take(r); err != nil {
			t.Errorf("what was sent to %s: %v", r.URL, err)
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

func (c *Collector) take(r *http.Request) error {
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	var data otlp.TracesData
	if err := proto.Unmarshal(text, &data); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	header := r.Header.Clone()
	header.Set(":path", r.Method+" "+r.URL.Path)
	c.headers = append(c.headers, header)
	for _, resource := range data.ResourceSpans {
		service := map[string]string{}
		for _, a := range resource.Resource.Attributes {
			service[a.Key] = a.Value.GetStringValue()
		}
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				about := map[string]string{}
				for _, a := range s.Attributes {
					about[a.Key] = a.Value.GetStringValue()
					if about[a.Key] == "" {
						about[a.Key] = a.Value.String()
					}
				}
				c.spans = append(c.spans, Span{
					Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(bytes.Trim(s.ParentSpanId, "\x00")),
					Name: s.Name, Failed: s.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR, About: about, Service: service, Raw: s.String(),
				})
			}
		}
	}
	return nil
}

// Spans returns what came so far.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Headers returns those of what came so far; ":path" is the request line.
func (c *Collector) Headers() []http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]http.Header(nil), c.headers...)
}
