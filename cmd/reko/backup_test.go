package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/db/dbtest"
	"reko.moe/engine"
	"reko.moe/engine/demo"
	"reko.moe/internal/wait"
)

const cowboy = "see you space cowboy"

// told is everything that a site answers to some questions, by question.
func told(t *testing.T, base, key string) map[string]string {
	t.Helper()
	answers := map[string]string{}
	ask := func(method, path, body string) {
		req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		answers[method+" "+path+" "+body] = fmt.Sprint(res.StatusCode, " ", string(text))
	}
	for i, x := range demo.Examples() {
		other := demo.Examples()[(i+1)%len(demo.Examples())].Name
		for _, path := range []string{
			"/recommendations?explain=true", "/recommendations?order=classic&batch=2", "/recommendations/" + other, "/similar", "/similar?page=2",
			"/compare/" + other, "/random?seed=1",
		} {
			ask(http.MethodGet, "/api/"+x.Name+path, "")
		}
		ask(http.MethodGet, "/api/stats/"+x.Name, "")
		ask(http.MethodPost, "/api/recommendations", `{"user_name": "`+x.Name+`", "accuracy": 90}`)
		ask(http.MethodPost, "/api/recommendations/"+x.Name, `{}`)
		ask(http.MethodGet, "/u/"+x.Name, "")
	}
	for question, answer := range answers {
		if !strings.HasPrefix(answer, "200 ") {
			t.Errorf("%s: %.200s", question, answer)
		}
	}
	return answers
}

var formToken = regexp.MustCompile(`name="token" value="([^"]+)"`)

