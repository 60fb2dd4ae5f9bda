package main

import (
	"log/slog"

	"reko.moe/handlers/limit"
)

// newLimiter makes what counts requests. To call done, when it is no longer used, closes what it has to Redis.
func (cfg *config) newLimiter(log *slog.Logger) (l *limit.Limiter, done func(), err error) {
	o := limit.Options{Log: log, Budgets: limit.Budgets{
		limit.API: cfg.APILimit, limit.Pages: cfg.PagesLimit, limit.Costly: cfg.CostlyLimit, limit.Uploads: cfg.UploadsLimit, limit.Logins: cfg.LoginsLimit,
	}}
	done = func() {}
	if cfg.Redis != "" {
		if o.Redis, err = limit.Connect(cfg.Redis); err != nil {
			return nil, nil, err
		}
		done = func() { _ = o.Redis.Close() }
	}
	return limit.New(o), done, nil
}
