package engine

import (
	"errors"
	"regexp"
	"slices"
	"testing"
	"time"
)

var guestNames = regexp.MustCompile(`^guest-[a-z2-7]{10}$`)

func namesOf(near []Neighbour) []string {
	var names []string
	for _, n := range near {
		names = append(names, n.Name)
	}
	return names
}

func TestUpload(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, _ *Engine, s *memStore, source *fakeSource) {
		s.add("faye", taste12, completed(1, 8), completed(2, 9))
		e := loaded(t, Options{Store: s, Source: source})
		list := List{completed(1, 9), {Anime: 7, Status: Planned}}
		listed, err := e.Upload(t.Context(), list, true)
		if err != nil {
			t.Fatal(err)
		}
		unlisted, err := e.Upload(t.Context(), list, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range []User{listed, unlisted} {
			if !guestNames.MatchString(u.Name) || u.Origin != Uploaded || u.Hash != taste12 || u.ID == 0 || !u.FetchedAt.Equal(time.Now()) {
				t.Errorf("uploaded as %+v", u)
			}
			if got := s.stored(t, u.Name); got.Unlisted != u.Unlisted || got.ID != u.ID || !slices.Equal(s.storedList(t, u.Name), list) {
				t.Errorf("stored is %+v", got)
			}
		}
		if listed.Name == unlisted.Name || listed.Unlisted || !unlisted.Unlisted {
			t.Errorf("uploaded as %+v and %+v", listed, unlisted)
		}
		if _, ok := s.anime[7]; !ok {
			t.Error("anime 7 does not wait for a description")
		}

		// Both are matched with others. Others are with the listed one only, whether it was loaded or made here.
		check := func(when string) {
			t.Helper()
			for name, want := range map[string][]string{
				"faye": {listed.Name}, unlisted.Name: {"faye", listed.Name}, listed.Name: {"faye"},
			} {
				a, err := e.Similar(t.Context(), name, 1)
				if err != nil || !slices.Equal(namesOf(a.Data), want) {
					t.Errorf("%s: like %s are %v, %v; want %v", when, name, namesOf(a.Data), err, want)
				}
			}
			a, err := e.Recommend(t.Context(), unlisted.Name, Query{})
			if err != nil || len(a.Data.Items) != 1 || a.Data.Items[0].Anime.ID != 2 || a.Requester.Origin != Uploaded || a.Requester.Stale {
				t.Errorf("%s: Recommend(unlisted) = %+v, %v", when, a.Data.Items, err)
			}
			if e.Users() != 2 || len(e.NamesLike(unlisted.Name, 5)) != 0 {
				t.Errorf("%s: %d users can be matched; names like the unlisted one's: %v", when, e.Users(), e.NamesLike(unlisted.Name, 5))
			}
		}
		check("uploaded")
		if err := e.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("loaded")
		source.anime[7] = Anime{ID: 7, Episodes: 24, DescribedAt: time.Now(), RelatedAt: time.Now()}
		s.set(User{Name: unlisted.Name, Origin: Uploaded, Unlisted: true, Hash: 5, List: list.Pack(), FetchedAt: time.Now()})
		checkUpkeep(t, "DescribeAnime", e.DescribeAnime, "1 of 1 anime described", nil)
		checkUpkeep(t, "Rehash", e.Rehash, "1 of 3 hashes changed", nil)
		check("hashed again")
		if c, err := e.Compare(t.Context(), "faye", unlisted.Name); err != nil || c.Data.Similarity() != 100 {
			t.Errorf("who knows the name compares: %+v, %v", c.Data, err)
		}
		checkUpkeep(t, "RefreshStale", e.RefreshStale, "0 of 0 lists refreshed", nil)
	})
}

func TestUploadRefuses(t *testing.T) {
	s := newMemStore()
	s.recommendable(1)
	e := loaded(t, Options{Store: s, Now: clock})
	for what, test := range map[string]struct {
		list List
		want error
	}{
		"nothing":         {nil, ErrEmptyList},
		"nothing watched": {List{{Anime: 1, Status: Planned}, {Anime: 1, Status: Completed}}, ErrEmptyList},
		"nothing known":   {List{completed(2, 9)}, ErrNoHash},
	} {
		if u, err := e.Upload(t.Context(), test.list, true); !errors.Is(err, test.want) || u.ID != 0 {
			t.Errorf("%s: Upload() = %+v, %v; want %v", what, u, err, test.want)
		}
	}
	s.broken = func(string) error { return errors.New("disk full") }
	if _, err := e.Upload(t.Context(), List{completed(1, 9)}, true); !errors.Is(err, ErrStore) {
		t.Errorf("Upload() = %v, want %v", err, ErrStore)
	}
	if len(s.users) != 0 || len(s.anime) != 1 {
		t.Errorf("stored are %v, %v", s.users, s.anime)
	}
}

// So many uploaded lists are kept, whoever else there is, and none goes for a new one.
func TestUploadsAreBounded(t *testing.T) {
	s := newMemStore()
	s.recommendable(1)
	s.add("faye", taste12, completed(1, 8))
	e := loaded(t, Options{Store: s, Now: clock, Uploads: 2})
	var names []string
	upload := func(want error) {
		t.Helper()
		u, err := e.Upload(t.Context(), List{completed(1, 9)}, false)
		if !errors.Is(err, want) || (u.ID != 0) != (want == nil) {
			t.Fatalf("Upload() = %+v, %v; want %v", u, err, want)
		}
		names = append(names, u.Name)
	}
	upload(nil)
	upload(nil)
	upload(ErrFull)
	for _, name := range names[:2] {
		s.stored(t, name)
	}
	if err := e.Unupload(t.Context(), names[0]); err != nil {
		t.Fatal(err)
	}
	upload(nil)
	upload(ErrFull)
}

