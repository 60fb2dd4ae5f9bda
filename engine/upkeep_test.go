package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

type upkeep func(context.Context) (string, error)

func checkUpkeep(t *testing.T, what string, do upkeep, outcome string, failure error) {
	t.Helper()
	got, err := do(t.Context())
	if got != outcome || !errors.Is(err, failure) || (err == nil) != (failure == nil) {
		t.Errorf("%s() = %q, %v; want %q, %v", what, got, err, outcome, failure)
	}
}

func TestUpkeepWithoutSource(t *testing.T) {
	e := loaded(t, Options{Store: newMemStore()})
	checkUpkeep(t, "RefreshStale", e.RefreshStale, "", ErrUpstream)
	checkUpkeep(t, "DescribeAnime", e.DescribeAnime, "", ErrUpstream)
	checkUpkeep(t, "UpdateAiring", e.UpdateAiring, "", ErrUpstream)
	checkUpkeep(t, "Rehash", e.Rehash, "no anime changed", nil)
}

func TestUpkeepWhenTheStoreFails(t *testing.T) {
	s := newMemStore()
	e := loaded(t, Options{Store: s, Source: newFakeSource()})
	s.broken = func(string) error { return errors.New("disk full") }
	for what, do := range map[string]upkeep{
		"RefreshStale": e.RefreshStale, "DescribeAnime": e.DescribeAnime, "UpdateAiring": e.UpdateAiring, "Rehash": e.Rehash,
	} {
		checkUpkeep(t, what, do, "", ErrStore)
	}
}

func TestRefreshStale(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		checkUpkeep(t, "RefreshStale", e.RefreshStale, "0 of 0 lists refreshed", nil)
		s.fetched("fresh", 71*time.Hour, completed(1, 9))
		s.fetched("spike", 80*time.Hour, completed(1, 9))
		s.fetched("faye", 90*time.Hour, completed(1, 9))
		s.fetched("private", 100*time.Hour, completed(1, 9))
		s.add("file", 8, completed(1, 9))
		for _, name := range []string{"fresh", "spike", "faye", "file"} {
			source.has(name, List{completed(2, 7)})
		}
		source.fails("private", ErrPrivate)
		checkUpkeep(t, "RefreshStale", e.RefreshStale, "3 of 3 lists refreshed, 1 of them private", nil)
		var asked []string
		for _, a := range source.asked {
			asked = append(asked, a.name)
		}
		if want := []string{"private", "faye", "spike"}; !slices.Equal(asked, want) {
			t.Errorf("asked for %v, want the stalest first: %v", asked, want)
		}
		for name, want := range map[string]Hash{"fresh": 8, "spike": taste12, "faye": taste12, "private": 8, "file": 8} {
			if u := s.stored(t, name); u.Hash != want {
				t.Errorf("stored hash of %s is %s, want %s", name, u.Hash, want)
			}
		}
		if u := s.stored(t, "private"); u.Failures != 1 || !u.PrivateAt.Equal(time.Now()) {
			t.Errorf("the private list is stored as %+v", u)
		}
		if e.Users() != 2 {
			t.Errorf("%d users can be matched, want the 2 that came since the store was loaded", e.Users())
		}
		checkUpkeep(t, "RefreshStale", e.RefreshStale, "0 of 0 lists refreshed", nil) // a private one is left alone for a while
		later(73 * time.Hour)
		source.fails("private", ErrUpstream)
		checkUpkeep(t, "RefreshStale", e.RefreshStale, "3 of 4 lists refreshed", ErrUpstream)
	})
}

func TestRefreshStaleHandlesABoundedBatch(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		for i := range 70 {
			name := fmt.Sprintf("user%d", i)
			s.fetched(name, 100*time.Hour, completed(1, 9))
			source.has(name, List{completed(1, 9)})
		}
		checkUpkeep(t, "RefreshStale", e.RefreshStale, "50 of 50 lists refreshed", nil)
		checkUpkeep(t, "RefreshStale", e.RefreshStale, "20 of 20 lists refreshed", nil)
		checkUpkeep(t, "RefreshStale", e.RefreshStale, "0 of 0 lists refreshed", nil)
	})
}

