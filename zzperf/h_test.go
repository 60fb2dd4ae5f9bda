package zzperf

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"reko.moe/db"
	"reko.moe/engine"
)

func world(tb testing.TB) (*engine.Engine, []engine.Card) {
	ctx := context.Background()
	s, err := db.Open(ctx, db.Options{URL: os.Getenv("HDB"), Lists: 256})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	e := engine.New(opts(s))
	if err := e.Load(ctx); err != nil {
		tb.Fatal(err)
	}
	var cards []engine.Card
	i := 0
	for c, err := range s.Cards(ctx) {
		if err != nil {
			tb.Fatal(err)
		}
		if i++; i%30 == 0 && c.Hash != 0 {
			cards = append(cards, c)
		}
	}
	return e, cards
}

func TestDigest(t *testing.T) {
	e, cards := world(t)
	ctx := context.Background()
	h := sha256.New()
	j := json.NewEncoder(h)
	for i, c := range cards {
		for page := 1; page < 4; page++ {
			a, err := e.Recommend(ctx, c.Name, engine.Query{Page: page, Batch: 1 + i%3, Niche: i%5 - 2})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range a.Data.Items {
				b := ""
				for _, in := range r.Because {
					b += fmt.Sprintf("%d %.9f ", in.Anime.ID, in.Weight)
				}
				j.Encode([]any{r.Anime.ID, r.Score, len(r.Votes), r.Votes[0].Score, fmt.Sprintf("%.8f %.6f", r.Match, r.Expected), b})
			}
			j.Encode(a.Data.Total)
		}
		a, err := e.Recommend(ctx, c.Name, engine.Query{Order: engine.Classic, Bare: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range a.Data.Items {
			j.Encode([]any{r.Anime.ID, r.Score, r.Votes})
		}
		seed := uint64(i)
		d, _ := e.Random(ctx, c.Name, engine.Query{Bare: true}, &seed)
		for _, r := range d.Data.Picks {
			j.Encode([]any{r.Anime.ID, r.Score, r.Votes})
		}
		o := cards[(i+7)%len(cards)]
		f, _ := e.RecommendFrom(ctx, c.Name, o.Name, engine.Query{})
		for _, r := range f.Data.Items {
			j.Encode([]any{r.Anime.ID, r.Score, r.Votes, fmt.Sprintf("%.8f", r.Match)})
		}
	}
	fmt.Printf("%d users %x\n", len(cards), h.Sum(nil)[:8])
}

func bench(b *testing.B, f func(e *engine.Engine, c, o engine.Card)) {
	e, cards := world(b)
	for i := range cards {
		f(e, cards[i], cards[(i+7)%len(cards)])
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		f(e, cards[i%len(cards)], cards[(i+7)%len(cards)])
	}
}

func BenchmarkTaste(b *testing.B) {
	bench(b, func(e *engine.Engine, c, o engine.Card) {
		e.Recommend(context.Background(), c.Name, engine.Query{Bare: true})
	})
}
func BenchmarkExplained(b *testing.B) {
	bench(b, func(e *engine.Engine, c, o engine.Card) {
		e.Recommend(context.Background(), c.Name, engine.Query{})
	})
}
func BenchmarkClassic(b *testing.B) {
	bench(b, func(e *engine.Engine, c, o engine.Card) {
		e.Recommend(context.Background(), c.Name, engine.Query{Bare: true, Order: engine.Classic})
	})
}
func BenchmarkFrom(b *testing.B) {
	bench(b, func(e *engine.Engine, c, o engine.Card) {
		e.RecommendFrom(context.Background(), c.Name, o.Name, engine.Query{Bare: true})
	})
}
func BenchmarkRandom(b *testing.B) {
	bench(b, func(e *engine.Engine, c, o engine.Card) {
		e.Random(context.Background(), c.Name, engine.Query{Bare: true}, nil)
	})
}
func BenchmarkCompare(b *testing.B) {
	bench(b, func(e *engine.Engine, c, o engine.Card) {
		e.Compare(context.Background(), c.Name, o.Name)
	})
}
