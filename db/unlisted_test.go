package db

import (
	"path/filepath"
	"strings"
	"testing"
)

// Lists are not read for what is asked of all users.
func TestWalksOverAllUsersReadIndexes(t *testing.T) {
	db, err := Open(t.Context(), Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "reko.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, test := range []struct {
		sql, index string
		args       []any
	}{
		{selectCards, "users_cards", []any{0, 1}},
		{selectTotals, "users_totals", nil},
		{countOrigin, "users_totals", []any{"upload"}},
		{selectUndescribed, "anime_undescribed", nil},
		{selectUsersState, "users_fetched", nil},
		{selectFetchedSince, "users_fetched", []any{0}},
	} {
		var id, parent, unused int
		var plan string
		err = db.sql.QueryRowContext(t.Context(), `EXPLAIN QUERY PLAN `+test.sql, test.args...).Scan(&id, &parent, &unused, &plan)
		if err != nil || !strings.Contains(plan, "COVERING INDEX "+test.index) {
			t.Errorf("the plan of %s is %q, %v", test.sql, plan, err)
		}
	}
}
