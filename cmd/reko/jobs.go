package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/jobs"
)

// jobs lists what is done at intervals. Without a client id MyAnimeList is not asked, and little is left to do.
func (cfg *config) jobs(eng *engine.Engine, store *db.DB) []jobs.Job {
	list := []jobs.Job{
		{Name: "hashes", About: "make the taste hashes again after the statistics of anime changed", Every: cfg.HashesEvery, Run: eng.Rehash},
		{Name: "population", About: "work out how the statistics of all users are spread", Every: cfg.PopulationEvery, Run: eng.UpdatePopulation},
		{Name: "privacy", About: "take addresses out of what was logged of admins long ago", Every: cfg.PrivacyEvery, Run: func(ctx context.Context) (string, error) {
			return eng.ForgetAddresses(ctx, time.Duration(cfg.PrivacyDays)*24*time.Hour)
		}},
		{Name: "train", About: "train the item model: daily, or when a tenth of the lists changed", Every: cfg.TrainEvery, Run: eng.UpdateModel},
		cfg.tidy(store),
	}
	if cfg.MALClient != "" {
		list = append(list,
			jobs.Job{Name: "refresh", About: "fetch the stalest lists again", Every: cfg.RefreshEvery, Run: eng.RefreshStale},
			jobs.Job{Name: "describe", About: "fetch anime that lists mention and nobody described", Every: cfg.DescribeEvery, Run: eng.DescribeAnime},
			jobs.Job{Name: "airing", About: "fetch anime again that have not ended", Every: cfg.AiringEvery, Run: eng.UpdateAiring},
		)
	}
	return list
}

type jobsListCmd struct{}

// Run prints a line for each job.
func (jobsListCmd) Run(ctx context.Context, cfg *config) error {
	return cfg.withEngine(ctx, func(eng *engine.Engine, store *db.DB) error {
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "JOB\tEVERY\tLAST RUN\tTOOK\tOUTCOME\tWHAT IT DOES")
		for _, j := range cfg.jobs(eng, store) {
			last, err := store.LastRuns(ctx, j.Name, 1)
			if err != nil {
				return err
			}
			when, took, outcome := "never", "", ""
			if len(last) > 0 {
				r := last[0]
				when, took = r.Started.Format(time.DateTime), r.Took.String()
				outcome = firstLine(outcomeOf(r))
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", j.Name, j.Every, when, took, outcome, j.About)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if cfg.MALClient == "" {
			fmt.Println("\n" + needClient)
		}
		return nil
	})
}

const needClient = "The jobs that ask MyAnimeList (refresh, describe, airing) need [mal] client_id."

// outcomeOf says how a run ended.
func outcomeOf(r jobs.Run) string {
	switch r.Err {
	case "":
		return r.Outcome
	case jobs.Interrupted:
		return "interrupted, and tried again as soon as possible"
	}
	return "failed: " + r.Err
}

func firstLine(s string) string {
	line, rest, _ := strings.Cut(s, "\n")
	if rest != "" {
		line += " ..."
	}
	return line
}

type jobsRunCmd struct {
	Name []string `arg:"positional,required" help:"Names of jobs."`
}

// Run runs jobs one after the other and fails if one does. A running server follows what they change.
func (cmd jobsRunCmd) Run(ctx context.Context, cfg *config) error {
	return cfg.withEngine(ctx, func(eng *engine.Engine, store *db.DB) error {
		all := map[string]jobs.Job{}
		var names []string
		for _, j := range cfg.jobs(eng, store) {
			all[j.Name] = j
			names = append(names, j.Name)
		}
		for _, name := range cmd.Name {
			if _, ok := all[name]; !ok {
				err := fmt.Errorf("no job %q; there are: %s", name, strings.Join(names, ", "))
				if cfg.MALClient == "" {
					err = fmt.Errorf("%w\n%s", err, needClient)
				}
				return err
			}
		}
		if err := eng.LoadUsers(ctx); err != nil {
			return err
		}
		var errs []error
		for _, name := range cmd.Name {
			r, err := jobs.Once(ctx, store, all[name])
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
				continue
			}
			fmt.Printf("%s: %s (%s)\n", name, r.Outcome, r.Took.Round(time.Millisecond))
			if r.Err != "" {
				errs = append(errs, fmt.Errorf("%s: %s", name, r.Err))
			}
		}
		return errors.Join(errs...)
	})
}
