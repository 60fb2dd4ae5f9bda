package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"reko.moe/engine/demo"
)

// printed returns what a command prints.
func printed(t *testing.T, dir string, env []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := program(t, dir, env, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// askStats asks a server for somebody's statistics with a key.
func askStats(t *testing.T, url, key string) (status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/stats/"+demo.Examples()[0].Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

// The life of a key on the command line, beside a running server; and neither the store nor any output has it afterwards.
func TestKeysCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	url := start(t, func(cfg *config) { cfg.Database = "sqlite:" + filepath.Join(dir, "reko.db") })
	env := []string{"REKO_DB_URL=sqlite:reko.db", "REKO_LOG_LEVEL=debug"}
	run := func(args ...string) string {
		t.Helper()
		out, errs, err := printed(t, dir, env, args...)
		if err != nil {
			t.Fatalf("reko %s: %v %s", strings.Join(args, " "), err, errs)
		}
		return out
	}
	key := strings.TrimSpace(run("keys", "add", "a program"))
	if !regexp.MustCompile(`^reko_[A-Za-z0-9_-]{43}$`).MatchString(key) {
		t.Fatalf("key %q", key)
	}
	ask := func() int {
		t.Helper()
		return askStats(t, url, key)
	}
	for range 3 {
		if status := ask(); status != http.StatusOK {
			t.Errorf("status %d with the key", status)
		}
	}
	list := run("keys")
	if lines := strings.Split(list, "\n"); len(lines) != 3 || !regexp.MustCompile(`^1 +a program +\S+ \S+ +3 +2\S+ \S+ +no$`).MatchString(lines[1]) {
		t.Errorf("list:\n%s", list)
	}
	if out := run("keys", "revoke", "1"); out != "key 1 is revoked\n" {
		t.Errorf("revoke prints %q", out)
	}
	if status := ask(); status != http.StatusUnauthorized {
		t.Errorf("status %d with the revoked key", status)
	}
	if _, errs, err := printed(t, dir, env, "keys", "revoke", "7"); err == nil || !strings.Contains(errs, "there is no key 7") {
		t.Errorf("revoking none: %v %s", err, errs)
	}
	if strings.Contains(list+run("keys", "list"), key[5:]) {
		t.Error("the list has the key")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(key[5:])) {
			t.Errorf("%s has the key", filepath.Base(file))
		}
	}
}

// Without a configured secret all instances share the store's; a configured one stands above it, and is never printed.
func TestSecret(t *testing.T) {
	cfg := defaultConfig()
	cfg.Database = "sqlite:" + filepath.Join(t.TempDir(), "reko.db")
	get := func() string {
		t.Helper()
		store, err := cfg.openStore(context.WithoutCancel(t.Context()), cfg.logger())
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		secret, err := cfg.secret(t.Context(), store)
		if err != nil {
			t.Fatal(err)
		}
		return string(secret)
	}
	first := get()
	if len(first) != 32 || get() != first {
		t.Errorf("secrets %x, %x", first, get())
	}
	cfg.Secret = strings.Repeat("s", 40)
	if get() != cfg.Secret {
		t.Error("the configured secret does not count")
	}
	_, err := loadConfig(writeINI(t, "[http]\nsecret = too-short-to-be-one\n"), nil)
	if err == nil || !strings.Contains(err.Error(), "[http] secret: is shorter than 32 characters") || strings.Contains(err.Error(), "too-short") {
		t.Errorf("a short secret: %v", err)
	}
}
