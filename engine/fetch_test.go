package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestListWithoutTasteIsFetchedAgainSoon(t *testing.T) {
	for _, test := range []struct {
		name string
		list List
		want error
	}{
		{"empty", List{}, ErrEmptyList},
		{"nothing watched", List{{Anime: 1, Status: Planned}, {Anime: 2, Status: Completed}}, ErrEmptyList},
		{"nothing described", List{completed(7, 9), {Anime: 1, Status: Dropped, Episodes: 3}}, ErrNoHash},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
				source.has("spike", test.list)
				ask := func(calls int) {
					t.Helper()
					if _, err := e.Similar(t.Context(), "spike", 1); !errors.Is(err, test.want) {
						t.Errorf("Similar() fails with %v, want %v", err, test.want)
					}
					if source.calls() != calls {
						t.Errorf("asked %d times, want %d", source.calls(), calls)
					}
				}
				ask(1)
				if u := s.stored(t, "spike"); u.Hash != 0 || !slices.Equal(s.storedList(t, "spike"), test.list) || e.Users() != 0 {
					t.Errorf("stored is %+v, and %d users can be matched; want the list, and nobody", u, e.Users())
				}
				later(10*time.Minute - time.Second)
				ask(1)
				later(time.Second)
				ask(2)
				source.has("spike", List{completed(1, 9)})
				later(10 * time.Minute)
				if a, err := e.Similar(t.Context(), "spike", 1); err != nil || a.Requester.Hash != taste12 || e.Users() != 1 {
					t.Errorf("Similar() is of %+v, %v; want somebody with a taste", a.Requester, err)
				}
			})
		})
	}
}

// later moves the time of a test's bubble.
func later(d time.Duration) { time.Sleep(d) }

func TestUserWhoLostAllTasteLeavesTheIndex(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, _ *memStore, source *fakeSource) {
		source.has("spike", List{completed(1, 9)})
		source.has("faye", List{completed(1, 9)})
		for _, name := range []string{"spike", "faye"} {
			if _, err := e.Similar(t.Context(), name, 1); err != nil {
				t.Fatal(err)
			}
		}
		later(72 * time.Hour)
		source.has("spike", List{})
		if _, err := e.Similar(t.Context(), "spike", 1); !errors.Is(err, ErrEmptyList) {
			t.Errorf("Similar() fails with %v, want ErrEmptyList", err)
		}
		if a, err := e.Similar(t.Context(), "faye", 1); err != nil || len(a.Data) != 0 {
			t.Errorf("Similar(faye) = %+v, %v; want nobody", a.Data, err)
		}
	})
}

// damaged is a list of which a byte was lost.
func damaged(l ...Entry) Packed {
	p := List(l).Pack()
	p[len(p)/2] ^= 0x10
	return p
}

func TestDamagedStoredListIsFetchedAnew(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		at := time.Now().Add(-72 * time.Hour)
		s.set(User{Name: "spike", Origin: FromMAL, Hash: 8, List: damaged(completed(1, 9)), FetchedAt: at, FullAt: at})
		want := List{completed(1, 9), completed(2, 7)}
		source.has("spike", want)
		if _, err := e.Similar(t.Context(), "spike", 1); err != nil {
			t.Fatal(err)
		}
		if call := source.lastCall(); source.calls() != 1 || call.known != nil {
			t.Errorf("asked %d times, with %v known; want nothing known", source.calls(), call.known)
		}
		if got := s.storedList(t, "spike"); !slices.Equal(got, want) {
			t.Errorf("stored list %v, want %v", got, want)
		}
	})
}

func TestDamagedListsWithoutSource(t *testing.T) {
	s := newMemStore()
	s.recommendable(1, 2, 3)
	s.add("spike", 8, completed(1, 9))
	s.add("faye", 8, completed(2, 9))
	s.add("ed", 8, completed(3, 9))
	broken := s.stored(t, "faye")
	broken.List = damaged(completed(2, 9))
	s.set(broken)
	s.set(User{Name: "ein", Origin: FromFile, List: damaged(completed(2, 9))}) // and no hash
	e := loaded(t, Options{Store: s, Now: clock})
	if a, err := e.Recommend(t.Context(), "spike", Query{}); err != nil || !slices.Equal(ids(a.Data.Items), []AnimeID{3}) {
		t.Errorf("Recommend(spike) = %v, %v; want what is in the lists that are whole", ids(a.Data.Items), err)
	}
	if _, err := e.Recommend(t.Context(), "faye", Query{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Recommend(faye) fails with %v, want ErrCorrupt", err)
	}
	if _, err := e.Similar(t.Context(), "ein", 1); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Similar(ein) fails with %v, want ErrCorrupt", err)
	}
	if a, err := e.Similar(t.Context(), "faye", 1); err != nil || len(a.Data) != 2 {
		t.Errorf("Similar(faye) = %v, %v; want 2 users, the hash is known", a.Data, err)
	}
}

// What another process fetched while one was about to is not fetched again.
func TestListThatSomebodyElseFetchedIsTaken(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		s.fetched("spike", 100*time.Hour, completed(1, 9))
		looks := 0
		s.broken = func(method string) error {
			if method == "User" {
				if looks++; looks == 2 {
					s.fetched("spike", time.Hour, completed(2, 7))
				}
			}
			return nil
		}
		a, err := e.Similar(t.Context(), "spike", 1)
		if err != nil || a.Requester.Stale || !a.Requester.FetchedAt.Equal(time.Now().Add(-time.Hour)) || source.calls() != 0 {
			t.Errorf("Similar() is of %+v, %v, asked %d times; want the list of the other process", a.Requester, err, source.calls())
		}
	})
}

