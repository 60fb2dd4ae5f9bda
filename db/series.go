package db

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"reko.moe/engine/series"
)

var _ series.Keeper = (*DB)(nil)

// AddCounts implements [series.Keeper]. The order of the rows keeps instances from waiting for each other in a circle.
func (db *DB) AddCounts(ctx context.Context, batch string, minute time.Time, counts []series.Count) error {
	counts = slices.Clone(counts)
	slices.SortFunc(counts, func(a, b series.Count) int {
		return cmp.Or(cmp.Compare(a.Event, b.Event), cmp.Compare(a.Bucket, b.Bucket))
	})
	return db.tx(ctx, "adding counts", func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `INSERT INTO series_batches (id, at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, batch, time.Now().Unix())
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err // it was added before, and only the answer was lost
		}
		for _, s := range series.Spans {
			step, at := int64(s.Step/time.Second), minute.Truncate(s.Step)
			err := insert(ctx, tx, `INSERT INTO series (step, at, event, bucket, n) VALUES `,
				` ON CONFLICT (step, at, event, bucket) DO UPDATE SET n = series.n + excluded.n`, len(counts), func(i int) ([]any, error) {
					return []any{step, at.Unix(), counts[i].Event.String(), counts[i].Bucket, counts[i].N}, nil
				})
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM series WHERE step = $1 AND at < $2`, step, at.Add(-s.Keep()).Unix()); err != nil {
				return err
			}
		}
		return nil
	})
}

// keepBatches is how long it is known that a batch of counts was added.
const keepBatches = time.Hour

// PruneBatches forgets old batches of counts. It is a job.
func (db *DB) PruneBatches(ctx context.Context) (string, error) {
	return db.pruneBatches(ctx, time.Now().Add(-keepBatches))
}

func (db *DB) pruneBatches(ctx context.Context, before time.Time) (string, error) {
	r, err := db.write.ExecContext(ctx, `DELETE FROM series_batches WHERE at < $1`, before.Unix())
	if err != nil {
		return "", failed("forgetting batches of counts", err)
	}
	n, err := r.RowsAffected()
	return fmt.Sprintf("%d batches of counts forgotten", n), failed("forgetting batches of counts", err)
}

// Counts implements [series.Keeper]. Events of a newer version of the program are left out.
func (db *DB) Counts(ctx context.Context, s series.Span, from time.Time) ([]series.Count, error) {
	unknown := func(c series.Count) bool { return c.N == 0 }
	counts, err := query(ctx, db.sql, func(rows *sql.Rows) (series.Count, error) {
		var c series.Count
		var at int64
		var event string
		err := rows.Scan(&at, &event, &c.Bucket, &c.N)
		c.At = time.Unix(at, 0).UTC()
		var known bool
		if c.Event, known = series.ParseEvent(event); !known {
			c.N = 0
		}
		return c, err
	}, `SELECT at, event, bucket, n FROM series WHERE step = $1 AND at >= $2 ORDER BY at, event, bucket`,
		int64(s.Step/time.Second), from.Unix())
	return slices.DeleteFunc(counts, unknown), failed("counts", err)
}
