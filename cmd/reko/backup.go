package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/term"

	"reko.moe/db"
	"reko.moe/db/archive"
)

type backupCmd struct {
	File  string `arg:"positional,required" help:"The file to write; compressed if its name ends in .gz or .zst. - is the standard output."`
	Check bool   `arg:"--check" help:"Write nothing: read FILE (- is the standard input), check that it is whole, and say what it has."`
}

// Run writes a backup, also while servers run. What stands in the file's place stays until the new one is whole.
func (cmd backupCmd) Run(ctx context.Context, c *cli) error {
	if cmd.Check {
		return cmd.check(ctx)
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	store, err := db.Open(ctx, db.Options{URL: cfg.Database, Log: cfg.logger(), AsIs: true})
	if err != nil {
		return err
	}
	defer store.Close()
	var done tally
	stop := showing(ctx, "backup", done.String)
	defer stop()
	begin := time.Now()
	var totals archive.Totals
	var written atomic.Int64
	err = writeBackup(cmd.File, func(to io.Writer) (err error) {
		totals, err = store.Backup(ctx, countingWriter{to, &written}, db.BackupOptions{Program: versionText(), Progress: done.set})
		return err
	})
	stop()
	if err != nil {
		return fmt.Errorf("no backup was written: %w", err)
	}
	fmt.Fprintf(aside(cmd.File), "%s: %d tables, %d rows, %s, in %s\n", cmd.File, totals.Tables, totals.Rows, megabytes(written.Load()),
		time.Since(begin).Round(10*time.Millisecond))
	return nil
}

func (cmd backupCmd) check(ctx context.Context) error {
	from, err := openBackup(cmd.File)
	if err != nil {
		return err
	}
	defer from.Close()
	stop := showing(ctx, "check", from.String)
	defer stop()
	head, totals, err := checkBackup(ctx, from)
	stop()
	if err != nil {
		return fmt.Errorf("%s: %w", cmd.File, err)
	}
	fmt.Printf("%s is whole: %d tables, %d rows, made %s by Reko %s, migrations up to %s\n", cmd.File, totals.Tables, totals.Rows,
		head.MadeAt.Format(time.RFC3339), head.Program, lastOf(head.Migrations))
	return nil
}

type restoreCmd struct {
	File    string `arg:"positional,required" help:"A backup, of either database, also compressed. - is the standard input."`
	Replace bool   `arg:"--replace" help:"Delete what is in the store. Without, one that has users, admins or keys is left alone."`
}

// Run restores a backup, whole or not at all. A running server notices.
func (cmd restoreCmd) Run(ctx context.Context, cfg *config) error {
	if cmd.File != "-" { // so that nobody has to wait for a file that is damaged at its end
		if err := (backupCmd{File: cmd.File}).check(ctx); err != nil {
			return fmt.Errorf("nothing changed: %w", err)
		}
	}
	from, err := openBackup(cmd.File)
	if err != nil {
		return err
	}
	defer from.Close()
	store, err := cfg.openStore(ctx, cfg.logger())
	if err != nil {
		return err
	}
	defer store.Close()
	var done tally
	stop := showing(ctx, "restore", func() string { return from.String() + ", " + done.String() })
	defer stop()
	begin := time.Now()
	totals, err := store.Restore(ctx, from, db.RestoreOptions{Replace: cmd.Replace, Progress: done.set})
	stop()
	if errors.Is(err, db.ErrNotEmpty) {
		return fmt.Errorf("nothing changed: %w; --replace deletes all that is there", err)
	}
	if errors.Is(err, db.ErrOtherNames) {
		return fmt.Errorf("nothing changed: %w; restore it into an empty store", err)
	}
	if err != nil {
		return fmt.Errorf("nothing changed: %w", err)
	}
	fmt.Printf("%s: %d tables, %d rows restored in %s\n", cmd.File, totals.Tables, totals.Rows, time.Since(begin).Round(10*time.Millisecond))
	return nil
}

// tally says how far a table is.
type tally struct{ now atomic.Pointer[string] }

func (t *tally) set(table string, rows int64) {
	s := fmt.Sprintf("%s: %d rows", table, rows)
	t.now.Store(&s)
}

func (t *tally) String() string {
	if s := t.now.Load(); s != nil {
		return *s
	}
	return "begun"
}

func lastOf(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return names[len(names)-1]
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// aside is where is said what came of writing a file: not among what is written to the standard output.
func aside(file string) io.Writer {
	if file == "-" {
		return os.Stderr
	}
	return os.Stdout
}

// checkBackup reads a backup to its end.
func checkBackup(ctx context.Context, from io.Reader) (archive.Head, archive.Totals, error) {
	r, err := archive.NewReader(from)
	if err != nil {
		return archive.Head{}, archive.Totals{}, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return r.Head(), r.Totals(), err
		}
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			return r.Head(), r.Totals(), nil
		} else if err != nil {
			return r.Head(), r.Totals(), err
		}
	}
}

