package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// whoever is how engines see somebody beside spike.
type whoever struct {
	name    string
	engines []*Engine
}

// seen tells in which ways anything of the user comes up in what others are told.
func (w whoever) seen(t *testing.T) (ways []string) {
	t.Helper()
	for i, e := range w.engines {
		at := func(way string) { ways = append(ways, []string{"here: ", "elsewhere: "}[i]+way) }
		similar, err := e.Similar(t.Context(), "spike", 1)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(namesOf(similar.Data), w.name) {
			at("similar")
		}
		recs, err := e.Recommend(t.Context(), "spike", Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range recs.Data.Items {
			for _, v := range r.Votes {
				if v.Name == w.name {
					at("vote")
				}
			}
		}
		alike, err := e.RecommendAlike(t.Context(), "spike", AlikeQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range alike.Data.Users {
			if u.Name == w.name {
				at("alike")
			}
		}
		if slices.ContainsFunc(e.NamesLike(w.name, 5), func(c Card) bool { return c.Name == w.name }) {
			at("names")
		}
		if slices.ContainsFunc(e.Some(100), func(c Card) bool { return c.Name == w.name }) {
			at("some")
		}
		for way, ask := range w.questions(e) {
			if ask(t.Context()) == nil {
				at(way)
			}
		}
	}
	return ways
}

// questions are all that can be asked of the user.
func (w whoever) questions(e *Engine) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"own recommendations": func(ctx context.Context) error { return second(e.Recommend(ctx, w.name, Query{})) },
		"own similar":         func(ctx context.Context) error { return second(e.Similar(ctx, w.name, 1)) },
		"own random":          func(ctx context.Context) error { return second(e.Random(ctx, w.name, Query{}, nil)) },
		"own alike":           func(ctx context.Context) error { return second(e.RecommendAlike(ctx, w.name, AlikeQuery{})) },
		"own profile":         func(ctx context.Context) error { return second(e.Profile(ctx, w.name, false)) },
		"own explanation":     func(ctx context.Context) error { return second(e.Explain(ctx, w.name)) },
		"portrait":            func(ctx context.Context) error { return second(e.Portrait(ctx, w.name)) },
		"recommended from":    func(ctx context.Context) error { return second(e.RecommendFrom(ctx, "spike", w.name, Query{})) },
		"compared with":       func(ctx context.Context) error { return second(e.Compare(ctx, "spike", w.name)) },
		"compared":            func(ctx context.Context) error { return second(e.Compare(ctx, w.name, "spike")) },
	}
}

func second[T any](_ T, err error) error { return err }

// refuses checks that all questions of the user fail in that way.
func (w whoever) refuses(t *testing.T, kind error) {
	t.Helper()
	for _, e := range w.engines {
		for way, ask := range w.questions(e) {
			if err := ask(t.Context()); !errors.Is(err, kind) {
				t.Errorf("%s of %s: %v, want %v", way, w.name, err, kind)
			}
		}
	}
}

// twoInstances runs a test with two engines on one store, where spike and faye are alike and faye can recommend something.
func twoInstances(t *testing.T, test func(t *testing.T, here, elsewhere *Engine, s *memStore, source *fakeSource)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, source := newMemStore(), newFakeSource()
		s.recommendable(1, 2, 3)
		list := List{completed(1, 9), completed(2, 8)}
		for _, name := range []string{"spike", "faye", "jet"} {
			s.fetched(name, time.Hour, list...)
			source.has(name, list)
		}
		longer := append(slices.Clone(list), completed(3, 10))
		source.has("faye", longer)
		s.fetched("faye", time.Hour, longer...)
		o := Options{Store: s, Source: source}
		test(t, loaded(t, o), loaded(t, o), s, source)
	})
}