// A list of invented anime does not keep real ones waiting for ever.
func TestUploadOfManyUnknownAnime(t *testing.T) {
	s := newMemStore()
	s.recommendable(1)
	e := loaded(t, Options{Store: s, Now: clock})
	list := List{completed(1, 9)}
	for id := range AnimeID(3 * mostMentioned) {
		list = append(list, completed(id+10, 9))
	}
	u, err := e.Upload(t.Context(), list, true)
	if err != nil || u.List.Len() != len(list) {
		t.Fatalf("Upload() = %d entries, %v", u.List.Len(), err)
	}
	if n := len(s.anime); n != 1+mostMentioned {
		t.Errorf("%d anime are stored, want %d", n, 1+mostMentioned)
	}
}

func TestUnupload(t *testing.T) {
	s := newMemStore()
	s.recommendable(1)
	s.add("spike", taste12, completed(1, 9))
	s.set(User{Name: "guest-pretender", Origin: FromMAL, Hash: 5, List: List{completed(1, 9)}.Pack(), FetchedAt: clock()})
	e, other := loaded(t, Options{Store: s, Now: clock}), loaded(t, Options{Store: s, Now: clock})
	var names []string
	for i := range 4 {
		u, err := e.Upload(t.Context(), List{completed(1, 9)}, i%2 == 0)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, u.Name)
	}
	if err := other.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"spike", "guest-pretender", "guest-aaaaaaaaaa", "", "no name", names[0] + "x"} {
		if err := e.Unupload(t.Context(), name); !errors.Is(err, ErrNotFound) {
			t.Errorf("Unupload(%q) = %v, want %v", name, err, ErrNotFound)
		}
	}
	got, err := e.Uploads(t.Context(), []string{names[2], "spike", "gone", names[0], ""})
	if err != nil || len(got) != 2 || got[0].Name != names[2] || got[1].Name != names[0] {
		t.Errorf("Uploads() = %+v, %v", got, err)
	}
	for i, name := range names {
		if err := e.Unupload(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if err := e.Unupload(t.Context(), name); !errors.Is(err, ErrNotFound) {
			t.Errorf("Unupload(%s) again = %v, want %v", name, err, ErrNotFound)
		}
		if _, err := s.User(t.Context(), name); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s is still stored: %v", name, err)
		}
		// Other processes follow; this one knows.
		if n, err := other.Follow(t.Context()); err != nil || n != 1 {
			t.Errorf("%d: another process sees %d changes, %v; want 1", i, n, err)
		}
		for _, process := range []*Engine{e, other} {
			if reloaded, err := process.Reload(t.Context()); err != nil || reloaded {
				t.Errorf("%d: a process loads everything again: %t, %v", i, reloaded, err)
			}
		}
		if want := 3 - i/2; e.Users() != want || other.Users() != want {
			t.Errorf("%d: %d and %d users can be matched, want %d", i, e.Users(), other.Users(), want)
		}
	}
	s.broken = func(string) error { return errors.New("disk full") }
	if err := e.Unupload(t.Context(), names[0]); !errors.Is(err, ErrStore) {
		t.Errorf("Unupload() = %v, want %v", err, ErrStore)
	}
	if _, err := e.Uploads(t.Context(), names); !errors.Is(err, ErrStore) {
		t.Errorf("Uploads() = %v, want %v", err, ErrStore)
	}
}

// Lists that were uploaded long ago can be deleted, and nobody else is.
func TestRemoveUploads(t *testing.T) {
	s := newMemStore()
	s.recommendable(1)
	s.add("spike", taste12, completed(1, 9))
	now := clock()
	e := loaded(t, Options{Store: s, Now: func() time.Time { return now }})
	var users []User
	for range 3 {
		u, err := e.Upload(t.Context(), List{completed(1, 9)}, true)
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, u)
		now = now.Add(time.Hour)
	}
	for _, test := range []struct {
		before  time.Time
		removed int
	}{{users[0].FetchedAt, 0}, {users[2].FetchedAt, 2}, {users[2].FetchedAt, 0}, {now, 1}} {
		if n, err := e.RemoveUploads(t.Context(), test.before); n != test.removed || err != nil {
			t.Errorf("RemoveUploads(%s) = %d, %v; want %d", test.before, n, err, test.removed)
		}
		if n, err := s.CountOrigin(t.Context(), Uploaded); n != e.Users()-1 || err != nil {
			t.Errorf("%d are stored, %v; %d are matched, one of whom was not uploaded", n, err, e.Users())
		}
	}
	s.stored(t, "spike")
	s.broken = func(string) error { return errors.New("disk full") }
	if _, err := e.RemoveUploads(t.Context(), now); !errors.Is(err, ErrStore) {
		t.Errorf("RemoveUploads() = %v, want %v", err, ErrStore)
	}
}

func TestGuestNames(t *testing.T) {
	seen := map[string]bool{}
	letters := map[rune]bool{}
	for range 1000 {
		name := guestName()
		if canonical, ok := CanonicalName(name); !ok || canonical != name || !guestNames.MatchString(name) || seen[name] {
			t.Fatalf("guestName() = %q", name)
		}
		seen[name] = true
		for _, c := range name[len("guest-"):] {
			letters[c] = true
		}
	}
	if len(letters) != 32 {
		t.Errorf("%d letters are drawn, want 32", len(letters))
	}
}
