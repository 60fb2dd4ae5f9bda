package db_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"reko.moe/db"
	"reko.moe/db/dbtest"
	"reko.moe/engine"
)

// The stores to measure; the lists are as long as most are.
var stores = []struct {
	name  string
	empty func(testing.TB) string
}{{"sqlite", dbtest.SQLite}, {"postgres", dbtest.Postgres}}

const length = 280

// filled opens a store of 2,000 users that keeps so many MiB of lists.
func filled(b *testing.B, url string, lists int) (*db.DB, []engine.User) {
	b.Helper()
	s, err := db.Open(b.Context(), db.Options{URL: url, Lists: lists})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	if err := s.ImportUsers(b.Context(), dbtest.Users(b, "u", 2000, length)); err != nil {
		b.Fatal(err)
	}
	var users []engine.User
	for u, err := range s.AllUsers(b.Context()) {
		if err != nil {
			b.Fatal(err)
		}
		users = append(users, u)
	}
	return s, users
}

// BenchmarkUsers fetches 33 whole lists: all that recommendations need.
func BenchmarkUsers(b *testing.B) {
	for _, store := range stores {
		for _, lists := range []int{0, 16} {
			b.Run(fmt.Sprintf("store=%s/MiB=%d", store.name, lists), func(b *testing.B) {
				s, users := filled(b, store.empty(b), lists)
				r := rand.New(rand.NewPCG(1, 2))
				var ids [33]engine.UserID
				for b.Loop() {
					for i := range ids {
						ids[i] = users[r.IntN(len(users))].ID
					}
					if got, err := s.Users(b.Context(), ids[:]); err != nil || len(got) != len(ids) {
						b.Fatal(len(got), err)
					}
				}
			})
		}
	}
}

func BenchmarkUser(b *testing.B) {
	for _, store := range stores {
		b.Run("store="+store.name, func(b *testing.B) {
			s, users := filled(b, store.empty(b), 0)
			i := 0
			for b.Loop() {
				i = (i + 1) % len(users)
				if _, err := s.User(b.Context(), users[i].Name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSaveUser(b *testing.B) {
	for _, store := range stores {
		b.Run("store="+store.name, func(b *testing.B) {
			s, users := filled(b, store.empty(b), 0)
			i := 0
			for b.Loop() {
				i = (i + 1) % len(users)
				u := users[i]
				u.List, u.Failures = users[(i*7+1)%len(users)].List, i
				if _, err := s.SaveUser(b.Context(), u); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkImportUsers imports 2,000 users, none of whom is there.
func BenchmarkImportUsers(b *testing.B) {
	for _, store := range stores {
		b.Run("store="+store.name, func(b *testing.B) {
			s, users := filled(b, store.empty(b), 0)
			for b.Loop() {
				b.StopTimer()
				if _, err := s.RemoveOrigin(b.Context(), engine.FromMAL); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if err := s.ImportUsers(b.Context(), users); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*len(users))/b.Elapsed().Seconds(), "users/s")
		})
	}
}

// BenchmarkCards reads what memory keeps of 2,000 users, as at the start.
func BenchmarkCards(b *testing.B) {
	for _, store := range stores {
		b.Run("store="+store.name, func(b *testing.B) {
			s, users := filled(b, store.empty(b), 0)
			for b.Loop() {
				n := 0
				for _, err := range s.Cards(b.Context()) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n != len(users) {
					b.Fatal(n)
				}
			}
		})
	}
}
