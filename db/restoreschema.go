package db

import (
	"context"
	"database/sql"
	"fmt"
)

// disarm keeps triggers from noting every row of a restore as a change, or from adding rows to tables that have theirs from the
// backup. The function that it returns arms them again; a transaction that is rolled back never disarmed them.
func (db *DB) disarm(ctx context.Context, tx *sql.Tx, tables []table) (arm func() error, err error) {
	var off, on []string
	if db.pool != nil {
		for _, t := range tables {
			off = append(off, `ALTER TABLE `+t.name+` DISABLE TRIGGER USER`)
			on = append(on, `ALTER TABLE `+t.name+` ENABLE TRIGGER USER`)
		}
	} else {
		triggers, err := query(ctx, tx, func(rows *sql.Rows) ([2]string, error) {
			var t [2]string
			err := rows.Scan(&t[0], &t[1])
			return t, err
		}, `SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'`)
		if err != nil {
			return nil, err
		}
		for _, t := range triggers {
			off, on = append(off, `DROP TRIGGER `+t[0]), append(on, t[1])
		}
	}
	all := func(statements []string) error {
		for _, s := range statements {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}
	return func() error { return all(on) }, all(off)
}

// setLastNumber lets a table go on with its numbers where the backed up one would have.
func (db *DB) setLastNumber(ctx context.Context, tx *sql.Tx, t table, last int64) error {
	greatest, err := returning[int64](ctx, tx, `SELECT coalesce(max(`+t.key[0]+`), 0) FROM `+t.name)
	if err != nil {
		return failed("numbers", err)
	}
	last = max(last, greatest)
	if db.pool == nil {
		// There is a row once something was inserted, even if it is gone.
		if _, err := tx.ExecContext(ctx, `DELETE FROM sqlite_sequence WHERE name = $1`, t.name); err != nil {
			return failed("numbers", err)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)`, t.name, last)
		return failed("numbers", err)
	}
	sequence, err := sequenceOf(ctx, tx, t)
	if err != nil {
		return failed("numbers", err)
	}
	// Unlike setval, this is undone with the transaction.
	_, err = tx.ExecContext(ctx, fmt.Sprintf(`ALTER SEQUENCE %s RESTART WITH %d`, sequence, last+1))
	return failed("numbers", err)
}
