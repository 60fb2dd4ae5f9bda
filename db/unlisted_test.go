package db

import (
	"path/filepath"
	"strings"
	"testing"
)

// The lists of all users are not read for their cards.
func TestCardsComeFromTheIndex(t *testing.T) {
	db, err := Open(t.Context(), Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "reko.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var id, parent, unused int
	var plan string
	err = db.sql.QueryRowContext(t.Context(), `EXPLAIN QUERY PLAN `+selectCards, 0, 1).Scan(&id, &parent, &unused, &plan)
	if err != nil || !strings.Contains(plan, "COVERING INDEX users_cards") {
		t.Errorf("the plan is %q, %v", plan, err)
	}
}
