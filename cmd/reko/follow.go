package main

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/jobs"
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
		following, reloading := trouble{log: log, what: "following what other processes change"}, trouble{log: log, what: "looking for imports"}
		for jobs.Wait(ctx, followPause) {
			select {
			case <-ctx.Done():
				return nil
			case <-rung:
			case <-tick.C:
				reloading.note(ctx, reload(ctx, eng, log, after))
			}
			_, err := eng.Follow(ctx)
			following.note(ctx, err)
		}
		return nil
	})
	g.Go(func() error {
		loading := trouble{log: log, what: "loading profiles"}
		for {
			begin := time.Now()
			loaded, err := eng.ReloadProfiles(ctx)
			loading.note(ctx, err)
			if loaded && err == nil {
				debug.FreeOSMemory() // all lists were read
				log.Info("profiles loaded", "users", eng.Memory().Profiles, "after", time.Since(begin).Round(time.Millisecond))
			}
			if !jobs.Wait(ctx, reloadEvery) {
				return nil
			}
		}
	})
	_ = g.Wait() // none fails
}

// reload loads again whatever another process changed in bulk.
func reload(ctx context.Context, eng *engine.Engine, log *slog.Logger, after func() error) error {
	reloaded, err := eng.ReloadUsers(ctx)
	if err == nil && reloaded {
		log.Info("loaded again after an import", "users", eng.Users(), "anime", eng.Titles())
		err = after()
	}
	return err
}

// trouble logs that something fails that is tried again and again: when it begins to fail, and when that is over.
type trouble struct {
	log    *slog.Logger
	what   string
	failed time.Time // for the first time; zero: it works
}

func (t *trouble) note(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case err != nil && t.failed.IsZero():
		t.failed = time.Now()
		t.log.ErrorContext(ctx, t.what+" fails, and is tried again", "err", err)
	case err == nil && !t.failed.IsZero():
		t.log.InfoContext(ctx, t.what+" works again", "failed_for", time.Since(t.failed).Round(time.Millisecond))
		t.failed = time.Time{}
	}
}
