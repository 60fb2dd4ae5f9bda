package demo

import (
	"cmp"
	"math"
	"slices"
	"time"

	"reko.moe/engine"
)

// title is an anime of the catalogue with what a person weighs.
type title struct {
	engine.Anime
	statistics []int
	prequel    engine.AnimeID // 0 for none
	fame       float64        // 0 for 100,000 members, 1 for ten times as many
	start, end time.Time      // of airing, an episode a week
}

// shelf has the titles that can be on a list.
type shelf struct {
	titles []title
	place  map[engine.AnimeID]int // in titles
}

const week = 7 * 24 * time.Hour

// newShelf puts anime on a shelf.
func newShelf(anime []engine.Anime) shelf {
	s := shelf{titles: make([]title, len(anime)), place: make(map[engine.AnimeID]int, len(anime))}
	for i := range anime {
		a := &anime[i]
		t := title{
			Anime:      *a,
			statistics: engine.StatisticsOf(a),
			fame:       math.Log10(float64(a.Members)) - 5,
			start:      time.Date(a.Start.Year, time.Month(a.Start.Month), a.Start.Day, 0, 0, 0, 0, time.UTC),
		}
		for _, r := range a.Relations {
			if r.Type == "prequel" {
				t.prequel = r.ID
			}
		}
		if t.end = t.start.Add(time.Duration(a.Episodes-1) * week); a.Status != engine.FinishedAiring {
			t.end = fetched
		}
		s.titles[i] = t
		s.place[a.ID] = i
	}
	return s
}

// choice is a title that somebody has on their list.
type choice struct {
	*title
	fit float64 // how much it is to their taste, in standard deviations over the shelf
}

// What counts when somebody chooses: their taste, what others think and how many of them watch it, and chance.
const (
	byTaste  = 1.4
	byMean   = 0.6
	byFame   = 0.6 // for everybody
	byCrowd  = 2.3 // as far as they care, see taste
	byChance = 0.8
)

// choose returns what p has on the list: drawn by chance, the likelier the more it fits. Prequels come before what they
// precede.
func (p *person) choose(s shelf) []choice {
	type draw struct {
		place  int
		weight float64
	}
	fits := p.fits(s)
	draws := make([]draw, 0, len(s.titles))
	for i := range s.titles {
		if t := &s.titles[i]; t.start.Before(p.left) {
			// The largest sums of a preference and Gumbel noise are a draw without repetition.
			gumbel := -math.Log(p.r.ExpFloat64())
			others := byMean*t.Mean + (byFame+byCrowd*p.crowd)*t.fame
			draws = append(draws, draw{i, byTaste*fits[i] + others + byChance*gumbel})
		}
	}
	slices.SortFunc(draws, func(a, b draw) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.place, b.place))
	})

	chosen := make([]choice, 0, p.length)
	on := make([]bool, len(s.titles))
	for _, d := range draws {
		var chain []int // the title and those prequels of it that are missing
		for i, ok := d.place, true; ok && !on[i]; i, ok = s.place[s.titles[i].prequel] {
			chain = append(chain, i)
		}
		if len(chosen)+len(chain) > p.length {
			continue
		}
		for _, i := range slices.Backward(chain) {
			on[i] = true
			chosen = append(chosen, choice{&s.titles[i], fits[i]})
		}
	}
	return chosen
}

// fits returns how much each title is to p's taste: what its statistics attract, standardised over the shelf.
func (p *person) fits(s shelf) []float64 {
	fits := make([]float64, len(s.titles))
	var sum, squares float64
	for i := range s.titles {
		for _, statistic := range s.titles[i].statistics {
			fits[i] += p.pull[statistic]
		}
		sum += fits[i]
		squares += fits[i] * fits[i]
	}
	n := float64(len(fits))
	mean := sum / n
	deviation := math.Sqrt(squares/n - mean*mean)
	for i := range fits {
		fits[i] = (fits[i] - mean) / deviation
	}
	return fits
}
