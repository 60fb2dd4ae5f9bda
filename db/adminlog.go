package db

import (
	"context"
	"database/sql"
	"errors"

	"reko.moe/engine"
)

// How many actions stay, and how many of logins that failed. The table is gone through for more once in a while.
const (
	keptActions  = 100_000
	keptFailures = 10_000
	cutEvery     = 100 // actions
)

// NoteAction implements [engine.LogStore].
func (db *DB) NoteAction(ctx context.Context, a engine.Action) error {
	return db.tx(ctx, "noting an action", func(tx *sql.Tx) error {
		id, err := returning[int64](ctx, tx, `INSERT INTO admin_log (at, admin, what, target, address) VALUES ($1, $2, $3, $4, $5)
			RETURNING id`, secondsOf(a.At), clean(a.Admin), clean(a.What), clean(a.On), clean(a.From))
		if err != nil || id%cutEvery != 0 {
			return err
		}
		return errors.Join(cutActions(ctx, tx, "=", keptFailures), cutActions(ctx, tx, "<>", keptActions))
	})
}

// cutActions leaves the newest of the actions that are failed logins (is "=") or others ("<>").
func cutActions(ctx context.Context, tx *sql.Tx, is string, kept int) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM admin_log WHERE what `+is+` $1 AND id <=
		(SELECT id FROM admin_log WHERE what `+is+` $1 ORDER BY id DESC LIMIT 1 OFFSET $2)`, engine.FailedLogin, kept)
	return err
}

// Actions implements [engine.LogStore].
func (db *DB) Actions(ctx context.Context, skip, n int) ([]engine.Action, error) {
	return db.actions(ctx, `ORDER BY id DESC LIMIT $1 OFFSET $2`, n, skip)
}

// LastActions implements [engine.LogStore].
func (db *DB) LastActions(ctx context.Context, n int) ([]engine.Action, error) {
	return db.actions(ctx, `WHERE what <> $1 ORDER BY id DESC LIMIT $2`, engine.FailedLogin, n)
}

// actions reads those that the end of a query says.
func (db *DB) actions(ctx context.Context, which string, args ...any) ([]engine.Action, error) {
	actions, err := query(ctx, db.sql, func(rows *sql.Rows) (engine.Action, error) {
		var a engine.Action
		var at int64
		err := rows.Scan(&at, &a.Admin, &a.What, &a.On, &a.From)
		a.At = timeOf(at)
		return a, err
	}, `SELECT at, admin, what, target, address FROM admin_log `+which, args...)
	return actions, failed("actions", err)
}

// Exclude implements [engine.ExclusionStore].
func (db *DB) Exclude(ctx context.Context, x engine.Exclusion) error {
	_, err := db.write.ExecContext(ctx, `INSERT INTO excluded_anime (anime_id, excluded_at, admin) VALUES ($1, $2, $3)
		ON CONFLICT (anime_id) DO NOTHING`, x.Anime, secondsOf(x.At), clean(x.Admin))
	return failed("excluding an anime", err)
}

// Include implements [engine.ExclusionStore].
func (db *DB) Include(ctx context.Context, id engine.AnimeID) error {
	_, err := db.write.ExecContext(ctx, `DELETE FROM excluded_anime WHERE anime_id = $1`, id)
	return failed("including an anime", err)
}

// Exclusions implements [engine.ExclusionStore].
func (db *DB) Exclusions(ctx context.Context) ([]engine.Exclusion, error) {
	all, err := query(ctx, db.sql, func(rows *sql.Rows) (engine.Exclusion, error) {
		var x engine.Exclusion
		var at int64
		err := rows.Scan(&x.Anime, &at, &x.Admin)
		x.At = timeOf(at)
		return x, err
	}, `SELECT anime_id, excluded_at, admin FROM excluded_anime ORDER BY excluded_at DESC, anime_id`)
	return all, failed("exclusions", err)
}
