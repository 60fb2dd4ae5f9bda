package main

import (
	"context"
	"errors"
	"strings"

	"reko.moe/db"
	"reko.moe/engine/jobs"
)

// tidy is the job that drops what is kept for a while only.
func (cfg *config) tidy(store *db.DB) jobs.Job {
	return jobs.Job{
		Name: "tidy", About: "drop sessions of browsers that expired, and old notes of what changed", Every: cfg.TidyEvery,
		Run: func(ctx context.Context) (string, error) {
			var outcomes []string
			var errs []error
			for _, drop := range []func(context.Context) (string, error){store.Sessions().Expire, store.PruneChanges, store.PruneBatches} {
				outcome, err := drop(ctx)
				if err != nil {
					errs = append(errs, err)
					continue
				}
				outcomes = append(outcomes, outcome)
			}
			return strings.Join(outcomes, ", "), errors.Join(errs...)
		},
	}
}