func TestUpkeepStopsWhenItsContextIsDone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var done []int
	outcome, err := each(ctx, "numbers written", []int{1, 2, 3, 4}, func(n int) error {
		done = append(done, n)
		if n == 2 {
			cancel()
		}
		return nil
	})
	if outcome != "2 of 4 numbers written" || !errors.Is(err, context.Canceled) || len(done) != 2 {
		t.Errorf("each() = %q, %v after %v; want it to stop after 2", outcome, err, done)
	}
}

// A source that is not asked for one is not asked for the others either, and nothing is held against what was not asked for.
func TestUpkeepStopsWhenTheSourceIsNotAsked(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		for _, name := range []string{"spike", "faye", "ed"} {
			s.fetched(name, 100*time.Hour, completed(1, 9))
			source.fails(name, ErrNotAsked)
		}
		checkUpkeep(t, "RefreshStale", e.RefreshStale, "0 of 3 lists refreshed", ErrNotAsked)
		if n := source.calls(); n != 1 {
			t.Errorf("%d lists were wanted, want 1", n)
		}
		source.resting = true
		s.mention(5)
		s.mention(6)
		checkUpkeep(t, "DescribeAnime", e.DescribeAnime, "0 of 2 anime described", ErrNotAsked)
		if want := []AnimeID{5}; !slices.Equal(source.askedOf, want) || s.anime[5].failures != 0 {
			t.Errorf("asked for %v, want %v; %d failures are counted", source.askedOf, want, s.anime[5].failures)
		}
	})
}

func TestDescribeAnime(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		checkUpkeep(t, "DescribeAnime", e.DescribeAnime, "0 of 0 anime described", nil)
		// What has its relations already comes from recommendable; 7 has its details from a list and waits for relations.
		source.has("spike", List{completed(7, 9), completed(5, 9), completed(6, 9)}, Anime{ID: 7, Title: "seven", Episodes: 12, DescribedAt: time.Now()})
		if _, err := e.Similar(t.Context(), "spike", 1); err != nil {
			t.Fatal(err)
		}
		for _, id := range []AnimeID{5, 7} {
			source.anime[id] = Anime{ID: id, Title: "described", Episodes: 24, DescribedAt: time.Now(), RelatedAt: time.Now()}
		}
		checkUpkeep(t, "DescribeAnime", e.DescribeAnime, "2 of 3 anime described", ErrUpstream)
		if want := []AnimeID{5, 6, 7}; !slices.Equal(source.askedOf, want) {
			t.Errorf("asked for %v, want %v", source.askedOf, want)
		}
		if s.anime[6].failures != 1 || e.catalogue.Load().Anime(5) == nil || e.catalogue.Load().Anime(6) != nil {
			t.Errorf("failures of 6: %d, in memory 5: %v, 6: %v", s.anime[6].failures, e.catalogue.Load().Anime(5), e.catalogue.Load().Anime(6))
		}
		checkUpkeep(t, "DescribeAnime", e.DescribeAnime, "0 of 1 anime described", ErrUpstream)
	})
}

func TestUpdateAiring(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, _ *Engine, s *memStore, source *fakeSource) {
		for id, status := range map[AnimeID]Airing{11: CurrentlyAiring, 12: NotYetAired, 13: FinishedAiring, 14: CurrentlyAiring, 15: CurrentlyAiring} {
			s.mention(id).Anime = Anime{ID: id, Status: status, DescribedAt: time.Now().Add(-25 * time.Hour), RelatedAt: time.Now()}
		}
		s.anime[14].DescribedAt = time.Now().Add(-23 * time.Hour)
		s.anime[1].Status, s.anime[2].Status = FinishedAiring, FinishedAiring
		for _, id := range []AnimeID{11, 12} {
			source.anime[id] = Anime{ID: id, Status: FinishedAiring, Episodes: 12, DescribedAt: time.Now(), RelatedAt: time.Now()}
		}
		e := loaded(t, Options{Store: s, Source: source})
		checkUpkeep(t, "UpdateAiring", e.UpdateAiring, "2 of 3 airing anime updated", ErrUpstream) // 15 fails
		if want := []AnimeID{11, 12, 15}; !slices.Equal(source.askedOf, want) {
			t.Errorf("asked for %v, want %v", source.askedOf, want)
		}
		if a := e.catalogue.Load().Anime(11); a.Status != FinishedAiring || s.anime[11].Status != FinishedAiring {
			t.Errorf("anime 11 is %v, stored %v; want it finished", a.Status, s.anime[11].Status)
		}
		checkUpkeep(t, "UpdateAiring", e.UpdateAiring, "0 of 1 airing anime updated", ErrUpstream)
	})
}

