package db_test

import (
	"strings"
	"sync"
	"testing"

	"reko.moe/db"
	"reko.moe/db/dbtest"
)

func TestMigrate(t *testing.T) {
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			t.Run("again", func(t *testing.T) {
				url := store.empty(t)
				first := dbtest.Open(t, url)
				u := dbtest.User(t, "spike", 10)
				id, err := first.SaveUser(t.Context(), u)
				if err != nil {
					t.Fatal(err)
				}
				for range 3 {
					again := dbtest.Open(t, url)
					if got, err := again.User(t.Context(), "spike"); err != nil || got.ID != id {
						t.Errorf("User = %v, %v, want id %d", got.ID, err, id)
					}
				}
			})

			t.Run("several at once", func(t *testing.T) {
				for range 5 {
					url := store.empty(t)
					var opening sync.WaitGroup
					for range 4 {
						opening.Go(func() {
							s, err := db.Open(t.Context(), db.Options{URL: url})
							if err != nil {
								t.Error(err)
								return
							}
							if _, err := s.AddCounter(t.Context(), "opened", 1); err != nil {
								t.Error(err)
							}
							if err := s.Close(); err != nil {
								t.Error(err)
							}
						})
					}
					opening.Wait()
					if n, err := dbtest.Open(t, url).Counter(t.Context(), "opened"); n != 4 || err != nil {
						t.Errorf("%d stores were opened, %v, want 4", n, err)
					}
				}
			})

			t.Run("from a newer version", func(t *testing.T) {
				url := store.empty(t)
				dbtest.Open(t, url)
				dbtest.Exec(t, url, `INSERT INTO migrations (name) VALUES ('9999_future'), ('9998_near')`)
				_, err := db.Open(t.Context(), db.Options{URL: url})
				if err == nil || !strings.Contains(err.Error(), "newer version (unknown here: 9998_near, 9999_future)") {
					t.Errorf("Open = %v, want it to name a newer version", err)
				}
			})
		})
	}
}
