package engine

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// profileAnime are few, so that profiles can be worked out by hand. 4 has no mean, 9 is not described.
func profileAnime() *Catalogue {
	one, two, four := described(1, "1998-04-03", 26, "r", 1, 24), described(2, "2016-08-26", 1, "pg_13", 8), described(4, "", 12, "r", 1)
	one.Mean, two.Mean = 8, 7
	return NewCatalogue([]Anime{one, two, four})
}

// stat finds a statistic by its name.
func stat(t testing.TB, name string) int {
	t.Helper()
	for s := range profileStats {
		if _, n := StatisticName(s); n == name {
			return s
		}
	}
	t.Fatalf("no statistic %q", name)
	return 0
}

func TestProfileByHand(t *testing.T) {
	list := List{
		{Anime: 1, Status: Completed, Score: 10},
		{Anime: 2, Status: Planned},
		{Anime: 4, Status: Dropped, Score: 4},
		{Anime: 9, Status: Watching, Score: 5},
	}
	p := ProfileOf(list, profileAnime())
	no := math.NaN()
	for _, test := range []struct {
		name string
		want [measures]float64 // share, mean, deviation, scored, watching, completed, on hold, dropped, planned
	}{
		{"all entries", [measures]float64{4, 7.5, 2, 0.75, 0.25, 0.25, 0, 0.25, 0.25}},
		{"1990s", [measures]float64{0.5, 8, 2, 1, 0, 1, 0, 0, 0}},
		{"2010s", [measures]float64{0.5, 7, no, 0, 0, 0, 0, 0, 1}},
		{"2020s", [measures]float64{0, no, no, no, no, no, no, no, no}},
		{"about 12 episodes", [measures]float64{1. / 3, no, no, 1, 0, 0, 0, 1, 0}},
		{"R", [measures]float64{2. / 3, 8, 2, 1, 0, 0.5, 0, 0.5, 0}},
		{"Action", [measures]float64{0.5, 8, 2, 1, 0, 0.5, 0, 0.5, 0}},
		{"Sci-Fi", [measures]float64{0.25, 8, 2, 1, 0, 1, 0, 0, 0}},
		{"Drama", [measures]float64{0.25, 7, no, 0, 0, 0, 0, 0, 1}},
		{"Comedy", [measures]float64{0, no, no, no, no, no, no, no, no}},
		{"Horror", [measures]float64{no, no, no, no, no, no, no, no, no}}, // nothing of its group is on the list
	} {
		s := stat(t, test.name)
		for _, m := range Measures() {
			got, ok := p.Value(s, m)
			if want := test.want[m]; ok == math.IsNaN(want) || ok && math.Abs(got-want) > 1e-12 {
				t.Errorf("%s: %s = %v, %t; want %v", test.name, m, got, ok, want)
			}
		}
	}
	if p.Entries != 4 {
		t.Errorf("%d entries, want 4", p.Entries)
	}
	for s, v := range ProfileOf(nil, profileAnime()).values {
		if !slices.EqualFunc(v[:], v[:], func(a, _ float64) bool { return math.IsNaN(a) }) {
			t.Errorf("statistic %d of an empty list: %v, want nothing", s, v)
		}
	}
}

// Whatever a list has: shares of a group add up to 1, those of statuses too where every entry has one.
func TestProfileLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(50, 50))
	var anime []Anime
	for id := range AnimeID(400) {
		anime = append(anime, randomAnime(r, id+1))
	}
	c := NewCatalogue(anime)
	for n := range 200 {
		p := ProfileOf(randomList(r, n, 500), c)
		groups := map[string]float64{}
		for s := range profileStats {
			group, _ := StatisticName(s)
			if share, ok := p.Value(s, Share); ok {
				groups[group] += share
			}
			all := 0.0
			for m := ShareScored; m < measures; m++ {
				v, ok := p.Value(s, m)
				if ok && (v < 0 || v > 1) {
					t.Fatalf("%s of %d is %v", m, s, v)
				}
				if m > ShareScored {
					all += v
				}
			}
			if all > 1+1e-9 {
				t.Fatalf("statuses of %d are %v", s, all)
			}
		}
		for group, sum := range groups {
			if want := 1.0; group != "general" && math.Abs(sum-want) > 1e-9 {
				t.Fatalf("shares of %s add up to %v", group, sum)
			}
		}
	}
}

// populationOf is the population of lists.
func populationOf(c *Catalogue, lists ...List) *Population {
	var all census
	for _, l := range lists {
		all.add(ProfileOf(l, c))
	}
	return all.population()
}

