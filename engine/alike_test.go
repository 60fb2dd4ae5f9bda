package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// alikeStore has a requester who watched 1 and planned 2, and others.
func alikeStore() *memStore {
	s := newMemStore()
	s.recommendable(1, 2, 3, 4, 5, 6, 7)
	s.anime[5].Parent = 1
	s.anime[6].Mean = 0
	s.anime[7].Mean = 6
	s.add("requester", 8, completed(1, 9), Entry{Anime: 2, Status: Planned})
	s.add("short", 8, completed(3, 9))
	s.add("long", 8, completed(1, 9), completed(2, 9), completed(3, 9), completed(4, 9), completed(5, 9), completed(6, 9))
	s.add("middle", 8, completed(3, 8), completed(4, 0), completed(7, 2))
	s.add("same", 8, completed(1, 9), Entry{Anime: 2, Status: Planned})
	s.add("none", 8)
	s.add("other", 8, completed(2, 3), completed(7, 4))
	return s
}

func alikeNames(users []Alike) (names []string) {
	for _, u := range users {
		names = append(names, u.Name)
	}
	return names
}

func rekoIDs(items []Reko) (ids []AnimeID) {
	for _, item := range items {
		ids = append(ids, item.Anime.ID)
	}
	return ids
}

func TestRecommendAlike(t *testing.T) {
	e := loaded(t, Options{Store: alikeStore(), Now: clock})
	a, err := e.RecommendAlike(t.Context(), "Requester", AlikeQuery{Accuracy: 100})
	if err != nil {
		t.Fatal(err)
	}
	got := a.Data
	if want := []string{"long", "middle", "same", "other", "short"}; !slices.Equal(alikeNames(got.Users), want) {
		t.Errorf("users %v, want %v: the longest lists first, by id, without those that have none", alikeNames(got.Users), want)
	}
	if got.Passages != 1 || got.Accuracy != 100 || got.Found != 3 || a.Requester.Name != "requester" {
		t.Errorf("%d passages, accuracy %v, %d found for %s", got.Passages, got.Accuracy, got.Found, a.Requester.Name)
	}
	// 7 has a lower mean than what the requester watches; the others are alike, so ids decide.
	if want := []AnimeID{3, 4, 7}; !slices.Equal(rekoIDs(got.Items), want) {
		t.Errorf("rekos %v, want %v", rekoIDs(got.Items), want)
	}
	for i, want := range [][]int{{0, 1, 4}, {0}, {1, 3}} { // middle did not score 4
		if !slices.Equal(got.Items[i].Users, want) {
			t.Errorf("%d is from %v, want %v", got.Items[i].Anime.ID, got.Items[i].Users, want)
		}
	}
	for i, want := range []int{2, 2, 0, 1, 1} {
		if u := got.Users[i]; u.Found != want || u.Sent != want {
			t.Errorf("%s: %d found, %d sent, want %d", u.Name, u.Found, u.Sent, want)
		}
	}
	if got.Users[2].Affinity != 100 || got.Users[0].Affinity >= 100 {
		t.Errorf("affinities %v", got.Users)
	}
}

