package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/demo"
	"reko.moe/engine/mal/maltest"
	"reko.moe/internal/wait"
)

// TestMain lets the test's own binary be the program, for tests that run it as a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("REKO_TEST_PROGRAM") != "" {
		signal.Ignore(syscall.SIGXFSZ) // so that a limit of file sizes is as a disk that is full
		main()
		os.Exit(0)
	}
	code := m.Run()
	if err := printFaults(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// program is the program with arguments, to run as a process in a folder of its own, configured by pairs of keys and values. With
// REKO_TEST_PLAIN, which names this package's tests built without the race detector, it is that, since most commands do little at a time, and
// with the detector take several times as long; without, go test -race looks into all commands.
func program(t *testing.T, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), cmp.Or(os.Getenv("REKO_TEST_PLAIN"), os.Args[0]), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "REKO_TEST_PROGRAM=1")
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// detected is a program that is looked into by the race detector if the tests are, whatever [program] says.
func detected(cmd *exec.Cmd) *exec.Cmd {
	cmd.Path = os.Args[0]
	return cmd
}

// start runs the program in this process, until the test ends; on an empty store and without jobs, of which training takes a
// while, if they are not configured.
func start(t *testing.T, change func(*config)) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, ln, change)
}

// startOn is start on a listener.
func startOn(t *testing.T, ln net.Listener, change func(*config)) (url string) {
	t.Helper()
	cfg := defaultConfig()
	cfg.Database, cfg.Jobs = "sqlite:"+t.TempDir()+"/reko.db", false
	if change != nil {
		change(&cfg)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, cfg, ln, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	url = "http://" + ln.Addr().String()
	await(t, url)
	return url
}

// await waits until the server at url answers questions.
func await(t *testing.T, url string) {
	t.Helper()
	wait.For(t, func() error {
		if status, body := get(url + "/readyz"); status != http.StatusOK {
			return fmt.Errorf("the server does not start: %d %s", status, body)
		}
		return nil
	})
}

// get returns the status and the body of an answer; a failure to get one is status 0.
func get(url string) (int, string) {
	resp, err := http.Get(url)
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

func TestFirstStartHasADemo(t *testing.T) {
	url := start(t, nil)
	name := demo.Examples()[0].Name
	for _, path := range []string{
		"/recommendations", "/similar", "/random", "/compare/" + demo.Examples()[1].Name,
		"/recommendations/" + demo.Examples()[1].Name,
	} {
		status, body := get(url + "/api/" + name + path)
		var answer struct {
			Requester struct{ Username, Hash string }
			Data      json.RawMessage
		}
		if err := json.Unmarshal([]byte(body), &answer); status != 200 || err != nil ||
			answer.Requester.Username != name || len(answer.Data) < 20 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := get(url + "/api/version"); status != 200 || body != versionText() {
		t.Errorf("version: %d %q", status, body)
	}
	if status, body := get(url + "/"); status != 200 || !strings.Contains(body, "invented") {
		t.Errorf("the page does not say that the users are invented: %d %s", status, body)
	}
}

// listOf is a list of completed anime, the last changed first.
func listOf(ids ...engine.AnimeID) []engine.Change {
	changes := make([]engine.Change, len(ids))
	for i, id := range ids {
		changes[i] = engine.Change{
			Entry: engine.Entry{Anime: id, Episodes: 12, Score: uint8(6 + i%4), Status: engine.Completed},
			At:    time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC).Add(-time.Duration(i) * time.Hour),
		}
	}
	return changes
}

func TestListsComeFromMyAnimeList(t *testing.T) {
	fake := maltest.Start(t, maltest.Lists{
		"Spike": listOf(1, 5, 6, 30, 43), "faye": listOf(1, 5, 6, 30, 199, 431), "ed": nil,
	}, demo.Anime()...)
	fake.SetPrivate("vicious", true)
	url := start(t, func(cfg *config) {
		cfg.MALURL, cfg.MALClient, cfg.MALRate, cfg.MALBurst, cfg.MALProbe = fake.BaseURL, fake.ClientID, 1000, 100, "Spike"
	})
	for _, test := range []struct {
		path   string
		status int
		want   string
	}{
		{"/api/SPIKE/similar", 200, `"data":[]`},
		{"/api/faye/similar", 200, `"username":"spike"`},
		{"/api/spike/recommendations", 200, `"title":"Sen to Chihiro no Kamikakushi"`},
		{"/api/ed/similar", 422, `"id":"EmptyUserList"`},
		{"/api/vicious/similar", 403, `"id":"PrivateUserList"`},
		{"/api/julia/similar", 404, `"id":"UserNotFound"`},
		{"/api/mecha-miso/similar", 404, `"id":"UserNotFound"`}, // no invented users among real ones
	} {
		if status, body := get(url + test.path); status != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s: %d %s, want %d with %s", test.path, status, body, test.status, test.want)
		}
	}
}

// Whoever asks for a new user at the same time shares one request to MyAnimeList.
func TestOneFetchForAll(t *testing.T) {
	fake := maltest.Start(t, maltest.Lists{"spike": listOf(1, 5, 6, 30, 43)}, demo.Anime()...)
	url := start(t, func(cfg *config) { cfg.MALURL, cfg.MALClient = fake.BaseURL, fake.ClientID })
	var asking sync.WaitGroup
	for i := range 50 {
		asking.Go(func() {
			path := []string{"/api/spike/similar", "/api/Spike/recommendations", "/u/spike", "/api/SPIKE/random"}[i%4]
			if status, body := get(url + path); status != 200 {
				t.Errorf("%s: %d %s", path, status, body)
			}
		})
	}
	asking.Wait()
	if n := fake.Requests("/users/spike/"); n != 1 {
		t.Errorf("%d requests to MyAnimeList, want 1", n)
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	anime := "mal_id,title,episodes,mean,start_date,genre_ids\n1,Cowboy Bebop,26,8.75,1998-04-03,1;46;24;50;29\n"
	lists := "user_id,mal_id,status,score,watched_episodes\n7,1,completed,10,26\n8,1,watching,9,3\n"
	for name, text := range map[string]string{
		"anime.csv": anime, "lists.csv": lists, "bad.csv": lists + "9,1,completed,11,26\n", "bad.ini": "[x]\ny=z\n",
	} {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		args string
		fail bool
		want string // in what is printed
	}{
		{"--help", false, "import lists"},
		{"--help", false, "admin set-password"},
		{"admin set-password --help", false, "standard input"},
		{"version", false, versionText()},
		{"import lists --help", false, "updated_at"},
		{"import lists --help", false, "Import the lists of many users"},
		{"check --help", false, "Check that every stored list is whole."},
		{"import lists lists.csv", false, "2 users imported"}, // anime not described yet
		{"import anime anime.csv", false, "2 of 2 hashes changed"},
		{"import anime anime.csv", false, "0 of 2 hashes changed"},
		{"import lists bad.csv", true, "bad.csv: line 4: score \"11\" is no whole number in 0..10"},
		{"import lists nothing.csv", true, "nothing.csv"},
		{"check", false, "2 users, 2 entries, 0 damaged lists"},
		{"remove u8 u9", true, "u8 removed"},
		{"check", false, "1 users, 1 entries, 0 damaged lists"},
		{"jobs", false, "hashes"},
		{"jobs run hashes", false, "hashes: no anime changed"},
		{"jobs run dance", true, `no job "dance"`},
		{"jobs run refresh", true, "need [mal] client_id"},
		{"--config bad.ini version", false, versionText()},
		{"--config bad.ini check", true, "[x] y: unknown key"},
		{"--config missing.ini check", true, "missing.ini"},
		{"dance", true, "--help"},
		{"import", true, "reko import --help"},
		{"import lists", true, "FILE is required (see reko import lists --help)"},
		{"import lists lists.csv missing.csv", true, "missing.csv: no such file"},
		{"jobs --config=bad.ini run hashes", true, "[x] y: unknown key"},
		{"keys revoke seven", true, `"seven" is no number; reko keys lists them`},
		{"keys", false, "NAME"},
	} {
		out, err := program(t, dir, nil, strings.Fields(test.args)...).CombinedOutput()
		if (err != nil) != test.fail || !strings.Contains(string(out), test.want) {
			t.Errorf("reko %s: %v, printed:\n%s\nwant: %s", test.args, err, out, test.want)
		}
	}
	for _, args := range []string{"import anime lists.csv", "import lists anime.csv"} { // each other's file
		if out, errs, err := printed(t, dir, nil, strings.Fields(args)...); err == nil || out != "" || !strings.Contains(errs, "no column") {
			t.Errorf("reko %s: %v, printed %q and %q, want one message that says what is wrong", args, err, out, errs)
		}
	}
}

func TestImportLeavesTheDemo(t *testing.T) {
	dir := t.TempDir()
	db := "REKO_DB_URL=sqlite:reko.db"
	if err := os.WriteFile(dir+"/lists.csv", []byte("user_id,mal_id,status,score,watched_episodes\n7,1,completed,10,26\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := start(t, func(cfg *config) { cfg.Database = "sqlite:" + dir + "/reko.db" })
	if out, err := program(t, dir, []string{db}, "import", "lists", "lists.csv").CombinedOutput(); err != nil ||
		!strings.Contains(string(out), "400 invented demo users removed") {
		t.Fatalf("import: %v\n%s", err, out)
	}
	// The running server notices by itself.
	wait.For(t, func() error {
		if status, body := get(url + "/api/u7/similar"); status != 200 {
			return fmt.Errorf("u7: %d %s", status, body)
		}
		if status, body := get(url + "/api/" + demo.Examples()[0].Name + "/similar"); status != 404 {
			return fmt.Errorf("an invented user: %d %s", status, body)
		}
		if _, body := get(url); strings.Contains(body, "invented") {
			return errors.New("still says that the users are invented")
		}
		return nil
	})
}
