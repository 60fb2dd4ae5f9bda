package engine

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"unsafe"
)

func TestMatcherTakes78BytesAUser(t *testing.T) {
	var m matcher
	if n := unsafe.Sizeof(m.ids[0]) + unsafe.Sizeof(m.entries[0]) + unsafe.Sizeof(m.rows[0]); n != 78 {
		t.Errorf("%d bytes a user, want 78", n)
	}
	seen := map[keptValue]bool{}
	for _, k := range keptValues {
		if f := groupFactor(k.stat) * valueFactor(k.measure); f > 7.5 || seen[k] {
			t.Errorf("%s of %d is kept; its factor is %v; twice: %t", k.measure, k.stat, f, seen[k])
		}
		seen[k] = true
	}
}

// randomPeople makes users of a few tastes, some without entries.
func randomPeople(r *rand.Rand, n int) ([]Anime, []User) {
	var anime []Anime
	for id := range AnimeID(300) {
		anime = append(anime, randomAnime(r, id+1))
	}
	var users []User
	for i := range n {
		entries := r.IntN(40)
		if r.IntN(20) == 0 {
			entries = 0
		}
		l := randomList(r, entries, 40+r.IntN(300))
		if i > 0 && r.IntN(4) == 0 { // nearly somebody else's
			l, _ = users[r.IntN(i)].List.Unpack(nil)
			if len(l) > 0 && r.IntN(2) == 0 {
				l = l[1:]
			}
		}
		users = append(users, User{Name: fmt.Sprint("user", i), Origin: FromFile, Hash: 8, List: l.Pack(), FetchedAt: t0})
	}
	return anime, users
}

// The search in memory finds exactly those that looking at everybody finds, whatever the tolerances.
func TestSearchEqualsPlainSearch(t *testing.T) {
	r := rand.New(rand.NewPCG(55, 55))
	anime, users := randomPeople(r, 300)
	e := loaded(t, Options{Store: NewMemStore(anime, users), Now: clock})
	all, err := e.Stands(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	base := crowdedness/float64(len(all)) + 100
	some, full := 0, 0
	for i, me := range all {
		if i%4 != 0 {
			continue
		}
		for _, percent := range []float64{0, 0.05, 0.2, 0.5, 1, 2, 4, 8, 20, 50, 51} {
			var banned func(string) bool
			if i%3 == 0 {
				banned = func(name string) bool { return name[len(name)-1]%2 == 0 }
			}
			accuracy := base - percent
			got, err := e.Alike(t.Context(), me.User, accuracy, banned)
			if want := PlainAlike(all, me, accuracy, banned); err != nil || !slices.Equal(got, want) {
				t.Fatalf("%s within %v %%: %v, %v; want %v", me.Name, percent, got, err, want)
			}
			if len(got) > 0 && len(got) < MaxAlike {
				some++
			} else if len(got) == MaxAlike {
				full++
			}
		}
	}
	if some < 25 || full < 25 {
		t.Errorf("%d searches found some, %d as many as there can be: too few to tell", some, full)
	}
}

// Users that come, change and go are found as they are now, whether the profiles are loaded meanwhile or not.
func TestProfilesFollowTheStore(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		found := func() map[UserID]uint32 {
			m := e.profiles.matcher()
			at := map[UserID]uint32{}
			for i, id := range m.ids {
				at[id] = m.entries[i]
			}
			return at
		}
		source.has("spike", List{completed(1, 9)})
		source.has("faye", List{completed(1, 9), completed(2, 9)})
		for _, name := range []string{"spike", "faye"} {
			if _, err := e.Similar(t.Context(), name, 1); err != nil {
				t.Fatal(err)
			}
		}
		spike, faye := s.stored(t, "spike").ID, s.stored(t, "faye").ID
		check := func(want map[UserID]uint32) {
			t.Helper()
			if got := found(); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("found with entries: %v, want %v", got, want)
			}
		}
		check(map[UserID]uint32{spike: 1, faye: 2})
		later(RefreshEvery)
		source.has("spike", List{completed(1, 9), completed(2, 3)})
		if err := e.Refresh(t.Context(), "Spike"); err != nil {
			t.Fatal(err)
		}
		check(map[UserID]uint32{spike: 2, faye: 2})
		hidden, err := e.Upload(t.Context(), List{completed(1, 5)}, false)
		if err != nil {
			t.Fatal(err)
		}
		check(map[UserID]uint32{spike: 2, faye: 2})
		shown, err := e.Upload(t.Context(), List{completed(1, 5)}, true)
		if err != nil {
			t.Fatal(err)
		}
		check(map[UserID]uint32{spike: 2, faye: 2, shown.ID: 1})
		if err := e.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		check(map[UserID]uint32{spike: 2, faye: 2, shown.ID: 1})
		for _, u := range []User{hidden, shown} {
			if err := e.Unupload(t.Context(), u.Name); err != nil {
				t.Fatal(err)
			}
		}
		check(map[UserID]uint32{spike: 2, faye: 2})
	})
}

