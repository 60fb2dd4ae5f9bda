package main

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/heldout"
	"reko.moe/engine/listfile"
	"reko.moe/engine/model"
)

// evalWorld is a store of its own in a temporary folder, in which those who are learnt from are users like any others, and the
// fold-ins of those who are judged by are unlisted users: recommended to, and neither learnt from nor matched with.
type evalWorld struct {
	dir    string
	store  *db.DB
	eng    *engine.Engine
	cfg    config // of the store
	ground *heldout.Ground
	cases  []heldout.Case
	at     map[*heldout.Case]int // the places of these
	learnt []engine.List         // of the users learnt from
	names  []string              // of these
	log    *slog.Logger
}

// prepare reads the users from the configured store, and from --lists, and splits them.
func (cmd evalCmd) prepare(ctx context.Context, cfg *config) (*evalWorld, error) {
	out, err := cmd.excluded()
	if err != nil {
		return nil, err
	}
	log := cfg.logger()
	stored, err := cfg.openStore(ctx, log)
	if err != nil {
		return nil, err
	}
	defer stored.Close()
	w := &evalWorld{log: log}
	judged, err := cmd.others()
	if err != nil {
		return nil, err
	}
	for u, err := range stored.AllUsers(ctx) {
		if err != nil {
			return nil, err
		}
		excluded := out.meet(u.Name)
		l, err := u.List.Unpack(nil)
		if err != nil || u.Hidden() {
			continue
		}
		switch {
		case cmd.Lists == "" && heldout.Number(u.Name)%evalEvery == 0:
			judged = append(judged, listfile.UserList{Name: u.Name, List: l})
		case excluded, cmd.Lists != "" && slices.ContainsFunc(judged, func(j listfile.UserList) bool { return samePerson(j, u.Name, l) }):
		default:
			w.learnt, w.names = append(w.learnt, l), append(w.names, u.Name)
		}
	}
	if err := out.missing(); err != nil {
		return nil, err
	}
	for _, j := range judged {
		if c, ok := heldout.Split(j.Name, j.List); ok {
			w.cases = append(w.cases, c)
		}
	}
	if cmd.Most > 0 {
		w.cases = w.cases[:min(cmd.Most, len(w.cases))]
	}
	if len(w.cases) == 0 {
		return nil, fmt.Errorf("nobody to judge by: a list needs %d watched entries, and without --lists the user's number must be divisible by %d (reko import lists)",
			heldout.MinWatched, evalEvery)
	}
	var anime []engine.Anime
	for a, err := range stored.Anime(ctx) {
		if err != nil {
			return nil, err
		}
		anime = append(anime, a)
	}
	w.ground = heldout.NewGround(engine.NewCatalogue(anime), slices.Values(w.learnt))
	return w, w.fill(ctx, *cfg, anime)
}

// samePerson tells whether a user of the store is one who is judged by: the list is the same, or most of it under the same name.
func samePerson(judged listfile.UserList, name string, l engine.List) bool {
	if slices.Equal(judged.List, l) {
		return true
	}
	if judged.Name != name {
		return false
	}
	there := make(map[engine.AnimeID]bool, len(l))
	for i := range l {
		there[l[i].Anime] = true
	}
	shared := 0
	for i := range judged.List {
		if there[judged.List[i].Anime] {
			shared++
		}
	}
	return 2*shared > max(len(l), len(judged.List))
}

// others are the users of --lists.
func (cmd evalCmd) others() ([]listfile.UserList, error) {
	if cmd.Lists == "" {
		return nil, nil
	}
	f, err := os.Open(cmd.Lists)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var lists []listfile.UserList
	err = readFile(bufio.NewReader(f), func(r io.Reader) error {
		for l, err := range listfile.ReadLists(r) {
			if err != nil {
				return fmt.Errorf("%s: %w", cmd.Lists, err)
			}
			lists = append(lists, l)
		}
		return nil
	})
	return lists, err
}

