package main

import (
	"cmp"
	"context"
	"iter"
	"math"
	"slices"
	"strconv"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/heldout"
	"reko.moe/engine/model"
)

type namedOrder struct {
	name  string
	order heldout.Order
}

// The names of the orders. What is “any” is not restricted to the anime of the nearest users' lists.
const (
	orderPopularity = "popularity"
	orderMean       = "mean score"
	orderOriginal   = "classic, whole-list hash"
	orderClassic    = "classic"
	orderTaste      = "taste"
	orderUnvaried   = "taste, not varied"
	orderAny        = "taste, any anime"
)

// orderNames are all that can be asked for by name.
var orderNames = []string{orderPopularity, orderMean, orderOriginal, orderClassic, orderTaste, orderUnvaried, orderAny}

// orders are those that can be judged.
func (w *evalWorld) orders(niche bool) []namedOrder {
	popular := w.ground.Popular()
	best := slices.SortedFunc(slices.Values(popular), func(a, b engine.AnimeID) int {
		return cmp.Or(cmp.Compare(w.ground.Catalogue.Anime(b).Mean, w.ground.Catalogue.Anime(a).Mean), cmp.Compare(a, b))
	})
	orders := []namedOrder{
		{orderPopularity, func(context.Context, *heldout.Case) iter.Seq2[engine.AnimeID, error] { return heldout.Ranked(popular) }},
		{orderMean, func(context.Context, *heldout.Case) iter.Seq2[engine.AnimeID, error] { return heldout.Ranked(best) }},
		{orderOriginal, heldout.Original(w.ground, w.learnt)},
		{orderClassic, w.engineOrder(engine.Query{Order: engine.Classic})},
		{orderTaste, w.engineOrder(engine.Query{Order: engine.Taste})},
		{orderUnvaried, w.unvaried},
		{orderAny, w.unrestricted(popular)},
	}
	if niche {
		for n := -engine.MaxNiche; n <= engine.MaxNiche; n++ {
			orders = append(orders, namedOrder{"taste, niche=" + strconv.Itoa(n+engine.MaxNiche), w.engineOrder(engine.Query{Order: engine.Taste, Niche: n})})
		}
	}
	return orders
}

// recommend asks the engine as a visitor would: of a fold-in as the user it is stored as, of one that was cut as a list of nobody.
func (w *evalWorld) recommend(ctx context.Context, c *heldout.Case, q engine.Query) (engine.Answer[engine.Recommendations], error) {
	if i, ok := w.at[c]; ok {
		return w.eng.Recommend(ctx, caseName(i), q)
	}
	return w.eng.RecommendList(ctx, c.FoldIn, q)
}

// engineOrder asks the engine, page by page, as any client would.
func (w *evalWorld) engineOrder(q engine.Query) heldout.Order {
	return func(ctx context.Context, c *heldout.Case) iter.Seq2[engine.AnimeID, error] {
		return func(yield func(engine.AnimeID, error) bool) {
			for q.Page = 1; ; q.Page++ {
				a, err := w.recommend(ctx, c, q)
				if err != nil {
					yield(0, err)
					return
				}
				for _, r := range a.Data.Items {
					if !yield(r.Anime.ID, nil) {
						return
					}
				}
				if !a.Page.More {
					return
				}
			}
		}
	}
}

// unvaried is the engine's order by match alone: before pages are varied.
func (w *evalWorld) unvaried(ctx context.Context, c *heldout.Case) iter.Seq2[engine.AnimeID, error] {
	type item struct {
		id    engine.AnimeID
		match float64
	}
	var items []item
	for page := 1; ; page++ {
		a, err := w.recommend(ctx, c, engine.Query{Order: engine.Taste, Page: page})
		if err != nil {
			return func(yield func(engine.AnimeID, error) bool) { yield(0, err) }
		}
		for _, r := range a.Data.Items {
			items = append(items, item{r.Anime.ID, r.Match})
		}
		if !a.Page.More {
			break
		}
	}
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Or(cmp.Compare(b.match, a.match), cmp.Compare(a.id, b.id)) })
	ids := make([]engine.AnimeID, len(items))
	for i := range items {
		ids[i] = items[i].id
	}
	return heldout.Ranked(ids)
}

