package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

func (s *memStore) HideUser(ctx context.Context, id UserID, at time.Time) error {
	if err := s.begin(ctx, "HideUser"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if u, ok := s.users[id]; ok {
		u.Failures++
		u.PrivateAt = at.Truncate(time.Second)
		s.users[id] = u
	}
	return nil
}

func (s *memStore) HiddenUsers(ctx context.Context) ([]UserID, error) {
	if err := s.begin(ctx, "HiddenUsers"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var ids []UserID
	for _, id := range slices.Sorted(maps.Keys(s.users)) {
		if u := s.users[id]; !u.PrivateAt.IsZero() {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// isOut tells whether a name is kept out. s.mu is held.
func (s *memStore) isOut(name string) bool {
	_, out := s.kept[HashName(s.keys.secrets[NameSecret], name)]
	return out
}

func (s *memStore) KeepOut(ctx context.Context, name string, at time.Time) (NameHash, UserID, error) {
	if err := s.begin(ctx, "KeepOut"); err != nil {
		return NameHash{}, 0, err
	}
	defer s.mu.Unlock()
	hash := HashName(s.secret(NameSecret, []byte("of the test")), name)
	if s.kept == nil {
		s.kept = map[NameHash]time.Time{}
	}
	if _, ok := s.kept[hash]; !ok {
		s.kept[hash] = at.Truncate(time.Second)
	}
	for i := range s.admins.log {
		if s.admins.log[i].On == name {
			s.admins.log[i].On = hash.String()
		}
	}
	for id, u := range s.users {
		if u.Name == name {
			delete(s.users, id)
			return hash, id, nil
		}
	}
	return hash, 0, nil
}

func (s *memStore) LetIn(ctx context.Context, name string) (NameHash, error) {
	if err := s.begin(ctx, "LetIn"); err != nil {
		return NameHash{}, err
	}
	defer s.mu.Unlock()
	hash := HashName(s.keys.secrets[NameSecret], name)
	if _, ok := s.kept[hash]; !ok {
		return hash, fmt.Errorf("name: %w", ErrNotFound)
	}
	delete(s.kept, hash)
	return hash, nil
}

func (s *memStore) KeptOut(ctx context.Context) ([]KeptOut, error) {
	if err := s.begin(ctx, "KeptOut"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var all []KeptOut
	for hash, at := range s.kept {
		all = append(all, KeptOut{hash, at})
	}
	slices.SortFunc(all, func(a, b KeptOut) int {
		return cmp.Or(b.At.Compare(a.At), slices.Compare(a.Hash[:], b.Hash[:]))
	})
	return all, nil
}

func (s *memStore) IsKeptOut(ctx context.Context, name string) (bool, error) {
	if err := s.begin(ctx, "IsKeptOut"); err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	return s.isOut(name), nil
}

func (s *memStore) ForgetAddresses(ctx context.Context, before time.Time) (int, error) {
	if err := s.begin(ctx, "ForgetAddresses"); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	n := 0
	for i := range s.admins.log {
		if a := &s.admins.log[i]; a.At.Before(before.Truncate(time.Second)) && strings.ContainsAny(a.From, ".:") {
			a.From = ""
			n++
		}
	}
	return n, nil
}
