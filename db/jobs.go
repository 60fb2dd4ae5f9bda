package db

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

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
	value, err := returning[int64](ctx, db.write, `INSERT INTO counters (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value RETURNING value`, name, delta)
	return value, failed("counter "+name, err)
}

// Lock implements [jobs.Keeper]: within this process on SQLite, by an advisory lock on Postgres. That one has a connection of
// its own, with which it ends: jobs that hold a connection of the pool and need a second one would wait for each other.
func (db *DB) Lock(ctx context.Context, name string) (release func(), ok bool, err error) {
	if db.pool == nil {
		if err := ctx.Err(); err != nil {
			return nil, false, failed("lock "+name, err)
		}
		release, ok = db.lockHere(name)
		return release, ok, nil
	}
	conn, err := pgx.ConnectConfig(ctx, db.pool.Config().ConnConfig)
	if err != nil {
		return nil, false, failed("lock "+name, err)
	}
	name = "job " + name
	err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(`+lockKey+`)`, name).Scan(&ok)
	closing := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	}
	if err != nil || !ok {
		ctx, cancel := closing()
		defer cancel()
		_ = conn.Close(ctx)
		return nil, false, failed("lock "+name, err)
	}
	return sync.OnceFunc(func() {
		ctx, cancel := closing()
		defer cancel()
		// Closing unlocks too, but only soon afterwards.
		_, _ = conn.Exec(ctx, `SELECT pg_advisory_unlock(`+lockKey+`)`, name)
		_ = conn.Close(ctx)
	}), true, nil
}

// Locked implements [jobs.Keeper].
func (db *DB) Locked(ctx context.Context, name string) (bool, error) {
	if db.pool == nil {
		if err := ctx.Err(); err != nil {
			return false, failed("lock "+name, err)
		}
		db.jobs.Lock()
		defer db.jobs.Unlock()
		return db.jobs.running[name], nil
	}
	var locked bool
	err := db.sql.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND ((classid::bigint << 32) | objid::bigint) = `+lockKey+`)`, "job "+name).Scan(&locked)
	return locked, failed("lock "+name, err)
}

func (db *DB) lockHere(name string) (release func(), ok bool) {
	db.jobs.Lock()
	defer db.jobs.Unlock()
	if db.jobs.running[name] {
		return nil, false
	}
	db.jobs.running[name] = true
	return sync.OnceFunc(func() {
		db.jobs.Lock()
		defer db.jobs.Unlock()
		delete(db.jobs.running, name)
	}), true
}

// SaveRun implements [jobs.Keeper]. The last 100 runs of a job are kept.
func (db *DB) SaveRun(ctx context.Context, r jobs.Run) error {
	return db.tx(ctx, "saving a job's run", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO job_runs (job, started_at, took_ms, outcome, error) VALUES ($1, $2, $3, $4, $5)`,
			r.Job, secondsOf(r.Started), r.Took.Milliseconds(), clean(r.Outcome), clean(r.Err))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM job_runs WHERE job = $1 AND id <
			(SELECT min(id) FROM (SELECT id FROM job_runs WHERE job = $1 ORDER BY id DESC LIMIT 100) AS kept)`, r.Job)
		return err
	})
}

const runColumns = `job, started_at, took_ms, outcome, error`

// scanRun reads runColumns.
func scanRun(rows *sql.Rows) (jobs.Run, error) {
	var r jobs.Run
	var started, took int64
	err := rows.Scan(&r.Job, &started, &took, &r.Outcome, &r.Err)
	r.Started, r.Took = timeOf(started), time.Duration(took)*time.Millisecond
	return r, err
}

// LastRuns implements [jobs.Keeper].
func (db *DB) LastRuns(ctx context.Context, job string, n int) ([]jobs.Run, error) {
	runs, err := query(ctx, db.sql, scanRun, `SELECT `+runColumns+` FROM job_runs WHERE job = $1 ORDER BY id DESC LIMIT $2`, job, n)
	return runs, failed("runs of job "+job, err)
}

// LastFailures returns the last n runs of any jobs that failed, the newest first. So few runs are kept that all can be looked at.
func (db *DB) LastFailures(ctx context.Context, n int) ([]jobs.Run, error) {
	runs, err := query(ctx, db.sql, scanRun, `SELECT `+runColumns+` FROM job_runs WHERE error NOT IN ('', $1) ORDER BY id DESC LIMIT $2`,
		jobs.Interrupted, n)
	return runs, failed("failures of jobs", err)
}
