package handlers

import (
	"math"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine/series"
	"reko.moe/views"
)

// served are the requests whose durations are shown. A refusal takes no time, and many of them would hide how slow the others are.
var served = []series.Event{series.Answered, series.Failed}

// The quantiles of durations that are shown.
var quantiles = []float64{0.5, 0.95, 0.99}

// overviewPage is the first page of the admin side. Its part asks for itself again and again.
func (s *server) overviewPage(c *fiber.Ctx) error {
	span, err := spanOf(c)
	if err != nil {
		return err
	}
	v := views.OverviewView{Span: span.Name, InFlight: max(s.Metrics.InFlight()-1, 0), Memory: s.Engine.Memory()}
	for _, other := range series.Spans {
		v.Spans = append(v.Spans, other.Name)
	}
	if err := s.overviewSeries(c, span, &v); err != nil {
		return err
	}
	if err := s.overviewStore(c, &v); err != nil {
		return err
	}
	s.overviewSources(&v)
	p, err := s.adminPage(c, adminPath, "Overview")
	if err != nil {
		return err
	}
	return s.render(c, views.OverviewPage(p, v), views.Overview(p, v), "overview")
}

// spanOf reads the span of time.
func spanOf(c *fiber.Ctx) (series.Span, error) {
	name := c.Query("span", series.Spans[0].Name)
	var names []string
	for _, s := range series.Spans {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return series.Span{}, invalid{"span", name, "one of " + strings.Join(names, ", ")}
}

// overviewSeries fills in what happened.
func (s *server) overviewSeries(c *fiber.Ctx, span series.Span, v *views.OverviewView) error {
	if s.Series == nil {
		return nil
	}
	slots, err := series.Read(c.UserContext(), s.Series, span, time.Now())
	if err != nil {
		return err
	}
	minutes := slots
	if span.Step != time.Minute {
		if minutes, err = series.Read(c.UserContext(), s.Series, series.Spans[0], time.Now()); err != nil {
			return err
		}
	}
	all := series.All(slots)
	v.Minute, v.Whole = figures(&minutes[len(minutes)-1]), figures(&all)
	v.Charts = charts(span, slots, &all)
	if s.Sources.Pace != nil {
		p := s.Sources.Pace()
		v.Asks = &views.Asking{Rate: p.Rate, Burst: p.Burst, Waiting: p.Waiting, Paused: max(time.Until(p.Paused), 0), Resting: p.Resting, Waited: took(&all, series.MALWait)}
		for _, e := range series.MAL {
			if n := all.Count(e); n > 0 {
				v.Asks.Outcomes = append(v.Asks.Outcomes, views.Outcome{Name: outcomeName(e), N: n})
			}
		}
	}
	return nil
}

// overviewStore fills in what is stored. Nothing of it takes long, however many users there are.
func (s *server) overviewStore(c *fiber.Ctx, v *views.OverviewView) (err error) {
	ctx := c.UserContext()
	if v.Totals, err = s.Engine.Totals(ctx); err != nil {
		return err
	}
	keys, err := s.Engine.Keys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.RevokedAt.IsZero() {
			v.Keys++
		}
	}
	if v.Last, err = s.Engine.LastActions(ctx, 6); err != nil {
		return err
	}
	if s.Failures == nil {
		return nil
	}
	failures, err := s.Failures(ctx, 5)
	for _, r := range failures {
		text, _, _ := strings.Cut(r.Err, "\n")
		v.Failures = append(v.Failures, views.Failure{Job: r.Job, At: r.Started, Text: text})
	}
	return err
}

// overviewSources fills in how the parts of the program are.
func (s *server) overviewSources(v *views.OverviewView) {
	if s.Sources.Cache != nil {
		cache := s.Sources.Cache()
		v.Cache = views.CacheLine{Lists: cache.Lists, Bytes: int(cache.Bytes)}
		v.Cache.Rate, v.Cache.Asked = cache.Rate()
	}
	if s.Sources.Pools != nil {
		for _, p := range s.Sources.Pools() {
			v.Pools = append(v.Pools, views.PoolLine{Name: p.Name, Max: p.Max, Open: p.Open, InUse: p.InUse, Waits: p.Waits})
		}
	}
	if s.Sources.Model != nil {
		m := s.Sources.Model()
		v.Model = views.Version{Number: m.Version, MadeAt: m.MadeAt, Users: m.Users}
	}
}

// figures are those of the requests in a slot.
func figures(s *series.Slot) views.Figures {
	return views.Figures{
		Requests: s.PerMinute(series.Requests...), Refused: s.PerMinute(series.Refused), Failed: s.PerMinute(series.Failed),
		Took: took(s, served...),
	}
}

// took are the quantiles of durations in seconds, nil when nothing happened.
func took(s *series.Slot, of ...series.Event) []float64 {
	times, ok := s.Quantiles(quantiles, of...)
	if !ok {
		return nil
	}
	seconds := make([]float64, len(times))
	for i, t := range times {
		seconds[i] = t.Seconds()
	}
	return seconds
}

// charts are what happened in the slots of a span, all together being all.
func charts(span series.Span, slots []series.Slot, all *series.Slot) []views.LineChart {
	chart := func(id, title, note string) views.LineChart {
		c := views.LineChart{ID: id, Title: title, Note: note, Step: span.Step, Format: views.PerMinute}
		for i := range slots {
			c.At = append(c.At, slots[i].At)
		}
		return c
	}
	line := func(name, class string, value func(*series.Slot) float64) views.Line {
		l := views.Line{Name: name, Class: class}
		for i := range slots {
			l.Values = append(l.Values, value(&slots[i]))
		}
		return l
	}
	rate := func(of ...series.Event) func(*series.Slot) float64 {
		return func(s *series.Slot) float64 { return s.PerMinute(of...) }
	}
	requests := chart("requests", "Requests", "A minute.")
	requests.Lines = []views.Line{
		line("all", "ink-7", rate(series.Requests...)),
		line("refused (4xx)", "ink-2 dashed", rate(series.Refused)),
		line("failed (5xx)", "ink-0 dotted", rate(series.Failed)),
	}
	times := chart("times", "Time to answer", "What half, 95 and 99 of 100 requests took at most. Those that were refused, which is done at once, are not among them.")
	times.Log, times.Format = true, views.Seconds
	for i, class := range []string{"ink-7", "ink-9 dashed", "ink-0 dotted"} {
		name := []string{"p50", "p95", "p99"}[i]
		times.Lines = append(times.Lines, line(name, class, func(s *series.Slot) float64 {
			if took := took(s, served...); took != nil {
				return took[i]
			}
			return math.NaN()
		}))
	}
	calls := chart("calls", "Calls of MyAnimeList", "A minute, by outcome.")
	calls.Stacked = true
	for i, e := range series.MAL {
		if i == 0 || all.Count(e) > 0 {
			calls.Lines = append(calls.Lines, line(outcomeName(e), outcomeInks[i], rate(e)))
		}
	}
	return []views.LineChart{requests, times, calls}
}

// outcomeInks are the inks of series.MAL.
var outcomeInks = []string{"ink-5", "ink-7", "ink-2", "ink-9", "ink-1", "ink-0", "ink-11", "ink-3"}

// outcomeName is that of an event of series.MAL as people read it.
func outcomeName(e series.Event) string {
	return strings.ReplaceAll(strings.TrimPrefix(e.String(), "mal_"), "_", " ")
}
