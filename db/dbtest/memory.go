package dbtest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"reko.moe/engine"
)

var memoryTests = []test{
	{"lists are kept until they are forgotten", memoryKeeps},
	{"what was replaced is never served", memoryFollows},
	{"who was read is remembered by name", memoryRecalls},
}

func memoryKeeps(t *testing.T, s store) {
	u := s.save(t, Users(t, "u", 5, 30)...)
	keeps, never := s, s.another(t, 0)
	ids := idsOf(u)
	must[[]engine.User](t)(keeps.Users(t.Context(), nil, ids))
	must[[]engine.User](t)(never.Users(t.Context(), nil, ids))

	// Another process replaces them.
	elsewhere := store{s.another(t, 1), s.url}
	newer := Users(t, "u", 5, 31)
	newer = elsewhere.save(t, newer...)
	want(t, "with memory", must[[]engine.User](t)(keeps.Users(t.Context(), nil, ids)), u)
	want(t, "by name", must[engine.User](t)(keeps.User(t.Context(), u[2].Name)), u[2])
	want(t, "by name without memory", must[engine.User](t)(never.User(t.Context(), u[2].Name)), newer[2])
	want(t, "without memory", must[[]engine.User](t)(never.Users(t.Context(), nil, ids)), newer)
	keeps.Forget()
	never.Forget()
	want(t, "once forgotten", must[[]engine.User](t)(keeps.Users(t.Context(), nil, ids)), newer)
	want(t, "by name", must[engine.User](t)(keeps.User(t.Context(), u[2].Name)), newer[2])
	want(t, "without memory", must[[]engine.User](t)(never.Users(t.Context(), nil, ids)), newer)

	// Whoever has the name of somebody who was deleted is somebody else.
	if err := keeps.DeleteUser(t.Context(), newer[2].ID); err != nil {
		t.Fatal(err)
	}
	_, err := keeps.User(t.Context(), newer[2].Name)
	wantKind(t, "User of a name that was deleted", err, engine.ErrNotFound)
	again := newer[2]
	again.ID = must[engine.UserID](t)(keeps.SaveUser(t.Context(), again))
	want(t, "the same name again", must[engine.User](t)(keeps.User(t.Context(), again.Name)), again)
}

func memoryRecalls(t *testing.T, s store) {
	u := s.save(t, Users(t, "u", 3, 30)...)
	never := s.another(t, 0)
	recalls := func(name string, is bool) {
		t.Helper()
		got, ok := s.Recall(name)
		if ok != is || is && got.Name != name {
			t.Errorf("Recall(%s) = %q, %t; want %t", name, got.Name, ok, is)
		}
	}
	recalls(u[0].Name, false)
	must[engine.User](t)(s.User(t.Context(), u[0].Name))
	must[[]engine.User](t)(s.Users(t.Context(), nil, []engine.UserID{u[1].ID}))
	recalls(u[0].Name, true)
	recalls(u[1].Name, true)
	recalls(u[2].Name, false)
	must[engine.User](t)(never.User(t.Context(), u[0].Name))
	if _, ok := never.Recall(u[0].Name); ok {
		t.Error("a store without memory recalls somebody")
	}
	if err := s.DeleteUser(t.Context(), u[0].ID); err != nil {
		t.Fatal(err)
	}
	recalls(u[0].Name, false) // who was deleted is forgotten
	s.save(t, u[1])
	recalls(u[1].Name, false) // what was replaced, too
	must[engine.User](t)(s.User(t.Context(), u[1].Name))
	recalls(u[1].Name, true)
}

// memoryFollows has users whose hash grows with every write, and readers that must never see one shrink below what was
// written when they asked.
func memoryFollows(t *testing.T, s store) {
	for _, lists := range []int{0, 1, 16} {
		t.Run(fmt.Sprintf("%d MiB", lists), func(t *testing.T) {
			const writers, writes = 4, 20
			db := store{s.another(t, lists), s.url}
			users := make([]engine.User, writers)
			for i := range users {
				users[i] = User(t, fmt.Sprint("u", i), 20)
				users[i].Hash = 1
			}
			users = db.save(t, users...)
			ids := idsOf(users)
			var written [writers]atomic.Uint64
			var done atomic.Bool

			var writing, reading sync.WaitGroup
			for i := range writers {
				writing.Go(func() {
					u := users[i]
					for v := uint64(2); v < 2+writes; v++ {
						u.Hash = engine.Hash(v)
						var err error
						switch v % 4 {
						case 0:
							err = db.ImportUsers(t.Context(), []engine.User{u})
						case 1:
							_, err = db.SetHashes(t.Context(), []engine.User{u})
						default:
							u.List = List(t, 20, v)
							_, err = db.SaveUser(t.Context(), u)
						}
						if err != nil {
							t.Error(err)
							return
						}
						written[i].Store(v)
					}
				})
			}
			for range 2 {
				reading.Go(func() {
					var least [writers]uint64
					for n := 0; !done.Load(); n++ {
						for i := range least {
							least[i] = written[i].Load()
						}
						got, err := db.Users(t.Context(), nil, ids)
						if len(got) > 0 { // every other time by name
							if at := n % len(got); n%2 == 0 {
								got[at], err = db.User(t.Context(), users[at].Name)
							}
						}
						if err != nil || len(got) != writers {
							t.Errorf("Users = %d users, %v", len(got), err)
							return
						}
						for i, u := range got {
							if uint64(u.Hash) < least[i] || u.Name != users[i].Name || u.List.Len() != 20 {
								t.Errorf("got %s in version %d after %d was written", u.Name, u.Hash, least[i])
							}
						}
					}
				})
			}
			writing.Wait()
			done.Store(true)
			reading.Wait()
		})
	}
}
