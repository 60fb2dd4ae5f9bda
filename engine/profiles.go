package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"
)

// PopulationStore keeps how the values of all users' profiles are spread. It is part of [Store].
type PopulationStore interface {
	// Population returns the newest version.
	Population(ctx context.Context) (*Population, error)
	// SavePopulation stores p as a new version, whatever Version it has; MadeAt is kept to the second.
	SavePopulation(ctx context.Context, p *Population) error
	// UsersState returns a short text that is another one once users came, went, or had their lists fetched again. Unlisted ones
	// have no say.
	UsersState(ctx context.Context) (string, error)
}

// counterPopulation grows whenever a new version of the population is stored.
const counterPopulation = "population"

// profiles is what the engine keeps of all users' profiles in memory. The zero value is empty. It is safe for concurrent use.
type profiles struct {
	loading sync.Mutex              // one at a time
	now     atomic.Pointer[matcher] // nil at first
	next    atomic.Pointer[matcher] // while it is filled; gets every change too
	seen    atomic.Int64            // counterPopulation when now was made; -1: not made

	outdated atomic.Bool                // users were changed in bulk since now was made
	stored   atomic.Pointer[Population] // among which profiles will be; nil: not known before they are made
	there    chan struct{}              // closed once now is there
}

var nobody = newMatcher(new(Population))

// matcher returns the one to search in.
func (ps *profiles) matcher() *matcher {
	if m := ps.now.Load(); m != nil {
		return m
	}
	return nobody
}

// progress returns the matcher to search in, or the first one while it is filled.
func (ps *profiles) progress() (m *matcher, loading bool) {
	if m := ps.now.Load(); m != nil {
		return m, false
	}
	if m := ps.next.Load(); m != nil {
		return m, true
	}
	return nobody, true
}

// startPatience is how long a question waits at the start for what it needs.
const startPatience = 2 * time.Second

// await waits a while for the first matcher. Without one it is [ErrStarting].
func (ps *profiles) await(ctx context.Context) (*matcher, error) {
	if m := ps.now.Load(); m != nil {
		return m, nil
	}
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	select {
	case <-ps.there:
		return ps.now.Load(), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-patience.C:
		return nil, fmt.Errorf("profiles: %w", ErrStarting)
	}
}

// among returns the population among which profiles are, or will be once they are made; an empty one if that is not known yet.
func (ps *profiles) among() *Population {
	if p := ps.stored.Load(); p != nil && ps.now.Load() == nil {
		return p
	}
	return ps.matcher().population
}

// awaitPopulation is among, but waits as await does until it is known.
func (ps *profiles) awaitPopulation(ctx context.Context) (*Population, error) {
	if p := ps.stored.Load(); p != nil && ps.now.Load() == nil {
		return p, nil
	}
	m, err := ps.await(ctx)
	if err != nil {
		return nil, err
	}
	return m.population, nil
}

// each calls f with every matcher that has to know of a change, after the change is in the store. A matcher that is filled
// only later meets the change there.
func (ps *profiles) each(f func(*matcher)) {
	next, now := ps.next.Load(), ps.now.Load() // in this order: what is next may become what is now
	if next != nil {
		f(next)
	}
	if now != nil && now != next {
		f(now)
	}
}

// set makes u, whose list is l, be found by its profile. Hidden users are not.
func (ps *profiles) set(u User, l List, c *Catalogue) {
	if u.Hidden() {
		ps.remove(u.ID)
		return
	}
	p := ProfileOf(l, c)
	ps.each(func(m *matcher) { m.set(u.ID, p) })
}

func (ps *profiles) remove(id UserID) { ps.each(func(m *matcher) { m.remove(id) }) }

// loadPopulation reads the population among which the profiles will be.
func (e *Engine) loadPopulation(ctx context.Context) error {
	p, err := e.storedPopulation(ctx)
	if err == nil {
		e.profiles.stored.Store(p)
	}
	return err
}

