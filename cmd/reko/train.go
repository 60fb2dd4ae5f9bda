package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/jobs"
	"reko.moe/engine/model"
)

// trainCmd trains the item model.
type trainCmd struct{}

// Run trains the model from the lists in the store and stores it as a new version, which a running server notices within a
// second, and keeps that as a run of the job. Until then, and if it fails or is interrupted, the one before goes on serving.
func (trainCmd) Run(ctx context.Context, cfg *config) error {
	log := cfg.logger()
	store, err := cfg.openStore(ctx, log)
	if err != nil {
		return err
	}
	defer store.Close()
	start := time.Now()
	eng := engine.New(engine.Options{Store: store, Log: log, Trainer: model.Trainer{Progress: func(step string) {
		fmt.Fprintf(os.Stderr, "%5.1f s: %s\n", time.Since(start).Seconds(), step)
	}}})
	if err := eng.LoadUsers(ctx); err != nil {
		return err
	}
	r, err := jobs.Once(ctx, store, jobs.Job{Name: "train", Run: eng.TrainModel})
	switch {
	case errors.Is(err, jobs.ErrRunning):
		return errors.New("the model is being trained already, by a server's job perhaps: see reko jobs")
	case err != nil:
		return err
	case r.Err == jobs.Interrupted:
		return errors.New("the training was interrupted, and changed nothing")
	case r.Err != "":
		return errors.New(r.Err)
	}
	fmt.Printf("%s (%s)", r.Outcome, r.Took.Round(100*time.Millisecond))
	if info, ok := eng.Model(); ok {
		fmt.Printf("; model %d has %.1f MB", info.ID, float64(info.Size)/1e6)
	}
	fmt.Println()
	return nil
}
