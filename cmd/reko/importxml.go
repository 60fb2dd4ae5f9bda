package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/listfile"
)

type importXMLCmd struct {
	User string `arg:"--user,required" placeholder:"NAME" help:"Name under which the list is stored, in place of the list of whoever has it already."`
	File string `arg:"positional,required" help:"Anime list exported by MyAnimeList as XML, also compressed by gzip."`
}

// Run imports one list. Nothing changes if the file cannot be read to its end.
func (cmd importXMLCmd) Run(ctx context.Context, cfg *config) error {
	if err := existing(cmd.File); err != nil {
		return err
	}
	name, ok := engine.CanonicalName(cmd.User)
	if !ok {
		return fmt.Errorf("--user %.40q is not %d to %d letters, digits, _ or -", cmd.User, engine.MinName, engine.MaxName)
	}
	return cfg.importingLittle(ctx, func(im *importer) error {
		if out, err := im.eng.IsKeptOut(ctx, name); err != nil || out {
			return cmp.Or(err, errors.New("that name is kept out; reko keep-out allow NAME lets it in again"))
		}
		var list engine.List
		err := im.file(ctx, cmd.File, "lists", func(r io.Reader) error {
			l, err := listfile.ReadXML(r)
			list = l.List
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = fmt.Errorf("the compressed file ends too early; it is not whole: %w", err)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", cmd.File, err)
		}
		if err := im.mayLeaveDemo(ctx); err != nil {
			return err
		}
		if err := im.leaveDemo(ctx); err != nil {
			return err
		}
		now := time.Now()
		users := []engine.User{{Name: name, Origin: engine.FromFile, List: list.Pack(), FetchedAt: now, FullAt: now}}
		if err := im.eng.ImportUsers(ctx, users); err != nil {
			return err
		}
		fmt.Printf("%s: %d anime imported as the list of %s\n", filepath.Base(cmd.File), len(list), name)
		switch {
		case list.Watched() == 0:
			fmt.Println("None of them are watched, so the list tells no taste.")
		case users[0].Hash == 0:
			fmt.Println("None of those watched are described yet, so no taste is known: import anime next (reko import anime FILE).")
		}
		return nil
	})
}
