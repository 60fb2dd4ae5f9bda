package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"reko.moe/db"
	"reko.moe/engine"
)

// adminCmd has the commands about admins.
type adminCmd struct {
	SetPassword *adminSetPasswordCmd `arg:"subcommand:set-password" help:"Set the password of an admin, who is made when not there."`
	List        *adminListCmd        `arg:"subcommand:list" help:"List the admins (what is done when nothing else is said)."`
	Remove      *adminRemoveCmd      `arg:"subcommand:remove" help:"Remove an admin. The last one stays."`
}

func (adminCmd) usual() any { return &adminListCmd{} }

// onCommandLine is where actions on the command line come from.
const onCommandLine = "command line"

type adminSetPasswordCmd struct {
	Name string `arg:"positional,required" help:"Name of the admin. The password is asked for, or read as one line from the standard input."`
}

// Run sets the password. Sessions of the admin end.
func (cmd adminSetPasswordCmd) Run(ctx context.Context, cfg *config) error {
	name, ok := engine.AdminName(cmd.Name)
	if !ok {
		return fmt.Errorf("%q is no name for an admin: it has %d to %d letters, digits, dots, underscores and hyphens", cmd.Name,
			engine.MinAdminName, engine.MaxAdminName)
	}
	password, err := askPassword(name)
	if err != nil {
		return err
	}
	return cfg.withEngine(ctx, func(eng *engine.Engine, _ *db.DB) error {
		err := eng.SetPassword(ctx, name, password)
		if errors.Is(err, engine.ErrInvalid) {
			return errors.New(strings.TrimSuffix(err.Error(), ": "+engine.ErrInvalid.Error()))
		}
		if err != nil {
			return err
		}
		if err := eng.Note(ctx, engine.Action{What: "set the password of", On: name, From: onCommandLine}); err != nil {
			return err
		}
		_, err = fmt.Printf("%s can log in under /admin\n", name)
		return err
	})
}

// askPassword asks twice on a terminal, without showing what is typed; elsewhere it reads one line.
func askPassword(name string) (string, error) {
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, 4<<10)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(os.Stderr, prompt)
		password, err := term.ReadPassword(in)
		fmt.Fprintln(os.Stderr)
		return string(password), err
	}
	password, err := ask("Password of " + name + ": ")
	if err != nil {
		return "", err
	}
	again, err := ask("Once more: ")
	if err == nil && again != password {
		err = errors.New("these are two different passwords")
	}
	return password, err
}

type adminListCmd struct{}

// Run prints a line for each admin.
func (adminListCmd) Run(ctx context.Context, cfg *config) error {
	return cfg.withEngine(ctx, func(eng *engine.Engine, _ *db.DB) error {
		admins, err := eng.Admins(ctx)
		if err != nil {
			return err
		}
		return printTable("NAME\tMADE\tPASSWORD SET\tLAST LOGIN", admins, func(a engine.Admin) string {
			return fmt.Sprintf("%s\t%s\t%s\t%s", a.Name, dateTime(a.MadeAt, ""), dateTime(a.ChangedAt, ""), dateTime(a.LoggedInAt, "never"))
		})
	})
}

type adminRemoveCmd struct {
	Name string `arg:"positional,required" help:"Name of the admin."`
}

// Run removes the admin, whose sessions end.
func (cmd adminRemoveCmd) Run(ctx context.Context, cfg *config) error {
	return cfg.withEngine(ctx, func(eng *engine.Engine, _ *db.DB) error {
		switch err := eng.RemoveAdmin(ctx, cmd.Name); {
		case errors.Is(err, engine.ErrNotFound):
			return fmt.Errorf("there is no admin %q", cmd.Name)
		case errors.Is(err, engine.ErrLastAdmin):
			return errors.New("the last admin stays: make another one first")
		case err != nil:
			return err
		}
		name, _ := engine.AdminName(cmd.Name)
		if err := eng.Note(ctx, engine.Action{What: "removed the admin", On: name, From: onCommandLine}); err != nil {
			return err
		}
		_, err := fmt.Printf("%s is no admin any more\n", name)
		return err
	})
}
