package engine

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTolerances(t *testing.T) {
	for _, test := range []struct {
		users    int
		accuracy float64
		stat     string
		m        Measure
		want     float64 // percent; 0: left out
	}{
		{250_000, 100, "all entries", Share, 1},
		{250_000, 100, "all entries", MeanScore, 2.5},
		{250_000, 100, "all entries", ShareScored, 8},
		{250_000, 100, "1990s", Share, 3},
		{250_000, 100, "R", MeanScore, 7.5},
		{250_000, 100, "1 episode", SharePlanned, 24},
		{250_000, 100, "Action", Share, 4},
		{250_000, 100, "Mecha", MeanScore, 10},
		{250_000, 100, "Shounen", ScoreDeviation, 32},
		{250_000, 100, "Horror", Share, 8},
		{250_000, 100, "Space", MeanScore, 20},
		{250_000, 100, "Space", ScoreDeviation, 0}, // 64
		{250_000, 96, "all entries", Share, 5},
		{250_000, 96, "all entries", ShareScored, 40},
		{250_000, 96, "1990s", ShareScored, 0}, // 120
		{12_500, 100, "all entries", Share, 20},
		{12_500, 100, "all entries", MeanScore, 50}, // 50 is not above 50
		{12_500, 98, "all entries", MeanScore, 0},
		{12_500, 100, "1990s", Share, 0}, // 60
		{4, 100, "all entries", Share, 0},
		{0, 100, "all entries", Share, 0},
	} {
		got := 100 * tolerances(test.users, test.accuracy)[stat(t, test.stat)][test.m]
		if test.want == 0 && !math.IsInf(got, 1) || test.want != 0 && math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%d users, accuracy %v: %s of %s may differ by %v, want %v", test.users, test.accuracy, test.m, test.stat, got, test.want)
		}
	}
}

// ranks makes ranks of which all are missing but those given by statistic and measure.
func ranks(t testing.TB, of map[string][2]float64) *Ranks {
	r := new(Ranks)
	for s := range r.values {
		for m := range r.values[s] {
			r.values[s][m] = math.NaN()
		}
	}
	for name, v := range of {
		r.values[stat(t, name)][Share], r.values[stat(t, name)][MeanScore] = v[0], v[1]
	}
	return r
}

func TestAffinityByHand(t *testing.T) {
	no := math.NaN()
	for _, test := range []struct {
		name string
		a, b map[string][2]float64
		want float64
	}{
		{"the same", map[string][2]float64{"R": {0.2, 0.9}}, map[string][2]float64{"R": {0.2, 0.9}}, 100},
		{"opposite", map[string][2]float64{"R": {0, 1}}, map[string][2]float64{"R": {1, 0}}, 0},
		{"two values", map[string][2]float64{"R": {0.2, 0.5}}, map[string][2]float64{"R": {0.4, 0.1}}, 70},
		{"one lacks a value", map[string][2]float64{"R": {0.2, no}}, map[string][2]float64{"R": {0.4, 0.1}}, 80},
		{"other statistics", map[string][2]float64{"R": {0.2, 0.1}}, map[string][2]float64{"G": {0.4, 0.1}}, 0},
		{"some in common", map[string][2]float64{"R": {0, 0}, "Drama": {0.5, 0.5}}, map[string][2]float64{"G": {1, 1}, "Drama": {0.5, 0.6}}, 95},
	} {
		if got := Affinity(ranks(t, test.a), ranks(t, test.b)); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: affinity %v, want %v", test.name, got, test.want)
		}
	}
}

