package db

import (
	"fmt"
	"testing"
)

// Migrations are for tests that make stores of older versions.
var Migrations = migrations

// LimitPages lets a SQLite file grow to so many pages only, as on a disk that is full then.
func (db *DB) LimitPages(t testing.TB, n int) {
	t.Helper()
	if _, err := db.write.ExecContext(t.Context(), fmt.Sprintf(`PRAGMA max_page_count = %d`, n)); err != nil {
		t.Fatal(err)
	}
}
