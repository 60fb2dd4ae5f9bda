package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

// Result is what one run of the benchmark found.
type Result struct {
	At      time.Time `json:"at"`
	Version string    `json:"version"`
	Go      string    `json:"go"`
	Machine string    `json:"machine"`
	CPUs    int       `json:"cpus"`
	Store   string    `json:"store"`
	Users   int       `json:"users"`
	Entries int       `json:"entries"`
	Load    float64   `json:"load"`  // of the machine, by others, when it began
	Model   bool      `json:"model"` // there is an item model, so that taste is not classic
	Rows    []Row     `json:"rows"`
}

// Row is one thing that was measured. Value is the median where there are percentiles.
type Row struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"` // ms, s, MB, requests/s
	Value  float64 `json:"value"`
	P90    float64 `json:"p90,omitempty"`
	P99    float64 `json:"p99,omitempty"`
	Max    float64 `json:"max,omitempty"`
	CPU    float64 `json:"cpu_ms,omitempty"` // of the server, per request: it depends least on what else the machine does
	N      int     `json:"n,omitempty"`
	Errors int     `json:"errors,omitempty"`
	Target float64 `json:"target,omitempty"` // of the value; 0: none
	Most99 float64 `json:"target_p99,omitempty"`
	Note   string  `json:"note,omitempty"`
}

// Ms is a row of latencies.
func (l Latency) Ms(name string) Row {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	r := Row{Name: name, Unit: "ms", Value: ms(l.P50), P90: ms(l.P90), P99: ms(l.P99), Max: ms(l.Max), N: l.N, Errors: l.Errors}
	if l.First != nil {
		r.Note = fmt.Sprintf("first error: %v", l.First)
	}
	return r
}

// Met tells whether a row is as good as its target, without errors.
func (r Row) Met() bool {
	switch {
	case r.Errors > 0:
		return false
	case r.more():
		return r.Value >= r.Target
	}
	return (r.Target == 0 || r.Value <= r.Target) && (r.Most99 == 0 || r.P99 <= r.Most99)
}

// more tells whether more is better.
func (r Row) more() bool { return strings.HasSuffix(r.Unit, "/s") }

// verdict is the target and whether it is met, as it is shown.
func (r Row) verdict() (target, met string) {
	if r.Target == 0 && r.Most99 == 0 {
		return "", ""
	}
	target = number(r.Target)
	if r.Most99 > 0 {
		target = strings.TrimPrefix(target+", p99 "+number(r.Most99), ", ")
	}
	if r.Met() {
		return target, "yes"
	}
	return target, "no"
}

// number is v to three digits; whole numbers keep theirs.
func number(v float64) string {
	switch {
	case v == 0:
		return ""
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// table aligns the columns of a Markdown table.
type table struct{ w *tabwriter.Writer }

func newTable(to io.Writer, head ...string) table {
	t := table{tabwriter.NewWriter(to, 0, 0, 1, ' ', 0)}
	t.row(head...)
	for i := range head {
		head[i] = "---"
	}
	t.row(head...)
	return t
}

func (t table) row(cells ...string) {
	fmt.Fprintf(t.w, "| %s\t|\n", strings.Join(cells, "\t| ")) // its error stays in w
}

// WriteTable writes the result as Markdown, for people.
func (r *Result) WriteTable(to io.Writer) error {
	fmt.Fprintf(to, "%s, %s users with %s entries on %s; %s, %d processors, load %.1f before, %s, reko %s.\n\n", r.At.Format(time.DateTime), thousands(r.Users),
		thousands(r.Entries), r.Store, r.Machine, r.CPUs, r.Load, r.Go, r.Version)
	if !r.Model {
		fmt.Fprint(to, "There is no item model (reko train): taste is classic.\n\n")
	}
	t := newTable(to, "what", "unit", "median", "p90", "p99", "max", "cpu", "n", "errors", "target", "met", "note")
	for i := range r.Rows {
		row := &r.Rows[i]
		target, met := row.verdict()
		n, errs := "", ""
		if row.N > 0 {
			n, errs = fmt.Sprint(row.N), fmt.Sprint(row.Errors)
		}
		t.row(row.Name, row.Unit, number(row.Value), number(row.P90), number(row.P99), number(row.Max), number(row.CPU), n, errs, target, met, row.Note)
	}
	return t.w.Flush()
}

// WriteComparison writes what was found before beside what is found now.
func WriteComparison(to io.Writer, before, now *Result) error {
	fmt.Fprintf(to, "before: %s, %s users, reko %s; now: %s, %s users, reko %s\n\n", before.At.Format(time.DateTime), thousands(before.Users),
		before.Version, now.At.Format(time.DateTime), thousands(now.Users), now.Version)
	old := map[string]*Row{}
	for i := range before.Rows {
		old[before.Rows[i].Name] = &before.Rows[i]
	}
	t := newTable(to, "what", "unit", "before", "now", "ratio", "p99 before", "now", "ratio", "cpu before", "now", "ratio")
	for i := range now.Rows {
		row := &now.Rows[i]
		was, ok := old[row.Name]
		if !ok {
			was = &Row{}
		}
		t.row(row.Name, row.Unit, number(was.Value), number(row.Value), ratio(was.Value, row.Value), number(was.P99), number(row.P99), ratio(was.P99, row.P99),
			number(was.CPU), number(row.CPU), ratio(was.CPU, row.CPU))
	}
	return t.w.Flush()
}

func ratio(before, now float64) string {
	if before == 0 || now == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", now/before)
}

// thousands is n with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Read reads a result from a file that Write wrote.
func Read(file string) (*Result, error) {
	data, err := os.ReadFile(file) //nolint:gosec // who measures names it
	if err != nil {
		return nil, err
	}
	var r Result
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &r, nil
}

// Write writes the result as JSON.
func (r *Result) Write(to io.Writer) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
