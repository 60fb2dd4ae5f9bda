package db

import (
	"context"
	"database/sql"
	"hash/fnv"
	"time"

	"reko.moe/engine/jobs"
)

var _ jobs.Keeper = (*DB)(nil)

// Counter implements [engine.Store].
func (db *DB) Counter(ctx context.Context, name string) (int64, error) {
	var value int64
	err := db.sql.QueryRowContext(ctx, `SELECT coalesce(max(value), 0) FROM counters WHERE name = $1`, name).Scan(&value)
	return value, failed("counter "+name, err)
}

// AddCounter implements [engine.Store].
func (db *DB) AddCounter(ctx context.Context, name string, delta int64) (int64, error) {
	var value int64
	err := db.write.QueryRowContext(ctx, `INSERT INTO counters (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value RETURNING value`, name, delta).Scan(&value)
	return value, failed("counter "+name, err)
}

// Lock implements [jobs.Keeper]: by an advisory lock on Postgres, which ends with its connection, and within this process on
// SQLite.
func (db *DB) Lock(ctx context.Context, name string) (release func(), ok bool, err error) {
	if db.pool == nil {
		db.jobs.Lock()
		defer db.jobs.Unlock()
		if db.jobs.running[name] {
			return nil, false, nil
		}
		db.jobs.running[name] = true
		return func() {
			db.jobs.Lock()
			defer db.jobs.Unlock()
			delete(db.jobs.running, name)
		}, true, nil
	}
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return nil, false, failed("lock "+name, err)
	}
	key := lockKey("job " + name)
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, key).Scan(&ok); err != nil || !ok {
		conn.Release()
		return nil, false, failed("lock "+name, err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, key); err != nil {
			_ = conn.Conn().Close(ctx) // which unlocks too
		}
		conn.Release()
	}, true, nil
}

// lockKey is the number under which Postgres locks a name.
func lockKey(name string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("reko " + name))
	return int64(h.Sum64())
}

// SaveRun implements [jobs.Keeper]. The last 100 runs of a job are kept.
func (db *DB) SaveRun(ctx context.Context, r jobs.Run) error {
	return db.tx(ctx, "saving a job's run", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO job_runs (job, started_at, took_ms, outcome, error) VALUES ($1, $2, $3, $4, $5)`,
			r.Job, r.Started.Unix(), r.Took.Milliseconds(), clean(r.Outcome), clean(r.Err))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM job_runs WHERE job = $1 AND id <
			(SELECT min(id) FROM (SELECT id FROM job_runs WHERE job = $1 ORDER BY id DESC LIMIT 100) AS kept)`, r.Job)
		return err
	})
}

// LastRuns implements [jobs.Keeper].
func (db *DB) LastRuns(ctx context.Context, job string, n int) ([]jobs.Run, error) {
	runs, err := query(ctx, db.sql, func(rows *sql.Rows) (jobs.Run, error) {
		var r jobs.Run
		var started, took int64
		err := rows.Scan(&r.Job, &started, &took, &r.Outcome, &r.Err)
		r.Started, r.Took = timeOf(started), time.Duration(took)*time.Millisecond
		return r, err
	}, `SELECT job, started_at, took_ms, outcome, error FROM job_runs WHERE job = $1 ORDER BY id DESC LIMIT $2`, job, n)
	return runs, failed("runs of job "+job, err)
}