func TestPopulationByHand(t *testing.T) {
	c := profileAnime()
	one, two, four := Entry{Anime: 1, Status: Completed, Score: 10}, Entry{Anime: 2, Status: Completed, Score: 5}, Entry{Anime: 4, Status: Planned}
	p := populationOf(c, List{one}, List{one, two, four}, nil)
	if p.Users != 3 {
		t.Errorf("%d users, want 3", p.Users)
	}
	for _, test := range []struct {
		name string
		m    Measure
		want Spread
	}{
		{"all entries", Share, Spread{2, 2, 1}},
		{"all entries", MeanScore, Spread{2, 7.75, 0.25}},
		{"all entries", ScoreDeviation, Spread{2, 1, 1}}, // 2; 2 and -2
		{"all entries", ShareScored, Spread{2, 5. / 6, 1. / 6}},
		{"Action", Share, Spread{2, 0.5, 0}}, // of Action, Sci-Fi; and of Action twice, Sci-Fi, Drama
		{"Sci-Fi", Share, Spread{2, 0.375, 0.125}},
		{"Drama", MeanScore, Spread{1, 7, 0}},
		{"Horror", Share, Spread{}},
	} {
		got := p.Spread(stat(t, test.name), test.m)
		if got.Count != test.want.Count || math.Abs(got.Mean-test.want.Mean) > 1e-12 || math.Abs(got.Deviation-test.want.Deviation) > 1e-12 {
			t.Errorf("%s of %s = %+v, want %+v", test.m, test.name, got, test.want)
		}
	}
	ranks := p.Ranks(ProfileOf(List{one, two, four}, c))
	for _, test := range []struct {
		name string
		m    Measure
		want float64
	}{
		{"all entries", Share, 84.1344746}, // one standard deviation above
		{"all entries", MeanScore, 15.8655254},
		{"Drama", MeanScore, 50}, // nobody differs
		{"Horror", Share, math.NaN()},
	} {
		got, ok := ranks.Percentile(stat(t, test.name), test.m)
		if ok == math.IsNaN(test.want) || ok && math.Abs(got-test.want) > 1e-6 {
			t.Errorf("percentile of %s of %s = %v, want %v", test.m, test.name, got, test.want)
		}
	}
}

// Welford's sums are those of two passes, far from zero too.
func TestCensusEqualsTwoPasses(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 51))
	for _, offset := range []float64{0, 1e9} {
		var all census
		var seen []float64
		for range 1000 {
			var p Profile
			for s := range p.values {
				for m := range p.values[s] {
					p.values[s][m] = math.NaN()
				}
			}
			v := offset + r.NormFloat64()
			p.values[7][Share] = v
			seen = append(seen, v)
			all.add(&p)
		}
		mean, squares := 0.0, 0.0
		for _, v := range seen {
			mean += (v - offset) / 1000
		}
		for _, v := range seen {
			squares += (v - offset - mean) * (v - offset - mean) / 1000
		}
		got := all.population().Spread(7, Share)
		if math.Abs(got.Mean-offset-mean) > 1e-6 || math.Abs(got.Deviation-math.Sqrt(squares)) > 1e-6 {
			t.Errorf("%+v, want mean %v and deviation %v", got, offset+mean, math.Sqrt(squares))
		}
	}
}

func TestPackedPopulation(t *testing.T) {
	r := rand.New(rand.NewPCG(52, 52))
	want := &Population{Users: 12_338}
	for s := range want.spreads {
		for m := range want.spreads[s] {
			want.spreads[s][m] = Spread{r.IntN(1 << 32), r.NormFloat64() * 1000, math.Abs(r.NormFloat64())}
		}
	}
	packed := want.Pack()
	if len(packed) != 16_756 {
		t.Errorf("%d bytes, want 16,756", len(packed))
	}
	got, err := packed.Unpack()
	if err != nil || *got != *want {
		t.Errorf("Unpack() = another population, %v", err)
	}
	for _, at := range []int{0, 1, 9, 11, 12, 5000, len(packed) - 1} {
		damaged := slices.Clone(packed)
		damaged[at] ^= 4
		if _, err := damaged.Unpack(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("byte %d changed: %v, want ErrCorrupt", at, err)
		}
	}
	for _, n := range []int{0, 1, 100, len(packed) - 1} {
		if _, err := packed[:n].Unpack(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes: %v, want ErrCorrupt", n, err)
		}
	}
	want.spreads[3][2].Deviation = math.NaN()
	if _, err := want.Pack().Unpack(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a deviation that is no number: %v, want ErrCorrupt", err)
	}
}
