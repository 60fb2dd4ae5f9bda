package engine

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"unsafe"
)

func TestMatcherTakes78BytesAUser(t *testing.T) {
	var p profiled
	if n := unsafe.Sizeof(p.ids[0]) + unsafe.Sizeof(p.entries[0]) + unsafe.Sizeof(p.rows[0]); n != 78 {
		t.Errorf("%d bytes a user, want 78", n)
	}
	if n := uintptr(profiledAPage) * unsafe.Sizeof(p.rows[0]); n > 32<<10 {
		t.Errorf("rows of a page take %d bytes: Go gives out more than that", n)
	}
	seen := map[keptValue]bool{}
	for _, k := range keptValues {
		if f := groupFactor(k.stat) * valueFactor(k.measure); f > 7.5 || seen[k] {
			t.Errorf("%s of %d is kept; its factor is %v; twice: %t", k.measure, k.stat, f, seen[k])
		}
		seen[k] = true
	}
}

// A matcher has the users that a map has, in their order, whoever comes and goes.
func TestMatcherKeepsAllInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(56, 56))
	m := newMatcher(new(Population))
	want := map[UserID]int{}
	put := func(id UserID, entries int) {
		m.put(id, entries, row{uint8(id), uint8(id >> 8)}, true)
		want[id] = entries
	}
	check := func() {
		t.Helper()
		var ids []UserID
		for _, on := range m.pages {
			if len(on.ids) == 0 || len(on.entries) != len(on.ids) || len(on.rows) != len(on.ids) || cap(on.rows) != profiledAPage {
				t.Fatalf("a page of %d, %d and %d of %d users", len(on.ids), len(on.entries), len(on.rows), cap(on.rows))
			}
			for i, id := range on.ids {
				if ids = append(ids, id); int(on.entries[i]) != want[id] || on.rows[i] != (row{uint8(id), uint8(id >> 8)}) {
					t.Fatalf("user %d has %d entries, want %d, and the row %v", id, on.entries[i], want[id], on.rows[i])
				}
			}
		}
		if !slices.Equal(ids, slices.Sorted(maps.Keys(want))) || m.users() != len(ids) {
			t.Fatalf("%d users, counted as %d, want %d", len(ids), m.users(), len(want))
		}
	}
	for n := range 3 * profiledAPage {
		put(UserID(2*n+1), 1)
	}
	if check(); len(m.pages) != 3 {
		t.Errorf("%d pages of users who came one after the other, want 3", len(m.pages))
	}
	for n := range 20 * profiledAPage {
		if id := UserID(1 + r.IntN(6*profiledAPage)); r.IntN(3) == 0 {
			m.remove(id)
			delete(want, id)
		} else {
			put(id, 1+r.IntN(1000))
		}
		if n%profiledAPage == 0 {
			check()
		}
	}
	if check(); len(m.pages) < 6 {
		t.Errorf("%d pages: none was ever split", len(m.pages))
	}
	for n, id := range r.Perm(6*profiledAPage + 1) {
		m.remove(UserID(id))
		delete(want, UserID(id))
		if n%profiledAPage == 0 {
			check()
		}
	}
	if check(); len(m.pages) != 0 {
		t.Errorf("nobody is left on %d pages", len(m.pages))
	}
}

// While profiles are loaded, who is saved comes before those whose turn is still to come: pages are full nevertheless.
func TestMatcherIsFullHoweverItWasFilled(t *testing.T) {
	m := newMatcher(new(Population))
	some := &Profile{Entries: 1}
	last := UserID(10 * profiledAPage)
	m.set(last, some)
	m.set(last/2, some)
	for id := range last {
		m.add(id+1, some)
	}
	if m.users() != int(last) || len(m.pages) > 13 {
		t.Errorf("%d users on %d pages, want %d on 10, or a few more", m.users(), len(m.pages), last)
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
		found := func() map[UserID]uint32 { return maps.Collect(e.profiles.matcher().everybody()) }
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
	last := UserID(0)
	for id, entries := range m.everybody() {
		want := uint32(1)
		if name := s.users[id].Name; name == "user3" || name == "user40" || name == "newcomer" {
			want = 3
		}
		if entries != want {
			t.Errorf("%s has %d entries, want %d", s.users[id].Name, entries, want)
		}
		if id <= last {
			t.Errorf("user %d comes behind user %d", id, last)
		}
		last = id
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
