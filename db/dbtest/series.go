package dbtest

import (
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"reko.moe/engine/series"
)

var seriesTests = []test{
	{"counts of instances add up", countsAddUp},
	{"counts are added once", countsOnce},
	{"counts of one minute from many sides", countsTogether},
	{"counts are bounded", countsBounded},
	{"counts of a newer version are passed over", countsUnknown},
}

// minute0 is the first one of a slot in every span.
var minute0 = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func countsAddUp(t *testing.T, s store) {
	there := s.another(t, 0)
	want(t, "counts at first", must[[]series.Count](t)(s.Counts(t.Context(), series.Spans[0], time.Time{})), nil)
	at := func(minutes int) time.Time { return minute0.Add(time.Duration(minutes) * time.Minute) }
	ok(t, s.AddCounts(t.Context(), rand.Text(), at(0), []series.Count{{Event: series.MALOK, Bucket: 9, N: 1}, {Event: series.Answered, Bucket: 3, N: 5}}))
	ok(t, there.AddCounts(t.Context(), rand.Text(), at(0), []series.Count{{Event: series.Answered, Bucket: 3, N: 7}, {Event: series.Answered, Bucket: 4, N: 1}}))
	ok(t, there.AddCounts(t.Context(), rand.Text(), at(3), []series.Count{{Event: series.Answered, Bucket: 3, N: 100}}))
	ok(t, s.AddCounts(t.Context(), rand.Text(), at(4), nil))
	for i, wanted := range [][]series.Count{
		{{At: at(0), Event: series.Answered, Bucket: 3, N: 12}, {At: at(0), Event: series.Answered, Bucket: 4, N: 1},
			{At: at(0), Event: series.MALOK, Bucket: 9, N: 1}, {At: at(3), Event: series.Answered, Bucket: 3, N: 100}},
		{{At: at(0), Event: series.Answered, Bucket: 3, N: 112}, {At: at(0), Event: series.Answered, Bucket: 4, N: 1}, {At: at(0), Event: series.MALOK, Bucket: 9, N: 1}},
		{{At: at(0), Event: series.Answered, Bucket: 3, N: 112}, {At: at(0), Event: series.Answered, Bucket: 4, N: 1}, {At: at(0), Event: series.MALOK, Bucket: 9, N: 1}},
	} {
		span := series.Spans[i]
		want(t, span.Name, must[[]series.Count](t)(s.Counts(t.Context(), span, minute0)), wanted)
		want(t, span.Name+" after another start", must[[]series.Count](t)(s.another(t, 0).Counts(t.Context(), span, minute0)), wanted)
	}
	want(t, "counts from a time on", must[[]series.Count](t)(s.Counts(t.Context(), series.Spans[0], at(1))),
		[]series.Count{{At: at(3), Event: series.Answered, Bucket: 3, N: 100}})
}

// countsOnce adds a batch again, as one does whom no answer reached.
func countsOnce(t *testing.T, s store) {
	one := []series.Count{{Event: series.Answered, Bucket: 3, N: 5}}
	for _, batch := range []string{"a", "a", "b"} {
		ok(t, s.AddCounts(t.Context(), batch, minute0, one))
	}
	ok(t, s.another(t, 0).AddCounts(t.Context(), "a", minute0, one))
	got := must[[]series.Count](t)(s.Counts(t.Context(), series.Spans[0], minute0))
	want(t, "counts", got, []series.Count{{At: minute0, Event: series.Answered, Bucket: 3, N: 10}})
	want(t, "at once", must[string](t)(s.PruneBatches(t.Context())), "0 batches of counts forgotten")
	Exec(t, s.url, `UPDATE series_batches SET at = at - 3601`)
	want(t, "an hour later", must[string](t)(s.PruneBatches(t.Context())), "2 batches of counts forgotten")
}

// Instances that write the same rows in other orders at the same time neither lose counts nor block each other.
func countsTogether(t *testing.T, s store) {
	var wg sync.WaitGroup
	const times = 20
	for i := range 4 {
		instance := s.another(t, 0)
		wg.Go(func() {
			for range times {
				var counts []series.Count
				for b := range 50 {
					if i%2 == 0 {
						b = 49 - b
					}
					counts = append(counts, series.Count{Event: series.Event(b % 3), Bucket: b, N: 1})
				}
				if err := instance.AddCounts(t.Context(), rand.Text(), minute0, counts); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, span := range series.Spans {
		counts := must[[]series.Count](t)(s.Counts(t.Context(), span, minute0))
		want(t, span.Name+" rows", len(counts), 50)
		for _, c := range counts {
			want(t, span.Name, c.N, 4*times)
		}
	}
}

func countsBounded(t *testing.T, s store) {
	day := 24 * 60
	for i := 0; i < 40*day; i += 59 {
		ok(t, s.AddCounts(t.Context(), rand.Text(), minute0.Add(time.Duration(i)*time.Minute), []series.Count{{Event: series.Failed, Bucket: i % 7, N: 1}}))
	}
	last := minute0.Add(time.Duration(40*day-1) * time.Minute)
	for _, span := range series.Spans {
		counts := must[[]series.Count](t)(s.Counts(t.Context(), span, time.Time{}))
		slots := must[[]series.Slot](t)(series.Read(t.Context(), s, span, last.Add(time.Minute)))
		all := series.All(slots)
		if least := int64(span.Step) * int64(span.Slots-1) / int64(59*time.Minute); all.Count(series.Failed) < least {
			t.Errorf("%s: %d counts, want at least %d", span.Name, all.Count(series.Failed), least)
		}
		if first := counts[0].At; last.Sub(first) > span.Keep()+time.Hour+span.Step {
			t.Errorf("%s: counts of %v at %v", span.Name, first, last)
		}
	}
}

func countsUnknown(t *testing.T, s store) {
	ok(t, s.AddCounts(t.Context(), rand.Text(), minute0, []series.Count{{Event: series.Refused, Bucket: 1, N: 2}}))
	Exec(t, s.url, `INSERT INTO series (step, at, event, bucket, n) VALUES (60, 1795521600, 'unheard', 1, 1), (60, 1795521600, 'refused', 100000, 1)`)
	counts := must[[]series.Count](t)(s.Counts(t.Context(), series.Spans[0], minute0))
	want(t, "counts", len(counts), 2)
	slots := must[[]series.Slot](t)(series.Read(t.Context(), s, series.Spans[0], minute0.Add(time.Minute)))
	want(t, "refused", slots[len(slots)-1].Count(series.Refused), 2)
}
