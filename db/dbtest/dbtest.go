// Package dbtest opens empty stores for tests, and holds what every store has to keep: [Run] is the conformance suite of
// engine.Store, jobs.Keeper and of what else db keeps.
package dbtest

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"

	"reko.moe/db"
)

// SQLite returns the URL of a store that is not there yet, in a folder of the test's own.
func SQLite(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "reko.db")
}

// Postgres returns the URL of an empty store: a schema of the test's own in the database REKO_TEST_POSTGRES, dropped at the
// end of the test. It skips the test without that variable, and under CI fails it.
func Postgres(t testing.TB) string {
	server := os.Getenv("REKO_TEST_POSTGRES")
	if server == "" {
		if ci := cmp.Or(os.Getenv("CI"), "0"); ci != "0" && ci != "false" {
			t.Fatal("REKO_TEST_POSTGRES is not set, and under CI nothing is skipped")
		}
		t.Skip("REKO_TEST_POSTGRES is not set")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("REKO_TEST_POSTGRES is not a URL")
	}
	schema := "reko_test_" + strings.ToLower(rand.Text())
	Exec(t, server, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { Exec(t, server, "DROP SCHEMA "+schema+" CASCADE") })
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// Open opens a store, and closes it at the end of the test.
func Open(t testing.TB, url string) *db.DB {
	t.Helper()
	return open(t, db.Options{URL: url, Lists: 16})
}

func open(t testing.TB, o db.Options) *db.DB {
	t.Helper()
	s, err := db.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Exec runs statements in the database of a URL, beside the store.
func Exec(t testing.TB, url string, statements ...string) {
	t.Helper()
	conn := connect(t, url)
	defer conn.Close()
	for _, s := range statements {
		// Not the test's context, which has ended when this cleans up.
		if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// connect opens the database of a URL, beside the store.
func connect(t testing.TB, url string) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, dsn = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"
	}
	conn, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// store is what a test of the suite is given: an open store, and where it is.
type store struct {
	*db.DB
	url string
}

// onPostgres tells where the store is.
func (s store) onPostgres() bool { return strings.HasPrefix(s.url, "postgres") }

// another opens the same store again, as another process would.
func (s store) another(t testing.TB, lists int) *db.DB {
	t.Helper()
	return open(t, db.Options{URL: s.url, Lists: lists})
}

// Run tests that a store keeps the promises of engine.Store, jobs.Keeper and its sessions. empty returns the URL of an empty store; it is
// called for each subtest.
func Run(t *testing.T, empty func(testing.TB) string) {
	empty(t) // skips all at once
	for _, part := range []struct {
		name  string
		tests []test
	}{
		{"users", userTests},
		{"imports", importTests},
		{"walks", walkTests},
		{"anime", animeTests},
		{"memory", memoryTests},
		{"changes", changeTests},
		{"jobs", jobTests},
		{"sessions", sessionTests},
		{"population", populationTests},
		{"models", modelTests},
		{"keys", keyTests},
		{"series", seriesTests},
		{"totals", totalsTests},
		{"admins", adminTests},
		{"search", searchTests},
		{"privacy", privacyTests},
		{"failures", failureTests},
		{"together", togetherTests},
	} {
		t.Run(part.name, func(t *testing.T) {
			for _, test := range part.tests {
				t.Run(test.name, func(t *testing.T) {
					t.Parallel()
					url := empty(t)
					test.run(t, store{Open(t, url), url})
				})
			}
		})
	}
}

// test is one of the suite.
type test struct {
	name string
	run  func(*testing.T, store)
}