func TestDescribeKeepsRelations(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		parent := []Relation{{"prequel", 1}, {"sequel", 9}}
		related := time.Now()
		source.anime[3] = Anime{ID: 3, Title: "three", Episodes: 12, Mean: 8, Relations: parent, Parent: 1, DescribedAt: related, RelatedAt: related}
		if err := s.MentionAnime(t.Context(), []AnimeID{3}); err != nil {
			t.Fatal(err)
		}
		if outcome, err := e.DescribeAnime(t.Context()); outcome != "1 of 1 anime described" || err != nil {
			t.Fatalf("DescribeAnime() = %q, %v", outcome, err)
		}
		later(8 * 24 * time.Hour)
		source.has("spike", List{completed(3, 9)},
			Anime{ID: 3, Title: "three, now with 24 episodes", Episodes: 24, DescribedAt: time.Now()})
		if _, err := e.Similar(t.Context(), "spike", 1); err != nil {
			t.Fatal(err)
		}
		for where, a := range map[string]Anime{"stored": s.anime[3].Anime, "in memory": *e.catalogue.Load().Anime(3)} {
			if a.Episodes != 24 || a.Parent != 1 || !slices.Equal(a.Relations, parent) || !a.RelatedAt.Equal(related) || !a.DescribedAt.Equal(time.Now()) {
				t.Errorf("%s is %+v, want the new details with the old relations", where, a)
			}
		}
	})
}

// A list brings the details of its anime every time. They are stored when that tells something.
func TestDescribeStoresWhatIsNew(t *testing.T) {
	base := func() Anime {
		a := described(3, "2020-01-01", 12, "r", 1)
		a.Status, a.DescribedAt = CurrentlyAiring, time.Now()
		return a
	}
	for _, test := range []struct {
		name          string
		after         time.Duration
		change        func(*Anime)
		stored, taste bool
	}{
		{"the same", time.Hour, func(*Anime) {}, false, false},
		{"the same a week later", 7 * 24 * time.Hour, func(*Anime) {}, true, false},
		{"another genre", time.Hour, func(a *Anime) { a.Genres = append(a.Genres, Genre{ID: 4}) }, true, true},
		{"more episodes", time.Hour, func(a *Anime) { a.Episodes = 26 }, true, true},
		{"it ended", time.Hour, func(a *Anime) { a.Status = FinishedAiring }, true, false},
		{"with relations", time.Hour, func(a *Anime) { a.RelatedAt = time.Now() }, true, false},
		{"a new one", time.Hour, func(a *Anime) { a.ID = 5 }, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
				saves := 0
				s.broken = func(method string) error {
					if method == "SaveAnime" {
						saves++
					}
					return nil
				}
				source.has("spike", List{completed(3, 9)}, base())
				source.has("faye", List{completed(3, 9)})
				if _, err := e.Similar(t.Context(), "spike", 1); err != nil {
					t.Fatal(err)
				}
				first := s.counters[counterTaste]
				if saves != 1 || first != 2 {
					t.Fatalf("saved %d times, counted %d; want once, and before and after that", saves, first)
				}
				later(test.after)
				a := base()
				test.change(&a)
				source.has("faye", List{completed(3, 9)}, a)
				if _, err := e.Similar(t.Context(), "faye", 1); err != nil {
					t.Fatal(err)
				}
				if got := saves > 1; got != test.stored {
					t.Errorf("stored: %t, want %t", got, test.stored)
				}
				if got := s.counters[counterTaste] > first; got != test.taste {
					t.Errorf("counted as a change of taste: %t, want %t", got, test.taste)
				}
				if got := e.catalogue.Load().Anime(a.ID); test.stored && (got.Episodes != a.Episodes || len(got.Genres) != len(a.Genres) || got.Status != a.Status) {
					t.Errorf("in memory is %+v, want %+v", got, a)
				}
			})
		})
	}
}

func TestCloseWaitsForWhatIsBeingFetched(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		if err := e.Close(t.Context()); err != nil {
			t.Errorf("Close() = %v when nothing is being fetched", err)
		}
		source.has("spike", List{completed(1, 9)})
		open := source.close()
		visitor, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		if _, err := e.Similar(visitor, "spike", 1); err == nil {
			t.Error("a visitor who left got an answer")
		}
		patience, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := e.Close(patience); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close() = %v while a list is being fetched, want a deadline exceeded", err)
		}
		closed := make(chan error)
		go func() { closed <- e.Close(t.Context()) }()
		synctest.Wait()
		select {
		case err := <-closed:
			t.Fatalf("Close() = %v while a list is being fetched", err)
		default:
		}
		open()
		if err := <-closed; err != nil {
			t.Errorf("Close() = %v", err)
		}
		if u := s.stored(t, "spike"); u.Hash != taste12 {
			t.Errorf("after Close() %+v is stored, want the list that was being fetched", u)
		}
	})
}

func TestFetchingTellsHowLong(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		s.fetched("spike", 100*time.Hour, completed(1, 9))
		source.has("spike", List{completed(1, 9)})
		open := source.close()
		if _, err := e.Similar(t.Context(), "spike", 1); err != nil {
			t.Fatal(err)
		}
		later(2 * time.Second)
		for name, want := range map[string]string{"Spike": "3.5s true", "faye": "0s false", "no name": "0s false"} {
			long, is := e.Fetching(name)
			if got := fmt.Sprint(long, is); got != want {
				t.Errorf("Fetching(%s) = %s, want %s", name, got, want)
			}
		}
		open()
		synctest.Wait()
		if long, is := e.Fetching("spike"); long != 0 || is {
			t.Errorf("Fetching(spike) = %v, %t when it is over", long, is)
		}
	})
}
