package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/listfile"
)

type importAnimeCmd struct {
	File []string `arg:"positional,required" help:"CSV files, also compressed by gzip. The header names the columns; mal_id and title are needed."`
}

// Run imports anime and makes again the hashes that change by it.
func (cmd importAnimeCmd) Run(ctx context.Context, cfg *config) error {
	if err := existing(cmd.File...); err != nil {
		return err
	}
	return cfg.importing(ctx, func(im *importer) error {
		err := im.files(ctx, cmd.File, "anime", func(r io.Reader) error {
			return batches(ctx, 1000, listfile.ReadAnime(r, time.Now()), func(batch []engine.Anime) error {
				if err := im.eng.ImportAnime(ctx, batch); err != nil {
					return err
				}
				im.progress.count.Add(int64(len(batch)))
				return nil
			})
		})
		if im.progress.count.Load() == 0 {
			return err
		}
		outcome, rehashErr := im.eng.Rehash(context.WithoutCancel(ctx))
		fmt.Printf("taste hashes: %s\n", outcome)
		return errors.Join(err, rehashErr)
	})
}

type importListsCmd struct {
	File     []string `arg:"positional,required" help:"CSV files, also compressed by gzip, with columns user_id or username, mal_id, status, score, watched_episodes and updated_at."`
	Unlisted bool     `arg:"--unlisted" help:"Nobody is matched with these users, and nothing is learnt from them."`
}

// Run imports the lists of many users. A user who is there already gets the list from the file.
func (cmd importListsCmd) Run(ctx context.Context, cfg *config) error {
	if err := existing(cmd.File...); err != nil {
		return err
	}
	return cfg.importing(ctx, func(im *importer) error {
		if err := im.mayLeaveDemo(ctx); err != nil {
			return err
		}
		leaveDemo := sync.OnceValue(func() error { return im.leaveDemo(ctx) })
		now := time.Now()
		entries := 0
		err := im.files(ctx, cmd.File, "users", func(r io.Reader) error {
			return batches(ctx, 250, listfile.ReadLists(r), func(batch []listfile.UserList) error {
				if err := leaveDemo(); err != nil { // only now: a file without a list leaves it where it is
					return err
				}
				users := make([]engine.User, len(batch))
				for i, l := range batch {
					users[i] = engine.User{Name: l.Name, Origin: engine.FromFile, List: l.List.Pack(), FetchedAt: now, FullAt: now, Unlisted: cmd.Unlisted}
				}
				if err := im.eng.ImportUsers(ctx, users); err != nil {
					return err
				}
				im.progress.count.Add(int64(len(users)))
				for _, l := range batch {
					entries += len(l.List)
				}
				return nil
			})
		})
		if err != nil && entries == 0 {
			return err
		}
		fmt.Printf("entries in those lists: %d\n", entries)
		if im.eng.Titles() == 0 {
			fmt.Println("No anime are described yet, so no taste is known: import anime next (reko import anime FILE).")
		}
		return err
	})
}

// importer is what imports share.
type importer struct {
	eng      *engine.Engine
	store    *db.DB
	progress progress
}

// importing runs f between opening the store and telling a running server that much of it changed. What was stored before a failure
// or an interruption stays; the import can be run again.
func (cfg *config) importing(ctx context.Context, f func(*importer) error) error {
	return cfg.importingLittle(ctx, func(im *importer) error {
		err := f(im)
		return errors.Join(err, im.eng.Announce(context.WithoutCancel(ctx)))
	})
}

// importingLittle is importing of so little that a running server follows by itself.
func (cfg *config) importingLittle(ctx context.Context, f func(*importer) error) error {
	return cfg.withEngine(ctx, func(eng *engine.Engine, store *db.DB) error {
		if err := eng.LoadUsers(ctx); err != nil {
			return err
		}
		err := f(&importer{eng: eng, store: store})
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted; what is imported is whole, and the import can be run again: %w", err)
		}
		return err
	})
}

