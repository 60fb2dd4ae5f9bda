package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// taste12 is the hash of a list whose anime have about 12 episodes, and nothing else is known of them.
const taste12 Hash = 1 << 62

// fetched stores somebody of MyAnimeList whose list came so long ago, whole.
func (s *memStore) fetched(name string, ago time.Duration, l ...Entry) UserID {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := time.Now().Add(-ago)
	return s.set(User{Name: name, Origin: FromMAL, Hash: 8, List: List(l).Pack(), FetchedAt: at, FullAt: at})
}

// stored returns what the store has of somebody.
func (s *memStore) stored(t *testing.T, name string) User {
	t.Helper()
	u, err := s.User(context.WithoutCancel(t.Context()), name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (s *memStore) storedList(t *testing.T, name string) List {
	t.Helper()
	l, err := s.stored(t, name).List.Unpack(nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// inBubble runs a test where time stands still while anybody does something. The store describes anime 1 and 2.
func inBubble(t *testing.T, o Options, test func(t *testing.T, e *Engine, s *memStore, source *fakeSource)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, source := newMemStore(), newFakeSource()
		s.recommendable(1, 2)
		o.Store, o.Source = s, source
		test(t, loaded(t, o), s, source)
	})
}

func TestNewcomerIsFetchedAndSaved(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		list := List{completed(1, 9), completed(3, 8), {Anime: 4, Status: Planned}}
		source.has("spike", list, Anime{ID: 3, Title: "three", Episodes: 12, DescribedAt: time.Now()})
		a, err := e.Similar(t.Context(), "Spike", 1)
		if err != nil || a.Requester.Name != "spike" || a.Requester.Hash != taste12 || a.Requester.Stale {
			t.Fatalf("Similar(Spike) is of %+v, %v", a.Requester, err)
		}
		if got := source.lastCall(); got.name != "spike" || got.known != nil || !got.full {
			t.Errorf("the source was asked for %+v, want the whole list of spike", got)
		}
		u := s.stored(t, "spike")
		if u.Origin != FromMAL || u.Hash != taste12 || u.ID != a.Requester.ID || !u.FetchedAt.Equal(time.Now()) || !u.FullAt.Equal(time.Now()) {
			t.Errorf("stored is %+v", u)
		}
		if got := s.storedList(t, "spike"); !slices.Equal(got, list) {
			t.Errorf("stored list %v, want %v", got, list)
		}
		if a := e.catalogue.Load().Anime(3); a == nil || a.Title != "three" || s.anime[3].Title != "three" {
			t.Errorf("anime 3 that came along is %+v, stored %+v", a, s.anime[3])
		}
		if ids, err := s.UndescribedAnime(t.Context(), 5); err != nil || !slices.Equal(ids, []AnimeID{4, 3}) {
			t.Errorf("waiting for a description are %v, %v; want 4, and 3 for its relations", ids, err)
		}
		// Others are matched with the newcomer from now on, and nobody is fetched again.
		source.has("faye", List{completed(2, 9)})
		if a, err := e.Similar(t.Context(), "faye", 1); err != nil || len(a.Data) != 1 || a.Data[0].Name != "spike" || a.Data[0].Distance != 0 {
			t.Errorf("Similar(faye) = %+v, %v; want spike", a.Data, err)
		}
		if _, err := e.Compare(t.Context(), "faye", "spike"); err != nil || source.calls() != 2 {
			t.Errorf("%v; the source was asked %d times, want 2", err, source.calls())
		}
		if e.Users() != 2 || e.Titles() != 3 {
			t.Errorf("%d users, %d anime; want 2, 3", e.Users(), e.Titles())
		}
	})
}

func requesterOf[T any](a Answer[T], err error) (Requester, error) { return a.Requester, err }

