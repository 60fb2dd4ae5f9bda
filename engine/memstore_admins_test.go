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

// memAdmins are the admins of a [memStore] and what belongs to them, guarded by its mutex.
type memAdmins struct {
	admins   map[string]Admin
	sessions map[SessionHash]AdminSession
	attempts map[string]memAttempt
	log      []Action // the oldest first
	excluded []Exclusion
}

type memAttempt struct {
	failures int
	last     time.Time
	until    time.Time
}

func (s *memStore) SetPassword(ctx context.Context, name, hash string, at time.Time) error {
	if err := s.begin(ctx, "SetPassword"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.setPassword(name, hash, at)
	return nil
}

func (s *memStore) AddAdmin(ctx context.Context, name, hash string, at time.Time) error {
	if err := s.begin(ctx, "AddAdmin"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if _, ok := s.admins.admins[name]; ok {
		return fmt.Errorf("admin: %w", ErrExists)
	}
	s.setPassword(name, hash, at)
	return nil
}

func (s *memStore) ChangePassword(ctx context.Context, name, hash string, at time.Time) error {
	if err := s.begin(ctx, "ChangePassword"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if _, ok := s.admins.admins[name]; !ok {
		return fmt.Errorf("admin: %w", ErrNotFound)
	}
	s.setPassword(name, hash, at)
	return nil
}

// setPassword makes the admin if not there. The caller holds the mutex.
func (s *memStore) setPassword(name, hash string, at time.Time) {
	at = at.Truncate(time.Second)
	if s.admins.admins == nil {
		s.admins.admins = map[string]Admin{}
	}
	a, ok := s.admins.admins[name]
	if !ok {
		a = Admin{Name: name, MadeAt: at}
	}
	a.Password, a.ChangedAt = hash, at
	s.admins.admins[name] = a
	maps.DeleteFunc(s.admins.sessions, func(_ SessionHash, x AdminSession) bool { return x.Admin == name })
}

func (s *memStore) RemoveAdmin(ctx context.Context, name string) error {
	if err := s.begin(ctx, "RemoveAdmin"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if _, ok := s.admins.admins[name]; !ok {
		return fmt.Errorf("admin: %w", ErrNotFound)
	}
	if len(s.admins.admins) == 1 {
		return ErrLastAdmin
	}
	delete(s.admins.admins, name)
	maps.DeleteFunc(s.admins.sessions, func(_ SessionHash, x AdminSession) bool { return x.Admin == name })
	return nil
}

func (s *memStore) Admin(ctx context.Context, name string) (Admin, error) {
	if err := s.begin(ctx, "Admin"); err != nil {
		return Admin{}, err
	}
	defer s.mu.Unlock()
	a, ok := s.admins.admins[name]
	if !ok {
		return Admin{}, fmt.Errorf("admin: %w", ErrNotFound)
	}
	return a, nil
}

func (s *memStore) Admins(ctx context.Context) ([]Admin, error) {
	if err := s.begin(ctx, "Admins"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var all []Admin
	for _, name := range slices.Sorted(maps.Keys(s.admins.admins)) {
		all = append(all, s.admins.admins[name])
	}
	return all, nil
}

func (s *memStore) AddAdminSession(ctx context.Context, x AdminSession, password string) error {
	if err := s.begin(ctx, "AddAdminSession"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	a, ok := s.admins.admins[x.Admin]
	if !ok || a.Password != password {
		return fmt.Errorf("session: %w", ErrNotFound)
	}
	x.MadeAt, x.SeenAt = x.MadeAt.Truncate(time.Second), x.SeenAt.Truncate(time.Second)
	a.LoggedInAt = x.MadeAt
	s.admins.admins[x.Admin] = a
	if s.admins.sessions == nil {
		s.admins.sessions = map[SessionHash]AdminSession{}
	}
	s.admins.sessions[x.Hash] = x
	return nil
}

func (s *memStore) AdminSession(ctx context.Context, hash SessionHash) (AdminSession, error) {
	if err := s.begin(ctx, "AdminSession"); err != nil {
		return AdminSession{}, err
	}
	defer s.mu.Unlock()
	x, ok := s.admins.sessions[hash]
	if !ok {
		return AdminSession{}, fmt.Errorf("session: %w", ErrNotFound)
	}
	return x, nil
}

// changeSession changes the session of that hash, if there.
func (s *memStore) changeSession(ctx context.Context, method string, hash SessionHash, change func(*AdminSession)) error {
	if err := s.begin(ctx, method); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if x, ok := s.admins.sessions[hash]; ok {
		change(&x)
		s.admins.sessions[hash] = x
	}
	return nil
}

func (s *memStore) SeeAdminSession(ctx context.Context, hash SessionHash, at time.Time) error {
	return s.changeSession(ctx, "SeeAdminSession", hash, func(x *AdminSession) { x.SeenAt = at.Truncate(time.Second) })
}

func (s *memStore) SayInAdminSession(ctx context.Context, hash SessionHash, text string) error {
	return s.changeSession(ctx, "SayInAdminSession", hash, func(x *AdminSession) { x.Said = text })
}

func (s *memStore) EndAdminSession(ctx context.Context, hash SessionHash) error {
	if err := s.begin(ctx, "EndAdminSession"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	delete(s.admins.sessions, hash)
	return nil
}

func (s *memStore) EndAdminSessions(ctx context.Context, made, seen time.Time) error {
	if err := s.begin(ctx, "EndAdminSessions"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	maps.DeleteFunc(s.admins.sessions, func(_ SessionHash, x AdminSession) bool {
		return x.MadeAt.Before(made.Truncate(time.Second)) || x.SeenAt.Before(seen.Truncate(time.Second))
	})
	return nil
}

func (s *memStore) TryLogin(ctx context.Context, limits []LoginLimit, at time.Time) (time.Time, error) {
	if err := s.begin(ctx, "TryLogin"); err != nil {
		return time.Time{}, err
	}
	defer s.mu.Unlock()
	at = at.Truncate(time.Second)
	if s.admins.attempts == nil {
		s.admins.attempts = map[string]memAttempt{}
	}
	maps.DeleteFunc(s.admins.attempts, func(_ string, a memAttempt) bool {
		return at.Sub(a.last) >= LoginsForgotten && !a.until.After(at)
	})
	var until time.Time
	for _, l := range limits {
		if u := s.admins.attempts[l.Key].until; u.After(at) && u.After(until) {
			until = u
		}
	}
	if !until.IsZero() {
		return until, nil
	}
	for _, l := range limits {
		a := s.admins.attempts[l.Key]
		a.failures++
		a.last, a.until = at, at.Add(l.Delay(a.failures))
		s.admins.attempts[l.Key] = a
	}
	return time.Time{}, nil
}

func (s *memStore) ForgetLogins(ctx context.Context, limits []LoginLimit) error {
	if err := s.begin(ctx, "ForgetLogins"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, l := range limits {
		delete(s.admins.attempts, l.Key)
	}
	return nil
}

func (s *memStore) NoteAction(ctx context.Context, a Action) error {
	if err := s.begin(ctx, "NoteAction"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	a.At = a.At.Truncate(time.Second)
	s.admins.log = append(s.admins.log, a)
	return nil
}

func (s *memStore) Actions(ctx context.Context, skip, n int) ([]Action, error) {
	if err := s.begin(ctx, "Actions"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	all := slices.Clone(s.admins.log)
	slices.Reverse(all)
	return cut(all, skip, n), nil
}

func (s *memStore) LastActions(ctx context.Context, n int) ([]Action, error) {
	all, err := s.Actions(ctx, 0, 1<<20)
	return cut(slices.DeleteFunc(all, func(a Action) bool { return a.What == FailedLogin }), 0, n), err
}

// cut returns at most n items, without the first skip.
func cut[T any](items []T, skip, n int) []T {
	items = items[min(skip, len(items)):]
	return items[:min(n, len(items))]
}

func (s *memStore) Exclude(ctx context.Context, x Exclusion) error {
	if err := s.begin(ctx, "Exclude"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if !slices.ContainsFunc(s.admins.excluded, func(other Exclusion) bool { return other.Anime == x.Anime }) {
		x.At = x.At.Truncate(time.Second)
		s.admins.excluded = append(s.admins.excluded, x)
	}
	return nil
}

func (s *memStore) Include(ctx context.Context, id AnimeID) error {
	if err := s.begin(ctx, "Include"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.admins.excluded = slices.DeleteFunc(s.admins.excluded, func(x Exclusion) bool { return x.Anime == id })
	return nil
}

func (s *memStore) Exclusions(ctx context.Context) ([]Exclusion, error) {
	if err := s.begin(ctx, "Exclusions"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return slices.SortedFunc(slices.Values(s.admins.excluded), func(a, b Exclusion) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Anime, b.Anime))
	}), nil
}

func (s *memStore) FindUsers(ctx context.Context, text string, skip, n int) ([]UserLine, error) {
	if err := s.begin(ctx, "FindUsers"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var lines []UserLine
	for _, u := range s.users {
		if strings.Contains(u.Name, text) {
			lines = append(lines, UserLine{card(u), u.Origin, u.List.Len(), u.FetchedAt, u.Failures, u.Unlisted, u.PrivateAt})
		}
	}
	begins := func(l UserLine) int {
		if strings.HasPrefix(l.Name, text) {
			return 0
		}
		return 1
	}
	slices.SortFunc(lines, func(a, b UserLine) int {
		return cmp.Or(cmp.Compare(begins(a), begins(b)), cmp.Compare(a.Name, b.Name))
	})
	return cut(lines, skip, n), nil
}
