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
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/sony/gobreaker/v2"
	"modernc.org/sqlite" // and registers the driver "sqlite"

	"reko.moe/engine"
)

// DB is a store. It is safe for concurrent use.
type DB struct {
	sql   *sql.DB       // for reading; on Postgres for all
	write *sql.DB       // for writing; on SQLite one connection, so that writers queue and do not collide
	pool  *pgxpool.Pool // nil on SQLite
	cache *cache
	log   *slog.Logger

	breaker *gobreaker.TwoStepCircuitBreaker[any] // see look

	jobs struct {
		sync.Mutex
		running map[string]bool // on SQLite, guarded by Mutex
	}
}

var _ engine.Store = (*DB)(nil)

// Options are the settings of a [DB].
type Options struct {
	URL   string       // sqlite:PATH, or postgres://... in any form that pgx takes
	Lists int          // MiB of recently used lists that are kept in memory; 0: none
	Log   *slog.Logger // default: nowhere
	AsIs  bool         // nothing is made and nothing migrated: for looking at what is there, whatever version of the program it is of
}

// Open opens the store and brings its tables up to date. A SQLite file and its folder are made when they are not there.
func Open(ctx context.Context, o Options) (*DB, error) {
	db := &DB{cache: newCache(o.Lists << 20), log: o.Log, breaker: newBreaker()}
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	db.jobs.running = map[string]bool{}
	var err error
	path, isSQLite := strings.CutPrefix(o.URL, "sqlite:")
	switch {
	case isSQLite:
		if o.AsIs {
			_, err = os.Stat(path)
		}
		if err == nil {
			err = db.openSQLite(ctx, path)
		}
	case strings.HasPrefix(o.URL, "postgres://"), strings.HasPrefix(o.URL, "postgresql://"):
		err = db.openPostgres(ctx, o.URL)
	default:
		return nil, errors.New("database URL starts with neither sqlite: nor postgres://")
	}
	if err == nil && !o.AsIs {
		err = db.migrate(ctx)
	}
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	return db, nil
}

func (db *DB) openSQLite(ctx context.Context, path string) error {
	if path == "" || path == ":memory:" {
		return errors.New("sqlite: is followed by the path of a file")
	}
	path = filepath.Clean(path) // what begins with two slashes would name a host
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	// It is to have hashes of passwords, and secrets: SQLite would make it for everybody on the machine to read.
	if f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
		_ = f.Close()
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
	if err := firstPing(ctx, db.write); err != nil {
		return unwritable(path, err)
	}
	if db.sql, err = sql.Open("sqlite", dsn); err != nil {
		return err
	}
	readers := min(max(4, runtime.GOMAXPROCS(0)), 16) // each has a page cache of its own
	db.sql.SetMaxOpenConns(readers)
	db.sql.SetMaxIdleConns(readers)
	return nil
}

