package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"reko.moe/bench"
	"reko.moe/db/dbtest"
	"reko.moe/engine"
	"reko.moe/engine/crowd"
	"reko.moe/handlers/limit"
)

// reko runs the program on a store and returns what it printed.
func reko(t *testing.T, url string, args ...string) (string, error) {
	t.Helper()
	out, err := program(t, t.TempDir(), []string{"REKO_DB_URL=" + url}, args...).CombinedOutput()
	return string(out), err
}

// storedLists are the lists and hashes of a store, by name.
func storedLists(t *testing.T, url string) map[string]string {
	t.Helper()
	s, lists := dbtest.Open(t, url), map[string]string{}
	for u, err := range s.AllUsers(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if u.Origin != engine.FromDemo || u.Hash == 0 {
			t.Errorf("%s: origin %s, hash %s", u.Name, u.Origin, u.Hash)
		}
		lists[u.Name] = fmt.Sprintf("%s %x", u.Hash, u.List)
	}
	return lists
}

// What an interrupted run leaves is a part of what it would have stored, and the next run stores the rest, in either store.
func TestPopulate(t *testing.T) {
	t.Parallel()
	for name, empty := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		t.Run(name, func(t *testing.T) {
			parts, whole := empty(t), empty(t)
			for _, args := range []string{"--users=40", "--users=300", "--users=300"} {
				if out, err := reko(t, parts, "bench", "populate", "--no-train", args); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			populate := detected(program(t, t.TempDir(), []string{"REKO_DB_URL=" + whole}, "bench", "populate", "--no-train", "--users=300"))
			if out, err := populate.CombinedOutput(); err != nil || !strings.Contains(string(out), "300 users with") {
				t.Fatalf("%v\n%s", err, out)
			}
			lists := storedLists(t, whole)
			if len(lists) != 300 || lists[crowd.Name(300)] == "" {
				t.Errorf("%d users", len(lists))
			}
			for name, list := range storedLists(t, parts) {
				if lists[name] != list {
					t.Errorf("%s has another list when others were stored before", name)
				}
			}
			for _, test := range []struct{ args, want string }{
				{"--users=400 --seed=2", "another --seed"},
				{"--users=200", "300 made-up users already"},
			} {
				if out, err := reko(t, whole, append([]string{"bench", "populate"}, strings.Fields(test.args)...)...); err == nil || !strings.Contains(out, test.want) {
					t.Errorf("%s: %v\n%s", test.args, err, out)
				}
			}
			if out, err := reko(t, whole, "bench", "populate", "--remove"); err != nil || !strings.Contains(out, "300 invented users removed") {
				t.Errorf("remove: %v\n%s", err, out)
			}
			if left := storedLists(t, whole); len(left) != 0 {
				t.Errorf("%d users are left", len(left))
			}
		})
	}
}

