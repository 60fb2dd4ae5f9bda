package db

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"reko.moe/engine"
)

func TestMigrationsOfBothDatabases(t *testing.T) {
	names := func(dir string) (names []string) {
		files, err := fs.ReadDir(migrations, "migrations/"+dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			names = append(names, f.Name())
		}
		return names
	}
	sqlite, postgres := names("sqlite"), names("postgres")
	if len(sqlite) == 0 || !slices.Equal(sqlite, postgres) {
		t.Errorf("migrations of SQLite are %q, of Postgres %q, want the same", sqlite, postgres)
	}
	for i, name := range sqlite {
		if !strings.HasPrefix(name, fmt.Sprintf("%04d_", i+1)) || !strings.HasSuffix(name, ".sql") {
			t.Errorf("migration %d is called %s", i+1, name)
		}
	}
}

// TestPragmas asks every connection of a store, since a pragma is a connection's own.
func TestPragmas(t *testing.T) {
	db, err := Open(t.Context(), Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "reko.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if n := db.write.Stats().MaxOpenConnections; n != 1 {
		t.Errorf("%d connections may write at once, want 1", n)
	}
	for range db.sql.Stats().MaxOpenConnections {
		conn, err := db.sql.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		wantPragmas(t, conn)
	}
	conn, err := db.write.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantPragmas(t, conn)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}

	// A transaction takes the lock of writers at once, not at its first write, when it could be too late.
	tx, err := db.write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	other, err := Open(t.Context(), Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "other.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var file string
	if err := tx.QueryRowContext(t.Context(), `SELECT file FROM pragma_database_list`).Scan(&file); err != nil {
		t.Fatal(err)
	}
	if _, err := other.write.ExecContext(t.Context(), `ATTACH $1 AS locked`, file); err != nil {
		t.Fatal(err)
	}
	if _, err := other.write.ExecContext(t.Context(), `PRAGMA busy_timeout = 1`); err != nil {
		t.Fatal(err)
	}
	if _, err := other.write.ExecContext(t.Context(), `DELETE FROM locked.users`); err == nil {
		t.Error("another process can write during a transaction that has not written yet")
	}
}

func wantPragmas(t *testing.T, conn querier) {
	t.Helper()
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000",
	} {
		got, err := returning[string](t.Context(), conn, "PRAGMA "+pragma)
		if err != nil || got != want {
			t.Errorf("%s = %s, %v, want %s", pragma, got, err, want)
		}
	}
}

// TestCacheRace tells the order of a slow reader and a writer in which a plain cache keeps what was replaced.
func TestCacheRace(t *testing.T) {
	c := newCache(1 << 20)
	begin := func() uint64 {
		c.mu.RLock()
		defer c.mu.RUnlock()
		return c.writes
	}
	old, other := engine.User{ID: 1, Name: "old"}, engine.User{ID: 2, Name: "other"}
	c.put(begin(), old, other)

	began := begin() // reads old from the database
	c.wrote(1)       // somebody replaces it
	if _, ok := c.get(1); ok {
		t.Error("what was replaced is kept")
	}
	if _, ok := c.get(2); !ok {
		t.Error("what was not replaced is gone")
	}
	c.put(began, old)
	if _, ok := c.get(1); ok {
		t.Error("what was read before the write is kept after it")
	}
	c.put(begin(), old)
	if _, ok := c.get(1); !ok {
		t.Error("what was read after the write is not kept")
	}
	began = begin()
	c.wrote()
	c.put(began, old, other)
	for id := range engine.UserID(3) {
		if _, ok := c.get(id); ok {
			t.Errorf("user %d is kept after all were taken out", id)
		}
	}
}

// TestCacheSize puts in far more than fits.
func TestCacheSize(t *testing.T) {
	const bytes = 1 << 20
	c := newCache(bytes)
	for id := range engine.UserID(5000) {
		c.put(0, engine.User{ID: id, List: make(engine.Packed, 1000)})
	}
	if _, kept := c.users.Size(); kept > bytes || kept < bytes/2 {
		t.Errorf("%d bytes are kept, want about %d", kept, bytes)
	}

	none := newCache(0)
	none.put(0, engine.User{ID: 1})
	if _, ok := none.get(1); ok {
		t.Error("a cache of no size keeps something")
	}
	none.wrote(1)
	none.wrote()
}

// TestNoConnectionStaysBusy makes calls fail in the midst of their rows.
func TestNoConnectionStaysBusy(t *testing.T) {
	db, err := Open(t.Context(), Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "reko.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for id := range engine.AnimeID(10) {
		if err := db.SaveAnime(t.Context(), []engine.Anime{{ID: id + 1, DescribedAt: timeOf(1)}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.write.ExecContext(t.Context(), `UPDATE anime SET genres = '{' WHERE id = 5`); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		for _, err := range db.Anime(t.Context()) {
			if err == nil {
				t.Error("damaged genres are taken for whole")
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := db.bulk(ctx, "nothing", nil); err == nil {
			t.Error("a transaction begins without a context")
		}
		if n := db.sql.Stats().InUse + db.write.Stats().InUse; n != 0 {
			t.Fatalf("%d connections stay busy", n)
		}
	}
}
