package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"reko.moe/db"
	"reko.moe/db/dbtest"
	"reko.moe/engine"
	"reko.moe/engine/demo"
	"reko.moe/engine/jobs"
	"reko.moe/engine/mal/maltest"
	"reko.moe/internal/wait"
)

// cluster is three instances over one Postgres and one Redis, behind a balancer.
type cluster struct {
	whole     *testing.T // at whose end all ends
	env       []string
	db        string
	lists     maltest.Lists
	fake      *maltest.Server
	instances [3]*process
	balancer  *balancer
}

const (
	clusterUsers = 40
	clusterLimit = 30
)

func startCluster(t *testing.T) *cluster {
	c := &cluster{whole: t, db: dbtest.Postgres(t), lists: maltest.Lists{}}
	redis := os.Getenv("REKO_TEST_REDIS")
	if redis == "" {
		redis = "redis://" + miniredis.RunT(t).Addr()
	}
	catalogue := demo.Anime()
	r := rand.New(rand.NewPCG(10, 10))
	for i := range clusterUsers {
		var ids []engine.AnimeID
		for _, at := range r.Perm(len(catalogue))[:30+r.IntN(100)] {
			ids = append(ids, catalogue[at].ID)
		}
		c.lists[fmt.Sprintf("user-%d", i)] = listOf(ids...)
	}
	c.fake = maltest.Start(t, c.lists, append(catalogue, news)...)
	c.env = []string{
		"REKO_DB_URL=" + c.db, "REKO_REDIS_URL=" + redis + "?read_timeout=10s", "REKO_MAL_URL=" + c.fake.BaseURL,
		"REKO_MAL_CLIENT_ID=" + c.fake.ClientID, "REKO_MAL_RATE=100000", "REKO_MAL_BURST=1000", "REKO_HTTP_ADDR=127.0.0.1:0",
		"REKO_HTTP_DRAIN=1s", "REKO_HTTP_TRUSTED_PROXIES=127.0.0.1/32", "REKO_LIMITS_COSTLY=off", "REKO_LIMITS_PAGES=off",
		fmt.Sprintf("REKO_LIMITS_API=%d/24h", clusterLimit), "REKO_JOBS_HASHES=1s", "REKO_JOBS_TRAIN=24h", "REKO_MEMORY_LISTS=16",
	}
	c.balancer = newBalancer(t)
	var starting sync.WaitGroup
	for i := range c.instances {
		starting.Go(func() { c.start(i) })
	}
	starting.Wait()
	for name := range c.lists { // by one
		if status, body := c.get(c.instances[0].url + "/api/" + name + "/similar"); status != 200 {
			t.Fatalf("%s: %d %s", name, status, body)
		}
	}
	return c
}

// news is an anime that only one list of those that come later has.
var news = func() engine.Anime {
	a := demo.Anime()[0]
	a.ID, a.Title, a.English, a.Parent, a.Relations = 99_001, "What nobody has seen yet", "", 0, nil
	return a
}()

// start starts an instance, and returns when the balancer sends it requests.
func (c *cluster) start(i int) {
	c.instances[i] = startProcess(c.whole, c.env)
	c.balancer.add(c.whole, c.instances[i].url)
	host := strings.TrimPrefix(c.instances[i].url, "http://")
	wait.For(c.whole, func() error {
		if !slices.Contains(c.balancer.ready(), host) {
			return errors.New("an instance is not ready")
		}
		return nil
	})
}

// from is a request that seems to come from a random address, so that limits are not met.
func fromAnybody(method, url string, body io.Reader) *http.Request {
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		panic(err)
	}
	b := rand.Uint32()
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", b>>16&0xff, b>>8&0xff, b&0xff))
	return r
}

func (c *cluster) get(url string) (int, string) { return do(fromAnybody(http.MethodGet, url, nil)) }

// do returns the status and the body of the answer, 0 for none.
func do(r *http.Request) (int, string) {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(body)
}

// load sends requests through the balancer until stopped, and counts what failed.
type load struct {
	sent, failed atomic.Int64
	stop         func()
}

