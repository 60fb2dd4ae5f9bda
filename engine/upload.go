package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
)

// mostMentioned bounds how many anime that nobody described one upload puts in line for it, so that invented ids do not keep
// those waiting that are on real lists.
const mostMentioned = 500

// Upload stores a list as that of a new user of origin [Uploaded], under a name that nobody can guess. Others are matched with
// it only if it is listed. A list that tells no taste is not stored: [ErrEmptyList] and [ErrNoHash] say why. Nor is one when as many are
// stored as may be, which is [ErrFull]: none goes that its owner has not deleted. Those who come at the same moment may be let in together.
func (e *Engine) Upload(ctx context.Context, list List, listed bool) (User, error) {
	u, err := e.passing(list)
	if err != nil {
		return User{}, fmt.Errorf("uploaded list: %w", err)
	}
	switch n, err := e.opts.Store.CountOrigin(ctx, Uploaded); {
	case err != nil:
		return User{}, err
	case n >= e.opts.Uploads:
		return User{}, fmt.Errorf("uploaded list: %w: there are %d", ErrFull, n)
	}
	now := e.opts.Now()
	u.Name, u.FetchedAt, u.FullAt, u.Unlisted = guestName(), now, now, !listed
	return e.save(ctx, u, list)
}

// guestName makes up a name out of 2^50.
func guestName() string {
	return guestPrefix + strings.ToLower(rand.Text()[:MaxName-len(guestPrefix)])
}

// guestPrefix begins the names of uploaded lists.
const guestPrefix = "guest-"

// Uploads returns those of the named users that exist and were uploaded, in the order of names.
func (e *Engine) Uploads(ctx context.Context, names []string) ([]User, error) {
	var users []User
	for _, name := range names {
		u, err := e.uploaded(ctx, name)
		switch {
		case err == nil:
			users = append(users, u)
		case !errors.Is(err, ErrNotFound):
			return nil, err
		}
	}
	return users, nil
}

// Unupload deletes the named user if it was uploaded; else it is [ErrNotFound].
func (e *Engine) Unupload(ctx context.Context, name string) error {
	u, err := e.uploaded(ctx, name)
	if err != nil {
		return err
	}
	return e.remove(func() (UserID, error) { return u.ID, e.opts.Store.DeleteUser(ctx, u.ID) })
}

// RemoveUploads deletes the lists that were uploaded before a time, and returns how many it deleted.
func (e *Engine) RemoveUploads(ctx context.Context, before time.Time) (n int, err error) {
	for u, err := range e.opts.Store.AllUsers(ctx) {
		if err != nil {
			return n, err
		}
		if u.Origin != Uploaded || !u.FetchedAt.Before(before) {
			continue
		}
		if err := e.remove(func() (UserID, error) { return u.ID, e.opts.Store.DeleteUser(ctx, u.ID) }); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Remove deletes the named user, whatever the origin. One of MyAnimeList comes back when somebody asks for the name again and
// the list is public.
func (e *Engine) Remove(ctx context.Context, name string) error {
	canonical, ok := CanonicalName(name)
	if !ok {
		return fmt.Errorf("user %.40q: %w", name, ErrNotFound)
	}
	return e.remove(func() (UserID, error) { // not whom memory has by that name: another process may have stored somebody else since
		return e.opts.Store.RemoveUser(ctx, canonical)
	})
}

// remove deletes a user from the store, by f, and from memory. Other processes follow.
func (e *Engine) remove(f func() (UserID, error)) error {
	e.loading.RLock()
	defer e.loading.RUnlock()
	id, err := f()
	if err != nil {
		return err
	}
	e.index.Load().Remove(id)
	e.profiles.remove(id)
	return nil
}

func (e *Engine) uploaded(ctx context.Context, name string) (User, error) {
	canonical, ok := CanonicalName(name)
	if !ok {
		return User{}, fmt.Errorf("upload %.40q: %w", name, ErrNotFound)
	}
	u, err := e.opts.Store.User(ctx, canonical)
	if err == nil && u.Origin != Uploaded {
		err = ErrNotFound
	}
	if err != nil {
		return User{}, fmt.Errorf("upload %q: %w", canonical, err)
	}
	return u, nil
}
