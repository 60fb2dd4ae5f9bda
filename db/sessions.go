package db

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"reko.moe/engine"
)

// Sessions keeps small values by key until they expire, across restarts and for all instances. It is safe for concurrent use.
type Sessions struct{ db *DB }

// Sessions returns the store's sessions.
func (db *DB) Sessions() *Sessions { return &Sessions{db} }

// sessionTimeout bounds each write; the methods are not given a context. A look, with its patience, comes before: whoever saves something
// waits for less than 3 seconds in all.
const sessionTimeout = 1400 * time.Millisecond

// Get returns the value of a key, nil when there is none or it expired.
func (s *Sessions) Get(key string) ([]byte, error) {
	var value []byte
	err := s.db.look(context.Background(), "session", func(ctx context.Context) error {
		return s.db.sql.QueryRowContext(ctx, `SELECT value FROM sessions WHERE key = $1 AND (expires_at = 0 OR expires_at > $2)`,
			stored(key), time.Now().Unix()).Scan(&value)
	})
	if errors.Is(err, engine.ErrNotFound) {
		return nil, nil
	}
	return value, err
}

// Swap keeps a value for a while in place of old, which is nil where there is none. If something else is there by now, it changes nothing
// and returns false.
func (s *Sessions) Swap(key string, old, value []byte, keep time.Duration) (bool, error) {
	now := time.Now()
	statement := `UPDATE sessions SET value = $2, expires_at = $3 WHERE key = $1 AND (expires_at = 0 OR expires_at > $4) AND value = $5`
	args := []any{stored(key), value, now.Add(keep).Unix(), now.Unix(), old}
	if old == nil {
		statement = `INSERT INTO sessions (key, value, expires_at) VALUES ($1, $2, $3) ON CONFLICT (key) DO UPDATE
			SET value = excluded.value, expires_at = excluded.expires_at WHERE sessions.expires_at > 0 AND sessions.expires_at <= $4`
		args = args[:4]
	}
	ctx, cancel := context.WithTimeout(context.Background(), sessionTimeout)
	defer cancel()
	r, err := s.db.write.ExecContext(ctx, statement, args...)
	if err != nil {
		return false, failed("session", err)
	}
	n, err := r.RowsAffected()
	return n == 1, failed("session", err)
}

// Expire deletes what expired. It is a job.
func (s *Sessions) Expire(ctx context.Context) (string, error) {
	r, err := s.db.write.ExecContext(ctx, `DELETE FROM sessions WHERE expires_at > 0 AND expires_at <= $1`, time.Now().Unix())
	if err != nil {
		return "", failed("sessions", err)
	}
	n, err := r.RowsAffected()
	return fmt.Sprintf("%d sessions expired", n), failed("sessions", err)
}

// stored returns what stands for a key: any bytes that a browser may send are a text that way, and who gets to see the
// database cannot take over a session.
func stored(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}
