package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
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

	"reko.moe/db"
	"reko.moe/db/dbtest"
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
	page := func(method, path string, form url.Values) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := client.Do(req)
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
	_, text := page(http.MethodGet, "/admin/login", nil)
	token := formToken.FindStringSubmatch(text)
	if token == nil {
		t.Fatalf("no form to log in: %.500s", text)
	}
	page(http.MethodPost, "/admin/login", url.Values{"token": {token[1]}, "admin": {name}, "password": {password}})
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	status, _ := page(http.MethodGet, "/admin", nil)
	return status
}

// command runs a command on a store, and fails the test if it fails.
func command(t *testing.T, dir, store, stdin string, args ...string) string {
	t.Helper()
	cmd := program(t, dir, []string{"REKO_DB_URL=" + store}, args...)
	if slices.Contains([]string{"backup", "restore", "import"}, args[0]) { // these read and write at the same time
		cmd = detected(cmd)
	}
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
	t.Parallel()
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
	t.Parallel()
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
