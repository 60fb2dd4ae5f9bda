package main

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"reko.moe/db"
	"reko.moe/engine"
)

const (
	// reloadEvery is how often the server looks whether another process changed something, even if nobody tells it.
	reloadEvery = 500 * time.Millisecond
	// followPause is how long it waits after that before it looks again, so that many changes are brought into memory together.
	followPause = 50 * time.Millisecond
)

// follow keeps in memory what other processes change in the store, until ctx is done: users and anime at once where the store tells of
// them, else within a second, as everything that changes in bulk. The profiles of all users take longer, and keep nobody waiting.
func follow(ctx context.Context, eng *engine.Engine, store *db.DB, log *slog.Logger, after func() error) {
	var g errgroup.Group
	rung := make(chan struct{}, 1)
	g.Go(func() error {
		store.Listen(ctx, func() {
			select {
			case rung <- struct{}{}:
			default: // it will be looked anyway
			}
		})
		return nil
	})
	g.Go(func() error {
		tick := time.NewTicker(reloadEvery)
		defer tick.Stop()
		for pause(ctx, followPause) {
			select {
			case <-ctx.Done():
				return nil
			case <-rung:
				followOnce(ctx, eng, log)
			case <-tick.C:
				reload(ctx, eng, log, after)
				followOnce(ctx, eng, log)
			}
		}
		return nil
	})
	g.Go(func() error {
		for {
			begin := time.Now()
			loaded, err := eng.ReloadProfiles(ctx)
			if err != nil && ctx.Err() == nil {
				log.Error("loading profiles", "err", err)
			}
			if loaded {
				debug.FreeOSMemory() // all lists were read
				log.Info("profiles loaded", "users", eng.Memory().Profiles, "after", time.Since(begin).Round(time.Millisecond))
			}
			if !pause(ctx, reloadEvery) {
				return nil
			}
		}
	})
	_ = g.Wait() // none fails
}

// followOnce brings into memory what other processes changed.
func followOnce(ctx context.Context, eng *engine.Engine, log *slog.Logger) {
	if _, err := eng.Follow(ctx); err != nil && ctx.Err() == nil {
		log.Error("following what other processes change", "err", err)
	}
}

// reload loads again whatever another process changed in bulk.
func reload(ctx context.Context, eng *engine.Engine, log *slog.Logger, after func() error) {
	reloaded, err := eng.ReloadUsers(ctx)
	if err == nil && reloaded {
		log.Info("loaded again after an import", "users", eng.Users(), "anime", eng.Titles())
		err = after()
	}
	if err != nil && ctx.Err() == nil {
		log.Error("looking for imports", "err", err)
	}
}

// pause returns false as soon as ctx is done.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return ctx.Err() == nil
	}
}
