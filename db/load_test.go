package db

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"reko.moe/engine"
	"reko.moe/internal/wait"
)

// narrow opens a store with users that asks the database by one connection, which the test holds until release is called.
func narrow(t *testing.T, users int) (db *DB, ids []engine.UserID, release func()) {
	t.Helper()
	db, err := Open(t.Context(), Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "reko.db"), Lists: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for i := range users {
		id, err := db.SaveUser(t.Context(), engine.User{Name: fmt.Sprint("u", i), Hash: engine.Hash(i + 1), List: engine.List{}.Pack()})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	db.sql.SetMaxOpenConns(1)
	conn, err := db.sql.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return db, ids, func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

// until waits for something to happen.
func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	wait.For(t, func() error {
		if !happened() {
			return fmt.Errorf("waited for %s", what)
		}
		return nil
	})
}

// However many miss the same users while the database is slow, it is asked once.
func TestMissesAreLoadedOnce(t *testing.T) {
	for name, ask := range map[string]func(*DB, []engine.UserID) (engine.User, error){
		"by id": func(db *DB, ids []engine.UserID) (engine.User, error) {
			users, err := db.Users(t.Context(), nil, ids)
			if err == nil && len(users) != len(ids) {
				err = fmt.Errorf("%d users", len(users))
			}
			return users[len(users)-1], err
		},
		"by name": func(db *DB, _ []engine.UserID) (engine.User, error) { return db.User(t.Context(), "u4") },
	} {
		t.Run(name, func(t *testing.T) {
			const askers = 40
			db, ids, release := narrow(t, 5)
			before := db.sql.Stats().WaitCount
			missed := db.cache.misses.Load()
			var asking sync.WaitGroup
			for range askers {
				asking.Go(func() {
					if u, err := ask(db, ids); err != nil || u.Name != "u4" {
						t.Errorf("got %q, %v", u.Name, err)
					}
				})
			}
			per := uint64(len(ids))
			if name == "by name" {
				per = 1
			}
			until(t, "all to miss", func() bool {
				return db.cache.misses.Load() == missed+askers*per && db.sql.Stats().WaitCount > before
			})
			if n := db.sql.Stats().WaitCount - before; n != 1 {
				t.Errorf("%d queries wait for the database, want 1", n)
			}
			release()
			asking.Wait()
			if _, err := ask(db, ids); err != nil {
				t.Error(err)
			}
			if n := db.cache.hits.Load(); n < per {
				t.Errorf("%d hits afterwards, want %d", n, per)
			}
			if len(db.cache.loading)+len(db.cache.naming) != 0 {
				t.Errorf("%d and %d loads stay behind", len(db.cache.loading), len(db.cache.naming))
			}
		})
	}
}

// Who leaves takes nobody along: one of those who wait asks in its place.
func TestWhoLeavesLeavesTheOthers(t *testing.T) {
	db, ids, release := narrow(t, 5)
	before := db.sql.Stats().WaitCount
	ctx, leave := context.WithCancel(t.Context())
	first := make(chan error, 2)
	go func() { _, err := db.Users(ctx, nil, ids[:3]); first <- err }()
	go func() { _, err := db.User(ctx, "u0"); first <- err }()
	until(t, "the first to ask", func() bool { return db.sql.Stats().WaitCount == before+2 })
	missed := db.cache.misses.Load()
	var asking sync.WaitGroup
	for range 10 {
		asking.Go(func() {
			if users, err := db.Users(t.Context(), nil, ids); err != nil || len(users) != len(ids) {
				t.Errorf("got %d users, %v", len(users), err)
			}
		})
		asking.Go(func() {
			if u, err := db.User(t.Context(), "u0"); err != nil || u.Name != "u0" {
				t.Errorf("got %q, %v", u.Name, err)
			}
		})
	}
	until(t, "the others to miss", func() bool { return db.cache.misses.Load() == missed+60 })
	leave()
	for range 2 {
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
	}
	release()
	asking.Wait()
}

// A database that fails has failed for all who waited for the same answer, and is asked again afterwards.
func TestFailedLoadsAreNotKept(t *testing.T) {
	db, ids, release := narrow(t, 2)
	if err := db.sql.Close(); err != nil {
		t.Fatal(err)
	}
	release()
	for range 2 {
		if _, err := db.Users(t.Context(), nil, ids); !errors.Is(err, engine.ErrStore) {
			t.Errorf("Users: %v, want ErrStore", err)
		}
		if _, err := db.User(t.Context(), "u0"); !errors.Is(err, engine.ErrStore) {
			t.Errorf("User: %v, want ErrStore", err)
		}
	}
	if len(db.cache.loading)+len(db.cache.naming) != 0 {
		t.Error("loads stay behind")
	}
}

// What began before a write is joined by nobody after it.
func TestLoadsFromBeforeAWriteAreNotJoined(t *testing.T) {
	c := newCache(1 << 20)
	old, _, _ := c.claim([]engine.UserID{1, 2})
	named, _, _ := c.claimName("one")
	c.wrote(1)
	l, by, _ := c.claim([]engine.UserID{1, 2})
	if by[0] != l || by[1] != old {
		t.Error("user 1, who was written, is loaded with what was read before, or user 2 is not")
	}
	if mine, other, _ := c.claimName("one"); mine == nil || other != nil || mine == named {
		t.Error("a name is loaded with what was read before a write")
	}
	c.wrote()
	if l, by, _ := c.claim([]engine.UserID{2}); by[0] != l {
		t.Error("a load from before all was written is joined")
	}
	c.end(t.Context(), old, []engine.UserID{1, 2}, "") // does not end those that came after
	if l, by, _ := c.claim([]engine.UserID{2}); by[0] == l {
		t.Error("the end of an old load ends a newer one")
	}
}

// What is used often stays while far more than fits is used once.
func TestScansLeaveWhatIsUsed(t *testing.T) {
	const bytes, size = 1 << 20, 1000
	c := newCache(bytes)
	user := func(id int) engine.User {
		return engine.User{ID: engine.UserID(id), Name: fmt.Sprint("u", id), List: make(engine.Packed, size)}
	}
	const used = bytes / (size + userOverhead) / 2
	use := func() (there int) {
		for id := range used {
			if _, ok := c.get(engine.UserID(id)); ok {
				there++
			} else {
				c.put(0, user(id))
			}
		}
		return there
	}
	for range 10 {
		use()
	}
	for id := range 20 * used {
		u := user(1000 + id)
		if _, ok := c.get(u.ID); ok {
			t.Fatalf("user %d was never put in", u.ID)
		}
		c.put(0, u)
	}
	if there := use(); there < used*9/10 {
		t.Errorf("%d of %d are left after a scan", there, used)
	}
	_, kept := c.users.Size()
	if kept > bytes {
		t.Errorf("%d bytes are kept of %d", kept, bytes)
	}
	if kept += nameBytes * len(c.names.ids); kept > bytes {
		t.Errorf("%d bytes are kept with names of %d", kept, bytes)
	}
}