// Affinity of an identical list is 100, it is symmetric, and falls as one list moves away from the other.
func TestAffinityLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(53, 53))
	var anime []Anime
	for id := range AnimeID(600) {
		a := described(id+1, "1995-01-01", 26, "r", 1, 24)
		if id >= 300 { // another taste
			a = described(id+1, "2019-01-01", 1, "g", 8, 22)
		}
		a.Mean = 7
		anime = append(anime, a)
	}
	c := NewCatalogue(anime)
	var lists []List
	for range 300 {
		lists = append(lists, randomList(r, 1+r.IntN(80), 600))
	}
	p := populationOf(c, lists...)
	var all []*Ranks
	for _, l := range lists {
		all = append(all, p.Ranks(ProfileOf(l, c)))
	}
	for i, a := range all {
		if got := Affinity(a, p.Ranks(ProfileOf(lists[i], c))); got != 100 {
			t.Fatalf("affinity with an identical list = %v, want 100", got)
		}
		b := all[r.IntN(len(all))]
		if ab, ba := Affinity(a, b), Affinity(b, a); ab != ba || ab < 0 || ab > 100 {
			t.Fatalf("affinity %v one way, %v the other", ab, ba)
		}
	}
	// From 60 anime of the one taste, one after the other becomes one of the other taste.
	mixed := func(others int) *Ranks {
		var l List
		for i := range 60 {
			id := AnimeID(i + 1)
			if i < others {
				id += 300
			}
			l = append(l, completed(id, 8))
		}
		return p.Ranks(ProfileOf(l, c))
	}
	last := 100.0
	for others := 1; others <= 59; others++ {
		got := Affinity(mixed(0), mixed(others))
		if got >= last && last < 99.9 || got > last {
			t.Errorf("with %d of another taste the affinity is %v, with one less %v", others, got, last)
		}
		last = got
	}
	if last > 90 {
		t.Errorf("the affinity of another taste is %v", last)
	}
}

func TestExpectedEnjoymentByHand(t *testing.T) {
	no := math.NaN()
	bebop := described(1, "1998-04-03", 26, "r", 1, 24) // 1990s, about 24 episodes, R, Action, Sci-Fi
	bebop.Mean = 8
	for _, test := range []struct {
		name    string
		shares  map[string][2]float64
		watched float64 // mean
		want    float64
	}{
		{"nothing known", nil, no, 50},
		{"as everybody", map[string][2]float64{"1990s": {0.5}, "R": {0.5}}, 7, 50},
		{"all of it loved", map[string][2]float64{"1990s": {1}, "R": {1}, "about 24 episodes": {1}, "Action": {1}, "Sci-Fi": {1}}, no, 100},
		{"none of it", map[string][2]float64{"1990s": {0}, "R": {0}, "about 24 episodes": {0}, "Action": {0}, "Sci-Fi": {0}}, no, 0},
		// 0.9, 0.7, 0.5 and the genres' mean of 0.3: 0.6 altogether
		{"genres count as one", map[string][2]float64{"1990s": {0.9}, "R": {0.7}, "about 24 episodes": {0.5}, "Action": {0.2}, "Sci-Fi": {0.4}}, 8, 60},
		{"what is missing is left out", map[string][2]float64{"1990s": {0.9}, "Action": {0.2}, "Sci-Fi": {no}}, 8, 55},
		{"other genres do not matter", map[string][2]float64{"Drama": {1}, "Action": {0.8}}, 8, 80},
		{"the user watches better ones", map[string][2]float64{"R": {0.8}}, 8.5, 75},
		{"never below 0", map[string][2]float64{"R": {0.01}}, 9, 0},
	} {
		p := new(Profile)
		p.values[General][MeanScore] = test.watched
		if got := ExpectedEnjoyment(p, ranks(t, test.shares), &bebop); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestExpectedScoreByHand(t *testing.T) {
	no := math.NaN()
	bebop := described(1, "1998-04-03", 26, "r", 1, 24)
	bebop.Mean = 8.756
	for _, test := range []struct {
		name       string
		deviations map[string]float64
		want       float64
	}{
		{"nothing known", nil, 8.76},
		{"the mean deviation of its statistics", map[string]float64{"1990s": 1, "about 24 episodes": -2, "R": 0.5, "Action": 0, "Sci-Fi": -1}, 8.46},
		{"what is missing is left out", map[string]float64{"1990s": -1, "Action": 0.5}, 8.51},
		{"others do not matter", map[string]float64{"Drama": 9, "R": 1}, 9.76},
		{"at most 10", map[string]float64{"R": 3}, 10},
		{"at least 1", map[string]float64{"R": -8}, 1},
	} {
		p := new(Profile)
		for s := range p.values {
			p.values[s][ScoreDeviation] = no
		}
		for name, d := range test.deviations {
			p.values[stat(t, name)][ScoreDeviation] = d
		}
		if got := ExpectedScore(p, &bebop); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
