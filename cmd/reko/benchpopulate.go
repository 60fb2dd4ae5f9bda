package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/term"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/crowd"
	"reko.moe/engine/demo"
	"reko.moe/engine/listfile"
)

// benchPopulateCmd makes up users.
type benchPopulateCmd struct {
	Users   int    `arg:"--users" placeholder:"N" help:"How many made-up users there shall be. Those who are there already stay."`
	Seed    uint64 `arg:"--seed" default:"1" help:"Another seed, other users."`
	Like    string `arg:"--like" placeholder:"FILE" help:"Make them like the lists of a CSV file, as reko import lists reads it; default: the demo's. Import its anime first."`
	Mean    int    `arg:"--mean" default:"220" help:"Entries of a list on average; 0: as many as in the lists they are like."`
	NoTrain bool   `arg:"--no-train" help:"Do not train the item model, which is done as soon as there are 20,000 users if there is none."`
	Fit     bool   `arg:"--fit" help:"Change nothing; print how the lists they are like and as many made ones are."`
	Remove  bool   `arg:"--remove" help:"Remove the made-up users, and the demo's, first."`
}

const (
	populateBatch = 2000
	populateTrain = 20_000 // users that the item model learns from
)

// populated is when the lists of made-up users were fetched.
var populated = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// Run fills the store, or prints the fit.
func (cmd benchPopulateCmd) Run(ctx context.Context, cfg *config) error {
	if !cmd.Fit && !cmd.Remove && cmd.Users < 1 {
		return errors.New("--users N: how many?")
	}
	if cmd.Fit {
		return cmd.fit(ctx, cfg)
	}
	return cfg.importing(ctx, func(im *importer) error {
		users, err := im.store.CountUsers(ctx)
		if err != nil {
			return err
		}
		delete(users, engine.FromDemo)
		if len(users) > 0 {
			return errors.New("there are real users here, with whom invented ones are never mixed: take another database, [db] url or REKO_DB_URL")
		}
		if cmd.Remove {
			n, err := removeDemo(ctx, im.eng, im.store)
			if err != nil {
				return err
			}
			fmt.Printf("%d invented users removed\n", n)
		}
		if cmd.Users == 0 {
			return nil
		}
		return cmd.populate(ctx, im)
	})
}

// source is what made-up users are like, over the anime of the store or, if it has none, the demo's.
func (cmd benchPopulateCmd) source(ctx context.Context, store *db.DB) ([]engine.Anime, []engine.List, error) {
	var anime []engine.Anime
	for a, err := range store.Anime(ctx) {
		if err != nil {
			return nil, nil, err
		}
		anime = append(anime, a)
	}
	if len(anime) == 0 {
		anime = demo.Anime()
	}
	if cmd.Like == "" {
		var lists []engine.List
		for _, u := range demo.Users() {
			l, err := u.List.Unpack(nil)
			if err != nil {
				return nil, nil, err
			}
			lists = append(lists, l)
		}
		return anime, lists, nil
	}
	lists, err := readLists(cmd.Like)
	return anime, lists, err
}

// readLists reads the lists of a CSV file.
func readLists(name string) ([]engine.List, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var lists []engine.List
	err = readFile(bufio.NewReaderSize(f, 1<<20), func(r io.Reader) error {
		for l, err := range listfile.ReadLists(r) {
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			lists = append(lists, l.List)
		}
		return nil
	})
	return lists, err
}

// fit prints how lists and as many made ones are.
func (cmd benchPopulateCmd) fit(ctx context.Context, cfg *config) error {
	store, err := cfg.openStore(ctx, cfg.logger())
	if err != nil {
		return err
	}
	defer store.Close()
	anime, lists, err := cmd.source(ctx, store)
	if err != nil {
		return err
	}
	c := engine.NewCatalogue(anime)
	people, err := crowd.New(lists, c, crowd.Options{Seed: cmd.Seed, Mean: cmd.Mean})
	if err != nil {
		return err
	}
	n := cmd.Users
	if n == 0 {
		n = len(lists)
	}
	m := people.Maker()
	made := func(yield func(engine.List) bool) {
		for i := range n {
			if ctx.Err() != nil || !yield(m.List(i+1)) {
				return
			}
		}
	}
	return errors.Join(crowd.WriteFit(os.Stdout, crowd.Measure(slices.Values(lists), c), crowd.Measure(made, c)), ctx.Err())
}

