package db

import (
	"context"
	"database/sql"
	"io"
	"time"

	"reko.moe/engine"
)

// keptModels is how many versions of the item model stay.
const keptModels = 3

// modelPiece is how many bytes of a model are read at a time. A connection to Postgres keeps the memory of its largest answer until it is
// asked again, which one that is not much needed may not be for hours.
const modelPiece = 256 << 10

// Model implements [engine.ModelStore].
func (db *DB) Model(ctx context.Context) (engine.StoredModel, error) {
	m, err := db.ModelInfo(ctx)
	if err != nil {
		return m, err
	}
	m.Data = make([]byte, 0, m.Size)
	for len(m.Data) < m.Size {
		var piece []byte
		err := db.sql.QueryRowContext(ctx, `SELECT substr(data, $2, $3) FROM models WHERE id = $1`,
			m.ID, len(m.Data)+1, modelPiece).Scan(&piece)
		if err != nil {
			return m, failed("item model", err)
		}
		if len(piece) == 0 {
			return m, failed("item model", io.ErrUnexpectedEOF)
		}
		m.Data = append(m.Data, piece...)
	}
	return m, nil
}

// ModelInfo implements [engine.ModelStore].
func (db *DB) ModelInfo(ctx context.Context) (engine.StoredModel, error) {
	var m engine.StoredModel
	var made, took int64
	err := db.sql.QueryRowContext(ctx, `SELECT id, made_at, took_ms, users, state, length(data) FROM models ORDER BY id DESC LIMIT 1`).
		Scan(&m.ID, &made, &took, &m.Users, &m.State, &m.Size)
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
