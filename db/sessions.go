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

// Sessions keeps small values by key until they expire, across restarts and for all instances. It has the methods that
// Fiber's middleware wants of a storage, and is safe for concurrent use.
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

// Set keeps a value for a while, or for ever if that is 0. An empty key or value is ignored.
func (s *Sessions) Set(key string, value []byte, keep time.Duration) error {
	if key == "" || len(value) == 0 {
		return nil
	}
	var expires int64
	if keep > 0 {
		expires = time.Now().Add(keep).Unix()
	}
	return s.exec(`INSERT INTO sessions (key, value, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at`, stored(key), value, expires)
}

// Delete forgets a key.
func (s *Sessions) Delete(key string) error {
	return s.exec(`DELETE FROM sessions WHERE key = $1`, stored(key))
}

// Reset forgets all keys.
func (s *Sessions) Reset() error { return s.exec(`DELETE FROM sessions`) }

// Close does nothing: the store is closed by its owner.
func (s *Sessions) Close() error { return nil }

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

func (s *Sessions) exec(sql string, args ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), sessionTimeout)
	defer cancel()
	_, err := s.db.write.ExecContext(ctx, sql, args...)
	return failed("session", err)
}
