package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"slices"
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
func (db *DB) KeepOut(ctx context.Context, name string, at time.Time) (engine.NameHash, engine.UserID, error) {
	var hash engine.NameHash
	var ids []engine.UserID
	err := db.changeNames(ctx, "keeping a name out", func(tx *sql.Tx) error {
		secret, err := secretIn(ctx, tx, engine.NameSecret, []byte(rand.Text()))
		if err != nil {
			return err
		}
		hash = engine.HashName(secret, name)
		if _, err := tx.ExecContext(ctx, `INSERT INTO kept_out (hash, kept_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, hash[:], secondsOf(at)); err != nil {
			return err
		}
		if ids, err = query(ctx, tx, scanOne[engine.UserID], `DELETE FROM users WHERE name = $1 RETURNING id`, name); err != nil {
			return err
		}
		return forgetName(ctx, tx, name, hash.String())
	})
	if err != nil {
		db.cache.wrote()
		return hash, 0, err
	}
	db.cache.wrote(ids...)
	return hash, append(ids, 0)[0], nil
}

// LetIn implements [engine.PrivacyStore].
func (db *DB) LetIn(ctx context.Context, name string) (engine.NameHash, error) {
	var hash engine.NameHash
	err := db.changeNames(ctx, "letting a name in", func(tx *sql.Tx) error {
		secret, err := nameSecret(ctx, tx)
		if err != nil {
			return err
		}
		hash = engine.HashName(secret, name)
		r, err := tx.ExecContext(ctx, `DELETE FROM kept_out WHERE hash = $1`, hash[:])
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err == nil && n == 0 {
			err = sql.ErrNoRows
		}
		return err
	})
	return hash, err
}

// changeNames runs f in a transaction that changes which names are kept out, before or after each that stores users.
func (db *DB) changeNames(ctx context.Context, what string, f func(*sql.Tx) error) error {
	return db.tx(ctx, what, func(tx *sql.Tx) error {
		if err := db.lock(ctx, tx, namesLock); err != nil {
			return err
		}
		return f(tx)
	})
}

// KeptOut implements [engine.PrivacyStore].
func (db *DB) KeptOut(ctx context.Context) ([]engine.KeptOut, error) {
	all, err := keptOut(ctx, db.sql)
	return all, failed("names that are kept out", err)
}

func keptOut(ctx context.Context, q querier) ([]engine.KeptOut, error) {
	return query(ctx, q, func(rows *sql.Rows) (engine.KeptOut, error) {
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
}

// IsKeptOut implements [engine.PrivacyStore].
func (db *DB) IsKeptOut(ctx context.Context, name string) (bool, error) {
	out, err := isKeptOut(ctx, db.sql, name)
	return out, failed("names that are kept out", err)
}

// isKeptOut tells whether a name is kept out. What is to hold until a transaction ends is asked for with namesLock.
func isKeptOut(ctx context.Context, q querier, name string) (bool, error) {
	secret, err := nameSecret(ctx, q)
	if err != nil || secret == nil {
		return false, err
	}
	hash := engine.HashName(secret, name)
	return returning[bool](ctx, q, `SELECT EXISTS (SELECT 1 FROM kept_out WHERE hash = $1)`, hash[:])
}

// withoutKeptOut returns those of the users whose names are not kept out: see [isKeptOut].
func withoutKeptOut(ctx context.Context, q querier, users []engine.User) ([]engine.User, error) {
	kept, err := keptOut(ctx, q)
	if err != nil || len(kept) == 0 {
		return users, err
	}
	secret, err := nameSecret(ctx, q)
	if err != nil {
		return nil, err
	}
	out := outOf(kept, secret)
	return slices.DeleteFunc(slices.Clone(users), func(u engine.User) bool { return out(u.Name) }), nil
}

// outOf tells which names are among those that are kept out.
func outOf(kept []engine.KeptOut, secret []byte) func(name string) bool {
	out := make(map[engine.NameHash]bool, len(kept))
	for _, k := range kept {
		out[k.Hash] = true
	}
	return func(name string) bool { return out[engine.HashName(secret, name)] }
}

// nameSecret returns [engine.NameSecret]; nil as long as there is none, when no name was ever kept out.
func nameSecret(ctx context.Context, q querier) ([]byte, error) {
	secrets, err := query(ctx, q, scanOne[[]byte], `SELECT value FROM secrets WHERE name = $1`, engine.NameSecret)
	if err != nil || len(secrets) == 0 {
		return nil, err
	}
	return secrets[0], nil
}

// forgetName puts another text for a name in what is logged of admins and jobs.
func forgetName(ctx context.Context, tx *sql.Tx, name, instead string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE admin_log SET target = $1 WHERE target = $2`, instead, name); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE job_runs SET error = replace(error, $1, $2) WHERE error LIKE $3 ESCAPE '\'`,
		name, instead, "%"+likeText.Replace(name)+"%")
	return err
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
