package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"reko.moe/engine/demo"
	"reko.moe/engine/mal/maltest"
	"reko.moe/handlers"
	"reko.moe/handlers/traces/tracestest"
	"reko.moe/internal/locked"
	"reko.moe/internal/wait"
)

// A request's trace has all that took time, belongs to the trace that it came with, and names nobody.
func TestRequestsAreTraced(t *testing.T) {
	to := tracestest.Start(t)
	fake := maltest.Start(t, maltest.Lists{"spike": listOf(1, 5, 6, 30, 43)}, demo.Anime()...)
	cfg := defaultConfig()
	cfg.Database, cfg.Jobs, cfg.Demo, cfg.TraceEndpoint = "sqlite:"+t.TempDir()+"/reko.db", false, "true", to.URL
	cfg.MALURL, cfg.MALClient, cfg.MALRate, cfg.MALBurst = fake.BaseURL, fake.ClientID, 1000, 100
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var said locked.Buffer
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, cfg, ln, slog.New(handlers.LogHandler(slog.NewTextHandler(&said, nil))))
	}()
	base := "http://" + ln.Addr().String()
	await(t, base)

	const parent, id = "0af7651916cd43dd8448eb211c80319c", "request-id-of-mine"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/u/spike", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("traceparent", "00-"+parent+"-b7ad6b7169203331-01")
	req.Header.Set("X-Request-Id", id)
	req.Header.Set("User-Agent", "bebop")
	wait.For(t, func() error { // a page shows that the list is awaited, at first
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 || !strings.Contains(string(body), "Recommend") {
			return errors.New("no page yet")
		}
		return nil
	})
	if status, body := get(base + "/api/nobody/similar"); status != 404 {
		t.Fatal(status, body)
	}
	begin := time.Now()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("stopping took %s", took)
	}

	var names []string
	var request tracestest.Span
	for _, s := range to.Spans() {
		if s.Trace == parent {
			names = append(names, s.Name)
		}
		if s.Name == "GET /u/:username" && request.ID == "" {
			request = s
		}
		if s.Name == "GET /api/:username/similar" && (s.Failed || s.About["http.response.status_code"] == "" || s.Parent != "") {
			t.Errorf("the request of who is not there is %v", s)
		}
		for _, private := range []string{"spike", "nobody", "bebop", "127.0.0.1"} {
			if strings.Contains(s.Raw, private) {
				t.Errorf("%s is told: %s", private, s.Raw)
			}
		}
	}
	for _, want := range []string{"GET /u/:username", "store.User", "store.Users", "store.SaveUser", "mal.List", "model", "render"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no %s among %q", want, names)
		}
	}
	if request.Parent != "b7ad6b7169203331" || request.About["reko.request_id"] != id || request.About["http.route"] != "/u/:username" {
		t.Errorf("the request is %v", request)
	}
	if !strings.Contains(said.String(), "request="+id+" trace="+parent) {
		t.Errorf("the log does not have the trace: %.2000s", said.String())
	}
}

// A collector that is not there is said once, and harms nothing.
func TestTracesThatGoNowhere(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() // accepts, and never answers
	url := start(t, func(cfg *config) { cfg.TraceEndpoint = "http://" + ln.Addr().String() })
	for range 20 {
		if status, body := get(url + "/api/" + demo.Examples()[0].Name + "/similar"); status != 200 {
			t.Fatal(status, body)
		}
	}
}