// populate makes up the users that are not there yet.
func (cmd benchPopulateCmd) populate(ctx context.Context, im *importer) error {
	start := time.Now()
	anime, lists, err := cmd.source(ctx, im.store)
	if err != nil {
		return err
	}
	if im.eng.Titles() == 0 {
		if err := im.eng.ImportAnime(ctx, anime); err != nil {
			return err
		}
		if _, err := im.eng.Rehash(ctx); err != nil {
			return err
		}
	}
	c := engine.NewCatalogue(anime)
	if share := knownShare(lists, c); share < 0.5 {
		return fmt.Errorf("of the entries of these lists %.0f %% are of anime that the store knows: import their anime first (reko import anime)", 100*share)
	}
	people, err := crowd.New(lists, c, crowd.Options{Seed: cmd.Seed, Mean: cmd.Mean})
	if err != nil {
		return err
	}
	there, err := madeUsers(ctx, im.store, people, cmd.Users)
	if err != nil {
		return err
	}
	for _, to := range []int{min(cmd.Users, populateTrain), cmd.Users} {
		if to > there {
			if err := cmd.make(ctx, im, people, there+1, to); err != nil {
				return err
			}
			there = to
		}
		if err := cmd.train(ctx, im); err != nil {
			return err
		}
	}
	outcome, err := im.eng.UpdatePopulation(ctx)
	if err == nil {
		err = im.store.Settle(ctx)
	}
	if err != nil {
		return err
	}
	fmt.Printf("statistics of the population: %s\nall of it took %s\n", outcome, time.Since(start).Round(time.Second))
	return nil
}

// knownShare is the share of entries whose anime the catalogue has.
func knownShare(lists []engine.List, c *engine.Catalogue) float64 {
	known, all := 0, 0
	for _, l := range lists {
		for i := range l {
			if all++; c.Anime(l[i].Anime) != nil {
				known++
			}
		}
	}
	return float64(known) / float64(max(all, 1))
}

// madeUsers returns how many made-up users are there. It fails if they are others than people's.
func madeUsers(ctx context.Context, store *db.DB, people *crowd.Crowd, most int) (int, error) {
	there := 0
	for step := 1 << 24; step > 0; step >>= 1 { // they were stored in their order
		switch _, err := store.User(ctx, crowd.Name(there+step)); {
		case err == nil:
			there += step
		case !errors.Is(err, engine.ErrNotFound):
			return 0, err
		}
	}
	if there == 0 {
		return 0, nil
	}
	if there > most {
		return 0, fmt.Errorf("there are %d made-up users already: fewer are had by --remove", there)
	}
	u, err := store.User(ctx, crowd.Name(there))
	if err != nil {
		return 0, err
	}
	if l := people.Maker().List(there).Pack(); !slices.Equal(l, u.List) {
		return 0, errors.New("the made-up users who are there were made with another --seed, --like or --mean: say the same, or --remove them")
	}
	return there, nil
}

// make stores users from..to.
func (cmd benchPopulateCmd) make(ctx context.Context, im *importer, people *crowd.Crowd, from, to int) error {
	start, entries := time.Now(), 0
	last := start
	every := 10 * time.Second
	before, after := "", "\n"
	if term.IsTerminal(int(os.Stderr.Fd())) {
		every, before, after = 500*time.Millisecond, "\r\x1b[K", ""
	}
	err := people.Batches(ctx, from, to, populateBatch, runtime.GOMAXPROCS(0), func(batch []crowd.Made) error {
		users := make([]engine.User, len(batch))
		for i, made := range batch {
			users[i] = engine.User{
				Name: crowd.Name(made.N), Origin: engine.FromDemo, List: made.List, FetchedAt: populated, FullAt: populated,
			}
			entries += made.List.Len()
		}
		if err := im.eng.ImportUsers(ctx, users); err != nil {
			return err
		}
		if now := time.Now(); now.Sub(last) >= every {
			last = now
			n := batch[len(batch)-1].N
			fmt.Fprintf(os.Stderr, "%s%d of %d users, %.0f a second%s", before, n, to, float64(n-from+1)/now.Sub(start).Seconds(), after)
		}
		return nil
	})
	took := time.Since(start)
	if err == nil {
		fmt.Fprint(os.Stderr, before)
		fmt.Printf("%d users with %d entries stored in %s: %.0f users a second\n", to-from+1, entries, took.Round(100*time.Millisecond),
			float64(to-from+1)/took.Seconds())
	}
	return err
}

// train trains the item model if that is wanted and there is none.
func (cmd benchPopulateCmd) train(ctx context.Context, im *importer) error {
	if _, ok := im.eng.Model(); ok || cmd.NoTrain {
		return nil
	}
	start := time.Now()
	outcome, err := im.eng.TrainModel(ctx)
	if err == nil {
		fmt.Printf("item model: %s in %s\n", outcome, time.Since(start).Round(100*time.Millisecond))
	}
	return err
}
