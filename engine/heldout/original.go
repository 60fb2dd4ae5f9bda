package heldout

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"reko.moe/engine"
)

// original is reko.moe's algorithm made anew from its description, beside the engine's own: the lists of the 32 nearest by
// taste hash, ordered by sum of scores / (count + 1). Its hash is made from the whole list and not from the newest 256 entries,
// as that of the measurements in the quality notes; on lists without dates “the newest” are the smallest anime ids, which tell
// less of a taste.
type original struct {
	ground *Ground
	lists  []engine.List
	hashes []engine.Hash
}

// Original makes an [Order] of reko.moe's algorithm over lists.
func Original(g *Ground, lists []engine.List) Order {
	o := &original{g, lists, make([]engine.Hash, len(lists))}
	for i, l := range lists {
		o.hashes[i] = o.hash(l)
	}
	return o.order
}

func (o *original) hash(l engine.List) engine.Hash {
	const places = 65
	var sums [places]int
	for i := range l {
		a := o.ground.Catalogue.Anime(l[i].Anime)
		if a == nil || !l[i].Watched() {
			continue
		}
		for _, s := range engine.StatisticsOf(a) {
			if p := engine.Statistics[s].Place; p >= 0 {
				sums[p] += int(l[i].Score) + 1
			}
		}
	}
	var h engine.Hash
	for i := range places - 1 {
		h <<= 1
		if sums[i] > sums[i+1] {
			h |= 1
		}
	}
	return h
}

func (o *original) order(_ context.Context, c *Case) iter.Seq2[engine.AnimeID, error] {
	near := make([]int, 0, len(o.lists))
	for i, h := range o.hashes {
		if h != 0 {
			near = append(near, i)
		}
	}
	own := o.hash(c.FoldIn)
	slices.SortStableFunc(near, func(a, b int) int {
		return cmp.Compare(engine.Distance(own, o.hashes[a]), engine.Distance(own, o.hashes[b]))
	})
	type votes struct{ sum, count int }
	found := map[engine.AnimeID]votes{}
	for _, i := range near[:min(len(near), engine.BatchSize)] {
		for k := range o.lists[i] {
			if e := &o.lists[i][k]; e.Watched() && e.Score > 0 {
				v := found[e.Anime]
				found[e.Anime] = votes{v.sum + int(e.Score), v.count + 1}
			}
		}
	}
	ids := make([]engine.AnimeID, 0, len(found))
	for id := range found {
		ids = append(ids, id)
	}
	value := func(id engine.AnimeID) float64 { return float64(found[id].sum) / float64(found[id].count+1) }
	slices.SortFunc(ids, func(a, b engine.AnimeID) int { return cmp.Or(cmp.Compare(value(b), value(a)), cmp.Compare(a, b)) })
	return Ranked(ids)
}
