package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync/atomic"

	"reko.moe/bench"
	"reko.moe/db"
	"reko.moe/engine"
)

// benchWorld is what a benchmark knows of the store whose server it asks.
type benchWorld struct {
	store   *db.DB
	cards   []engine.Card // of all users who have a hash, by id
	some    []engine.Card // those who are asked for, so that their neighbours' lists get into memory
	users   int           // all of them
	entries int
	model   bool
}

// openWorld opens the store of the configuration, without a cache, and draws some users.
func openWorld(ctx context.Context, cfg *config, some int) (*benchWorld, error) {
	uncached := *cfg
	uncached.Lists = 0
	store, err := uncached.openStore(ctx, cfg.logger())
	if err != nil {
		return nil, err
	}
	w := &benchWorld{store: store}
	if err := w.load(ctx, some); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return w, nil
}

func (w *benchWorld) load(ctx context.Context, some int) error {
	for c, err := range w.store.Cards(ctx) {
		if err != nil {
			return err
		}
		if c.Hash != 0 {
			w.cards = append(w.cards, c)
		}
	}
	if len(w.cards) < 2 {
		return errors.New("there is nobody to ask for: start the server once for the demo, import lists, or make up users (reko bench populate)")
	}
	r := rand.New(rand.NewPCG(1, 1))
	for _, i := range r.Perm(len(w.cards))[:min(some, len(w.cards))] {
		w.some = append(w.some, w.cards[i])
	}
	totals, err := w.store.Totals(ctx)
	if err != nil {
		return err
	}
	w.users, w.entries = totals.All().Users, totals.All().Entries
	switch _, err := w.store.ModelInfo(ctx); {
	case err == nil:
		w.model = true
	case !errors.Is(err, engine.ErrNotFound):
		return err
	}
	return nil
}

// elsewhere draws n users, or as many as there are, who are not asked for; where there are no others, of those who are.
func (w *benchWorld) elsewhere(n int) []engine.UserID {
	asked := map[engine.UserID]bool{}
	for _, c := range w.some {
		asked[c.ID] = len(w.some) < len(w.cards)
	}
	var ids []engine.UserID
	r := rand.New(rand.NewPCG(2, 1))
	for _, i := range r.Perm(len(w.cards)) {
		if id := w.cards[i].ID; len(ids) < n && !asked[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

// everybody asks for recommendations for each of those who are asked for, which brings the lists of their neighbours into memory.
func (w *benchWorld) everybody(ctx context.Context, server *benchServer) error {
	for i := range w.some {
		if _, err := server.Get(ask{w.some[i : i+1], askTaste}.requests(i), nil); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// ask makes requests that are about some users. n seeds what is asked for, so that every run asks the same.
type ask struct {
	users []engine.Card
	make  func(r *rand.Rand, me, other string) string
}

func (a ask) requests(n int) bench.Request {
	r := rand.New(rand.NewPCG(uint64(n), 2))
	name := func() string { return url.PathEscape(a.users[r.IntN(len(a.users))].Name) }
	return bench.Request{Path: a.make(r, name(), name())}
}

// beyond is requests from some number on that go on where those asked before ended, whatever they are numbered by: what was asked already
// would come from memory. What is asked in which step then depends on how much was asked before. It is safe for concurrent use.
func (a ask) beyond(n int64) bench.Requests {
	var last atomic.Int64
	last.Store(n)
	return func(int) bench.Request { return a.requests(int(last.Add(1))) }
}

// somePage is mostly the first page.
func somePage(r *rand.Rand, most int) int {
	if r.IntN(4) < 3 {
		return 1
	}
	return 1 + r.IntN(most)
}

// The questions that are asked.
func askSimilar(r *rand.Rand, me, _ string) string {
	return fmt.Sprintf("/api/%s/similar?page=%d", me, somePage(r, engine.MaxSimilarPage))
}

func askTaste(r *rand.Rand, me, _ string) string {
	return fmt.Sprintf("/api/%s/recommendations?order=taste&page=%d", me, somePage(r, 5))
}

func askClassic(r *rand.Rand, me, _ string) string {
	return fmt.Sprintf("/api/%s/recommendations?order=classic&page=%d", me, somePage(r, 5))
}

func askFrom(r *rand.Rand, me, other string) string {
	return fmt.Sprintf("/api/%s/recommendations/%s?page=%d", me, other, somePage(r, 5))
}

func askCompare(_ *rand.Rand, me, other string) string {
	return fmt.Sprintf("/api/%s/compare/%s", me, other)
}

func askRandom(_ *rand.Rand, me, _ string) string { return fmt.Sprintf("/api/%s/random", me) }

func askPage(_ *rand.Rand, me, _ string) string { return "/u/" + me }

// askMixed asks all five questions of the API, each as often.
func askMixed(r *rand.Rand, me, other string) string {
	questions := [...]func(*rand.Rand, string, string) string{askSimilar, askTaste, askFrom, askCompare, askRandom}
	return questions[r.IntN(len(questions))](r, me, other)
}
