package db

import (
	"context"
	"database/sql"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"

	"reko.moe/engine"
)

const userColumns = `id, name, origin, hash, fetched_at, full_at, failures, list`

// scanUser reads userColumns.
func scanUser(scan func(...any) error) (engine.User, error) {
	var u engine.User
	var hash, fetched, full int64
	err := scan(&u.ID, &u.Name, &u.Origin, &hash, &fetched, &full, &u.Failures, (*[]byte)(&u.List))
	u.Hash, u.FetchedAt, u.FullAt = engine.Hash(hash), timeOf(fetched), timeOf(full)
	return u, err
}

func scanUserRow(rows *sql.Rows) (engine.User, error) { return scanUser(rows.Scan) }

// timeOf is the time of unix seconds, 0 being none; secondsOf the inverse.
func timeOf(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func secondsOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// User implements [engine.Store].
func (db *DB) User(ctx context.Context, name string) (engine.User, error) {
	u, err := scanUser(db.sql.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE name = $1`, name).Scan)
	return u, failed("user "+name, err)
}

// Users implements [engine.Store]. It asks for those that are not in memory with one query.
func (db *DB) Users(ctx context.Context, ids []engine.UserID) ([]engine.User, error) {
	found := make(map[engine.UserID]engine.User, len(ids))
	var missing []any
	for _, id := range ids {
		if u, ok := db.cache.get(id); ok {
			found[id] = u
		} else {
			missing = append(missing, int64(id))
		}
	}
	if len(missing) > 0 {
		began := db.cache.begin()
		users, err := query(ctx, db.sql, scanUserRow,
			`SELECT `+userColumns+` FROM users WHERE id IN `+values(1, len(missing)), missing...)
		if err != nil {
			return nil, failed("users", err)
		}
		db.cache.put(began, users)
		for _, u := range users {
			found[u.ID] = u
		}
	}
	users := make([]engine.User, 0, len(ids))
	for _, id := range ids {
		if u, ok := found[id]; ok {
			users = append(users, u)
		}
	}
	return users, nil
}

// saveUsers is followed by rows of values and onConflict.
const (
	saveUsers  = `INSERT INTO users (name, origin, hash, entries, fetched_at, full_at, failures, list) `
	onConflict = ` ON CONFLICT (name) DO UPDATE SET origin = excluded.origin, hash = excluded.hash, entries = excluded.entries,
		fetched_at = excluded.fetched_at, full_at = excluded.full_at, failures = excluded.failures, list = excluded.list`
	saveColumns = 8
)

func saveArgs(u *engine.User) []any {
	return []any{
		u.Name, string(u.Origin), int64(u.Hash), u.List.Len(), secondsOf(u.FetchedAt), secondsOf(u.FullAt), u.Failures,
		[]byte(u.List),
	}
}

// SaveUser implements [engine.Store].
func (db *DB) SaveUser(ctx context.Context, u engine.User) (engine.UserID, error) {
	db.cache.writing()
	var id engine.UserID
	err := db.write.QueryRowContext(ctx, saveUsers+`VALUES `+values(1, saveColumns)+onConflict+` RETURNING id`,
		saveArgs(&u)...).Scan(&id)
	db.cache.wrote(max(id, u.ID))
	return id, failed("saving user "+u.Name, err)
}

// ImportUsers implements [engine.Store]: by COPY on Postgres, by long inserts on SQLite.
func (db *DB) ImportUsers(ctx context.Context, users []engine.User) error {
	db.cache.writing()
	defer db.cache.wrote()
	if db.pool != nil {
		return failed("importing users", db.copyUsers(ctx, users))
	}
	return db.tx(ctx, "importing users", func(tx *sql.Tx) error {
		const rows = 100
		for len(users) > 0 {
			n := min(rows, len(users))
			args := make([]any, 0, n*saveColumns)
			for i := range n {
				args = append(args, saveArgs(&users[i])...)
			}
			if _, err := tx.ExecContext(ctx, saveUsers+`VALUES `+values(n, saveColumns)+onConflict, args...); err != nil {
				return err
			}
			users = users[n:]
		}
		return nil
	})
}

func (db *DB) copyUsers(ctx context.Context, users []engine.User) error {
	return pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `CREATE TEMPORARY TABLE incoming (ord BIGINT, name TEXT, origin TEXT, hash BIGINT, entries BIGINT,
			fetched_at BIGINT, full_at BIGINT, failures BIGINT, list BYTEA) ON COMMIT DROP`)
		if err != nil {
			return err
		}
		columns := []string{"ord", "name", "origin", "hash", "entries", "fetched_at", "full_at", "failures", "list"}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"incoming"}, columns, pgx.CopyFromSlice(len(users), func(i int) ([]any, error) {
			return append([]any{int64(i)}, saveArgs(&users[i])...), nil
		}))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, saveUsers+`SELECT name, origin, hash, entries, fetched_at, full_at, failures, list FROM incoming
			ORDER BY ord`+onConflict)
		return err
	})
}

// RefreshFailed implements [engine.Store].
func (db *DB) RefreshFailed(ctx context.Context, id engine.UserID) error {
	db.cache.writing()
	defer db.cache.wrote(id)
	_, err := db.write.ExecContext(ctx, `UPDATE users SET failures = failures + 1 WHERE id = $1`, id)
	return failed("counting a failure", err)
}

// StaleUsers implements [engine.Store].
func (db *DB) StaleUsers(ctx context.Context, before time.Time, n int) ([]string, error) {
	names, err := query(ctx, db.sql, scanOne[string], `SELECT name FROM users WHERE origin = 'mal' AND fetched_at < $1
		ORDER BY failures, fetched_at, id LIMIT $2`, before.Unix(), n)
	return names, failed("stale users", err)
}

// scanOne reads rows of one column.
func scanOne[T any](rows *sql.Rows) (T, error) {
	var v T
	err := rows.Scan(&v)
	return v, err
}

// walk yields what page returns, page after page, until one is empty. page is given the last item before.
func walk[T any](page func(last *T) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var last *T
		for {
			items, err := page(last)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if len(items) == 0 {
				return
			}
			last = &items[len(items)-1]
		}
	}
}

// Cards implements [engine.Store].
func (db *DB) Cards(ctx context.Context) iter.Seq2[engine.Card, error] {
	const size = 20_000
	return walk(func(last *engine.Card) ([]engine.Card, error) {
		var after engine.UserID
		if last != nil {
			after = last.ID
		}
		cards, err := query(ctx, db.sql, func(rows *sql.Rows) (engine.Card, error) {
			var c engine.Card
			var hash int64
			err := rows.Scan(&c.ID, &c.Name, &hash)
			c.Hash = engine.Hash(hash)
			return c, err
		}, `SELECT id, name, hash FROM users WHERE id > $1 ORDER BY id LIMIT $2`, after, size)
		return cards, failed("cards", err)
	})
}

// AllUsers implements [engine.Store].
func (db *DB) AllUsers(ctx context.Context) iter.Seq2[engine.User, error] {
	const size = 500
	return walk(func(last *engine.User) ([]engine.User, error) {
		var after engine.UserID
		if last != nil {
			after = last.ID
		}
		users, err := query(ctx, db.sql, scanUserRow,
			`SELECT `+userColumns+` FROM users WHERE id > $1 ORDER BY id LIMIT $2`, after, size)
		return users, failed("all users", err)
	})
}

// SetHashes implements [engine.Store].
func (db *DB) SetHashes(ctx context.Context, changed []engine.User) ([]engine.User, error) {
	if len(changed) == 0 {
		return nil, nil
	}
	var set []engine.User
	ids := make([]engine.UserID, 0, len(changed))
	db.cache.writing()
	err := db.tx(ctx, "setting hashes", func(tx *sql.Tx) error {
		for _, u := range changed {
			r, err := tx.ExecContext(ctx, `UPDATE users SET hash = $1 WHERE id = $2 AND list = $3`, int64(u.Hash), u.ID, []byte(u.List))
			if err != nil {
				return err
			}
			if n, err := r.RowsAffected(); err != nil {
				return err
			} else if n == 1 {
				set = append(set, u)
			}
			ids = append(ids, u.ID)
		}
		return nil
	})
	db.cache.wrote(ids...)
	return set, err
}

// RemoveOrigin implements [engine.Store].
func (db *DB) RemoveOrigin(ctx context.Context, origin engine.Origin) (int, error) {
	db.cache.writing()
	defer db.cache.wrote()
	r, err := db.write.ExecContext(ctx, `DELETE FROM users WHERE origin = $1`, string(origin))
	if err != nil {
		return 0, failed("removing users", err)
	}
	n, err := r.RowsAffected()
	return int(n), failed("removing users", err)
}

// CountUsers implements [engine.Store].
func (db *DB) CountUsers(ctx context.Context) (map[engine.Origin]int, error) {
	type count struct {
		origin engine.Origin
		n      int
	}
	counts, err := query(ctx, db.sql, func(rows *sql.Rows) (count, error) {
		var c count
		return c, rows.Scan(&c.origin, &c.n)
	}, `SELECT origin, count(*) FROM users GROUP BY origin`)
	all := map[engine.Origin]int{}
	for _, c := range counts {
		all[c.origin] = c.n
	}
	return all, failed("counting users", err)
}

// Forget implements [engine.Store].
func (db *DB) Forget() {
	db.cache.writing()
	db.cache.wrote()
}