func TestFiftyWhoAskForOneUserMakeOneRequest(t *testing.T) {
	for _, who := range []string{"newcomer", "stale"} {
		t.Run(who, func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
				s.fetched("stale", 100*time.Hour, completed(1, 9))
				s.add("other", 9, completed(2, 8))
				source.has(who, List{completed(1, 9)})
				open := source.close()
				var asked sync.WaitGroup
				for i := range 50 {
					asked.Go(func() {
						var requester Requester
						var err error
						switch i % 5 {
						case 0:
							requester, err = requesterOf(e.Recommend(t.Context(), who, Query{}))
						case 1:
							requester, err = requesterOf(e.RecommendFrom(t.Context(), who, "other", Query{}))
						case 2:
							requester, err = requesterOf(e.Random(t.Context(), who, Query{}, nil))
						case 3:
							requester, err = requesterOf(e.Similar(t.Context(), who, 1))
						case 4:
							requester, err = requesterOf(e.Compare(t.Context(), who, "other"))
						}
						if err != nil || requester.Hash != taste12 {
							t.Errorf("question %d is answered for %+v, %v", i%5, requester, err)
						}
					})
				}
				synctest.Wait()
				if n := source.calls(); n != 1 {
					t.Errorf("the source was asked %d times while all wait, want once", n)
				}
				open()
				asked.Wait()
				if n := source.calls(); n != 1 {
					t.Errorf("the source was asked %d times, want once", n)
				}
			})
		})
	}
}

func TestStaleListIsRefreshed(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		name    string
		maxAge  time.Duration
		origin  Origin
		age     time.Duration
		fullAge time.Duration
		asked   bool
		full    bool
	}{
		{"fresh", 0, FromMAL, 72*time.Hour - time.Second, 0, false, false},
		{"as old as a list may be", 0, FromMAL, 72 * time.Hour, 6 * day, true, false},
		{"last seen whole a week ago", 0, FromMAL, 72 * time.Hour, 7 * day, true, true},
		{"never seen whole", 0, FromMAL, 72 * time.Hour, -1, true, true},
		{"another age", time.Hour, FromMAL, time.Hour, time.Hour, true, false},
		{"of a file", 0, FromFile, 1000 * time.Hour, 1000 * time.Hour, false, false},
		{"of the demo", 0, FromDemo, 1000 * time.Hour, 1000 * time.Hour, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, Options{MaxAge: test.maxAge}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
				known, newer := List{completed(1, 9)}, List{completed(1, 9), completed(2, 7)}
				u := User{Name: "spike", Origin: test.origin, Hash: 8, List: known.Pack(), FetchedAt: time.Now().Add(-test.age), Failures: 3}
				if test.fullAge >= 0 {
					u.FullAt = time.Now().Add(-test.fullAge)
				}
				s.set(u)
				source.lists["spike"] = Fetched{List: newer, Full: test.full}
				a, err := e.Similar(t.Context(), "spike", 1)
				if err != nil || a.Requester.Stale {
					t.Fatalf("Similar() is of %+v, %v", a.Requester, err)
				}
				got := s.stored(t, "spike")
				if !test.asked {
					if source.calls() != 0 || a.Requester.Hash != 8 || got.Failures != 3 {
						t.Errorf("asked %d times, stored is %+v", source.calls(), got)
					}
					return
				}
				if call := source.lastCall(); source.calls() != 1 || !slices.Equal(call.known, known) || call.full != test.full {
					t.Errorf("asked %d times, for %+v; want known %v, full %t", source.calls(), call, known, test.full)
				}
				fullAt := u.FullAt
				if test.full {
					fullAt = time.Now()
				}
				if got.Hash != taste12 || !got.FetchedAt.Equal(time.Now()) || !got.FullAt.Equal(fullAt) || got.Failures != 0 || a.Requester.Hash != taste12 {
					t.Errorf("stored is %+v, want it fetched now, the last time whole %v", got, fullAt)
				}
				if l := s.storedList(t, "spike"); !slices.Equal(l, newer) {
					t.Errorf("stored list %v, want %v", l, newer)
				}
			})
		})
	}
}

