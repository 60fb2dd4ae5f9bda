package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"reko.moe/engine"
)

const keyColumns = `id, name, hash, made_at, used_at, uses, revoked_at`

// scanKey reads keyColumns.
func scanKey(scan func(...any) error) (engine.Key, error) {
	var k engine.Key
	var hash []byte
	var made, used, revoked int64
	if err := scan(&k.ID, &k.Name, &hash, &made, &used, &k.Uses, &revoked); err != nil {
		return k, err
	}
	if copy(k.Hash[:], hash) != len(hash) || len(hash) != len(k.Hash) {
		return k, fmt.Errorf("hash of key %d has %d bytes", k.ID, len(hash))
	}
	k.MadeAt, k.UsedAt, k.RevokedAt = timeOf(made), timeOf(used), timeOf(revoked)
	return k, nil
}

// AddKey implements [engine.KeyStore].
func (db *DB) AddKey(ctx context.Context, k engine.Key) (int64, error) {
	ids, err := query(ctx, db.write, scanOne[int64], `INSERT INTO keys (name, hash, made_at, used_at, uses, revoked_at)
		VALUES ($1, $2, $3, 0, 0, 0) ON CONFLICT (hash) DO NOTHING RETURNING id`, clean(k.Name), k.Hash[:], secondsOf(k.MadeAt))
	if err == nil && len(ids) == 0 {
		err = engine.ErrExists
	}
	if err != nil {
		return 0, failed("adding a key", err)
	}
	return ids[0], nil
}

// Keys implements [engine.KeyStore].
func (db *DB) Keys(ctx context.Context) ([]engine.Key, error) {
	keys, err := query(ctx, db.sql, func(rows *sql.Rows) (engine.Key, error) { return scanKey(rows.Scan) },
		`SELECT `+keyColumns+` FROM keys ORDER BY id`)
	return keys, failed("keys", err)
}

// RevokeKey implements [engine.KeyStore].
func (db *DB) RevokeKey(ctx context.Context, id int64, at time.Time) error {
	what := fmt.Sprintf("revoking key %d", id)
	r, err := db.write.ExecContext(ctx, `UPDATE keys SET revoked_at = CASE WHEN revoked_at = 0 THEN $1 ELSE revoked_at END WHERE id = $2`,
		secondsOf(at), id)
	if err != nil {
		return failed(what, err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		if err == nil {
			err = sql.ErrNoRows
		}
		return failed(what, err)
	}
	return nil
}

// UseKey implements [engine.KeyStore]. What is no key costs one look into an index; only a use of a valid one is written.
func (db *DB) UseKey(ctx context.Context, hash engine.KeyHash, at time.Time) (engine.Key, error) {
	k, err := scanKey(db.sql.QueryRowContext(ctx, `SELECT `+keyColumns+` FROM keys WHERE hash = $1 AND revoked_at = 0`, hash[:]).Scan)
	if err != nil {
		return engine.Key{}, failed("key", err)
	}
	r, err := db.write.ExecContext(ctx, `UPDATE keys SET uses = uses + 1, used_at = $1 WHERE id = $2 AND revoked_at = 0`,
		secondsOf(at), k.ID)
	if err != nil {
		return engine.Key{}, failed("using a key", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 { // 0: revoked meanwhile
		if err == nil {
			err = sql.ErrNoRows
		}
		return engine.Key{}, failed("using a key", err)
	}
	return k, nil
}

// Secret implements [engine.KeyStore].
func (db *DB) Secret(ctx context.Context, name string, proposal []byte) ([]byte, error) {
	value, err := secretIn(ctx, db.write, name, proposal)
	return value, failed("secret "+name, err)
}

func secretIn(ctx context.Context, q querier, name string, proposal []byte) ([]byte, error) {
	// The update changes nothing; it is there so that the row comes back.
	return returning[[]byte](ctx, q, `INSERT INTO secrets (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING value`, name, proposal)
}
