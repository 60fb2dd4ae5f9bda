package db_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"reko.moe/db"
	"reko.moe/db/archive"
	"reko.moe/db/dbtest"
	"reko.moe/engine"
)

func TestRestoreSparesWhatIsThere(t *testing.T) {
	onBoth(t, func(t *testing.T, empty func(testing.TB) string) {
		source := dbtest.Open(t, empty(t))
		save(t, source, "faye", "ed")
		file := backup(t, source)

		url := empty(t)
		s := dbtest.Open(t, url)
		save(t, s, "spike")
		before := usersOf(t, s)
		if _, err := s.AddCounter(t.Context(), "bulk", 7); err != nil {
			t.Fatal(err)
		}
		_, err := s.Restore(t.Context(), bytes.NewReader(file), db.RestoreOptions{})
		if !errors.Is(err, db.ErrNotEmpty) || !strings.Contains(err.Error(), "1 users") {
			t.Errorf("Restore = %v, want that there are users", err)
		}
		damaged := bytes.Clone(file)
		damaged[len(damaged)-100] ^= 1
		for name, from := range map[string]io.Reader{
			"cut off": bytes.NewReader(file[:len(file)-1]), "damaged": bytes.NewReader(damaged), "empty": strings.NewReader(""),
			"unreadable": io.MultiReader(bytes.NewReader(file[:len(file)-50]), iotest.ErrReader(errors.New("broken"))),
		} {
			if _, err := s.Restore(t.Context(), from, db.RestoreOptions{Replace: true}); err == nil {
				t.Errorf("%s: restored", name)
			}
			if got := usersOf(t, s); !maps.Equal(got, before) {
				t.Errorf("%s: there are %v, want still %v", name, got, before)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		_, err = s.Restore(ctx, stopping{bytes.NewReader(file), cancel}, db.RestoreOptions{Replace: true})
		if err == nil || !maps.Equal(usersOf(t, s), before) {
			t.Errorf("interrupted: %v, %v", err, usersOf(t, s))
		}
		save(t, s, "jet") // numbers go on, too
		if got := usersOf(t, s); got["jet"] != before["spike"]+1 {
			t.Errorf("the next user after failed restores is %d", got["jet"])
		}

		if _, err := s.Restore(t.Context(), bytes.NewReader(file), db.RestoreOptions{Replace: true}); err != nil {
			t.Fatal(err)
		}
		if got := usersOf(t, s); !maps.Equal(got, usersOf(t, source)) {
			t.Errorf("there are %v, want those of the backup", got)
		}
		// Whoever saw the counter before sees another one now.
		if n, err := s.Counter(t.Context(), "bulk"); n != 8 || err != nil {
			t.Errorf("the counter is %d, %v, want 8", n, err)
		}
	})
}

// stopping stops a context when it is read to the end.
type stopping struct {
	io.Reader
	stop func()
}

func (s stopping) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil {
		s.stop()
	}
	return n, err
}

// What programs make by themselves at the start is no reason to refuse.
func TestRestoreIntoAFreshStore(t *testing.T) {
	onBoth(t, func(t *testing.T, empty func(testing.TB) string) {
		source := dbtest.Open(t, empty(t))
		save(t, source, "faye")
		s := dbtest.Open(t, empty(t))
		invented := dbtest.User(t, "invented", 3)
		invented.Origin = engine.FromDemo
		if _, err := s.SaveUser(t.Context(), invented); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Secret(t.Context(), "users", []byte("another")); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Restore(t.Context(), bytes.NewReader(backup(t, source)), db.RestoreOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := usersOf(t, s); len(got) != 1 || got["faye"] == 0 {
			t.Errorf("there are %v, want faye", got)
		}
		if _, err := s.AddKey(t.Context(), engine.Key{Name: "k"}); err != nil {
			t.Fatal(err)
		}
		_, err := s.Restore(t.Context(), bytes.NewReader(backup(t, source)), db.RestoreOptions{})
		if !errors.Is(err, db.ErrNotEmpty) || !strings.Contains(err.Error(), "1 users, 1 keys") {
			t.Errorf("Restore = %v, want that there are users and keys", err)
		}
	})
}

// asOf is a backup as a program made it that knew only the first so many migrations.
func asOf(t *testing.T, migrations int) []byte {
	t.Helper()
	url := dbtest.SQLite(t)
	files, err := fs.Glob(db.Migrations, "migrations/sqlite/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	statements := []string{`CREATE TABLE migrations (name TEXT PRIMARY KEY)`}
	for _, file := range files[:migrations] {
		text, err := fs.ReadFile(db.Migrations, file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(file[strings.LastIndex(file, "/")+1:], ".sql")
		statements = append(statements, string(text), `INSERT INTO migrations VALUES ('`+name+`')`)
	}
	dbtest.Exec(t, url, append(statements, `PRAGMA journal_mode = WAL`)...)
	fill(t, url)
	s, err := db.Open(t.Context(), db.Options{URL: url, AsIs: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	file := backup(t, s)
	r, err := archive.NewReader(bytes.NewReader(file))
	if err != nil || len(r.Head().Migrations) != migrations {
		t.Fatalf("looking at the store changed it: %v, %v", r.Head(), err)
	}
	return file
}

func TestBackupsOfOlderVersions(t *testing.T) {
	file := asOf(t, 7) // the oldest that fill knows, with models
	want := contentsOf(t, file)
	onBoth(t, func(t *testing.T, empty func(testing.TB) string) {
		temp := t.TempDir()
		s := dbtest.Open(t, empty(t))
		if _, err := s.Restore(t.Context(), bytes.NewReader(file), db.RestoreOptions{Temp: temp}); err != nil {
			t.Fatal(err)
		}
		got := contentsOf(t, backup(t, s))
		if _, ok := got["series"]; !ok {
			t.Error("what came later is not there")
		}
		for name, c := range want {
			if name == "counters" {
				continue
			}
			if len(got[name].Rows) != len(c.Rows) || got[name].Table.Last != c.Table.Last || !reflect.DeepEqual(got[name].Rows[0][0], c.Rows[0][0]) {
				t.Errorf("%s: %.300s, want %.300s", name, fmt.Sprint(got[name]), fmt.Sprint(c))
			}
		}
		if left, err := fs.Glob(os.DirFS(temp), "*"); err != nil || len(left) > 0 {
			t.Errorf("%v, %v are left in the folder", left, err)
		}

		save(t, s, "spike")
		before := usersOf(t, s)
		if _, err := s.Restore(t.Context(), bytes.NewReader(file), db.RestoreOptions{Temp: temp}); !errors.Is(err, db.ErrNotEmpty) {
			t.Errorf("Restore = %v, want that the store is not empty", err)
		}
		_, err := s.Restore(t.Context(), bytes.NewReader(file[:len(file)-2]), db.RestoreOptions{Temp: temp, Replace: true})
		if !errors.Is(err, archive.ErrDamaged) || !maps.Equal(usersOf(t, s), before) {
			t.Errorf("cut off: %v, %v", err, usersOf(t, s))
		}
	})
}

func TestBackupsOfNewerVersions(t *testing.T) {
	var b bytes.Buffer
	w := archive.NewWriter(&b, archive.Head{Migrations: []string{"0001_start", "9999_future"}})
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	onBoth(t, func(t *testing.T, empty func(testing.TB) string) {
		url := empty(t)
		s := dbtest.Open(t, url)
		_, err := s.Restore(t.Context(), bytes.NewReader(b.Bytes()), db.RestoreOptions{})
		if !errors.Is(err, archive.ErrNewer) || !strings.Contains(err.Error(), "9999_future") {
			t.Errorf("Restore = %v, want that it is newer", err)
		}
		dbtest.Exec(t, url, `INSERT INTO migrations (name) VALUES ('9999_future')`)
		if _, err := s.Backup(t.Context(), io.Discard, db.BackupOptions{}); err == nil || !strings.Contains(err.Error(), "9999_future") {
			t.Errorf("Backup = %v, want that the store is newer", err)
		}
	})
}

// Files that are whole, and not of any store.
func TestBackupsOfNoStore(t *testing.T) {
	source := dbtest.Open(t, dbtest.SQLite(t))
	file := backup(t, source)
	all := contentsOf(t, file)
	r, err := archive.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	head := r.Head()
	forged := func(change func(name string, t archive.Table) []archive.Table) []byte {
		var b bytes.Buffer
		w := archive.NewWriter(&b, head)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			for _, table := range change(name, all[name].Table) {
				if err := w.Table(table); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	only := func(which string, change func(archive.Table) []archive.Table) []byte {
		return forged(func(name string, t archive.Table) []archive.Table {
			if name != which {
				return []archive.Table{t}
			}
			return change(t)
		})
	}
	onBoth(t, func(t *testing.T, empty func(testing.TB) string) {
		s := dbtest.Open(t, empty(t))
		save(t, s, "spike")
		for name, file := range map[string][]byte{
			"a table is missing":     only("keys", func(archive.Table) []archive.Table { return nil }),
			"a table is there twice": only("keys", func(t archive.Table) []archive.Table { return []archive.Table{t, t} }),
			"a column is missing": only("keys", func(t archive.Table) []archive.Table {
				t.Columns = t.Columns[1:]
				return []archive.Table{t}
			}),
			"a column is there twice": only("keys", func(t archive.Table) []archive.Table {
				t.Columns = append(slices.Clone(t.Columns[1:]), t.Columns[1])
				return []archive.Table{t}
			}),
			"a name is a statement": only("keys", func(t archive.Table) []archive.Table {
				t.Name = "keys; DROP TABLE users"
				return []archive.Table{t}
			}),
			"a table of the database itself": only("keys", func(t archive.Table) []archive.Table {
				return []archive.Table{t, {Name: "migrations", Columns: []string{"name"}}}
			}),
		} {
			_, err := s.Restore(t.Context(), bytes.NewReader(file), db.RestoreOptions{Replace: true})
			if !errors.Is(err, archive.ErrDamaged) || len(usersOf(t, s)) != 1 {
				t.Errorf("%s: %v, %v", name, err, usersOf(t, s))
			}
		}
	})
}

// A full disk is simulated by SQLite itself.
func TestRestoreOnAFullDisk(t *testing.T) {
	source := dbtest.Open(t, dbtest.SQLite(t))
	var users []engine.User
	for i := range 500 {
		users = append(users, dbtest.User(t, fmt.Sprintf("user-%d", i), 300))
	}
	if err := source.ImportUsers(t.Context(), users); err != nil {
		t.Fatal(err)
	}
	s := dbtest.Open(t, dbtest.SQLite(t))
	save(t, s, "spike")
	before := usersOf(t, s)
	s.LimitPages(t, 80)
	_, err := s.Restore(t.Context(), bytes.NewReader(backup(t, source)), db.RestoreOptions{Replace: true})
	if err == nil || !strings.Contains(err.Error(), "full") || !errors.Is(err, engine.ErrStore) {
		t.Errorf("Restore = %v, want that the disk is full", err)
	}
	if got := usersOf(t, s); !maps.Equal(got, before) {
		t.Errorf("there are %d users, want still %v", len(got), before)
	}
	s.LimitPages(t, 1<<20)
	if _, err := s.Restore(t.Context(), bytes.NewReader(backup(t, source)), db.RestoreOptions{Replace: true}); err != nil || len(usersOf(t, s)) != 500 {
		t.Errorf("with room again: %v", err)
	}
}

// Triggers neither see the rows of a restore nor are gone after it, whether it succeeded or not.
func TestRestoreDisarmsTriggers(t *testing.T) {
	source := dbtest.Open(t, dbtest.SQLite(t))
	save(t, source, "faye", "ed")
	file := backup(t, source)
	onBoth(t, func(t *testing.T, empty func(testing.TB) string) {
		url := empty(t)
		s := dbtest.Open(t, url)
		const raise = `UPDATE counters SET value = value + 1 WHERE name = 'came'`
		if strings.HasPrefix(url, "sqlite:") {
			dbtest.Exec(t, url, `CREATE TRIGGER noted_by_the_test AFTER INSERT ON users BEGIN `+raise+`; END`)
		} else {
			dbtest.Exec(t, url, `CREATE FUNCTION came() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN `+raise+`; RETURN NEW; END $$`,
				`CREATE TRIGGER noted_by_the_test AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION came()`)
		}
		came := func() int64 {
			t.Helper()
			n, err := s.Counter(t.Context(), "came")
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if _, err := s.AddCounter(t.Context(), "came", 1); err != nil {
			t.Fatal(err)
		}
		save(t, s, "spike")
		if n := came(); n != 2 {
			t.Fatalf("the trigger does not work: %d", n)
		}
		if _, err := s.Restore(t.Context(), bytes.NewReader(file[:len(file)-9]), db.RestoreOptions{Replace: true}); err == nil {
			t.Error("half a backup was restored")
		}
		save(t, s, "jet")
		if n := came(); n != 3 {
			t.Errorf("after a restore that failed the trigger says %d, want 3", n)
		}
		if _, err := s.Restore(t.Context(), bytes.NewReader(file), db.RestoreOptions{Replace: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.AddCounter(t.Context(), "came", 1); err != nil {
			t.Fatal(err)
		}
		save(t, s, "spike")
		if n := came(); n != 2 {
			t.Errorf("after a restore the trigger says %d, want 2", n)
		}
	})
}
