package engine

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Exclusion is an anime that an admin keeps from being recommended.
type Exclusion struct {
	Anime AnimeID
	At    time.Time
	Admin string
}

// ExclusionStore keeps what is never recommended. It is part of [Store]. Times are kept to the second.
type ExclusionStore interface {
	// Exclude keeps an exclusion; one that is there already stays as it is. Include takes it back.
	Exclude(ctx context.Context, x Exclusion) error
	Include(ctx context.Context, id AnimeID) error
	// Exclusions returns all, the newest first.
	Exclusions(ctx context.Context) ([]Exclusion, error)
}

// counterExcluded grows whenever what is excluded changes.
const counterExcluded = "excluded"

// excluded is what is never recommended: what is configured, and what admins exclude. It is immutable once it is shared.
type excluded struct {
	anime map[AnimeID]bool
	seen  int64 // counterExcluded when it was read

	version int64 // no other of this process has it
}

// Exclude keeps an anime from being recommended: at once here, and within a second wherever [Engine.Reload] is called.
func (e *Engine) Exclude(ctx context.Context, id AnimeID, admin string) error {
	return e.changeExcluded(ctx, e.opts.Store.Exclude(ctx, Exclusion{Anime: id, At: e.opts.Now(), Admin: admin}))
}

// Include takes back what [Engine.Exclude] did. What is configured stays excluded.
func (e *Engine) Include(ctx context.Context, id AnimeID) error {
	return e.changeExcluded(ctx, e.opts.Store.Include(ctx, id))
}

func (e *Engine) changeExcluded(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	if _, err := e.opts.Store.AddCounter(ctx, counterExcluded, 1); err != nil {
		return err
	}
	return e.loadExcluded(ctx)
}

// Exclusions returns what admins exclude, the newest first.
func (e *Engine) Exclusions(ctx context.Context) ([]Exclusion, error) {
	return e.opts.Store.Exclusions(ctx)
}

// Configured tells whether an anime is excluded by the configuration.
func (e *Engine) Configured(id AnimeID) bool { return e.configured[id] }

// ConfiguredExclusions returns the ids of anime that the configuration excludes, in order.
func (e *Engine) ConfiguredExclusions() []AnimeID { return slices.Sorted(maps.Keys(e.configured)) }

// loadExcluded reads anew what is excluded.
func (e *Engine) loadExcluded(ctx context.Context) error {
	e.excluding.Lock() // of two that read, the one that reads later is to stay
	defer e.excluding.Unlock()
	seen, err := e.opts.Store.Counter(ctx, counterExcluded)
	if err != nil {
		return err
	}
	stored, err := e.opts.Store.Exclusions(ctx)
	if err != nil {
		return err
	}
	all := maps.Clone(e.configured)
	for _, x := range stored {
		all[x.Anime] = true
	}
	e.exclude.Store(&excluded{all, seen, versions.Add(1)})
	return nil
}

// reloadExcluded reads anew what is excluded if it changed.
func (e *Engine) reloadExcluded(ctx context.Context) error {
	seen, err := e.opts.Store.Counter(ctx, counterExcluded)
	if err != nil || seen == e.exclude.Load().seen {
		return err
	}
	return e.loadExcluded(ctx)
}