// writeBackup has write make a file, readable by its owner alone, which appears under its name when it is whole and on the disk. A file
// that is there and no backup stays.
func writeBackup(name string, write func(io.Writer) error) error {
	if name == "-" {
		if term.IsTerminal(int(os.Stdout.Fd())) {
			return errors.New("a terminal cannot keep a backup: write to a file, or into a pipe")
		}
		return write(os.Stdout)
	}
	if err := replaceable(name); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.partial")
	if err != nil {
		return err
	}
	whole := false
	defer func() {
		if !whole {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	to, err := compressed(name, f)
	if err != nil {
		return err
	}
	if err := write(to); err != nil {
		_ = to.Close() // its goroutines end
		return err
	}
	if err := errors.Join(to.Close(), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	whole = true
	return syncDir(filepath.Dir(name))
}

// replaceable refuses what somebody would miss, such as the database itself.
func replaceable(name string) error {
	from, err := openBackup(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		defer from.Close()
		_, err = archive.NewReader(from)
	}
	if err != nil && !errors.Is(err, archive.ErrNewer) {
		return fmt.Errorf("%s is there, and not as a backup: %w", name, err)
	}
	return nil
}

func syncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// compressed compresses as the name says.
func compressed(name string, to io.Writer) (io.WriteCloser, error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".gz":
		return gzip.NewWriter(to), nil
	case ".zst":
		return zstd.NewWriter(to)
	}
	return nopCloser{to}, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

type countingWriter struct {
	to io.Writer
	n  *atomic.Int64
}

func (c countingWriter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// backupFile is a backup that is read, unpacked if it is compressed.
type backupFile struct {
	io.Reader
	read  atomic.Int64 // of the file as it is
	size  int64        // 0: not known
	close []func()
}

// openBackup opens a file, or the standard input.
func openBackup(name string) (*backupFile, error) {
	b := &backupFile{}
	f := os.Stdin
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil {
			return nil, err
		}
		b.close = append(b.close, func() { _ = f.Close() })
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			b.size = info.Size()
		}
	}
	r := bufio.NewReaderSize(countingReader{f, &b.read}, 1<<20)
	magic, err := r.Peek(4)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		b.Close()
		return nil, err
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		b.Reader, err = gzip.NewReader(r)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		var z *zstd.Decoder
		if z, err = zstd.NewReader(r); err == nil {
			b.Reader, b.close = z, append(b.close, z.Close)
		}
	default:
		b.Reader, err = r, nil
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// Close closes the file.
func (b *backupFile) Close() {
	for _, f := range b.close {
		f()
	}
}

// String says how much of it was read.
func (b *backupFile) String() string {
	if b.size == 0 {
		return megabytes(b.read.Load()) + " read"
	}
	return fmt.Sprintf("%d %% read", 100*b.read.Load()/b.size)
}
