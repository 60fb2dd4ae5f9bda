package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reko.moe/engine/heldout"
	"reko.moe/internal/wait"
)

// An evaluation on the invented users: what it says of the orders is in the right order, and the server that it starts answers as
// the engine does.
func TestEval(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, func(cfg *config) { cfg.Database = "sqlite:" + filepath.Join(dir, "reko.db") })
	env := []string{"REKO_DB_URL=sqlite:reko.db", "TMPDIR=" + dir}
	out, errs, err := printed(t, dir, env, "eval", "--http", "--cold", "--niche", "--json", "-")
	if err != nil {
		t.Fatalf("%v %s", err, errs)
	}
	var r report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %.500s", err, out)
	}
	rows := map[string]heldout.Row{}
	for _, row := range r.Orders {
		rows[row.Order] = row
	}
	if r.Users < 20 || r.Learnt < 300 || r.Model == 0 || len(r.Orders) != 7+5 || len(r.Cold) != 4 || len(r.Scores) != 3 {
		t.Errorf("%d users, %d learnt from, a model of %d bytes, %d orders, %d cold starts, %d predictors", r.Users, r.Learnt, r.Model, len(r.Orders), len(r.Cold), len(r.Scores))
	}
	if taste, popular := rows[orderTaste].Watched, rows[orderPopularity].Watched; taste.Mean <= popular.Mean || taste.Users < 20 {
		t.Errorf("taste has an NDCG of %+v, popularity of %+v", taste, popular)
	}
	if r.Agree == nil || r.Agree.Asked != r.Users || r.Agree.Same != r.Users || r.Agree.Row.Watched != rows[orderTaste].Watched || r.Agree.Row.Fresh != rows[orderTaste].Fresh {
		t.Errorf("over HTTP: %+v, here %+v", r.Agree, rows[orderTaste])
	}
	if left, err := filepath.Glob(filepath.Join(dir, "reko-eval-*")); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// What is written for a server of one's own can be imported, and that server be judged.
func TestEvalOfAServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, func(cfg *config) { cfg.Database = "sqlite:" + filepath.Join(dir, "reko.db") })
	env := []string{"REKO_DB_URL=sqlite:reko.db", "TMPDIR=" + dir, "REKO_DEMO_ENABLED=true"}
	run := func(env []string, args ...string) string {
		t.Helper()
		out, errs, err := printed(t, dir, env, args...)
		if err != nil {
			t.Fatalf("reko %s: %v %s", strings.Join(args, " "), err, errs)
		}
		return out
	}
	out := run(env, "eval", "--write", "split")
	for _, name := range []string{"train.csv.gz", "foldin.csv.gz"} {
		if _, err := os.Stat(filepath.Join(dir, "split", name)); err != nil || !strings.Contains(out, name) {
			t.Errorf("%s: %v; it printed %s", name, err, out)
		}
	}
	url := start(t, func(cfg *config) { cfg.Database = "sqlite:" + filepath.Join(dir, "judged.db") }) // has the demo's anime
	judged := []string{"REKO_DB_URL=sqlite:judged.db", "TMPDIR=" + dir}
	run(judged, "import", "lists", filepath.Join("split", "train.csv.gz"))
	trained := run(judged, "train")
	if kept := run(judged, "jobs"); !strings.HasPrefix(trained, "learnt from") || !strings.Contains(kept, strings.Split(trained, " (")[0]) {
		t.Errorf("training printed %s, and is not among the runs of jobs: %s", trained, kept)
	}
	wait.For(t, func() error { // the server has it without being told
		_, text := get(url + "/metrics")
		return lines(text, "reko_model_version 1\n", "reko_model_timestamp_seconds 1")
	})
	run(judged, "import", "lists", "--unlisted", filepath.Join("split", "foldin.csv.gz"))
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			http.Error(w, `{"message": "no such user"}`, http.StatusNotFound)
		}
	}))
	defer stranger.Close()
	_, errs, err := printed(t, dir, env, "eval", "--server", stranger.URL)
	if err == nil || strings.Contains(errs, "inverting") || !strings.Contains(errs, "404: no such user") {
		t.Errorf("a server that does not know the users: %v %s; want it refused before anything is learnt", err, errs)
	}
	out = run(env, "eval", "--server", url, "--orders", orderTaste)
	if !strings.Contains(out, "over HTTP") || !strings.Contains(out, "first pages and all that explains them are the same") {
		t.Errorf("it printed %s", out)
	}
}

func TestEvalRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "damaged.csv"), []byte("username,mal_id\nspike,one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"eval"}, "nobody to judge by"},
		{[]string{"eval", "--exclude", "%0"}, "want a number after the percent sign"},
		{[]string{"eval", "--exclude", "no such name!"}, "nobody can be called so"},
		{[]string{"eval", "--lists", "missing.csv"}, "missing.csv"},
		{[]string{"eval", "--lists", "."}, ". is a folder"},
		{[]string{"eval", "--lists", "damaged.csv"}, "damaged.csv: "},
		{[]string{"eval", "--orders", "best"}, "best"},
		{[]string{"eval", "--exclude", "spike,%5"}, "--exclude spike: not in the store"},
		{[]string{"eval", "--most=-1"}, "want a number of users"},
		{[]string{"eval", "--server", "localhost:1"}, "want a URL"},
		{[]string{"eval", "--json", "missing/figures.json"}, "missing/figures.json"},
	} {
		_, errs, err := printed(t, dir, []string{"REKO_DB_URL=sqlite:empty.db"}, test.args...)
		if err == nil || !strings.Contains(errs, test.want) {
			t.Errorf("reko %s: %v %s, want %q", strings.Join(test.args, " "), err, errs, test.want)
		}
	}
}
