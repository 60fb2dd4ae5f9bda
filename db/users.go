package db

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"reko.moe/engine"
)

const userColumns = `id, name, origin, hash, fetched_at, full_at, failures, unlisted, private_at, list`

// scanUser reads userColumns.
func scanUser(scan func(...any) error) (engine.User, error) {
	var u engine.User
	var hash, fetched, full, private int64
	err := scan(&u.ID, &u.Name, &u.Origin, &hash, &fetched, &full, &u.Failures, &u.Unlisted, &private, (*[]byte)(&u.List))
	u.Hash, u.FetchedAt, u.FullAt, u.PrivateAt = engine.Hash(hash), timeOf(fetched), timeOf(full), timeOf(private)
	return u, err
}

func scanUserRow(rows *sql.Rows) (engine.User, error) { return scanUser(rows.Scan) }

// saveUsers is followed by rows of values and onConflict.
const (
	saveUsers  = `INSERT INTO users (name, origin, hash, entries, fetched_at, full_at, failures, unlisted, private_at, list) `
	onConflict = ` ON CONFLICT (name) DO UPDATE SET origin = excluded.origin, hash = excluded.hash, entries = excluded.entries,
		fetched_at = excluded.fetched_at, full_at = excluded.full_at, failures = excluded.failures, unlisted = excluded.unlisted,
		private_at = excluded.private_at,
		list = excluded.list`
	saveColumns = 10
)

func saveArgs(u *engine.User) []any {
	return []any{
		u.Name, string(u.Origin), int64(u.Hash), u.List.Len(), secondsOf(u.FetchedAt), secondsOf(u.FullAt), u.Failures,
		u.Unlisted, secondsOf(u.PrivateAt), []byte(u.List),
	}
}

// SaveUser implements [engine.Store].
func (db *DB) SaveUser(ctx context.Context, u engine.User) (id engine.UserID, err error) {
	err = db.tx(ctx, fmt.Sprintf("saving user %q", u.Name), func(tx *sql.Tx) error {
		if err := db.lockShared(ctx, tx, namesLock); err != nil {
			return err
		}
		if out, err := isKeptOut(ctx, tx, u.Name); err != nil {
			return err
		} else if out {
			return engine.ErrNotFound
		}
		id, err = returning[engine.UserID](ctx, tx, saveUsers+`VALUES `+values(1, saveColumns)+onConflict+` RETURNING id`, saveArgs(&u)...)
		return err
	})
	if err != nil {
		db.cache.wrote()
		return 0, err
	}
	db.cache.wrote(id)
	return id, nil
}

// ImportUsers implements [engine.Store]: by COPY on Postgres, by long inserts on SQLite. New users get their ids in the given
// order; of several users of one name the last stays.
func (db *DB) ImportUsers(ctx context.Context, users []engine.User) error {
	const what = "importing users"
	defer db.cache.wrote()
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return failed(what, err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return failed(what, err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := db.importUsers(ctx, conn, tx, lastOfName(users)); err != nil {
		return failed(what, err)
	}
	return failed(what, tx.Commit())
}

// importUsers imports users in a transaction. conn is that of tx.
func (db *DB) importUsers(ctx context.Context, conn *sql.Conn, tx *sql.Tx, users []engine.User) error {
	if err := db.lock(ctx, tx, bulkLock); err != nil {
		return err
	}
	if err := db.lockShared(ctx, tx, namesLock); err != nil {
		return err
	}
	users, err := withoutKeptOut(ctx, tx, users)
	if err != nil {
		return err
	}
	if db.pool != nil {
		return copyUsers(ctx, conn, tx, users)
	}
	return insert(ctx, tx, saveUsers+`VALUES `, onConflict, len(users), func(i int) ([]any, error) {
		return saveArgs(&users[i]), nil
	})
}

// lastOfName returns users without those that a later one of the same name replaces. That one comes in the place of the
// first.
func lastOfName(users []engine.User) []engine.User {
	at := make(map[string]int, len(users))
	last := make([]engine.User, 0, len(users))
	for _, u := range users {
		if i, ok := at[u.Name]; ok {
			last[i] = u
			continue
		}
		at[u.Name] = len(last)
		last = append(last, u)
	}
	return last
}

// copyUsers imports by COPY. conn is that of tx.
func copyUsers(ctx context.Context, conn *sql.Conn, tx *sql.Tx, users []engine.User) error {
	_, err := tx.ExecContext(ctx, `CREATE TEMPORARY TABLE incoming (ord BIGINT, name TEXT, origin TEXT, hash BIGINT, entries BIGINT,
		fetched_at BIGINT, full_at BIGINT, failures BIGINT, unlisted BOOLEAN, private_at BIGINT, list BYTEA) ON COMMIT DROP`)
	if err != nil {
		return err
	}
	columns := []string{"ord", "name", "origin", "hash", "entries", "fetched_at", "full_at", "failures", "unlisted", "private_at", "list"}
	err = conn.Raw(func(driver any) error {
		_, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{"incoming"}, columns, pgx.CopyFromSlice(len(users), func(i int) ([]any, error) {
			return append([]any{int64(i)}, saveArgs(&users[i])...), nil
		}))
		return err
	})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, saveUsers+`SELECT name, origin, hash, entries, fetched_at, full_at, failures, unlisted, private_at, list FROM incoming
		ORDER BY ord`+onConflict)
	return err
}

