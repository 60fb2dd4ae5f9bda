package dbtest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reko.moe/engine/jobs"
)

var jobTests = []test{
	{"counters", counters},
	{"counters are added to at once", countersAtOnce},
	{"runs come back, the newest first", runsComeBack},
	{"the last 100 runs are kept", runsKept},
	{"a lock has one holder", lockOne},
	{"a lock is taken by one of many", lockMany},
	{"locks are shared by all that use a store", lockShared},
	{"many locks leave the store to others", lockAndWork},
}

func counters(t *testing.T, s store) {
	for _, name := range []string{"bulk", "taste", `'"`, "数"} {
		want(t, "Counter at first", must[int64](t)(s.Counter(t.Context(), name)), 0)
		sum := int64(0)
		for _, delta := range []int64{1, 41, 0, -50, 1 << 62} {
			sum += delta
			want(t, "AddCounter", must[int64](t)(s.AddCounter(t.Context(), name, delta)), sum)
			want(t, "Counter", must[int64](t)(s.Counter(t.Context(), name)), sum)
		}
	}
}

func countersAtOnce(t *testing.T, s store) {
	const adders, adds = 8, 25
	stores := []store{s, {s.another(t, 0), s.url}}
	var seen sync.Map
	var adding sync.WaitGroup
	for i := range adders {
		adding.Go(func() {
			for range adds {
				v, err := stores[i%2].AddCounter(t.Context(), "bulk", 1)
				if err != nil {
					t.Error(err)
					return
				}
				if _, twice := seen.LoadOrStore(v, true); twice {
					t.Errorf("AddCounter returned %d twice", v)
				}
			}
		})
	}
	adding.Wait()
	want(t, "Counter", must[int64](t)(s.Counter(t.Context(), "bulk")), adders*adds)
}

func runsComeBack(t *testing.T, s store) {
	want(t, "LastRuns of none", len(must[[]jobs.Run](t)(s.LastRuns(t.Context(), "refresh", 5))), 0)
	runs := []jobs.Run{
		{Job: "refresh", Started: day0, Took: 1234 * time.Millisecond, Outcome: "50 of 50 lists refreshed"},
		{Job: "refresh", Started: day0.Add(time.Minute), Outcome: "", Err: "user \"spike\": it's gone; 落ちた\nonce more"},
		{Job: "refresh", Started: day0.Add(-time.Hour), Took: 100 * time.Hour}, // by a clock that is wrong
	}
	for _, r := range runs {
		ok(t, s.SaveRun(t.Context(), r))
	}
	ok(t, s.SaveRun(t.Context(), jobs.Run{Job: "train", Started: day0, Outcome: "a\x00b\xff", Err: "\xff\x00"}))
	newest := []jobs.Run{runs[2], runs[1], runs[0]}
	for n := range 5 {
		got := must[[]jobs.Run](t)(s.LastRuns(t.Context(), "refresh", n))
		want(t, fmt.Sprintf("LastRuns(%d)", n), append([]jobs.Run{}, got...), newest[:min(n, 3)])
	}
	want(t, "LastRuns of another job", must[[]jobs.Run](t)(s.LastRuns(t.Context(), "train", 5)),
		[]jobs.Run{{Job: "train", Started: day0, Outcome: "ab\ufffd", Err: "\ufffd"}})
}

func runsKept(t *testing.T, s store) {
	ok(t, s.SaveRun(t.Context(), jobs.Run{Job: "train", Started: day0}))
	for i := range 130 {
		ok(t, s.SaveRun(t.Context(), jobs.Run{Job: "refresh", Started: day0.Add(time.Duration(i) * time.Minute)}))
		want(t, "runs kept", len(must[[]jobs.Run](t)(s.LastRuns(t.Context(), "refresh", 1000))), min(i+1, 100))
	}
	runs := must[[]jobs.Run](t)(s.LastRuns(t.Context(), "refresh", 1000))
	for i, r := range runs {
		want(t, "started", r.Started, day0.Add(time.Duration(129-i)*time.Minute))
	}
	want(t, "runs of another job", len(must[[]jobs.Run](t)(s.LastRuns(t.Context(), "train", 1000))), 1)
}