func TestRecommendAlikeWithout(t *testing.T) {
	e := loaded(t, Options{Store: alikeStore(), Now: clock, Exclude: []AnimeID{4}})
	a, err := e.RecommendAlike(t.Context(), "requester", AlikeQuery{
		Accuracy: 93, Without: map[AnimeID]bool{3: true, 99: true}, Banned: func(name string) bool { return name == "long" },
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"middle", "same", "other", "short"}; !slices.Equal(alikeNames(a.Data.Users), want) {
		t.Errorf("users %v, want %v", alikeNames(a.Data.Users), want)
	}
	if !slices.Equal(rekoIDs(a.Data.Items), []AnimeID{7}) || a.Data.Users[0].Found != 1 || a.Data.Users[3].Found != 0 {
		t.Errorf("%+v, want 7 alone", a.Data)
	}
	// Four are too few, however often one searches.
	if a.Data.Passages != MaxPassages || a.Data.Accuracy != 75 {
		t.Errorf("%d passages, accuracy %v; want 10, and 75", a.Data.Passages, a.Data.Accuracy)
	}
	a, err = e.RecommendAlike(t.Context(), "requester", AlikeQuery{Accuracy: 7, Banned: func(string) bool { return true }})
	if err != nil || len(a.Data.Users) != 0 || len(a.Data.Items) != 0 || a.Data.Found != 0 || a.Data.Passages != MaxPassages || a.Data.Accuracy != 0 {
		t.Errorf("without anybody: %+v, %v", a.Data, err)
	}
}

// Of 24 anime more are found than sent.
func TestRecommendAlikeSendsTheBest(t *testing.T) {
	s := newMemStore()
	var l List
	for id := range AnimeID(40) {
		s.recommendable(id + 1)
		s.anime[id+1].Mean = 5 + float64(id)/10
		l = append(l, completed(id+1, 8))
	}
	s.add("requester", 8, l[39])
	s.add("all", 8, l...)
	for i := range 5 {
		s.add(fmt.Sprint("low", i), 8, l[i:i+2]...)
	}
	e := loaded(t, Options{Store: s, Now: clock})
	a, err := e.RecommendAlike(t.Context(), "requester", AlikeQuery{Accuracy: 100})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Data.Items) != MaxRekos || a.Data.Found != 39 || a.Data.Items[0].Anime.ID != 39 || a.Data.Items[23].Anime.ID != 16 {
		t.Errorf("%d of %d: %v", len(a.Data.Items), a.Data.Found, rekoIDs(a.Data.Items))
	}
	if all, low := a.Data.Users[0], a.Data.Users[1]; all.Found != 39 || all.Sent != 24 || low.Found != 2 || low.Sent != 0 {
		t.Errorf("found and sent: %+v, %+v", all, low)
	}
	if !slices.IsSortedFunc(a.Data.Items, func(a, b Reko) int {
		if a.Enjoyment >= b.Enjoyment {
			return -1
		}
		return 1
	}) {
		t.Errorf("not by enjoyment: %+v", a.Data.Items)
	}
}

// With 6,000 users the tolerance of the number of entries is 41.7 % at first, and 50 % is not enough for somebody with far
// more entries than anybody: what is above is left out, and that is in the sixth passage.
func TestSearchWidens(t *testing.T) {
	var many List
	for id := range AnimeID(40) {
		many = append(many, Entry{Anime: id + 100, Status: Completed, Episodes: 1})
	}
	users := []User{{Name: "requester", Origin: FromFile, Hash: 8, List: append(many, completed(1, 9)).Pack()}}
	two := List{completed(1, 9), completed(2, 9)}.Pack()
	for i := range 5999 {
		users = append(users, User{Name: fmt.Sprint("u", i), Origin: FromFile, Hash: 8, List: two})
	}
	one, other := described(1, "", 12, ""), described(2, "", 12, "")
	one.Mean, other.Mean = 7, 7
	s := NewMemStore([]Anime{one, other}, users)
	e := loaded(t, Options{Store: s, Now: clock})
	a, err := e.RecommendAlike(t.Context(), "requester", AlikeQuery{Accuracy: 100})
	if err != nil || a.Data.Passages != 6 || a.Data.Accuracy != 90 || len(a.Data.Users) != MaxAlike || !slices.Equal(rekoIDs(a.Data.Items), []AnimeID{2}) {
		t.Errorf("%d passages, accuracy %v, %d users, %v", a.Data.Passages, a.Data.Accuracy, len(a.Data.Users), err)
	}
}

// A forced refresh asks the source at once, but not before ten minutes are over.
func TestRefresh(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		source.has("spike", List{completed(1, 9)})
		ask := func(refresh bool, calls, entries int) {
			t.Helper()
			a, err := e.Profile(t.Context(), "spike", refresh)
			if err != nil || a.Data.Profile.Entries != entries || source.calls() != calls {
				t.Errorf("a profile of %d entries, %v, after %d calls; want %d after %d", a.Data.Profile.Entries, err, source.calls(), entries, calls)
			}
		}
		ask(true, 1, 1) // a newcomer is fetched once
		source.has("spike", List{completed(1, 9), completed(2, 9)})
		ask(true, 1, 1)
		later(10*time.Minute - time.Second)
		ask(true, 1, 1)
		later(time.Second)
		ask(false, 1, 1)
		ask(true, 2, 2)
		ask(true, 2, 2)
		if err := e.Refresh(t.Context(), "nobody"); err != nil || source.calls() != 2 {
			t.Errorf("Refresh(nobody) = %v after %d calls", err, source.calls())
		}
		if err := e.Refresh(t.Context(), "no body"); !errors.Is(err, ErrNotFound) {
			t.Errorf("Refresh of no name = %v, want ErrNotFound", err)
		}
		file := s.add("from-file", 8, completed(1, 9))
		if err := e.Refresh(t.Context(), "from-file"); err != nil || file == 0 || source.calls() != 2 {
			t.Errorf("Refresh of a list from a file = %v after %d calls", err, source.calls())
		}
		s.broken = func(method string) error { return errors.New("broken") }
		if _, err := e.Profile(t.Context(), "spike", true); !errors.Is(err, ErrStore) {
			t.Errorf("Profile() from a broken store = %v, want ErrStore", err)
		}
	})
}

