package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/demo"
	"reko.moe/engine/mal/maltest"
	"reko.moe/internal/chaos"
	"reko.moe/internal/wait"
)

// The users of a [chaosWorld]. Each fault has stale and new ones of its own, since to be asked for changes them.
const (
	freshUsers = 160
	staleUsers = 6 // of each fault: stored, and due to be refreshed
	newUsers   = 6 // of each fault: MyAnimeList alone knows them
)

// chaosWorld is a population of which every right answer is known: those of a reference, which nothing ever happened to.
type chaosWorld struct {
	anime  []engine.Anime
	lists  maltest.Lists
	stored []engine.User // fresh ones first, then stale ones
	fresh  []chaos.Question
	stale  [][]chaos.Question // of each fault
	new    [][]chaos.Question
}

func freshName(i int) string    { return fmt.Sprintf("fresh-%d", i) }
func staleName(f, i int) string { return fmt.Sprintf("stale-%d-%d", f, i) }
func newName(f, i int) string   { return fmt.Sprintf("new-%d-%d", f, i) }

// newChaosWorld invents a population for so many faults and asks a reference for the right answers.
func newChaosWorld(t *testing.T, faults int) *chaosWorld {
	t.Helper()
	w := &chaosWorld{
		anime: demo.Anime(), lists: maltest.Lists{}, stale: make([][]chaos.Question, faults), new: make([][]chaos.Question, faults),
	}
	now := time.Now()
	for i := range w.anime {
		w.anime[i].DescribedAt = now
	}
	catalogue := engine.NewCatalogue(w.anime)
	r := rand.New(rand.NewPCG(7, 7))
	list := func(from []engine.Anime, n int) ([]engine.Change, engine.List) {
		var ids []engine.AnimeID
		for _, at := range r.Perm(len(from))[:n] {
			ids = append(ids, from[at].ID)
		}
		changes := listOf(ids...)
		l, err := engine.NewList(slices.Clone(changes))
		if err != nil {
			t.Fatal(err)
		}
		return changes, l
	}
	add := func(name string, at time.Time) {
		changes, l := list(w.anime, 50+r.IntN(100))
		w.lists[name] = changes
		w.stored = append(w.stored, engine.User{
			Name: name, Origin: engine.FromMAL, List: l.Pack(), Hash: engine.TasteHash(l, catalogue), FetchedAt: at, FullAt: at,
		})
	}
	for i := range freshUsers {
		add(freshName(i), now.Add(-time.Hour))
	}
	for f := range faults {
		for i := range staleUsers {
			add(staleName(f, i), now.Add(-100*time.Hour))
		}
	}
	// Whoever comes must not be among the nearest of those whose answers are known: they like nothing but the oldest.
	oldest := slices.Clone(w.anime)
	slices.SortStableFunc(oldest, func(a, b engine.Anime) int { return cmp.Compare(a.Start.Year, b.Start.Year) })
	var comers []engine.Hash
	for f := range faults {
		for i := range newUsers {
			changes, l := list(oldest[:40], 20+r.IntN(10))
			w.lists[newName(f, i)] = changes
			comers = append(comers, engine.TasteHash(l, catalogue))
		}
	}
	apart := func(u engine.User) bool {
		var known []int
		for _, o := range w.stored {
			if o.Name != u.Name {
				known = append(known, engine.Distance(u.Hash, o.Hash))
			}
		}
		slices.Sort(known)
		return !slices.ContainsFunc(comers, func(h engine.Hash) bool { return engine.Distance(u.Hash, h) < known[engine.BatchSize-1] })
	}
	w.ask(t, apart)
	return w
}

// ask makes the questions, and has a reference answer them.
func (w *chaosWorld) ask(t *testing.T, apart func(engine.User) bool) {
	t.Helper()
	for i, u := range w.stored[:freshUsers] {
		other := "/" + freshName((i+1)%freshUsers)
		paths := []string{"/api/" + u.Name + "/compare" + other, "/api/" + u.Name + "/recommendations" + other, "/u/" + u.Name + "/compare" + other}
		if apart(u) {
			paths = append(paths, "/api/"+u.Name+"/similar", "/api/"+u.Name+"/recommendations", "/api/"+u.Name+"/random?seed=5",
				"/u/"+u.Name, "/u/"+u.Name+"/similar")
		}
		for _, p := range paths {
			w.fresh = append(w.fresh, chaos.Question{Path: p})
		}
	}
	for f := range w.stale {
		for i := range staleUsers {
			w.stale[f] = append(w.stale[f], chaos.Question{Path: "/api/" + staleName(f, i) + "/compare/" + freshName(i)})
		}
		for i := range newUsers {
			w.new[f] = append(w.new[f], chaos.Question{Path: "/api/" + newName(f, i) + "/recommendations/" + freshName(i)})
		}
	}
	c := newChaosServer(t, w, chaosOptions{})
	all := [][]chaos.Question{w.fresh}
	for f := range w.stale {
		all = append(all, w.stale[f], w.new[f])
	}
	for _, questions := range all {
		for i := range questions {
			status, body := get(c.url() + questions[i].Path)
			if status != http.StatusOK {
				t.Fatalf("the reference answers %s with %d %s", questions[i].Path, status, body)
			}
			questions[i].Right = chaos.Reduce(questions[i].Path, []byte(body))
		}
	}
	if n := len(w.fresh); n < 4*freshUsers {
		t.Fatalf("%d questions have answers that stay the same, want more", n)
	}
	c.kill()
}

