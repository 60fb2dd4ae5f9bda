package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/mal"
	"reko.moe/engine/orders"
	"reko.moe/engine/series"
	"reko.moe/handlers/metrics"
)

// observe lets m count what is asked of MyAnimeList.
func observe(m *metrics.Metrics, o *mal.Options) {
	o.Observe = func(outcome mal.Outcome, took time.Duration) { m.MAL(string(outcome), took) }
	o.ObserveWait = m.MALWait
}

// sources say how the parts of the program are. client and remembered may be nil.
func sources(eng *engine.Engine, store *db.DB, client *mal.Client, remembered *orders.Memory) metrics.Sources {
	s := metrics.Sources{
		Engine: eng,
		Down:   store.Down,
		Cache:  func() metrics.Cache { return metrics.Cache(store.CacheStats()) },
		Pools: func() (pools []metrics.Pool) {
			for _, p := range store.PoolStats() {
				pools = append(pools, metrics.Pool(p))
			}
			return pools
		},
	}
	s.Model = func() metrics.Model {
		info, _ := eng.Model() // without one all is 0
		return metrics.Model{Version: info.ID, MadeAt: info.MadeAt, Users: info.Users}
	}
	if remembered != nil {
		s.Orders = func() metrics.Orders { return metrics.Orders(remembered.Stats()) }
	}
	if client != nil {
		s.Pace = func() metrics.Pace { return metrics.Pace(client.Pace()) }
	}
	return s
}

// keepSeries brings what is counted to the store every minute until ctx is done. The function that it returns waits for that, and brings
// what is left; it comes when nothing is counted any more.
func keepSeries(ctx context.Context, m *metrics.Metrics, store series.Keeper, log *slog.Logger) (finish func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Series.Run(ctx, log, store)
	}()
	return func() error {
		cancel()
		<-done
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		if err := m.Series.Flush(late, store); err != nil {
			return errors.Join(errors.New("the last minute's counts are lost"), err)
		}
		return nil
	}
}
