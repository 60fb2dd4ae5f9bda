package engine

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// memPopulation is the newest population of a [memStore], guarded by its mutex.
type memPopulation struct {
	newest *Population
	saved  int
}

func (s *memStore) Population(ctx context.Context) (*Population, error) {
	if err := s.begin(ctx, "Population"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if s.population.newest == nil {
		return nil, fmt.Errorf("population: %w", ErrNotFound)
	}
	p := *s.population.newest
	return &p, nil
}

func (s *memStore) SavePopulation(ctx context.Context, p *Population) error {
	if err := s.begin(ctx, "SavePopulation"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	kept := *p
	kept.MadeAt = kept.MadeAt.Truncate(time.Second)
	s.population.saved++
	kept.Version = int64(s.population.saved)
	s.population.newest = &kept
	return nil
}

func (s *memStore) Totals(ctx context.Context) (Totals, error) {
	if err := s.begin(ctx, "Totals"); err != nil {
		return Totals{}, err
	}
	defer s.mu.Unlock()
	t := Totals{Origins: map[Origin]OriginTotals{}}
	for _, u := range s.users {
		o := t.Origins[u.Origin]
		o.Users++
		o.Entries += u.List.Len()
		if u.List.Len() > 0 {
			o.Lists++
		}
		t.Origins[u.Origin] = o
	}
	for _, a := range s.anime {
		if a.DescribedAt.IsZero() {
			t.Undescribed++
		}
	}
	return t, nil
}

func (s *memStore) UsersState(ctx context.Context) (string, error) {
	if err := s.begin(ctx, "UsersState"); err != nil {
		return "", err
	}
	defer s.mu.Unlock()
	var last UserID
	listed, fetched := 0, int64(0)
	for _, u := range s.users {
		if !u.Unlisted {
			listed, last, fetched = listed+1, max(last, u.ID), fetched+u.FetchedAt.Unix()
		}
	}
	return fmt.Sprint(listed, last, fetched), nil
}

// memKeys are the keys and secrets of a [memStore], guarded by its mutex.
type memKeys struct {
	keys    []Key // the id of keys[i] is i + 1
	secrets map[string][]byte
}

func (s *memStore) AddKey(ctx context.Context, k Key) (int64, error) {
	if err := s.begin(ctx, "AddKey"); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.keys.keys, func(other Key) bool { return other.Hash == k.Hash }) {
		return 0, fmt.Errorf("key: %w", ErrExists)
	}
	k.ID, k.MadeAt = int64(len(s.keys.keys)+1), k.MadeAt.Truncate(time.Second)
	s.keys.keys = append(s.keys.keys, k)
	return k.ID, nil
}

func (s *memStore) Keys(ctx context.Context) ([]Key, error) {
	if err := s.begin(ctx, "Keys"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return slices.Clone(s.keys.keys), nil
}

func (s *memStore) RevokeKey(ctx context.Context, id int64, at time.Time) error {
	if err := s.begin(ctx, "RevokeKey"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if id < 1 || id > int64(len(s.keys.keys)) {
		return fmt.Errorf("key %d: %w", id, ErrNotFound)
	}
	if k := &s.keys.keys[id-1]; k.RevokedAt.IsZero() {
		k.RevokedAt = at.Truncate(time.Second)
	}
	return nil
}

func (s *memStore) UseKey(ctx context.Context, hash KeyHash, at time.Time) (Key, error) {
	if err := s.begin(ctx, "UseKey"); err != nil {
		return Key{}, err
	}
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.keys.keys, func(k Key) bool { return k.Hash == hash && k.RevokedAt.IsZero() })
	if i < 0 {
		return Key{}, fmt.Errorf("key: %w", ErrNotFound)
	}
	k := s.keys.keys[i]
	s.keys.keys[i].Uses, s.keys.keys[i].UsedAt = k.Uses+1, at.Truncate(time.Second)
	return k, nil
}

func (s *memStore) Secret(ctx context.Context, name string, proposal []byte) ([]byte, error) {
	if err := s.begin(ctx, "Secret"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return s.secret(name, proposal), nil
}

func (s *memStore) secret(name string, proposal []byte) []byte {
	if s.keys.secrets == nil {
		s.keys.secrets = map[string][]byte{}
	}
	if _, ok := s.keys.secrets[name]; !ok {
		s.keys.secrets[name] = slices.Clone(proposal)
	}
	return slices.Clone(s.keys.secrets[name])
}

func (s *memStore) Model(ctx context.Context) (StoredModel, error) {
	if err := s.begin(ctx, "Model"); err != nil {
		return StoredModel{}, err
	}
	defer s.mu.Unlock()
	if len(s.models) == 0 {
		return StoredModel{}, fmt.Errorf("item model: %w", ErrNotFound)
	}
	return s.models[len(s.models)-1], nil
}

func (s *memStore) ModelInfo(ctx context.Context) (StoredModel, error) {
	m, err := s.Model(ctx)
	m.Data = nil
	return m, err
}

func (s *memStore) SaveModel(ctx context.Context, m StoredModel) error {
	if err := s.begin(ctx, "SaveModel"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	m.ID, m.MadeAt = int64(len(s.models)+1), m.MadeAt.Truncate(time.Second)
	m.Took, m.Size = m.Took.Truncate(time.Millisecond), len(m.Data)
	s.models = append(s.models, m)
	return nil
}

func (s *memStore) FetchedSince(ctx context.Context, t time.Time) (int, error) {
	if err := s.begin(ctx, "FetchedSince"); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	n := 0
	for _, u := range s.users {
		if !u.Unlisted && !u.FetchedAt.Before(t.Truncate(time.Second)) {
			n++
		}
	}
	return n, nil
}
