package model

import (
	"math"
	"slices"
	"testing"

	"reko.moe/engine"
)

// studied is what the second stage learns from, collected once.
func (w *ideas) studied(b *testing.B) *stage {
	b.Helper()
	if w.stage == nil {
		w.stage = w.collected(b, func(*stage) {})
	}
	return w.stage
}

// collected is what it learns from when something is changed.
func (w *ideas) collected(b *testing.B, change func(*stage)) *stage {
	b.Helper()
	s := w.recipe(b).newStage(w.first(b, kept))
	change(s)
	if err := s.collect(b.Context()); err != nil {
		b.Fatal(err)
	}
	return s
}

// grown is the second stage of the recipe.
func (w *ideas) grown(b *testing.B) *second {
	b.Helper()
	if w.second == nil {
		s := *w.studied(b)
		var err error
		if w.second, err = s.grow(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	return w.second
}

// forests grows a second stage, without forests for newcomers, and leaves what it is grown from.
func forests(b *testing.B, s *stage) *second {
	b.Helper()
	once := *s
	t := *s.training
	t.options.Newcomers = 0
	once.training = &t
	out, err := once.grow(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// plain is that without the forests of newcomers. What changes another part of the second stage is to be compared with it.
func (w *ideas) plain(b *testing.B) *second {
	b.Helper()
	s := *w.grown(b)
	s.newcomers = nil
	return &s
}

// with is the order of the recipe's first stage and a second one.
func (w *ideas) with(b *testing.B, s *second, kept int) matching {
	b.Helper()
	m := w.first(b, kept)
	m.second = s
	return w.by(m)
}

// kept is the recipe's.
var kept = Defaults().Kept

// alone is what one forest says, in log odds of which so many are the same.
func alone(f *forest) *second {
	both, _ := newBinned(f, f)
	return &second{pair: pair{watched: f, liked: f, both: both}}
}

// oddsOf turns what such a second stage says into log odds.
func oddsOf(match float64) float64 {
	p := 1.5 / (1 + math.Exp(-match))
	return math.Log(p / (1 - p))
}

// secondIdeas are about the second stage, on the recipe's first.
var secondIdeas = []idea{
	{"second", func(b *testing.B, w *ideas) matching { return w.with(b, w.grown(b), kept) }},
	{"second-without-newcomers", func(b *testing.B, w *ideas) matching { return w.with(b, w.plain(b), kept) }},
	{"second-nothing-unlearnt", func(b *testing.B, w *ideas) matching {
		return w.onlyLearnt(w.with(b, w.plain(b), kept), w.first(b, kept))
	}},
	{"second-watched-alone", func(b *testing.B, w *ideas) matching { return w.with(b, alone(w.plain(b).watched), kept) }},
	{"second-liked-alone", func(b *testing.B, w *ideas) matching { return w.with(b, alone(w.plain(b).liked), kept) }},
	{"second-liked-counts-the-same-everywhere", func(b *testing.B, w *ideas) matching {
		s := *w.plain(b)
		s.more = [2]float64{1.5, 1.5}
		return w.with(b, &s, kept)
	}},
	{"second-log-odds-added", func(b *testing.B, w *ideas) matching {
		watched, liked := w.with(b, alone(w.plain(b).watched), kept), w.with(b, alone(w.plain(b).liked), kept)
		return w.either(watched, liked, func(watched, liked float64, related bool) float64 {
			more := 0.5
			if related {
				more = 2
			}
			return (oddsOf(watched) + more*(oddsOf(liked)+0.7)) / (1 + more)
		})
	}},
	{"second-one-forest", func(b *testing.B, w *ideas) matching {
		s := *w.studied(b)
		s.watched = slices.Clone(s.watched)
		for r, liked := range s.liked {
			s.watched[r] = (s.watched[r] + 2*liked) / 3
		}
		return w.with(b, alone(forests(b, &s).watched), kept)
	}},
	keeping("second-kept-100", 100),
	keeping("second-kept-200", 200),
	keeping("second-kept-400", 400),
	keeping("second-kept-all", 6000),
	without("second-without-relations", featSequelWatched, featSequelPlanned, featSequelLeft, featSideWatched, featSidePlanned,
		featSideLeft, featVersionWatched, featOtherWatched, featSequelLiked, featSideLiked),
	without("second-without-influences", featStrongest, featFour, featInfluences, featFor, featAgainst, featStrong, featUncommon),
	without("second-without-habits", featTraits, featTraitsLiked, featTypes, featAfterMedian, featAfterLate, featAfterNewest, featKnown,
		featEntries, featPlans, featListKnown, featScale, featSpread, featScored),
	without("second-without-parts", featWatched, featLiking, featPlanned, featLeft),
	{"second-related-apart", relatedApart},
	{"second-lists-weigh-the-same", func(b *testing.B, w *ideas) matching {
		s := *w.studied(b)
		s.weights = slices.Clone(s.weights)
		for _, l := range listsOf(&s) {
			found := 0.0
			for r := l[0]; r < l[1]; r++ {
				found += float64(s.watched[r])
			}
			for r := l[0]; r < l[1]; r++ {
				s.weights[r] *= float32(4 / math.Sqrt(found+4))
			}
		}
		return w.with(b, forests(b, &s), kept)
	}},
	{"second-ranked", func(b *testing.B, w *ideas) matching {
		return w.with(b, alone(ranked(b, w.studied(b), w.stage.watched)), kept)
	}},
	sized("second-400-trees", func(o *boosting) { o.Trees, o.Rate = 400, 0.06 }),
	sized("second-depth-7", func(o *boosting) { o.Depth = 7 }),
	collecting("second-6000-lists", func(s *stage) {
		t := *s.training
		t.options.Studied = 6000
		s.training = &t
	}),
	collecting("second-lists-known-by-heart", func(s *stage) {
		s.leaving = func(engine.List) *leaving { return nil }
	}),
}

// sized grows other trees.
func sized(name string, change func(*boosting)) idea {
	return idea{name, func(b *testing.B, w *ideas) matching {
		s := *w.studied(b)
		t := *s.training
		change(&t.options.Stage)
		s.training = &t
		return w.with(b, forests(b, &s), kept)
	}}
}

// collecting learns from something else.
func collecting(name string, change func(*stage)) idea {
	return idea{name, func(b *testing.B, w *ideas) matching {
		s := w.collected(b, change)
		return w.with(b, forests(b, s), kept)
	}}
}

// relatedApart has forests of their own for candidates of which the list has something related, and for all others.
func relatedApart(b *testing.B, w *ideas) matching {
	var kinds [2]matching
	for k := range kinds {
		s := *w.studied(b)
		s.examples = examples{}
		for r := range w.stage.rows {
			apart := slices.ContainsFunc(w.stage.rows[r][featSequelWatched:featOtherWatched+1], func(n float32) bool { return n > 0 })
			if apart == (k == 1) {
				s.add(examples{w.stage.rows[r : r+1], w.stage.watched[r : r+1], w.stage.liked[r : r+1], w.stage.weights[r : r+1]})
			}
		}
		kinds[k] = w.with(b, forests(b, &s), kept)
	}
	return w.either(kinds[0], kinds[1], func(other, one float64, related bool) float64 {
		if related {
			return one
		}
		return other
	})
}

// either makes one order of two.
func (w *ideas) either(a, b matching, value func(a, b float64, related bool) float64) matching {
	return func(l engine.List, anime []*engine.Anime) []float64 {
		as, bs := a(l, anime), b(l, anime)
		f := w.stage.model.fold(l, w.catalogue, nil, nil)
		defer f.Release()
		for i, a := range anime {
			var x features
			f.relationsOf(a, &x)
			as[i] = value(as[i], bs[i], related(&x))
		}
		return as
	}
}

// keeping serves more or fewer weights to the same second stage.
func keeping(name string, kept int) idea {
	return idea{name, func(b *testing.B, w *ideas) matching { return w.with(b, w.grown(b), kept) }}
}

// without learns nothing from some features.
func without(name string, features ...int) idea {
	return idea{name, func(b *testing.B, w *ideas) matching {
		s := w.studied(b)
		hidden := make([][]float32, len(features))
		for k, f := range features {
			for r := range s.rows {
				hidden[k] = append(hidden[k], s.rows[r][f])
				s.rows[r][f] = 0
			}
		}
		out := forests(b, s)
		for k, f := range features {
			for r := range s.rows {
				s.rows[r][f] = hidden[k][r]
			}
		}
		return w.with(b, out, kept)
	}}
}

// listsOf are the first rows of lists, and those after their last.
func listsOf(s *stage) (lists [][2]int) {
	for r := range s.rows {
		if s.rows[r][featRank] == 0 {
			lists = append(lists, [2]int{r, r})
		}
		lists[len(lists)-1][1] = r + 1
	}
	return lists
}

// ranked grows a forest with a loss for ranking: each pair of a list's candidates of which one was wanted counts by how much NDCG
// changes when they change places (Burges, “From RankNet to LambdaRank to LambdaMART: an overview”, 2010).
func ranked(b *testing.B, s *stage, wanted []float32) *forest {
	b.Helper()
	table, err := newTable(b.Context(), len(s.rows), featureCount, func(f int, into []float32) {
		for r := range into {
			into[r] = s.rows[r][f]
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	o := s.options.Stage
	o.Least = 1
	f := &forest{depth: o.Depth}
	g := &growing{table: table, o: o, slopes: make([]slope, table.rows), node: make([]uint16, table.rows), said: make([]float64, table.rows)}
	lists := listsOf(s)
	for tree := range o.Trees {
		g.sample(tree)
		err := parallel(b.Context(), len(lists), func(l int) {
			from, to := lists[l][0], lists[l][1]
			g.rank(from, to, wanted[from:to], float64(s.weights[from]))
		})
		if err != nil {
			b.Fatal(err)
		}
		clear(g.node)
		if err := g.tree(b.Context(), f); err != nil {
			b.Fatal(err)
		}
	}
	return f
}

// rank sets the slopes of a list's rows.
func (g *growing) rank(from, to int, wanted []float32, weight float64) {
	order := make([]int, to-from)
	for i := range order {
		order[i] = i
	}
	odds, slopes := g.said[from:to], g.slopes[from:to]
	slices.SortStableFunc(order, func(x, y int) int {
		switch {
		case odds[x] > odds[y]:
			return -1
		case odds[x] < odds[y]:
			return 1
		}
		return 0
	})
	gain := make([]float64, len(order)) // of each, where it stands
	ideal, found := 0.0, 0
	for place, i := range order {
		gain[i] = 1 / math.Log2(float64(place)+2)
		if wanted[i] == 1 {
			ideal += 1 / math.Log2(float64(found)+2)
			found++
		}
	}
	clear(slopes)
	for i := range order {
		if wanted[i] != 1 {
			continue
		}
		for k := range order {
			if wanted[k] == 1 {
				continue
			}
			p := 1 / (1 + math.Exp(odds[i]-odds[k]))
			by := weight * math.Abs(gain[i]-gain[k]) / ideal
			slopes[i].first -= by * p
			slopes[k].first += by * p
			slopes[i].second += by * p * (1 - p)
			slopes[k].second += by * p * (1 - p)
		}
	}
}