func TestRehash(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		source.has("spike", List{completed(1, 9), completed(3, 9)}) // nobody described 3
		source.has("faye", List{completed(1, 9)})
		source.has("ed", List{completed(3, 9)})
		for _, name := range []string{"spike", "faye", "ed"} {
			if _, err := e.Similar(t.Context(), name, 1); err != nil && !errors.Is(err, ErrNoHash) {
				t.Fatal(err)
			}
		}
		s.set(User{Name: "ein", Origin: FromFile, Hash: 5, List: damaged(completed(3, 9))})
		checkUpkeep(t, "Rehash", e.Rehash, "no anime changed", nil)

		// 24 episodes are at place 13, 12 at place 1.
		a := Anime{ID: 3, Episodes: 24, DescribedAt: time.Now(), RelatedAt: time.Now()}
		source.anime[3] = a
		checkUpkeep(t, "DescribeAnime", e.DescribeAnime, "1 of 1 anime described", nil)
		checkUpkeep(t, "Rehash", e.Rehash, "2 of 4 hashes changed", nil)
		checkUpkeep(t, "Rehash", e.Rehash, "no anime changed", nil)
		const taste24 Hash = 1 << (63 - 13)
		for name, want := range map[string]Hash{"spike": taste12 | taste24, "faye": taste12, "ed": taste24, "ein": 5} {
			if u := s.stored(t, name); u.Hash != want {
				t.Errorf("stored hash of %s is %s, want %s", name, u.Hash, want)
			}
		}
		// In memory too, where ed had no hash before, and ein was not.
		if x, err := e.Similar(t.Context(), "ed", 1); err != nil || len(x.Data) != 3 || x.Data[0].Hash != taste12|taste24 {
			t.Errorf("Similar(ed) = %+v, %v; want spike, faye, then ein", x.Data, err)
		}
	})
}

// A list that is saved while hashes are made again keeps its own hash.
func TestRehashLeavesNewerListsAlone(t *testing.T) {
	s := newMemStore()
	s.recommendable(1, 2)
	s.add("spike", 5, completed(1, 9))
	s.add("faye", 5, completed(1, 9))
	e := loaded(t, Options{Store: s, Now: clock})
	s.counters[counterTaste] = 1
	s.broken = func(method string) error {
		if method == "SetHashes" {
			s.add("faye", 6, completed(2, 9))
		}
		return nil
	}
	checkUpkeep(t, "Rehash", e.Rehash, "1 of 2 hashes changed", nil)
	if spike, faye := s.stored(t, "spike").Hash, s.stored(t, "faye").Hash; spike != taste12 || faye != 6 {
		t.Errorf("stored hashes are %s and %s, want %s and that of the newer list, 06", spike, faye, taste12)
	}
}

func TestRehashGoesInBatches(t *testing.T) {
	s := newMemStore()
	s.recommendable(1)
	for i := range 1201 {
		s.add(fmt.Sprintf("user%d", i), 5, completed(1, 9))
	}
	e := loaded(t, Options{Store: s, Now: clock})
	s.counters[counterTaste] = 3
	batches := 0
	s.broken = func(method string) error {
		if method == "SetHashes" {
			batches++
		}
		return nil
	}
	checkUpkeep(t, "Rehash", e.Rehash, "1201 of 1201 hashes changed", nil)
	if batches != 3 || s.counters[counterHashed] != 3 {
		t.Errorf("%d batches, %d counted; want 3, 3", batches, s.counters[counterHashed])
	}
	near, _ := e.index.Load().Nearest(taste12, 0, 0, 2000)
	if len(near) != 1201 || near[1200].Distance != 0 {
		t.Errorf("%d users in memory, the last at distance %d; want 1201 at 0", len(near), near[len(near)-1].Distance)
	}
}

func TestRehashThatFailsIsDoneAgain(t *testing.T) {
	s := newMemStore()
	s.recommendable(1)
	s.add("spike", 5, completed(1, 9))
	e := loaded(t, Options{Store: s, Now: clock})
	s.counters[counterTaste] = 1
	for _, failing := range []string{"AllUsers", "SetHashes", "AddCounter"} {
		s.broken = func(method string) error {
			if method == failing {
				return errors.New("disk full")
			}
			return nil
		}
		checkUpkeep(t, "Rehash", e.Rehash, "", ErrStore)
	}
	s.broken = nil
	checkUpkeep(t, "Rehash", e.Rehash, "0 of 1 hashes changed", nil) // they were, when the counter failed
	checkUpkeep(t, "Rehash", e.Rehash, "no anime changed", nil)
}

