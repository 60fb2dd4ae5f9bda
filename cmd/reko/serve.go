package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/demo"
	"reko.moe/engine/jobs"
	"reko.moe/engine/mal"
	"reko.moe/engine/model"
	"reko.moe/engine/orders"
	"reko.moe/engine/password"
	"reko.moe/handlers"
	"reko.moe/handlers/metrics"
	"reko.moe/handlers/traces"
)

// stopWithin bounds how long a shutdown waits for requests, and then for lists that are being fetched.
const stopWithin = 15 * time.Second

type serveCmd struct{}

// Run serves until ctx is done.
func (serveCmd) Run(ctx context.Context, cfg *config) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("%w (another address: [http] addr, or REKO_HTTP_ADDR)", err)
	}
	cfg.Drain = cfg.drainTime()
	return run(ctx, *cfg, ln, cfg.logger())
}

// run serves on ln until ctx is done, then finishes what is in flight. It closes ln.
func run(ctx context.Context, cfg config, ln net.Listener, log *slog.Logger) error {
	store, err := cfg.openStore(ctx, log)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer store.Close()
	m := metrics.New(versionText())
	traced, err := cfg.traces(log)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	eng, watched, err := cfg.watchedEngine(store, log, m, traced)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	m.Watch(watched)
	secret, err := cfg.secret(ctx, store)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	probe, err := handlers.NewProbe()
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer probe.Close()
	limiter, limiterDone, err := cfg.newLimiter(log)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer limiterDone()
	told := ctx // to stop, and not stopping because something failed
	g, ctx := errgroup.WithContext(ctx)
	byHand := jobs.NewRunner(ctx, log, m.Jobs(store), cfg.jobs(eng, store)...)
	var started, stopping, demoUsers atomic.Bool
	options := handlers.Options{
		Engine:    eng,
		Version:   versionText(),
		Order:     cfg.Order,
		APIHost:   cfg.APIHost,
		PublicURL: cfg.PublicURL,
		Contact:   cfg.Contact,
		Addresses: cfg.LogAddresses,
		Timeout:   cfg.Timeout,
		Upstream:  cfg.MALClient != "",
		Started:   started.Load,
		Draining:  stopping.Load,
		Demo:      demoUsers.Load,
		Examples:  exampleNames(),
		Sessions:  store.Sessions(),
		Limits:    limiter,
		Metrics:   m,
		Sources:   watched,
		Series:    store,
		Failures:  store.LastFailures,
		Secret:    secret,
		Jobs:      byHand,
		Line:      probe.Line,
		Log:       log,
		Ready: func(ctx context.Context) error {
			switch {
			case stopping.Load():
				return errors.New("stopping")
			case !started.Load():
				return errors.New("starting")
			}
			return store.Ping(ctx)
		},
		TrustedProxies: cfg.TrustedProxies,
	}
	if traced != nil {
		options.Tracer = traced
		defer func() { _ = traced.Close() }() // what cannot be sent is lost, and that is said
	}
	app := handlers.New(options)

	// What other processes change is followed for as long as questions are answered.
	answering, answered := context.WithCancel(context.WithoutCancel(ctx))
	defer answered()
	go boundGarbage(answering)
	finish := keepSeries(ctx, m, store, log)
	g.Go(func() error {
		return app.Listener(handlers.Receive(bound(ln, mostPerNetwork, mostOfAll, cfg.TrustedProxies)))
	})
	g.Go(func() error {
		<-ctx.Done()
		stopping.Store(true)
		if started.Load() && told.Err() != nil {
			drain(answering, cfg.Drain, log)
		}
		log.Info("stopping")
		err := app.ShutdownWithTimeout(stopWithin)
		answered()
		byHand.Wait()
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		return errors.Join(err, eng.Close(late))
	})
	g.Go(func() error {
		begin := time.Now()
		if err := eng.LoadUsers(ctx); err != nil {
			return err
		}
		if err := cfg.prepareDemo(ctx, eng, store, log); err != nil {
			return err
		}
		if err := noteDemo(ctx, store, &demoUsers); err != nil {
			return err
		}
		started.Store(true)
		log.Info("serving", "url", "http://"+ln.Addr().String(), "version", versionText(), "users", eng.Users(),
			"anime", eng.Titles(), "demo", demoUsers.Load(), "after", time.Since(begin).Round(time.Millisecond))
		debug.FreeOSMemory() // once: what loading left behind
		g.Go(func() error {
			store.ConnectAhead(answering)
			return nil
		})
		g.Go(func() error {
			follow(answering, eng, store, log, func() error { return noteDemo(answering, store, &demoUsers) })
			return nil
		})
		if cfg.Jobs {
			jobs.Start(ctx, log, m.Jobs(store), cfg.jobs(eng, store)...)
		}
		return nil
	})
	err = g.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, finish())
}

