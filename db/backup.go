package db

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"strings"
	"time"

	"reko.moe/db/archive"
)

// notKept are the tables that backups leave out, and why. All others that migrations make are kept, without being named anywhere.
var notKept = map[string]string{
	"admin_sessions": "a login that was ended since must not live again; admins log in anew",
	"changes":        "followers read everything again after a restore",
	"login_attempts": "delays of minutes or an hour, over by then",
}

// kept returns the tables that backups have after the given migrations.
func kept(ctx context.Context, applied []string) (tables []table, err error) {
	all, err := tablesAfter(ctx, applied)
	for _, t := range all {
		if _, out := notKept[t.name]; !out {
			tables = append(tables, t)
		}
	}
	return tables, err
}

// BackupOptions are the settings of [DB.Backup].
type BackupOptions struct {
	Program  string                         // the version that makes it
	Progress func(table string, rows int64) // is called now and then; nil: nobody
}

// Backup writes all that is stored to a backup, as it is at one moment: what changes meanwhile is not in it. It holds one connection, and
// keeps nobody from reading or writing. It belongs to no database in particular: see [DB.Restore].
func (db *DB) Backup(ctx context.Context, to io.Writer, o BackupOptions) (archive.Totals, error) {
	options := &sql.TxOptions{ReadOnly: true} // on SQLite, the state at the first query
	if db.pool != nil {
		options.Isolation = sql.LevelRepeatableRead
	}
	tx, err := db.sql.BeginTx(ctx, options)
	if err != nil {
		return archive.Totals{}, failed("backup", err)
	}
	defer func() { _ = tx.Rollback() }()
	head := archive.Head{MadeAt: time.Now().UTC().Truncate(time.Second), Program: o.Program}
	if head.Migrations, err = query(ctx, tx, scanOne[string], `SELECT name FROM migrations ORDER BY name`); err != nil {
		return archive.Totals{}, failed("backup", err)
	}
	unknown, err := unknownMigrations(head.Migrations)
	if err == nil && len(unknown) > 0 {
		err = newerVersion(unknown)
	}
	if err != nil {
		return archive.Totals{}, err
	}
	tables, err := kept(ctx, head.Migrations)
	if err != nil {
		return archive.Totals{}, err
	}
	w := archive.NewWriter(to, head)
	for _, t := range tables {
		if err := db.backUpTable(ctx, tx, t, w, o.Progress); err != nil {
			return archive.Totals{}, fmt.Errorf("backup of %s: %w", t.name, err)
		}
	}
	return w.Close()
}

func (db *DB) backUpTable(ctx context.Context, tx *sql.Tx, t table, w *archive.Writer, progress func(string, int64)) error {
	last, err := db.lastNumber(ctx, tx, t)
	if err != nil {
		return err
	}
	if err := w.Table(archive.Table{Name: t.name, Columns: t.columns, Last: last}); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, `SELECT `+strings.Join(t.columns, ", ")+` FROM `+t.name+` ORDER BY `+strings.Join(t.key, ", "))
	if err != nil {
		return err
	}
	defer rows.Close()
	values, into := make([]any, len(t.columns)), make([]any, len(t.columns))
	for i := range values {
		into[i] = &values[i]
	}
	for n := int64(1); rows.Next(); n++ {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := w.Row(values); err != nil {
			return err
		}
		if progress != nil && n%512 == 0 {
			progress(t.name, n)
		}
	}
	return rows.Err()
}

// sequenceOf returns the name of what gives a table of Postgres its numbers.
func sequenceOf(ctx context.Context, q querier, t table) (string, error) {
	return returning[string](ctx, q, `SELECT pg_get_serial_sequence($1, $2)`, t.name, t.key[0])
}

// lastNumber returns the last number that a table gave to a row, 0 if it gives none or gave none yet.
func (db *DB) lastNumber(ctx context.Context, q querier, t table) (int64, error) {
	if !t.numbers {
		return 0, nil
	}
	if db.pool == nil {
		return returning[int64](ctx, q, `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = $1), 0)`, t.name)
	}
	sequence, err := sequenceOf(ctx, q, t)
	if err != nil {
		return 0, err
	}
	return returning[int64](ctx, q, `SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM `+sequence)
}
