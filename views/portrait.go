package views

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"reko.moe/engine"
)

// PortraitView is what the page of a user's statistics shows.
type PortraitView struct {
	Answer engine.Answer[engine.Portrait]
}

// shareGroups are the groups of statistics that are shown as bars, in this order, and what their shares are of.
var shareGroups = []struct {
	kind        engine.StatKind
	title, note string
}{
	{engine.MajorGenre, "Genres", "Of all mentions of these genres on the list."},
	{engine.MajorTheme, "Themes", "Of all mentions of these themes on the list."},
	{engine.MinorGenre, "Rarer genres", "Of all mentions of these genres on the list."},
	{engine.MinorTheme, "Rarer themes", "Of all mentions of these themes on the list."},
	{engine.Demographic, "Demographics", "Of all anime on the list that are for somebody in particular."},
	{engine.Length, "Lengths", "Of all described anime on the list."},
	{engine.AgeRating, "Ratings", "Of all rated anime on the list."},
}

// How many bars of a group are shown, the others being short; and of what is scored highest, and lowest.
const (
	mostBars     = 12
	mostOpinions = 8
)

// usual is the mean of a value over all users, NaN when nobody has it.
func (v PortraitView) usual(stat int, m engine.Measure) float64 {
	spread := v.Answer.Data.Population.Spread(stat, m)
	if spread.Count == 0 {
		return math.NaN()
	}
	return spread.Mean
}

// notable are the values that are traits.
func (v PortraitView) notable() map[int]bool {
	notable := map[int]bool{}
	for _, t := range v.Answer.Data.Traits(len(engine.Statistics)) {
		if t.Measure == engine.Share {
			notable[t.Stat] = true
		}
	}
	return notable
}

// shares are the bars of a group: those of an ordered group in its order, of others the longest first, without those that hardly
// anybody has.
func (v PortraitView) shares(kind engine.StatKind) []Bar {
	var bars []Bar
	notable := v.notable()
	for s, stat := range engine.Statistics {
		if stat.Kind != kind {
			continue
		}
		value, ok := v.Answer.Data.Profile.Value(s, engine.Share)
		if !ok {
			return nil
		}
		bars = append(bars, Bar{stat.Name, value, v.usual(s, engine.Share), notable[s]})
	}
	switch kind {
	case engine.Decade, engine.Length, engine.AgeRating:
		return bars
	}
	height := func(b Bar) float64 {
		if math.IsNaN(b.Usual) {
			return b.Value
		}
		return max(b.Value, b.Usual)
	}
	slices.SortStableFunc(bars, func(a, b Bar) int { return cmp.Compare(height(b), height(a)) })
	return bars[:min(len(bars), mostBars)]
}

// shareCharts are the charts of shares.
func (v PortraitView) shareCharts() []BarChart {
	var charts []BarChart
	for i, g := range shareGroups {
		charts = append(charts, BarChart{
			ID: "shares-" + strconv.Itoa(i), Title: g.title, Note: g.note, Bars: v.shares(g.kind), Format: Percent,
		})
	}
	return charts
}

// decades are the shares of decades.
func (v PortraitView) decades() ColumnChart {
	columns := v.shares(engine.Decade)
	for i := range columns {
		columns[i].Name = strings.TrimSuffix(columns[i].Name, " and before")
	}
	if len(columns) > 0 {
		columns[0].Name = "≤ " + columns[0].Name
	}
	return ColumnChart{
		ID: "decades", Title: "Decades", Note: "Of anime whose date is known; the line is what is usual.", Of: "Decade", What: "Share",
		Columns: columns, Format: Percent, Compare: true,
	}
}

// scores are how often each score was given.
func (v PortraitView) scores() ColumnChart {
	var columns []Bar
	for score := 1; score <= engine.MaxScore; score++ {
		columns = append(columns, Bar{Name: strconv.Itoa(score), Value: float64(v.Answer.Data.Scores[score]), Usual: math.NaN()})
	}
	return ColumnChart{
		ID: "scores", Title: "Scores", Note: "How many anime got each score; " + plural(v.Answer.Data.Scores[0], "has", "have") + " none.",
		Of: "Score", What: "Anime", Columns: columns, Format: Whole,
	}
}

// fewScores is how many scores a genre needs for its deviation to say something.
const fewScores = 5

