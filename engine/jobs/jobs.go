// Package jobs runs functions at intervals, each on one instance at a time, and keeps what happened.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Job is something to do again and again. Run handles a bounded batch, may be called again at any time without harm, and
// returns in words what it did.
type Job struct {
	Name  string
	About string // one line
	Every time.Duration
	Run   func(context.Context) (outcome string, err error)
}

// Run is what happened when a job ran.
type Run struct {
	Job     string
	Started time.Time // to the second
	Took    time.Duration
	Outcome string
	Err     string // empty when all went well, Interrupted when the run was stopped
}

// Interrupted is the Err of a run that did not fail, but was stopped before its end. The job is tried again as soon as it can be.
const Interrupted = "interrupted"

// Keeper keeps runs, and sees to it that a job runs once at a time. Implementations are safe for concurrent use.
type Keeper interface {
	// Lock takes the lock of a name, if nobody has it. release gives it back.
	Lock(ctx context.Context, name string) (release func(), ok bool, err error)
	// Locked tells whether somebody has the lock of a name.
	Locked(ctx context.Context, name string) (bool, error)
	SaveRun(ctx context.Context, r Run) error
	// LastRuns returns the last n runs of a job, the newest first.
	LastRuns(ctx context.Context, job string, n int) ([]Run, error)
}

// ErrRunning says that a job is running already, here or on another instance.
var ErrRunning = errors.New("the job is running already")

// Start runs jobs until ctx is done and all have returned. A job's next run begins one interval after the last one began,
// on whichever instance that was; when that time has passed at the start, or that run was interrupted, within seconds. Failures and panics are kept with
// the run and do not end the job.
func Start(ctx context.Context, log *slog.Logger, keeper Keeper, jobs ...Job) {
	var running sync.WaitGroup
	for _, job := range jobs {
		running.Go(func() {
			var began time.Time // of the last run here, kept or not
			for Wait(ctx, due(ctx, keeper, job, began)) {
				early := func() bool { return time.Until(lastStart(ctx, keeper, job, began).Add(job.Every)) > 0 }
				if early() {
					continue // another instance was quicker
				}
				r, err := once(ctx, keeper, job, early)
				if errors.Is(err, errEarly) {
					continue
				}
				if !r.Started.IsZero() {
					began = r.Started
				}
				switch {
				case errors.Is(err, ErrRunning), ctx.Err() != nil:
				case err != nil:
					log.ErrorContext(ctx, "job not kept", "job", job.Name, "err", err)
				case r.Err != "":
					log.WarnContext(ctx, "job", "job", job.Name, "took", r.Took, "outcome", r.Outcome, "err", r.Err)
				default:
					log.InfoContext(ctx, "job", "job", job.Name, "took", r.Took, "outcome", r.Outcome)
				}
				if err != nil && !Wait(ctx, min(job.Every, 10*time.Second)) {
					return
				}
			}
		})
	}
	running.Wait()
}

// due returns how long it is until the job's next run. A random second or so keeps instances and jobs apart.
func due(ctx context.Context, keeper Keeper, job Job, began time.Time) time.Duration {
	left := time.Until(lastStart(ctx, keeper, job, began).Add(job.Every))
	return max(left, 0) + rand.N(min(2*time.Second, job.Every))
}

// ahead is how far in the future a run may have begun, by the clock of another instance.
const ahead = time.Minute

// lastStart returns when the job's last run began. One that was interrupted does not count; nor does one that is said to begin later, which
// ran while a clock was wrong: to wait for that time could take years.
func lastStart(ctx context.Context, keeper Keeper, job Job, began time.Time) time.Time {
	if time.Until(began) > ahead {
		began = time.Time{}
	}
	last, err := keeper.LastRuns(ctx, job.Name, 1)
	if err != nil || len(last) == 0 || last[0].Err == Interrupted || last[0].Started.Before(began) || time.Until(last[0].Started) > ahead {
		return began
	}
	return last[0].Started
}

// Wait waits for d, and returns false as soon as ctx is done.
func Wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return ctx.Err() == nil
	}
}

// Once runs a job now and keeps the run. It fails with [ErrRunning] when the job is running already; the failure of the job
// itself is in the run.
func Once(ctx context.Context, keeper Keeper, job Job) (Run, error) {
	return once(ctx, keeper, job, func() bool { return false })
}

// errEarly says that the job has run elsewhere meanwhile.
var errEarly = errors.New("the job is not due any more")

// once is Once unless it is too early, which is asked when nobody else can run the job: another instance may have done so a moment ago.
func once(ctx context.Context, keeper Keeper, job Job, early func() bool) (Run, error) {
	release, ok, err := keeper.Lock(ctx, job.Name)
	if err != nil {
		return Run{}, err
	}
	if !ok {
		return Run{}, ErrRunning
	}
	defer release()
	if early() {
		return Run{}, errEarly
	}
	start := time.Now()
	r := Run{Job: job.Name, Started: start.Truncate(time.Second)}
	r.Outcome, err = guarded(ctx, job)
	r.Took = time.Since(start)
	switch {
	case err != nil && ctx.Err() != nil:
		r.Err = Interrupted
	case err != nil:
		r.Err = err.Error()
	}
	return r, keeper.SaveRun(context.WithoutCancel(ctx), r)
}

// guarded runs the job and makes an error of a panic.
func guarded(ctx context.Context, job Job) (outcome string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return job.Run(ctx)
}
