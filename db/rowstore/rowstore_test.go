package rowstore_test

import (
	"testing"

	"reko.moe/db/dbtest"
	"reko.moe/db/rowstore"
	"reko.moe/engine"
)

func TestRows(t *testing.T) {
	for name, empty := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		t.Run(name, func(t *testing.T) {
			url := empty(t)
			store := dbtest.Open(t, url)
			if err := store.ImportUsers(t.Context(), dbtest.Users(t, "u", 10, 30)); err != nil {
				t.Fatal(err)
			}
			var users []engine.User
			for u, err := range store.AllUsers(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				users = append(users, u)
			}
			for range 2 { // the second finds nothing of the first
				rows, err := rowstore.Open(t.Context(), url)
				if err != nil {
					t.Fatal(err)
				}
				if err := rows.Fill(t.Context(), users); err != nil {
					t.Fatal(err)
				}
				if err := rows.Settle(t.Context()); err != nil {
					t.Fatal(err)
				}
				want := users[2].List.Len() + users[7].List.Len()
				if n, err := rows.Lists(t.Context(), []engine.UserID{users[2].ID, users[7].ID}); err != nil || n != want {
					t.Errorf("%d entries, %v; want %d", n, err, want)
				}
				if err := rows.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
