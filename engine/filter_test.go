package engine

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Each part of a filter narrows by one criterion, and all criteria are looked at.
func TestEachPartOfAFilterIsUsed(t *testing.T) {
	seen := map[Criterion]bool{}
	for _, f := range []Filter{
		{With: []int{1}}, {Without: []int{1}}, {From: 1}, {To: 1}, {Length: "tv"}, {MinMean: 1}, {MinMembers: 1}, {MaxMembers: 1}, {Type: "tv"},
		{Airing: FinishedAiring}, {Hidden: []AnimeID{1}},
	} {
		used := slices.DeleteFunc(slices.Clone(criteria[:]), func(by Criterion) bool { return !f.uses(by) })
		if len(used) != 1 || !f.Narrows() {
			t.Errorf("%+v narrows by %v", f, used)
			continue
		}
		seen[used[0]] = true
	}
	if len(seen) != len(criteria) {
		t.Errorf("of %v only %v are used", criteria, seen)
	}
}

func TestFilterCriteria(t *testing.T) {
	a := described(5, "2010-07-04", 12, "r", 1, 8)
	a.Mean, a.Members, a.Type, a.Status = 7.5, 1000, "tv", CurrentlyAiring
	year := a
	year.Start = Date{Year: 2010}
	undated := a
	undated.Start = Date{}
	for _, test := range []struct {
		name   string
		filter Filter
		anime  Anime
		want   bool
	}{
		{"none", Filter{}, a, true},
		{"with one it has", Filter{With: []int{8}}, a, true},
		{"with both it has", Filter{With: []int{8, 1}}, a, true},
		{"with one it lacks", Filter{With: []int{8, 4}}, a, false},
		{"without one it lacks", Filter{Without: []int{4}}, a, true},
		{"without one it has", Filter{Without: []int{4, 1}}, a, false},
		{"with and without the same", Filter{With: []int{8}, Without: []int{8}}, a, false},
		{"from its year", Filter{From: 2010}, a, true},
		{"from a later year", Filter{From: 2011}, a, false},
		{"to its year", Filter{To: 2010}, a, true},
		{"to an earlier year", Filter{To: 2009}, a, false},
		{"its year", Filter{From: 2010, To: 2010}, a, true},
		{"its year, of which the day is unknown", Filter{From: 2010, To: 2010}, year, true},
		{"from a year, its own unknown", Filter{From: 1900}, undated, false},
		{"to a year, its own unknown", Filter{To: 2100}, undated, false},
		{"years the wrong way round", Filter{From: 2011, To: 2009}, a, false},
		{"its length", Filter{Length: "about 12 episodes"}, a, true},
		{"another length", Filter{Length: "about 24 episodes"}, a, false},
		{"no length there is", Filter{Length: "long"}, a, false},
		{"its mean", Filter{MinMean: 7.5}, a, true},
		{"a higher mean", Filter{MinMean: 7.51}, a, false},
		{"its members", Filter{MinMembers: 1000, MaxMembers: 1000}, a, true},
		{"more members", Filter{MinMembers: 1001}, a, false},
		{"fewer members", Filter{MaxMembers: 999}, a, false},
		{"its type", Filter{Type: "tv"}, a, true},
		{"another type", Filter{Type: "movie"}, a, false},
		{"its airing state", Filter{Airing: CurrentlyAiring}, a, true},
		{"another airing state", Filter{Airing: FinishedAiring}, a, false},
		{"others hidden", Filter{Hidden: []AnimeID{4, 6}}, a, true},
		{"hidden", Filter{Hidden: []AnimeID{4, 5}}, a, false},
		{"all at once", Filter{
			With: []int{1}, Without: []int{4}, From: 2000, To: 2020, Length: "about 12 episodes", MinMean: 7, MinMembers: 10,
			MaxMembers: 10_000, Type: "tv", Airing: CurrentlyAiring, Hidden: []AnimeID{1},
		}, a, true},
	} {
		test.anime.DescribedAt = time.Unix(1, 0)
		p := pool{catalogue: NewCatalogue([]Anime{test.anime}), ranked: []eligible{{id: test.anime.ID}}}
		p.narrow(&test.filter)
		if got := len(p.ranked) == 1; got != test.want {
			t.Errorf("%s: %+v lets it through: %t, want %t", test.name, test.filter, got, test.want)
		}
		if got := test.filter.Narrows(); got != (test.name != "none") {
			t.Errorf("%s: Narrows() = %t", test.name, got)
		}
	}
}

func randomFilter(r *rand.Rand) Filter {
	var f Filter
	for _, set := range []func(){
		func() { f.With = []int{1 + r.IntN(50)} },
		func() { f.Without = []int{1 + r.IntN(50), 1 + r.IntN(50)} },
		func() { f.From = 1970 + r.IntN(60) },
		func() { f.To = 1970 + r.IntN(60) },
		func() { f.Length = Statistics[statLength+r.IntN(5)].Name },
		func() { f.MinMean = r.Float64() * 10 },
		func() { f.MinMembers = r.IntN(1000) },
		func() { f.MaxMembers = 1 + r.IntN(1000) },
		func() { f.Type = []string{"tv", "movie"}[r.IntN(2)] },
		func() { f.Airing = Airing(1 + r.IntN(3)) },
		func() { f.Hidden = []AnimeID{AnimeID(1 + r.IntN(40)), AnimeID(1 + r.IntN(40))} },
	} {
		if r.IntN(5) == 0 {
			set()
		}
	}
	return f
}