// newEngine makes the engine that the configuration describes, still empty.
func (cfg *config) newEngine(store *db.DB, log *slog.Logger) (*engine.Engine, error) {
	eng, _, err := cfg.watchedEngine(store, log, metrics.New(versionText()), nil)
	return eng, err
}

// watchedEngine is newEngine with m to count what it asks, told of in traces unless that is nil, and with what says how it is.
func (cfg *config) watchedEngine(store *db.DB, log *slog.Logger, m *metrics.Metrics, traced *traces.Traces) (*engine.Engine, metrics.Sources, error) {
	var client *mal.Client
	o := engine.Options{
		Store: store, MaxAge: cfg.MaxAge, Uploads: cfg.Uploads, Exclude: cfg.Exclude, Order: cfg.Order, Trainer: model.Trainer{}, Log: log,
		Passwords: password.New(), SessionIdle: cfg.AdminIdle, SessionFor: cfg.AdminSession,
		Secret: []byte(cfg.Secret),
	}
	var remembered *orders.Memory
	if cfg.Orders > 0 {
		remembered = orders.New(cfg.Orders << 20)
		o.Orders = remembered
	}
	if cfg.MALClient != "" {
		asking := mal.Options{
			URL: cfg.MALURL, ClientID: cfg.MALClient, Rate: cfg.MALRate, Burst: cfg.MALBurst, Timeout: cfg.MALTimeout,
			ProbeUser: cfg.MALProbe, Log: log,
		}
		observe(m, &asking)
		var err error
		if client, err = mal.New(asking); err != nil {
			return nil, metrics.Sources{}, err
		}
		o.Source = client
	}
	if traced != nil {
		trace(&o, store)
	}
	eng := engine.New(o)
	return eng, sources(eng, store, client, remembered), nil
}

// withEngine calls f with the store of the configuration, and with an engine on it that has nothing in memory.
func (cfg *config) withEngine(ctx context.Context, f func(*engine.Engine, *db.DB) error) error {
	log := cfg.logger()
	store, err := cfg.openStore(ctx, log)
	if err != nil {
		return err
	}
	defer store.Close()
	eng, err := cfg.newEngine(store, log)
	if err != nil {
		return err
	}
	return f(eng, store)
}

// noteDemo finds out whether the users are the invented ones.
func noteDemo(ctx context.Context, store *db.DB, demoUsers *atomic.Bool) error {
	users, err := store.CountUsers(ctx)
	if err == nil {
		demoUsers.Store(users[engine.FromDemo] > 0)
	}
	return err
}

// prepareDemo brings the demo population in or out, as [demo] enabled says: auto has it in a store without users as long as
// there is no client id. Invented users never stay among real ones unless that is wanted.
func (cfg *config) prepareDemo(ctx context.Context, eng *engine.Engine, store *db.DB, log *slog.Logger) error {
	users, err := store.CountUsers(ctx)
	if err != nil {
		return err
	}
	there := users[engine.FromDemo]
	wanted := cfg.Demo == "true"
	if cfg.Demo == "auto" {
		wanted = cfg.MALClient == "" && (there > 0 || len(users) == 0)
	}
	if wanted == (there > 0) {
		return nil
	}
	release, ok, err := store.Lock(ctx, "demo")
	if err != nil || !ok {
		return err // not ok: another instance is at it
	}
	defer release()
	if !wanted {
		n, err := removeDemo(ctx, eng, store)
		log.Info("demo population removed", "users", n)
		return err
	}
	if err := eng.ImportAnime(ctx, demo.Anime()); err != nil {
		return err
	}
	if err := eng.ImportUsers(ctx, demo.Users()); err != nil {
		return err
	}
	log.Info("demo population loaded: its users are invented")
	return eng.ImportDone(ctx)
}

func removeDemo(ctx context.Context, eng *engine.Engine, store *db.DB) (int, error) {
	n, err := store.RemoveOrigin(ctx, engine.FromDemo)
	if err != nil {
		return 0, err
	}
	return n, eng.ImportDone(ctx)
}

// exampleNames are the demo's users of different tastes.
func exampleNames() []string {
	var names []string
	for _, x := range demo.Examples() {
		names = append(names, x.Name)
	}
	return names
}
