package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How long what went wrong with a list is remembered, and how often a list is fetched from its first entry to its last.
const (
	holdRefused = 15 * time.Second // no such user, a private list: people mend that, and try again
	holdDown    = 3 * time.Second  // the source failed: whoever waits for the list is told so, instead of waiting anew
	holdFailed  = time.Minute      // a refresh of a stored list failed, again and again; holdDown at first
	retryEmpty  = 10 * time.Minute // a list that tells no taste is fetched again after this
	fullEvery   = 7 * 24 * time.Hour
)

// user returns the user of that name, from the store or, new or with too old a list, from the source. It has a taste:
// [ErrEmptyList] and [ErrNoHash] say why somebody has none.
func (e *Engine) user(ctx context.Context, name string) (User, error) {
	canonical, ok := CanonicalName(name)
	if !ok {
		return User{}, fmt.Errorf("user %.40q: %w", name, ErrNotFound)
	}
	if err := e.outside(canonical); err != nil {
		return User{}, fmt.Errorf("user %q: %w", canonical, err)
	}
	u, err := e.opts.Store.User(ctx, canonical)
	switch {
	case err == nil:
		if u = e.refreshed(ctx, u); !u.PrivateAt.IsZero() {
			err = ErrPrivate
		}
	case errors.Is(err, ErrNotFound) && e.opts.Source != nil:
		u, err = e.newcomer(ctx, canonical)
	default:
		u, err = e.recalled(canonical, err)
	}
	if err != nil {
		return User{}, fmt.Errorf("user %q: %w", canonical, err)
	}
	if u.Hash != 0 {
		return u, nil
	}
	l, err := u.List.Unpack(nil)
	if err == nil {
		err = ErrNoHash
		if l.Watched() == 0 {
			err = ErrEmptyList
		}
	}
	return User{}, fmt.Errorf("user %q: %w", canonical, err)
}

// Fetching tells whether the list of the user of that name is being fetched, and for how long.
func (e *Engine) Fetching(name string) (time.Duration, bool) {
	canonical, _ := CanonicalName(name)
	return e.fetches.since(canonical)
}

// refreshed returns u, with a newer list if it is too old and the source answers soon: an old list is better than none.
func (e *Engine) refreshed(ctx context.Context, u User) User {
	now := e.opts.Now()
	maxAge := e.opts.MaxAge
	if u.Hash == 0 {
		maxAge = min(maxAge, retryEmpty)
	}
	if !u.PrivateAt.IsZero() {
		maxAge = 0 // it may be public again
	}
	if e.opts.Source == nil || u.Origin != FromMAL || e.holds.err(u.Name, now) != nil ||
		!older(u.FetchedAt, now, maxAge) && !u.List.damaged() {
		return u
	}
	patience := min(e.opts.Patience, patienceOf(ctx))
	if since, ok := e.fetches.since(u.Name); ok && since > patience {
		return u // somebody has waited long enough for this one
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	newer, err := e.fetch(ctx, u.Name, u)
	if errors.Is(err, ErrPrivate) {
		u.PrivateAt = now
	}
	if err != nil {
		return u
	}
	return newer
}

// ahead is how far in the future a time may be that another instance's clock gave.
const ahead = time.Hour

// older tells whether something of the time at is older than age. What comes from the future was written when the clock was
// wrong: how old it is nobody knows.
func older(at, now time.Time, age time.Duration) bool {
	old := now.Sub(at)
	return old >= age || old < -ahead
}

// newcomer fetches the list of somebody who is not in the store.
func (e *Engine) newcomer(ctx context.Context, name string) (User, error) {
	if err := e.holds.err(name, e.opts.Now()); err != nil {
		return User{}, err
	}
	if err := e.leave(ctx, name); err != nil {
		return User{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patienceOf(ctx))
	defer cancel()
	u, err := e.fetch(ctx, name, User{Name: name, Origin: FromMAL})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", ErrUpstreamTimeout, err)
	}
	return u, err
}

// fetch gets the list of u from the source and saves it: once, whoever asks for it at the same time, and even when all of
// them have left.
func (e *Engine) fetch(ctx context.Context, name string, u User) (User, error) {
	wait := ctx
	if !mayWait(ctx) {
		over, end := context.WithCancelCause(ctx)
		end(fmt.Errorf("%w: too many wait for lists", ErrUpstreamTimeout))
		wait = over
	}
	return e.fetches.do(wait, name, func() (User, error) {
		ctx, cancel := context.WithTimeout(WithManners(context.WithoutCancel(ctx), nil), e.opts.FetchTimeout)
		defer cancel()
		if out, err := e.opts.Store.IsKeptOut(ctx, name); err != nil {
			return User{}, err
		} else if out {
			return User{}, ErrNotFound
		}
		stored, err := e.opts.Store.User(ctx, name)
		switch {
		case err == nil && stored.FetchedAt.After(u.FetchedAt):
			return stored, nil // somebody's fetch ended between the caller's look and this one
		case err == nil:
			u = stored
		case !errors.Is(err, ErrNotFound):
			return User{}, err // what is fetched now could not be kept
		}
		newer, err := e.update(ctx, u)
		if err == nil {
			e.holds.drop(name)
			return newer, nil
		}
		switch {
		case errors.Is(err, ErrNotAsked): // to try again costs nothing
		case errors.Is(err, ErrStore): // what was fetched could not be kept, and is not to be fetched again and again
			e.holds.put(name, e.opts.Now().Add(holdDown), err)
		case u.ID != 0:
			e.opts.Log.WarnContext(ctx, "list not refreshed, the stored one serves", "user", name, "err", err)
			e.holds.put(name, e.opts.Now().Add(holdAfter(err, u.Failures)), err)
			note := func(ctx context.Context) error { return e.opts.Store.RefreshFailed(ctx, u.ID) }
			if errors.Is(err, ErrPrivate) {
				note = func(ctx context.Context) error { return e.hide(ctx, u) }
			}
			if err := note(context.WithoutCancel(ctx)); err != nil {
				e.opts.Log.ErrorContext(ctx, "failure not counted", "user", name, "err", err)
			}
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrPrivate):
			e.holds.put(name, e.opts.Now().Add(holdRefused), err)
		case errors.Is(err, ErrUpstream), errors.Is(err, ErrUpstreamTimeout):
			e.holds.put(name, e.opts.Now().Add(holdDown), err)
		case errors.Is(err, ErrInvalidList): // the source may have changed: somebody should look
			e.opts.Log.WarnContext(ctx, "list not understood", "user", name, "err", err)
			e.holds.put(name, e.opts.Now().Add(holdDown), err)
		}
		return User{}, err
	})
}

