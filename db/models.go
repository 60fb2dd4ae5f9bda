package db

import (
	"context"
	"database/sql"
	"time"

	"reko.moe/engine"
)

// keptModels is how many versions of the item model stay.
const keptModels = 3

// Model implements [engine.ModelStore].
func (db *DB) Model(ctx context.Context) (engine.StoredModel, error) {
	return db.model(ctx, `data`)
}

// ModelInfo implements [engine.ModelStore].
func (db *DB) ModelInfo(ctx context.Context) (engine.StoredModel, error) {
	return db.model(ctx, `NULL`)
}

func (db *DB) model(ctx context.Context, data string) (engine.StoredModel, error) {
	var m engine.StoredModel
	var made, took int64
	err := db.sql.QueryRowContext(ctx, `SELECT id, made_at, took_ms, users, state, length(data), `+data+
		` FROM models ORDER BY id DESC LIMIT 1`).Scan(&m.ID, &made, &took, &m.Users, &m.State, &m.Size, &m.Data)
	m.MadeAt, m.Took = timeOf(made), time.Duration(took)*time.Millisecond
	return m, failed("item model", err)
}

// SaveModel implements [engine.ModelStore]. Old versions go.
func (db *DB) SaveModel(ctx context.Context, m engine.StoredModel) error {
	return db.tx(ctx, "saving the item model", func(tx *sql.Tx) error {
		id, err := returning[int64](ctx, tx,
			`INSERT INTO models (made_at, took_ms, users, state, data) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
			secondsOf(m.MadeAt), m.Took.Milliseconds(), m.Users, clean(m.State), m.Data)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM models WHERE id <= $1`, id-keptModels)
		return err
	})
}

const selectFetchedSince = `SELECT count(*) FROM users WHERE fetched_at >= $1 AND NOT unlisted AND private_at = 0`

// FetchedSince implements [engine.ModelStore], from an index alone.
func (db *DB) FetchedSince(ctx context.Context, t time.Time) (int, error) {
	var n int
	err := db.sql.QueryRowContext(ctx, selectFetchedSince, secondsOf(t)).Scan(&n)
	return n, failed("users fetched since", err)
}
