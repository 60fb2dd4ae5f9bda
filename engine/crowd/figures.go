package crowd

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"reko.moe/engine"
)

// Figures say how the lists of many users are: what has to be alike in given and made ones.
type Figures struct {
	Users    int
	Entries  int
	Lengths  []int     // quantiles of the number of entries
	Popular  []float64 // share of all entries that the most watched so many anime have
	Statuses []float64 // share of entries by status
	Scores   []float64 // share of entries by score, 0: unscored
	Hashes   int       // distinct ones, of
	Hashed   int       // users with one
	Nearest  [][]int   // by rank of a neighbour, quantiles of the distance
	Bits     []float64 // quantiles of how many of the 64 bits are 1
}

// What figures are of.
var (
	quantiles = []float64{0.05, 0.25, 0.5, 0.75, 0.95, 0.99}
	ranks     = []int{10, 100, 1000, 5000}
	places    = []int{1, 32, 1280}
)

// sampled is of how many users the distances to neighbours are measured.
const sampled = 1000

// Measure returns the figures of lists.
func Measure(lists func(yield func(engine.List) bool), c *engine.Catalogue) Figures {
	f := Figures{Statuses: make([]float64, engine.Planned+1), Scores: make([]float64, engine.MaxScore+1)}
	var lengths, bits []int
	watchers := map[engine.AnimeID]int{}
	var cards []engine.Card
	distinct := map[engine.Hash]bool{}
	for l := range lists {
		f.Users++
		f.Entries += len(l)
		lengths = append(lengths, len(l))
		for i := range l {
			watchers[l[i].Anime]++
			f.Statuses[l[i].Status]++
			f.Scores[l[i].Score]++
		}
		if h := engine.TasteHash(l, c); h != 0 {
			cards = append(cards, engine.Card{ID: engine.UserID(f.Users), Hash: h})
			distinct[h] = true
			ones := 0
			for i := range 64 {
				if h.Bit(i) {
					ones++
				}
			}
			bits = append(bits, ones)
		}
	}
	f.Hashed, f.Hashes = len(cards), len(distinct)
	f.Lengths = quantilesOf(lengths)
	for _, q := range quantilesOf(bits) {
		f.Bits = append(f.Bits, float64(q))
	}
	share(f.Statuses, f.Entries)
	share(f.Scores, f.Entries)
	f.popular(watchers)
	f.nearest(cards)
	return f
}

func share(counts []float64, of int) {
	for i := range counts {
		counts[i] /= float64(max(of, 1))
	}
}

func (f *Figures) popular(watchers map[engine.AnimeID]int) {
	counts := make([]int, 0, len(watchers))
	for _, n := range watchers {
		counts = append(counts, n)
	}
	slices.SortFunc(counts, func(a, b int) int { return b - a })
	for _, rank := range ranks {
		sum := 0
		for _, n := range counts[:min(rank, len(counts))] {
			sum += n
		}
		f.Popular = append(f.Popular, float64(sum)/float64(max(f.Entries, 1)))
	}
}

// nearest measures how far the neighbours of every so manieth user are.
func (f *Figures) nearest(cards []engine.Card) {
	index := engine.NewIndex(cards)
	distances := make([][]int, len(places))
	step := max(len(cards)/sampled, 1)
	for i := 0; i < len(cards); i += step {
		near, _ := index.Nearest(cards[i].Hash, cards[i].ID, 0, places[len(places)-1])
		for k, place := range places {
			if place <= len(near) {
				distances[k] = append(distances[k], near[place-1].Distance)
			}
		}
	}
	for _, d := range distances {
		f.Nearest = append(f.Nearest, quantilesOf(d))
	}
}

func quantilesOf(v []int) []int {
	out := make([]int, len(quantiles))
	slices.Sort(v)
	for i, q := range quantiles {
		if len(v) > 0 {
			out[i] = v[int(q*float64(len(v)-1))]
		}
	}
	return out
}

// WriteFit writes given figures beside made ones, as a table of Markdown.
func WriteFit(to io.Writer, given, made Figures) error {
	w := tabwriter.NewWriter(to, 0, 0, 1, ' ', tabwriter.Debug)
	row := func(what string, a, b any) { fmt.Fprintf(w, "\t %s\t %v\t %v\t\n", what, a, b) }
	percent := func(v []float64) (text string) {
		for i, x := range v {
			if i > 0 {
				text += " "
			}
			text += fmt.Sprintf("%.1f", 100*x)
		}
		return text
	}
	numbers := func(v any) string { s := fmt.Sprint(v); return s[1 : len(s)-1] }
	row("", "given", "made")
	row("---", "---", "---")
	row("users", given.Users, made.Users)
	row("mean length of a list", given.Entries/max(given.Users, 1), made.Entries/max(made.Users, 1))
	row("lengths: 5, 25, 50, 75, 95, 99 % below", numbers(given.Lengths), numbers(made.Lengths))
	row("% of entries of the top 10, 100, 1,000, 5,000", percent(given.Popular), percent(made.Popular))
	row("% unknown, watching, completed, on hold, dropped, planned", percent(given.Statuses), percent(made.Statuses))
	row("% unscored, 1, 2 ... 10", percent(given.Scores), percent(made.Scores))
	row("users with a hash", given.Hashed, made.Hashed)
	row("distinct hashes", given.Hashes, made.Hashes)
	row("bits that are 1: 5, 25, 50, 75, 95, 99 % below", numbers(given.Bits), numbers(made.Bits))
	for k, place := range places {
		row(fmt.Sprintf("distance of neighbour %d: 5, 25, 50, 75, 95, 99 %% below", place), numbers(given.Nearest[k]), numbers(made.Nearest[k]))
	}
	return w.Flush()
}
