package limit_test

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"reko.moe/handlers/limit"
)

var quiet = slog.New(slog.DiscardHandler)

// clock is a clock that only a test moves.
type clock struct{ passed atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.passed.Load()))
}

// counters are all who count, with what moves their clocks.
func counters(t *testing.T, budgets limit.Budgets) map[string]counter {
	var c clock
	forward := func(d time.Duration) { c.passed.Add(int64(d)) }

	server := miniredis.RunT(t)
	var rc clock
	server.SetTime(rc.now())
	client, err := limit.Connect("redis://" + server.Addr() + patient)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return map[string]counter{
		"in this process": {limit.New(limit.Options{Budgets: budgets, Log: quiet, Now: c.now}), forward},
		"in Redis": {limit.New(limit.Options{Budgets: budgets, Log: quiet, Redis: client, Now: rc.now}), func(d time.Duration) {
			rc.passed.Add(int64(d))
			server.SetTime(rc.now())
			server.FastForward(max(d, 0))
		}},
	}
}

type counter struct {
	*limit.Limiter
	forward func(time.Duration)
}

// take takes n, and wants all of them granted.
func (c counter) take(t *testing.T, kind limit.Kind, who string, n int) (last limit.Verdict) {
	t.Helper()
	for i := range n {
		v, ok := c.Take(t.Context(), kind, who)
		if !ok || !v.OK() {
			t.Fatalf("%s of %s: %d of %d are granted: %+v, %t", kind, who, i, n, v, ok)
		}
		last = v
	}
	return last
}

// refused wants one refused.
func (c counter) refused(t *testing.T, kind limit.Kind, who string) limit.Verdict {
	t.Helper()
	v, ok := c.Take(t.Context(), kind, who)
	if !ok || v.OK() {
		t.Fatalf("%s of %s are not refused: %+v, %t", kind, who, v, ok)
	}
	return v
}

func TestBudgets(t *testing.T) {
	budgets := limit.Budgets{limit.API: {Quota: 6, Window: time.Minute}, limit.Costly: {Quota: 3, Window: time.Second}, limit.Logins: {}}
	for name, c := range counters(t, budgets) {
		t.Run(name, func(t *testing.T) {
			if v := c.take(t, limit.API, "spike", 1); v.Left != 5 || v.Reset != 10*time.Second || v.Budget != budgets[limit.API] || v.Kind != limit.API {
				t.Errorf("after the first: %+v", v)
			}
			if v := c.take(t, limit.API, "spike", 5); v.Left != 0 || v.Reset != time.Minute {
				t.Errorf("after the last: %+v", v)
			}
			if v := c.refused(t, limit.API, "spike"); v.Left != 0 || v.Wait != 10*time.Second || v.Reset != time.Minute {
				t.Errorf("refused: %+v", v)
			}
			c.take(t, limit.API, "faye", 6)       // somebody else
			c.take(t, limit.Costly, "spike", 3)   // something else
			c.refused(t, limit.Costly, "spike")   // which does not divide evenly
			c.forward(9 * time.Second)            // one comes back after 10
			c.refused(t, limit.API, "spike")      // and to ask in vain costs nothing
			c.forward(time.Second)                //
			c.take(t, limit.API, "spike", 1)      //
			c.refused(t, limit.API, "spike")      //
			c.forward(20 * time.Second)           //
			c.take(t, limit.API, "spike", 2)      //
			c.refused(t, limit.API, "spike")      //
			c.forward(24 * time.Hour)             // all are back, and no more than all
			c.take(t, limit.API, "spike", 6)      //
			c.refused(t, limit.API, "spike")      //
			c.forward(-12 * time.Hour)            // a clock is put back
			v := c.refused(t, limit.API, "spike") //
			c.forward(v.Wait)
			c.take(t, limit.API, "spike", 1)
			for _, kind := range []limit.Kind{limit.Logins, limit.Pages} {
				if v, ok := c.Take(t.Context(), kind, "spike"); ok {
					t.Errorf("%s have no limit, and are counted: %+v", kind, v)
				}
			}
		})
	}
}