// lock returns release, nil if somebody has the lock.
func lock(t *testing.T, k jobs.Keeper, name string) (release func()) {
	t.Helper()
	release, got, err := k.Lock(t.Context(), name)
	ok(t, err)
	if got != (release != nil) {
		t.Fatalf("Lock(%q) = %t, but release is there: %t", name, got, release != nil)
	}
	return release
}

// wantLocked checks what a store says of a lock.
func (s store) wantLocked(t *testing.T, name string, locked bool) {
	t.Helper()
	want(t, "Locked "+name, must[bool](t)(s.Locked(t.Context(), name)), locked)
}

func lockOne(t *testing.T, s store) {
	for range 3 {
		s.wantLocked(t, "refresh", false)
		release := lock(t, s, "refresh")
		s.wantLocked(t, "refresh", true)
		s.wantLocked(t, "train", false)
		if release == nil {
			t.Fatal("a lock that nobody has was not given")
		}
		if lock(t, s, "refresh") != nil {
			t.Error("a lock was given twice")
		}
		other := lock(t, s, "train")
		if other == nil {
			t.Error("the lock of another name was not given")
		}
		release()
		again := lock(t, s, "refresh")
		if again == nil {
			t.Fatal("a lock that was given back was not given again")
		}
		release() // once more does no harm to its new holder
		if lock(t, s, "refresh") != nil {
			t.Error("giving back twice took the lock from its next holder")
		}
		if lock(t, s, "train") != nil {
			t.Error("giving back one lock gave back another")
		}
		again()
		other()
	}
}

func lockMany(t *testing.T, s store) {
	var holders, most atomic.Int32
	var trying sync.WaitGroup
	for range 8 {
		trying.Go(func() {
			for range 10 {
				release, got, err := s.Lock(t.Context(), "refresh")
				if err != nil {
					t.Error(err)
					return
				}
				if got {
					most.Store(max(most.Load(), holders.Add(1)))
					holders.Add(-1)
					release()
				}
			}
		})
	}
	trying.Wait()
	want(t, "most holders at once", most.Load(), 1)
}

func lockShared(t *testing.T, s store) {
	if !s.onPostgres() {
		return // a SQLite file has the locks of one process
	}
	elsewhere := s.another(t, 0)
	release := lock(t, s, "refresh")
	store{elsewhere, s.url}.wantLocked(t, "refresh", true)
	if lock(t, elsewhere, "refresh") != nil {
		t.Error("a lock was given on two instances")
	}
	if other := lock(t, elsewhere, "train"); other == nil {
		t.Error("the lock of another name was not given")
	} else {
		other()
	}
	release()
	if release = lock(t, elsewhere, "refresh"); release == nil {
		t.Fatal("a lock that was given back was not given to another instance")
	}
	defer release()

	// The same name in another schema is another lock.
	apart := Open(t, Postgres(t))
	store{apart, s.url}.wantLocked(t, "refresh", false)
	if release := lock(t, apart, "refresh"); release == nil {
		t.Error("a lock of one schema is held in another one")
	} else {
		release()
	}
}

func lockAndWork(t *testing.T, s store) {
	url := s.url
	if s.onPostgres() {
		url += "&pool_max_conns=2"
	}
	small := Open(t, url)
	for i := range 12 {
		release := lock(t, small, fmt.Sprint("job ", i))
		if release == nil {
			t.Fatal("a lock that nobody has was not given")
		}
		defer release()
		must[int64](t)(small.AddCounter(t.Context(), "jobs", 1))
		for _, err := range small.Cards(t.Context()) {
			ok(t, err)
		}
	}
}
