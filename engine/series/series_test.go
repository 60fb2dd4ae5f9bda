package series

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestBucketsCoverAllTimes(t *testing.T) {
	for b := range Buckets {
		from, to := bounds(b)
		if got := BucketOf(from); got != b {
			t.Errorf("bucket of %v = %d, want %d", from, got, b)
		}
		if b == lastBucket {
			break
		}
		if got := BucketOf(to - 1); got != b {
			t.Errorf("bucket of %v = %d, want %d", to-1, got, b)
		}
		if width := float64(to-from) / float64(from); b > 0 && width > 1.0/parts {
			t.Errorf("bucket %d, %v to %v, is wider than an eighth: %f", b, from, to, width)
		}
	}
	for _, test := range []struct {
		took time.Duration
		want int
	}{
		{-time.Second, 0}, {0, 0}, {63 * time.Microsecond, 0}, {64 * time.Microsecond, 1}, {67 * time.Second, lastBucket - 1},
		{68 * time.Second, lastBucket}, {math.MaxInt64, lastBucket},
	} {
		if got := BucketOf(test.took); got != test.want {
			t.Errorf("bucket of %v = %d, want %d", test.took, got, test.want)
		}
	}
}

// Percentiles of merged histograms are those of all times together, to the width of a bucket.
func TestQuantilesOfInstancesTogether(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	var merged Histogram
	for instance := range 3 {
		var h Histogram
		for range 5000 {
			took := time.Duration(math.Exp(random.NormFloat64()) * float64(time.Millisecond) * float64(instance*instance*10+1))
			all = append(all, took)
			h.add(BucketOf(took), 1)
		}
		merged.Merge(&h)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.95, 0.99, 1} {
		want := all[max(int(math.Ceil(q*float64(len(all)))), 1)-1]
		if got := merged.Quantile(q); math.Abs(float64(got-want)) > float64(max(want, parts<<leastBits*time.Microsecond))/parts {
			t.Errorf("quantile %v = %v, want about %v", q, got, want)
		}
	}
	if got := new(Histogram).Quantile(0.5); got != 0 {
		t.Errorf("median of nothing = %v", got)
	}
}

// memory is a keeper that fails as long as err is set.
type memory struct {
	mu  sync.Mutex
	err error
	n   map[time.Time]int64 // by minute

	batches []string // in the order in which they came, those that failed as well
}

func (m *memory) AddCounts(_ context.Context, batch string, minute time.Time, counts []Count) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batches = append(m.batches, batch)
	if m.err != nil {
		return m.err
	}
	for _, c := range counts {
		m.n[minute] += c.N
	}
	return nil
}

func (m *memory) Counts(context.Context, Span, time.Time) ([]Count, error) { return nil, m.err }

func TestEveryMinuteIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &memory{n: map[time.Time]int64{}}
		var r Recorder
		begin := time.Now().Truncate(time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { r.Run(ctx, slog.New(slog.DiscardHandler), k); close(done) }()
		check := func(when string, want ...int64) {
			t.Helper()
			synctest.Wait()
			k.mu.Lock()
			defer k.mu.Unlock()
			var got []int64
			for i := range len(want) {
				got = append(got, k.n[begin.Add(time.Duration(i)*time.Minute)])
			}
			if !slices.Equal(got, want) || len(k.n) > len(want) {
				t.Errorf("%s the minutes have %v, want %v", when, k.n, want)
			}
		}
		fail := func(err error) {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.err = err
		}
		observe := func(n int) {
			for range n {
				r.Observe(Answered, time.Millisecond)
			}
		}
		observe(3)
		time.Sleep(59 * time.Second)
		check("before the end of the first", 0)
		time.Sleep(2 * time.Second)
		check("after it", 3)

		fail(errors.New("down"))
		observe(4)
		time.Sleep(time.Minute)
		check("while the store fails", 3, 0)
		observe(5)
		fail(nil)
		time.Sleep(time.Minute)
		check("afterwards", 3, 4, 5)
		// What is tried again is the same batch, so that it counts once where only the answer was lost.
		if b := k.batches; len(b) != 4 || b[1] != b[2] || b[0] == b[1] || b[2] == b[3] {
			t.Errorf("batches %v, want the second one twice", b)
		}

		observe(6)
		cancel()
		<-done
		check("before the flush", 3, 4, 5, 0)
		if err := r.Flush(t.Context(), k); err != nil {
			t.Error(err)
		}
		check("after it", 3, 4, 5, 6)
	})
}

func TestWhatWaitsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &memory{n: map[time.Time]int64{}, err: errors.New("down")}
		var r Recorder
		for range 3 * mostWaiting {
			r.Observe(Failed, time.Second)
			if r.Flush(t.Context(), k) == nil {
				t.Fatal("no error of a store that fails")
			}
			time.Sleep(time.Minute)
		}
		k.err = nil
		if err := r.Flush(t.Context(), k); err != nil || len(k.n) != mostWaiting {
			t.Errorf("%d minutes were kept (%v), want %d", len(k.n), err, mostWaiting)
		}
	})
}

// fixed answers these counts.
type fixed struct {
	memory
	counts []Count
}

func (f *fixed) Counts(_ context.Context, _ Span, from time.Time) ([]Count, error) {
	return slices.DeleteFunc(slices.Clone(f.counts), func(c Count) bool { return c.At.Before(from) }), nil
}

func TestRead(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 34, 56, 0, time.UTC)
	bucket := BucketOf(100 * time.Millisecond)
	for _, test := range []struct {
		span        Span
		first, last time.Time
		length      time.Duration // of the last
	}{
		{Spans[0], time.Date(2026, 11, 24, 11, 34, 0, 0, time.UTC), time.Date(2026, 11, 24, 12, 33, 0, 0, time.UTC), time.Minute},
		{Spans[1], time.Date(2026, 11, 23, 12, 40, 0, 0, time.UTC), time.Date(2026, 11, 24, 12, 30, 0, 0, time.UTC), 4 * time.Minute},
		{Spans[2], time.Date(2026, 10, 25, 18, 0, 0, 0, time.UTC), time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), 34 * time.Minute},
	} {
		k := &fixed{counts: []Count{
			{test.first.Add(-test.span.Step), Answered, bucket, 1000},
			{test.first, Answered, bucket, 7}, {test.first, Failed, 0, 3},
			{test.last, Answered, bucket, 68}, {test.last, MALOK, bucket, 5},
			{test.last.Add(test.span.Step), Answered, bucket, 1000},
		}}
		slots, err := Read(t.Context(), k, test.span, now)
		if err != nil || len(slots) != test.span.Slots {
			t.Fatalf("%s: %d slots, %v", test.span.Name, len(slots), err)
		}
		first, last := slots[0], slots[len(slots)-1]
		if !first.At.Equal(test.first) || !last.At.Equal(test.last) || first.Length != test.span.Step || last.Length != test.length {
			t.Errorf("%s: from %v (%v) to %v (%v)", test.span.Name, first.At, first.Length, last.At, last.Length)
		}
		if first.Count(Requests...) != 10 || first.Count(Failed) != 3 || last.Count(Requests...) != 68 || last.Count(MAL...) != 5 {
			t.Errorf("%s: counts %d %d %d %d", test.span.Name, first.Count(Requests...), first.Count(Failed), last.Count(Requests...), last.Count(MAL...))
		}
		if got, want := last.PerMinute(Answered), 68/test.length.Minutes(); got != want {
			t.Errorf("%s: %v a minute, want %v", test.span.Name, got, want)
		}
		took, ok := last.Quantiles([]float64{0.5, 0.99}, Requests...)
		if !ok || took[0] < 90*time.Millisecond || took[1] > 110*time.Millisecond {
			t.Errorf("%s: quantiles %v %v", test.span.Name, took, ok)
		}
		if _, ok := slots[1].Quantiles([]float64{0.5}, Requests...); ok {
			t.Errorf("%s: quantiles of nothing", test.span.Name)
		}
		all := All(slots)
		if want := test.span.Step*time.Duration(test.span.Slots-1) + test.length; all.Count(Requests...) != 78 || all.Length != want {
			t.Errorf("%s: all together %d in %v, want 78 in %v", test.span.Name, all.Count(Requests...), all.Length, want)
		}
	}
}

func TestNamesAreRead(t *testing.T) {
	for e := range events {
		if got, ok := ParseEvent(e.String()); !ok || got != e || e.String() == "" {
			t.Errorf("event %d, %q, is read as %d, %v", e, e, got, ok)
		}
	}
	if _, ok := ParseEvent("unheard"); ok {
		t.Error("an unknown event is known")
	}
}

func BenchmarkObserve(b *testing.B) {
	var r Recorder
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r.Observe(Answered, 3*time.Millisecond)
		}
	})
}
