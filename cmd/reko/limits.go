package main

import (
	"log/slog"

	"reko.moe/handlers/limit"
)

// newLimiter makes what counts requests. Whoever calls close when it is no longer used closes the connection to Redis.
func (cfg *config) newLimiter(log *slog.Logger) (l *limit.Limiter, close func() error, err error) {
	o := limit.Options{Log: log, Budgets: limit.Budgets{
		limit.API: cfg.APILimit, limit.Pages: cfg.PagesLimit, limit.Costly: cfg.CostlyLimit, limit.Logins: cfg.LoginsLimit,
	}}
	close = func() error { return nil }
	if cfg.Redis != "" {
		if o.Redis, err = limit.Connect(cfg.Redis); err != nil {
			return nil, nil, err
		}
		close = o.Redis.Close
	}
	return limit.New(o), close, nil
}