// deviations are how far the scores of genres and themes are from MyAnimeList's, the furthest above first.
func (v PortraitView) deviations() BarChart {
	var bars []Bar
	for s, stat := range engine.Statistics {
		if stat.Kind < engine.MajorGenre || v.Answer.Data.Compared(s) < fewScores {
			continue
		}
		if value, ok := v.Answer.Data.Profile.Value(s, engine.ScoreDeviation); ok {
			usual := v.Answer.Data.Population.Spread(s, engine.ScoreDeviation)
			far := usual.Deviation > 0 && math.Abs(value-usual.Mean) >= usual.Deviation
			bars = append(bars, Bar{stat.Name, value, v.usual(s, engine.ScoreDeviation), far})
		}
	}
	slices.SortStableFunc(bars, func(a, b Bar) int { return cmp.Compare(b.Value, a.Value) })
	if n := len(bars); n > 2*mostOpinions { // those in the middle say least
		bars = slices.Concat(bars[:mostOpinions], bars[n-mostOpinions:])
	}
	return BarChart{
		ID: "deviations", Title: "Scores above and below MyAnimeList’s", Signed: true, Bars: bars, Format: Points,
		Note: "By genre and theme with at least five scores: those that are scored highest for what they are, and lowest.",
	}
}

// fact is a number about the list as a whole.
type fact struct{ name, value, more string }

// facts are what is said of the list as a whole.
func (v PortraitView) facts() []fact {
	var all []fact
	add := func(name string, m engine.Measure, format func(float64) string) {
		value, ok := v.Answer.Data.Profile.Value(engine.General, m)
		if !ok {
			return
		}
		more := ""
		if usual := v.usual(engine.General, m); !math.IsNaN(usual) {
			more = "usual is " + format(usual)
		}
		all = append(all, fact{name, format(value), more})
	}
	add("Anime on the list", engine.Share, Whole)
	add("MyAnimeList’s mean of them", engine.MeanScore, mean)
	add("Scores against that", engine.ScoreDeviation, Points)
	add("Scored", engine.ShareScored, Percent)
	add("Completed", engine.ShareCompleted, Percent)
	add("Watching", engine.ShareWatching, Percent)
	add("On hold", engine.ShareOnHold, Percent)
	add("Dropped", engine.ShareDropped, Percent)
	add("Planned", engine.SharePlanned, Percent)
	return all
}

// shownTraits is how many unusual things are said.
const shownTraits = 8

// traits are the most unusual things in words.
func (v PortraitView) traits() []trait {
	var all []trait
	for _, t := range v.Answer.Data.Traits(shownTraits) {
		all = append(all, traitText(t))
	}
	return all
}

// trait is something unusual: what it is, and the numbers.
type trait struct{ what, numbers string }

// traitText puts a trait into words.
func traitText(t engine.Trait) trait {
	far := ""
	if math.Abs(t.Far) >= 2 {
		far = "far "
	}
	more := "fewer"
	if t.Far > 0 {
		more = "more"
	}
	if t.Stat != engine.General {
		return shareText(t, far)
	}
	list := func(what string) trait {
		return trait{what, Percent(t.Value) + " of the list; usual is " + Percent(t.Usual) + "."}
	}
	switch t.Measure {
	case engine.Share:
		longer := "shorter"
		if t.Far > 0 {
			longer = "longer"
		}
		return trait{"Has a " + far + longer + " list than most", Whole(t.Value) + " anime; usual is " + Whole(t.Usual) + "."}
	case engine.MeanScore:
		return trait{"Watches what MyAnimeList scores " + far + direction(t.Far), mean(t.Value) + " on average; usual is " + mean(t.Usual) + "."}
	case engine.ScoreDeviation:
		return trait{"Scores " + far + direction(t.Far) + " than most", Points(t.Value) + " against MyAnimeList’s mean; usual is " + Points(t.Usual) + "."}
	case engine.ShareScored:
		return list("Scores " + far + more + " anime than most")
	case engine.ShareWatching:
		return list("Watches " + far + more + " anime at once than most")
	case engine.ShareCompleted:
		return list("Completes " + far + more + " anime than most")
	case engine.ShareOnHold:
		return list("Puts " + far + more + " anime on hold than most")
	case engine.ShareDropped:
		return list("Drops " + far + more + " anime than most")
	default:
		return list("Plans " + far + more + " anime than most")
	}
}

func direction(far float64) string {
	if far > 0 {
		return "higher"
	}
	return "lower"
}

// shareText is traitText of a share within a group.
func shareText(t engine.Trait, far string) trait {
	stat := engine.Statistics[t.Stat]
	amount := far + "less"
	if t.Far > 0 {
		amount = far + "more"
	}
	what, of := stat.Name, "of the list"
	switch stat.Kind {
	case engine.Decade:
		what = "from the " + stat.Name
	case engine.Length:
		what = "of " + stat.Name
	case engine.AgeRating:
		what = "rated " + stat.Name
	case engine.MajorGenre:
		of = "of the genres"
	case engine.MinorGenre:
		of = "of the rarer genres"
	case engine.Demographic:
		of = "of the demographics"
	case engine.MajorTheme:
		of = "of the themes"
	case engine.MinorTheme:
		of = "of the rarer themes"
	}
	return trait{"Watches " + amount + " " + what + " than most", Percent(t.Value) + " " + of + "; usual is " + Percent(t.Usual) + "."}
}
