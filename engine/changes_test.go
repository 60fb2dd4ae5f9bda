package engine

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"testing"
	"testing/synctest"
)

// What one process changes another one answers from once it follows, as if it had loaded everything again.
func TestFollow(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 10))
	s := randomStore(r, 60, 120)
	one, other := loaded(t, Options{Store: s, Now: clock}), loaded(t, Options{Store: s, Now: clock})
	change := map[string]func() error{
		"somebody comes":           func() error { _, err := one.Upload(t.Context(), randomList(r, 30, 120), true); return err },
		"somebody comes, unlisted": func() error { _, err := one.Upload(t.Context(), randomList(r, 30, 120), false); return err },
		"a list changes": func() error {
			u, err := s.User(t.Context(), "user7")
			if err != nil {
				return err
			}
			_, err = one.save(t.Context(), u, randomList(r, 25, 120))
			return err
		},
		"somebody is matched no more": func() error {
			u, err := s.User(t.Context(), "user8")
			u.Unlisted = true
			s.mu.Lock()
			defer s.mu.Unlock()
			s.set(u)
			return err
		},
		"somebody goes": func() error { return one.Remove(t.Context(), "user9") },
		"a list is damaged": func() error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.set(User{Name: "user10", Hash: 5, List: damaged()})
			return nil
		},
		"anime change, and hashes": func() error {
			anime := []Anime{randomAnime(r, 3), randomAnime(r, 4)}
			for i := range anime {
				anime[i].DescribedAt, anime[i].RelatedAt = clock(), clock()
			}
			if err := one.ImportAnime(t.Context(), anime); err != nil {
				return err
			}
			_, err := one.Rehash(t.Context())
			return err
		},
	}
	for what, do := range change {
		if err := do(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if n, err := other.Follow(t.Context()); err != nil || n == 0 {
			t.Errorf("%s: Follow() = %d, %v, want what changed", what, n, err)
		}
		if n, err := other.Follow(t.Context()); err != nil || n != 0 {
			t.Errorf("%s: Follow() again = %d, %v, want nothing", what, n, err)
		}
		fresh := loaded(t, Options{Store: s, Now: clock})
		if !reflect.DeepEqual(cards(other), cards(fresh)) {
			t.Errorf("%s: others are matched with\n%v\nwant\n%v", what, cards(other), cards(fresh))
		}
		for id := range AnimeID(121) {
			if a, b := other.catalogue.Load().Anime(id), fresh.catalogue.Load().Anime(id); !reflect.DeepEqual(a, b) {
				t.Errorf("%s: anime %d is %+v, want %+v", what, id, a, b)
			}
		}
	}
	// Profiles are kept of all who are matched, of the lists that they have now.
	fresh := loaded(t, Options{Store: s, Now: clock})
	if got, want := maps.Collect(other.profiles.matcher().everybody()), maps.Collect(fresh.profiles.matcher().everybody()); !reflect.DeepEqual(got, want) {
		t.Errorf("profiles of %v, want of %v", got, want)
	}
}

// cards are all users that can be matched.
func cards(e *Engine) (all []Card) {
	x := e.index.Load()
	for _, n := range must(x.Nearest(1, 0, 0, x.Len())) {
		all = append(all, n.Card)
	}
	return all
}

func must(near []Neighbour, _ bool) []Neighbour { return near }

// An engine that follows again and again while others write ends with what is stored, whatever fails meanwhile.
func TestFollowGoesOnAfterFailures(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	s := randomStore(r, 10, 50)
	one, other := loaded(t, Options{Store: s, Now: clock}), loaded(t, Options{Store: s, Now: clock})
	for i := range 40 {
		if _, err := one.Upload(t.Context(), randomList(r, 20, 50), true); err != nil {
			t.Fatal(err)
		}
		failing := []string{"Changes", "Users", ""}[i%3]
		s.broken = func(method string) error {
			if method == failing {
				return errors.New("gone")
			}
			return nil
		}
		if _, err := other.Follow(t.Context()); (err != nil) != (failing != "") {
			t.Errorf("Follow() = %v while %q fails", err, failing)
		}
		s.broken = nil
	}
	if _, err := other.Follow(t.Context()); err != nil || other.Users() != 50 {
		t.Errorf("%d users, %v, want 50", other.Users(), err)
	}
}

// Who was away for longer than the log goes back loads everything again.
func TestFollowWhatIsForgotten(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	s := randomStore(r, 10, 50)
	one, other := loaded(t, Options{Store: s, Now: clock}), loaded(t, Options{Store: s, Now: clock})
	if err := one.Remove(t.Context(), "user3"); err != nil {
		t.Fatal(err)
	}
	s.snapshots = nil
	if _, err := other.Follow(t.Context()); err != nil || other.Users() != 9 {
		t.Errorf("%d users, %v, want 9", other.Users(), err)
	}
	if _, err := other.ReloadProfiles(t.Context()); err != nil || other.profiles.matcher().users() != 9 {
		t.Errorf("%d profiles, %v, want 9", other.profiles.matcher().users(), err)
	}
	if n, err := other.Follow(t.Context()); err != nil || n != 0 {
		t.Errorf("Follow() again = %d, %v", n, err)
	}
}