func TestStoredListServesWhenTheSourceFails(t *testing.T) {
	for _, failure := range []error{ErrUpstream, ErrUpstreamTimeout, ErrNotFound, ErrInvalidList} {
		t.Run(failure.Error(), func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
				list := List{completed(1, 9)}
				s.fetched("spike", 100*time.Hour, list...)
				source.fails("spike", failure)
				ask := func(wantCalls, wantFailures int) {
					t.Helper()
					a, err := e.Similar(t.Context(), "spike", 1)
					if err != nil || a.Requester.Hash != 8 || !a.Requester.Stale {
						t.Errorf("Similar() is of %+v, %v; want the stored list, stale", a.Requester, err)
					}
					u := s.stored(t, "spike")
					if source.calls() != wantCalls || u.Failures != wantFailures || !slices.Equal(s.storedList(t, "spike"), list) {
						t.Errorf("asked %d times, %d failures counted; want %d, %d", source.calls(), u.Failures, wantCalls, wantFailures)
					}
				}
				// What a source that fails says of a list is soon out of date, the first times.
				held, next := time.Minute, time.Minute
				if errors.Is(failure, ErrUpstream) || errors.Is(failure, ErrUpstreamTimeout) || errors.Is(failure, ErrInvalidList) {
					held, next = 3*time.Second, 6*time.Second
				}
				ask(1, 1)
				ask(1, 1) // not asked again so soon
				later(held - 1)
				ask(1, 1)
				later(1)
				ask(2, 2)
				later(next - 1)
				ask(2, 2)
				source.has("spike", list)
				later(time.Minute)
				if a, err := e.Similar(t.Context(), "spike", 1); err != nil || a.Requester.Hash != taste12 || a.Requester.Stale {
					t.Errorf("Similar() is of %+v, %v; want a refreshed list", a.Requester, err)
				}
				if u := s.stored(t, "spike"); u.Failures != 0 {
					t.Errorf("%d failures after a success, want none", u.Failures)
				}
			})
		})
	}
}

func TestStoredListServesWhenTheStoreRefusesTheNewOne(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		s.fetched("spike", 100*time.Hour, completed(1, 9))
		source.has("spike", List{completed(2, 9)})
		source.has("faye", List{completed(2, 9)})
		s.broken = func(method string) error {
			if method == "SaveUser" {
				return errors.New("disk full")
			}
			return nil
		}
		if a, err := e.Similar(t.Context(), "spike", 1); err != nil || a.Requester.Hash != 8 {
			t.Errorf("Similar() is of %+v, %v; want the stored list", a.Requester, err)
		}
		if _, err := e.Similar(t.Context(), "faye", 1); !errors.Is(err, ErrStore) {
			t.Errorf("a newcomer who cannot be saved gets %v, want ErrStore", err)
		}
		if e.Users() != 0 {
			t.Errorf("%d users can be matched that are not stored", e.Users())
		}
	})
}

func TestNewcomerWhomTheSourceRefuses(t *testing.T) {
	for _, test := range []struct {
		failure error
		held    time.Duration
	}{
		{ErrNotFound, 15 * time.Second}, {ErrPrivate, 15 * time.Second}, {ErrUpstream, 3 * time.Second},
		{ErrUpstreamTimeout, 3 * time.Second}, {ErrInvalidList, 3 * time.Second},
	} {
		t.Run(test.failure.Error(), func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
				source.fails("spike", test.failure)
				ask := func(calls int) {
					t.Helper()
					if _, err := e.Similar(t.Context(), "spike", 1); !errors.Is(err, test.failure) {
						t.Errorf("Similar() fails with %v, want %v", err, test.failure)
					}
					if source.calls() != calls {
						t.Errorf("asked %d times, want %d", source.calls(), calls)
					}
				}
				ask(1)
				ask(1)
				later(test.held - 1)
				ask(1)
				later(1)
				ask(2)
				// Somebody may register the name, or open the list.
				source.has("spike", List{completed(1, 9)})
				later(15 * time.Second)
				if _, err := e.Similar(t.Context(), "spike", 1); err != nil {
					t.Errorf("Similar() fails with %v once the list is there", err)
				}
				if len(s.users) != 1 {
					t.Errorf("%d users are stored, want 1", len(s.users))
				}
			})
		})
	}
}

