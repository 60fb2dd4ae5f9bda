package db_test

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/db/dbtest"
	"reko.moe/engine"
	"reko.moe/engine/jobs"
)

func keepOut(t testing.TB, s *db.DB, names ...string) {
	t.Helper()
	for i, name := range names {
		if _, _, err := s.KeepOut(t.Context(), name, time.Unix(int64(1e9+i), 0)); err != nil {
			t.Fatal(err)
		}
	}
}

// wantOut tests which of all these names are kept out, and that no list comes under them.
func wantOut(t *testing.T, s *db.DB, names ...string) {
	t.Helper()
	out := map[string]bool{}
	for _, name := range names {
		out[name] = true
	}
	for _, name := range []string{"spike", "faye", "ed", "jet", "ein"} {
		if got, err := s.IsKeptOut(t.Context(), name); err != nil || got != out[name] {
			t.Errorf("%s is kept out: %t, %v, want %t", name, got, err, out[name])
		}
	}
	for _, name := range names {
		if _, err := s.SaveUser(t.Context(), dbtest.User(t, name, 5)); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("saving %s, who is kept out: %v", name, err)
		}
	}
}

// A backup from before somebody was kept out does not bring the list back, nor the name in what was logged.
func TestRestoreKeepsNamesOut(t *testing.T) {
	onBoth(t, func(t *testing.T, empty func(testing.TB) string) {
		url := empty(t)
		s := dbtest.Open(t, url)
		save(t, s, "spike", "faye", "ed", "jet")
		keepOut(t, s, "ed")
		if err := s.NoteAction(t.Context(), engine.Action{At: time.Unix(1e9, 0), Admin: "a", What: "fetched the list of", On: "faye"}); err != nil {
			t.Fatal(err)
		}
		if err := s.SaveRun(t.Context(), jobs.Run{Job: "refresh", Started: time.Unix(1e9, 0), Err: "faye: not found"}); err != nil {
			t.Fatal(err)
		}
		before := usersOf(t, s)
		file := backup(t, s)

		keepOut(t, s, "faye", "ein")
		if _, err := s.LetIn(t.Context(), "ed"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Restore(t.Context(), bytes.NewReader(file[:len(file)-1]), db.RestoreOptions{Replace: true}); err == nil {
			t.Fatal("half a backup is restored")
		}
		wantOut(t, s, "faye", "ein")
		if _, err := s.Restore(t.Context(), bytes.NewReader(file), db.RestoreOptions{Replace: true}); err != nil {
			t.Fatal(err)
		}
		wantOut(t, s, "ed", "faye", "ein")
		delete(before, "faye")
		if got := usersOf(t, s); !maps.Equal(got, before) {
			t.Errorf("there are %v, want %v", got, before)
		}
		actions, err := s.Actions(t.Context(), 0, 9)
		if err != nil || len(actions) != 1 || actions[0].On == "faye" || len(actions[0].On) != 8 {
			t.Errorf("logged of admins is %+v, %v", actions, err)
		}
		runs, err := s.LastRuns(t.Context(), "refresh", 9)
		if err != nil || len(runs) != 1 || strings.Contains(runs[0].Err, "faye") {
			t.Errorf("logged of jobs is %+v, %v", runs, err)
		}
	})
}

// Stores that hash names by secrets of their own.
func TestRestoreOfAnotherStoreKeepsNamesOut(t *testing.T) {
	onBoth(t, func(t *testing.T, empty func(testing.TB) string) {
		free, keeping := dbtest.Open(t, empty(t)), dbtest.Open(t, empty(t))
		save(t, free, "spike", "faye")
		save(t, keeping, "spike", "faye", "jet")
		keepOut(t, keeping, "jet")

		s := dbtest.Open(t, empty(t))
		keepOut(t, s, "faye", "ein")
		if _, err := s.Restore(t.Context(), bytes.NewReader(backup(t, free)), db.RestoreOptions{}); err != nil {
			t.Fatal(err)
		}
		wantOut(t, s, "faye", "ein")
		if got := usersOf(t, s); len(got) != 1 || got["spike"] == 0 {
			t.Errorf("there are %v, want spike", got)
		}
		// Nobody could tell which of the names are the same.
		_, err := s.Restore(t.Context(), bytes.NewReader(backup(t, keeping)), db.RestoreOptions{Replace: true})
		if !errors.Is(err, db.ErrOtherNames) {
			t.Errorf("Restore = %v, want that names are hashed otherwise", err)
		}
		wantOut(t, s, "faye", "ein")

		if _, err := free.Restore(t.Context(), bytes.NewReader(backup(t, keeping)), db.RestoreOptions{Replace: true}); err != nil {
			t.Fatal(err)
		}
		wantOut(t, free, "jet")
		// A store that let everybody in again keeps nobody out, whatever its secret.
		for _, name := range []string{"faye", "ein"} {
			if _, err := s.LetIn(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Restore(t.Context(), bytes.NewReader(backup(t, keeping)), db.RestoreOptions{Replace: true}); err != nil {
			t.Fatal(err)
		}
		wantOut(t, s, "jet")
	})
}
