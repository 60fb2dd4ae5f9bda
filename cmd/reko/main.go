// Command reko serves Reko, and does what has to be done beside: imports, jobs, checks. See reko --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/handlers"
)

// cli is what can be typed.
type cli struct {
	Config string `help:"Configuration file. Without it reko.ini is read, when it is there." placeholder:"FILE" type:"path"`

	Serve  serveCmd `cmd:"" default:"1" help:"Serve the website and the API (what reko does when nothing else is said)."`
	Import struct {
		Anime importAnimeCmd `cmd:"" help:"Import anime from CSV files."`
		Lists importListsCmd `cmd:"" help:"Import the lists of many users from CSV files."`
		XML   importXMLCmd   `cmd:"" name:"xml" help:"Import a list that MyAnimeList exported as XML."`
	} `cmd:"" help:"Import from files."`
	Jobs struct {
		List jobsListCmd `cmd:"" default:"1" help:"List the jobs and how they last went."`
		Run  jobsRunCmd  `cmd:"" help:"Run jobs now."`
	} `cmd:"" help:"What is done at intervals."`
	Train   trainCmd   `cmd:"" help:"Train the item model, by which recommendations are ordered."`
	Eval    evalCmd    `cmd:"" help:"Judge the orders of recommendations and the predicted scores on lists of which a part is held out."`
	Keys    keysCmd    `cmd:"" help:"Keys of programs that may ask for statistics of users."`
	Admin   adminCmd   `cmd:"" help:"Who may log in under /admin."`
	Backup  backupCmd  `cmd:"" help:"Write all that is stored to a file."`
	Restore restoreCmd `cmd:"" help:"Put what a backup has in the place of all that is stored."`
	Remove  removeCmd  `cmd:"" help:"Delete users and their lists."`
	Check   checkCmd   `cmd:"" help:"Check that every stored list is whole."`
	Health  healthCmd  `cmd:"" help:"Ask a running server how it is; fails if it is not well."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err := execute(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "reko:", err)
		os.Exit(1)
	}
}

// execute runs the command that args say. The configuration is read after the arguments are understood, so that --help and
// version work with a broken one.
func execute(ctx context.Context, args []string) error {
	var c cli
	parser, err := kong.New(&c,
		kong.Name("reko"),
		kong.Description("Reko finds the people whose anime taste is most like yours, and recommends from their lists."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.UsageOnError(),
		kong.Vars{"orders": strings.Join(orderNames, "; ")},
	)
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if err != nil {
		return fmt.Errorf("%w (see reko --help)", err)
	}
	command.Bind(&c)
	if err := command.BindToProvider(c.load); err != nil {
		return err
	}
	return command.Run()
}

// load reads the configuration for a command that wants it.
func (c *cli) load() (*config, error) {
	cfg, err := loadConfig(c.Config, os.Environ())
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

// removeCmd deletes users.
type removeCmd struct {
	Name []string `arg:"" help:"Names of users. Who has a public list on MyAnimeList comes back when somebody asks for the name."`
}

// Run deletes those of the users that are there, and fails if one is not. A running server notices.
func (cmd removeCmd) Run(ctx context.Context, cfg *config) error {
	return cfg.withEngine(ctx, func(eng *engine.Engine, _ *db.DB) error {
		var errs []error
		for _, name := range cmd.Name {
			if err := eng.Remove(ctx, name); err != nil {
				errs = append(errs, err)
				continue
			}
			fmt.Printf("%s removed\n", name)
		}
		return errors.Join(errs...)
	})
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