func (c *cluster) load(t *testing.T, posts bool) *load {
	l := &load{}
	ctx, cancel := context.WithCancel(t.Context())
	var sending sync.WaitGroup
	for worker := range 4 {
		r := rand.New(rand.NewPCG(uint64(worker), 4))
		sending.Go(func() {
			for jobs.Wait(ctx, 5*time.Millisecond) {
				name := fmt.Sprintf("user-%d", r.IntN(clusterUsers))
				method, path := http.MethodGet, []string{
					"/api/" + name + "/similar", "/api/" + name + "/recommendations", "/u/" + name, "/api/" + name + "/random", "",
				}[r.IntN(5)]
				var body io.Reader
				if path == "" && posts {
					method, path, body = http.MethodPost, "/api/recommendations", strings.NewReader(`{"user_name": "`+name+`"}`)
				}
				l.sent.Add(1)
				if status, text := do(fromAnybody(method, c.balancer.URL+path, body)); status != http.StatusOK {
					l.failed.Add(1)
					t.Errorf("%s %s: %d %.200s", method, path, status, text)
				}
			}
		})
	}
	l.stop = sync.OnceFunc(func() { cancel(); sending.Wait() })
	t.Cleanup(l.stop)
	return l
}

func TestThreeInstances(t *testing.T) {
	c := startCluster(t)
	t.Run("what one saves the others match", c.follow)
	t.Run("limits are counted together", c.limits)
	t.Run("a login is one everywhere", c.logins)
	t.Run("restarting in turn fails no request", c.restart)
	t.Run("killing in turn fails no request that can be sent again", c.kill)
	t.Run("jobs run once", c.jobsOnce)
}

// follow saves and removes lists on one instance, and sees how soon the others know.
func (c *cluster) follow(t *testing.T) {
	var came, went []time.Duration
	until := func(url string, found bool, text string) time.Duration {
		begin := time.Now()
		wait.For(t, func() error {
			if status, body := c.get(url); status != 200 || strings.Contains(body, text) != found {
				return fmt.Errorf("%s: %d, with %q: %t", url, status, text, !found)
			}
			return nil
		})
		return time.Since(begin)
	}
	for i := range 6 {
		one, others := c.instances[i%3], []*process{c.instances[(i+1)%3], c.instances[(i+2)%3]}
		twin, name := fmt.Sprintf("user-%d", i), fmt.Sprintf("twin-%d", i)
		list := slices.Clone(c.lists[twin])
		if i == 0 {
			list = append(list, listOf(news.ID)...)
		}
		c.fake.SetList(name, list...)
		if status, body := c.get(one.url + "/api/" + name + "/similar"); status != 200 {
			t.Fatalf("%s: %d %s", name, status, body)
		}
		for _, other := range others {
			came = append(came, until(other.url+"/api/"+twin+"/similar", true, `"`+name+`"`))
			if i == 0 { // an anime that came with the list
				until(other.url+"/api/"+twin+"/recommendations/"+name, true, news.Title)
			}
		}
	}
	for i := range 3 {
		name := fmt.Sprintf("twin-%d", i)
		if out, err := program(t, t.TempDir(), c.env, "remove", name).CombinedOutput(); err != nil {
			t.Fatalf("remove: %v\n%s", err, out)
		}
		for _, other := range c.instances {
			went = append(went, until(other.url+fmt.Sprintf("/api/user-%d/similar", i), false, `"`+name+`"`))
		}
	}
	slices.Sort(came)
	slices.Sort(went)
	t.Logf("known to others after %s, median %s; gone after %s, median %s", came, came[len(came)/2], went, went[len(went)/2])
	if came[len(came)/2] > time.Second || went[len(went)/2] > time.Second {
		t.Error("the others take longer than a second")
	}
}

// limits asks more than one address may, of all instances.
func (c *cluster) limits(t *testing.T) {
	answers := map[int]int{}
	r := fromAnybody(http.MethodGet, "http://none/", nil)
	for i := range clusterLimit + 15 {
		ask := fromAnybody(http.MethodGet, c.instances[i%3].url+"/api/version", nil)
		ask.Header = r.Header
		status, _ := do(ask)
		answers[status]++
	}
	if answers[200] != clusterLimit || answers[503] != 15 {
		t.Errorf("answered %v, want %d times 200 and 15 times 503", answers, clusterLimit)
	}
}

