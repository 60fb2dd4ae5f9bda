package db_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/db/archive"
	"reko.moe/db/dbtest"
	"reko.moe/engine"
)

// fill puts two rows into every table of a SQLite store, whatever tables the migrations made, and numbers that are past the last row.
func fill(t *testing.T, url string) {
	t.Helper()
	conn, err := sql.Open("sqlite", strings.Replace(url, "sqlite:", "file:", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	strs := func(query string, args ...any) (all []string) {
		rows, err := conn.QueryContext(t.Context(), query, args...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return all
	}
	tables := strs(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('sqlite_sequence', 'migrations')`)
	for _, table := range tables {
		columns := strs(`SELECT name FROM pragma_table_info($1) ORDER BY cid`, table)
		types := strs(`SELECT type || CASE WHEN pk > 0 THEN ' key' ELSE '' END FROM pragma_table_info($1) ORDER BY cid`, table)
		for n := 1; n <= 2; n++ {
			var values []string
			for i, kind := range types {
				switch {
				case strings.HasPrefix(kind, "INTEGER key"):
					values = append(values, fmt.Sprint(n))
				case strings.HasPrefix(kind, "INTEGER"):
					values = append(values, "1") // also a row to refer to, and true
				case strings.HasPrefix(kind, "REAL"):
					values = append(values, "7.25")
				case strings.HasPrefix(kind, "BLOB"):
					values = append(values, fmt.Sprintf("CAST('%s %d' AS BLOB)", columns[i], n))
				default:
					values = append(values, fmt.Sprintf("'%s %d'", columns[i], n))
				}
			}
			dbtest.Exec(t, url, `INSERT OR IGNORE INTO `+table+` (`+strings.Join(columns, ", ")+`) VALUES (`+strings.Join(values, ", ")+`)`)
		}
	}
	dbtest.Exec(t, url, `UPDATE sqlite_sequence SET seq = 41`,
		`INSERT INTO counters (name, value) VALUES ('bulk', 10)`,
		`INSERT INTO users (id, name, origin, hash, entries, fetched_at, full_at, failures, list, unlisted)
			VALUES (30, 'アニメ 🚀 ''"\', '', -9223372036854775808, 9223372036854775807, 0, -1, 0, x'', 0)`,
		`INSERT INTO models (made_at, took_ms, users, state, data) VALUES (1, 2, 3, '', randomblob(3000000))`)
}

// backup returns a backup of a store.
func backup(t testing.TB, s *db.DB) []byte {
	t.Helper()
	var b bytes.Buffer
	totals, err := s.Backup(t.Context(), &b, db.BackupOptions{Program: "v1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	if totals.Tables == 0 {
		t.Errorf("a backup without tables")
	}
	return b.Bytes()
}

// contents are the rows of each table.
type contents map[string]struct {
	Table archive.Table
	Rows  [][]any
}

func contentsOf(t testing.TB, file []byte) contents {
	t.Helper()
	r, err := archive.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	all := contents{}
	for {
		table, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		c := all[table.Name]
		c.Table = table
		for {
			row, err := r.Row()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			c.Rows = append(c.Rows, row)
		}
		all[table.Name] = c
	}
}

// bulk takes the counter of bulk changes out and returns it.
func (c contents) bulk() (n int64) {
	counters := c["counters"]
	counters.Rows = slices.DeleteFunc(counters.Rows, func(row []any) bool {
		if row[0] == "bulk" {
			n = row[1].(int64)
		}
		return row[0] == "bulk"
	})
	c["counters"] = counters
	return n
}

// Every table comes back as it was, on the same database and on the other one.
func TestBackupsComeBackEverywhere(t *testing.T) {
	source := dbtest.SQLite(t)
	first := dbtest.Open(t, source)
	fill(t, source)
	file := backup(t, first)
	want := contentsOf(t, file)
	bulk := want.bulk()
	for name, c := range want {
		if len(c.Rows) < 2 {
			t.Errorf("%s has %d rows", name, len(c.Rows))
		}
	}
	for _, out := range []string{"admin_sessions", "login_attempts", "migrations"} {
		if _, ok := want[out]; ok {
			t.Errorf("%s is in the backup", out)
		}
	}
	if rows := want["users"].Rows; len(want) < 11 || len(rows) != 3 || rows[2][1] != `アニメ 🚀 '"\` || want["users"].Table.Last != 41 {
		t.Errorf("tables %v, users %v", slices.Sorted(maps.Keys(want)), rows)
	}
	for _, to := range stores {
		t.Run(to.name, func(t *testing.T) {
			url := to.empty(t)
			s := dbtest.Open(t, url)
			totals, err := s.Restore(t.Context(), bytes.NewReader(file), db.RestoreOptions{})
			if err != nil || totals.Tables != len(want) {
				t.Fatal(totals, err)
			}
			second := backup(t, s)
			got := contentsOf(t, second)
			if n := got.bulk(); n != bulk+1 {
				t.Errorf("the counter of bulk changes is %d, want %d", n, bulk+1)
			}
			wantSame(t, got, want)
			for _, back := range stores {
				t.Run("to "+back.name, func(t *testing.T) {
					s := dbtest.Open(t, back.empty(t))
					if _, err := s.Restore(t.Context(), bytes.NewReader(second), db.RestoreOptions{}); err != nil {
						t.Fatal(err)
					}
					got := contentsOf(t, backup(t, s))
					got.bulk()
					wantSame(t, got, want)
				})
			}
			// Numbers go on where they would have.
			if id, err := s.SaveUser(t.Context(), dbtest.User(t, "after", 3)); err != nil || id != 42 {
				t.Errorf("the next user is %d, %v, want 42", id, err)
			}
		})
	}
}

func wantSame(t *testing.T, got, want contents) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !reflect.DeepEqual(got[name], want[name]) {
			t.Errorf("%s: %.500s, want %.500s", name, fmt.Sprint(got[name]), fmt.Sprint(want[name]))
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d tables, want %d", len(got), len(want))
	}
}

// onBoth runs a test on each database.
func onBoth(t *testing.T, f func(t *testing.T, empty func(testing.TB) string)) {
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) { f(t, store.empty) })
	}
}

// users of a store by name, and their numbers.
func usersOf(t testing.TB, s *db.DB) map[string]engine.UserID {
	t.Helper()
	names := map[string]engine.UserID{}
	for u, err := range s.AllUsers(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names[u.Name] = u.ID
	}
	return names
}

func save(t testing.TB, s *db.DB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := s.SaveUser(t.Context(), dbtest.User(t, name, 5)); err != nil {
			t.Fatal(err)
		}
	}
}

// A backup is of one moment: the users whom a writer saves in pairs are there in pairs.
func TestBackupIsOfOneMoment(t *testing.T) {
	onBoth(t, func(t *testing.T, empty func(testing.TB) string) {
		s := dbtest.Open(t, empty(t))
		var stop atomic.Bool
		var writing sync.WaitGroup
		var wrote atomic.Int64
		writing.Go(func() {
			for n := int64(1); !stop.Load(); n++ {
				// The counter, whose table is read before that of users, is raised after its user is there and never overtaken by two.
				if _, err := s.SaveUser(t.Context(), dbtest.User(t, fmt.Sprintf("user-%d", n), 30)); err != nil {
					t.Error(err)
					return
				}
				if _, err := s.AddCounter(t.Context(), "users", 1); err != nil {
					t.Error(err)
					return
				}
				wrote.Store(n)
			}
		})
		sizes := map[int]bool{}
		for deadline := time.Now().Add(30 * time.Second); len(sizes) < 5 && time.Now().Before(deadline); {
			before := wrote.Load()
			c := contentsOf(t, backup(t, s))
			users := len(c["users"].Rows)
			var counted int
			for _, row := range c["counters"].Rows {
				counted = int(row[1].(int64))
			}
			if users < int(before) || users-counted < 0 || users-counted > 1 {
				t.Errorf("a backup has %d users of %d counted, begun after %d", users, counted, before)
			}
			sizes[users] = true
		}
		stop.Store(true)
		writing.Wait()
		if len(sizes) < 5 {
			t.Errorf("only %d backups differ: the test proves little", len(sizes))
		}
	})
}

func TestOpenAsItIs(t *testing.T) {
	url := dbtest.SQLite(t)
	if _, err := db.Open(t.Context(), db.Options{URL: url, AsIs: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open = %v, want that there is nothing", err)
	}
	onBoth(t, func(t *testing.T, empty func(testing.TB) string) {
		url := empty(t)
		save(t, dbtest.Open(t, url), "spike")
		s, err := db.Open(t.Context(), db.Options{URL: url, AsIs: true})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got := usersOf(t, s); len(got) != 1 {
			t.Errorf("there are %v", got)
		}
	})
}