func TestPrivateListsAreSeenByNobody(t *testing.T) {
	for _, how := range []struct {
		name string
		ask  func(*testing.T, *Engine)
	}{
		{"by the job", func(t *testing.T, e *Engine) {
			if _, err := e.RefreshStale(t.Context()); err != nil {
				t.Error(err)
			}
		}},
		{"by who asks", func(t *testing.T, e *Engine) {
			if _, err := e.Similar(t.Context(), "faye", 1); !errors.Is(err, ErrPrivate) {
				t.Error(err)
			}
		}},
		{"by who compares", func(t *testing.T, e *Engine) {
			if _, err := e.Compare(t.Context(), "spike", "faye"); !errors.Is(err, ErrPrivate) {
				t.Error(err)
			}
		}},
		{"by an admin", func(t *testing.T, e *Engine) {
			if _, err := e.FetchNow(t.Context(), "faye"); !errors.Is(err, ErrPrivate) {
				t.Error(err)
			}
		}},
	} {
		t.Run(how.name, func(t *testing.T) {
			twoInstances(t, func(t *testing.T, here, elsewhere *Engine, s *memStore, source *fakeSource) {
				faye := whoever{"faye", []*Engine{here, elsewhere}}
				before := faye.seen(t)
				if len(before) != 2*15 {
					t.Fatalf("at first faye is seen in %d ways: %q", len(before), before)
				}
				list := s.storedList(t, "faye")
				later(80 * time.Hour)
				source.fails("faye", ErrUpstream) // which makes nobody private
				if _, err := here.Similar(t.Context(), "faye", 1); err != nil {
					t.Fatal(err)
				}
				later(2 * time.Minute)
				source.fails("faye", ErrPrivate)
				how.ask(t, here)
				catchUp(t, elsewhere)
				if ways := faye.seen(t); len(ways) != 0 {
					t.Errorf("a private list is seen: %q", ways)
				}
				faye.refuses(t, ErrPrivate)
				restarted := loaded(t, Options{Store: s, Source: source})
				if ways := (whoever{"faye", []*Engine{restarted}}).seen(t); len(ways) != 0 {
					t.Errorf("after a restart a private list is seen: %q", ways)
				}
				if _, err := here.Rehash(t.Context()); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(s.storedList(t, "faye"), list) {
					t.Error("the stored list is lost")
				}

				// Nobody has to do anything for it to come back.
				source.has("faye", list)
				later(time.Minute)
				for _, e := range faye.engines {
					if _, err := e.Similar(t.Context(), "faye", 1); err != nil {
						t.Errorf("public again: %v", err)
					}
				}
				if ways := (whoever{"faye", []*Engine{here}}).seen(t); len(ways) != 15 {
					t.Errorf("public again and seen in %d ways: %q", len(ways), ways)
				}
			})
		})
	}
}

// The job finds out by itself that a list is public again.
func TestPrivateListsComeBackByTheJob(t *testing.T) {
	twoInstances(t, func(t *testing.T, here, _ *Engine, s *memStore, source *fakeSource) {
		list := s.storedList(t, "faye")
		later(80 * time.Hour)
		source.fails("faye", ErrPrivate)
		checkUpkeep(t, "RefreshStale", here.RefreshStale, "3 of 3 lists refreshed, 1 of them private", nil)
		asked := source.calls()
		checkUpkeep(t, "RefreshStale", here.RefreshStale, "0 of 0 lists refreshed", nil)
		if source.calls() != asked {
			t.Error("a private list is asked for again at once")
		}
		source.has("faye", list)
		later(80 * time.Hour)
		checkUpkeep(t, "RefreshStale", here.RefreshStale, "3 of 3 lists refreshed", nil)
		if ways := (whoever{"faye", []*Engine{here}}).seen(t); len(ways) != 15 {
			t.Errorf("seen in %d ways: %q", len(ways), ways)
		}
	})
}

