package jobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var _ Keeper = (*memKeeper)(nil)

// memKeeper keeps runs in memory. It refuses to work for a context that is done, as databases do.
type memKeeper struct {
	broken func(method string) error // fails a method of that name, if it is set and returns an error

	mu     sync.Mutex
	locked map[string]bool
	runs   []Run
	events []string // what happened, in order
}

func newMemKeeper() *memKeeper { return &memKeeper{locked: map[string]bool{}} }

func (k *memKeeper) begin(ctx context.Context, method string) error {
	if k.broken != nil {
		if err := k.broken(method); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (k *memKeeper) Lock(ctx context.Context, name string) (release func(), ok bool, err error) {
	if err := k.begin(ctx, "Lock"); err != nil {
		return nil, false, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.locked[name] {
		return nil, false, nil
	}
	k.locked[name] = true
	k.events = append(k.events, "lock "+name)
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.locked, name)
		k.events = append(k.events, "release "+name)
	}, true, nil
}

func (k *memKeeper) Locked(ctx context.Context, name string) (bool, error) {
	if err := k.begin(ctx, "Locked"); err != nil {
		return false, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.locked[name], nil
}

func (k *memKeeper) SaveRun(ctx context.Context, r Run) error {
	if err := k.begin(ctx, "SaveRun"); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.runs = append(k.runs, r)
	k.events = append(k.events, "save "+r.Job)
	return nil
}

func (k *memKeeper) LastRuns(ctx context.Context, job string, n int) ([]Run, error) {
	if err := k.begin(ctx, "LastRuns"); err != nil {
		return nil, err
	}
	var last []Run
	for _, r := range slices.Backward(k.kept()) {
		if r.Job == job && len(last) < n {
			last = append(last, r)
		}
	}
	return last, nil
}

// kept returns all runs that are kept, the oldest first.
func (k *memKeeper) kept() []Run {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.runs)
}

// during runs jobs for so long, and returns when Start did.
func during(t *testing.T, d time.Duration, log *slog.Logger, k Keeper, jobs ...Job) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	start := time.Now()
	Start(ctx, log, k, jobs...)
	if took := time.Since(start); took != d {
		t.Errorf("Start() returned after %v, want %v", took, d)
	}
}

var silent = slog.New(slog.DiscardHandler)

func succeed(context.Context) (string, error) { return "done", nil }

// lasting returns what a job does that takes so long, unless it is stopped.
func lasting(d time.Duration) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		Wait(ctx, d)
		return "", ctx.Err()
	}
}

// starts are when runs began, counted from the first one's moment 0.
func starts(runs []Run, zero time.Time) []time.Duration {
	var starts []time.Duration
	for _, r := range runs {
		starts = append(starts, r.Started.Sub(zero))
	}
	return starts
}

// checkStarts wants the n-th run to begin at the n-th time or at most slack later.
func checkStarts(t *testing.T, got, want []time.Duration, slack time.Duration) {
	t.Helper()
	ok := len(got) == len(want)
	for i := range min(len(got), len(want)) {
		ok = ok && got[i] >= want[i] && got[i] <= want[i]+slack
	}
	if !ok {
		t.Errorf("runs began at %v, want %v", got, want)
	}
}

func TestRunsAtIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, zero := newMemKeeper(), time.Now()
		during(t, 5*time.Hour+30*time.Minute, silent, k, Job{Name: "refresh", Every: time.Hour, Run: succeed})
		var want []time.Duration
		for i := range 6 {
			want = append(want, time.Duration(i)*time.Hour)
		}
		checkStarts(t, starts(k.kept(), zero), want, 12*time.Second) // a random second or two each
		for _, r := range k.kept() {
			if r.Job != "refresh" || r.Outcome != "done" || r.Err != "" || !r.Started.Equal(r.Started.Truncate(time.Second)) {
				t.Errorf("kept is %+v", r)
			}
		}
	})
}

func TestIntervalIsFromStartToStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, zero := newMemKeeper(), time.Now()
		during(t, 3*time.Hour+30*time.Minute, silent, k,
			Job{Name: "slow", Every: time.Hour, Run: lasting(45 * time.Minute)},
			Job{Name: "slower", Every: time.Hour, Run: lasting(90 * time.Minute)}, // longer than the interval: again once it is over
			Job{Name: "quick", Every: time.Minute, Run: succeed})
		runs := map[string][]Run{}
		for _, r := range k.kept() {
			runs[r.Job] = append(runs[r.Job], r)
		}
		h := time.Hour
		checkStarts(t, starts(runs["slow"], zero), []time.Duration{0, h, 2 * h, 3 * h}, 8*time.Second)
		checkStarts(t, starts(runs["slower"], zero), []time.Duration{0, h + h/2, 3 * h}, 8*time.Second)
		if n := len(runs["quick"]); n < 200 || n > 211 {
			t.Errorf("%d runs in 210 minutes of what runs every minute, beside slow jobs", n)
		}
		if took := runs["slow"][0].Took; took != 45*time.Minute {
			t.Errorf("a run of 45m took %v", took)
		}
	})
}

func TestFirstRunHonoursTheLastOneKept(t *testing.T) {
	for _, test := range []struct{ ago, want time.Duration }{
		{20 * time.Minute, 40 * time.Minute}, {time.Hour, 0}, {30 * time.Hour, 0}, {0, time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			k, zero := newMemKeeper(), time.Now()
			k.runs = []Run{
				{Job: "refresh", Started: zero.Add(-100 * time.Hour)},
				{Job: "refresh", Started: zero.Add(-test.ago)},
				{Job: "other", Started: zero},
			}
			during(t, 61*time.Minute, silent, k, Job{Name: "refresh", Every: time.Hour, Run: succeed})
			checkStarts(t, starts(k.kept()[3:], zero)[:1], []time.Duration{test.want}, 2*time.Second)
		})
	}
}

// What was interrupted is tried again at once, and what failed at its time.
func TestInterruptedRunDoesNotCount(t *testing.T) {
	for err, want := range map[string]time.Duration{Interrupted: 0, "it broke": 59 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			k, zero := newMemKeeper(), time.Now()
			k.runs = []Run{{Job: "train", Started: zero.Add(-time.Minute), Err: err}}
			during(t, 61*time.Minute, silent, k, Job{Name: "train", Every: time.Hour, Run: succeed})
			checkStarts(t, starts(k.kept()[1:], zero)[:1], []time.Duration{want}, 2*time.Second)
		})
	}
}

func TestFailuresAndPanicsAreKeptAndDoNotEndTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var nobody *Job
		runs := []func() (string, error){
			func() (string, error) { return "3 of 5 lists refreshed", errors.New("private: list is private") },
			func() (string, error) { panic("out of cheese") },
			func() (string, error) { panic(errors.New("an error as a panic")) },
			func() (string, error) { return nobody.Name, nil },
			func() (string, error) { return "all well again", nil },
		}
		want := []Run{
			{Outcome: "3 of 5 lists refreshed", Err: "private: list is private"},
			{Err: "panic: out of cheese"},
			{Err: "panic: an error as a panic"},
			{Err: "panic: runtime error: invalid memory address or nil pointer dereference"},
			{Outcome: "all well again"},
		}
		k, n := newMemKeeper(), 0
		var text bytes.Buffer
		during(t, 4*time.Hour+30*time.Minute, slog.New(slog.NewTextHandler(&text, nil)), k, Job{Name: "refresh", Every: time.Hour, Run: func(context.Context) (string, error) {
			n++
			return runs[n-1]()
		}})
		got := k.kept()
		if len(got) != len(want) {
			t.Fatalf("%d runs, want %d: %+v", len(got), len(want), got)
		}
		for i := range want {
			if got[i].Outcome != want[i].Outcome || got[i].Err != want[i].Err {
				t.Errorf("run %d: %+v, want %+v", i, got[i], want[i])
			}
		}
		if log := text.String(); strings.Count(log, "level=WARN") != 4 || strings.Count(log, "level=INFO") != 1 || strings.Count(log, "job=refresh") != 5 ||
			!strings.Contains(log, "out of cheese") || !strings.Contains(log, `outcome="all well again"`) {
			t.Errorf("logged is:\n%s", log)
		}
		if len(k.locked) != 0 {
			t.Errorf("locked after all runs: %v", k.locked)
		}
	})
}

func TestStartEndsWhenAllHaveReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newMemKeeper()
		ctx, cancel := context.WithCancel(t.Context())
		tidied := false
		var text bytes.Buffer
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			Start(ctx, slog.New(slog.NewTextHandler(&text, nil)), k,
				Job{Name: "idle", Every: time.Hour, Run: succeed},
				Job{Name: "busy", Every: time.Hour, Run: func(ctx context.Context) (string, error) {
					<-ctx.Done()
					time.Sleep(3 * time.Second) // tidies up
					tidied = true
					return "half of it", ctx.Err()
				}})
		}()
		time.Sleep(time.Minute)
		cancel()
		synctest.Wait()
		select {
		case <-ended:
			t.Fatal("Start() returned before the job")
		default:
		}
		stop := time.Now()
		<-ended
		if !tidied || time.Since(stop) != 3*time.Second {
			t.Errorf("Start() returned %v after the context was done, the job had ended: %t", time.Since(stop), tidied)
		}
		// What was done is kept, though the context is.
		runs := k.kept()
		if last := runs[len(runs)-1]; last.Job != "busy" || last.Outcome != "half of it" || last.Err != Interrupted {
			t.Errorf("kept last is %+v", last)
		}
		if strings.Contains(text.String(), "WARN") || strings.Contains(text.String(), "ERROR") {
			t.Errorf("logged is that it was stopped:\n%s", &text)
		}
	})
}

func TestStartWithAContextThatIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newMemKeeper()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		Start(ctx, silent, k, Job{Name: "refresh", Every: time.Hour, Run: succeed})
		Start(ctx, silent, k)
		if len(k.kept()) != 0 {
			t.Errorf("kept are %+v, want nothing run", k.kept())
		}
	})
}

func TestInstancesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, zero := newMemKeeper(), time.Now()
		running, most := 0, 0
		job := Job{Name: "refresh", Every: time.Hour, Run: func(context.Context) (string, error) {
			running++
			most = max(most, running)
			time.Sleep(5 * time.Minute)
			running--
			return "", nil
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Hour+30*time.Minute)
		defer cancel()
		var text bytes.Buffer
		log := slog.New(slog.NewTextHandler(&text, nil))
		var instances sync.WaitGroup
		for range 4 {
			instances.Go(func() { Start(ctx, log, k, job) })
		}
		instances.Wait()
		var want []time.Duration
		for i := range 6 {
			want = append(want, time.Duration(i)*time.Hour)
		}
		checkStarts(t, starts(k.kept(), zero), want, 12*time.Second)
		if most != 1 {
			t.Errorf("%d ran at once, want 1", most)
		}
		if strings.Count(text.String(), "\n") != 6 {
			t.Errorf("want a line for each run, and none for waiting:\n%s", &text)
		}
	})
}

func TestKeeperThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, zero := newMemKeeper(), time.Now()
		k.broken = func(method string) error {
			if time.Since(zero) < 10*time.Minute {
				return fmt.Errorf("%s: no connection", method)
			}
			return nil
		}
		var text bytes.Buffer
		during(t, 90*time.Minute, slog.New(slog.NewTextHandler(&text, nil)), k, Job{Name: "refresh", Every: time.Hour, Run: succeed})
		got := starts(k.kept(), zero)
		checkStarts(t, got, []time.Duration{10 * time.Minute, 70 * time.Minute}, 15*time.Second)
		if n := strings.Count(text.String(), "no connection"); n < 45 || n > 61 {
			t.Errorf("%d complaints in 10 minutes, want one about every 11 seconds", n)
		}
	})
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(1500 * time.Millisecond)
		k := newMemKeeper()
		job := Job{Name: "refresh", Run: func(context.Context) (string, error) {
			time.Sleep(2500 * time.Millisecond)
			return "5 lists", errors.New("one failed")
		}}
		start := time.Now()
		r, err := Once(t.Context(), k, job)
		want := Run{Job: "refresh", Started: start.Truncate(time.Second), Took: 2500 * time.Millisecond, Outcome: "5 lists", Err: "one failed"}
		if r != want || err != nil {
			t.Errorf("Once() = %+v, %v; want %+v", r, err, want)
		}
		if kept := k.kept(); len(kept) != 1 || kept[0] != want {
			t.Errorf("kept is %+v, want %+v", kept, want)
		}
		// Kept before the lock is given back: who takes it next sees the run.
		if want := []string{"lock refresh", "save refresh", "release refresh"}; !slices.Equal(k.events, want) {
			t.Errorf("happened %q, want %q", k.events, want)
		}
	})
}

func TestOnceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newMemKeeper()
		open := make(chan struct{})
		busy := Job{Name: "refresh", Run: func(context.Context) (string, error) { <-open; return "", nil }}
		first := make(chan error)
		go func() {
			_, err := Once(t.Context(), k, busy)
			first <- err
		}()
		synctest.Wait()
		if r, err := Once(t.Context(), k, busy); !errors.Is(err, ErrRunning) || r != (Run{}) {
			t.Errorf("Once() of what is running = %+v, %v; want ErrRunning", r, err)
		}
		if _, err := Once(t.Context(), k, Job{Name: "other", Run: succeed}); err != nil {
			t.Errorf("Once() of another job: %v", err)
		}
		close(open)
		if err := <-first; err != nil {
			t.Error(err)
		}
		if r, err := Once(t.Context(), k, busy); err != nil || r.Job != "refresh" {
			t.Errorf("Once() after it ran = %+v, %v", r, err)
		}
	})
}

func TestOnceWhenTheKeeperFails(t *testing.T) {
	failure := errors.New("no connection")
	for _, method := range []string{"Lock", "SaveRun"} {
		k, ran := newMemKeeper(), false
		k.broken = func(m string) error {
			if m == method {
				return failure
			}
			return nil
		}
		r, err := Once(t.Context(), k, Job{Name: "refresh", Run: func(context.Context) (string, error) { ran = true; return "done", nil }})
		if !errors.Is(err, failure) || ran != (method == "SaveRun") || (r.Outcome == "done") != ran || len(k.locked) != 0 {
			t.Errorf("Once() = %+v, %v when %s fails; ran: %t, locked: %v", r, err, method, ran, k.locked)
		}
	}
}

func TestOnceAfterAPanicGivesTheLockBack(t *testing.T) {
	k := newMemKeeper()
	r, err := Once(t.Context(), k, Job{Name: "refresh", Run: func(context.Context) (string, error) { panic(42) }})
	if r.Err != "panic: 42" || err != nil || len(k.locked) != 0 || len(k.kept()) != 1 {
		t.Errorf("Once() = %+v, %v; locked: %v, kept: %+v", r, err, k.locked, k.kept())
	}
}

// A run that was kept while a clock was a year ahead does not keep a job from running for a year.
func TestClockPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newMemKeeper()
		k.runs = append(k.runs, Run{Job: "a", Started: time.Now().AddDate(1, 0, 0)})
		runs := 0
		during(t, 10*time.Minute+10*time.Second, slog.New(slog.DiscardHandler), k,
			Job{Name: "a", Every: time.Minute, Run: func(context.Context) (string, error) { runs++; return "", nil }})
		if runs < 10 || runs > 11 {
			t.Errorf("%d runs in ten minutes, want one a minute", runs)
		}
		k.runs = nil
		if last := lastStart(t.Context(), k, Job{Name: "a"}, time.Now().AddDate(1, 0, 0)); !last.IsZero() {
			t.Errorf("the job's last run here was at %s, after now", last)
		}
	})
}
