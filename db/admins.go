package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"reko.moe/engine"
)

const adminColumns = `name, password, made_at, changed_at, logged_in_at`

// scanAdmin reads adminColumns.
func scanAdmin(scan func(...any) error) (engine.Admin, error) {
	var a engine.Admin
	var made, changed, loggedIn int64
	err := scan(&a.Name, &a.Password, &made, &changed, &loggedIn)
	a.MadeAt, a.ChangedAt, a.LoggedInAt = timeOf(made), timeOf(changed), timeOf(loggedIn)
	return a, err
}

// SetPassword implements [engine.AdminStore].
func (db *DB) SetPassword(ctx context.Context, name, hash string, at time.Time) error {
	return db.tx(ctx, fmt.Sprintf("setting the password of %q", name), func(tx *sql.Tx) error {
		id, err := returning[int64](ctx, tx, `INSERT INTO admins (name, password, made_at, changed_at, logged_in_at)
			VALUES ($1, $2, $3, $3, 0)
			ON CONFLICT (name) DO UPDATE SET password = excluded.password, changed_at = excluded.changed_at RETURNING id`,
			name, hash, secondsOf(at))
		if err != nil {
			return err
		}
		return endSessionsOf(ctx, tx, id)
	})
}

// AddAdmin implements [engine.AdminStore].
func (db *DB) AddAdmin(ctx context.Context, name, hash string, at time.Time) error {
	return db.tx(ctx, fmt.Sprintf("adding admin %q", name), func(tx *sql.Tx) error {
		ids, err := query(ctx, tx, scanOne[int64], `INSERT INTO admins (name, password, made_at, changed_at, logged_in_at)
			VALUES ($1, $2, $3, $3, 0) ON CONFLICT (name) DO NOTHING RETURNING id`, name, hash, secondsOf(at))
		if err == nil && len(ids) == 0 {
			return engine.ErrExists
		}
		return err
	})
}

// ChangePassword implements [engine.AdminStore].
func (db *DB) ChangePassword(ctx context.Context, name, hash string, at time.Time) error {
	return db.tx(ctx, fmt.Sprintf("changing the password of %q", name), func(tx *sql.Tx) error {
		ids, err := query(ctx, tx, scanOne[int64], `UPDATE admins SET password = $1, changed_at = $2 WHERE name = $3 RETURNING id`,
			hash, secondsOf(at), name)
		if err == nil && len(ids) == 0 {
			err = sql.ErrNoRows
		}
		if err != nil {
			return err
		}
		return endSessionsOf(ctx, tx, ids[0])
	})
}

// endSessionsOf ends all sessions of an admin.
func endSessionsOf(ctx context.Context, tx *sql.Tx, id int64) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM admin_sessions WHERE admin_id = $1`, id)
	return err
}

// RemoveAdmin implements [engine.AdminStore]. On Postgres two at once queue: each would leave the other's as the last.
func (db *DB) RemoveAdmin(ctx context.Context, name string) error {
	return db.tx(ctx, fmt.Sprintf("removing admin %q", name), func(tx *sql.Tx) error {
		if err := db.lock(ctx, tx, adminsLock); err != nil {
			return err
		}
		names, err := query(ctx, tx, scanOne[string], `SELECT name FROM admins WHERE name = $1 OR id =
			(SELECT min(id) FROM admins WHERE name <> $1)`, name)
		if err != nil {
			return err
		}
		switch {
		case len(names) == 1 && names[0] == name:
			return engine.ErrLastAdmin
		case len(names) < 2:
			return sql.ErrNoRows
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM admins WHERE name = $1`, name)
		return err
	})
}

// Admin implements [engine.AdminStore].
func (db *DB) Admin(ctx context.Context, name string) (engine.Admin, error) {
	if name != clean(name) {
		return engine.Admin{}, failed("admin", sql.ErrNoRows) // Postgres refuses to look for it
	}
	a, err := scanAdmin(db.sql.QueryRowContext(ctx, `SELECT `+adminColumns+` FROM admins WHERE name = $1`, name).Scan)
	return a, failed("admin", err) // what was typed as a name may be a password
}

// Admins implements [engine.AdminStore].
func (db *DB) Admins(ctx context.Context) ([]engine.Admin, error) {
	all, err := query(ctx, db.sql, func(rows *sql.Rows) (engine.Admin, error) { return scanAdmin(rows.Scan) },
		`SELECT `+adminColumns+` FROM admins ORDER BY name`)
	return all, failed("admins", err)
}

// AddAdminSession implements [engine.AdminStore].
func (db *DB) AddAdminSession(ctx context.Context, s engine.AdminSession, password string) error {
	return db.tx(ctx, "beginning a session", func(tx *sql.Tx) error {
		ids, err := query(ctx, tx, scanOne[int64], `UPDATE admins SET logged_in_at = $1 WHERE name = $2 AND password = $3 RETURNING id`,
			secondsOf(s.MadeAt), s.Admin, password)
		if err == nil && len(ids) == 0 {
			err = sql.ErrNoRows
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO admin_sessions (hash, admin_id, made_at, seen_at, said) VALUES ($1, $2, $3, $4, $5)`,
			s.Hash[:], ids[0], secondsOf(s.MadeAt), secondsOf(s.SeenAt), clean(s.Said))
		return err
	})
}

// AdminSession implements [engine.AdminStore].
func (db *DB) AdminSession(ctx context.Context, hash engine.SessionHash) (engine.AdminSession, error) {
	s := engine.AdminSession{Hash: hash}
	var made, seen int64
	err := db.sql.QueryRowContext(ctx, `SELECT a.name, s.made_at, s.seen_at, s.said FROM admin_sessions AS s
		JOIN admins AS a ON a.id = s.admin_id WHERE s.hash = $1`, hash[:]).Scan(&s.Admin, &made, &seen, &s.Said)
	s.MadeAt, s.SeenAt = timeOf(made), timeOf(seen)
	return s, failed("session of an admin", err)
}

// SeeAdminSession implements [engine.AdminStore].
func (db *DB) SeeAdminSession(ctx context.Context, hash engine.SessionHash, at time.Time) error {
	_, err := db.write.ExecContext(ctx, `UPDATE admin_sessions SET seen_at = $1 WHERE hash = $2`, secondsOf(at), hash[:])
	return failed("session of an admin", err)
}

// SayInAdminSession implements [engine.AdminStore].
func (db *DB) SayInAdminSession(ctx context.Context, hash engine.SessionHash, text string) error {
	_, err := db.write.ExecContext(ctx, `UPDATE admin_sessions SET said = $1 WHERE hash = $2`, clean(text), hash[:])
	return failed("session of an admin", err)
}

// EndAdminSession implements [engine.AdminStore].
func (db *DB) EndAdminSession(ctx context.Context, hash engine.SessionHash) error {
	_, err := db.write.ExecContext(ctx, `DELETE FROM admin_sessions WHERE hash = $1`, hash[:])
	return failed("ending a session", err)
}

// EndAdminSessions implements [engine.AdminStore].
func (db *DB) EndAdminSessions(ctx context.Context, made, seen time.Time) error {
	_, err := db.write.ExecContext(ctx, `DELETE FROM admin_sessions WHERE made_at < $1 OR seen_at < $2`, secondsOf(made), secondsOf(seen))
	return failed("ending sessions", err)
}
