package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"reko.moe/db/archive"
	"reko.moe/engine"
)

// ErrNotEmpty is that a store has something that a restore would delete.
var ErrNotEmpty = errors.New("the store is not empty")

// ErrOtherNames is that both a store and a backup keep names out, by different secrets, so that one store cannot have both.
var ErrOtherNames = errors.New("the store and the backup keep names out, and hash them by different secrets")

// RestoreOptions are the settings of [DB.Restore].
type RestoreOptions struct {
	Replace  bool                           // what is stored goes; false: the store has to be empty
	Temp     string                         // a folder for what needs room on the way; empty: the system's
	Progress func(table string, rows int64) // is called now and then; nil: nobody
}

// bulkCounter is raised by bulk changes, so that running servers load everything again (docs/adr/0002).
const bulkCounter = "bulk"

// Restore puts what a backup has in the place of all that is stored, ids included, whichever database the backup is of. It is one
// transaction: when the backup turns out to be damaged or cut off, or anything fails, nothing has changed. Meanwhile everybody reads what
// was there before, and who writes waits. Servers that run notice.
//
// Names that are kept out stay so, beside those of the backup, and whoever has one of them in the backup is not restored; if the backup has
// names that are hashed otherwise, it is refused with [ErrOtherNames].
//
// A backup of an older version is first restored into a SQLite file of its own and migrated there; one of a newer version is refused with
// [archive.ErrNewer].
func (db *DB) Restore(ctx context.Context, from io.Reader, o RestoreOptions) (archive.Totals, error) {
	r, err := archive.NewReader(from)
	if err != nil {
		return archive.Totals{}, err
	}
	known, err := migrationNames()
	if err != nil {
		return archive.Totals{}, err
	}
	unknown, err := unknownMigrations(r.Head().Migrations)
	switch {
	case err != nil:
		return archive.Totals{}, err
	case len(unknown) > 0:
		return archive.Totals{}, fmt.Errorf("%w (unknown here: %s)", archive.ErrNewer, strings.Join(unknown, ", "))
	case !slices.Equal(r.Head().Migrations, known):
		return db.restoreOlder(ctx, r, o)
	}
	return db.restore(ctx, r, known, o)
}

// restoreOlder restores a backup of which the store had not all migrations yet.
func (db *DB) restoreOlder(ctx context.Context, r *archive.Reader, o RestoreOptions) (archive.Totals, error) {
	if err := db.mayRestore(ctx, db.sql, o); err != nil { // before the long way
		return archive.Totals{}, err
	}
	dir, err := os.MkdirTemp(o.Temp, "reko-restore-*")
	if err != nil {
		return archive.Totals{}, err
	}
	defer os.RemoveAll(dir)
	older := &DB{cache: newCache(0), log: db.log}
	defer func() { _ = older.Close() }()
	if err := older.openSQLite(ctx, filepath.Join(dir, "older.db")); err != nil {
		return archive.Totals{}, err
	}
	applied := r.Head().Migrations
	if _, err := older.migrateTo(ctx, func(name string) bool { return slices.Contains(applied, name) }); err != nil {
		return archive.Totals{}, err
	}
	if _, err := older.restore(ctx, r, applied, RestoreOptions{Replace: true, Progress: o.Progress}); err != nil {
		return archive.Totals{}, err
	}
	if err := older.migrate(ctx); err != nil {
		return archive.Totals{}, fmt.Errorf("bringing the backup up to date: %w", err)
	}
	content, pipe := io.Pipe()
	defer content.Close() // ends the backup if the restore fails
	go func() {
		_, err := older.Backup(ctx, pipe, BackupOptions{Program: r.Head().Program})
		_ = pipe.CloseWithError(err)
	}()
	o.Temp = dir
	return db.Restore(ctx, content, o)
}

// restore restores a backup of a store that had the given migrations, as this one has.
func (db *DB) restore(ctx context.Context, r *archive.Reader, applied []string, o RestoreOptions) (archive.Totals, error) {
	all, err := tablesAfter(ctx, applied)
	if err != nil {
		return archive.Totals{}, err
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return archive.Totals{}, failed("restore", err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return archive.Totals{}, failed("restore", err)
	}
	defer func() { _ = tx.Rollback() }()
	defer db.cache.wrote()
	if err := db.lockTables(ctx, tx, all); err != nil {
		return archive.Totals{}, failed("restore", err)
	}
	own, err := keepsOut(ctx, tx, all)
	if err != nil {
		return archive.Totals{}, failed("restore", err)
	}
	if err := db.mayRestore(ctx, tx, o); err != nil {
		return archive.Totals{}, err
	}
	bulk, err := db.bulkCount(ctx, tx)
	if err != nil {
		return archive.Totals{}, failed("restore", err)
	}
	armed, err := db.disarm(ctx, tx, all)
	if err != nil {
		return archive.Totals{}, failed("restore", err)
	}
	for _, t := range slices.Backward(all) {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+t.name); err != nil {
			return archive.Totals{}, failed("restore", err)
		}
	}
	if err := db.restoreTables(ctx, conn, tx, r, all, o.Progress); err != nil {
		return archive.Totals{}, err
	}
	if err := own.keep(ctx, tx); err != nil {
		return archive.Totals{}, failed("restore", err)
	}
	if err := armed(); err != nil {
		return archive.Totals{}, failed("restore", err)
	}
	restored, err := db.bulkCount(ctx, tx)
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO counters (name, value) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, bulkCounter, max(bulk, restored)+1)
	}
	if err != nil {
		return archive.Totals{}, failed("restore", err)
	}
	return r.Totals(), failed("restore", tx.Commit())
}