// seed stores the population in an empty store.
func (w *chaosWorld) seed(t *testing.T, url string) {
	t.Helper()
	store, err := db.Open(t.Context(), db.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	eng := engine.New(engine.Options{Store: store})
	for _, err := range []error{
		eng.ImportAnime(t.Context(), slices.Clone(w.anime)), eng.ImportUsers(t.Context(), slices.Clone(w.stored)), eng.ImportDone(t.Context()),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// chaosOptions say what stands around a server. What is nil is not there, but for the store, which is a SQLite file then.
type chaosOptions struct {
	postgres string // URL of an empty store
	redis    string
	env      []string
	sqlite   string // URL; empty: a new file
}

// chaosServer is the program as a process, with proxies before all that it relies on.
type chaosServer struct {
	t          *testing.T // that runs
	whole      *testing.T // with which the server ends
	world      *chaosWorld
	store      string // URL, without a proxy
	fake       *maltest.Server
	mal        *chaos.Proxy
	db, redis  *chaos.Proxy  // nil: not there
	postgres   *chaos.Server // nil: it is not the test's own
	load       *chaos.Load
	env        []string
	log        logTail
	mu         sync.Mutex
	base       string        // guarded by mu
	process    *exec.Cmd     // guarded by mu
	gone       chan struct{} // closed when process is; guarded by mu
	savers     []*saver
	faultsDone int
	broken     atomic.Bool // since the fault began
}

// newChaosServer seeds a store and starts a server on it.
func newChaosServer(t *testing.T, w *chaosWorld, o chaosOptions) *chaosServer {
	t.Helper()
	c := &chaosServer{t: t, whole: t, world: w, store: cmp.Or(o.postgres, o.sqlite)}
	if c.store == "" {
		c.store = "sqlite:" + t.TempDir() + "/reko.db"
	}
	w.seed(t, c.store)
	url := c.store
	if o.postgres != "" {
		c.db = chaos.NewProxy(t, chaos.HostOf(t, o.postgres))
		url = c.db.In(o.postgres)
	}
	c.fake = maltest.Start(t, w.lists, w.anime...)
	c.mal = chaos.NewProxy(t, chaos.HostOf(t, c.fake.BaseURL))
	c.env = append([]string{
		"REKO_DB_URL=" + url, "REKO_MAL_URL=" + c.mal.In(c.fake.BaseURL), "REKO_MAL_CLIENT_ID=" + c.fake.ClientID,
		"REKO_MAL_RATE=1000", "REKO_MAL_BURST=100", "REKO_MAL_PROBE_USER=" + freshName(0), "REKO_JOBS_ENABLED=false", "REKO_RECOMMEND_ORDER=classic",
		"REKO_LIMITS_API=1000000/1s", "REKO_LIMITS_PAGES=1000000/1s", "REKO_LIMITS_COSTLY=1000000/1s",
		"REKO_HTTP_ADDR=127.0.0.1:" + strconv.Itoa(chaos.FreePort(t)),
	}, o.env...)
	if o.redis != "" {
		c.redis = chaos.NewProxy(t, chaos.HostOf(t, o.redis))
		c.env = append(c.env, "REKO_REDIS_URL="+c.redis.In(o.redis))
	}
	c.load = &chaos.Load{Base: c.url, Client: chaos.NewClient()}
	c.start()
	return c
}

func (c *chaosServer) url() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base
}

// start starts the server, and returns when it is ready.
func (c *chaosServer) start() {
	c.t.Helper()
	cmd := program(c.whole, c.whole.TempDir(), c.env)
	log, err := cmd.StderrPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	gone, listening := make(chan struct{}), make(chan string, 1)
	go func() {
		defer close(gone)
		lines := bufio.NewScanner(log)
		for lines.Scan() {
			c.log.add(lines.Text())
			if _, rest, ok := strings.Cut(lines.Text(), " url="); ok && strings.Contains(lines.Text(), "msg=serving") {
				listening <- strings.Fields(rest)[0]
			}
		}
		_, _ = io.Copy(io.Discard, log)
		_ = cmd.Wait()
	}()
	c.mu.Lock()
	c.process, c.gone = cmd, gone
	c.mu.Unlock()
	c.whole.Cleanup(c.kill)
	select {
	case url := <-listening:
		c.mu.Lock()
		c.base = url
		c.mu.Unlock()
	case <-gone:
		c.t.Fatalf("the server ended at its start:\n%s", c.log.String())
	}
}

// kill ends the server as kill -9 does, and returns when it is gone.
func (c *chaosServer) kill() {
	c.mu.Lock()
	process, gone := c.process, c.gone
	c.mu.Unlock()
	_ = process.Process.Kill()
	<-gone
}

// logTail keeps the last lines of a log that are not about requests that went well.
type logTail struct {
	mu    sync.Mutex
	lines []string // guarded by mu
}

func (l *logTail) add(line string) {
	if strings.Contains(line, "msg=request ") {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	if len(l.lines) > 200 {
		l.lines = l.lines[100:]
	}
}

func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-12):], "\n")
}

