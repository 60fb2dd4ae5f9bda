package views

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"

	"reko.moe/engine"
)

// State is what the address of somebody's recommendations or random picks says.
type State struct {
	Name   string           // of the user; empty: a visitor's without a list, who picked some anime
	Picked []engine.AnimeID // those
	From   string           // name of the one user whose list they are from; empty: the batch's
	Random bool             // random picks
	Seed   string           // of the picks; empty: new ones
	Page   int
	Batch  int
	Order  engine.Order
	Usual  engine.Order // when the address names none; empty: [engine.Taste]
	Model  bool         // there is an item model; without one there is no choice of order

	Niche   int              // taste for the unusual, as in [engine.Query]
	Without []engine.AnimeID // without influence

	Filter engine.Filter // Hidden is the visitor's and not in the address
}

// Path is the address without its query.
func (s State) Path() string {
	switch {
	case s.Name == "":
		return pickPath
	case s.Random:
		return userPath(s.Name, "random")
	}
	return userPath(s.Name)
}

// URL is the address. It leaves out what is the default.
func (s State) URL() string {
	q := url.Values{}
	number := func(key string, n, least int) {
		if n > least {
			q.Set(key, strconv.Itoa(n))
		}
	}
	text := func(key, value string) {
		if value != "" {
			q.Set(key, value)
		}
	}
	for _, id := range s.Picked {
		q.Add("anime", strconv.Itoa(int(id)))
	}
	f := &s.Filter
	for _, id := range f.With {
		q.Add("genre", strconv.Itoa(id))
	}
	for _, id := range f.Without {
		q.Add("not_genre", strconv.Itoa(id))
	}
	number("since", f.From, 0)
	number("until", f.To, 0)
	text("length", f.Length)
	if f.MinMean > 0 {
		q.Set("mean", strconv.FormatFloat(f.MinMean, 'f', -1, 64))
	}
	number("members", f.MinMembers, 0)
	number("below", f.MaxMembers, 0)
	text("type", f.Type)
	text("airing", f.Airing.String())
	text("from", s.From)
	text("seed", s.Seed)
	number("page", s.Page, 1)
	number("batch", s.Batch, 1)
	if s.Order != "" && s.Order != s.usual() {
		q.Set("order", string(s.Order))
	}
	if s.Niche != 0 {
		q.Set("niche", strconv.Itoa(s.Niche+engine.MaxNiche))
	}
	for _, id := range s.Without {
		q.Add("without", strconv.Itoa(int(id)))
	}
	if len(q) == 0 {
		return s.Path()
	}
	return s.Path() + "?" + q.Encode()
}

// usual is the order when the address names none.
func (s State) usual() engine.Order { return cmp.Or(s.Usual, engine.Taste) }

// ByTaste tells whether what is on the list decides the order.
func (s State) ByTaste() bool { return s.Model && cmp.Or(s.Order, s.usual()) == engine.Taste }

// told says in which order what came is, where there is a choice.
func (s State) told() string {
	switch {
	case !s.Model:
		return ""
	case s.ByTaste():
		return ", in the order of your taste"
	}
	return ", in the classic order"
}

// The following return s with a change, on the first page.

func (s State) withPage(n int) State       { s.Page = n; return s }
func (s State) withBatch(n int) State      { s.Batch, s.Page, s.From = n, 1, ""; return s }
func (s State) withFrom(name string) State { s.From, s.Page = name, 1; return s }
func (s State) withoutFilter() State       { s.Filter, s.Page = engine.Filter{}, 1; return s }
func (s State) withSeed(seed string) State { s.Seed = seed; return s }

// leaving returns s with an anime on the list left without influence.
func (s State) leaving(id engine.AnimeID) State {
	s.Without, s.Page = append(slices.Clip(s.Without), id), 1
	return s
}

// unpicked returns s without one of the picks.
func (s State) unpicked(id engine.AnimeID) State {
	s.Picked = slices.DeleteFunc(slices.Clone(s.Picked), func(other engine.AnimeID) bool { return other == id })
	s.Page = 1
	return s
}

// counting returns s with the influence of an anime on the list.
func (s State) counting(id engine.AnimeID) State {
	s.Without = slices.DeleteFunc(slices.Clone(s.Without), func(other engine.AnimeID) bool { return other == id })
	s.Page = 1
	return s
}

// without returns s with one criterion of the filter taken out.
func (s State) without(by engine.Criterion) State {
	f := &s.Filter
	switch by {
	case engine.ByWith:
		f.With = nil
	case engine.ByWithout:
		f.Without = nil
	case engine.ByYears:
		f.From, f.To = 0, 0
	case engine.ByLength:
		f.Length = ""
	case engine.ByMean:
		f.MinMean = 0
	case engine.ByMembers:
		f.MinMembers, f.MaxMembers = 0, 0
	case engine.ByType:
		f.Type = ""
	case engine.ByAiring:
		f.Airing = engine.AiringUnknown
	case engine.ByHidden:
		f.Hidden = nil
	}
	s.Page = 1
	return s
}

// criterionName says what a criterion is about.
func criterionName(by engine.Criterion) string {
	switch by {
	case engine.ByWith:
		return "the genres it must have"
	case engine.ByWithout:
		return "the genres it must not have"
	case engine.ByYears:
		return "the years"
	case engine.ByLength:
		return "the length"
	case engine.ByMean:
		return "the mean score"
	case engine.ByMembers:
		return "the popularity"
	case engine.ByType:
		return "the type"
	case engine.ByAiring:
		return "whether it airs"
	}
	return "what you hid"
}