// A change while the profiles are loaded is not lost, neither in what serves now nor in what will.
func TestChangeWhileProfilesAreLoaded(t *testing.T) {
	s := newMemStore()
	s.recommendable(1, 2)
	for i := range 50 {
		s.add(fmt.Sprint("user", i), 8, completed(1, 9))
	}
	e := loaded(t, Options{Store: s, Now: clock})
	newer := List{completed(1, 9), completed(2, 9), {Anime: 3, Status: Planned}}
	// The first walk of 50 is for the population.
	changing := slowStore{memStore: s, at: 75, do: func() {
		for _, name := range []string{"user3", "user40", "newcomer"} {
			u, err := s.User(context.WithoutCancel(t.Context()), name)
			if err != nil {
				u = User{Name: name, Origin: FromFile}
			}
			u.List = newer.Pack()
			if _, err := e.save(context.WithoutCancel(t.Context()), u, newer); err != nil {
				t.Error(err)
			}
		}
		if e.profiles.next.Load() == nil {
			t.Error("nothing is being loaded")
		}
	}}
	e.opts.Store = &changing
	if err := e.LoadProfiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := e.profiles.matcher()
	if m.users() != 51 {
		t.Errorf("%d users, want 51", m.users())
	}
	for i, id := range m.ids {
		want := uint32(1)
		if name := s.users[id].Name; name == "user3" || name == "user40" || name == "newcomer" {
			want = 3
		}
		if m.entries[i] != want {
			t.Errorf("%s has %d entries, want %d", s.users[id].Name, m.entries[i], want)
		}
	}
	if !slices.IsSorted(m.ids) {
		t.Error("ids are in no order")
	}
}

// slowStore does something in the midst of walks over all users, which have read all before.
type slowStore struct {
	*memStore
	at   int
	do   func()
	seen int
}

func (s *slowStore) AllUsers(ctx context.Context) iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		for u, err := range s.memStore.AllUsers(ctx) {
			if s.seen++; s.seen == s.at {
				s.do()
			}
			if !yield(u, err) {
				return
			}
		}
	}
}

// Searches and changes at the same time, for the race detector.
func TestMatcherTogether(t *testing.T) {
	r := rand.New(rand.NewPCG(56, 56))
	anime, users := randomPeople(r, 100)
	e := loaded(t, Options{Store: NewMemStore(anime, users), Now: clock})
	all, err := e.Stands(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var working sync.WaitGroup
	for w := range 4 {
		working.Go(func() {
			r := rand.New(rand.NewPCG(57, uint64(w)))
			for range 200 {
				u := all[r.IntN(len(all))]
				switch r.IntN(4) {
				case 0:
					l, _ := u.List.Unpack(nil)
					e.profiles.set(u.User, l, e.catalogue.Load())
				case 1:
					if r.IntN(10) == 0 {
						if err := e.LoadProfiles(t.Context()); err != nil {
							t.Error(err)
						}
					}
				default:
					if _, err := e.Alike(t.Context(), u.User, 100-float64(r.IntN(50)), nil); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	working.Wait()
	if e.profiles.matcher().users() != len(all) {
		t.Errorf("%d users, want %d", e.profiles.matcher().users(), len(all))
	}
}
