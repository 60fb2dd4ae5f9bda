package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"reko.moe/db"
	"reko.moe/engine"
)

// removeCmd deletes users.
type removeCmd struct {
	Name           []string `arg:"positional" help:"Names of users. Who has a public list on MyAnimeList comes back when somebody asks for the name."`
	KeepOut        bool     `arg:"--keep-out" help:"Keep the names out from now on, also those of which there is no list."`
	UploadedBefore *day     `arg:"--uploaded-before" placeholder:"YYYY-MM-DD" help:"Without names: delete the lists that visitors uploaded before that day (UTC)."`
}

// day is the day of a flag.
type day struct{ time.Time }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *day) UnmarshalText(text []byte) (err error) {
	if d.Time, err = time.Parse(time.DateOnly, string(text)); err != nil {
		return fmt.Errorf("%.40q is no day, such as 2024-05-01", text)
	}
	return nil
}

// Run deletes those of the users that are there, and fails if one is not. A running server notices.
func (cmd removeCmd) Run(ctx context.Context, cfg *config) error {
	if (len(cmd.Name) == 0) == (cmd.UploadedBefore == nil) || cmd.KeepOut && cmd.UploadedBefore != nil {
		return errors.New("either names are needed, or --uploaded-before alone")
	}
	return cfg.withEngine(ctx, func(eng *engine.Engine, _ *db.DB) error {
		if cmd.UploadedBefore != nil {
			return removeUploads(ctx, eng, cmd.UploadedBefore.Time)
		}
		var errs []error
		for _, name := range cmd.Name {
			if cmd.KeepOut {
				errs = append(errs, keepOut(ctx, eng, name))
				continue
			}
			err := eng.Remove(ctx, name)
			if err == nil {
				err = eng.Note(ctx, engine.Action{What: "deleted the list of", On: strings.ToLower(name), From: onCommandLine})
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			fmt.Printf("%s removed\n", name)
		}
		return errors.Join(errs...)
	})
}

// removeUploads deletes the lists that were uploaded before a time, and notes how many those were.
func removeUploads(ctx context.Context, eng *engine.Engine, before time.Time) error {
	n, err := eng.RemoveUploads(ctx, before)
	if n > 0 {
		on := fmt.Sprintf("%d lists uploaded before %s", n, before.Format(time.DateOnly))
		err = errors.Join(err, eng.Note(ctx, engine.Action{What: "deleted", On: on, From: onCommandLine}))
	}
	fmt.Printf("%d uploaded lists removed\n", n)
	return err
}
