package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"reko.moe/engine"
)

// HideUser implements [engine.PrivacyStore].
func (db *DB) HideUser(ctx context.Context, id engine.UserID, at time.Time) error {
	defer db.cache.wrote(id)
	_, err := db.write.ExecContext(ctx, `UPDATE users SET private_at = $1, failures = failures + 1 WHERE id = $2`, secondsOf(at), id)
	return failed("hiding a user", err)
}

// HiddenUsers implements [engine.PrivacyStore].
func (db *DB) HiddenUsers(ctx context.Context) ([]engine.UserID, error) {
	ids, err := query(ctx, db.sql, scanOne[engine.UserID], `SELECT id FROM users WHERE private_at <> 0 ORDER BY id`)
	return ids, failed("hidden users", err)
}

// KeepOut implements [engine.PrivacyStore].
func (db *DB) KeepOut(ctx context.Context, k engine.KeptOut) error {
	_, err := db.write.ExecContext(ctx, `INSERT INTO kept_out (hash, kept_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`,
		k.Hash[:], secondsOf(k.At))
	return failed("keeping a name out", err)
}

// LetIn implements [engine.PrivacyStore].
func (db *DB) LetIn(ctx context.Context, hash engine.NameHash) error {
	const what = "letting a name in"
	r, err := db.write.ExecContext(ctx, `DELETE FROM kept_out WHERE hash = $1`, hash[:])
	if err != nil {
		return failed(what, err)
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		err = sql.ErrNoRows
	}
	return failed(what, err)
}

// KeptOut implements [engine.PrivacyStore].
func (db *DB) KeptOut(ctx context.Context) ([]engine.KeptOut, error) {
	all, err := query(ctx, db.sql, func(rows *sql.Rows) (engine.KeptOut, error) {
		var k engine.KeptOut
		var hash []byte
		var at int64
		if err := rows.Scan(&hash, &at); err != nil {
			return k, err
		}
		if copy(k.Hash[:], hash) != len(hash) || len(hash) != len(k.Hash) {
			return k, fmt.Errorf("hash of %d bytes", len(hash))
		}
		k.At = timeOf(at)
		return k, nil
	}, `SELECT hash, kept_at FROM kept_out ORDER BY kept_at DESC, hash`)
	return all, failed("names that are kept out", err)
}

// IsKeptOut implements [engine.PrivacyStore].
func (db *DB) IsKeptOut(ctx context.Context, hash engine.NameHash) (bool, error) {
	var is bool
	err := db.sql.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM kept_out WHERE hash = $1)`, hash[:]).Scan(&is)
	return is, failed("names that are kept out", err)
}

// ForgetName implements [engine.PrivacyStore].
func (db *DB) ForgetName(ctx context.Context, name, instead string) error {
	name, instead = clean(name), clean(instead)
	return db.tx(ctx, "forgetting a name", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE admin_log SET target = $1 WHERE target = $2`, instead, name); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE job_runs SET error = replace(error, $1, $2) WHERE error LIKE $3 ESCAPE '\'`,
			name, instead, "%"+likeText.Replace(name)+"%")
		return err
	})
}

// ForgetAddresses implements [engine.PrivacyStore]. What stands in the place of an address, such as that it was the command line, stays.
func (db *DB) ForgetAddresses(ctx context.Context, before time.Time) (int, error) {
	r, err := db.write.ExecContext(ctx, `UPDATE admin_log SET address = '' WHERE at < $1 AND (address LIKE '%.%' OR address LIKE '%:%')`,
		secondsOf(before))
	if err != nil {
		return 0, failed("forgetting addresses", err)
	}
	n, err := r.RowsAffected()
	return int(n), failed("forgetting addresses", err)
}
