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

func (s *memStore) KeepOut(ctx context.Context, k KeptOut) error {
	if err := s.begin(ctx, "KeepOut"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[NameHash]time.Time{}
	}
	if _, ok := s.kept[k.Hash]; !ok {
		s.kept[k.Hash] = k.At.Truncate(time.Second)
	}
	return nil
}

func (s *memStore) LetIn(ctx context.Context, hash NameHash) error {
	if err := s.begin(ctx, "LetIn"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if _, ok := s.kept[hash]; !ok {
		return fmt.Errorf("name: %w", ErrNotFound)
	}
	delete(s.kept, hash)
	return nil
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

func (s *memStore) IsKeptOut(ctx context.Context, hash NameHash) (bool, error) {
	if err := s.begin(ctx, "IsKeptOut"); err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	_, ok := s.kept[hash]
	return ok, nil
}

func (s *memStore) ForgetName(ctx context.Context, name, instead string) error {
	if err := s.begin(ctx, "ForgetName"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for i := range s.admins.log {
		if s.admins.log[i].On == name {
			s.admins.log[i].On = instead
		}
	}
	return nil
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
