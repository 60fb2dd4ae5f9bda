// Command reko serves Reko, and does what has to be done beside: imports, jobs, checks. See reko --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"reko.moe/db"
	"reko.moe/handlers"
)

func main() {
	runtime.MemProfileRate = 0 // nobody asks where memory was allocated
	if err := execute(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "reko:", err)
		os.Exit(1)
	}
}

// untilTold is done once the program is told to end. A second signal ends it at once.
func untilTold() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx
}

// load reads the configuration for a command that wants it.
func (c *cli) load() (*config, error) {
	cfg, err := loadConfig(c.Config, os.Environ())
	if err == nil {
		warnOfReaders(cfg.logger(), c.Config)
	}
	return &cfg, err
}

// logger writes to the standard error.
func (cfg *config) logger() *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(handlers.LogHandler(slog.NewJSONHandler(os.Stderr, options)))
	}
	return slog.New(handlers.LogHandler(slog.NewTextHandler(os.Stderr, options)))
}

// openStore opens the database of the configuration.
func (cfg *config) openStore(ctx context.Context, log *slog.Logger) (*db.DB, error) {
	return db.Open(ctx, db.Options{URL: cfg.Database, Lists: cfg.Lists, Log: log})
}

// checkCmd reads every list.
type checkCmd struct{}

// Run prints what is wrong with lists and fails if anything is.
func (checkCmd) Run(ctx context.Context, cfg *config) error {
	store, err := cfg.openStore(ctx, cfg.logger())
	if err != nil {
		return err
	}
	defer store.Close()
	users, entries, damaged := 0, 0, 0
	for u, err := range store.AllUsers(ctx) {
		if err != nil {
			return err
		}
		users++
		l, err := u.List.Unpack(nil)
		if err != nil {
			damaged++
			fmt.Printf("list of %s (user %d): %v\n", u.Name, u.ID, err)
			continue
		}
		entries += len(l)
	}
	fmt.Printf("%d users, %d entries, %d damaged lists\n", users, entries, damaged)
	if damaged > 0 {
		return errors.New("the store is damaged: restore a backup, or let the lists be fetched or imported again")
	}
	return nil
}
