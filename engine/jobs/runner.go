package jobs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
)

// Runner runs jobs when somebody says so. It is safe for concurrent use.
type Runner struct {
	ctx     context.Context // of the runs
	log     *slog.Logger
	keeper  Keeper
	jobs    []Job
	running sync.WaitGroup
}

// NewRunner makes a runner whose runs end with ctx.
func NewRunner(ctx context.Context, log *slog.Logger, keeper Keeper, jobs ...Job) *Runner {
	return &Runner{ctx: ctx, log: log, keeper: keeper, jobs: jobs}
}

// State is a job with what is known of its runs.
type State struct {
	Job
	Running bool  // here or on another instance
	Last    []Run // the newest first
}

// States returns all jobs with at most n of their last runs each.
func (r *Runner) States(ctx context.Context, n int) ([]State, error) {
	states := make([]State, len(r.jobs))
	for i, job := range r.jobs {
		locked, err := r.keeper.Locked(ctx, job.Name)
		if err != nil {
			return nil, err
		}
		last, err := r.keeper.LastRuns(ctx, job.Name, n)
		if err != nil {
			return nil, err
		}
		states[i] = State{job, locked, last}
	}
	return states, nil
}

// ErrUnknown says that there is no job of a name.
var ErrUnknown = errors.New("no such job")

// Start begins a run of the named job and does not wait for its end. It fails with [ErrUnknown], or with [ErrRunning] when the
// job is running already. When ctx is done before the job began, or turned out to be running, Start says so; it may begin still.
func (r *Runner) Start(ctx context.Context, name string) error {
	for _, job := range r.jobs {
		if job.Name == name {
			return r.start(ctx, job)
		}
	}
	return ErrUnknown
}

func (r *Runner) start(ctx context.Context, job Job) error {
	begun, ended := make(chan struct{}), make(chan error, 1)
	run := job.Run
	job.Run = func(ctx context.Context) (string, error) {
		close(begun)
		return run(ctx)
	}
	r.running.Go(func() {
		last, err := Once(r.ctx, r.keeper, job)
		ended <- err
		if last.Started.IsZero() {
			return // Start returns why
		}
		r.log.InfoContext(r.ctx, "job run by hand", "job", job.Name, "took", last.Took, "outcome", last.Outcome, "failure", last.Err)
		if err != nil {
			r.log.ErrorContext(r.ctx, "job not kept", "job", job.Name, "err", err)
		}
	})
	select {
	case <-begun:
		return nil
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Wait waits for the end of all runs. Nothing may be started any more.
func (r *Runner) Wait() { r.running.Wait() }