// LoadProfiles makes the profiles of all users anew, among the stored population. Changes meanwhile are not lost, and
// searches go on in what was there before.
func (e *Engine) LoadProfiles(ctx context.Context) error {
	ps := &e.profiles
	ps.loading.Lock()
	defer ps.loading.Unlock()
	seen, err := e.opts.Store.Counter(ctx, counterPopulation)
	if err != nil {
		return err
	}
	ps.seen.Store(-1) // until all is well
	ps.outdated.Store(false)
	p, err := e.population(ctx)
	if err != nil {
		return err
	}
	next := newMatcher(p)
	ps.next.Store(next)
	defer ps.next.Store(nil)
	users := e.opts.Store.AllUsers(ctx)
	if ps.now.Load() != nil { // nobody waits
		users = gently(ctx, users)
	}
	if err := e.eachProfile(users, func(u User, p *Profile) { next.add(u.ID, p) }); err != nil {
		return err
	}
	if ps.now.Swap(next) == nil {
		close(ps.there)
	}
	ps.seen.Store(seen)
	return nil
}

// ReloadProfiles makes the profiles if there are none yet, there is a new version of the population, users were changed in bulk, or that
// failed before; and tells whether it did.
func (e *Engine) ReloadProfiles(ctx context.Context) (bool, error) {
	seen, err := e.opts.Store.Counter(ctx, counterPopulation)
	if err != nil || seen == e.profiles.seen.Load() && !e.profiles.outdated.Load() && e.profiles.now.Load() != nil {
		return false, err
	}
	return true, e.LoadProfiles(ctx)
}

// eachProfile walks over the profiles of those of users that are not hidden, in bounded memory. The profile is f's until it returns. Damaged
// lists are left out; [Engine.Rehash] tells of them.
func (e *Engine) eachProfile(users iter.Seq2[User, error], f func(User, *Profile)) error {
	var list List
	var p Profile
	for u, err := range users {
		if err != nil {
			return err
		}
		if u.Hidden() {
			continue
		}
		if list, err = u.List.Unpack(list[:0]); err != nil {
			continue
		}
		p.fill(list, e.catalogue.Load())
		f(u, &p)
	}
	return nil
}

// population returns the stored population, and one that is made now if there is none, or one of a number of users that is
// another one by more than a tenth: before the first run of the job, and after imports until its next one.
func (e *Engine) population(ctx context.Context) (*Population, error) {
	p, err := e.storedPopulation(ctx)
	if p != nil || err != nil {
		return p, err
	}
	return e.census(e.opts.Store.AllUsers(ctx))
}

// storedPopulation returns the stored population, nil if there is none that is good enough.
func (e *Engine) storedPopulation(ctx context.Context) (*Population, error) {
	p, err := e.opts.Store.Population(ctx)
	switch {
	case errors.Is(err, ErrCorrupt):
		e.opts.Log.ErrorContext(ctx, "stored population", "err", err)
		return nil, nil
	case errors.Is(err, ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	origins, err := e.opts.Store.CountUsers(ctx)
	if err != nil {
		return nil, err
	}
	users := 0
	for _, n := range origins {
		users += n
	}
	if apart := max(users-p.Users, p.Users-users); apart*10 <= p.Users {
		return p, nil
	}
	return nil, nil
}

// census makes the population from users.
func (e *Engine) census(users iter.Seq2[User, error]) (*Population, error) {
	var c census
	err := e.eachProfile(users, func(_ User, p *Profile) { c.add(p) })
	return c.population(), err
}

// UpdatePopulation stores how the values of all users' profiles are spread, as a new version, if users or the statistics of
// anime changed since that was last done.
func (e *Engine) UpdatePopulation(ctx context.Context) (string, error) {
	state, err := e.usersState(ctx)
	if err != nil {
		return "", err
	}
	last, err := e.opts.Store.Population(ctx)
	switch {
	case err == nil && last.State == state:
		return "no user changed", nil
	case err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrCorrupt):
		return "", err
	}
	p, err := e.census(gently(ctx, e.opts.Store.AllUsers(ctx)))
	if err != nil {
		return "", err
	}
	p.MadeAt, p.State = e.opts.Now(), state
	if err := e.opts.Store.SavePopulation(ctx, p); err != nil {
		return "", err
	}
	if _, err := e.opts.Store.AddCounter(ctx, counterPopulation, 1); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d users", p.Users), nil
}

// usersState says what a population is made from.
func (e *Engine) usersState(ctx context.Context) (string, error) {
	users, err := e.opts.Store.UsersState(ctx)
	if err != nil {
		return "", err
	}
	taste, err := e.opts.Store.Counter(ctx, counterTaste)
	return fmt.Sprintf("%s %d", users, taste), err
}