// catchUp does what a server does each second, or when another one changed something.
func catchUp(t *testing.T, e *Engine) {
	t.Helper()
	if _, err := e.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestKeepOut(t *testing.T) {
	twoInstances(t, func(t *testing.T, here, elsewhere *Engine, s *memStore, source *fakeSource) {
		faye := whoever{"faye", []*Engine{here, elsewhere}}
		if err := here.Note(t.Context(), Action{Admin: "a", What: "fetched the list of", On: "faye"}); err != nil {
			t.Fatal(err)
		}
		hash, err := here.KeepOut(t.Context(), "Faye")
		if err != nil {
			t.Fatal(err)
		}
		if ways := (whoever{"faye", []*Engine{here}}).seen(t); len(ways) != 0 {
			t.Errorf("seen at once: %q", ways)
		}
		catchUp(t, elsewhere)
		if ways := faye.seen(t); len(ways) != 0 {
			t.Errorf("seen: %q", ways)
		}
		asked := source.calls()
		faye.refuses(t, ErrNotFound)
		for _, e := range append(faye.engines, loaded(t, Options{Store: s, Source: source})) {
			if err := e.ImportUsers(t.Context(), []User{{Name: "faye", Origin: FromFile, List: List{completed(1, 9)}.Pack()}, {Name: "ed", Origin: FromFile, List: List{completed(1, 9)}.Pack()}}); err != nil {
				t.Error(err)
			}
			if _, err := e.Stored(t.Context(), "faye"); !errors.Is(err, ErrNotFound) {
				t.Errorf("after an import: %v", err)
			}
			if err := e.Refresh(t.Context(), "faye"); err != nil {
				t.Error(err)
			}
		}
		if source.calls() != asked {
			t.Error("the source is asked for somebody who is kept out")
		}
		if s.stored(t, "ed").ID == 0 {
			t.Error("an import with somebody who is kept out brings nobody")
		}
		actions, _, err := here.Actions(t.Context(), 1)
		if err != nil || actions[0].On != hash.String() || strings.Contains(hash.String(), "faye") {
			t.Errorf("logged is %+v, %v", actions, err)
		}

		// Twice is as once, and a name of which there is no list can be kept out as well.
		for _, name := range []string{"faye", "nobody-yet"} {
			if _, err := elsewhere.KeepOut(t.Context(), name); err != nil {
				t.Error(err)
			}
		}
		source.has("nobody-yet", List{completed(1, 9)})
		if _, err := elsewhere.Similar(t.Context(), "nobody-yet", 1); !errors.Is(err, ErrNotFound) {
			t.Errorf("somebody who was never stored: %v", err)
		}
		if kept, err := here.KeptOut(t.Context()); err != nil || len(kept) != 2 || !kept[0].At.Equal(time.Now()) {
			t.Errorf("kept out are %+v, %v", kept, err)
		}
		for _, name := range []string{"", "x", "no name", strings.Repeat("a", 17)} {
			if _, err := here.KeepOut(t.Context(), name); !errors.Is(err, ErrInvalid) {
				t.Errorf("keeping %q out: %v", name, err)
			}
		}

		if _, err := here.LetIn(t.Context(), "FAYE"); err != nil {
			t.Fatal(err)
		}
		if _, err := here.LetIn(t.Context(), "faye"); !errors.Is(err, ErrNotFound) {
			t.Errorf("letting in twice: %v", err)
		}
		if _, err := elsewhere.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		later(time.Minute)
		for _, e := range faye.engines {
			if _, err := e.Similar(t.Context(), "faye", 1); err != nil {
				t.Errorf("let in again: %v", err)
			}
		}
	})
}

// A list that was on its way when its user came to be kept out is not stored, whichever instance fetched it.
func TestKeepOutOfSomebodyOnTheWay(t *testing.T) {
	for _, known := range []bool{false, true} {
		twoInstances(t, func(t *testing.T, here, elsewhere *Engine, s *memStore, source *fakeSource) {
			name := "newcomer"
			if known {
				name = "faye"
				later(80 * time.Hour)
			}
			source.has(name, List{completed(1, 9)})
			open := source.close()
			for _, e := range []*Engine{here, elsewhere} {
				ctx := WithPatience(t.Context(), time.Second)
				if _, err := e.Similar(ctx, name, 1); known == (err != nil) {
					t.Errorf("while it is fetched: %v", err)
				}
			}
			if _, err := here.KeepOut(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			open()
			synctest.Wait()
			if _, err := s.User(t.Context(), name); !errors.Is(err, ErrNotFound) {
				t.Errorf("stored: %v", err)
			}
			catchUp(t, elsewhere)
			if ways := (whoever{name, []*Engine{here, elsewhere}}).seen(t); len(ways) != 0 {
				t.Errorf("seen: %q", ways)
			}
		})
	}
}

func TestForgetAddresses(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, _ *memStore, _ *fakeSource) {
		for _, from := range []string{"192.0.2.1", "2001:db8::1", "command line"} {
			if err := e.Note(t.Context(), Action{Admin: "a", What: "did", From: from}); err != nil {
				t.Fatal(err)
			}
			later(24 * time.Hour)
		}
		forget := func(days int) upkeep {
			return func(ctx context.Context) (string, error) {
				return e.ForgetAddresses(ctx, time.Duration(days)*24*time.Hour)
			}
		}
		checkUpkeep(t, "ForgetAddresses", forget(3), "0 addresses forgotten", nil)
		checkUpkeep(t, "ForgetAddresses", forget(2), "1 addresses forgotten", nil)
		checkUpkeep(t, "ForgetAddresses", forget(0), "1 addresses forgotten", nil)
		actions, _, err := e.Actions(t.Context(), 1)
		if err != nil || len(actions) != 3 || actions[0].From != "command line" || actions[1].From != "" || actions[2].From != "" || actions[2].What != "did" {
			t.Errorf("%+v, %v", actions, err)
		}
	})
}