// Who was refused is known to be over the limit for as long, without being counted or Redis being asked.
func TestSpent(t *testing.T) {
	for name, c := range counters(t, limit.Budgets{limit.API: {Quota: 6, Window: time.Minute}, limit.Pages: {Quota: 6, Window: time.Minute}}) {
		t.Run(name, func(t *testing.T) {
			spent := func(when string, kind limit.Kind, who string, want bool) {
				t.Helper()
				for range 10 {
					if got := c.Spent(kind, who); got != want {
						t.Fatalf("%s: %s of %s are spent: %t", when, kind, who, got)
					}
				}
			}
			spent("at first", limit.API, "spike", false)
			c.take(t, limit.API, "spike", 5)
			spent("with one left", limit.API, "spike", false)
			c.take(t, limit.API, "spike", 1)
			c.refused(t, limit.API, "spike")
			spent("after the last", limit.API, "spike", true)
			spent("after spike's last", limit.API, "faye", false)
			spent("after the last of another kind", limit.Pages, "spike", false)
			spent("without a limit", limit.Logins, "spike", false)
			c.forward(9 * time.Second)
			spent("shortly before one comes back", limit.API, "spike", true)
			c.forward(time.Second)
			spent("when one came back", limit.API, "spike", false)
			c.take(t, limit.API, "spike", 1)
			c.refused(t, limit.API, "spike")
		})
	}
}

// As many as are asked for at once get the budget and no more.
func TestTogether(t *testing.T) {
	for name, c := range counters(t, limit.Budgets{limit.API: {Quota: 50, Window: time.Hour}}) {
		t.Run(name, func(t *testing.T) {
			var granted atomic.Int32
			var asking sync.WaitGroup
			for range 8 {
				asking.Go(func() {
					for range 25 {
						if v, _ := c.Take(t.Context(), limit.API, "all"); v.OK() {
							granted.Add(1)
						}
					}
				})
			}
			asking.Wait()
			if n := granted.Load(); n != 50 {
				t.Errorf("%d are granted, want 50", n)
			}
		})
	}
}

// Many who ask once each, several times as many as are kept, fill no memory, and who is over a limit stays over it.
func TestMemoryIsBounded(t *testing.T) {
	var c clock
	l := counter{limit.New(limit.Options{Budgets: limit.Budgets{limit.Pages: {Quota: 20, Window: 24 * time.Hour}}, Log: quiet, Now: c.now}), nil}
	l.take(t, limit.Pages, "greedy", 20)
	before := heap()
	for i := range 250_000 {
		l.take(t, limit.Pages, fmt.Sprintf("2001:db8:%x:%x::/64", i>>16, i&0xffff), 1)
		if i%1000 == 0 {
			l.refused(t, limit.Pages, "greedy")
		}
	}
	if grown := heap() - before; grown > 64<<20 {
		t.Errorf("250,000 addresses take %d MB", grown>>20)
	} else {
		t.Logf("250,000 addresses take %d MB", grown>>20)
	}
	l.refused(t, limit.Pages, "greedy")
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestParseBudget(t *testing.T) {
	for text, want := range map[string]limit.Budget{
		"600/1m": {Quota: 600, Window: time.Minute}, "1/24h": {Quota: 1, Window: 24 * time.Hour}, " 5 / 90s ": {Quota: 5, Window: 90 * time.Second},
		"1000000/1s": {Quota: 1_000_000, Window: time.Second}, "off": {},
	} {
		if got, err := limit.ParseBudget(text); err != nil || got != want {
			t.Errorf("ParseBudget(%q) = %v, %v, want %v", text, got, err, want)
		}
		if again, err := limit.ParseBudget(want.String()); err != nil || again != want {
			t.Errorf("%v is written as %q, and read as %v, %v", want, want, again, err)
		}
	}
	for _, text := range []string{"", "0/1m", "-1/1m", "1000001/1m", "5", "5/", "/1m", "5/60", "5/10ms", "5/25h", "Off", "5/1m/2"} {
		if got, err := limit.ParseBudget(text); err == nil || !strings.Contains(err.Error(), "such as 600/1m") {
			t.Errorf("ParseBudget(%q) = %v, %v", text, got, err)
		}
	}
}

func BenchmarkTake(b *testing.B) {
	l := limit.New(limit.Options{Budgets: limit.Budgets{limit.API: {Quota: 1_000_000, Window: time.Second}}, Log: quiet})
	for b.Loop() {
		l.Take(b.Context(), limit.API, "192.0.2.1")
	}
}
