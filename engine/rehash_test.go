package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A refresh that ends with the fetch's own time is a failure like any other.
func TestRefreshThatTakesTooLongIsCounted(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, e *Engine, s *memStore, source *fakeSource) {
		s.fetched("spike", 100*time.Hour, completed(1, 9))
		source.has("spike", List{completed(1, 9)})
		open := source.close()
		defer open()
		if _, err := e.Similar(t.Context(), "spike", 1); err != nil {
			t.Fatal(err)
		}
		later(time.Minute)
		synctest.Wait()
		if u := s.stored(t, "spike"); u.Failures != 1 {
			t.Errorf("%d failures counted, want 1", u.Failures)
		}
	})
}

// soon is time enough for what nothing keeps back.
const soon = 20 * time.Millisecond

// Hashes that are made again while an anime is being described are made again once it is.
func TestRehashSeesAnimeThatIsBeingDescribed(t *testing.T) {
	s, source := newMemStore(), newFakeSource()
	s.recommendable(1)
	s.add("spike", taste12, completed(1, 9), completed(3, 9))
	s.mention(3)
	source.anime[3] = Anime{ID: 3, Episodes: 24, DescribedAt: t0, RelatedAt: t0}
	e := loaded(t, Options{Store: s, Source: source, Now: clock})
	rehashed := make(chan error, 1)
	s.broken = func(method string) error {
		if method == "SaveAnime" {
			go func() {
				_, err := e.Rehash(t.Context())
				rehashed <- err
			}()
			select {
			case err := <-rehashed:
				rehashed <- err
			case <-time.After(soon): // it waits
			}
		}
		return nil
	}
	checkUpkeep(t, "DescribeAnime", e.DescribeAnime, "1 of 1 anime described", nil)
	if err := <-rehashed; err != nil {
		t.Fatal(err)
	}
	if _, err := e.Rehash(t.Context()); err != nil {
		t.Fatal(err)
	}
	if u := s.stored(t, "spike"); u.Hash == taste12 {
		t.Errorf("the hash is still that of before anime 3 was described: %s", u.Hash)
	}
}

// A list that is saved while one of its anime is being described has the hash of the described anime in the end.
func TestListSavedWhileItsAnimeIsDescribed(t *testing.T) {
	s, source := newMemStore(), newFakeSource()
	s.recommendable(1)
	source.has("spike", List{completed(1, 9), completed(3, 9)})
	source.anime[3] = Anime{ID: 3, Episodes: 24, DescribedAt: t0, RelatedAt: t0}
	e := loaded(t, Options{Store: s, Source: source, Now: clock})
	rehashed := make(chan error, 1)
	s.broken = func(method string) error {
		if method == "SaveUser" {
			checkUpkeep(t, "DescribeAnime", e.DescribeAnime, "1 of 1 anime described", nil)
			go func() {
				_, err := e.Rehash(t.Context())
				rehashed <- err
			}()
			select {
			case err := <-rehashed:
				rehashed <- err
			case <-time.After(soon): // it waits
			}
		}
		return nil
	}
	if _, err := e.Similar(t.Context(), "spike", 1); err != nil {
		t.Fatal(err)
	}
	if err := <-rehashed; err != nil {
		t.Fatal(err)
	}
	if _, err := e.Rehash(t.Context()); err != nil {
		t.Fatal(err)
	}
	if u := s.stored(t, "spike"); u.Hash == taste12 {
		t.Errorf("the hash is still that of before anime 3 was described: %s", u.Hash)
	}
}

// afterSet does something between a change of hashes in the store and the same change in memory.
type afterSet struct {
	*memStore
	do func()
}

func (s afterSet) SetHashes(ctx context.Context, changed []User) ([]User, error) {
	set, err := s.memStore.SetHashes(ctx, changed)
	s.do()
	return set, err
}

// A list that is saved while hashes are made again keeps its own hash in memory too.
func TestRehashLeavesNewerHashesInMemoryAlone(t *testing.T) {
	s, source := newMemStore(), newFakeSource()
	s.recommendable(1, 2)
	s.anime[2].Episodes = 24
	s.fetched("spike", 100*time.Hour, completed(1, 9))
	s.counters[counterTaste] = 1
	source.has("spike", List{completed(2, 9)})
	var e *Engine
	e = loaded(t, Options{Source: source, Patience: soon, Store: afterSet{s, func() {
		if _, err := e.Similar(t.Context(), "spike", 1); err != nil {
			t.Error(err)
		}
	}}})
	checkUpkeep(t, "Rehash", e.Rehash, "1 of 1 hashes changed", nil)
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var inMemory Hash
	for _, c := range e.Some(1) {
		inMemory = c.Hash
	}
	if stored := s.stored(t, "spike").Hash; inMemory != stored {
		t.Errorf("hash in memory is %s, stored %s", inMemory, stored)
	}
}
