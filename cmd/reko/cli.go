package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alexflint/go-arg"
)

// cli is what can be typed. The library that reads it was chosen for what it does not do: to look for methods by their names keeps the
// linker from leaving out any method at all, which made the program larger by a third.
type cli struct {
	Config string `arg:"--config" placeholder:"FILE" help:"Configuration file. Without it reko.ini is read, when it is there."`

	Serve   *serveCmd   `arg:"subcommand:serve" help:"Serve the website and the API (what reko does when nothing else is said)."`
	Import  *importCmd  `arg:"subcommand:import" help:"Import from files: import anime, import lists, import xml."`
	Jobs    *jobsCmd    `arg:"subcommand:jobs" help:"What is done at intervals: jobs list, jobs run."`
	Train   *trainCmd   `arg:"subcommand:train" help:"Train the item model, by which recommendations are ordered."`
	Eval    *evalCmd    `arg:"subcommand:eval" help:"Judge the orders of recommendations and the predicted scores on lists of which a part is held out."`
	Bench   *benchCmd   `arg:"subcommand:bench" help:"Measure how fast Reko is."`
	Keys    *keysCmd    `arg:"subcommand:keys" help:"Keys of programs that may ask for statistics of users: keys list, keys add, keys revoke."`
	Admin   *adminCmd   `arg:"subcommand:admin" help:"Who may log in under /admin: admin list, admin set-password, admin remove."`
	Backup  *backupCmd  `arg:"subcommand:backup" help:"Write all that is stored to a file."`
	Restore *restoreCmd `arg:"subcommand:restore" help:"Put what a backup has in the place of all that is stored."`
	Remove  *removeCmd  `arg:"subcommand:remove" help:"Delete users and their lists."`
	KeepOut *keepOutCmd `arg:"subcommand:keep-out" help:"Whose lists are kept out: keep-out list, keep-out allow."`
	Check   *checkCmd   `arg:"subcommand:check" help:"Check that every stored list is whole."`
	Health  *healthCmd  `arg:"subcommand:health" help:"Ask a running server how it is; fails if it is not well."`
	Version *versionCmd `arg:"subcommand:version" help:"Print the version."`
}

// Description is shown by --help.
func (*cli) Description() string {
	return "Reko finds the people whose anime taste is most like yours, and recommends from their lists."
}

// Epilogue is shown by --help.
func (*cli) Epilogue() string { return "reko COMMAND --help says more about each." }

// A group is a command that has commands.
type group interface {
	usual() any // the command that is run when none of them is said; nil: one has to be
}

type importCmd struct {
	Anime *importAnimeCmd `arg:"subcommand:anime" help:"Import anime from CSV files."`
	Lists *importListsCmd `arg:"subcommand:lists" help:"Import the lists of many users from CSV files."`
	XML   *importXMLCmd   `arg:"subcommand:xml" help:"Import a list that MyAnimeList exported as XML: import xml --user NAME FILE."`
}

func (importCmd) usual() any { return nil }

type jobsCmd struct {
	List *jobsListCmd `arg:"subcommand:list" help:"List the jobs and how they last went (what is done when nothing else is said)."`
	Run  *jobsRunCmd  `arg:"subcommand:run" help:"Run jobs now."`
}

func (jobsCmd) usual() any { return &jobsListCmd{} }

// execute runs the command that args say. The configuration is read after the arguments are understood, so that --help and
// version work with a broken one.
func execute(args []string) error {
	var c cli
	parser, err := arg.NewParser(arg.Config{Program: "reko", Out: os.Stderr}, &c)
	if err != nil {
		return err
	}
	err = parser.Parse(said(args))
	if errors.Is(err, arg.ErrHelp) {
		return writeHelp(os.Stdout, parser)
	}
	if err != nil {
		_ = parser.WriteUsageForSubcommand(os.Stderr, parser.SubcommandNames()...)
		return fmt.Errorf("%w (see %s --help)", err, strings.Join(append([]string{"reko"}, parser.SubcommandNames()...), " "))
	}
	command := parser.Subcommand()
	if command == nil {
		command = &serveCmd{}
	}
	if g, ok := command.(group); ok {
		if command = g.usual(); command == nil {
			said := strings.Join(append([]string{"reko"}, parser.SubcommandNames()...), " ")
			return fmt.Errorf("%s is followed by one of its commands (see %s --help)", said, said)
		}
	}
	if names := parser.SubcommandNames(); len(names) == 0 || names[0] == "serve" || names[0] == "bench" {
		unhurried() // before signals are caught, of which one would be lost
	}
	ctx := untilTold()
	switch command := command.(type) {
	case interface{ Run() error }:
		return command.Run()
	case interface {
		Run(ctx context.Context, c *cli) error
	}:
		return command.Run(ctx, &c)
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	switch command := command.(type) {
	case interface {
		Run(ctx context.Context, cfg *config) error
	}:
		return command.Run(ctx, cfg)
	case interface {
		Run(ctx context.Context, cfg *config, c *cli) error
	}:
		return command.Run(ctx, cfg, &c)
	}
	panic(fmt.Sprintf("%T cannot be run", command))
}

// writeHelp writes what --help says of the command that was typed: in place of what Reko is, what the command does.
func writeHelp(w io.Writer, parser *arg.Parser) error {
	var text strings.Builder
	names := parser.SubcommandNames()
	if err := parser.WriteHelpForSubcommand(&text, names...); err != nil {
		return err
	}
	_, err := io.WriteString(w, strings.Replace(text.String(), (*cli).Description(nil), helpOf(names), 1))
	return err
}

// helpOf is what the list of commands says of the one of that name, and of Reko without one.
func helpOf(names []string) string {
	help, at := (*cli).Description(nil), reflect.TypeFor[cli]()
	for _, name := range names {
		for i := range at.NumField() {
			if f := at.Field(i); f.Tag.Get("arg") == "subcommand:"+name {
				help, at = f.Tag.Get("help"), f.Type.Elem()
				break
			}
		}
	}
	return help
}

// said puts in what may be left out: reko bench --out FILE is reko bench run --out FILE.
func said(args []string) []string {
	at := 0
	if len(args) > 0 && args[0] == "--config" {
		at = 2
	} else if len(args) > 0 && strings.HasPrefix(args[0], "--config=") {
		at = 1
	}
	if at >= len(args) || args[at] != "bench" {
		return args
	}
	if at++; at < len(args) && (!strings.HasPrefix(args[at], "-") || args[at] == "-h" || args[at] == "--help") {
		return args
	}
	return slices.Insert(slices.Clone(args), at, "run")
}

// existing refuses files that are not there, before anything is done with the first.
func existing(names ...string) error {
	for _, name := range names {
		if info, err := os.Stat(name); err != nil {
			return err
		} else if info.IsDir() {
			return fmt.Errorf("%s is a folder", name)
		}
	}
	return nil
}