// logins logs in on one instance, is known on the others, and logs out there.
func (c *cluster) logins(t *testing.T) {
	const password = "see you space cowboy"
	set := program(t, t.TempDir(), c.env, "admin", "set-password", "spike")
	set.Stdin = strings.NewReader(password + "\n")
	if out, err := set.CombinedOutput(); err != nil {
		t.Fatalf("set-password: %v\n%s", err, out)
	}
	jar, err := cookiejar.New(nil) // cookies are the same for all ports of a host
	if err != nil {
		t.Fatal(err)
	}
	browser := http.Client{Jar: jar}
	ask := func(r *http.Request) (path, body string) {
		t.Helper()
		resp, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var text bytes.Buffer
		if _, err := text.ReadFrom(resp.Body); err != nil {
			t.Fatal(err)
		}
		return resp.Request.URL.Path, text.String()
	}
	token := regexp.MustCompile(`name="token" value="([^"]+)"`)
	post := func(at string, body string, fields ...string) string {
		t.Helper()
		form := url.Values{}
		if found := token.FindStringSubmatch(body); found != nil {
			form.Set("token", found[1])
		}
		for i := 0; i < len(fields); i += 2 {
			form.Set(fields[i], fields[i+1])
		}
		r := fromAnybody(http.MethodPost, at, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		path, _ := ask(r)
		return path
	}
	_, login := ask(fromAnybody(http.MethodGet, c.instances[0].url+"/admin/login", nil))
	if at := post(c.instances[0].url+"/admin/login", login, "admin", "spike", "password", password); at != "/admin" {
		t.Fatalf("the login leads to %s", at)
	}
	var page string
	for i, x := range c.instances {
		var at string
		if at, page = ask(fromAnybody(http.MethodGet, x.url+"/admin", nil)); at != "/admin" {
			t.Errorf("instance %d sends who is logged in to %s", i, at)
		}
	}
	if at := post(c.instances[2].url+"/admin/logout", page); at != "/admin/login" {
		t.Errorf("the logout leads to %s", at)
	}
	for i, x := range c.instances {
		if at, _ := ask(fromAnybody(http.MethodGet, x.url+"/admin", nil)); at != "/admin/login" {
			t.Errorf("instance %d takes who is logged out to %s", i, at)
		}
	}
}

// restart stops and starts each instance by a signal, under load of which nothing may be sent twice.
func (c *cluster) restart(t *testing.T) {
	l := c.load(t, true)
	for i, p := range c.instances {
		before := l.sent.Load()
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		wait.For(t, func() error { // readiness goes first, and questions are answered still
			if status, _ := get(p.url + "/readyz"); status != http.StatusServiceUnavailable {
				return fmt.Errorf("readyz says %d", status)
			}
			return nil
		})
		resp, err := http.Get(p.url + "/healthz")
		if err != nil || resp.StatusCode != http.StatusOK || !resp.Close {
			t.Errorf("healthz while it drains: %v, %v; want 200 and the connection closed", resp, err)
		} else {
			_ = resp.Body.Close()
		}
		<-p.gone
		if p.err != nil {
			t.Errorf("instance %d ended with %v", i, p.err)
		}
		c.balancer.remove(p.url)
		c.start(i)
		if l.sent.Load() == before {
			t.Error("nothing was asked meanwhile")
		}
	}
	l.stop()
	t.Logf("%d requests, %d failed", l.sent.Load(), l.failed.Load())
}

// kill ends each instance at once and starts it again, under load that the balancer may send twice.
func (c *cluster) kill(t *testing.T) {
	c.balancer.retry.Store(true)
	l := c.load(t, false)
	for i, p := range c.instances {
		if err := p.end(os.Kill); err == nil {
			t.Errorf("instance %d ended well", i)
		}
		until := l.sent.Load() + 100
		wait.For(t, func() error {
			if l.sent.Load() < until {
				return errors.New("too little is asked")
			}
			return nil
		})
		c.balancer.remove(p.url)
		c.start(i)
	}
	l.stop()
	t.Logf("%d requests, %d of them sent again, %d failed", l.sent.Load(), c.balancer.retried.Load(), l.failed.Load())
	for name, list := range stored(t, c.db) {
		if strings.HasPrefix(name, "user-") {
			if want, err := engine.NewList(slices.Clone(c.lists[name])); err != nil || !slices.Equal(list, want) {
				t.Errorf("the list of %s has %d entries, want the %d fetched", name, len(list), len(want))
			}
		}
	}
}

// jobsOnce looks at the runs of a job that all instances would run every second.
func (c *cluster) jobsOnce(t *testing.T) {
	store, err := db.Open(t.Context(), db.Options{URL: c.db})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var runs []jobs.Run
	wait.For(t, func() error {
		if runs, err = store.LastRuns(t.Context(), "hashes", 100); err == nil && len(runs) < 5 {
			err = fmt.Errorf("%d runs", len(runs))
		}
		return err
	})
	for i := range runs[1:] {
		if later, earlier := runs[i], runs[i+1]; later.Started.Sub(earlier.Started) < time.Second {
			t.Errorf("runs at %s and %s, want a second between them", earlier.Started, later.Started)
		}
	}
	t.Logf("%d runs within %s", len(runs), runs[0].Started.Sub(runs[len(runs)-1].Started))
}