// holdAfter is how long a list is not refreshed after a refresh failed with err, and as many before it. A source that fails, or
// answers nonsense, is soon well again, most of the time.
func holdAfter(err error, failures int) time.Duration {
	if errors.Is(err, ErrUpstream) || errors.Is(err, ErrUpstreamTimeout) || errors.Is(err, ErrInvalidList) {
		return min(holdDown<<min(failures, 10), holdFailed)
	}
	return holdFailed
}

// update fetches u's list, saves it with the anime that came along, and lets others be matched with it.
func (e *Engine) update(ctx context.Context, u User) (User, error) {
	var known List
	if u.List != nil {
		var err error
		if known, err = u.List.Unpack(nil); err != nil {
			known = nil // damaged: fetched anew
			e.opts.Log.ErrorContext(ctx, "stored list", "user", u.Name, "err", err)
		}
	}
	now := e.opts.Now()
	fetched, err := e.opts.Source.List(ctx, u.Name, known, now.Sub(u.FullAt) >= fullEvery)
	if err != nil {
		return User{}, err
	}
	u.List, u.FetchedAt, u.Failures, u.PrivateAt = fetched.List.Pack(), now, 0, time.Time{}
	if fetched.Full {
		u.FullAt = now
	}
	if err := e.describe(ctx, fetched.Anime); err != nil {
		return User{}, err
	}
	return e.save(ctx, u, fetched.List)
}

// save stores u with the hash of its list l, in the store and in the index.
func (e *Engine) save(ctx context.Context, u User, l List) (User, error) {
	e.loading.RLock()
	defer e.loading.RUnlock()
	c := e.catalogue.Load()
	var unknown []AnimeID
	for i := range l {
		if c.Anime(l[i].Anime) == nil {
			unknown = append(unknown, l[i].Anime)
		}
	}
	if u.Origin == Uploaded {
		unknown = unknown[:min(len(unknown), mostMentioned)]
	}
	if len(unknown) > 0 {
		if err := e.opts.Store.MentionAnime(ctx, unknown); err != nil {
			return User{}, err
		}
	}
	u.Hash = TasteHash(l, c)
	id, err := e.opts.Store.SaveUser(ctx, u)
	if err != nil {
		return User{}, err
	}
	if now := e.catalogue.Load(); now != c && TasteHash(l, now) != u.Hash {
		// An anime was described meanwhile, and hashes perhaps made again without this one.
		if _, err := e.opts.Store.AddCounter(ctx, counterTaste, 1); err != nil {
			return User{}, err
		}
	}
	e.saved.Store(e.opts.Now().UnixNano())
	u.ID = id
	e.hidden.set(id, false)
	e.index.Load().Set(listedCard(u))
	e.profiles.set(u, l, c)
	if err := e.outside(u.Name); err != nil { // since a moment, so that u is not stored any more
		e.index.Load().Remove(id)
		e.profiles.remove(id)
		return User{}, err
	}
	return u, nil
}

// describedAgain is how old details must be to be stored again when a list brings them.
const describedAgain = 7 * 24 * time.Hour

// describe stores the details of anime that are new, changed in what a taste hash sees or whether they air, or old; and
// brings them into the catalogue. Relations are kept where the new details have none.
func (e *Engine) describe(ctx context.Context, anime []Anime) error {
	e.describing.Lock()
	defer e.describing.Unlock()
	e.loading.RLock()
	defer e.loading.RUnlock()
	c := e.catalogue.Load()
	var news []Anime
	taste := false
	for _, a := range anime {
		old := c.Anime(a.ID)
		same := c.SameTaste(&a)
		if same && old.Status == a.Status && a.RelatedAt.IsZero() && a.DescribedAt.Sub(old.DescribedAt) < describedAgain {
			continue
		}
		if old != nil && a.RelatedAt.IsZero() {
			a.Relations, a.Parent, a.RelatedAt = old.Relations, old.Parent, old.RelatedAt
		}
		taste = taste || !same
		news = append(news, a)
	}
	if len(news) == 0 {
		return nil
	}
	if taste {
		if _, err := e.opts.Store.AddCounter(ctx, counterTaste, 1); err != nil {
			return err
		}
	}
	if err := e.opts.Store.SaveAnime(ctx, news); err != nil {
		return err
	}
	e.catalogue.Store(c.With(news))
	if taste { // once more: another process may have made the hashes again between the two
		if _, err := e.opts.Store.AddCounter(ctx, counterTaste, 1); err != nil {
			return err
		}
	}
	return nil
}