// lockTables keeps others from writing until the transaction ends. On SQLite that is so anyway.
func (db *DB) lockTables(ctx context.Context, tx *sql.Tx, tables []table) error {
	if db.pool == nil {
		return nil
	}
	if err := db.lock(ctx, tx, namesLock); err != nil {
		return err
	}
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.name
	}
	_, err := tx.ExecContext(ctx, `LOCK TABLE `+strings.Join(names, ", ")+` IN EXCLUSIVE MODE`)
	return err
}

// mayRestore refuses a store that has what somebody may miss. What a program makes of itself at its first start is not that.
func (db *DB) mayRestore(ctx context.Context, q querier, o RestoreOptions) error {
	if o.Replace {
		return nil
	}
	var there []string
	for _, thing := range []struct{ what, count string }{
		{"users", `SELECT count(*) FROM users WHERE origin <> '` + string(engine.FromDemo) + `'`},
		{"admins", `SELECT count(*) FROM admins`},
		{"keys", `SELECT count(*) FROM keys`},
	} {
		n, err := returning[int64](ctx, q, thing.count)
		if err != nil {
			return failed("restore", err)
		}
		if n > 0 {
			there = append(there, fmt.Sprintf("%d %s", n, thing.what))
		}
	}
	if len(there) > 0 {
		return fmt.Errorf("%w: it has %s", ErrNotEmpty, strings.Join(there, ", "))
	}
	return nil
}

func (db *DB) bulkCount(ctx context.Context, q querier) (int64, error) {
	return returning[int64](ctx, q, `SELECT coalesce((SELECT value FROM counters WHERE name = $1), 0)`, bulkCounter)
}

// restoreTables fills the tables and checks the whole backup.
func (db *DB) restoreTables(
	ctx context.Context, conn *sql.Conn, tx *sql.Tx, r *archive.Reader, all []table, progress func(string, int64),
) error {
	seen := map[string]bool{}
	for {
		said, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(t table) bool { return t.name == said.Name })
		if at < 0 || seen[said.Name] || !sameColumns(said.Columns, all[at].columns) {
			return fmt.Errorf("%w: it has a table %q with columns %q, and no store of its version has", archive.ErrDamaged, said.Name, said.Columns)
		}
		seen[said.Name] = true
		if db.pool != nil {
			err = db.copyRows(ctx, conn, tx, r, said, progress)
		} else {
			err = insertRows(ctx, tx, r, said, progress)
		}
		if err == nil && all[at].numbers {
			err = db.setLastNumber(ctx, tx, all[at], said.Last)
		}
		if err != nil {
			return fmt.Errorf("restoring %s: %w", said.Name, err)
		}
	}
	for _, t := range all {
		if _, out := notKept[t.name]; !out && !seen[t.name] {
			return fmt.Errorf("%w: it has no table %q", archive.ErrDamaged, t.name)
		}
	}
	return nil
}

func sameColumns(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// insertRows fills a table of SQLite.
func insertRows(ctx context.Context, tx *sql.Tx, r *archive.Reader, t archive.Table, progress func(string, int64)) error {
	const batch = 500
	head := `INSERT INTO ` + t.Name + ` (` + strings.Join(t.Columns, ", ") + `) VALUES `
	var done int64
	for {
		rows, last, err := someRows(r, batch)
		if err != nil {
			return err
		}
		if err := insert(ctx, tx, head, ``, len(rows), func(i int) ([]any, error) { return rows[i], nil }); err != nil {
			return failed("inserting", err)
		}
		if done += int64(len(rows)); progress != nil && len(rows) > 0 {
			progress(t.Name, done)
		}
		if last {
			return nil
		}
	}
}

// someRows reads up to n rows, and tells whether they are the table's last.
func someRows(r *archive.Reader, n int) (rows [][]any, last bool, err error) {
	for len(rows) < n {
		row, err := r.Row()
		if errors.Is(err, io.EOF) {
			return rows, true, nil
		}
		if err != nil {
			return nil, false, err
		}
		rows = append(rows, row)
	}
	return rows, false, nil
}

// copyRows fills a table of Postgres by COPY. conn is that of tx.
func (db *DB) copyRows(ctx context.Context, conn *sql.Conn, tx *sql.Tx, r *archive.Reader, t archive.Table, progress func(string, int64)) error {
	truths, err := query(ctx, tx, scanOne[string], `SELECT column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = $1 AND data_type = 'boolean'`, t.Name)
	if err != nil {
		return failed("columns", err)
	}
	source := &copySource{r: r, table: t.Name, progress: progress}
	for i, column := range t.Columns {
		if slices.Contains(truths, column) {
			source.truths = append(source.truths, i)
		}
	}
	err = conn.Raw(func(driver any) error {
		_, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{t.Name}, t.Columns, source)
		return err
	})
	if source.failure != nil {
		return source.failure // of which COPY makes its own
	}
	return failed("copying", err)
}

// copySource gives the rows of a table to COPY.
type copySource struct {
	r        *archive.Reader
	table    string
	truths   []int // columns that are true or false
	progress func(string, int64)
	row      []any
	n        int64
	failure  error
}

// Next implements [pgx.CopyFromSource].
func (s *copySource) Next() bool {
	s.row, s.failure = s.r.Row()
	if s.failure != nil {
		if errors.Is(s.failure, io.EOF) {
			s.failure = nil
		}
		return false
	}
	for _, i := range s.truths {
		if v, ok := s.row[i].(int64); ok {
			s.row[i] = v != 0
		}
	}
	if s.n++; s.progress != nil && s.n%512 == 0 {
		s.progress(s.table, s.n)
	}
	return true
}

// Values implements [pgx.CopyFromSource].
func (s *copySource) Values() ([]any, error) { return s.row, nil }

// Err implements [pgx.CopyFromSource].
func (s *copySource) Err() error { return s.failure }
