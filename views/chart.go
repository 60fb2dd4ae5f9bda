package views

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Charts are drawn as SVG that stretches with the page: lines keep their width by vector-effect, and what is written stands beside them as
// text of the page, which keeps its size. Colours and patterns are classes of app.css. Every chart has its numbers in a table.

// LineChart is numbers over time, in slots of equal length.
type LineChart struct {
	ID      string // on the page
	Title   string
	Note    string // what the numbers are
	At      []time.Time
	Step    time.Duration // the length of a slot
	Lines   []Line
	Log     bool                 // the scale is logarithmic, for numbers of very different sizes
	Stacked bool                 // each line begins where the one before it ends
	Format  func(float64) string // of numbers
}

// Line is one of the things that a [LineChart] shows.
type Line struct {
	Name   string
	Class  string    // of app.css: an ink, and dashed or dotted, as not everybody tells colours apart
	Values []float64 // of the slots; NaN: none
}

// The coordinates of a line chart's drawing; the page stretches it.
const (
	lineWidth  = 1000
	lineHeight = 300
	lineTicks  = 4 // parts of the scale, unless it is logarithmic
)

// scale is where numbers stand between the bottom and the top of a chart.
type scale struct {
	low, high float64
	log       bool
	ticks     []float64 // from the top to the bottom, evenly apart
}

// scale returns one on which all numbers of the chart have a place.
func (c LineChart) scale() scale {
	least, most := math.Inf(1), 0.0
	for _, l := range c.drawn() {
		for _, v := range l.Values {
			if v > 0 {
				least, most = min(least, v), max(most, v)
			}
		}
	}
	if c.Log {
		return logScale(least, most)
	}
	s := scale{high: nice(most)}
	for i := range lineTicks + 1 {
		s.ticks = append(s.ticks, s.high*float64(lineTicks-i)/lineTicks)
	}
	return s
}

// logScale goes over whole powers of ten.
func logScale(least, most float64) scale {
	from, to := 0.0, 1.0
	if most > 0 {
		from, to = math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
		to = max(to, from+1)
	}
	s := scale{low: math.Pow(10, from), high: math.Pow(10, to), log: true}
	for p := to; p >= from; p-- {
		s.ticks = append(s.ticks, math.Pow(10, p))
	}
	return s
}

// nice returns the least number that is not below v and whose quarters are easy to read.
func nice(v float64) float64 {
	if v <= 0 {
		return 4
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10} {
		if n := step * power; n >= v*(1-1e-9) {
			return n
		}
	}
	return 10 * power
}

// y is where v stands: 0 is the top.
func (s scale) y(v float64) float64 {
	part := v / s.high
	if s.log {
		part = math.Log(v/s.low) / math.Log(s.high/s.low)
	}
	return lineHeight * (1 - min(max(part, 0), 1))
}

// drawn are the lines as they are drawn: on top of each other, if the chart is stacked.
func (c LineChart) drawn() []Line {
	if !c.Stacked {
		return c.Lines
	}
	lines := slices.Clone(c.Lines)
	for i := 1; i < len(lines); i++ {
		sum := slices.Clone(lines[i].Values)
		for j := range sum {
			sum[j] += lines[i-1].Values[j]
		}
		lines[i].Values = sum
	}
	return lines
}

// x is the middle of slot i.
func (c LineChart) x(i int) float64 { return lineWidth * (float64(i) + 0.5) / float64(len(c.At)) }

// path is a line through the middles of slots, with gaps where there is no number.
func (c LineChart) path(s scale, values []float64) string {
	var b strings.Builder
	pen := "M"
	for i, v := range values {
		if math.IsNaN(v) {
			pen = "M"
			continue
		}
		if pen == "M" && (i+1 == len(values) || math.IsNaN(values[i+1])) { // alone: a dash as long as the slot
			half := lineWidth / float64(len(values)) / 2
			fmt.Fprintf(&b, "M%s %sH%s", coordinate(c.x(i)-half), coordinate(s.y(v)), coordinate(c.x(i)+half))
			continue
		}
		fmt.Fprintf(&b, "%s%s %s", pen, coordinate(c.x(i)), coordinate(s.y(v)))
		pen = "L"
	}
	return b.String()
}

// area is the surface between a line and the one below it, or the bottom.
func (c LineChart) area(s scale, above, below []float64) string {
	var b strings.Builder
	pen := "M"
	for i, v := range above {
		fmt.Fprintf(&b, "%s%s %s", pen, coordinate(c.x(i)), coordinate(s.y(v)))
		pen = "L"
	}
	for i := len(above) - 1; i >= 0; i-- {
		v := s.low
		if below != nil {
			v = below[i]
		}
		fmt.Fprintf(&b, "L%s %s", coordinate(c.x(i)), coordinate(s.y(v)))
	}
	return b.String() + "Z"
}

// coordinate prints a number of a drawing, shortly.
func coordinate(f float64) string { return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64) }

