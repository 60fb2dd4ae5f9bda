package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"reko.moe/engine/demo"
	"reko.moe/internal/wait"
)

// On the command line, beside a running server, somebody is kept out and let in again.
func TestKeepOutCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	url := start(t, func(cfg *config) { cfg.Database = "sqlite:" + filepath.Join(dir, "reko.db") })
	run := func(args ...string) string {
		t.Helper()
		out, errs, err := printed(t, dir, []string{"REKO_DB_URL=sqlite:reko.db"}, args...)
		if err != nil {
			t.Fatalf("reko %s: %v %s", strings.Join(args, " "), err, errs)
		}
		return out
	}
	fails := func(want string, args ...string) {
		t.Helper()
		if out, errs, err := printed(t, dir, []string{"REKO_DB_URL=sqlite:reko.db"}, args...); err == nil || !strings.Contains(errs, want) {
			t.Errorf("reko %s: %v %s %s, want %s", strings.Join(args, " "), err, out, errs, want)
		}
	}
	name, other := demo.Examples()[0].Name, demo.Examples()[1].Name
	if status, body := get(url + "/api/" + name + "/similar"); status != http.StatusOK {
		t.Fatal(status, body)
	}
	out := run("remove", "--keep-out", strings.ToUpper(name), "nobody-here")
	if strings.Count(out, "is kept out, as ") != 2 {
		t.Errorf("keeping out prints %s", out)
	}
	wait.For(t, func() error { // within a second or so
		for _, path := range []string{"/api/" + name + "/similar", "/api/" + other + "/compare/" + name, "/u/" + name} {
			if status, body := get(url + path); status != http.StatusNotFound {
				return fmt.Errorf("%s: %d %s", path, status, body)
			}
		}
		for page := 1; page <= 40; page++ {
			if _, body := get(fmt.Sprintf("%s/api/%s/similar?page=%d", url, other, page)); strings.Contains(body, name) {
				return fmt.Errorf("page %d of those similar has the name", page)
			}
		}
		return nil
	})
	if list := run("keep-out"); strings.Count(list, "\n") != 3 || strings.Contains(list, name) {
		t.Errorf("the list is %s", list)
	}
	fails("nobody can be called", "remove", "--keep-out", "no name")
	fails("is not kept out", "keep-out", "allow", other)
	if out := run("keep-out", "allow", name); !strings.Contains(out, "may come again") {
		t.Errorf("letting in prints %s", out)
	}
	fails("is not kept out", "keep-out", "allow", name)
	if out := run("jobs", "run", "privacy"); !strings.Contains(out, "privacy: 0 addresses forgotten") {
		t.Errorf("the job prints %s", out)
	}
	if list := run("keep-out", "list"); strings.Count(list, "\n") != 2 {
		t.Errorf("the list is %s", list)
	}
}
