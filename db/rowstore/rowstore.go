// Package rowstore keeps lists as Reko does not: an entry to a row. The benchmark fetches lists from it and from the store in the
// same database, to tell what a list to a row is worth.
package rowstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"reko.moe/engine"
)

// Rows are the entries of some users, in a table of their own that [Rows.Close] drops.
type Rows struct {
	db       *sql.DB
	postgres bool
}

const (
	drop   = `DROP TABLE IF EXISTS bench_entries`
	create = `TABLE bench_entries (user_id BIGINT NOT NULL, anime_id BIGINT NOT NULL, status SMALLINT NOT NULL, score SMALLINT NOT NULL,
		episodes INTEGER NOT NULL, day INTEGER NOT NULL, PRIMARY KEY (user_id, anime_id))`
)

var columns = []string{"user_id", "anime_id", "status", "score", "episodes", "day"}

// Open makes the table in the database of a store's URL.
func Open(ctx context.Context, url string) (*Rows, error) {
	path, isSQLite := strings.CutPrefix(url, "sqlite:")
	driver, unlogged := "pgx", "UNLOGGED "
	if isSQLite {
		driver, unlogged, url = "sqlite", "", "file:"+filepath.Clean(path)+"?_pragma=busy_timeout(10000)&_pragma=cache_size(-32768)"
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{drop, "CREATE " + unlogged + create} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(fmt.Errorf("a table of entries: %w", err), db.Close())
		}
	}
	return &Rows{db, !isSQLite}, nil
}

// Close drops the table.
func (r *Rows) Close(ctx context.Context) error {
	_, err := r.db.ExecContext(ctx, drop)
	return errors.Join(err, r.db.Close())
}

// Fill stores the users' entries, those of a user together: the best case.
func (r *Rows) Fill(ctx context.Context, users []engine.User) error {
	var rows [][]any
	var list engine.List
	for i := range users {
		var err error
		if list, err = users[i].List.Unpack(list[:0]); err != nil {
			return err
		}
		for j := range list {
			e := &list[j]
			rows = append(rows, []any{int64(users[i].ID), int64(e.Anime), int64(e.Status), int64(e.Score), int64(e.Episodes), int64(e.Day)})
		}
	}
	if r.postgres {
		return r.copy(ctx, rows)
	}
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	insert, err := tx.PrepareContext(ctx, `INSERT INTO bench_entries VALUES ($1, $2, $3, $4, $5, $6)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, row := range rows {
		if _, err := insert.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (r *Rows) copy(ctx context.Context, rows [][]any) error {
	conn, err := r.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driver any) error {
		c := driver.(interface{ Conn() *pgx.Conn }).Conn()
		_, err := c.CopyFrom(ctx, pgx.Identifier{"bench_entries"}, columns, pgx.CopyFromRows(rows))
		return err
	})
}

// Settle lets the database look at what was filled in.
func (r *Rows) Settle(ctx context.Context) error {
	_, err := r.db.ExecContext(ctx, `ANALYZE bench_entries`)
	return err
}

// Lists fetches all entries of users with one query, and returns how many there are.
func (r *Rows) Lists(ctx context.Context, ids []engine.UserID) (int, error) {
	var q strings.Builder
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = int64(id)
		fmt.Fprintf(&q, ", $%d", i+1)
	}
	rows, err := r.db.QueryContext(ctx, `SELECT user_id, anime_id, status, score, episodes, day FROM bench_entries WHERE user_id IN (`+
		strings.TrimPrefix(q.String(), ", ")+`)`, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var list engine.List
	for rows.Next() {
		var id engine.UserID
		var e engine.Entry
		if err := rows.Scan(&id, &e.Anime, &e.Status, &e.Score, &e.Episodes, &e.Day); err != nil {
			return 0, err
		}
		list = append(list, e)
	}
	return len(list), rows.Err()
}
