//go:build chaos

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sys/unix"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/mal/maltest"
	"reko.moe/internal/chaos"
	"reko.moe/internal/wait"
)

// manyFaults are at least as many as happen in any of these tests.
const manyFaults = 48

// Everything that the program relies on breaks, one after the other, on Postgres.
func TestChaos(t *testing.T) {
	w := newChaosWorld(t, manyFaults)
	postgres, cache := chaos.Postgres(t), chaos.Redis(t)
	c := newChaosServer(t, w, chaosOptions{postgres: postgres.URL, redis: cache.URL})
	c.postgres = postgres
	c.addSavers(3)
	const short, long = 3 * time.Second, 5 * time.Second
	mal := func(fault maltest.Fault) func() { return func() { c.fake.Fail("", 0, fault) } }
	for _, f := range []fault{
		{name: "Postgres stopped and restarted", begin: postgres.Stop, lasts: long, end: postgres.Start, older: true},
		{name: "Postgres restarted at once", begin: func() { postgres.Stop(); postgres.Start() }, end: func() {}},
		{name: "Postgres hangs", begin: c.db.Hang, lasts: long, end: c.db.Heal, older: true},
		{name: "Postgres slow: 0.3 s more", begin: func() { c.db.Slow(300 * time.Millisecond) }, lasts: long, end: c.db.Heal},
		{name: "Postgres slow: 4 s more", begin: func() { c.db.Slow(4 * time.Second) }, lasts: long, end: c.db.Heal, older: true},
		{name: "Connections cut in transactions", begin: func() { c.db.CutAfter(2500) }, lasts: long, end: c.db.Heal},
		{name: "Redis stopped and restarted", begin: cache.Stop, lasts: short, end: cache.Start},
		{name: "Redis slow: 1 s more", begin: func() { c.redis.Slow(time.Second) }, lasts: short, end: c.redis.Heal},
		{name: "Redis hangs", begin: c.redis.Hang, lasts: short, end: c.redis.Heal},
		{name: "Redis flushed", begin: func() { flush(t, cache.URL) }, lasts: short, end: func() {}},
		{name: "MyAnimeList down", begin: c.mal.Stop, lasts: long, end: c.mal.Heal, older: true},
		{name: "MyAnimeList slow: 15 s more", begin: func() { c.mal.Slow(15 * time.Second) }, lasts: long, end: c.mal.Heal, older: true},
		{name: "MyAnimeList: 429, Retry-After 3", begin: mal(maltest.TooMany("3")), lasts: long, end: c.fake.Heal, older: true},
		{name: "MyAnimeList: 429", begin: mal(maltest.TooMany("")), lasts: long, end: c.fake.Heal, older: true},
		{name: "MyAnimeList: 503 with HTML", begin: mal(maltest.Overloaded), lasts: long, end: c.fake.Heal, older: true},
		{name: "MyAnimeList: 200 with HTML", begin: mal(maltest.HTML), lasts: long, end: c.fake.Heal, older: true},
		{name: "MyAnimeList: answers cut off", begin: mal(maltest.CutOff), lasts: long, end: c.fake.Heal, older: true},
		{name: "MyAnimeList: connections cut", begin: mal(maltest.Dropped), lasts: long, end: c.fake.Heal, older: true},
		{name: "MyAnimeList: wrong types", begin: mal(maltest.WrongTypes), lasts: short, end: c.fake.Heal, garble: true},
		{name: "MyAnimeList: a list of 30,000", begin: func() { c.huge() }, lasts: short, end: func() {}, during: c.asksHuge},
	} {
		c.suffer(f)
	}
	c.check()
}

// flush empties a Redis.
func flush(t *testing.T, url string) {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	defer client.Close()
	if err := client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}

const hugeName, hugeEntries = "huge", 30_000

// huge gives somebody a list of 30,000 entries. Most are of anime that nobody knows, so that the hash is that of somebody new.
func (c *chaosServer) huge() {
	changes := slices.Clone(c.world.lists[newName(0, 0)])
	for i := range hugeEntries - len(changes) {
		e := changes[0]
		e.Anime, e.At = engine.AnimeID(100_000+i), e.At.AddDate(-1, 0, 0).Add(-time.Duration(i)*time.Second)
		changes = append(changes, e)
	}
	c.fake.SetList(hugeName, changes...)
}