func TestPatienceEndsAndTheFetchGoesOn(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		newer := List{completed(1, 9), completed(2, 7)}
		s.fetched("spike", 100*time.Hour, completed(1, 9))
		source.has("spike", newer)
		open := source.close()
		for i := range 2 {
			start := time.Now()
			a, err := e.Similar(t.Context(), "spike", 1)
			if err != nil || a.Requester.Hash != 8 || !a.Requester.Stale || time.Since(start) != 1500*time.Millisecond {
				t.Errorf("ask %d: Similar() is of %+v, %v, after %v; want the stored list after 1.5s", i, a.Requester, err, time.Since(start))
			}
		}
		open()
		synctest.Wait()
		if got := s.storedList(t, "spike"); !slices.Equal(got, newer) || s.stored(t, "spike").Failures != 0 {
			t.Errorf("stored list %v, want %v", got, newer)
		}
		if a, err := e.Similar(t.Context(), "spike", 1); err != nil || a.Requester.Hash != taste12 || a.Requester.Stale || source.calls() != 1 {
			t.Errorf("Similar() is of %+v, %v, asked %d times; want the newer list, asked once", a.Requester, err, source.calls())
		}
	})
}

// Who has little patience gets the stored list, or is told that there is none yet.
func TestWithPatience(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		s.fetched("spike", 100*time.Hour, completed(1, 9))
		source.has("spike", List{completed(1, 9), completed(2, 7)})
		source.has("faye", List{completed(1, 9)})
		open := source.close()
		ctx := WithPatience(t.Context(), time.Second)
		for _, wait := range []time.Duration{time.Second, time.Second, 0} { // nobody waits for a fetch that takes longer already
			start := time.Now()
			if a, err := e.Similar(ctx, "spike", 1); err != nil || !a.Requester.Stale || time.Since(start) != wait {
				t.Errorf("Similar() is of %+v, %v, after %v; want the stored list after %v", a.Requester, err, time.Since(start), wait)
			}
		}
		start := time.Now()
		if _, err := e.Similar(ctx, "faye", 1); !errors.Is(err, ErrUpstreamTimeout) || time.Since(start) != time.Second {
			t.Errorf("Similar() fails with %v after %v, want ErrUpstreamTimeout after 1s", err, time.Since(start))
		}
		if since, ok := e.Fetching("Faye"); !ok || since != time.Second {
			t.Errorf("Fetching() = %v, %t; want 1s, true", since, ok)
		}
		open()
		synctest.Wait()
		if _, err := e.Similar(ctx, "faye", 1); err != nil {
			t.Errorf("once it is fetched: %v", err)
		}
	})
}

func TestNewcomerWaitsAsLongAsAFetchMayTake(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		source.has("spike", List{completed(1, 9)})
		open := source.close()
		start := time.Now()
		if _, err := e.Similar(t.Context(), "spike", 1); !errors.Is(err, ErrUpstreamTimeout) || time.Since(start) != time.Minute {
			t.Errorf("Similar() fails with %v after %v, want ErrUpstreamTimeout after 1m", err, time.Since(start))
		}
		later(10 * time.Second) // it is remembered that long
		// A visitor with a deadline gives up earlier, the fetch does not.
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start = time.Now()
		if _, err := e.Similar(ctx, "spike", 1); !errors.Is(err, ErrUpstreamTimeout) || time.Since(start) != 10*time.Second {
			t.Errorf("Similar() fails with %v after %v, want ErrUpstreamTimeout after 10s", err, time.Since(start))
		}
		open()
		synctest.Wait()
		if got := s.stored(t, "spike"); got.Hash != taste12 || source.calls() != 2 {
			t.Errorf("stored is %+v, asked %d times; want the list, asked twice", got, source.calls())
		}
	})
}

