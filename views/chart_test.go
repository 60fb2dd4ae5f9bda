package views

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"reko.moe/engine"
)

// Charts of invented numbers.
var (
	noNumber  = math.NaN()
	at        = []time.Time{now, now.Add(time.Minute), now.Add(2 * time.Minute), now.Add(3 * time.Minute)}
	lineChart = LineChart{ID: "requests", Title: "Requests", Note: "A minute.", At: at, Step: time.Minute, Format: PerMinute, Lines: []Line{
		{"all", "ink-7", []float64{10, 20, 0, 5}}, {`<i>no</i>`, "ink-0 dotted", []float64{0, 1, 0, 0}},
	}}
	logChart = LineChart{ID: "times", Title: "Times", Note: "How long.", At: at, Step: 6 * time.Hour, Format: Seconds, Log: true, Lines: []Line{
		{"p50", "ink-7", []float64{0.004, noNumber, 0.1, 12}}, {"p99", "ink-0 dashed", []float64{0.004, 0.02, noNumber, 31}},
	}}
	stackedChart = LineChart{ID: "calls", Title: "Calls", Note: "A minute.", At: at, Step: 10 * time.Minute, Format: PerMinute, Stacked: true, Lines: []Line{
		{"ok", "ink-5", []float64{1, 2, 3, 4}}, {"failed", "ink-0", []float64{0, 2, 0, 4}},
	}}
	barChart = BarChart{ID: "genres", Title: "Genres", Note: "Of all.", Format: Points, Signed: true, Bars: []Bar{
		{"Action", 1.5, 0.5, true}, {`<script>alert("bar")</script>`, -0.75, noNumber, false}, {"Drama", 0, -0.2, false},
	}}
	columnChart = ColumnChart{ID: "scores", Title: "Scores", Of: "Score", What: "Anime", Format: Percent, Compare: true, Columns: []Bar{
		{"9", 0.25, 0.5, false}, {"10", 0.75, 0.045, true},
	}}
)

// overview is one of a busy site.
var overview = OverviewView{
	Span: "day", Spans: []string{"hour", "day", "month"},
	Minute: Figures{Requests: 120, Refused: 2, Failed: 0.5, Took: []float64{0.004, 0.05, 1.25}},
	Whole:  Figures{Requests: 98.6},
	Charts: []LineChart{lineChart}, InFlight: 3,
	Asks: &Asking{Rate: 1, Burst: 5, Waiting: 2, Paused: 90 * time.Second, Outcomes: []Outcome{{"ok", 1234}}, Waited: []float64{0, 0.5, 2}},
	Totals: engine.Totals{Undescribed: 7, At: now.Add(-20 * time.Second), Origins: map[engine.Origin]engine.OriginTotals{
		engine.FromMAL: {Users: 1200, Lists: 1100, Entries: 345678}, engine.Uploaded: {Users: 3, Lists: 3, Entries: 10},
	}},
	Memory: engine.Memory{Users: 1201, IndexBytes: 38432, Profiles: 1202, ProfileBytes: 153856, Titles: 30761, Population: 4, PopulationAt: now.Add(-time.Hour), Populace: 1200},
	Cache:  CacheLine{Lists: 1000, Bytes: 25 << 20, Rate: 0.987, Asked: true},
	Pools:  []PoolLine{{Name: "all", Max: 10, Open: 5, InUse: 2, Waits: 1}},
	Keys:   2, Last: done[:1],
	Failures: []Failure{{Job: "refresh", At: now.Add(-time.Hour), Text: `<script>alert("job")</script>`}},
}

// portraitOf is the portrait of one of three people, of whom spike watches what others do not.
func portraitOf(r engine.Requester, name string) PortraitView {
	var anime []engine.Anime
	for i := range 30 {
		genre := []engine.Genre{{ID: 1, Name: "Action"}, {ID: 23, Name: "School"}}
		if i < 10 {
			genre = []engine.Genre{{ID: 24, Name: "Sci-Fi"}, {ID: 18, Name: "Mecha"}, {ID: 27, Name: "Shounen"}}
		}
		anime = append(anime, engine.Anime{
			ID: engine.AnimeID(i + 1), Mean: 7, Episodes: 12, Rating: engine.RatingR, Start: engine.Date{Year: 1985 + i, Month: 4, Day: 3}, Genres: genre, DescribedAt: now,
		})
	}
	catalogue := engine.NewCatalogue(anime)
	list := func(mecha, school int, score uint8) (l engine.List) {
		for i := range mecha + school {
			id := i + 1
			if i >= mecha {
				id = 11 + i - mecha
			}
			l = append(l, engine.Entry{Anime: engine.AnimeID(id), Status: engine.Completed, Score: score, Episodes: 12})
		}
		return l
	}
	lists := map[string]engine.List{"spike": list(9, 3, 9), "faye": list(1, 10, 7), "jet": list(3, 20, 6), "ed": nil}
	population := engine.PopulationOf(engine.ProfileOf(lists["faye"], catalogue), engine.ProfileOf(lists["jet"], catalogue), engine.ProfileOf(lists["spike"], catalogue))
	population.MadeAt = now.Add(-2 * time.Hour)
	r.Entries = len(lists[name])
	return PortraitView{engine.Answer[engine.Portrait]{Requester: r, Data: engine.PortraitOf(lists[name], catalogue, population)}}
}

// plain is a text with usual spaces where lines may not break.
func plain(s string) string { return strings.ReplaceAll(s, "\u00a0", " ") }