// asksHuge asks for that list until it is there: who asks first is told to come again.
func (c *chaosServer) asksHuge() {
	c.t.Helper()
	begin := time.Now()
	wait.For(c.t, func() error {
		if e := c.load.Ask(chaos.Question{Path: "/api/" + hugeName + "/compare/" + freshName(0)}); e.Outcome != chaos.Answered {
			return fmt.Errorf("%+v", e)
		}
		return nil
	})
	c.t.Logf("a list of %d entries was there after %s", hugeEntries, time.Since(begin).Round(time.Millisecond))
	if l := stored(c.t, c.store)[hugeName]; len(l) != hugeEntries {
		c.t.Errorf("%d entries of %d are stored", len(l), hugeEntries)
	}
}

// check looks at everything in the store: each list, its hash, and what is counted.
func (c *chaosServer) check() {
	c.t.Helper()
	if out, err := program(c.t, c.t.TempDir(), []string{"REKO_DB_URL=" + c.store}, "check").CombinedOutput(); err != nil {
		c.t.Errorf("reko check: %v\n%s", err, out)
	}
	store, err := db.Open(c.t.Context(), db.Options{URL: c.store})
	if err != nil {
		c.t.Fatal(err)
	}
	defer store.Close()
	catalogue := engine.NewCatalogue(c.world.anime)
	users, entries := 0, 0
	for u, err := range store.AllUsers(c.t.Context()) {
		if err != nil {
			c.t.Fatal(err)
		}
		l, err := u.List.Unpack(nil)
		if err != nil {
			c.t.Errorf("list of %s: %v", u.Name, err)
		}
		users, entries = users+1, entries+len(l)
		if changes, ok := c.world.lists[u.Name]; ok {
			if want, err := engine.NewList(slices.Clone(changes)); err != nil || !slices.Equal(l, want) {
				c.t.Errorf("the list of %s has %d entries, want %d (%v)", u.Name, len(l), len(want), err)
			}
		}
		if h := engine.TasteHash(l, catalogue); u.Hash != h {
			c.t.Errorf("the hash of %s is %s, want %s", u.Name, u.Hash, h)
		}
	}
	totals, err := store.Totals(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	if all := totals.All(); all.Users != users || all.Lists != users || int(all.Entries) != entries {
		c.t.Errorf("counted are %+v, and there are %d users and %d entries", all, users, entries)
	}
	for _, name := range []string{"bulk", "taste", "hashed"} {
		if n, err := store.Counter(c.t.Context(), name); err != nil || n < 0 || n > 1000 {
			c.t.Errorf("the counter %s is %d, %v", name, n, err)
		}
	}
	c.t.Logf("checked %d users and %d entries", users, entries)
}

// lasting is how long something lasts: what a variable says, or as long as usual.
func lasting(t *testing.T, variable string, usual time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	long, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return long
}

// killing is the fault of a server that is killed at random moments and started again.
func (c *chaosServer) killing(store string, long time.Duration) fault {
	r := rand.New(rand.NewPCG(11, uint64(time.Now().UnixNano())))
	return fault{
		name: "kill -9 for " + long.String() + ", " + store, begin: func() {}, end: func() {}, cuts: true, groups: 12,
		during: func() {
			kills := 0
			for begin := time.Now(); time.Since(begin) < long; kills++ {
				<-time.After(time.Duration(100+r.IntN(4000)) * time.Millisecond)
				c.kill()
				c.start()
			}
			c.t.Logf("killed %d times", kills)
		},
	}
}

func TestChaosKilledOnPostgres(t *testing.T) {
	c := newChaosServer(t, newChaosWorld(t, manyFaults), chaosOptions{postgres: chaos.Postgres(t).URL})
	c.addSavers(3)
	c.suffer(c.killing("Postgres", lasting(t, "REKO_TEST_KILLS", 2*time.Minute)))
	c.check()
}

// On SQLite the disk is full for a while, and then the server is killed.
func TestChaosSQLite(t *testing.T) {
	c := newChaosServer(t, newChaosWorld(t, manyFaults), chaosOptions{})
	c.addSavers(3)
	limit := func(bytes uint64) func() {
		return func() {
			t.Helper()
			var now unix.Rlimit
			if err := unix.Prlimit(c.process.Process.Pid, unix.RLIMIT_FSIZE, nil, &now); err != nil {
				t.Fatal(err)
			}
			now.Cur = min(bytes, now.Max)
			if err := unix.Prlimit(c.process.Process.Pid, unix.RLIMIT_FSIZE, &now, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.suffer(fault{name: "SQLite: disk full", begin: limit(4096), lasts: 5 * time.Second, end: limit(unix.RLIM_INFINITY), older: true})
	c.suffer(c.killing("SQLite", lasting(t, "REKO_TEST_KILLS", 2*time.Minute)/4))
	c.check()
}
