package main

import (
	"context"
	"errors"
	"fmt"

	"reko.moe/db"
	"reko.moe/engine"
)

// keepOutCmd has the commands about names that are kept out. [removeCmd] keeps them out.
type keepOutCmd struct {
	List  *keepOutListCmd  `arg:"subcommand:list" help:"List what stands for the names that are kept out: they themselves are not kept (what is done when nothing else is said)."`
	Allow *keepOutAllowCmd `arg:"subcommand:allow" help:"Let names in again."`
}

func (keepOutCmd) usual() any { return &keepOutListCmd{} }

// keepOut deletes the list of somebody, if there is one, keeps the name out, and notes it without the name.
func keepOut(ctx context.Context, eng *engine.Engine, name string) error {
	hash, err := eng.KeepOut(ctx, name)
	if errors.Is(err, engine.ErrInvalid) {
		return fmt.Errorf("nobody can be called %.40q", name)
	}
	if err == nil {
		err = eng.Note(ctx, engine.Action{What: "kept out", On: hash.String(), From: onCommandLine})
	}
	if err == nil {
		_, err = fmt.Printf("%s is kept out, as %s, and has no list here\n", name, hash)
	}
	return err
}

type keepOutListCmd struct{}

// Run prints a line for each name.
func (keepOutListCmd) Run(ctx context.Context, cfg *config) error {
	return cfg.withEngine(ctx, func(eng *engine.Engine, _ *db.DB) error {
		kept, err := eng.KeptOut(ctx)
		if err != nil {
			return err
		}
		return printTable("SHORT FOR THE NAME\tKEPT OUT", kept, func(k engine.KeptOut) string {
			return fmt.Sprintf("%s\t%s", k.Hash, dateTime(k.At, ""))
		})
	})
}

type keepOutAllowCmd struct {
	Name []string `arg:"positional,required" help:"Names that are kept out."`
}

// Run lets the names in again, and fails if one is not kept out.
func (cmd keepOutAllowCmd) Run(ctx context.Context, cfg *config) error {
	return cfg.withEngine(ctx, func(eng *engine.Engine, _ *db.DB) error {
		var errs []error
		for _, name := range cmd.Name {
			hash, err := eng.LetIn(ctx, name)
			if errors.Is(err, engine.ErrNotFound) {
				err = fmt.Errorf("%.40q is not kept out", name)
			}
			if err == nil {
				err = eng.Note(ctx, engine.Action{What: "let in again", On: hash.String(), From: onCommandLine})
			}
			if err == nil {
				_, err = fmt.Printf("%s may come again\n", name)
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
}
