package db_test

import (
	"database/sql"
	"fmt"
	"sync"
	"testing"

	"reko.moe/db"
	"reko.moe/db/dbtest"
	"reko.moe/engine"
	"reko.moe/internal/wait"
)

// Postgres is made slow by a lock on the table: of all who miss the same users meanwhile, one asks.
func TestPostgresIsAskedOnce(t *testing.T) {
	const users, askers = 33, 40
	url := dbtest.Postgres(t)
	s, err := db.Open(t.Context(), db.Options{URL: url, Lists: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var ids []engine.UserID
	for _, u := range dbtest.Users(t, "u", users, 30) {
		id, err := s.SaveUser(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	other, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), `LOCK TABLE users IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	var asking sync.WaitGroup
	for range askers {
		asking.Go(func() {
			if got, err := s.Users(t.Context(), nil, ids); err != nil || len(got) != len(ids) {
				t.Errorf("got %d users, %v", len(got), err)
			}
		})
	}
	waiting := 0
	wait.For(t, func() error {
		err := tx.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'users'::regclass`).Scan(&waiting)
		if missed := s.CacheStats().Misses; err == nil && (waiting == 0 || missed != users*askers) {
			err = fmt.Errorf("%d queries wait, %d users were missed", waiting, missed)
		}
		return err
	})
	if waiting != 1 {
		t.Errorf("%d queries wait, want 1", waiting)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	asking.Wait()
	if got, err := s.Users(t.Context(), nil, ids); err != nil || len(got) != len(ids) || s.CacheStats().Hits != users {
		t.Errorf("afterwards %d users, %v, %+v", len(got), err, s.CacheStats())
	}
}

// Jobs that walk over all lists neither use what is in memory nor put anything in.
func TestWalksLeaveTheMemoryAlone(t *testing.T) {
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			s, err := db.Open(t.Context(), db.Options{URL: store.empty(t), Lists: 4})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			if err := s.ImportUsers(t.Context(), dbtest.Users(t, "u", 700, 5)); err != nil {
				t.Fatal(err)
			}
			before := s.CacheStats()
			n := 0
			for _, err := range s.AllUsers(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			for _, err := range s.Cards(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
			}
			if after := s.CacheStats(); n != 700 || after != before {
				t.Errorf("after a walk over %d users: %+v, before %+v", n, after, before)
			}
		})
	}
}