// An engine that has loaded nothing is not filled by following.
func TestFollowNothing(t *testing.T) {
	e := New(Options{Store: randomStore(rand.New(rand.NewPCG(13, 13)), 10, 50)})
	if n, err := e.Follow(t.Context()); n != 0 || err != nil || e.Users() != 0 {
		t.Errorf("Follow() = %d, %v; %d users", n, err, e.Users())
	}
}

// A list that was saved just before another process's anime became known here may have missed the making of hashes.
func TestFollowedAnimeHaveHashesMadeAgain(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		other := loaded(t, Options{Store: s})
		describe := func(id AnimeID) {
			a := Anime{ID: id, Episodes: 24}
			a.DescribedAt, a.RelatedAt = e.opts.Now(), e.opts.Now()
			if err := other.describe(t.Context(), []Anime{a}); err != nil {
				t.Fatal(err)
			}
		}
		for i, saved := range []bool{false, true} {
			if saved {
				source.has("spike", List{completed(1, 9), completed(71, 9)})
				if _, err := e.Similar(t.Context(), "spike", 1); err != nil {
					t.Fatal(err)
				}
			}
			describe(AnimeID(70 + i))
			before := s.counters[counterTaste]
			if _, err := e.Follow(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := s.counters[counterTaste] > before; got != saved {
				t.Errorf("hashes will be made again: %t, want %t", got, saved)
			}
		}
		checkUpkeep(t, "Rehash", e.Rehash, "1 of 1 hashes changed", nil)
	})
}

// Questions that need no profiles are answered before those are there; the others wait, and say that it is too early.
func TestQuestionsBeforeProfiles(t *testing.T) { synctest.Test(t, questionsBeforeProfiles) }

func questionsBeforeProfiles(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 14))
	s := randomStore(r, 30, 80)
	full := loaded(t, Options{Store: s, Now: clock})
	ask := func(e *Engine) (errs [4]error) {
		_, errs[0] = e.Similar(t.Context(), "requester", 1)
		_, errs[1] = e.Recommend(t.Context(), "requester", Query{})
		_, errs[2] = e.RecommendAlike(t.Context(), "requester", AlikeQuery{Accuracy: 100})
		_, errs[3] = e.Profile(t.Context(), "requester", false)
		return errs
	}
	if errs := ask(full); errs != [4]error{} {
		t.Fatalf("with profiles: %v", errs)
	}
	e := New(Options{Store: s, Now: clock})
	if err := e.LoadUsers(t.Context()); err != nil {
		t.Fatal(err)
	}
	errs := ask(e)
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], ErrStarting) || !errors.Is(errs[3], ErrStarting) {
		t.Errorf("without profiles: %v", errs)
	}

	// With a stored population, a single profile needs no others.
	if _, err := full.UpdatePopulation(t.Context()); err != nil {
		t.Fatal(err)
	}
	e = New(Options{Store: s, Now: clock})
	if err := e.LoadUsers(t.Context()); err != nil {
		t.Fatal(err)
	}
	early, err := e.Profile(t.Context(), "requester", false)
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error)
	go func() {
		_, err := e.RecommendAlike(t.Context(), "requester", AlikeQuery{Accuracy: 100})
		waiting <- err
	}()
	if err := e.LoadProfiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; err != nil {
		t.Errorf("who waited: %v", err)
	}
	late, err := e.Profile(t.Context(), "requester", false)
	if err != nil || fmt.Sprint(early.Data.Ranks) != fmt.Sprint(late.Data.Ranks) {
		t.Errorf("the profile is another one once all are there: %v", err)
	}
}

// A store that went back, and came to the same numbers again by other changes, has everything loaded again: what is kept out, too, which is
// noticed by such a number else.
func TestFollowWhereTheStoreWentBack(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	s := randomStore(r, 20, 50)
	one, other := loaded(t, Options{Store: s, Now: clock}), loaded(t, Options{Store: s, Now: clock})
	if _, err := one.KeepOut(t.Context(), "julia"); err != nil {
		t.Fatal(err)
	}
	s.snapshots = nil
	other.kept.Store(&keptOut{seen: one.kept.Load().seen})
	failing := true
	s.broken = func(method string) error {
		if failing && method == "KeptOut" {
			return errors.New("gone")
		}
		return nil
	}
	if _, err := other.Follow(t.Context()); err == nil {
		t.Error("not everything can be loaded, and Follow does not tell")
	}
	failing = false
	if n, err := other.Follow(t.Context()); err != nil || n != 20 {
		t.Errorf("Follow() = %d, %v, want all 20", n, err)
	}
	if !reflect.DeepEqual(other.kept.Load(), one.kept.Load()) {
		t.Errorf("kept out are %v, want %v", other.kept.Load(), one.kept.Load())
	}
	if !other.profiles.outdated.Load() {
		t.Error("profiles stay as they were")
	}
}