// remembering is a store that has somebody in memory as it was once.
type remembering struct {
	*memStore
	was User
}

func (s remembering) User(ctx context.Context, name string) (User, error) {
	if name == s.was.Name {
		return s.was, nil
	}
	return s.memStore.User(ctx, name)
}

// Who is kept out is deleted as stored now, even if another instance deleted and stored the list again a moment ago.
func TestKeepOutOfSomebodyRememberedOtherwise(t *testing.T) {
	s := remembering{memStore: newMemStore()}
	s.fetched("spike", time.Hour, completed(1, 9))
	s.fetched("faye", time.Hour, completed(1, 8))
	s.was = s.stored(t, "faye")
	if err := s.DeleteUser(t.Context(), s.was.ID); err != nil {
		t.Fatal(err)
	}
	s.fetched("faye", time.Hour, completed(1, 8))
	e := loaded(t, Options{Store: s})
	if _, err := e.KeepOut(t.Context(), "faye"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.memStore.User(t.Context(), "faye"); !errors.Is(err, ErrNotFound) {
		t.Errorf("stored: %v", err)
	}
	if n := e.Users(); n != 1 {
		t.Errorf("%d can be matched, want 1", n)
	}
}

// Whoever loads everything again knows of the lists that are public again meanwhile.
func TestPublicAgainWhileNobodyFollowed(t *testing.T) {
	for _, bulk := range []bool{false, true} {
		twoInstances(t, func(t *testing.T, here, elsewhere *Engine, s *memStore, _ *fakeSource) {
			faye := s.stored(t, "faye")
			if err := elsewhere.hide(t.Context(), faye); err != nil {
				t.Fatal(err)
			}
			catchUp(t, here)
			if !here.hidden.has(faye.ID) {
				t.Fatal("a private list is not noticed")
			}
			if _, err := s.SaveUser(t.Context(), faye); err != nil { // which is public
				t.Fatal(err)
			}
			if bulk {
				if err := elsewhere.ImportDone(t.Context()); err != nil {
					t.Fatal(err)
				}
			} else {
				s.snapshots = nil
			}
			catchUp(t, here)
			if here.hidden.has(faye.ID) {
				t.Errorf("hidden still, loaded again because of an import: %t", bulk)
			}
		})
	}
}
