package bench

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"html"
	"io"
	"math"
	"slices"
)

// drawn are the rows that are drawn, in the order of the legend.
var drawn = []struct{ row, label, colour, dash string }{
	{"page /u/{name}", "page /u/{name}", "#8250df", ""},
	{"recommendations, taste, lists from the database", "recommendations, lists from the database", "#bc4c00", "6 3"},
	{"recommendations, taste", "recommendations, lists in memory", "#bc4c00", ""},
	{"compare", "compare", "#1a7f37", ""},
	{"similar, searched", "similar", "#0969da", ""},
	{"plain scan: the last page of the nearest 1,281", "plain scan of all hashes, no HTTP", "#6e7781", "2 3"},
	{"index: the last page of the nearest 1,281", "the index, no HTTP", "#6e7781", ""},
	{"33 lists: a row per entry", "33 lists from a row per entry, no HTTP", "#cf222e", "2 3"},
}

// The measures of the drawing.
const (
	drawWidth, drawHeight         = 860, 440
	plotLeft, plotTop             = 70, 30
	plotWidth, plotHeight         = 440, 350
	legendLeft, legendStep, below = 530, 34, 20
)

// axis is a logarithmic one, over whole powers of ten.
type axis struct{ from, to float64 }

func axisOf(values []float64) axis {
	from, to := math.Floor(math.Log10(slices.Min(values))+1e-9), math.Ceil(math.Log10(slices.Max(values))-1e-9)
	return axis{from, max(to, from+1)}
}

// at is where v stands, from 0 to 1.
func (a axis) at(v float64) float64 { return (math.Log10(v) - a.from) / (a.to - a.from) }

// point is a median and the 99th percentile beside it at a number of users.
type point struct{ users, value, p99 float64 }

// Draw draws how latency grows with the number of users, from results of several numbers, as SVG that reads well on light and on
// dark pages. Pointing at a median shows the 99th percentile beside it.
func Draw(to io.Writer, results []*Result) error {
	results = slices.Clone(results)
	slices.SortStableFunc(results, func(a, b *Result) int { return cmp.Compare(a.Users, b.Users) })
	lines := make([][]point, len(drawn))
	var users, values []float64
	for _, r := range results {
		for _, row := range r.Rows {
			k := slices.IndexFunc(drawn, func(d struct{ row, label, colour, dash string }) bool { return d.row == row.Name })
			if k < 0 || row.Value <= 0 || r.Users < 1 {
				continue
			}
			lines[k] = append(lines[k], point{float64(r.Users), row.Value, row.P99})
			users, values = append(users, float64(r.Users)), append(values, row.Value)
		}
	}
	if len(users) == 0 {
		return errors.New("nothing to draw: no result has a row of latencies")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="13" role="img">`+"\n",
		drawWidth, drawHeight)
	fmt.Fprintf(&b, "<title>Latency against the number of users</title>\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", drawWidth, drawHeight)
	x, y := axisOf(users), axisOf(values)
	px := func(v float64) float64 { return plotLeft + plotWidth*x.at(v) }
	py := func(v float64) float64 { return plotTop + plotHeight*(1-y.at(v)) }
	grid(&b, x, y, px, py)
	for k, line := range lines {
		if len(line) == 0 {
			continue
		}
		d := drawn[k]
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s" points="`, d.colour, d.dash)
		for _, p := range line {
			fmt.Fprintf(&b, "%.1f,%.1f ", px(p.users), py(p.value))
		}
		fmt.Fprint(&b, "\"/>\n")
		for _, p := range line {
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"><title>%s: %s ms (p99 %s) at %s users</title></circle>`+"\n",
				px(p.users), py(p.value), d.colour, html.EscapeString(d.label), number(p.value), number(p.p99), thousands(int(p.users)))
		}
	}
	legend(&b, lines)
	fmt.Fprint(&b, "</svg>\n")
	_, err := to.Write(b.Bytes())
	return err
}

// grid draws the powers of ten and what they are.
func grid(b *bytes.Buffer, x, y axis, px, py func(float64) float64) {
	for p := x.from; p <= x.to; p++ {
		v := math.Pow(10, p)
		fmt.Fprintf(b, `<path d="M%.1f %dv%d" stroke="#d0d7de"/><text x="%.1f" y="%d" text-anchor="middle" fill="#424a53">%s</text>`+"\n",
			px(v), plotTop, plotHeight, px(v), plotTop+plotHeight+below, thousands(int(v+0.5)))
	}
	for p := y.from; p <= y.to; p++ {
		v := math.Pow(10, p)
		fmt.Fprintf(b, `<path d="M%d %.1fh%d" stroke="#d0d7de"/><text x="%d" y="%.1f" text-anchor="end" fill="#424a53">%g ms</text>`+"\n",
			plotLeft, py(v), plotWidth, plotLeft-8, py(v)+4, v)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle" fill="#424a53">users</text>`+"\n", plotLeft+plotWidth/2, plotTop+plotHeight+2*below)
	fmt.Fprintf(b, `<text x="%d" y="%d" fill="#424a53">median latency</text>`+"\n", plotLeft, plotTop-12)
}

// legend names the lines, the slowest at the most users first, with the figure there.
func legend(b *bytes.Buffer, lines [][]point) {
	var order []int
	for k := range lines {
		if len(lines[k]) > 0 {
			order = append(order, k)
		}
	}
	last := func(k int) point { return lines[k][len(lines[k])-1] }
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(last(j).value, last(i).value) })
	for n, k := range order {
		y := plotTop + 12 + n*legendStep
		fmt.Fprintf(b, `<path d="M%d %dh26" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`, legendLeft, y-4, drawn[k].colour, drawn[k].dash)
		fmt.Fprintf(b, `<text x="%d" y="%d" fill="#1f2328">%s</text>`, legendLeft+34, y, html.EscapeString(drawn[k].label))
		fmt.Fprintf(b, `<text x="%d" y="%d" fill="#57606a" font-size="11">%s ms at %s users</text>`+"\n", legendLeft+34, y+14, number(last(k).value),
			thousands(int(last(k).users)))
	}
}