// fill makes the store.
func (w *evalWorld) fill(ctx context.Context, cfg config, anime []engine.Anime) (err error) {
	if w.dir, err = os.MkdirTemp("", "reko-eval-"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	cfg.Database, cfg.Jobs, cfg.Demo, cfg.MALClient = "sqlite:"+filepath.Join(w.dir, "eval.db"), false, "false", ""
	w.cfg = cfg
	quiet := slog.New(slog.DiscardHandler)
	if w.store, err = cfg.openStore(ctx, quiet); err != nil {
		return err
	}
	w.eng = engine.New(engine.Options{Store: w.store, Exclude: cfg.Exclude, Log: w.log, Trainer: model.Trainer{Progress: w.progress(time.Now())}})
	if err = w.eng.ImportAnime(ctx, anime); err != nil {
		return err
	}
	users := make([]engine.User, 0, len(w.learnt)+len(w.cases))
	now := time.Now()
	for i, l := range w.learnt {
		users = append(users, engine.User{Name: w.names[i], Origin: engine.FromFile, List: l.Pack(), FetchedAt: now, FullAt: now})
	}
	w.at = make(map[*heldout.Case]int, len(w.cases))
	for i := range w.cases {
		w.at[&w.cases[i]] = i
		users = append(users, engine.User{
			Name: caseName(i), Origin: engine.Uploaded, List: w.cases[i].FoldIn.Pack(), FetchedAt: now, FullAt: now, Unlisted: true,
		})
	}
	for some := range slices.Chunk(users, 250) {
		if err = w.eng.ImportUsers(ctx, some); err != nil {
			return err
		}
	}
	return w.eng.ImportDone(ctx)
}

// caseName is the name that a case has as a user: nobody else's.
func caseName(i int) string { return "foldin--" + strconv.Itoa(i) }

func (w *evalWorld) progress(start time.Time) func(string) {
	return func(step string) { fmt.Fprintf(os.Stderr, "%5.1f s: %s\n", time.Since(start).Seconds(), step) }
}

func (w *evalWorld) train(ctx context.Context) error {
	outcome, err := w.eng.TrainModel(ctx)
	if _, ok := w.eng.Model(); err == nil && !ok {
		fmt.Fprintf(os.Stderr, "there is no item model, so that taste is classic: %s\n", outcome)
	}
	return err
}

func (w *evalWorld) close() {
	if w.store != nil {
		_ = w.store.Close() // it is removed
	}
	_ = os.RemoveAll(w.dir)
}

// write writes the lists that are learnt from and the fold-ins as files to import.
func (w *evalWorld) write(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	learnt := func(yield func(string, engine.List) bool) {
		for i, l := range w.learnt {
			if !yield(w.names[i], l) {
				return
			}
		}
	}
	foldIns := func(yield func(string, engine.List) bool) {
		for i := range w.cases {
			if !yield(w.cases[i].Name, w.cases[i].FoldIn) {
				return
			}
		}
	}
	for _, file := range []struct {
		name  string
		lists iter.Seq2[string, engine.List]
	}{{"train.csv.gz", learnt}, {"foldin.csv.gz", foldIns}} {
		path := filepath.Join(dir, file.name)
		if err := writeLists(path, file.lists); err != nil {
			return err
		}
		fmt.Println(path)
	}
	return nil
}

// writeLists writes lists as `reko import lists` reads them.
func writeLists(path string, lists iter.Seq2[string, engine.List]) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, f.Close()) }()
	z := gzip.NewWriter(f)
	w := csv.NewWriter(z)
	_ = w.Write([]string{"username", "mal_id", "status", "score", "watched_episodes", "updated_at"}) // its error stays in w
	for name, l := range lists {
		for i := range l {
			e, at := &l[i], ""
			if e.Day != 0 {
				// A later moment for what comes earlier in the list, so that a day's entries keep their order.
				at = e.Day.Time().Add(24*time.Hour - time.Duration(i+1)*time.Millisecond).Format(time.RFC3339Nano)
			}
			_ = w.Write([]string{name, strconv.Itoa(int(e.Anime)), e.Status.String(), strconv.Itoa(int(e.Score)), strconv.Itoa(int(e.Episodes)), at})
		}
	}
	w.Flush()
	return cmp.Or(w.Error(), z.Close())
}
