package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The upkeep that jobs do: each call handles a bounded batch, goes on after a failure, and returns what it did in words and
// all failures joined. Doing it twice does no harm.
const (
	refreshBatch  = 50
	describeBatch = 50
	airingBatch   = 50
	airingEvery   = 24 * time.Hour
	hashBatch     = 500
)

// errNoSource says that upkeep has nowhere to ask.
var errNoSource = fmt.Errorf("no source of lists is configured: %w", ErrUpstream)

// RefreshStale fetches the stalest lists again, of those older than the age at which they would be when asked for.
func (e *Engine) RefreshStale(ctx context.Context) (string, error) {
	if e.opts.Source == nil {
		return "", errNoSource
	}
	names, err := e.opts.Store.StaleUsers(ctx, e.opts.Now().Add(-e.opts.MaxAge), refreshBatch)
	if err != nil {
		return "", err
	}
	private := 0
	outcome, err := each(ctx, "lists refreshed", names, func(name string) error {
		u, err := e.opts.Store.User(ctx, name)
		if err != nil {
			return err
		}
		_, err = e.fetch(ctx, name, u)
		if errors.Is(err, ErrPrivate) {
			private++
			return nil // nothing failed, and who it is does not belong into the history of a job
		}
		return err
	})
	if private > 0 {
		outcome += fmt.Sprintf(", %d of them private", private)
	}
	return outcome, err
}

// DescribeAnime asks for the details and relations of anime that lists mention and nobody described yet, then for the
// relations of those that a list described.
func (e *Engine) DescribeAnime(ctx context.Context) (string, error) {
	if e.opts.Source == nil {
		return "", errNoSource
	}
	ids, err := e.opts.Store.UndescribedAnime(ctx, describeBatch)
	if err != nil {
		return "", err
	}
	return each(ctx, "anime described", ids, func(id AnimeID) error { return e.describeOne(ctx, id) })
}

// UpdateAiring asks again for anime that have not ended: their episodes, mean and dates still change.
func (e *Engine) UpdateAiring(ctx context.Context) (string, error) {
	if e.opts.Source == nil {
		return "", errNoSource
	}
	ids, err := e.opts.Store.AiringAnime(ctx, e.opts.Now().Add(-airingEvery), airingBatch)
	if err != nil {
		return "", err
	}
	return each(ctx, "airing anime updated", ids, func(id AnimeID) error { return e.describeOne(ctx, id) })
}

func (e *Engine) describeOne(ctx context.Context, id AnimeID) error {
	a, err := e.opts.Source.Anime(ctx, id)
	if err == nil {
		return e.describe(ctx, []Anime{a})
	}
	if !errors.Is(err, context.Canceled) && !errors.Is(err, ErrNotAsked) {
		err = errors.Join(err, e.opts.Store.DescribeFailed(ctx, id))
	}
	return err
}

// each calls do for every item until ctx is done or the source is not asked any more, and says how many went well.
func each[T any](ctx context.Context, what string, items []T, do func(T) error) (string, error) {
	var errs []error
	done := 0
	for _, item := range items {
		if ctx.Err() != nil {
			errs = append(errs, ctx.Err())
			break
		}
		if err := do(item); err != nil {
			errs = append(errs, fmt.Errorf("%v: %w", item, err))
			if errors.Is(err, ErrNotAsked) {
				break // nor would the source be asked for the others
			}
			continue
		}
		done++
	}
	return fmt.Sprintf("%d of %d %s", done, len(items), what), errors.Join(errs...)
}

