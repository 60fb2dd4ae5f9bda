//go:build chaos

package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"reko.moe/engine/mal/maltest"
	"reko.moe/internal/chaos"
)

// A long time of mixed traffic, saves, jobs and an admin, in which now and then something breaks: beside those times nothing goes wrong,
// and neither memory nor goroutines grow. REKO_TEST_SOAK is how long, 10m by default.
func TestSoak(t *testing.T) {
	long := lasting(t, "REKO_TEST_SOAK", 10*time.Minute)
	w := newChaosWorld(t, manyFaults)
	for i, q := range w.fresh { // what depends on the item model changes when it is trained
		if !strings.Contains(q.Path, "/similar") && !strings.HasPrefix(q.Path, "/api/") || strings.Contains(q.Path, "recommendations") || strings.Contains(q.Path, "random") {
			w.fresh[i].Right = nil
		}
	}
	postgres, cache := chaos.Postgres(t), chaos.Redis(t)
	c := newChaosServer(t, w, chaosOptions{postgres: postgres.URL, redis: cache.URL, env: []string{
		"REKO_JOBS_ENABLED=true", "REKO_JOBS_REFRESH=5s", "REKO_JOBS_DESCRIBE=7s", "REKO_JOBS_AIRING=1m", "REKO_JOBS_HASHES=10s", "REKO_JOBS_POPULATION=20s",
		"REKO_JOBS_TRAIN=1m", "REKO_LIMITS_LOGINS=off",
	}})
	c.addSavers(2)
	a := newSoakAdmin(c)
	c.broken.Store(true) // stale and new users are asked for, too
	breaks := []struct {
		name       string
		begin, end func()
	}{
		{"Postgres hangs", c.db.Hang, c.db.Heal},
		{"Postgres stopped", postgres.Stop, postgres.Start},
		{"connections cut", func() { c.db.CutAfter(2500) }, c.db.Heal},
		{"Redis hangs", c.redis.Hang, c.redis.Heal},
		{"Redis stopped", cache.Stop, cache.Start},
		{"MyAnimeList down", c.mal.Stop, c.mal.Heal},
		{"MyAnimeList overloaded", func() { c.fake.Fail("", 0, maltest.Overloaded) }, c.fake.Heal},
		{"MyAnimeList slow", func() { c.mal.Slow(15 * time.Second) }, c.mal.Heal},
	}
	r := rand.New(rand.NewPCG(13, uint64(time.Now().UnixNano())))
	var windows [][2]time.Time // from when a fault began until all has to be well again
	var samples []soakSample
	begin := time.Now()
	row := chaos.Row{Fault: "soak, " + long.String()}
	events := c.during(c.questions(0, manyFaults), func() {
		ctx, cancel := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() { a.run(ctx) })
		quiet := func(d time.Duration) {
			for until := time.Now().Add(d); time.Now().Before(until) && time.Since(begin) < long; {
				samples = append(samples, c.sample())
				<-time.After(time.Second)
			}
		}
		for time.Since(begin) < long {
			quiet(time.Duration(10+r.IntN(15)) * time.Second)
			f := breaks[r.IntN(len(breaks))]
			from := time.Now()
			f.begin()
			<-time.After(time.Duration(2+r.IntN(4)) * time.Second)
			f.end()
			windows = append(windows, [2]time.Time{from, time.Now().Add(recoversIn)})
			t.Logf("after %s: %s for %s", from.Sub(begin).Round(time.Second), f.name, time.Since(from).Round(time.Millisecond))
			quiet(recoversIn)
		}
		cancel()
		watching.Wait()
	})
	row.Count(events, time.Now())
	row.Recovered = 0
	for g := range manyFaults {
		row.Lost += c.lostLists(g, events)
	}
	for _, s := range c.savers {
		row.Lost += s.lost()
	}
	chaosRows = append(chaosRows, row)
	outside := func(e chaos.Event) bool {
		return !slices.ContainsFunc(windows, func(w [2]time.Time) bool { return e.At.After(w[0]) && e.At.Add(-e.Took).Before(w[1]) })
	}
	shown := 0
	for _, e := range append(events, a.events...) {
		if e.Outcome == chaos.Wrong || e.Outcome != chaos.Answered && outside(e) {
			if shown++; shown <= 10 {
				t.Errorf("after %s: %+v", e.At.Sub(begin).Round(time.Millisecond), e)
			}
		}
	}
	t.Logf("%+v; the admin asked %d times; %d errors outside of %d faults", row, len(a.events), shown, len(windows))
	if row.Lost > 0 {
		t.Errorf("%d lost", row.Lost)
	}
	c.flat(samples)
	c.check()
	if shown > 0 {
		t.Logf("the server's log ends:\n%s", c.log.String())
	}
}

