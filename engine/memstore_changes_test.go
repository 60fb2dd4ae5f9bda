package engine

import (
	"context"
	"fmt"
	"maps"
	"reflect"
)

// memSnapshot is what a [memStore] held when a mark was given.
type memSnapshot struct {
	users map[UserID]User
	anime map[AnimeID]Anime
}

// described returns the anime that are.
func (s *memStore) described() map[AnimeID]Anime {
	all := map[AnimeID]Anime{}
	for id, a := range s.anime {
		if !a.DescribedAt.IsZero() {
			all[id] = a.Anime
		}
	}
	return all
}

// Changes compares what there is with what there was.
func (s *memStore) Changes(ctx context.Context, mark string) (Changes, error) {
	if err := s.begin(ctx, "Changes"); err != nil {
		return Changes{}, err
	}
	defer s.mu.Unlock()
	if s.snapshots == nil {
		s.snapshots = map[string]memSnapshot{}
	}
	now := memSnapshot{maps.Clone(s.users), s.described()}
	c := Changes{Mark: fmt.Sprint("mark ", len(s.snapshots))}
	before, ok := s.snapshots[mark]
	s.snapshots[c.Mark] = now
	if !ok {
		c.Lost = true
		return c, nil
	}
	for id, u := range now.users {
		old, known := before.users[id]
		old.Failures = u.Failures // are nobody else's business
		if !known || !reflect.DeepEqual(old, u) {
			c.Users = append(c.Users, id)
		}
	}
	for id := range before.users {
		if _, ok := now.users[id]; !ok {
			c.Users = append(c.Users, id)
		}
	}
	for id, a := range now.anime {
		if !reflect.DeepEqual(before.anime[id], a) {
			c.Anime = append(c.Anime, id)
		}
	}
	return c, nil
}

func (s *memStore) AnimeOf(ctx context.Context, ids []AnimeID) ([]Anime, error) {
	if err := s.begin(ctx, "AnimeOf"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	known := s.described()
	var found []Anime
	for _, id := range ids {
		if a, ok := known[id]; ok {
			found = append(found, a)
		}
	}
	return found, nil
}