// Every number that a chart draws is in a table of the same figure.
func TestChartsHaveTables(t *testing.T) {
	table := regexp.MustCompile(`(?s)<table.*?</table>`)
	for name, numbers := range map[string][]string{
		"chart-lines":   {"12:00", "12:03", "10", "20", "5", "1"},
		"chart-log":     {"22 Nov 12:00", "4 ms", "20 ms", "100 ms", "12 s", "31 s", "–"},
		"chart-stacked": {"3", "4"},
		"chart-bars":    {"Action", "+1.5", "+0.5", "−0.8", "±0", "−0.2"},
		"chart-columns": {"9", "25 %", "50 %", "75 %", "4.5 %"},
	} {
		found := plain(table.FindString(render(t, samples[name])))
		for _, n := range numbers {
			if !regexp.MustCompile(`>\s*` + regexp.QuoteMeta(n) + `\s*<`).MatchString(found) {
				t.Errorf("the table of %s has no %s: %s", name, n, found)
			}
		}
	}
}

func TestLinesAreWhereTheirNumbersAre(t *testing.T) {
	s := lineChart.scale()
	if got, want := s.ticks, []float64{20, 15, 10, 5, 0}; len(got) != 5 || got[0] != want[0] || got[4] != want[4] || got[1] != want[1] {
		t.Errorf("scale %v, want %v", got, want)
	}
	if got, want := lineChart.path(s, lineChart.Lines[0].Values), "M125 150L375 0L625 300L875 225"; got != want {
		t.Errorf("path %s, want %s", got, want)
	}
	if got, want := lineChart.area(s, []float64{10, 20, 0, 5}, nil), "M125 150L375 0L625 300L875 225L875 300L625 300L375 300L125 300Z"; got != want {
		t.Errorf("area %s, want %s", got, want)
	}
	// 1 ms to 100 s; a number between gaps is a dash.
	s = logChart.scale()
	if got := s.ticks; len(got) != 6 || math.Abs(got[0]-100) > 1e-9 || math.Abs(got[5]-0.001) > 1e-9 {
		t.Errorf("scale %v, want 100, 10 ... 0.001", got)
	}
	if got, want := logChart.path(s, []float64{0.01, noNumber, 0.1, 10}), "M0 240H250M625 180L875 60"; got != want {
		t.Errorf("path %s, want %s", got, want)
	}
	if got, want := stackedChart.drawn()[1].Values, []float64{1, 4, 3, 8}; got[1] != want[1] || got[3] != want[3] {
		t.Errorf("stacked %v, want %v", got, want)
	}
	if v := stackedChart.Lines[1].Values[3]; v != 4 {
		t.Errorf("stacking changed the numbers: %v", v)
	}
}

func TestScalesHoldTheirNumbers(t *testing.T) {
	for _, v := range []float64{0.003, 0.04, 1, 1.1, 2, 3.9, 7, 9.5, 10, 99, 101, 123456} {
		n := nice(v)
		if n < v || n > 2*v {
			t.Errorf("nice(%v) = %v, want what is not much more", v, n)
		}
		if q := PerMinute(n / 4); v >= 1 && strings.Contains(q, "<") {
			t.Errorf("a quarter of nice(%v) is written %s", v, q)
		}
		s := logScale(v, v*3)
		if s.low > v*(1+1e-9) || s.high < v*3*(1-1e-9) || len(s.ticks) < 2 {
			t.Errorf("logScale(%v, %v) = %+v", v, v*3, s)
		}
	}
	if s := logScale(math.Inf(1), 0); len(s.ticks) != 2 || s.low <= 0 {
		t.Errorf("scale of nothing: %+v", s)
	}
}

func TestBarsAreWithinTheirDrawing(t *testing.T) {
	number := regexp.MustCompile(`(x|width)="([^"]*)"`)
	for _, c := range []BarChart{barChart, {Bars: []Bar{{Value: 0, Usual: noNumber}}, Format: Percent}, {Bars: []Bar{{Value: 0.2, Usual: 0.9}}, Format: Percent}} {
		for _, b := range c.Bars {
			from, _ := strconv.ParseFloat(c.from(b), 64)
			width, err := strconv.ParseFloat(c.width(b), 64)
			if err != nil || from < 0 || width < 0 || from+width > 1000.1 {
				t.Errorf("%+v is drawn from %v, %v wide", b, from, width)
			}
		}
		if strings.Contains(number.FindString(render(t, Bars(c))), "NaN") {
			t.Error("a bar is nowhere")
		}
	}
	for name := range samples {
		if strings.HasPrefix(name, "chart") || strings.HasPrefix(name, "admin-") {
			if html := render(t, samples[name]); strings.Contains(html, "NaN") || strings.Contains(html, "Inf") {
				t.Errorf("%s has a number that is none", name)
			}
		}
	}
}

func TestNumbersInCharts(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{PerMinute(0), "0"}, {PerMinute(0.001), "<0.01"}, {PerMinute(0.25), "0.25"}, {PerMinute(2), "2"}, {PerMinute(2.5), "2.5"}, {PerMinute(1234.4), "1,234"},
		{Seconds(0.0001), "0.1 ms"}, {Seconds(0.001), "1 ms"}, {Seconds(0.0042), "4.2 ms"}, {Seconds(0.1), "100 ms"}, {Seconds(0.9996), "1 s"}, {Seconds(1.25), "1.2 s"}, {Seconds(30), "30 s"},
		{Percent(0), "0 %"}, {Percent(0.034), "3.4 %"}, {Percent(0.18), "18 %"}, {Percent(1), "100 %"},
		{Points(0.04), "±0"}, {Points(-1.26), "−1.3"}, {Points(0.5), "+0.5"},
		{size(1), "1 byte"}, {size(2048), "2 KiB"}, {size(1536 << 10), "1.5 MiB"}, {size(256 << 20), "256 MiB"},
	} {
		if plain(test.got) != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}