// unrestricted orders all anime that can be recommended by the item model.
func (w *evalWorld) unrestricted(popular []engine.AnimeID) heldout.Order {
	return byMatch(w.ground.Catalogue, popular, w.eng.Matches)
}

// byMatch orders the anime that are not on a list by how well they fit it.
func byMatch(c *engine.Catalogue, ids []engine.AnimeID, matches func(engine.List, []*engine.Anime) []float64) heldout.Order {
	return func(_ context.Context, k *heldout.Case) iter.Seq2[engine.AnimeID, error] {
		return heldout.Ranked(heldout.Matched(k.FoldIn, c, ids, matches))
	}
}

// newAnime judges what is said of anime that were left out of training.
func (w *evalWorld) newAnime(ctx context.Context, r *report) error {
	o := model.Defaults()
	o.Except = heldout.LeftOut
	trainer := model.Trainer{Options: o, Progress: w.progress(time.Now())}
	data, err := trainer.Train(ctx, func() iter.Seq2[engine.List, error] {
		return func(yield func(engine.List, error) bool) {
			for _, l := range w.learnt {
				if !yield(l, nil) {
					return
				}
			}
		}
	}, w.ground.Catalogue)
	if err != nil {
		return err
	}
	m, err := trainer.Read(data)
	if err != nil {
		return err
	}
	estimated := func(l engine.List, anime []*engine.Anime) []float64 {
		f := m.Fold(l, w.ground.Catalogue, nil)
		defer f.Release()
		return f.Matches(nil, engine.IDs(anime), 0)
	}
	known := func(l engine.List, anime []*engine.Anime) (values []float64) {
		for _, a := range anime {
			values = append(values, float64(a.Members))
		}
		return values
	}
	liked := func(l engine.List, anime []*engine.Anime) (values []float64) {
		for _, a := range anime {
			values = append(values, a.Mean)
		}
		return values
	}
	only, c := w.ground.Only(heldout.LeftOut), w.ground.Catalogue
	for _, order := range []struct {
		name    string
		matches func(engine.List, []*engine.Anime) []float64
	}{{"members", known}, {"mean score", liked}, {"taste, estimated", estimated}, {"taste, learnt", w.eng.Matches}} {
		row, err := only.Run(ctx, order.name, byMatch(c, only.Popular(), order.matches), w.cases)
		if err != nil {
			return err
		}
		r.New = append(r.New, row)
	}
	row, err := w.ground.Run(ctx, "taste, any anime", byMatch(c, w.ground.Popular(), estimated), w.cases)
	r.Without = &row
	return err
}

// scores judges the predictors.
func (w *evalWorld) scores() []heldout.ScoreRow {
	return []heldout.ScoreRow{
		w.ground.Scores("mean + user's deviation", w.deviation, w.cases),
		w.ground.Scores("statistics model", w.statistics, w.cases),
		w.ground.Scores("item model", func(c *heldout.Case, anime []*engine.Anime) []float64 { return w.eng.Expected(c.FoldIn, anime) }, w.cases),
	}
}

// deviation predicts the anime's mean, moved by how much the user's scores are above the means.
func (w *evalWorld) deviation(c *heldout.Case, anime []*engine.Anime) []float64 {
	sum, n := 0.0, 0
	for i := range c.FoldIn {
		e := &c.FoldIn[i]
		if a := w.ground.Catalogue.Anime(e.Anime); a != nil && a.HasMean() && e.Score > 0 {
			sum += float64(e.Score) - a.Mean
			n++
		}
	}
	by := sum / math.Max(float64(n), 1)
	scores := make([]float64, len(anime))
	for i, a := range anime {
		scores[i] = min(max(a.Mean+by, 1), engine.MaxScore)
	}
	return scores
}

func (w *evalWorld) statistics(c *heldout.Case, anime []*engine.Anime) []float64 {
	p := engine.ProfileOf(c.FoldIn, w.ground.Catalogue)
	scores := make([]float64, len(anime))
	for i, a := range anime {
		scores[i] = engine.ExpectedScore(p, a)
	}
	return scores
}
