package engine

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"
)

var _ Store = (*memStore)(nil)

// memStore is a Store in memory. It keeps what the interface promises, whole seconds included, and refuses to work for a
// context that is done, as databases do. It is safe for concurrent use.
type memStore struct {
	// broken fails a method of that name, if it is set and returns an error. It is called without the mutex, before the method.
	broken func(method string) error

	mu        sync.Mutex
	users     map[UserID]User
	last      UserID
	anime     map[AnimeID]*memAnime
	mentioned int
	counters  map[string]int64
	forgotten int
	snapshots map[string]memSnapshot // by mark

	population memPopulation
	models     []StoredModel // the newest last
	keys       memKeys
	admins     memAdmins
	kept       map[NameHash]time.Time
}

type memAnime struct {
	Anime
	failures int
	order    int // in which it was mentioned first
}

func newMemStore() *memStore {
	return &memStore{users: map[UserID]User{}, anime: map[AnimeID]*memAnime{}, counters: map[string]int64{}}
}

// begin takes the mutex for a method, unless that fails.
func (s *memStore) begin(ctx context.Context, method string) error {
	if s.broken != nil {
		if err := s.broken(method); err != nil {
			return fmt.Errorf("%s: %w: %w", method, ErrStore, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w: %w", method, ErrStore, err)
	}
	s.mu.Lock()
	return nil
}

func (s *memStore) User(ctx context.Context, name string) (User, error) {
	if err := s.begin(ctx, "User"); err != nil {
		return User{}, err
	}
	defer s.mu.Unlock()
	for _, u := range s.users {
		if u.Name == name {
			return u, nil
		}
	}
	return User{}, fmt.Errorf("user %q: %w", name, ErrNotFound)
}

func (s *memStore) Users(ctx context.Context, found []User, ids []UserID) ([]User, error) {
	if err := s.begin(ctx, "Users"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for _, id := range ids {
		if u, ok := s.users[id]; ok {
			found = append(found, u)
		}
	}
	return found, nil
}

// set stores u under its name.
func (s *memStore) set(u User) UserID {
	u.ID = 0
	for _, other := range s.users {
		if other.Name == u.Name {
			u.ID = other.ID
		}
	}
	if u.ID == 0 {
		s.last++
		u.ID = s.last
	}
	u.List = slices.Clone(u.List)
	u.FetchedAt, u.FullAt = u.FetchedAt.Truncate(time.Second), u.FullAt.Truncate(time.Second)
	u.PrivateAt = u.PrivateAt.Truncate(time.Second)
	s.users[u.ID] = u
	return u.ID
}

func (s *memStore) SaveUser(ctx context.Context, u User) (UserID, error) {
	if err := s.begin(ctx, "SaveUser"); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	if s.isOut(u.Name) {
		return 0, fmt.Errorf("user %q: %w", u.Name, ErrNotFound)
	}
	return s.set(u), nil
}

func (s *memStore) ImportUsers(ctx context.Context, users []User) error {
	if err := s.begin(ctx, "ImportUsers"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, u := range users {
		if !s.isOut(u.Name) {
			s.set(u)
		}
	}
	return nil
}

func (s *memStore) RefreshFailed(ctx context.Context, id UserID) error {
	if err := s.begin(ctx, "RefreshFailed"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if u, ok := s.users[id]; ok {
		u.Failures++
		s.users[id] = u
	}
	return nil
}

func (s *memStore) StaleUsers(ctx context.Context, before time.Time, n int) ([]string, error) {
	if err := s.begin(ctx, "StaleUsers"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var stale []User
	for _, u := range s.users {
		if u.Origin == FromMAL && u.FetchedAt.Before(before) && u.PrivateAt.Before(before) {
			stale = append(stale, u)
		}
	}
	slices.SortFunc(stale, func(a, b User) int {
		return cmp.Or(cmp.Compare(a.Failures, b.Failures), a.FetchedAt.Compare(b.FetchedAt), cmp.Compare(a.ID, b.ID))
	})
	var names []string
	for _, u := range stale[:min(n, len(stale))] {
		names = append(names, u.Name)
	}
	return names, nil
}

// walk yields what items returns, which is called with the mutex held.
func walk[T any](ctx context.Context, s *memStore, method string, items func() []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err := s.begin(ctx, method); err != nil {
			var none T
			yield(none, err)
			return
		}
		all := items()
		s.mu.Unlock()
		for _, item := range all {
			if !yield(item, nil) {
				return
			}
		}
	}
}

func (s *memStore) DeleteUser(ctx context.Context, id UserID) error {
	if err := s.begin(ctx, "DeleteUser"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	delete(s.users, id)
	return nil
}

func (s *memStore) RemoveUser(ctx context.Context, name string) (UserID, error) {
	if err := s.begin(ctx, "RemoveUser"); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	for id, u := range s.users {
		if u.Name == name {
			delete(s.users, id)
			return id, nil
		}
	}
	return 0, ErrNotFound
}

func (s *memStore) Cards(ctx context.Context) iter.Seq2[Card, error] {
	return walk(ctx, s, "Cards", func() []Card {
		var cards []Card
		for _, id := range slices.Sorted(maps.Keys(s.users)) {
			if u := s.users[id]; !u.Hidden() {
				cards = append(cards, card(u))
			}
		}
		return cards
	})
}

func (s *memStore) AllUsers(ctx context.Context) iter.Seq2[User, error] {
	return walk(ctx, s, "AllUsers", func() []User {
		var users []User
		for _, id := range slices.Sorted(maps.Keys(s.users)) {
			users = append(users, s.users[id])
		}
		return users
	})
}

func (s *memStore) SetHashes(ctx context.Context, changed []User) ([]User, error) {
	if err := s.begin(ctx, "SetHashes"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var set []User
	for _, c := range changed {
		if u, ok := s.users[c.ID]; ok && bytes.Equal(u.List, c.List) {
			u.Hash = c.Hash
			s.users[c.ID] = u
			set = append(set, c)
		}
	}
	return set, nil
}

func (s *memStore) RemoveOrigin(ctx context.Context, origin Origin) (int, error) {
	if err := s.begin(ctx, "RemoveOrigin"); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	before := len(s.users)
	maps.DeleteFunc(s.users, func(_ UserID, u User) bool { return u.Origin == origin })
	return before - len(s.users), nil
}

func (s *memStore) CountUsers(ctx context.Context) (map[Origin]int, error) {
	if err := s.begin(ctx, "CountUsers"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	counts := map[Origin]int{}
	for _, u := range s.users {
		counts[u.Origin]++
	}
	return counts, nil
}

func (s *memStore) CountOrigin(ctx context.Context, origin Origin) (int, error) {
	counts, err := s.CountUsers(ctx)
	return counts[origin], err
}

func (s *memStore) Anime(ctx context.Context) iter.Seq2[Anime, error] {
	return walk(ctx, s, "Anime", func() []Anime {
		var all []Anime
		for _, id := range slices.Sorted(maps.Keys(s.anime)) {
			if a := s.anime[id]; !a.DescribedAt.IsZero() {
				all = append(all, a.Anime)
			}
		}
		return all
	})
}

// mention returns what is kept of an anime, of one that is new too.
func (s *memStore) mention(id AnimeID) *memAnime {
	a, ok := s.anime[id]
	if !ok {
		s.mentioned++
		a = &memAnime{Anime: Anime{ID: id}, order: s.mentioned}
		s.anime[id] = a
	}
	return a
}

func (s *memStore) SaveAnime(ctx context.Context, anime []Anime) error {
	if err := s.begin(ctx, "SaveAnime"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, a := range anime {
		old := s.mention(a.ID)
		if a.RelatedAt.Before(old.RelatedAt) {
			a.Relations, a.Parent, a.RelatedAt = old.Relations, old.Parent, old.RelatedAt
		}
		if a.DescribedAt.Before(old.DescribedAt) {
			details := old.Anime
			details.Relations, details.Parent, details.RelatedAt = a.Relations, a.Parent, a.RelatedAt
			a = details
		}
		old.Anime, old.failures = a, 0
	}
	return nil
}

func (s *memStore) MentionAnime(ctx context.Context, ids []AnimeID) error {
	if err := s.begin(ctx, "MentionAnime"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, id := range ids {
		s.mention(id)
	}
	return nil
}

// firstAnime returns the ids of at most n of those anime that pass, in order.
func (s *memStore) firstAnime(n int, passes func(*memAnime) bool, order func(a, b *memAnime) int) []AnimeID {
	var found []*memAnime
	for _, a := range s.anime {
		if passes(a) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, order)
	var ids []AnimeID
	for _, a := range found[:min(n, len(found))] {
		ids = append(ids, a.ID)
	}
	return ids
}

func (s *memStore) UndescribedAnime(ctx context.Context, n int) ([]AnimeID, error) {
	if err := s.begin(ctx, "UndescribedAnime"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	waits := func(a *memAnime) int {
		switch {
		case a.DescribedAt.IsZero():
			return 0
		case a.RelatedAt.IsZero():
			return 1
		}
		return 2
	}
	return s.firstAnime(n, func(a *memAnime) bool { return waits(a) < 2 }, func(a, b *memAnime) int {
		return cmp.Or(cmp.Compare(waits(a), waits(b)), cmp.Compare(a.failures, b.failures), cmp.Compare(a.order, b.order))
	}), nil
}

func (s *memStore) DescribeFailed(ctx context.Context, id AnimeID) error {
	if err := s.begin(ctx, "DescribeFailed"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.mention(id).failures++
	return nil
}

func (s *memStore) AiringAnime(ctx context.Context, before time.Time, n int) ([]AnimeID, error) {
	if err := s.begin(ctx, "AiringAnime"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return s.firstAnime(n, func(a *memAnime) bool {
		return a.Status != FinishedAiring && !a.DescribedAt.IsZero() && a.DescribedAt.Before(before)
	}, func(a, b *memAnime) int {
		return cmp.Or(a.DescribedAt.Compare(b.DescribedAt), cmp.Compare(a.ID, b.ID))
	}), nil
}

func (s *memStore) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgotten++
}

func (s *memStore) Counter(ctx context.Context, name string) (int64, error) {
	if err := s.begin(ctx, "Counter"); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	return s.counters[name], nil
}

func (s *memStore) AddCounter(ctx context.Context, name string, delta int64) (int64, error) {
	if err := s.begin(ctx, "AddCounter"); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	s.counters[name] += delta
	return s.counters[name], nil
}

func (s *memStore) Recall(string) (User, bool) { return User{}, false }