func TestPopulateTrainsAModel(t *testing.T) {
	t.Parallel()
	url := dbtest.SQLite(t)
	if out, err := reko(t, url, "bench", "populate", "--users=60"); err != nil || !strings.Contains(out, "learnt from 60 lists") {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := dbtest.Open(t, url).ModelInfo(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPopulateKeepsAwayFromRealUsers(t *testing.T) {
	t.Parallel()
	url, dir := dbtest.SQLite(t), t.TempDir()
	if err := os.WriteFile(dir+"/lists.csv", []byte("user_id,mal_id,status,score,watched_episodes\n7,1,completed,10,26\n8,5,completed,9,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := reko(t, url, "bench", "populate", "--fit", "--users=50", "--mean=0", "--like", dir+"/lists.csv"); err != nil ||
		!strings.Contains(out, "distinct hashes") {
		t.Errorf("fit: %v\n%s", err, out)
	}
	if err := os.WriteFile(dir+"/unknown.csv", []byte("user_id,mal_id,status,score,watched_episodes\n7,4000000,completed,10,26\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := reko(t, url, "bench", "populate", "--users=50", "--like", dir+"/unknown.csv"); err == nil ||
		!strings.Contains(out, "import their anime first") {
		t.Errorf("like lists of unknown anime: %v\n%s", err, out)
	}
	if n := len(storedLists(t, url)); n != 0 {
		t.Errorf("to look at the fit made %d users", n)
	}
	if out, err := reko(t, url, "import", "lists", dir+"/lists.csv"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := reko(t, url, "bench", "populate", "--users=10"); err == nil || !strings.Contains(out, "never mixed") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestBench(t *testing.T) {
	t.Parallel()
	url, dir := dbtest.SQLite(t), t.TempDir()
	if out, err := reko(t, url, "bench"); err == nil || !strings.Contains(out, "nobody to ask for") {
		t.Errorf("on an empty store: %v\n%s", err, out)
	}
	if out, err := reko(t, url, "bench", "populate", "--users=120"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	first, second := dir+"/first.json", dir+"/second.json"
	if out, err := reko(t, url, "bench", "--for=60ms", "--names=20", "--conns=4", "--late=1m", "--out", first); err != nil || !strings.Contains(out, "| similar ") {
		t.Fatalf("%v\n%s", err, out)
	}
	r, err := bench.Read(first)
	if err != nil || r.Users != 120 || r.Entries < 1000 || !r.Model || r.Store != "sqlite" {
		t.Fatalf("%+v, %v", r, err)
	}
	measured := map[string]bench.Row{}
	for _, row := range r.Rows {
		if measured[row.Name] = row; row.Value <= 0 || row.Errors != 0 {
			t.Errorf("%+v", row)
		}
	}
	for name := range aims {
		if name = strings.Replace(name, "64", "4", 1); measured[name].Value == 0 {
			t.Errorf("%s was not measured", name)
		}
	}
	// Against a server that runs, and beside what was found before.
	server := start(t, func(cfg *config) { cfg.Database, cfg.APILimit, cfg.PagesLimit = url, limit.Budget{}, limit.Budget{} })
	out, err := reko(t, url, "bench", "--server", server, "--for=30ms", "--names=5", "--conns=2", "--late=1m", "--compare", first, "--out", second)
	if err != nil || !strings.Contains(out, "p99 before") {
		t.Errorf("%v\n%s", err, out)
	}
	server = start(t, func(cfg *config) { cfg.Database, cfg.APILimit = url, limit.Budget{Quota: 3, Window: time.Hour} })
	if out, err := reko(t, url, "bench", "--server", server, "--for=30ms", "--names=5"); err == nil || !strings.Contains(out, "[limits] off") {
		t.Errorf("a server with limits is measured: %v\n%s", err, out)
	}
	if out, err := reko(t, url, "bench", "show", first, first); err != nil || strings.Count(out, "| similar ") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := reko(t, url, "bench", "profile", "--for=200ms", "--out", dir+"/cpu.prof"); err != nil || !strings.Contains(out, "0 errors") {
		t.Errorf("%v\n%s", err, out)
	}
	if profile, err := os.ReadFile(dir + "/cpu.prof"); err != nil || !strings.HasPrefix(string(profile), "\x1f\x8b") {
		t.Errorf("the profile: %v, %.20q", err, profile)
	}
	if out, err := reko(t, url, "bench", "draw", first, "--out", dir+"/drawing.svg"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if svg, err := os.ReadFile(dir + "/drawing.svg"); err != nil || !strings.HasPrefix(string(svg), "<svg ") {
		t.Errorf("%v, %.80s", err, svg)
	}
}

// The answers of a server are those of a plain computation, unless it computes something else.
func TestVerify(t *testing.T) {
	t.Parallel()
	url := dbtest.SQLite(t)
	if out, err := reko(t, url, "bench", "populate", "--users=150"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := reko(t, url, "bench", "verify", "--requests=120"); err != nil || !strings.Contains(out, "120 answers are the same") {
		t.Errorf("%v\n%s", err, out)
	}
	other := start(t, func(cfg *config) {
		cfg.Database, cfg.Exclude = url, []engine.AnimeID{1, 5, 16498, 1535, 5114, 9253, 30276, 11757}
	})
	if out, err := reko(t, url, "bench", "verify", "--requests=60", "--server", other); err == nil || !strings.Contains(out, "answers differ") {
		t.Errorf("a server that leaves anime out answers alike: %v\n%.2000s", err, out)
	}
}

func TestBenchSoak(t *testing.T) {
	url, dir := dbtest.SQLite(t), t.TempDir()
	if out, err := reko(t, url, "bench", "populate", "--users=60", "--no-train"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	before := storedLists(t, url)
	out, err := reko(t, url, "bench", "soak", "--for=2s", "--rate=20", "--saves=5", "--names=20", "--conns=4", "--most=1m", "--grow=10", "--out", dir+"/soak.json")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r, err := bench.Read(dir + "/soak.json")
	if err != nil || len(r.Rows) < 5 {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.Rows[0].N != 40 || r.Rows[4].N != 10 {
		t.Errorf("%d requests and %d lists saved, want 40 and 10", r.Rows[0].N, r.Rows[4].N)
	}
	after := storedLists(t, url)
	if len(after) != len(before) {
		t.Errorf("%d users before, %d after", len(before), len(after))
	}
}

func TestPlainScanEqualsSort(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var cards []engine.Card
	for i := range 5000 {
		cards = append(cards, engine.Card{ID: engine.UserID(3*i + 1), Hash: engine.Hash(r.Uint64() & r.Uint64())})
	}
	p := newPlain(cards)
	for n := range 50 {
		me, k := cards[r.IntN(len(cards))], []int{1, 32, 1281, 6000}[n%4]
		var want []away
		for at, c := range cards {
			if c.ID != me.ID {
				want = append(want, away{uint32(at), uint8(engine.Distance(me.Hash, c.Hash))})
			}
		}
		slices.SortStableFunc(want, func(a, b away) int { return cmp.Compare(a.distance, b.distance) })
		if got := p.nearest(me.Hash, k, me.ID); !slices.Equal(got, want[:min(k, len(want))]) {
			t.Fatalf("the nearest %d are not what a sort has", k)
		}
	}
}
