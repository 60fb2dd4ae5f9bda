package model

import (
	"fmt"
	"slices"
	"testing"

	"reko.moe/engine"
)

// BenchmarkNewcomers measures what was tried for newcomers, on the lists of BenchmarkIdeas cut to so many watched entries; “alone” are
// lists of which nothing else is left either:
//
//	go test ./engine/model -run '^$' -bench Newcomers -benchtime 1x -timeout 1h
func BenchmarkNewcomers(b *testing.B) {
	if testing.Short() {
		b.Skip("it takes minutes")
	}
	w := readIdeas(b)
	for _, i := range newcomerIdeas {
		b.Run(i.name, func(b *testing.B) {
			for b.Loop() {
				matches := i.make(b, w)
				for _, cut := range []int{5, 10, 20, 50} {
					row := w.shortened(cut, false).judge(b, i.name, matches)
					b.ReportMetric(row.Watched.Mean, fmt.Sprintf("watched-%d", cut))
					b.ReportMetric(row.Liked.Mean, fmt.Sprintf("liked-%d", cut))
				}
				for _, cut := range []int{5, 10, 20} {
					b.ReportMetric(w.shortened(cut, true).judge(b, i.name, matches).Watched.Mean, fmt.Sprintf("alone-%d", cut))
				}
				row := w.judge(b, i.name, matches)
				b.ReportMetric(row.Watched.Mean, "watched")
				b.ReportMetric(row.Liked.Mean, "liked")
				b.ReportMetric(row.Unrelated.Mean, "unrelated")
			}
		})
	}
}

// shortened are the same ideas, measured on lists cut to so many watched entries.
func (w *ideas) shortened(watched int, alone bool) *ideas {
	cut := *w
	cut.cases = nil
	for i := range w.cases {
		c, ok := w.cases[i].Cut(watched)
		if !ok {
			continue
		}
		if alone {
			var left engine.List
			for _, e := range c.FoldIn {
				if e.Watched() {
					left = append(left, e)
				} else {
					c.Aside = append(c.Aside, e.Anime)
				}
			}
			c.FoldIn = left
		}
		cut.cases = append(cut.cases, c)
	}
	return &cut
}

// newcomerIdeas are about the forests of newcomers. What changes their examples leaves the other forests as they are.
var newcomerIdeas = []idea{
	{"newcomers", func(b *testing.B, w *ideas) matching { return w.with(b, w.grown(b), kept) }},
	{"newcomers-none", func(b *testing.B, w *ideas) matching { return w.with(b, w.plain(b), kept) }},
	newcomersWithout("newcomers-without-ahead", featAhead),
	newcomersWithout("newcomers-without-likeness", featAlike, featCosine),
	newcomersWithout("newcomers-without-either", featAhead, featAlike, featCosine),
}

// newcomersWithout learns nothing from some features.
func newcomersWithout(name string, hidden ...int) idea {
	return idea{name, func(b *testing.B, w *ideas) matching {
		e := w.studied(b).newcomers
		e.rows = slices.Clone(e.rows)
		for r := range e.rows {
			for _, f := range hidden {
				e.rows[r][f] = 0
			}
		}
		s := w.plain(b)
		o := w.stage.options.Stage
		o.Trees = w.stage.options.Newcomers
		p, err := e.grow(b.Context(), &s.pair, o)
		if err != nil {
			b.Fatal(err)
		}
		s.newcomers = &p
		return w.with(b, s, kept)
	}}
}
