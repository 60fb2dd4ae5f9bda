package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"golang.org/x/term"

	"reko.moe/engine/jobs"
)

// drainAuto is the drain that a configuration without one means: for a while where a balancer may be in front, and not at all for who
// presses Ctrl-C.
const (
	drainAuto = time.Duration(-1)
	drainFor  = 5 * time.Second
)

// drainTime says how long a server that has been told to stop goes on answering.
func (cfg *config) drainTime() time.Duration {
	switch {
	case cfg.Drain != drainAuto:
		return cfg.Drain
	case term.IsTerminal(int(os.Stdin.Fd())) || term.IsTerminal(int(os.Stderr.Fd())):
		return 0
	}
	return drainFor
}

// drain goes on answering while whoever sends requests finds out that they are to go elsewhere.
func drain(ctx context.Context, d time.Duration, log *slog.Logger) {
	if d <= 0 {
		return
	}
	log.InfoContext(ctx, "not ready any more, still answering", "for", d)
	jobs.Wait(ctx, d)
}
