package engine

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"
)

// ChangeStore tells what other processes changed. It is part of [Store].
type ChangeStore interface {
	// Changes returns what was committed after a mark was given, each once, in whatever order it was begun, and forgets what it
	// kept of it in memory. With an empty mark it returns one to begin with.
	Changes(ctx context.Context, mark string) (Changes, error)
	// AnimeOf returns those of the anime that are described.
	AnimeOf(ctx context.Context, ids []AnimeID) ([]Anime, error)
}

// Changes are what changed in a store.
type Changes struct {
	Mark  string    // to ask with the next time
	Lost  bool      // the mark is empty, or perhaps of what the store has forgotten, or has no more: anything may have changed
	Users []UserID  // that came, went, or changed
	Anime []AnimeID // that were described, or described again
}

// How what changed is brought into memory.
const (
	followUsers = 100 // at a time: saving waits meanwhile
	followAnime = 500
	// recentSave is how long a list that was saved here may have been saved without knowing an anime that another process
	// described before.
	recentSave = 10 * time.Second
)

// following is how far the engine has followed the store. The zero value is not at all. It is locked before Engine.loading.
type following struct {
	sync.Mutex
	mark string // guarded by Mutex
}

// Follow brings into memory what other processes changed in the store since the last time: users that came, went or changed, and anime
// that were described. It returns how many that were; what this process changed is among them. An engine that has loaded nothing
// follows nothing.
func (e *Engine) Follow(ctx context.Context) (int, error) {
	e.following.Lock()
	defer e.following.Unlock()
	before := e.following.mark
	if before == "" {
		return 0, nil
	}
	c, err := e.opts.Store.Changes(ctx, before)
	if err != nil {
		return 0, err
	}
	if c.Lost {
		// The counters tell nothing now: those of a store that went back come to the same numbers again.
		if err := e.loadAll(ctx, c.Mark); err != nil {
			e.following.mark = before
			return 0, err
		}
		e.profiles.outdated.Store(true)
		return e.Users(), nil
	}
	for ids := range slices.Chunk(c.Anime, followAnime) { // before the users, whose hashes and profiles are made of them
		if err := e.followAnime(ctx, ids); err != nil {
			return 0, err
		}
	}
	for ids := range slices.Chunk(c.Users, followUsers) {
		if err := e.followUsers(ctx, ids); err != nil {
			return 0, err
		}
	}
	e.following.mark = c.Mark
	return len(c.Users) + len(c.Anime), nil
}

// followUsers brings users into memory as they are in the store now.
func (e *Engine) followUsers(ctx context.Context, ids []UserID) error {
	e.loading.Lock() // not RLock: what a save sets meanwhile must not be overwritten in memory
	defer e.loading.Unlock()
	users, err := e.opts.Store.Users(ctx, nil, ids)
	if err != nil {
		return err
	}
	gone := make(map[UserID]bool, len(ids))
	for _, id := range ids {
		gone[id] = true
	}
	x, c := e.index.Load(), e.catalogue.Load()
	var list List
	for _, u := range users {
		delete(gone, u.ID)
		e.hidden.set(u.ID, !u.PrivateAt.IsZero())
		x.Set(listedCard(u))
		if list, err = u.List.Unpack(list[:0]); err != nil {
			e.opts.Log.ErrorContext(ctx, "stored list", "user", u.Name, "err", err)
			e.profiles.remove(u.ID)
			continue
		}
		e.profiles.set(u, list, c)
	}
	for id := range gone {
		e.hidden.set(id, false)
		x.Remove(id)
		e.profiles.remove(id)
	}
	return nil
}

// followAnime brings anime into the catalogue as they are in the store now.
func (e *Engine) followAnime(ctx context.Context, ids []AnimeID) error {
	e.loading.Lock()
	defer e.loading.Unlock()
	anime, err := e.opts.Store.AnimeOf(ctx, ids)
	if err != nil {
		return err
	}
	c := e.catalogue.Load()
	anime = slices.DeleteFunc(anime, func(a Anime) bool { return c.has(&a) }) // described here, most likely
	if len(anime) == 0 {
		return nil
	}
	taste := slices.ContainsFunc(anime, func(a Anime) bool { return !c.SameTaste(&a) })
	if taste && e.opts.Now().UnixNano()-e.saved.Load() < int64(recentSave) {
		// That list's hash may have been made without the anime, after others were made again.
		if _, err := e.opts.Store.AddCounter(ctx, counterTaste, 1); err != nil {
			return err
		}
	}
	e.catalogue.Store(c.With(anime))
	return nil
}

// has tells whether a is known as it is, but for parts of seconds.
func (c *Catalogue) has(a *Anime) bool {
	known := c.Anime(a.ID)
	if known == nil || known.DescribedAt.Unix() != a.DescribedAt.Unix() || known.RelatedAt.Unix() != a.RelatedAt.Unix() {
		return false
	}
	same := *known
	same.DescribedAt, same.RelatedAt = a.DescribedAt, a.RelatedAt
	return reflect.DeepEqual(&same, a)
}
