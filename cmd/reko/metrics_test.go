package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/db/dbtest"
	"reko.moe/engine"
	"reko.moe/engine/demo"
	"reko.moe/engine/mal/maltest"
	"reko.moe/engine/series"
	"reko.moe/handlers/metrics"
	"reko.moe/internal/wait"
)

func TestMetricsOfTheProgram(t *testing.T) {
	anime := demo.Anime()
	fake := maltest.Start(t, maltest.Lists{"spike": listOf(anime[0].ID, anime[1].ID)}, anime...)
	url := start(t, func(cfg *config) {
		cfg.MALURL, cfg.MALClient, cfg.MALRate, cfg.MALBurst, cfg.MALProbe = fake.BaseURL, fake.ClientID, 1000, 100, "spike"
		cfg.Demo, cfg.Jobs, cfg.HashesEvery = "true", true, time.Second
	})
	if status, body := get(url + "/api/spike/recommendations"); status != http.StatusOK {
		t.Fatal(status, body)
	}
	wait.For(t, func() error {
		_, text := get(url + "/metrics")
		return lines(text,
			`reko_http_request_duration_seconds_count{method="GET",route="/api/:username/recommendations",status="2xx"} 1`,
			`reko_mal_request_duration_seconds_count{outcome="ok"} `, `reko_mal_wait_duration_seconds_count `, `reko_mal_rate 1000`,
			`reko_index_users{by="hash"} 401`, `reko_catalogue_anime 485`, `reko_list_cache_misses_total `, `reko_list_cache_bytes `,
			`reko_job_duration_seconds_count{job="hashes",outcome="ok"} `, `reko_db_connections_max{pool="writer"} 1`,
			`reko_population_version `, `reko_model_version `, `go_goroutines `, `process_start_time_seconds `)
	})
}

// lines returns an error for the first of the beginnings that no line of text has.
func lines(text string, beginnings ...string) error {
	for _, b := range beginnings {
		if !strings.Contains("\n"+text, "\n"+b) {
			return &missing{b, text}
		}
	}
	return nil
}

type missing struct{ line, text string }

func (m *missing) Error() string { return "there is no " + m.line + " in\n" + m.text }

// What was counted stays when instances stop, and adds up over them.
func TestCountsOutliveThePrograms(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { countsOutlivePrograms(t, dbtest.SQLite(t)) })
	t.Run("Postgres", func(t *testing.T) { countsOutlivePrograms(t, dbtest.Postgres(t)) })
}

func countsOutlivePrograms(t *testing.T, url string) {
	a := newSite(t, func(cfg *config) { cfg.Database = url })
	b := newSite(t, func(cfg *config) { cfg.Database = url })
	name := demo.Examples()[0].Name
	ask := func(s *site, n int) {
		t.Helper()
		for range n {
			if status, body := get(s.url() + "/api/" + name + "/similar"); status != http.StatusOK {
				t.Fatal(status, body)
			}
		}
	}
	ask(a, 5)
	ask(b, 3)
	get(b.url() + "/nothing")
	a.stop()
	a.start(t)
	ask(a, 2)
	a.stop()
	b.stop()

	store, err := db.Open(t.Context(), db.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, span := range series.Spans {
		slots, err := series.Read(t.Context(), store, span, time.Now().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		all := series.All(slots)
		if all.Count(series.Answered) != 10 || all.Count(series.Refused) != 1 || all.Count(series.Failed) != 0 {
			t.Errorf("%s: %d answered, %d refused, %d failed; want 10, 1, 0", span.Name,
				all.Count(series.Answered), all.Count(series.Refused), all.Count(series.Failed))
		}
	}
}

// A store that fails at the end is an error and does not keep the program from ending.
func TestCountsThatCannotBeKept(t *testing.T) {
	store, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + t.TempDir() + "/reko.db"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := defaultConfig()
	log := cfg.logger()
	m := metrics.New("v")
	if _, _, err := cfg.watchedEngine(store, log, m, nil); err != nil {
		t.Fatal(err)
	}
	finish := keepSeries(context.WithoutCancel(t.Context()), m, store, log)
	m.Series.Observe(series.Answered, time.Second)
	store.Close()
	if err := finish(); err == nil || !strings.Contains(err.Error(), "counts are lost") || !errors.Is(err, engine.ErrStore) {
		t.Errorf("%v, want that counts are lost", err)
	}
}