// When the source fails, a forced refresh leaves the stored list, and is not tried again for a while.
func TestRefreshThatFails(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		s.fetched("spike", time.Hour, completed(1, 9))
		for _, calls := range []int{1, 1} { // the source knows nobody
			a, err := e.Profile(t.Context(), "spike", true)
			if err != nil || a.Data.Profile.Entries != 1 || source.calls() != calls {
				t.Errorf("%v after %d calls, want the stored list after %d", err, source.calls(), calls)
			}
		}
		later(time.Minute)
		if err := e.Refresh(t.Context(), "spike"); err == nil || source.calls() != 2 {
			t.Errorf("Refresh() = %v after %d calls, want the failure", err, source.calls())
		}
	})
}

func TestUpdatePopulation(t *testing.T) {
	s := alikeStore()
	e := loaded(t, Options{Store: s, Now: clock})
	other := loaded(t, Options{Store: s, Now: clock})
	run := func(want string, saved int) {
		t.Helper()
		if got, err := e.UpdatePopulation(t.Context()); got != want || err != nil || s.population.saved != saved {
			t.Errorf("UpdatePopulation() = %q, %v, %d versions; want %q, %d", got, err, s.population.saved, want, saved)
		}
	}
	run("7 users", 1)
	run("no user changed", 1)
	if p := s.population.newest; p.Users != 7 || !p.MadeAt.Equal(t0) || p.Spread(General, Share).Count != 6 {
		t.Errorf("%d users, %v, %+v", p.Users, p.MadeAt, p.Spread(General, Share))
	}
	before := other.profiles.matcher()
	if reloaded, err := other.Reload(t.Context()); reloaded || err != nil {
		t.Errorf("Reload() = %t, %v; want no change of users", reloaded, err)
	}
	after := other.profiles.matcher()
	if after == before || after.population.MadeAt.IsZero() || after.users() != 6 {
		t.Error("the new version is not noticed elsewhere")
	}
	if _, err := other.Reload(t.Context()); err != nil || other.profiles.matcher() != after {
		t.Error("loaded again without a new version")
	}
	s.add("new", 8, completed(1, 9))
	run("8 users", 2)
	if err := e.ImportAnime(t.Context(), []Anime{described(1, "1998-04-03", 26, "r", 1)}); err != nil {
		t.Fatal(err)
	}
	run("8 users", 3) // the statistics of an anime changed
	run("no user changed", 3)

	// A stored one that is of another population, or damaged, does not serve.
	for i := range 20 {
		s.add(fmt.Sprint("many", i), 8, completed(1, 9))
	}
	if err := e.Load(t.Context()); err != nil || e.profiles.matcher().population.Users != 28 {
		t.Errorf("%v, among %d users, want 28", err, e.profiles.matcher().population.Users)
	}
	for _, method := range []string{"Counter", "Population", "AllUsers", "SavePopulation", "AddCounter", "UsersState"} {
		s.broken = func(m string) error {
			if m == method {
				return errors.New("broken")
			}
			return nil
		}
		if _, err := e.UpdatePopulation(t.Context()); !errors.Is(err, ErrStore) {
			t.Errorf("without %s: %v, want ErrStore", method, err)
		}
	}
	s.broken = nil
}

// Profiles that could not be loaded are loaded with the next look.
func TestLoadingProfilesIsTriedAgain(t *testing.T) {
	s := alikeStore()
	e := loaded(t, Options{Store: s, Now: clock})
	if _, err := e.UpdatePopulation(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.broken = func(m string) error {
		if m == "AllUsers" {
			return errors.New("broken")
		}
		return nil
	}
	for range 2 {
		if _, err := e.Reload(t.Context()); !errors.Is(err, ErrStore) {
			t.Errorf("Reload() = %v, want ErrStore", err)
		}
	}
	if e.profiles.next.Load() != nil {
		t.Error("what could not be filled still gets changes")
	}
	s.broken = nil
	if _, err := e.Reload(context.WithoutCancel(t.Context())); err != nil || e.profiles.matcher().population.MadeAt.IsZero() {
		t.Errorf("Reload() = %v, or the old population stays", err)
	}
}