func TestCallerWhoGivesUpDoesNotCancelTheFetch(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		source.has("spike", List{completed(1, 9)})
		open := source.close()
		ctx, cancel := context.WithCancel(t.Context())
		var asked sync.WaitGroup
		asked.Go(func() {
			if _, err := e.Similar(ctx, "spike", 1); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUpstreamTimeout) {
				t.Errorf("who gives up gets %v, want a cancelled context", err)
			}
		})
		asked.Go(func() {
			if _, err := e.Similar(t.Context(), "spike", 1); err != nil {
				t.Errorf("who waits gets %v", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		open()
		asked.Wait()
		if got := s.stored(t, "spike"); got.Hash != taste12 || source.calls() != 1 {
			t.Errorf("stored is %+v, asked %d times; want the list, asked once", got, source.calls())
		}
	})
}

// A source that was not asked said nothing about a list: nothing is held against it, and nothing is counted.
func TestNotAskedIsNoFailure(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		s.fetched("spike", 100*time.Hour, completed(1, 9))
		source.fails("spike", ErrNotAsked)
		source.fails("faye", ErrNotAsked)
		for range 3 {
			if a, err := e.Similar(t.Context(), "spike", 1); err != nil || !a.Requester.Stale {
				t.Errorf("Similar() is of %+v, %v; want the stored list", a.Requester, err)
			}
			if _, err := e.Similar(t.Context(), "faye", 1); !errors.Is(err, ErrUpstream) {
				t.Errorf("Similar() for somebody new = %v, want ErrUpstream", err)
			}
		}
		if u := s.stored(t, "spike"); u.Failures != 0 {
			t.Errorf("%d failures are counted", u.Failures)
		}
		source.has("spike", List{completed(1, 9), completed(2, 7)})
		source.has("faye", List{completed(1, 9)})
		for _, name := range []string{"spike", "faye"} {
			if a, err := e.Similar(t.Context(), name, 1); err != nil || a.Requester.Stale {
				t.Errorf("once the source is asked again Similar() is of %+v, %v", a.Requester, err)
			}
		}
	})
}

// A list that could not be kept is not fetched again for everybody who asks.
func TestStoreWithoutRoom(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		s.fetched("spike", 100*time.Hour, completed(1, 9))
		source.has("spike", List{completed(2, 9)})
		source.has("faye", List{completed(2, 9)})
		full := true
		s.broken = func(method string) error {
			if method == "SaveUser" && full {
				return ErrStoreDown
			}
			return nil
		}
		for range 3 {
			if a, err := e.Similar(t.Context(), "spike", 1); err != nil || a.Requester.Hash != 8 {
				t.Errorf("Similar() is of %+v, %v; want the stored list", a.Requester, err)
			}
			if _, err := e.Similar(t.Context(), "faye", 1); !errors.Is(err, ErrStoreDown) {
				t.Errorf("a newcomer who cannot be saved gets %v, want ErrStoreDown", err)
			}
		}
		if n := source.calls(); n != 2 {
			t.Errorf("%d lists were fetched, want 2", n)
		}
		full = false
		later(3 * time.Second)
		for _, name := range []string{"spike", "faye"} {
			if a, err := e.Similar(t.Context(), name, 1); err != nil || a.Requester.Stale {
				t.Errorf("with room again Similar() is of %+v, %v", a.Requester, err)
			}
		}
	})
}

// A clock that was put back leaves lists behind that were read in the future: nobody knows how old they are.
func TestClockPutBack(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		s.fetched("spike", -365*24*time.Hour, completed(1, 9)) // read a year from now
		s.fetched("faye", -time.Minute, completed(1, 9))       // by an instance whose clock is a minute ahead
		source.has("spike", List{completed(1, 9), completed(2, 7)})
		source.has("faye", List{completed(1, 9), completed(2, 7)})
		if a, err := e.Similar(t.Context(), "spike", 1); err != nil || a.Requester.Stale || !a.Requester.FetchedAt.Equal(time.Now()) {
			t.Errorf("Similar() is of %+v, %v; want a list that is read now", a.Requester, err)
		}
		if _, err := e.Similar(t.Context(), "faye", 1); err != nil || source.calls() != 1 {
			t.Errorf("Similar() = %v; %d lists were read, want one", err, source.calls())
		}
	})
}