// mayLeaveDemo asks, on a terminal, if the demo population may go, which is not mixed with real users.
func (im *importer) mayLeaveDemo(ctx context.Context) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stderr.Fd())) {
		return nil
	}
	users, err := im.store.CountUsers(ctx)
	if err != nil || users[engine.FromDemo] == 0 {
		return err
	}
	fmt.Fprintf(os.Stderr, "There are %d invented demo users here. Remove them and go on? [Y/n] ", users[engine.FromDemo])
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return err
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "" && a != "y" && a != "yes" {
		return errors.New("nothing imported: invented users are not mixed with real ones")
	}
	return nil
}

// leaveDemo removes the demo population, if it is there, once there is a list to import.
func (im *importer) leaveDemo(ctx context.Context) error {
	users, err := im.store.CountUsers(ctx)
	if err != nil || users[engine.FromDemo] == 0 {
		return err
	}
	n, err := removeDemo(ctx, im.eng, im.store)
	if err == nil {
		fmt.Printf("%d invented demo users removed\n", n)
	}
	return err
}

// files has each file read, shows how far that is, and says in the end what came of it.
func (im *importer) files(ctx context.Context, names []string, what string, read func(io.Reader) error) error {
	for _, name := range names {
		start, before := time.Now(), im.progress.count.Load()
		err := im.file(ctx, name, what, read)
		n := im.progress.count.Load() - before
		if err == nil || n > 0 {
			fmt.Printf("%s: %d %s imported in %s\n", filepath.Base(name), n, what, time.Since(start).Round(10*time.Millisecond))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (im *importer) file(ctx context.Context, name, what string, read func(io.Reader) error) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	stop := im.progress.show(ctx, filepath.Base(name), what, info.Size())
	defer stop()
	return readFile(bufio.NewReaderSize(countingReader{f, &im.progress.read}, 1<<20), read)
}

// readFile calls read with what r has, unpacked if it was compressed by gzip.
func readFile(r *bufio.Reader, read func(io.Reader) error) error {
	if magic, err := r.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return read(r)
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	return read(z)
}

// batches reads ahead in a goroutine while do handles batches of n in turn. It stops at the first error, or when ctx is done;
// what was read before a mistake in the file is handled.
func batches[T any](ctx context.Context, n int, items func(func(T, error) bool), do func([]T) error) error {
	read := make(chan []T, 2)
	stop := make(chan struct{})
	var readErr error
	go func() {
		defer close(read)
		var batch []T
		send := func() bool {
			select {
			case read <- batch:
				batch = nil
				return true
			case <-stop:
				return false
			}
		}
		for item, err := range items {
			if err != nil {
				readErr = err
				break
			}
			if batch = append(batch, item); len(batch) == n && !send() {
				return
			}
		}
		if len(batch) > 0 {
			send()
		}
	}()
	var err error
	for batch := range read {
		if err = ctx.Err(); err == nil {
			err = do(batch)
		}
		if err != nil {
			break
		}
	}
	close(stop)
	for range read { // until the reader is done
	}
	return errors.Join(err, readErr)
}

// progress shows how far an import is: on a terminal in one line that changes, elsewhere in a line now and then.
type progress struct {
	read  atomic.Int64 // bytes of the file
	count atomic.Int64 // of all files
}

type countingReader struct {
	r io.Reader
	n *atomic.Int64
}

func (c countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// show shows the progress of a file until stop is called.
func (p *progress) show(ctx context.Context, name, what string, size int64) (stop func()) {
	p.read.Store(0)
	return showing(ctx, name, func() string {
		return fmt.Sprintf("%d %% read, %d %s", 100*p.read.Load()/max(size, 1), p.count.Load(), what)
	})
}

// showing shows how far something is until stop is called.
func showing(ctx context.Context, name string, far func() string) (stop func()) {
	terminal := term.IsTerminal(int(os.Stderr.Fd()))
	every, before, after := 5*time.Second, "", "\n"
	if terminal {
		every, before, after = 200*time.Millisecond, "\r\x1b[K", ""
	}
	done, stopped := make(chan struct{}), make(chan struct{})
	start := time.Now()
	go func() {
		defer close(stopped)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(os.Stderr, "%s%s: %s, %s%s", before, name, far(), time.Since(start).Round(time.Second), after)
			case <-done:
				fmt.Fprint(os.Stderr, before)
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(done)
		<-stopped
	})
}
