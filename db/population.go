package db

import (
	"context"
	"database/sql"

	"reko.moe/engine"
)

// keptPopulations is how many versions stay.
const keptPopulations = 10

// Population implements [engine.PopulationStore].
func (db *DB) Population(ctx context.Context) (*engine.Population, error) {
	var version, made int64
	var state string
	var spreads engine.PackedPopulation
	err := db.sql.QueryRowContext(ctx, `SELECT id, made_at, state, spreads FROM populations ORDER BY id DESC LIMIT 1`).
		Scan(&version, &made, &state, (*[]byte)(&spreads))
	if err != nil {
		return nil, failed("population", err)
	}
	p, err := spreads.Unpack()
	if err != nil {
		return nil, err
	}
	p.Version, p.MadeAt, p.State = version, timeOf(made), state
	return p, nil
}

// SavePopulation implements [engine.PopulationStore]. Old versions go.
func (db *DB) SavePopulation(ctx context.Context, p *engine.Population) error {
	return db.tx(ctx, "saving the population", func(tx *sql.Tx) error {
		id, err := returning[int64](ctx, tx, `INSERT INTO populations (made_at, state, spreads) VALUES ($1, $2, $3) RETURNING id`,
			secondsOf(p.MadeAt), clean(p.State), []byte(p.Pack()))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM populations WHERE id <= $1`, id-keptPopulations)
		return err
	})
}

const selectUsersState = `SELECT CAST(count(*) AS TEXT) || ' ' || CAST(coalesce(max(id), 0) AS TEXT) || ' ' ||
	CAST(coalesce(sum(fetched_at), 0) AS TEXT) FROM users WHERE NOT unlisted AND private_at = 0`

// UsersState implements [engine.PopulationStore]: how many users there are, the last one, and when lists were fetched; from an index
// alone.
func (db *DB) UsersState(ctx context.Context) (string, error) {
	var state string
	err := db.sql.QueryRowContext(ctx, selectUsersState).Scan(&state)
	return state, failed("state of users", err)
}