// Rehash makes the hashes of all users again if the statistics of some anime changed since that was last done.
func (e *Engine) Rehash(ctx context.Context) (string, error) {
	// Not while an anime is counted but not yet in the catalogue.
	e.describing.Lock()
	taste, err := e.opts.Store.Counter(ctx, counterTaste)
	e.describing.Unlock()
	if err != nil {
		return "", err
	}
	hashed, err := e.opts.Store.Counter(ctx, counterHashed)
	if err != nil {
		return "", err
	}
	if taste == hashed {
		return "no anime changed", nil
	}
	if _, err := e.Follow(ctx); err != nil { // what other processes described counts as well
		return "", err
	}
	seen, changed, err := e.rehash(ctx)
	if err != nil {
		return "", err
	}
	// Changes of anime since the start are still counted in taste, so that the next run sees them.
	if _, err := e.opts.Store.AddCounter(ctx, counterHashed, taste-hashed); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d of %d hashes changed", changed, seen), nil
}

func (e *Engine) rehash(ctx context.Context) (seen, changed int, err error) {
	var batch []User
	flush := func() error {
		e.loading.Lock() // not RLock: what a save sets meanwhile must not be overwritten in memory
		defer e.loading.Unlock()
		set, err := e.opts.Store.SetHashes(ctx, batch)
		if err != nil {
			return err
		}
		x := e.index.Load()
		for _, u := range set {
			if !e.hidden.has(u.ID) { // since it was read
				x.Set(listedCard(u))
			}
		}
		changed += len(set)
		batch = batch[:0]
		return nil
	}
	var list List
	for u, err := range gently(ctx, e.opts.Store.AllUsers(ctx)) {
		if err != nil {
			return seen, changed, err
		}
		seen++
		if list, err = u.List.Unpack(list[:0]); err != nil {
			e.opts.Log.ErrorContext(ctx, "stored list", "user", u.Name, "err", err)
			continue
		}
		if h := TasteHash(list, e.catalogue.Load()); h != u.Hash {
			u.Hash = h
			batch = append(batch, u)
		}
		if len(batch) == hashBatch {
			if err := flush(); err != nil {
				return seen, changed, err
			}
		}
	}
	return seen, changed, flush()
}

// ImportAnime stores a batch of described anime from elsewhere, and brings them into the catalogue. [Engine.Rehash] and
// [Engine.ImportDone] belong after the last batch.
func (e *Engine) ImportAnime(ctx context.Context, anime []Anime) error {
	e.describing.Lock()
	defer e.describing.Unlock()
	e.loading.RLock()
	defer e.loading.RUnlock()
	if _, err := e.opts.Store.AddCounter(ctx, counterTaste, 1); err != nil {
		return err
	}
	if err := e.opts.Store.SaveAnime(ctx, anime); err != nil {
		return err
	}
	e.catalogue.Store(e.catalogue.Load().With(anime))
	return nil
}

// ImportUsers stores a batch of users with their lists from elsewhere; their hashes are made here, and the anime that they
// mention are noted. Those whose names are kept out are passed over.
func (e *Engine) ImportUsers(ctx context.Context, users []User) error {
	c := e.catalogue.Load()
	unknown := map[AnimeID]bool{}
	var list List
	for i := range users {
		var err error
		if list, err = users[i].List.Unpack(list[:0]); err != nil {
			return fmt.Errorf("user %q: %w", users[i].Name, err)
		}
		for j := range list {
			if c.Anime(list[j].Anime) == nil {
				unknown[list[j].Anime] = true
			}
		}
		users[i].Hash = TasteHash(list, c)
	}
	ids := make([]AnimeID, 0, len(unknown))
	for id := range unknown {
		ids = append(ids, id)
	}
	if err := e.opts.Store.MentionAnime(ctx, ids); err != nil {
		return err
	}
	return e.opts.Store.ImportUsers(ctx, users)
}

// ImportDone tells every process that uses the store that users or anime changed in bulk, and loads them here.
func (e *Engine) ImportDone(ctx context.Context) error {
	if err := e.Announce(ctx); err != nil {
		return err
	}
	return e.Load(ctx)
}

// Announce tells every process that uses the store that users or anime changed in bulk.
func (e *Engine) Announce(ctx context.Context) error {
	_, err := e.opts.Store.AddCounter(ctx, counterBulk, 1)
	return err
}
