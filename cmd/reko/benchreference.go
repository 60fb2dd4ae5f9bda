package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"reko.moe/bench"
	"reko.moe/db/rowstore"
	"reko.moe/engine"
)

const (
	mostNear = engine.MaxSimilarPage*engine.SimilarSize + 1 // that any page of similar users has to know of
	lenders  = engine.BatchSize + 1                         // lists that recommendations are made of
	rowUsers = 5000                                         // whose entries are stored a row each
)

// references are what the server's figures are to be seen beside, measured in this process.
func (w *benchWorld) references(ctx context.Context, cfg *config, each time.Duration) ([]bench.Row, error) {
	index, all := engine.NewIndex(w.cards), newPlain(w.cards)
	r := rand.New(rand.NewPCG(3, 3))
	anybody := func() engine.Card { return w.cards[r.IntN(len(w.cards))] }
	last := mostNear - 1 - engine.SimilarSize // where the last page of similar users begins
	var page []engine.Neighbour
	rows := []bench.Row{
		bench.Repeat(each, func() error {
			c := anybody()
			page, _ = index.Nearest(c.Hash, c.ID, last, mostNear-1)
			return nil
		}).Ms("index: the last page of the nearest 1,281"),
		bench.Repeat(each, func() error {
			c := anybody()
			page = page[:0]
			near := all.nearest(c.Hash, mostNear, c.ID)
			for _, a := range near[min(last, len(near)):min(mostNear-1, len(near))] {
				page = append(page, engine.Neighbour{Card: w.cards[a.at], Distance: int(a.distance)})
			}
			return nil
		}).Ms("plain scan: the last page of the nearest 1,281"),
		bench.Repeat(each, func() error {
			c := anybody()
			index.Nearest(c.Hash, c.ID, 0, mostNear-1)
			return nil
		}).Ms("index: all of the nearest 1,280, with names"),
		bench.Repeat(each, func() error {
			var sum engine.Hash
			for _, h := range all.hashes {
				sum ^= h
			}
			runtime.KeepAlive(sum) // or the compiler would leave out the reading
			return nil
		}).Ms("reading all hashes, no more"),
	}
	lists, err := w.lists(ctx, cfg, each, r)
	return append(rows, lists...), err
}

// lists measures fetching the lists that recommendations are made of: a row each, as they are stored, and a row for each entry.
func (w *benchWorld) lists(ctx context.Context, cfg *config, each time.Duration, r *rand.Rand) (rows []bench.Row, err error) {
	some := make([]engine.UserID, 0, rowUsers)
	for _, i := range r.Perm(len(w.cards))[:min(rowUsers, len(w.cards))] {
		some = append(some, w.cards[i].ID)
	}
	entries, err := rowstore.Open(ctx, cfg.Database)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, entries.Close(context.WithoutCancel(ctx))) }()
	for ids := range slices.Chunk(some, 200) {
		users, err := w.store.Users(ctx, nil, ids)
		if err != nil {
			return nil, err
		}
		if err := entries.Fill(ctx, users); err != nil {
			return nil, err
		}
	}
	if err := entries.Settle(ctx); err != nil {
		return nil, err
	}
	ids := make([]engine.UserID, min(lenders, len(some)))
	draw := func() {
		for i := range ids {
			ids[i] = some[r.IntN(len(some))]
		}
	}
	var list engine.List
	packed := bench.Repeat(each, func() error {
		draw()
		users, err := w.store.Users(ctx, nil, ids)
		for i := range users {
			if list, err = users[i].List.Unpack(list[:0]); err != nil {
				return err
			}
		}
		return err
	}).Ms("33 lists: a row per user")
	rowed := bench.Repeat(each, func() error {
		draw()
		_, err := entries.Lists(ctx, ids)
		return err
	}).Ms("33 lists: a row per entry")
	return []bench.Row{packed, rowed}, nil
}
