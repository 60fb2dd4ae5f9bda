package dbtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"reko.moe/db"
	"reko.moe/engine"
)

var togetherTests = []test{
	{"writers and readers of one store", func(t *testing.T, s store) { crowd(t, s, s.DB) }},
	{"writers and readers of two stores", func(t *testing.T, s store) { crowd(t, s, s.DB, s.another(t, 1)) }},
	{"changes of many users in any order", manyAtOnce},
	{"changes of many anime in any order", animeAtOnce},
	{"one name saved at once by many", oneName},
}

// crowd has 8 writers and 8 readers at once.
func crowd(t *testing.T, s store, stores ...*db.DB) {
	const writers, each = 8, 8
	start := s.save(t, Users(t, "old", 33, 20)...)
	batch := Users(t, "batch", 60, 20)
	var done atomic.Bool
	var writing, reading sync.WaitGroup
	for w := range writers {
		s := stores[w%len(stores)]
		writing.Go(func() {
			for i := range each {
				u := User(t, fmt.Sprintf("w%d-%d", w, i/2), 50+i)
				if _, err := s.SaveUser(t.Context(), u); err != nil {
					t.Error(err)
				}
				var err error
				switch i % 4 {
				case 0:
					err = s.ImportUsers(t.Context(), batch)
				case 1:
					err = s.SaveAnime(t.Context(), []engine.Anime{known(engine.AnimeID(i+1), w+1, 0)})
				case 2:
					_, err = s.AddCounter(t.Context(), "crowd", 1)
				case 3:
					err = s.RefreshFailed(t.Context(), start[w].ID)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for r := range 8 {
		s := stores[r%len(stores)]
		reading.Go(func() {
			for !done.Load() {
				users, err := s.Users(t.Context(), nil, idsOf(start))
				if err != nil || len(users) != len(start) {
					t.Errorf("Users = %d users, %v", len(users), err)
					return
				}
				for _, u := range users {
					if _, err := u.List.Unpack(nil); err != nil {
						t.Error(err)
					}
				}
				imported := 0
				for c, err := range s.Cards(t.Context()) {
					if err != nil {
						t.Error(err)
						return
					}
					if len(c.Name) > 5 && c.Name[:5] == "batch" {
						imported++
					}
				}
				if imported != 0 && imported != len(batch) {
					t.Errorf("%d of %d imported users are to be seen, want all or none", imported, len(batch))
				}
			}
		})
	}
	writing.Wait()
	done.Store(true)
	reading.Wait()

	stores[0].Forget()
	got := all(t, s.AllUsers(t.Context()))
	want(t, "number of users", len(got), len(start)+writers*each/2+len(batch))
	s.checkUsers(t, got)
	want(t, "Counter", must[int64](t)(s.Counter(t.Context(), "crowd")), writers*each/4)
	for w := range writers {
		want(t, "failures", must[engine.User](t)(s.User(t.Context(), start[w].Name)).Failures, each/4)
	}
}

// manyAtOnce changes the same users in different orders, which a database may take for a deadlock.
func manyAtOnce(t *testing.T, s store) {
	users := Users(t, "u", 100, 5)
	demo := Users(t, "demo", 100, 5)
	for i := range demo {
		demo[i].Origin = engine.FromDemo
	}
	ok(t, s.ImportUsers(t.Context(), users))
	users = all(t, s.AllUsers(t.Context()))
	everybody := slices.Concat(users, demo)
	shuffled := func(r *rand.Rand, users []engine.User) []engine.User {
		users = slices.Clone(users)
		r.Shuffle(len(users), func(i, j int) { users[i], users[j] = users[j], users[i] })
		return users
	}
	stores := []*db.DB{s.DB, s.another(t, 0)}
	var working sync.WaitGroup
	for w := range 6 {
		working.Go(func() {
			s, r := stores[w%2], rand.New(rand.NewPCG(uint64(w), 3))
			for range 5 {
				var err error
				switch w {
				case 0:
					_, err = s.RemoveOrigin(t.Context(), engine.FromDemo)
				case 1, 2, 3:
					var set []engine.User
					set, err = s.SetHashes(t.Context(), shuffled(r, users))
					want(t, "hashes set", len(set), len(users))
				default:
					err = s.ImportUsers(t.Context(), shuffled(r, everybody))
				}
				if err != nil {
					t.Error(err)
				}
				if _, err := s.SaveUser(t.Context(), users[r.IntN(len(users))]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	working.Wait()
	must[int](t)(s.RemoveOrigin(t.Context(), engine.FromDemo))
	got := all(t, s.AllUsers(t.Context()))
	want(t, "AllUsers", got, users)
	s.Forget()
	s.checkUsers(t, got)
}

func animeAtOnce(t *testing.T, s store) {
	stores := []*db.DB{s.DB, s.another(t, 0)}
	var working sync.WaitGroup
	for w := range 6 {
		working.Go(func() {
			s, r := stores[w%2], rand.New(rand.NewPCG(uint64(w), 5))
			for i := range 4 {
				var anime []engine.Anime
				var ids []engine.AnimeID
				for _, id := range r.Perm(100) {
					anime = append(anime, known(engine.AnimeID(id+1), 1+i, 1+w))
					ids = append(ids, engine.AnimeID(id+1))
				}
				if err := s.MentionAnime(t.Context(), ids); err != nil {
					t.Error(err)
				}
				if err := s.SaveAnime(t.Context(), anime); err != nil {
					t.Error(err)
				}
			}
		})
	}
	working.Wait()
	var newest []engine.Anime
	for id := range engine.AnimeID(100) {
		newest = append(newest, known(id+1, 4, 6))
	}
	want(t, "Anime", all(t, s.Anime(t.Context())), newest)
}

func oneName(t *testing.T, s store) {
	stores := []*db.DB{s.DB, s.another(t, 0)}
	var ids [16]engine.UserID
	var saving sync.WaitGroup
	for i := range ids {
		saving.Go(func() {
			u := User(t, "spike", i+1)
			u.Failures = i + 1
			var err error
			if ids[i], err = stores[i%2].SaveUser(t.Context(), u); err != nil {
				t.Error(err)
			}
		})
	}
	saving.Wait()
	got := all(t, s.AllUsers(t.Context()))
	if len(got) != 1 || got[0].List.Len() != got[0].Failures {
		t.Fatalf("AllUsers = %+v, want spike once and whole", got)
	}
	for _, id := range ids {
		want(t, "id", id, got[0].ID)
	}
}
