package model

import (
	"cmp"
	"context"
	"flag"
	"iter"
	"slices"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/heldout"
	"reko.moe/engine/listfile"
	"reko.moe/internal/shared"
)

// BenchmarkIdeas measures what was tried to order better, the failures too; see docs/adr. Each idea is a benchmark of its own, and what
// they share is made once:
//
//	go test ./engine/model -run '^$' -bench Ideas -benchtime 1x -timeout 1h
//
// With -ideas.rest 0 they are measured on the dev split.
func BenchmarkIdeas(b *testing.B) {
	w := readIdeas(b)
	all := slices.Concat(plainIdeas, firstIdeas, secondIdeas)
	if testing.Short() {
		all = all[:1] // the others take up to minutes
	}
	for _, i := range all {
		b.Run(i.name, func(b *testing.B) {
			for b.Loop() {
				matches := i.make(b, w)
				row := w.judge(b, i.name, matches)
				b.ReportMetric(row.Watched.Mean, "watched")
				b.ReportMetric(row.Liked.Mean, "liked")
				b.ReportMetric(row.Fresh.Mean, "fresh")
				b.ReportMetric(row.Unwatched.Mean, "unwatched")
				b.ReportMetric(row.Unrelated.Mean, "unrelated")
				b.ReportMetric(w.time(matches), "µs/list")
			}
		})
	}
}

// idea is something that was tried.
type idea struct {
	name string
	make func(*testing.B, *ideas) matching
}

// matching says how well anime fit a list.
type matching func(engine.List, []*engine.Anime) []float64

// ideasRest tells whom ideas are measured on. By default these are not the dev split, which is for what was decided.
var ideasRest = flag.Uint64("ideas.rest", 1, "measure ideas on the users whose number leaves so much when divided by 12")

// ideas is what they are measured on: all anime that can be recommended are ordered for the users that ideasRest tells.
type ideas struct {
	catalogue *engine.Catalogue
	train     []engine.Packed
	cases     []heldout.Case
	ground    *heldout.Ground
	eligible  []*engine.Anime

	learnt *training // the first stage of the recipe; nil until an idea needs it
	stage  *stage    // what the second stage learns from
	second *second
}

func readIdeas(b *testing.B) *ideas {
	b.Helper()
	w := new(ideas)
	var all []engine.Anime
	for a, err := range listfile.ReadAnime(shared.Gunzip(b, "data", "anime.csv.gz"), time.Unix(1, 0)) {
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, a)
	}
	w.catalogue = engine.NewCatalogue(all)
	for u, err := range listfile.ReadLists(shared.Gunzip(b, "data", "lists.csv.gz")) {
		if err != nil {
			b.Fatal(err)
		}
		if heldout.Number(u.Name)%12 != *ideasRest {
			w.train = append(w.train, u.List.Pack())
		} else if c, ok := heldout.Split(u.Name, u.List); ok {
			w.cases = append(w.cases, c)
		}
	}
	w.ground = heldout.NewGround(w.catalogue, w.each())
	for _, id := range w.ground.Popular() {
		w.eligible = append(w.eligible, w.catalogue.Anime(id))
	}
	return w
}

func (w *ideas) lists() iter.Seq2[engine.List, error] {
	return func(yield func(engine.List, error) bool) {
		var l engine.List
		for _, p := range w.train {
			var err error
			if l, err = p.Unpack(l[:0]); !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// each is lists without errors: what was packed here is whole.
func (w *ideas) each() iter.Seq[engine.List] {
	return func(yield func(engine.List) bool) {
		for l, err := range w.lists() {
			if err != nil || !yield(l) {
				return
			}
		}
	}
}

// judge orders everything by how well it fits.
func (w *ideas) judge(b *testing.B, name string, matches matching) heldout.Row {
	b.Helper()
	row, err := w.ground.Run(b.Context(), name, func(_ context.Context, c *heldout.Case) iter.Seq2[engine.AnimeID, error] {
		return heldout.Ranked(heldout.Matched(c.FoldIn, w.catalogue, w.ground.Popular(), matches))
	}, w.cases)
	if err != nil {
		b.Fatal(err)
	}
	return row
}

// time is the median of how long it takes to compare the 1000 most popular anime for a list of about 300 entries, in microseconds.
func (w *ideas) time(matches matching) float64 {
	at := slices.IndexFunc(w.cases, func(c heldout.Case) bool { return len(c.FoldIn) >= 295 && len(c.FoldIn) <= 305 })
	var took []float64
	for range 101 {
		start := time.Now()
		matches(w.cases[max(at, 0)].FoldIn, w.eligible[:1000])
		took = append(took, float64(time.Since(start).Nanoseconds())/1000)
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// by is the order of a model.
func (w *ideas) by(m *Model) matching {
	return func(l engine.List, anime []*engine.Anime) []float64 {
		f := m.Fold(l, w.catalogue, nil)
		defer f.Release()
		return f.Matches(nil, engine.IDs(anime), 0)
	}
}

// plainIdeas learn nothing.
var plainIdeas = []idea{
	{"popularity", func(_ *testing.B, w *ideas) matching {
		return func(_ engine.List, anime []*engine.Anime) []float64 {
			values := make([]float64, len(anime))
			for i, a := range anime {
				values[i] = float64(w.ground.Watched(a.ID))
			}
			return values
		}
	}},
	{"neighbours", func(_ *testing.B, w *ideas) matching { return w.neighbours() }},
	{"neighbours-and-first", func(b *testing.B, w *ideas) matching {
		return mixture(w.by(w.first(b, kept)), w.neighbours(), 0.5)
	}},
	{"neighbours-and-second", func(b *testing.B, w *ideas) matching {
		m := w.first(b, kept)
		m.second = w.grown(b)
		return mixture(w.by(m), w.neighbours(), 0.2)
	}},
}

// neighbours is user-kNN: what the 100 users watched whose lists have the highest cosine.
func (w *ideas) neighbours() matching {
	var lists [][]engine.AnimeID
	for l := range w.each() {
		var watched []engine.AnimeID
		for i := range l {
			if l[i].Watched() {
				watched = append(watched, l[i].Anime)
			}
		}
		lists = append(lists, watched)
	}
	const nearest = 100
	return func(l engine.List, anime []*engine.Anime) []float64 {
		var own, votes [1 << 16]float64 // by anime id
		for i := range l {
			if l[i].Watched() {
				own[l[i].Anime] = 1
			}
		}
		alike := make([]float64, len(lists))
		order := make([]int, len(lists))
		for u, watched := range lists {
			for _, id := range watched {
				alike[u] += own[id]
			}
			order[u] = u
			alike[u] /= max(1, float64(len(watched)))
			alike[u] *= alike[u] * float64(len(watched)) // the square of the cosine, times what is the same for all
		}
		slices.SortFunc(order, func(x, y int) int { return cmp.Or(cmp.Compare(alike[y], alike[x]), x-y) })
		for _, u := range order[:nearest] {
			for _, id := range lists[u] {
				votes[id] += alike[u]
			}
		}
		values := make([]float64, len(anime))
		for i, a := range anime {
			values[i] = votes[a.ID]
		}
		return values
	}
}

// mixture adds so much of another order, in standard deviations. What comes first is compared alone.
func mixture(one, other matching, share float64) matching {
	return func(l engine.List, anime []*engine.Anime) []float64 {
		values, more := one(l, anime), other(l, anime)
		unit := share / deviation(more)
		for i := range values {
			values[i] += unit * more[i]
		}
		return values
	}
}
