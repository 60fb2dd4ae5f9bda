package metrics

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/jobs"
	"reko.moe/engine/series"
)

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	return rec.Body.String()
}

func has(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
}

func TestHowThingsAreIsSeen(t *testing.T) {
	m := New("v9")
	m.Watch(Sources{
		Engine: engine.New(engine.Options{}),
		Cache:  func() Cache { return Cache{Hits: 7, Misses: 2, Lists: 3, Bytes: 4096} },
		Orders: func() Orders { return Orders{Hits: 5, Misses: 4, Orders: 2, Bytes: 8192} },
		Pools: func() []Pool {
			return []Pool{{Name: "all", Max: 10, Open: 4, InUse: 1, Waits: 5, Waited: 1500 * time.Millisecond}}
		},
		Pace:  func() Pace { return Pace{Rate: 1.5, Burst: 5, Waiting: 2, Paused: time.Now().Add(-time.Hour)} },
		Model: func() Model { return Model{Version: 12, MadeAt: time.Unix(1_700_000_000, 0)} },
	})
	has(t, scrape(t, m),
		`reko_build_info{version="v9"} 1`,
		`reko_list_cache_hits_total 7`, `reko_list_cache_misses_total 2`, `reko_list_cache_lists 3`, `reko_list_cache_bytes 4096`,
		`reko_order_cache_hits_total 5`, `reko_order_cache_misses_total 4`, `reko_order_cache_orders 2`, `reko_order_cache_bytes 8192`,
		`reko_index_users{by="hash"} 0`, `reko_index_users{by="statistics"} 0`, `reko_catalogue_anime 0`,
		`reko_population_version 0`, `reko_model_version 12`, `reko_model_timestamp_seconds 1.7e+09`,
		`reko_mal_waiting 2`, `reko_mal_rate 1.5`, `reko_mal_paused_seconds 0`,
		`reko_db_connections{pool="all",state="in_use"} 1`, `reko_db_connections{pool="all",state="idle"} 3`, `reko_db_connections_max{pool="all"} 10`,
		`reko_db_waits_total{pool="all"} 5`, `reko_db_wait_seconds_total{pool="all"} 1.5`,
	)
}

func TestWhatIsNotThereIsLeftOut(t *testing.T) {
	m := New("v9")
	m.Watch(Sources{Engine: engine.New(engine.Options{})})
	text := scrape(t, m)
	has(t, text, `reko_model_version 0`)
	for _, name := range []string{"reko_model_timestamp", "reko_population_timestamp", "reko_mal_rate", "reko_list_cache", "reko_db_"} {
		if strings.Contains(text, name) {
			t.Errorf("%s is there", name)
		}
	}
}

func TestCallsAreCountedByOutcome(t *testing.T) {
	m := New("v")
	for outcome := range malEvents {
		m.MAL(outcome, 30*time.Millisecond)
	}
	m.MAL("ok", time.Second)
	m.MALWait(2 * time.Second)
	has(t, scrape(t, m), `reko_mal_request_duration_seconds_count{outcome="ok"} 2`, `reko_mal_request_duration_seconds_count{outcome="timed_out"} 1`,
		`reko_mal_wait_duration_seconds_sum 2`)
	k := &counts{n: map[series.Event]int64{}}
	if err := m.Series.Flush(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	for _, e := range series.MAL {
		want := int64(1)
		if e == series.MALOK {
			want = 2
		}
		if k.n[e] != want {
			t.Errorf("%s: %d, want %d", e, k.n[e], want)
		}
	}
}

// counts is a keeper of counts.
type counts struct{ n map[series.Event]int64 }

func (k *counts) AddCounts(_ context.Context, _ string, _ time.Time, counts []series.Count) error {
	for _, c := range counts {
		k.n[c.Event] += c.N
	}
	return nil
}

func (k *counts) Counts(context.Context, series.Span, time.Time) ([]series.Count, error) {
	return nil, nil
}

// runs keeps runs of jobs.
type runs struct {
	jobs.Keeper
	kept []jobs.Run
	err  error
}

func (r *runs) SaveRun(_ context.Context, run jobs.Run) error {
	r.kept = append(r.kept, run)
	return r.err
}

func TestJobsAreCountedByOutcome(t *testing.T) {
	m := New("v")
	inner := &runs{err: errors.New("full")}
	k := m.Jobs(inner)
	for _, r := range []jobs.Run{
		{Job: "refresh", Took: time.Second}, {Job: "refresh", Took: 2 * time.Second}, {Job: "hashes", Took: time.Minute, Err: "broken"},
		{Job: "train", Took: time.Second, Err: jobs.Interrupted},
	} {
		if err := k.SaveRun(t.Context(), r); !errors.Is(err, inner.err) {
			t.Errorf("SaveRun = %v, want %v", err, inner.err)
		}
	}
	if len(inner.kept) != 4 {
		t.Errorf("%d runs are kept, want 4", len(inner.kept))
	}
	has(t, scrape(t, m), `reko_job_duration_seconds_count{job="refresh",outcome="ok"} 2`, `reko_job_duration_seconds_sum{job="refresh",outcome="ok"} 3`,
		`reko_job_duration_seconds_count{job="hashes",outcome="failed"} 1`, `reko_job_duration_seconds_count{job="train",outcome="interrupted"} 1`)
}

func TestCountingTogetherLosesNothing(t *testing.T) {
	m := New("v")
	var wg sync.WaitGroup
	routes := []string{"/a", "/b", "/c"}
	for range 8 {
		wg.Go(func() {
			for i := range 3000 {
				end := m.Begin()
				m.Request(routes[i%3], "GET", 200+100*(i%2), time.Millisecond)
				end()
			}
		})
	}
	wg.Wait()
	has(t, scrape(t, m), `reko_http_request_duration_seconds_count{method="GET",route="/a",status="2xx"} 4000`,
		`reko_http_request_duration_seconds_count{method="GET",route="/c",status="3xx"} 4000`, `reko_http_requests_in_flight 0`)
	if n := testing.AllocsPerRun(100, func() { m.Request("/a", "GET", 200, time.Millisecond) }); n != 0 {
		t.Errorf("counting a request allocates %v times", n)
	}
}

func TestCacheRate(t *testing.T) {
	if _, ok := (Cache{}).Rate(); ok {
		t.Error("a rate of nothing")
	}
	if r, ok := (Cache{Hits: 3, Misses: 1}).Rate(); !ok || r != 0.75 {
		t.Errorf("rate %v, want 0.75", r)
	}
}
