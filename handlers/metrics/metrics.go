// Package metrics counts what the program does: for Prometheus in a registry of its own, and by the minute for the charts of the
// admin's overview.
package metrics

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"reko.moe/engine/jobs"
	"reko.moe/engine/series"
)

// Metrics counts. It is safe for concurrent use; counting a request takes no lock.
type Metrics struct {
	Series series.Recorder // somebody has to run it

	registry *prometheus.Registry
	requests *observers[request]
	inFlight atomic.Int64
	mal      *observers[string]
	malWait  prometheus.Histogram
	jobs     *prometheus.HistogramVec
	shed     prometheus.Counter
	limited  *prometheus.CounterVec
}

// Durations of requests, calls and jobs, in seconds.
var (
	requestBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	callBuckets    = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	jobBuckets     = []float64{.01, .1, 1, 5, 15, 60, 300, 900, 3600}
)

// New makes metrics that count from 0.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	requests := histogram("reko_http_request_duration_seconds", "How long requests took, by pattern of the route, method and class of the status.",
		requestBuckets, "route", "method", "status")
	calls := histogram("reko_mal_request_duration_seconds", "How long calls of MyAnimeList took, by outcome.", callBuckets, "outcome")
	m.requests = observe(requests, request.labels)
	m.mal = observe(calls, func(outcome string) []string { return []string{outcome} })
	m.malWait = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "reko_mal_wait_duration_seconds", Help: "How long calls of MyAnimeList waited for their turn.", Buckets: callBuckets,
	})
	m.jobs = histogram("reko_job_duration_seconds", "How long jobs took, by outcome (ok, failed, interrupted).", jobBuckets, "job", "outcome")
	m.shed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "reko_http_shed_total", Help: "Requests that were turned away because there was too much to do. The other metrics of requests are without them.",
	})
	m.limited = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reko_limited_total", Help: "Requests that were refused because their client asked too much, by limit (api, pages, costly, uploads, logins).",
	}, []string{"limit"})
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		requests, calls, m.malWait, m.jobs, m.shed, m.limited,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "reko_http_requests_in_flight", Help: "Requests that are being answered.",
		}, func() float64 { return float64(m.inFlight.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "reko_build_info", Help: "1, with the version as its label.", ConstLabels: prometheus.Labels{"version": version},
		}, func() float64 { return 1 }),
	)
	return m
}

// Handler answers everything that is known, as Prometheus wants it.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, Registry: m.registry})
}

// Begin counts a request that came in. The function that it returns is for when it is answered.
func (m *Metrics) Begin() (end func()) {
	m.inFlight.Add(1)
	return m.ended
}

// InFlight returns how many requests are being answered.
func (m *Metrics) InFlight() int { return int(m.inFlight.Load()) }

func (m *Metrics) ended() { m.inFlight.Add(-1) }

// Request counts a request that was answered. route and method must be of a small set, as patterns are and paths are not.
func (m *Metrics) Request(route, method string, status int, took time.Duration) {
	m.requests.of(request{route, method, min(max(status/100, 1), 5)}).Observe(took.Seconds())
}

// Limited counts a request that was refused by the limit of that name.
func (m *Metrics) Limited(name string) { m.limited.WithLabelValues(name).Inc() }

// malEvents finds the event of an outcome.
var malEvents = map[string]series.Event{
	"ok": series.MALOK, "not_found": series.MALNotFound, "forbidden": series.MALForbidden, "refused": series.MALRefused,
	"limited": series.MALLimited, "failed": series.MALFailed, "timed_out": series.MALTimedOut, "canceled": series.MALCanceled,
}

// Shed counts a request that was turned away because there was too much to do. It is not among those of Request.
func (m *Metrics) Shed() {
	m.shed.Inc()
	m.Series.Observe(series.Refused, 0)
}

// MAL counts a call of MyAnimeList.
func (m *Metrics) MAL(outcome string, took time.Duration) {
	m.mal.of(outcome).Observe(took.Seconds())
	if e, ok := malEvents[outcome]; ok {
		m.Series.Observe(e, took)
	}
}

// MALWait counts how long a call of MyAnimeList waited for its turn.
func (m *Metrics) MALWait(waited time.Duration) {
	m.malWait.Observe(waited.Seconds())
	m.Series.Observe(series.MALWait, waited)
}

// Jobs returns a keeper that counts the runs which k is given.
func (m *Metrics) Jobs(k jobs.Keeper) jobs.Keeper { return keeper{k, m} }

type keeper struct {
	jobs.Keeper
	metrics *Metrics
}

func (k keeper) SaveRun(ctx context.Context, r jobs.Run) error {
	outcome := "failed"
	switch r.Err {
	case "":
		outcome = "ok"
	case jobs.Interrupted:
		outcome = jobs.Interrupted
	}
	k.metrics.jobs.WithLabelValues(r.Job, outcome).Observe(r.Took.Seconds())
	return k.Keeper.SaveRun(ctx, r)
}
