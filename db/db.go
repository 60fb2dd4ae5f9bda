// Package db keeps users and anime in SQLite or Postgres. One set of queries over database/sql serves both; what differs
// (opening, bulk import, locks) is decided here.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"reko.moe/engine"
)

// DB is a store. It is safe for concurrent use.
type DB struct {
	sql   *sql.DB       // for reading; on Postgres for all
	write *sql.DB       // for writing; on SQLite one connection, so that writers queue and do not collide
	pool  *pgxpool.Pool // nil on SQLite
	cache *cache
	path  string // of the SQLite file
	jobs  struct {
		sync.Mutex
		running map[string]bool // on SQLite, guarded by Mutex
	}
}

var _ engine.Store = (*DB)(nil)

// Options are the settings of a [DB].
type Options struct {
	URL   string // sqlite:PATH, or postgres://... in any form that pgx takes
	Lists int    // MiB of recently used lists that are kept in memory
	Log   *slog.Logger
}

// Open opens the store and brings its tables up to date. A SQLite file and its folder are made when they are not there.
func Open(ctx context.Context, o Options) (*DB, error) {
	db := &DB{cache: newCache(o.Lists << 20)}
	db.jobs.running = map[string]bool{}
	var err error
	path, isSQLite := strings.CutPrefix(o.URL, "sqlite:")
	switch {
	case isSQLite:
		err = db.openSQLite(path)
	case strings.HasPrefix(o.URL, "postgres://"), strings.HasPrefix(o.URL, "postgresql://"):
		err = db.openPostgres(ctx, o.URL)
	default:
		return nil, errors.New("database URL starts with neither sqlite: nor postgres://")
	}
	if err == nil {
		err = db.migrate(ctx)
	}
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	return db, nil
}

func (db *DB) openSQLite(path string) error {
	if path == "" {
		return errors.New("sqlite: has no path")
	}
	db.path = path
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	options := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "cache_size(-32768)"},
	}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + options.Encode()
	var err error
	if db.write, err = sql.Open("sqlite", dsn); err != nil {
		return err
	}
	db.write.SetMaxOpenConns(1)
	if db.sql, err = sql.Open("sqlite", dsn); err != nil {
		return err
	}
	readers := max(4, runtime.GOMAXPROCS(0))
	db.sql.SetMaxOpenConns(readers)
	db.sql.SetMaxIdleConns(readers)
	return nil
}

func (db *DB) openPostgres(ctx context.Context, dsn string) error {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return err
	}
	if !strings.Contains(dsn, "pool_max_conns") {
		cfg.MaxConns = int32(max(10, 2*runtime.GOMAXPROCS(0)))
	}
	if db.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return err
	}
	db.sql = stdlib.OpenDBFromPool(db.pool)
	db.write = db.sql
	return nil
}

// Ping tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	return failed("ping", db.sql.PingContext(ctx))
}

// Close closes the connections.
func (db *DB) Close() error {
	var errs []error
	if db.write != nil && db.write != db.sql {
		errs = append(errs, db.write.Close())
	}
	if db.sql != nil {
		errs = append(errs, db.sql.Close())
	}
	if db.pool != nil {
		db.pool.Close()
	}
	return errors.Join(errs...)
}

// failed turns a driver's error into one of the engine's kinds; nil stays nil.
func failed(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%s: %w", what, engine.ErrNotFound)
	}
	return fmt.Errorf("%s: %w: %w", what, engine.ErrStore, err)
}

// tx runs f in a transaction that writes.
func (db *DB) tx(ctx context.Context, what string, f func(*sql.Tx) error) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return failed(what, err)
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback()
		return failed(what, err)
	}
	return failed(what, tx.Commit())
}

// values returns "($1, $2), ($3, $4)" for 2 rows of 2 columns.
func values(rows, columns int) string {
	var b strings.Builder
	for r := range rows {
		if r > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for c := range columns {
			if c > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "$%d", r*columns+c+1)
		}
		b.WriteByte(')')
	}
	return b.String()
}

// query walks over the rows of a query; scan reads one.
func query[T any](ctx context.Context, db *sql.DB, scan func(*sql.Rows) (T, error), sql string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
