package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"reko.moe/bench"
)

// benchShowCmd prints results.
type benchShowCmd struct {
	File []string `arg:"positional,required" help:"Results that reko bench --out wrote."`
}

// Run prints them as tables.
func (cmd benchShowCmd) Run() error {
	for _, name := range cmd.File {
		r, err := bench.Read(name)
		if err == nil {
			err = r.WriteTable(os.Stdout)
		}
		if err != nil {
			return err
		}
		fmt.Println()
	}
	return nil
}

// benchDrawCmd draws results.
type benchDrawCmd struct {
	File []string `arg:"positional,required" help:"Results that reko bench --out wrote, of stores with different numbers of users."`
	Out  string   `arg:"--out" placeholder:"FILE" help:"Where to draw; default: the standard output."`
}

// Run draws.
func (cmd benchDrawCmd) Run() (err error) {
	var results []*bench.Result
	for _, name := range cmd.File {
		r, err := bench.Read(name)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	to := io.Writer(os.Stdout)
	if cmd.Out != "" {
		f, err := os.Create(cmd.Out)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		to = f
	}
	return bench.Draw(to, results)
}
