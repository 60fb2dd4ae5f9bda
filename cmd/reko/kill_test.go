package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/db/dbtest"
	"reko.moe/engine"
	"reko.moe/engine/demo"
	"reko.moe/engine/jobs"
	"reko.moe/engine/mal/maltest"
	"reko.moe/internal/wait"
)

// onBothStores runs a test on an empty SQLite file and on an empty Postgres schema.
func onBothStores(t *testing.T, f func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, dbtest.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, dbtest.Postgres(t)) })
}

// stored returns all lists in the store by name, and fails the test if one is damaged.
func stored(t *testing.T, url string) map[string]engine.List {
	t.Helper()
	store, err := db.Open(t.Context(), db.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	lists := map[string]engine.List{}
	for u, err := range store.AllUsers(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		l, err := u.List.Unpack(nil)
		if err != nil {
			t.Errorf("list of %s: %v", u.Name, err)
		}
		lists[u.Name] = l
	}
	return lists
}

// Killed at any moment, an import leaves whole lists or none, and can be run again.
func TestKilledImport(t *testing.T) {
	t.Parallel()
	const users, entries = 4000, 120
	var csv bytes.Buffer
	csv.WriteString("username,mal_id,status,score,watched_episodes\n")
	want := map[string]engine.List{}
	r := rand.New(rand.NewPCG(1, 1))
	for i := range users {
		name := fmt.Sprintf("user-%d", i)
		for j := range entries {
			e := engine.Entry{Anime: engine.AnimeID(1 + j*7), Status: engine.Completed, Score: uint8(r.IntN(11)), Episodes: 12}
			want[name] = append(want[name], e)
			fmt.Fprintf(&csv, "%s,%d,completed,%d,12\n", name, e.Anime, e.Score)
		}
	}
	onBothStores(t, func(t *testing.T, url string) {
		dir := t.TempDir()
		if err := os.WriteFile(dir+"/lists.csv", csv.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		check := func() int {
			got := stored(t, url)
			for name, l := range got {
				if !slices.Equal(l, want[name]) {
					t.Fatalf("the list of %s has %d entries, want the %d imported", name, len(l), len(want[name]))
				}
			}
			return len(got)
		}
		begin := time.Now()
		killed, partial := 0, 0
		for round := range 8 {
			cmd := program(t, dir, []string{"REKO_DB_URL=" + url}, "import", "lists", "lists.csv")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Duration(20+r.IntN(60*(round+1)))*time.Millisecond, func() { _ = cmd.Process.Kill() })
			if err := cmd.Wait(); err != nil {
				killed++
			}
			if n := check(); n > 0 && n < users {
				partial++
			}
		}
		t.Logf("killed %d of 8 imports, %d stores were in the middle, in %s", killed, partial, time.Since(begin).Round(time.Millisecond))
		if killed == 0 {
			t.Error("no import was killed: the test proves nothing")
		}
		if out, err := detected(program(t, dir, []string{"REKO_DB_URL=" + url}, "import", "lists", "lists.csv")).CombinedOutput(); err != nil {
			t.Fatalf("import at last: %v\n%s", err, out)
		}
		if n := check(); n != users {
			t.Errorf("%d users, want %d", n, users)
		}
	})
}

// A list that was answered for is there after a kill -9, and every list is whole.
func TestKilledWhileSaving(t *testing.T) {
	t.Parallel()
	const users, rounds = 400, 4
	catalogue := demo.Anime()
	lists := maltest.Lists{}
	r := rand.New(rand.NewPCG(2, 2))
	for i := range users {
		var ids []engine.AnimeID
		for _, at := range r.Perm(len(catalogue))[:50+r.IntN(200)] {
			ids = append(ids, catalogue[at].ID)
		}
		lists[fmt.Sprintf("user-%d", i)] = listOf(ids...)
	}
	fake := maltest.Start(t, lists, catalogue...)
	onBothStores(t, func(t *testing.T, url string) {
		env := []string{
			"REKO_DB_URL=" + url, "REKO_MAL_URL=" + fake.BaseURL, "REKO_MAL_CLIENT_ID=" + fake.ClientID,
			"REKO_MAL_RATE=100000", "REKO_MAL_BURST=1000", "REKO_MAL_TIMEOUT=1m", "REKO_HTTP_ADDR=127.0.0.1:0",
			"REKO_LIMITS_COSTLY=off",
		}
		var answered sync.Map
		for round := range rounds {
			base, kill := serveProcess(t, env)
			var asking sync.WaitGroup
			var good atomic.Int32
			enough := int32(5 + r.IntN(90)) // answers before the kill
			for i := range 100 {
				asking.Go(func() {
					name := fmt.Sprintf("user-%d", round*100+i)
					status := 0 // of a server that is killed
					for again := true; again; {
						status, _ = get(base + "/api/" + name + "/similar")
						// On a busy machine a list may take longer than a request is let wait: whoever is told so comes again.
						again = (status == 503 || status == 504) && jobs.Wait(t.Context(), 100*time.Millisecond)
					}
					if status == 200 {
						answered.Store(name, true)
						if good.Add(1) == enough {
							kill()
						}
					}
				})
			}
			asking.Wait()
			kill()
			got := stored(t, url)
			for name, l := range got {
				if want, err := engine.NewList(slices.Clone(lists[name])); err != nil || !slices.Equal(l, want) {
					t.Errorf("the list of %s has %d entries, want %d as fetched (%v)", name, len(l), len(want), err)
				}
			}
			n := 0
			for name := range answered.Range {
				n++
				if _, ok := got[name.(string)]; !ok {
					t.Errorf("%v was answered 200 and is gone", name)
				}
			}
			t.Logf("round %d: %d of 100 answered before or during the kill; %d stored, %d answered in all", round, good.Load(), len(got), n)
			if good.Load() < enough {
				t.Errorf("only %d were answered, want %d before the kill", good.Load(), enough)
			}
		}
	})
}

// serveProcess runs the server as a process; kill ends it at once, as kill -9 does, and returns when it is gone.
func serveProcess(t *testing.T, env []string) (url string, kill func()) {
	t.Helper()
	p := startProcess(t, env)
	return p.url, func() { _ = p.end(os.Kill) }
}

// A signal lets what is in flight finish: the answer comes, and the list is stored.
func TestGracefulStop(t *testing.T) {
	fake := maltest.Start(t, maltest.Lists{"spike": listOf(1, 5, 6)}, demo.Anime()...)
	arrived, let := make(chan struct{}), make(chan struct{})
	fake.Fail("", 1, func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		close(arrived)
		<-let
		answer(w, r)
	})
	url := dbtest.SQLite(t)
	cfg := defaultConfig()
	cfg.Database, cfg.MALURL, cfg.MALClient = url, fake.BaseURL, fake.ClientID
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, cfg, ln, cfg.logger()) }()
	base := "http://" + ln.Addr().String()
	await(t, base)
	answer := make(chan int, 1)
	go func() {
		status, _ := get(base + "/api/spike/similar")
		answer <- status
	}()
	<-arrived
	stop()
	wait.For(t, func() error { // no new connections
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err == nil {
			_ = conn.Close()
			return fmt.Errorf("%s still listens", base)
		}
		return nil
	})
	close(let)
	if status := <-answer; status != 200 {
		t.Errorf("the request in flight was answered %d", status)
	}
	if err := <-ended; err != nil {
		t.Errorf("run = %v", err)
	}
	if _, ok := stored(t, url)["spike"]; !ok {
		t.Error("the list was not stored")
	}
}
