package db

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/internal/wait"
)

// While the database does not answer nobody passes off what is in memory as what is stored; it can be recalled. As soon as the database
// answers again all is as before, even if all that is asked for is in memory.
func TestMemoryWhileTheDatabaseIsDown(t *testing.T) {
	db, err := Open(t.Context(), Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "reko.db"), Lists: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.SaveUser(t.Context(), engine.User{Name: "spike", Hash: 5, List: engine.List{}.Pack()}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.User(t.Context(), "spike"); err != nil {
		t.Fatal(err)
	}
	for range fewFailed {
		if err := db.look(t.Context(), "nothing", func(context.Context) error { return context.DeadlineExceeded }); !errors.Is(err, engine.ErrStoreDown) {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	_, err = db.User(t.Context(), "spike")
	if u, ok := db.Recall("spike"); !errors.Is(err, engine.ErrStoreDown) || !ok || u.Hash != 5 || time.Since(begin) > coolDown/2 {
		t.Errorf("User = %v, Recall = %+v, %t after %s", err, u, ok, time.Since(begin))
	}
	wait.For(t, func() error { _, err := db.User(t.Context(), "spike"); return err })
	if took := time.Since(begin); db.Down() || took < coolDown/2 {
		t.Errorf("down is %t after %s", db.Down(), took)
	}
	hits := db.cache.hits.Load()
	if _, err := db.User(t.Context(), "spike"); err != nil || db.cache.hits.Load() != hits+1 {
		t.Errorf("not from memory: %v", err)
	}
}