// soakSample is what a server takes at a moment.
type soakSample struct{ heap, goroutines, files float64 }

// sample looks at a server.
func (c *chaosServer) sample() soakSample {
	return soakSample{c.metric("go_memstats_heap_inuse_bytes"), c.metric("go_goroutines"), c.metric("process_open_fds")}
}

// flat fails the test when the last quarter of samples is above the second one, from which on all is warm.
func (c *chaosServer) flat(samples []soakSample) {
	c.t.Helper()
	n := len(samples) / 4
	if n < 5 {
		c.t.Fatalf("%d samples are too few", len(samples))
	}
	median := func(of []soakSample, get func(soakSample) float64) float64 {
		var all []float64
		for _, s := range of {
			all = append(all, get(s))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	for _, m := range []struct {
		name          string
		get           func(soakSample) float64
		factor, extra float64
	}{
		{"heap, MiB", func(s soakSample) float64 { return s.heap / (1 << 20) }, 1.2, 16},
		{"goroutines", func(s soakSample) float64 { return s.goroutines }, 1.1, 10},
		{"files", func(s soakSample) float64 { return s.files }, 1.1, 10},
	} {
		first, last := median(samples[n:2*n], m.get), median(samples[3*n:], m.get)
		fmt.Printf("%s: %.0f in the second quarter, %.0f in the last\n", m.name, first, last)
		if last > m.factor*first+m.extra {
			c.t.Errorf("%s: %.0f in the second quarter, and %.0f in the last", m.name, first, last)
		}
	}
}

// soakAdmin is who runs the site, looks at everything all the time, and runs jobs.
type soakAdmin struct {
	c      *chaosServer
	client *http.Client
	events []chaos.Event
}

const soakPassword = "see you space cowboy"

// newSoakAdmin makes an admin, and logs in.
func newSoakAdmin(c *chaosServer) *soakAdmin {
	c.t.Helper()
	cmd := program(c.t, c.t.TempDir(), []string{"REKO_DB_URL=" + c.store}, "admin", "set-password", "spike")
	cmd.Stdin = strings.NewReader(soakPassword + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("set-password: %v\n%s", err, out)
	}
	jar, _ := cookiejar.New(nil) // never fails
	client := chaos.NewClient()
	client.Jar, client.Timeout = jar, 40*time.Second // an admin waits for as long as a request may take
	a := &soakAdmin{c: c, client: client}
	form := url.Values{"token": {a.token("/admin/login")}, "next": {"/admin"}, "admin": {"spike"}, "password": {soakPassword}}
	resp, err := client.PostForm(c.url()+"/admin/login", form)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		c.t.Fatalf("login: %d", resp.StatusCode)
	}
	return a
}

var soakToken = regexp.MustCompile(`name="token" value="([A-Za-z0-9_-]{43})"`)

// token returns the token in the forms of a page; empty: there is none.
func (a *soakAdmin) token(path string) string {
	resp, err := a.client.Get(a.c.url() + path)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if m := soakToken.FindSubmatch(body); err == nil && m != nil {
		return string(m[1])
	}
	return ""
}

// run looks at pages and runs jobs until ctx is done.
func (a *soakAdmin) run(ctx context.Context) {
	pages := []string{"/admin", "/admin/jobs", "/admin/users?q=fresh", "/admin/users/fresh-1", "/admin/anime", "/admin/keys", "/admin/log", "/admin/jobs/refresh"}
	for n := 0; ctx.Err() == nil; n++ {
		page := pages[n%len(pages)]
		begin := time.Now()
		e := chaos.Event{Path: page, Outcome: chaos.Refused}
		if page == "/admin/jobs" {
			e.Outcome = a.runJob("hashes")
		} else if resp, err := a.client.Get(a.c.url() + page); err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			e.Why = resp.Status
			if resp.StatusCode == http.StatusOK && err == nil {
				e.Outcome = chaos.Answered
			}
		}
		e.At = time.Now()
		e.Took = e.At.Sub(begin)
		a.events = append(a.events, e)
		select {
		case <-ctx.Done():
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// runJob runs a job by hand.
func (a *soakAdmin) runJob(name string) chaos.Outcome {
	resp, err := a.client.PostForm(a.c.url()+"/admin/jobs/"+name+"/run", url.Values{"token": {a.token("/admin/jobs")}})
	if err != nil {
		return chaos.Refused
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSeeOther || resp.StatusCode == http.StatusConflict {
		return chaos.Answered // 409: it is running already
	}
	return chaos.Refused
}