// parts are the criteria of f, each by itself, and what f is without it.
func parts(f Filter) (alone, without map[Criterion]Filter) {
	clear := map[Criterion]func(*Filter){
		ByWith:    func(f *Filter) { f.With = nil },
		ByWithout: func(f *Filter) { f.Without = nil },
		ByYears:   func(f *Filter) { f.From, f.To = 0, 0 },
		ByLength:  func(f *Filter) { f.Length = "" },
		ByMean:    func(f *Filter) { f.MinMean = 0 },
		ByMembers: func(f *Filter) { f.MinMembers, f.MaxMembers = 0, 0 },
		ByType:    func(f *Filter) { f.Type = "" },
		ByAiring:  func(f *Filter) { f.Airing = AiringUnknown },
		ByHidden:  func(f *Filter) { f.Hidden = nil },
	}
	alone, without = map[Criterion]Filter{}, map[Criterion]Filter{}
	for by := range clear {
		rest, only := f, f
		clear[by](&rest)
		for other := range clear {
			if other != by {
				clear[other](&only)
			}
		}
		if only.Narrows() {
			alone[by], without[by] = only, rest
		}
	}
	return alone, without
}

func TestNarrowLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(50, 50))
	emptied := 0
	for range 3000 {
		ranked := make([]eligible, r.IntN(40))
		anime := make([]Anime, len(ranked))
		for i := range ranked {
			a := randomAnime(r, AnimeID(i+1))
			a.Members, a.Type, a.Status = r.IntN(1000), []string{"tv", "movie"}[r.IntN(2)], Airing(r.IntN(4))
			a.DescribedAt = time.Unix(1, 0)
			anime[i], ranked[i].id = a, a.ID
		}
		catalogue := NewCatalogue(anime)
		narrowed := func(f Filter) ([]eligible, []Loosening) {
			p := pool{catalogue: catalogue, ranked: slices.Clone(ranked)}
			loosen := p.narrow(&f)
			return p.ranked, loosen
		}
		f := randomFilter(r)
		alone, without := parts(f)

		// Together the criteria leave what each of them leaves, in the same order.
		got, loosen := narrowed(f)
		want := slices.Clone(ranked)
		for _, part := range alone {
			left, _ := narrowed(part)
			want = slices.DeleteFunc(want, func(el eligible) bool { return !slices.Contains(left, el) })
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v leaves %d of %d, its parts together %d", f, len(got), len(ranked), len(want))
		}
		if len(got) > 0 || len(ranked) == 0 {
			if loosen != nil {
				t.Fatalf("%+v leaves %d of %d, and advises %v", f, len(got), len(ranked), loosen)
			}
			continue
		}
		emptied++
		counts := map[Criterion]int{}
		for by, rest := range without {
			if left, _ := narrowed(rest); len(left) > 0 {
				counts[by] = len(left)
			}
		}
		advised := map[Criterion]int{}
		for _, l := range loosen {
			advised[l.Criterion] = l.Count
		}
		if !maps.Equal(advised, counts) || len(loosen) != len(counts) {
			t.Fatalf("%+v leaves none and advises %v, want %v", f, loosen, counts)
		}
		if !slices.IsSortedFunc(loosen, func(a, b Loosening) int { return cmp.Compare(b.Count, a.Count) }) {
			t.Fatalf("%+v advises %v, want the most first", f, loosen)
		}
	}
	if emptied < 200 {
		t.Errorf("only %d filters left none: what is tested here says little", emptied)
	}
}

func TestRecommendNarrows(t *testing.T) {
	s := newMemStore()
	s.recommendable(1, 2, 3, 4)
	s.anime[2].Episodes, s.anime[3].Episodes = 24, 24
	s.add("requester", 7, completed(1, 9))
	s.add("lender", 7, completed(2, 5), completed(3, 9), completed(4, 7))
	e := loaded(t, Options{Store: s, Now: clock})
	for _, test := range []struct {
		filter Filter
		want   []AnimeID
		loosen []Loosening
	}{
		{Filter{}, []AnimeID{3, 4, 2}, nil},
		{Filter{Length: "about 24 episodes"}, []AnimeID{3, 2}, nil},
		{Filter{Length: "about 24 episodes", Hidden: []AnimeID{3}}, []AnimeID{2}, nil},
		{Filter{Length: "about 24 episodes", Hidden: []AnimeID{3, 2}}, nil, []Loosening{{ByHidden, 2}, {ByLength, 1}}},
		{Filter{MinMean: 9}, nil, []Loosening{{ByMean, 3}}},
	} {
		q := Query{Filter: test.filter}
		a, err := e.Recommend(t.Context(), "requester", q)
		if d := a.Data; err != nil || !slices.Equal(ids(d.Items), test.want) || d.Total != len(test.want) || !slices.Equal(d.Loosen, test.loosen) || len(d.From) != 1 {
			t.Errorf("Recommend(%+v) = %v of %d, advises %v, %v; want %v, %v", test.filter, ids(d.Items), d.Total, d.Loosen, err, test.want, test.loosen)
		}
		from, err := e.RecommendFrom(t.Context(), "requester", "lender", q)
		if d := from.Data; err != nil || !slices.Equal(ids(d.Items), test.want) || !slices.Equal(d.Loosen, test.loosen) {
			t.Errorf("RecommendFrom(%+v) = %v, advises %v, %v; want %v, %v", test.filter, ids(d.Items), d.Loosen, err, test.want, test.loosen)
		}
		random, err := e.Random(t.Context(), "requester", q, nil)
		picks := ids(random.Data.Picks)
		slices.Sort(picks)
		want := slices.Sorted(slices.Values(test.want))
		if err != nil || !slices.Equal(picks, want) || !slices.Equal(random.Data.Loosen, test.loosen) {
			t.Errorf("Random(%+v) = %v, advises %v, %v; want %v, %v", test.filter, picks, random.Data.Loosen, err, want, test.loosen)
		}
	}
}
