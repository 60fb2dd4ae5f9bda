// Package heldout judges orders of recommendations, and predicted scores, on lists of which a part is held out. The protocol is
// portable: which entries are held out depends on the numbers of user and anime alone.
package heldout

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"reko.moe/engine"
)

// Order walks over what it would recommend to the user of a fold-in, best first. It may leave out what it would put last. An error
// ends the walk.
type Order func(ctx context.Context, c *Case) iter.Seq2[engine.AnimeID, error]

// Ranked is an order that has all its answer at once.
func Ranked(ids []engine.AnimeID) iter.Seq2[engine.AnimeID, error] {
	return func(yield func(engine.AnimeID, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

// Matched orders those of some anime that are not on a list by how well they fit it, best first; ties by id.
func Matched(l engine.List, c *engine.Catalogue, ids []engine.AnimeID, matches func(engine.List, []*engine.Anime) []float64) []engine.AnimeID {
	own := make(map[engine.AnimeID]bool, len(l))
	for i := range l {
		own[l[i].Anime] = true
	}
	var anime []*engine.Anime
	for _, id := range ids {
		if !own[id] {
			anime = append(anime, c.Anime(id))
		}
	}
	values := matches(l, anime)
	order := make([]int, len(anime))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(values[b], values[a]), cmp.Compare(anime[a].ID, anime[b].ID))
	})
	ranked := make([]engine.AnimeID, len(order))
	for i, k := range order {
		ranked[i] = anime[k].ID
	}
	return ranked
}

// Mean is the mean of a measure over users, with its standard error.
type Mean struct {
	Mean  float64 `json:"mean"`
	Error float64 `json:"error"`
	Users int     `json:"users"`
}

// Row is how well an order did over all users.
type Row struct {
	Order      string  `json:"order"`
	Watched    Mean    `json:"watched"`              // NDCG@16 of what was held out
	Liked      Mean    `json:"liked"`                // NDCG@16 of what was held out and liked
	Fresh      Mean    `json:"new_franchise"`        // NDCG@16 of what was held out, franchises that the user knows left out
	FreshLiked Mean    `json:"new_franchise_liked"`  // and liked
	Unwatched  Mean    `json:"unwatched_franchise"`  // NDCG@16 of what was held out, franchises left out of which the user watched something
	Unrelated  Mean    `json:"unrelated"`            // NDCG@16 of what was held out, direct relations of what the user knows left out
	OfAll      Mean    `json:"unrelated_of_all"`     // the same as a share of the gain of all that was held out: lower
	Recall     Mean    `json:"recall"`               // of what was held out, how much is on the page
	Hits       Mean    `json:"hit_rate"`             // users with anything of it on the page
	Coverage   int     `json:"coverage"`             // different anime on all pages
	Popularity Mean    `json:"mean_popularity_rank"` // of what is on the pages
	Entropy    Mean    `json:"genre_entropy"`        // of a page, in bits
	Took       Mean    `json:"ms_per_user"`          // until there is a page
	Seconds    float64 `json:"seconds"`              // in all
}

// Run judges an order on cases.
func (g *Ground) Run(ctx context.Context, name string, order Order, cases []Case) (Row, error) {
	start := time.Now()
	judged := make([]judgement, len(cases))
	pages := map[engine.AnimeID]bool{}
	for i := range cases {
		var err error
		if judged[i], err = g.judge(&cases[i], order(ctx, &cases[i])); err != nil {
			return Row{}, fmt.Errorf("%s for %s: %w", name, cases[i].Name, err)
		}
		for _, id := range judged[i].page {
			pages[id] = true
		}
	}
	of := func(f func(*judgement) float64) Mean {
		values := make([]float64, len(judged))
		for i := range judged {
			values[i] = f(&judged[i])
		}
		return meanOf(values)
	}
	return Row{
		Order:      name,
		Watched:    of(func(j *judgement) float64 { return j.ndcg }),
		Liked:      of(func(j *judgement) float64 { return j.liked }),
		Fresh:      of(func(j *judgement) float64 { return j.fresh }),
		FreshLiked: of(func(j *judgement) float64 { return j.freshLiked }),
		Unwatched:  of(func(j *judgement) float64 { return j.unwatched }),
		Unrelated:  of(func(j *judgement) float64 { return j.unrelated }),
		OfAll:      of(func(j *judgement) float64 { return j.unrelatedOfAll }),
		Recall:     of(func(j *judgement) float64 { return j.recall }),
		Hits:       of(func(j *judgement) float64 { return j.hit }),
		Coverage:   len(pages),
		Popularity: of(func(j *judgement) float64 { return j.popularity }),
		Entropy:    of(func(j *judgement) float64 { return j.entropy }),
		Took:       of(func(j *judgement) float64 { return float64(j.took.Microseconds()) / 1000 }),
		Seconds:    time.Since(start).Seconds(),
	}, nil
}

// meanOf is the mean of the values that are not missing. The error is that of the mean of a sample.
func meanOf(values []float64) Mean {
	m := Mean{}
	sum := 0.0
	for _, v := range values {
		if !math.IsNaN(v) {
			sum += v
			m.Users++
		}
	}
	if m.Users == 0 {
		return m
	}
	m.Mean = sum / float64(m.Users)
	squares := 0.0
	for _, v := range values {
		if !math.IsNaN(v) {
			squares += (v - m.Mean) * (v - m.Mean)
		}
	}
	if m.Users > 1 {
		m.Error = math.Sqrt(squares / float64(m.Users-1) / float64(m.Users))
	}
	return m
}