// logsIn logs in as an admin and returns the status of the overview then.
func logsIn(t *testing.T, base, name, password string) int {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	page := func(res *http.Response, err error) (int, string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	_, text := page(client.Get(base + "/admin/login"))
	token := formToken.FindStringSubmatch(text)
	if token == nil {
		t.Fatalf("no form to log in: %.500s", text)
	}
	page(client.PostForm(base+"/admin/login", url.Values{"token": {token[1]}, "admin": {name}, "password": {password}}))
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	status, _ := page(client.Get(base + "/admin"))
	return status
}

// command runs a command on a store, and fails the test if it fails.
func command(t *testing.T, dir, store, stdin string, args ...string) string {
	t.Helper()
	cmd := program(t, dir, []string{"REKO_DB_URL=" + store}, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("reko %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}

// Every answer is the same from what a backup of a site at work was restored into, whichever database it was of and whichever it is now.
func TestAnswersOutliveBackups(t *testing.T) {
	onBothStores(t, func(t *testing.T, from string) {
		dir := t.TempDir()
		site := func(t *testing.T, store string) string {
			return start(t, func(cfg *config) { cfg.Database, cfg.Demo = store, "true" })
		}
		base := site(t, from)
		command(t, dir, from, "", "jobs", "run", "hashes", "population", "train")
		command(t, dir, from, cowboy, "admin", "set-password", "spike")
		key := strings.TrimSpace(command(t, dir, from, "", "keys", "add", "a program"))
		wait.For(t, func() error {
			_, text := get(base + "/metrics")
			return lines(text, "reko_model_version 1\n", "reko_population_version 1\n")
		})

		// Whoever is saved meanwhile is unlisted, and they are few, so that no answer changes by it.
		const few = 20
		store, err := db.Open(t.Context(), db.Options{URL: from})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		var saved atomic.Int64
		var writing sync.WaitGroup
		var stop atomic.Bool
		writing.Go(func() {
			for n := 0; !stop.Load(); n++ {
				u := dbtest.User(t, fmt.Sprintf("late-%d", n%few), 200)
				u.Unlisted = true
				if _, err := store.SaveUser(t.Context(), u); err != nil {
					t.Error(err)
					return
				}
				saved.Add(1)
			}
		})
		wait.For(t, func() error {
			if saved.Load() == 0 {
				return errors.New("nobody is saved")
			}
			return nil
		})
		before := saved.Load()
		file := filepath.Join(dir, "reko.zst")
		command(t, dir, from, "", "backup", file)
		after := saved.Load()
		stop.Store(true)
		writing.Wait()
		if after == before {
			t.Error("nobody was saved during the backup: the test proves little")
		}
		if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
			t.Errorf("the file is %v, %v, want it for its owner alone", info.Mode(), err)
		}
		want := told(t, base, key)

		onBothStores(t, func(t *testing.T, to string) {
			command(t, dir, to, "", "restore", file)
			base := site(t, to)
			if got := told(t, base, key); !maps.Equal(got, want) {
				for question := range want {
					if got[question] != want[question] {
						t.Errorf("%s:\n%.300s\nwant\n%.300s", question, got[question], want[question])
					}
				}
			}
			late := 0
			lists := stored(t, to)
			for name := range lists {
				if strings.HasPrefix(name, "late-") {
					late++
				}
			}
			if late < min(few, int(before)) || late > min(few, int(after)+1) || len(lists)-late != len(demo.Users()) {
				t.Errorf("%d users, %d of them late; saved were %d before the backup and %d after it", len(lists), late, before, after)
			}
			if status := logsIn(t, base, "spike", cowboy); status != http.StatusOK {
				t.Errorf("the admin logs in: %d", status)
			}
			if status := logsIn(t, base, "spike", "see you space pirate"); status == http.StatusOK {
				t.Error("the admin logs in with another password")
			}
		})
	})
}

// A server that runs has what was restored, without a restart, and has it all.
func TestServersNoticeARestore(t *testing.T) {
	onBothStores(t, func(t *testing.T, store string) {
		dir := t.TempDir()
		other := dbtest.SQLite(t)
		importLists(t, dir, other, "u7", "u8")
		command(t, dir, other, "", "backup", "reko.gz")
		importLists(t, dir, store, "u1", "u2")
		base := start(t, func(cfg *config) { cfg.Database = store })
		if status, body := get(base + "/api/u1/similar"); status != 200 || !strings.Contains(body, "u2") {
			t.Fatal(status, body)
		}
		if out, err := program(t, dir, []string{"REKO_DB_URL=" + store}, "restore", "reko.gz").CombinedOutput(); err == nil ||
			!strings.Contains(string(out), "2 users; --replace deletes") {
			t.Fatalf("restored over what is there: %v %s", err, out)
		}
		command(t, dir, store, "", "restore", "--replace", "reko.gz")
		wait.For(t, func() error {
			if status, body := get(base + "/api/u7/similar"); status != 200 || !strings.Contains(body, "u8") {
				return fmt.Errorf("u7: %d %s", status, body)
			}
			if status, body := get(base + "/api/u1/similar"); status != 404 {
				return fmt.Errorf("u1: %d %s", status, body)
			}
			return nil
		})
	})
}

// importLists imports one anime, and users who completed it.
func importLists(t *testing.T, dir, store string, names ...string) {
	t.Helper()
	anime := "mal_id,title,episodes,mean,start_date,genre_ids\n1,Cowboy Bebop,26,8.75,1998-04-03,1;46;24;50;29\n"
	lists := "username,mal_id,status,score,watched_episodes\n"
	for _, name := range names {
		lists += name + ",1,completed,10,26\n"
	}
	for file, text := range map[string]string{"anime.csv": anime, "lists.csv": lists} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command(t, dir, store, "", "import", "anime", "anime.csv")
	command(t, dir, store, "", "import", "lists", "lists.csv")
}

// manyUsers fills a store so that a backup or a restore takes a while.
func manyUsers(t *testing.T, url, prefix string, n int) {
	t.Helper()
	store, err := db.Open(t.Context(), db.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var users []engine.User
	for i := range n {
		users = append(users, dbtest.User(t, fmt.Sprintf("%s-%d", prefix, i), 250))
	}
	if err := store.ImportUsers(t.Context(), users); err != nil {
		t.Fatal(err)
	}
}

// Killed at any moment, a backup leaves the one before in its place, and a restore leaves all or nothing.
func TestKilledBackupsAndRestores(t *testing.T) {
	const users, rounds = 4000, 6
	r := rand.New(rand.NewPCG(3, 3))
	onBothStores(t, func(t *testing.T, url string) {
		dir := t.TempDir()
		source := dbtest.SQLite(t)
		manyUsers(t, source, "new", users)
		manyUsers(t, url, "old", users)
		command(t, dir, url, "", "backup", "old.bak")
		command(t, dir, source, "", "backup", "new.bak")
		old, err := os.ReadFile(filepath.Join(dir, "old.bak"))
		if err != nil {
			t.Fatal(err)
		}
		// killed runs a command and kills it at a random moment of the time that it takes.
		killed := func(store string, args ...string) bool {
			begin := time.Now()
			cmd := program(t, dir, []string{"REKO_DB_URL=" + store}, args...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			timer := time.AfterFunc(time.Duration(30+r.IntN(500))*time.Millisecond, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
			err := cmd.Wait()
			t.Logf("%v: %v after %s", args, err, time.Since(begin).Round(time.Millisecond))
			return err != nil
		}
		anyKilled := false
		for range rounds {
			anyKilled = killed(source, "backup", "old.bak") || anyKilled
			now, err := os.ReadFile(filepath.Join(dir, "old.bak"))
			if err != nil || !bytes.Equal(now, old) {
				command(t, dir, url, "", "backup", "--check", "old.bak") // whole anyhow
				if err := os.WriteFile(filepath.Join(dir, "old.bak"), old, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range rounds {
			anyKilled = killed(url, "restore", "--replace", "new.bak") || anyKilled
			names := slices.Collect(maps.Keys(stored(t, url)))
			news := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, "new-") })
			if len(names) != users || len(news) != 0 && len(news) != users {
				t.Fatalf("%d users, %d of them new", len(names), len(news))
			}
			if len(news) > 0 {
				command(t, dir, url, "", "restore", "--replace", "old.bak")
			}
		}
		if !anyKilled {
			t.Error("nothing was killed: the test proves nothing")
		}
	})
}

func TestBackupCommands(t *testing.T) {
	dir := t.TempDir()
	importLists(t, dir, "sqlite:reko.db", "u1")
	command(t, dir, "sqlite:reko.db", "", "backup", "good.zst")
	good, err := os.ReadFile(filepath.Join(dir, "good.zst"))
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 4
	for name, text := range map[string][]byte{
		"cut.zst": good[:len(good)-3], "flipped.zst": flipped, "newer.bak": []byte("reko backup 2\n"), "notes.txt": []byte("do not delete"), "empty": nil,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		args, stdin string
		fail        bool
		want        string
	}{
		{"backup --check good.zst", "", false, "good.zst is whole: 13 tables, "},
		{"backup --check -", string(good), false, "- is whole: 13 tables, "},
		{"backup --check cut.zst", "", true, "cut.zst: the backup is damaged: it is cut off"},
		{"backup --check flipped.zst", "", true, "flipped.zst: "},
		{"backup --check newer.bak", "", true, "newer.bak: the backup was made by a newer version"},
		{"backup --check notes.txt", "", true, "it does not begin as backups do"},
		{"backup --check empty", "", true, "it does not begin as backups do"},
		{"backup --check missing", "", true, "missing"},
		{"backup notes.txt", "", true, "no backup was written: notes.txt is there, and not as a backup"},
		{"backup reko.db", "", true, "no backup was written: reko.db is there, and not as a backup"},
		{"backup nowhere/x.bak", "", true, "no backup was written: open nowhere/"},
		{"backup new.gz", "", false, "new.gz: 13 tables, "},
		{"backup new.gz", "", false, "new.gz: 13 tables, "}, // in place of the one before
		{"restore cut.zst --replace", "", true, "nothing changed: cut.zst: the backup is damaged"},
		{"restore - --replace", string(good[:len(good)-3]), true, "nothing changed: the backup is damaged: it is cut off"},
		{"restore flipped.zst --replace", "", true, "nothing changed: flipped.zst: "},
		{"restore newer.bak --replace", "", true, "nothing changed: newer.bak: the backup was made by a newer version"},
		{"restore good.zst", "", true, "nothing changed: the store is not empty: it has 1 users; --replace deletes all that is there"},
		{"check", "", false, "1 users, 1 entries, 0 damaged lists"},
		{"restore new.gz --replace", "", false, "new.gz: 13 tables, "},
		{"restore - --replace", string(good), false, "-: 13 tables, "},
		{"check", "", false, "1 users, 1 entries, 0 damaged lists"},
	} {
		cmd := program(t, dir, []string{"REKO_DB_URL=sqlite:reko.db"}, strings.Fields(test.args)...)
		cmd.Stdin = strings.NewReader(test.stdin)
		out, err := cmd.CombinedOutput()
		if (err != nil) != test.fail || !strings.Contains(string(out), test.want) {
			t.Errorf("reko %s: %v, printed:\n%s\nwant: %s", test.args, err, out, test.want)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("%v, %v are left", left, err)
	}

	out, _, err := printed(t, dir, []string{"REKO_DB_URL=sqlite:reko.db"}, "backup", "-")
	if err != nil {
		t.Fatal(err)
	}
	if _, totals, err := checkBackup(t.Context(), strings.NewReader(out)); err != nil || totals.Tables != 13 {
		t.Errorf("what is written to the standard output: %v, %v", totals, err)
	}
	if out, err := program(t, dir, []string{"REKO_DB_URL=sqlite:missing.db"}, "backup", "x.bak").CombinedOutput(); err == nil ||
		!strings.Contains(string(out), "missing.db: no such file") {
		t.Errorf("a backup of nothing: %v %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "missing.db")); err == nil {
		t.Error("what was to be backed up was made")
	}
}

// What cannot be written to its end does not take the place of what is there.
func TestBackupOnAFullDisk(t *testing.T) {
	name := filepath.Join(t.TempDir(), "reko.zst")
	begin := func(to io.Writer) error {
		_, err := to.Write(bytes.Repeat([]byte("reko"), 1<<20))
		return err
	}
	full := errors.New("no space left on device")
	if err := writeBackup(name, func(to io.Writer) error { return errors.Join(begin(to), full) }); !errors.Is(err, full) {
		t.Errorf("%v, want %v", err, full)
	}
	if left, err := os.ReadDir(filepath.Dir(name)); err != nil || len(left) > 0 {
		t.Errorf("%v, %v are left", left, err)
	}

	device, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full here")
	}
	defer device.Close()
	dir := t.TempDir()
	importLists(t, dir, "sqlite:reko.db", "u1")
	cmd := program(t, dir, []string{"REKO_DB_URL=sqlite:reko.db"}, "backup", "-")
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = device, &errs
	if err := cmd.Run(); err == nil || !strings.Contains(errs.String(), "no space left on device") {
		t.Errorf("to a full disk: %v %s", err, errs.String())
	}
}

// A signal ends a restore in the middle, and nothing has changed.
func TestInterruptedRestore(t *testing.T) {
	dir := t.TempDir()
	source, url := dbtest.SQLite(t), dbtest.SQLite(t)
	manyUsers(t, source, "new", 10)
	manyUsers(t, url, "old", 5)
	command(t, dir, source, "", "backup", "new.bak")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cfg := defaultConfig()
	cfg.Database = url
	if err := (restoreCmd{File: filepath.Join(dir, "new.bak"), Replace: true}).Run(ctx, &cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v, want that it was interrupted", err)
	}
	if n := len(stored(t, url)); n != 5 {
		t.Errorf("%d users, want 5", n)
	}
}
