package db_test

import (
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/db/dbtest"
	"reko.moe/engine"
	"reko.moe/engine/series"
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
					if got, err := s.Users(b.Context(), nil, ids[:]); err != nil || len(got) != len(ids) {
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

// BenchmarkTotals counts a million users, whose lists are about as long as most are.
func BenchmarkTotals(b *testing.B) {
	users := 1_000_000
	if testing.Short() {
		users = 1000
	}
	const fill = `INSERT INTO users (name, origin, hash, entries, fetched_at, full_at, failures, unlisted, list)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		SELECT 'u' || i, CASE WHEN i %% 10 = 0 THEN 'file' ELSE 'mal' END, i, i %% 1000, 0, 0, 0, i < 0, %s FROM n`
	for _, store := range stores {
		b.Run("store="+store.name, func(b *testing.B) {
			url, list, tidy := store.empty(b), "zeroblob(900)", "ANALYZE"
			if store.name == "postgres" {
				list, tidy = "decode(repeat('00', 900), 'hex')", "VACUUM ANALYZE users" // which happens by itself in time
			}
			s := dbtest.Open(b, url)
			dbtest.Exec(b, url, fmt.Sprintf(fill, users, list), tidy)
			for b.Loop() {
				t, err := s.Totals(b.Context())
				if all := t.All(); err != nil || all.Users != users || all.Lists != users-users/1000 {
					b.Fatal(all, err)
				}
			}
		})
	}
}

// BenchmarkCounts adds what a busy minute brings, and reads an hour of such.
func BenchmarkCounts(b *testing.B) {
	var counts []series.Count
	for e := range 6 {
		for bucket := range 60 {
			counts = append(counts, series.Count{Event: series.Event(e), Bucket: bucket, N: 3})
		}
	}
	minute := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, store := range stores {
		b.Run("do=add/store="+store.name, func(b *testing.B) {
			s := dbtest.Open(b, store.empty(b))
			for at := minute; b.Loop(); at = at.Add(time.Minute) {
				if err := s.AddCounts(b.Context(), crand.Text(), at, counts); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("do=read/store="+store.name, func(b *testing.B) {
			s := dbtest.Open(b, store.empty(b))
			for i := range 60 {
				if err := s.AddCounts(b.Context(), crand.Text(), minute.Add(time.Duration(i)*time.Minute), counts); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if _, err := series.Read(b.Context(), s, series.Spans[0], minute.Add(time.Hour)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