// RefreshFailed implements [engine.Store].
func (db *DB) RefreshFailed(ctx context.Context, id engine.UserID) error {
	defer db.cache.wrote(id)
	_, err := db.write.ExecContext(ctx, `UPDATE users SET failures = failures + 1 WHERE id = $1`, id)
	return failed("counting a failure", err)
}

// StaleUsers implements [engine.Store].
func (db *DB) StaleUsers(ctx context.Context, before time.Time, n int) ([]string, error) {
	names, err := query(ctx, db.sql, scanOne[string], `SELECT name FROM users WHERE origin = 'mal' AND fetched_at < $1 AND private_at < $1
		ORDER BY failures, fetched_at, id LIMIT $2`, before.Unix(), n)
	return names, failed("stale users", err)
}

// DeleteUser implements [engine.Store].
func (db *DB) DeleteUser(ctx context.Context, id engine.UserID) error {
	defer db.cache.wrote(id)
	_, err := db.write.ExecContext(ctx, `DELETE FROM users WHERE id = $1`, id)
	return failed("deleting a user", err)
}

// RemoveUser implements [engine.Store].
func (db *DB) RemoveUser(ctx context.Context, name string) (engine.UserID, error) {
	what := fmt.Sprintf("removing user %q", name)
	if name != clean(name) {
		return 0, failed(what, sql.ErrNoRows) // Postgres refuses to look for it
	}
	ids, err := query(ctx, db.write, scanOne[engine.UserID], `DELETE FROM users WHERE name = $1 RETURNING id`, name)
	if err != nil {
		db.cache.wrote()
		return 0, failed(what, err)
	}
	if len(ids) == 0 {
		return 0, failed(what, sql.ErrNoRows)
	}
	db.cache.wrote(ids...)
	return ids[0], nil
}

// scanOne reads rows of one column.
func scanOne[T any](rows *sql.Rows) (T, error) {
	var v T
	err := rows.Scan(&v)
	return v, err
}

// walk yields what page returns, page after page, until one has less than size items. page is given the last item before. No
// connection is held meanwhile.
func walk[T any](size int, page func(last *T) ([]T, error)) iter.Seq2[T, error] {
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
			if len(items) < size {
				return
			}
			last = &items[len(items)-1]
		}
	}
}

const selectCards = `SELECT id, name, hash FROM users WHERE id > $1 AND NOT unlisted AND private_at = 0 ORDER BY id LIMIT $2`

// Cards implements [engine.Store].
func (db *DB) Cards(ctx context.Context) iter.Seq2[engine.Card, error] {
	if db.pool != nil {
		return db.streamCards(ctx)
	}
	const size = 20_000
	return walk(size, func(last *engine.Card) ([]engine.Card, error) {
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
		}, selectCards, after, size)
		return cards, failed("cards", err)
	})
}

// AllUsers implements [engine.Store].
func (db *DB) AllUsers(ctx context.Context) iter.Seq2[engine.User, error] {
	const size = 500
	return walk(size, func(last *engine.User) ([]engine.User, error) {
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
	ids := make([]engine.UserID, len(changed))
	for i := range changed {
		ids[i] = changed[i].ID
	}
	var set []engine.User
	err := db.bulk(ctx, "setting hashes", func(tx *sql.Tx) error {
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
		}
		return nil
	})
	db.cache.wrote(ids...)
	if err != nil {
		return nil, err
	}
	return set, nil
}

// RemoveOrigin implements [engine.Store].
func (db *DB) RemoveOrigin(ctx context.Context, origin engine.Origin) (int, error) {
	defer db.cache.wrote()
	var n int64
	err := db.bulk(ctx, "removing users", func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `DELETE FROM users WHERE origin = $1`, string(origin))
		if err != nil {
			return err
		}
		n, err = r.RowsAffected()
		return err
	})
	if err != nil {
		return 0, err
	}
	return int(n), nil
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

// CountOrigin implements [engine.Store], from an index alone.
func (db *DB) CountOrigin(ctx context.Context, origin engine.Origin) (n int, err error) {
	err = db.sql.QueryRowContext(ctx, countOrigin, string(origin)).Scan(&n)
	return n, failed("counting users", err)
}

const countOrigin = `SELECT count(*) FROM users WHERE origin = $1`

// Totals implements [engine.TotalsStore], from indexes alone.
func (db *DB) Totals(ctx context.Context) (engine.Totals, error) {
	type count struct {
		origin engine.Origin
		engine.OriginTotals
	}
	t := engine.Totals{Origins: map[engine.Origin]engine.OriginTotals{}}
	counts, err := query(ctx, db.sql, func(rows *sql.Rows) (count, error) {
		var c count
		return c, rows.Scan(&c.origin, &c.Users, &c.Lists, &c.Entries)
	}, selectTotals)
	for _, c := range counts {
		t.Origins[c.origin] = c.OriginTotals
	}
	if err == nil {
		err = db.sql.QueryRowContext(ctx, selectUndescribed).Scan(&t.Undescribed)
	}
	return t, failed("totals", err)
}

const (
	selectTotals      = `SELECT origin, count(*), count(*) FILTER (WHERE entries > 0), CAST(sum(entries) AS BIGINT) FROM users GROUP BY origin`
	selectUndescribed = `SELECT count(*) FROM anime WHERE described_at = 0`
)

// Forget implements [engine.Store].
func (db *DB) Forget() { db.cache.wrote() }
