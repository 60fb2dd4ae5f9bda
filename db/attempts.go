package db

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"reko.moe/engine"
)

// keptAttempts is how many names and addresses are known of which logins failed.
const keptAttempts = 100_000

// TryLogin implements [engine.AttemptStore]. The limits are taken in the order of their keys, so that two logins do not wait
// for each other in a circle.
func (db *DB) TryLogin(ctx context.Context, limits []engine.LoginLimit, at time.Time) (time.Time, error) {
	limits = slices.SortedFunc(slices.Values(limits), func(a, b engine.LoginLimit) int { return cmp.Compare(a.Key, b.Key) })
	var until int64
	now := secondsOf(at)
	_, err := db.write.ExecContext(ctx, `DELETE FROM login_attempts WHERE last_at <= $1 AND until <= $2`,
		at.Add(-engine.LoginsForgotten).Unix(), now)
	if err == nil {
		_, err = db.write.ExecContext(ctx, `DELETE FROM login_attempts WHERE last_at <=
			(SELECT last_at FROM login_attempts ORDER BY last_at DESC LIMIT 1 OFFSET $1)`, keptAttempts)
	}
	if err != nil {
		return time.Time{}, failed("forgetting logins", err)
	}
	refused := errors.New("too soon")
	err = db.tx(ctx, "counting a login", func(tx *sql.Tx) error {
		type attempt struct{ failures, until int64 }
		before := make([]attempt, len(limits))
		for i, l := range limits {
			// The update changes nothing; it is there so that the row comes back, and is locked.
			found, err := query(ctx, tx, func(rows *sql.Rows) (a attempt, err error) {
				return a, rows.Scan(&a.failures, &a.until)
			}, `INSERT INTO login_attempts (key, failures, last_at, until) VALUES ($1, 0, $2, 0)
				ON CONFLICT (key) DO UPDATE SET key = excluded.key RETURNING failures, until`, l.Key, now)
			if err != nil {
				return err
			}
			before[i] = found[0]
			if before[i].until > now {
				until = max(until, before[i].until)
			}
		}
		if until > 0 {
			return refused // nothing is counted
		}
		for i, l := range limits {
			failures := before[i].failures + 1
			_, err := tx.ExecContext(ctx, `UPDATE login_attempts SET failures = $1, last_at = $2, until = $3 WHERE key = $4`,
				failures, now, at.Add(l.Delay(int(failures))).Unix(), l.Key)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, refused) {
		return time.Time{}, err
	}
	return timeOf(until), nil
}

// ForgetLogins implements [engine.AttemptStore].
func (db *DB) ForgetLogins(ctx context.Context, limits []engine.LoginLimit) error {
	return db.tx(ctx, "forgetting logins", func(tx *sql.Tx) error {
		for _, l := range slices.SortedFunc(slices.Values(limits), func(a, b engine.LoginLimit) int { return cmp.Compare(a.Key, b.Key) }) {
			if _, err := tx.ExecContext(ctx, `DELETE FROM login_attempts WHERE key = $1`, l.Key); err != nil {
				return err
			}
		}
		return nil
	})
}
