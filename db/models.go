package db

import (
	"context"
	"database/sql"
	"time"

	"reko.moe/engine"
)

// keptModels is how many versions of the item model stay.
const keptModels = 3

// modelPiece is how many bytes of a model are read at a time from Postgres. A connection keeps the memory of its largest answer until it
// is asked again, which one that is not much needed may not be for hours.
const modelPiece = 256 << 10

// Model implements [engine.ModelStore].
func (db *DB) Model(ctx context.Context) (engine.StoredModel, error) {
	if db.pool == nil {
		return newestModel(ctx, db.sql, `data`)
	}
	tx, err := db.sql.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}) // all pieces are of one version
	if err != nil {
		return engine.StoredModel{}, failed("item model", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	m, err := newestModel(ctx, tx, `NULL`)
	if err != nil {
		return m, err
	}
	m.Data = make([]byte, 0, m.Size)
	for len(m.Data) < m.Size {
		piece, err := returning[[]byte](ctx, tx, `SELECT substr(data, $2, $3) FROM models WHERE id = $1`, m.ID, len(m.Data)+1, modelPiece)
		if err != nil {
			return m, failed("item model", err)
		}
		m.Data = append(m.Data, piece...)
	}
	return m, nil
}

// ModelInfo implements [engine.ModelStore].
func (db *DB) ModelInfo(ctx context.Context) (engine.StoredModel, error) {
	return newestModel(ctx, db.sql, `NULL`)
}

// newestModel is the newest model, with what is selected as its data.
func newestModel(ctx context.Context, q querier, data string) (engine.StoredModel, error) {
	models, err := query(ctx, q, func(rows *sql.Rows) (m engine.StoredModel, err error) {
		var made, took int64
		err = rows.Scan(&m.ID, &made, &took, &m.Users, &m.State, &m.Size, &m.Data)
		m.MadeAt, m.Took = timeOf(made), time.Duration(took)*time.Millisecond
		return m, err
	}, `SELECT id, made_at, took_ms, users, state, length(data), `+data+` FROM models ORDER BY id DESC LIMIT 1`)
	if err == nil && len(models) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		return engine.StoredModel{}, failed("item model", err)
	}
	return models[0], nil
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
