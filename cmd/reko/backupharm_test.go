package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/db/dbtest"
	"reko.moe/engine"
)

// crowded fills a store so that a backup or a restore takes a while.
func crowded(t *testing.T, url, prefix string, n int) {
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
	t.Parallel()
	const users, rounds = 4000, 6
	r := rand.New(rand.NewPCG(3, 3))
	onBothStores(t, func(t *testing.T, url string) {
		dir := t.TempDir()
		source := dbtest.SQLite(t)
		crowded(t, source, "new", users)
		crowded(t, url, "old", users)
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
	t.Parallel()
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
		{"backup --check good.zst", "", false, "good.zst is whole: "},
		{"backup --check -", string(good), false, "- is whole: "},
		{"backup --check cut.zst", "", true, "cut.zst: the backup is damaged: it is cut off"},
		{"backup --check flipped.zst", "", true, "flipped.zst: "},
		{"backup --check newer.bak", "", true, "newer.bak: the backup was made by a newer version"},
		{"backup --check notes.txt", "", true, "it does not begin as backups do"},
		{"backup --check empty", "", true, "it does not begin as backups do"},
		{"backup --check missing", "", true, "missing"},
		{"backup notes.txt", "", true, "no backup was written: notes.txt is there, and not as a backup"},
		{"backup reko.db", "", true, "no backup was written: reko.db is there, and not as a backup"},
		{"backup nowhere/x.bak", "", true, "no backup was written: open nowhere/"},
		{"backup new.gz", "", false, "new.gz: "},
		{"backup new.gz", "", false, "new.gz: "}, // in place of the one before
		{"restore cut.zst --replace", "", true, "nothing changed: cut.zst: the backup is damaged"},
		{"restore - --replace", string(good[:len(good)-3]), true, "nothing changed: the backup is damaged: it is cut off"},
		{"restore flipped.zst --replace", "", true, "nothing changed: flipped.zst: "},
		{"restore newer.bak --replace", "", true, "nothing changed: newer.bak: the backup was made by a newer version"},
		{"restore good.zst", "", true, "nothing changed: the store is not empty: it has 1 users; --replace deletes all that is there"},
		{"check", "", false, "1 users, 1 entries, 0 damaged lists"},
		{"restore new.gz --replace", "", false, "new.gz: "},
		{"restore - --replace", string(good), false, "-: "},
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
	if _, totals, err := checkBackup(t.Context(), strings.NewReader(out)); err != nil || totals.Tables == 0 {
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
	if err != nil && runtime.GOOS != "linux" {
		return // only Linux is known to have one
	} else if err != nil {
		t.Fatal(err)
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
	crowded(t, source, "new", 10)
	crowded(t, url, "old", 5)
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