// firstPing opens the first connection. The switch of a new file to WAL does not wait for another process that is making the
// same switch, so that is tried again for as long as other waits take.
func firstPing(ctx context.Context, db *sql.DB) error {
	const busy = 5 // SQLITE_BUSY
	for tries := 100; ; tries-- {
		err := db.PingContext(ctx)
		var refused *sqlite.Error
		if tries == 0 || !errors.As(err, &refused) || refused.Code()&0xff != busy {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// unwritable says more than SQLite about why it cannot open a file.
func unwritable(path string, err error) error {
	f, reason := os.CreateTemp(filepath.Dir(path), ".reko-*")
	if reason != nil {
		return fmt.Errorf("%s: %w: no file can be made beside it: %w", path, err, reason)
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	return fmt.Errorf("%s: %w", path, err)
}

func (db *DB) openPostgres(ctx context.Context, dsn string) error {
	// Where a password that is not percent-encoded ends is anybody's guess, so errors about such a URL quote none of it.
	u, err := url.Parse(dsn)
	address, _, _ := strings.Cut(dsn, "?")
	if err != nil || u.Fragment != "" || strings.Contains(u.Path, "@") || strings.Count(address, "@") > 1 {
		return errors.New("the Postgres URL cannot be read: special characters in user and password have to be percent-encoded")
	}
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return err
	}
	if !strings.Contains(dsn, "pool_max_conns") {
		cfg.MaxConns = int32(max(10, 2*runtime.GOMAXPROCS(0)))
	}
	if !strings.Contains(dsn, "pool_max_conn_lifetime_jitter") {
		cfg.MaxConnLifetimeJitter = cfg.MaxConnLifetime / 2 // those that were opened together are not closed together
	}
	watchful(cfg, dsn)
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
	case errors.Is(err, engine.ErrLastAdmin), errors.Is(err, engine.ErrExists), errors.Is(err, engine.ErrNotFound), errors.Is(err, engine.ErrStore):
		return fmt.Errorf("%s: %w", what, err)
	}
	kind := engine.ErrStore
	if down(err) {
		kind = engine.ErrStoreDown
	}
	return fmt.Errorf("%s: %w: %w", what, kind, err)
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

// bulk runs f in a transaction that changes many users. Postgres would end one of two that change the same users in different
// orders, so there they queue.
func (db *DB) bulk(ctx context.Context, what string, f func(*sql.Tx) error) error {
	return db.tx(ctx, what, func(tx *sql.Tx) error {
		if err := db.lock(ctx, tx, bulkLock); err != nil {
			return err
		}
		return f(tx)
	})
}

// lock lets a transaction wait for others that locked the same name, and others for it, until it ends. On SQLite there is no other: one
// writes at a time.
func (db *DB) lock(ctx context.Context, tx *sql.Tx, name string) error {
	if db.pool == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(`+lockKey+`)`, name)
	return err
}

// lockShared is lock, but that those who share the name do not wait for each other.
func (db *DB) lockShared(ctx context.Context, tx *sql.Tx, name string) error {
	if db.pool == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock_shared(`+lockKey+`)`, name)
	return err
}

// The names of locks that end with a transaction. lockKey is the number under which Postgres locks the name $1: the locks of
// schemas in one database are apart. Of these, who takes more than one takes them in this order, and before any row.
const (
	migrateLock = "migrate"
	adminsLock  = "admins"
	bulkLock    = "bulk"
	namesLock   = "names" // shared by who stores users; alone has it who changes which names are kept out
	lockKey     = `hashtextextended('reko ' || coalesce(current_schema(), '') || ' ' || $1, 0)`
)

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

// insert inserts n rows, several with each statement. head and tail stand before and after the rows; row returns one.
func insert(ctx context.Context, tx *sql.Tx, head, tail string, n int, row func(i int) ([]any, error)) error {
	const size = 20 // SQLite takes the square of the time for the parameters of a statement
	var full *sql.Stmt
	for from := 0; from < n; from += size {
		rows := min(size, n-from)
		var args []any
		for i := range rows {
			one, err := row(from + i)
			if err != nil {
				return err
			}
			args = append(args, one...)
		}
		statement := head + values(rows, len(args)/rows) + tail
		if rows < size {
			_, err := tx.ExecContext(ctx, statement, args...)
			return err
		}
		if full == nil {
			var err error
			if full, err = tx.PrepareContext(ctx, statement); err != nil {
				return err
			}
			defer full.Close()
		}
		if _, err := full.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, sql string, args ...any) (*sql.Rows, error)
}

// query walks over the rows of a query; scan reads one.
func query[T any](ctx context.Context, db querier, scan func(*sql.Rows) (T, error), sql string, args ...any) ([]T, error) {
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

// returning runs a statement that returns one value. It reads to the end: before that, SQLite has not committed.
func returning[T any](ctx context.Context, db querier, sql string, args ...any) (T, error) {
	var none T
	values, err := query(ctx, db, scanOne[T], sql, args...)
	if err != nil {
		return none, err
	}
	if len(values) != 1 {
		return none, fmt.Errorf("%d rows came back", len(values))
	}
	return values[0], nil
}