// metric returns the sum of a metric's values, of those with a label if one is given.
func (c *chaosServer) metric(name string, label ...string) (sum float64) {
	c.t.Helper()
	status, body := get(c.url() + "/metrics")
	if status != http.StatusOK {
		c.t.Fatalf("metrics: %d %s", status, body)
	}
	for line := range strings.Lines(body) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), name); ok && rest != "" && (rest[0] == ' ' || rest[0] == '{') &&
			strings.Contains(rest, strings.Join(label, "")) {
			v, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
			if err != nil {
				c.t.Fatal(err)
			}
			sum += v
		}
	}
	return sum
}

// holding is what a server holds on to, and how many connections to the database it may open, or is opening, beside those that idle. connections
// are what a Postgres of the test's own says.
type holding struct{ goroutines, files, connections, unopened float64 }

func (c *chaosServer) holding() holding {
	c.load.Client.CloseIdleConnections()
	for _, s := range c.savers {
		s.client.CloseIdleConnections()
	}
	h := holding{goroutines: c.metric("go_goroutines"), files: c.metric("process_open_fds")}
	h.unopened = c.metric("reko_db_connections_max") - c.metric("reko_db_connections", `state="idle"`)
	if c.postgres != nil {
		h.connections = float64(c.postgres.Connections())
	}
	return h
}

// openFiles says what files the server has open.
func (c *chaosServer) openFiles() string {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", c.process.Process.Pid))
	for i := range files {
		files[i], _ = os.Readlink(files[i])
	}
	slices.Sort(files)
	return strings.Join(files, " ")
}

// leaksNothing waits until the server holds on to no more than before.
func (c *chaosServer) leaksNothing(before holding) {
	c.t.Helper()
	wait.For(c.t, func() error {
		const each = 3 // files that a connection to SQLite takes
		if after := c.holding(); after.goroutines > before.goroutines+before.unopened+8 || after.files > before.files+each*before.unopened+4 ||
			after.connections > before.connections+before.unopened+2 {
			return fmt.Errorf("the server held on to %+v, and now to %+v: %s", before, after, c.openFiles())
		}
		return nil
	})
}

// during runs f while the load asks questions and the savers save, and gives the events that came meanwhile.
func (c *chaosServer) during(questions func(n int) chaos.Question, f func()) []chaos.Event {
	ctx, cancel := context.WithCancel(c.t.Context())
	var asking sync.WaitGroup
	asking.Go(func() { c.load.Run(ctx, 8, 20*time.Millisecond, questions) })
	for _, s := range c.savers {
		asking.Go(func() { s.run(ctx) })
	}
	f()
	cancel()
	asking.Wait()
	return c.load.Events()
}

// questions are what is asked during a fault: most of it is about users that are known; the groups of others come one after the other.
func (c *chaosServer) questions(fault, groups int) func(n int) chaos.Question {
	w := c.world
	var first atomic.Int64
	return func(n int) chaos.Question {
		first.CompareAndSwap(0, int64(n))
		fault := fault + max(n-int(first.Load()), 0)/400%groups
		switch {
		case !c.broken.Load(): // or they would be fetched before anything breaks
		case n%10 == 3:
			return w.stale[fault][n/10%len(w.stale[fault])]
		case n%10 == 7:
			return w.new[fault][n/10%len(w.new[fault])]
		}
		return w.fresh[n*7%len(w.fresh)]
	}
}