func TestImport(t *testing.T) {
	ctx := t.Context()
	s := newMemStore()
	importing, serving := loaded(t, Options{Store: s, Now: clock}), loaded(t, Options{Store: s, Now: clock})
	users := []User{
		{Name: "spike", Origin: FromFile, List: List{completed(1, 9), completed(4, 9)}.Pack(), FetchedAt: t0},
		{Name: "faye", Origin: FromFile, Hash: 99, List: List{{Anime: 5, Status: Planned}}.Pack(), FetchedAt: t0},
	}
	anime := []Anime{{ID: 1, Title: "one", Episodes: 12, DescribedAt: t0, RelatedAt: t0}}
	if err := importing.ImportAnime(ctx, anime); err != nil {
		t.Fatal(err)
	}
	if err := importing.ImportUsers(ctx, users); err != nil {
		t.Fatal(err)
	}
	checkUpkeep(t, "Rehash", importing.Rehash, "0 of 2 hashes changed", nil)
	if got := []Hash{s.stored(t, "spike").Hash, s.stored(t, "faye").Hash}; !slices.Equal(got, []Hash{taste12, 0}) {
		t.Errorf("stored hashes are %v, want %s and none", got, taste12)
	}
	if ids, err := s.UndescribedAnime(ctx, 9); err != nil || len(ids) != 2 || !slices.Contains(ids, 4) || !slices.Contains(ids, 5) {
		t.Errorf("waiting for a description are %v, %v; want 4 and 5", ids, err)
	}
	if again, err := serving.Reload(ctx); again || err != nil {
		t.Errorf("Reload() = %t, %v before the import is done", again, err)
	}
	if err := importing.ImportDone(ctx); err != nil {
		t.Fatal(err)
	}
	if importing.Users() != 1 || importing.Titles() != 1 || serving.Users() != 0 || serving.Titles() != 0 {
		t.Errorf("%d users, %d anime where was imported; %d, %d elsewhere", importing.Users(), importing.Titles(), serving.Users(), serving.Titles())
	}
	if again, err := importing.Reload(ctx); again || err != nil {
		t.Errorf("Reload() = %t, %v where was imported, want nothing to do", again, err)
	}
	for _, want := range []bool{true, false} {
		forgotten := s.forgotten
		if again, err := serving.Reload(ctx); again != want || err != nil {
			t.Errorf("Reload() = %t, %v; want %t", again, err, want)
		}
		if (s.forgotten > forgotten) != want || serving.Users() != 1 || serving.Titles() != 1 {
			t.Errorf("%d users, %d anime; the store forgot: %t", serving.Users(), serving.Titles(), s.forgotten > forgotten)
		}
	}
	if err := importing.ImportUsers(ctx, []User{{Name: "ein", List: damaged(completed(1, 1))}}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("ImportUsers() of a damaged list fails with %v, want ErrCorrupt", err)
	}
	if _, err := s.User(ctx, "ein"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a damaged list was imported: %v", err)
	}
}

func TestLoadThatFailsChangesNothing(t *testing.T) {
	s := crowdedStore(3, 2)
	e := loaded(t, Options{Store: s, Now: clock})
	s.add("newcomer", 9, completed(1, 9))
	s.counters[counterBulk] = 1
	for _, failing := range []string{"Counter", "Anime", "Cards"} {
		s.broken = func(method string) error {
			if method == failing {
				return errors.New("disk full")
			}
			return nil
		}
		if err := e.Load(t.Context()); !errors.Is(err, ErrStore) {
			t.Errorf("Load() = %v when %s fails, want ErrStore", err, failing)
		}
		if _, err := e.Reload(t.Context()); !errors.Is(err, ErrStore) {
			t.Errorf("Reload() = %v when %s fails, want ErrStore", err, failing)
		}
		if e.Users() != 4 || e.Titles() != 7 {
			t.Errorf("%d users, %d anime after Load() failed, want what was there: 4, 7", e.Users(), e.Titles())
		}
	}
	s.broken = nil
	if again, err := e.Reload(t.Context()); !again || err != nil || e.Users() != 5 {
		t.Errorf("Reload() = %t, %v with %d users; want 5", again, err, e.Users())
	}
}
