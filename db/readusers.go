package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"reko.moe/engine"
)

// User implements [engine.Store]. It asks for a user who is not in memory. While the database does not answer it says so even of who is, see
// [DB.Recall], and looks now and then whether the database is back.
func (db *DB) User(ctx context.Context, name string) (engine.User, error) {
	if u, ok := db.cache.named(name); ok && !db.Down() {
		db.cache.hits.Add(1)
		return u, nil
	}
	if name != clean(name) {
		return engine.User{}, failed(fmt.Sprintf("user %q", name), sql.ErrNoRows) // Postgres refuses to look for it
	}
	db.cache.misses.Add(1)
	for {
		mine, other, began := db.cache.claimName(name)
		if mine != nil {
			return db.loadNamed(ctx, name, mine, began)
		}
		switch err := other.wait(ctx); {
		case errors.Is(err, errLeft):
		case err != nil:
			return engine.User{}, failed(fmt.Sprintf("user %q", name), err)
		default:
			for _, u := range other.users {
				return u, nil // there is just this one
			}
		}
	}
}

func (db *DB) loadNamed(ctx context.Context, name string, l *load, began uint64) (engine.User, error) {
	defer db.cache.end(ctx, l, nil, name)
	var u engine.User
	l.err = db.look(ctx, fmt.Sprintf("user %q", name), func(ctx context.Context) (err error) {
		u, err = scanUser(db.sql.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE name = $1`, name).Scan)
		return err
	})
	if l.err != nil {
		return engine.User{}, l.err
	}
	l.users[u.ID] = u
	db.cache.put(began, u)
	return u, nil
}

// Users implements [engine.Store]. It asks for those that are not in memory, with one query unless they are very many.
func (db *DB) Users(ctx context.Context, dst []engine.User, ids []engine.UserID) ([]engine.User, error) {
	before := len(dst)
	users := slices.Grow(dst, len(ids))
	var missing []engine.UserID
	for _, id := range ids {
		if u, ok := db.cache.get(id); ok {
			users = append(users, u)
		} else {
			missing = append(missing, id)
		}
	}
	db.cache.hits.Add(uint64(len(users) - before))
	db.cache.misses.Add(uint64(len(missing)))
	if len(missing) == 0 {
		return users, nil
	}
	found := make(map[engine.UserID]engine.User, len(ids))
	for _, u := range users[before:] {
		found[u.ID] = u
	}
	if err := db.loadUsers(ctx, missing, found); err != nil {
		return nil, failed("users", err)
	}
	users = users[:before]
	for _, id := range ids {
		if u, ok := found[id]; ok {
			users = append(users, u)
		}
	}
	return users, nil
}

// loadUsers adds to found those of ids that there are, with the help of whoever loads some of them already.
func (db *DB) loadUsers(ctx context.Context, ids []engine.UserID, found map[engine.UserID]engine.User) error {
	for len(ids) > 0 {
		l, by, began := db.cache.claim(ids)
		if err := db.loadMine(ctx, l, ids, by, began); err != nil {
			return err
		}
		var again []engine.UserID
		for i, id := range ids {
			switch err := by[i].wait(ctx); {
			case errors.Is(err, errLeft):
				again = append(again, id)
			case err != nil:
				return err
			default:
				if u, ok := by[i].users[id]; ok {
					found[id] = u
				}
			}
		}
		ids = again
	}
	return nil
}

// loadMine reads from the database those of ids that are to be loaded by l, and ends that.
func (db *DB) loadMine(ctx context.Context, l *load, ids []engine.UserID, by []*load, began uint64) error {
	const size = 200 // a query has at most 32,766 parameters on SQLite, and takes the square of the time for them
	defer db.cache.end(ctx, l, ids, "")
	var mine []any
	for i, id := range ids {
		if by[i] == l {
			mine = append(mine, int64(id))
		}
	}
	var loaded []engine.User
	for some := range slices.Chunk(mine, size) {
		var users []engine.User
		err := db.look(ctx, "users", func(ctx context.Context) (err error) {
			users, err = query(ctx, db.sql, scanUserRow, `SELECT `+userColumns+` FROM users WHERE id IN `+values(1, len(some)), some...)
			return err
		})
		if err != nil {
			l.err = err
			return err
		}
		loaded = append(loaded, users...)
	}
	for _, u := range loaded {
		l.users[u.ID] = u
	}
	l.err = nil
	db.cache.put(began, loaded...)
	return nil
}