// times are what stands below the chart, evenly apart: the beginning of the first slot and of some later ones, then the end.
func (c LineChart) times() []time.Time {
	if len(c.At) == 0 {
		return nil
	}
	const parts = 4
	var at []time.Time
	whole := c.Step * time.Duration(len(c.At))
	for i := range parts + 1 {
		at = append(at, c.At[0].Add(whole*time.Duration(i)/parts))
	}
	return at
}

// short is a time as it stands below the chart, long as it stands in the table.
func (c LineChart) short(t time.Time) string {
	if c.Step >= time.Hour {
		return t.UTC().Format("2 Jan")
	}
	return t.UTC().Format("15:04")
}

func (c LineChart) long(t time.Time) string {
	if c.Step >= time.Minute*10 {
		return t.UTC().Format("2 Jan 15:04")
	}
	return t.UTC().Format("15:04")
}

// number prints a number in its format; NaN is one that is not known.
func number(format func(float64) string, v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return format(v)
}

// slot says all numbers of slot i.
func (c LineChart) slot(i int) string {
	text := c.long(c.At[i])
	for _, l := range c.Lines {
		text += "\n" + l.Name + ": " + number(c.Format, l.Values[i])
	}
	return text
}

// empty tells whether there is nothing to see.
func (c LineChart) empty() bool {
	for _, l := range c.Lines {
		for _, v := range l.Values {
			if v > 0 {
				return false
			}
		}
	}
	return true
}

// BarChart is a table whose numbers are drawn as bars, against what is usual.
type BarChart struct {
	ID     string
	Title  string
	Note   string
	Bars   []Bar
	Format func(float64) string
	Signed bool // numbers can be negative: bars begin in the middle
}

// Bar is a row of a [BarChart], or a column of a [ColumnChart].
type Bar struct {
	Name    string
	Value   float64
	Usual   float64 // NaN: not known
	Notable bool    // far from what is usual
}

// most is the number at the end of the scale.
func most(bars []Bar) float64 {
	m := 0.0
	for _, b := range bars {
		m = max(m, math.Abs(b.Value))
		if !math.IsNaN(b.Usual) {
			m = max(m, math.Abs(b.Usual))
		}
	}
	return cmp.Or(m, 1)
}

// at is where a number stands in a drawing of the chart: 0 to 1000 from the left.
func (c BarChart) at(v float64) float64 {
	if c.Signed {
		return 500 + 500*v/most(c.Bars)
	}
	return 1000 * v / most(c.Bars)
}

// from and width are where a bar begins and how long it is.
func (c BarChart) from(b Bar) string { return coordinate(min(c.at(0), c.at(b.Value))) }

func (c BarChart) width(b Bar) string { return coordinate(math.Abs(c.at(b.Value) - c.at(0))) }

// ColumnChart is numbers side by side, in an order that means something.
type ColumnChart struct {
	ID      string
	Title   string
	Note    string
	Of      string // what the names of columns are
	What    string // what the numbers are
	Columns []Bar
	Format  func(float64) string
	Compare bool // there is something usual
}

// top and height are where a column begins and how high it is, of 100.
func (c ColumnChart) top(v float64) string { return coordinate(100 - 100*v/most(c.Columns)) }

func (c ColumnChart) height(b Bar) string { return coordinate(100 * b.Value / most(c.Columns)) }

// barClass is the class of a bar.
func barClass(b Bar) string {
	if b.Notable {
		return "bar bar-notable"
	}
	return "bar"
}

// Formats of numbers in charts. A number and its unit stand on one line.

// PerMinute prints how often a minute something happened.
func PerMinute(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0.01:
		return "<0.01"
	case v < 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 10:
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	}
	return whole(int(math.Round(v)))
}

// Seconds prints a duration that is a number of seconds.
func Seconds(v float64) string {
	switch {
	case v < 0.001:
		return strconv.FormatFloat(v*1000, 'g', 2, 64) + "\u00a0ms"
	case v < 0.01:
		return strings.TrimSuffix(strconv.FormatFloat(v*1000, 'f', 1, 64), ".0") + "\u00a0ms"
	case v < 0.9995:
		return strconv.Itoa(int(math.Round(v*1000))) + "\u00a0ms"
	case v < 10:
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") + "\u00a0s"
	}
	return strconv.Itoa(int(math.Round(v))) + "\u00a0s"
}

// Percent prints a share.
func Percent(v float64) string {
	if v > 0 && v < 0.095 {
		return strings.TrimSuffix(strconv.FormatFloat(100*v, 'f', 1, 64), ".0") + "\u00a0%"
	}
	return strconv.Itoa(int(math.Round(100*v))) + "\u00a0%"
}

// Points prints a difference of scores.
func Points(v float64) string {
	text := strconv.FormatFloat(math.Abs(v), 'f', 1, 64)
	switch {
	case text == "0.0":
		return "±0"
	case v < 0:
		return "−" + text
	}
	return "+" + text
}

// Whole prints a number of things.
func Whole(v float64) string { return whole(int(math.Round(v))) }
