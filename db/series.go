package db

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"reko.moe/engine/series"
)

var _ series.Keeper = (*DB)(nil)

// AddCounts implements [series.Keeper]. The order of the rows keeps instances from waiting for each other in a circle.
func (db *DB) AddCounts(ctx context.Context, minute time.Time, counts []series.Count) error {
	counts = slices.Clone(counts)
	slices.SortFunc(counts, func(a, b series.Count) int {
		return cmp.Or(cmp.Compare(a.Event, b.Event), cmp.Compare(a.Bucket, b.Bucket))
	})
	return db.tx(ctx, "adding counts", func(tx *sql.Tx) error {
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
