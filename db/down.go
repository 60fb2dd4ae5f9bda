package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/sony/gobreaker/v2"
	"modernc.org/sqlite"

	"reko.moe/engine"
)

// What a visitor waits for of the database: patience for each look. When it did not answer several times in a row nobody looks,
// but for one in each coolDown.
const (
	patience  = 1500 * time.Millisecond
	coolDown  = time.Second
	fewFailed = 5
)

// newBreaker makes what keeps visitors from waiting for a database that does not answer.
func newBreaker() *gobreaker.TwoStepCircuitBreaker[any] {
	return gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Timeout:      coolDown,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= fewFailed },
		IsSuccessful: func(err error) bool { return !errors.Is(err, engine.ErrStoreDown) },
		IsExcluded:   func(err error) bool { return errors.Is(err, errCaller) },
	})
}

// errCaller says that a caller went away or had no more time, which tells nothing of the database. Deadlines of visitors are longer than
// patience, so that a database that hangs is found out by whoever looks first.
var errCaller = errors.New("the caller ended it")

// look runs f, which reads something that a visitor waits for, and fails with [engine.ErrStoreDown] soon, or at once, when the
// database does not answer.
func (db *DB) look(ctx context.Context, what string, f func(context.Context) error) error {
	done, err := db.breaker.Allow()
	if err != nil {
		return fmt.Errorf("%s: %w", what, engine.ErrStoreDown)
	}
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	outcome := errors.New("panic")
	defer func() { done(outcome) }()
	err = failed(what, f(patient))
	if outcome = err; err != nil && ctx.Err() != nil {
		outcome = errCaller
	}
	return err
}

// Down tells whether visitors are not let wait for the database, because it did not answer.
func (db *DB) Down() bool { return db.breaker.State() != gobreaker.StateClosed }

// down tells whether an error says that the database cannot be reached, takes too long, or has no room: what passes, unlike a
// statement that it refuses.
func down(err error) bool {
	var refused *pgconn.PgError
	var sqliteErr *sqlite.Error
	var onWire net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &refused):
		return passes(refused.Code)
	case errors.As(err, &sqliteErr):
		switch sqliteErr.Code() & 0xff {
		case 5, 6, 7, 8, 10, 13, 14: // BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN
			return true
		}
		return false
	}
	for _, passing := range []error{
		context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, pgconn.ErrConnClosed, driver.ErrBadConn, sql.ErrConnDone,
	} {
		if errors.Is(err, passing) {
			return true
		}
	}
	var unreachable *pgconn.ConnectError
	return errors.As(err, &onWire) || errors.As(err, &unreachable)
}

// passes tells whether an SQLSTATE of Postgres is about the server and not about the statement.
func passes(code string) bool {
	switch code {
	case "25006": // read only: another server leads now
		return true
	case "57014": // the statement was cancelled because it took too long
		return true
	}
	switch code[:min(len(code), 2)] {
	case "08", "40", "53", "55", "57", "58": // connection, rolled back, resources, locks, shutting down, files
		return true
	}
	return false
}
