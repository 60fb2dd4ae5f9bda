package bench

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func sample(users int, factor float64) *Result {
	return &Result{
		At: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Version: "v1", Go: "go1.26", Machine: "a machine", CPUs: 2, Store: "postgres",
		Users: users, Entries: 220 * users, Model: true,
		Rows: []Row{
			{Name: "similar, searched", Unit: "ms", Value: 0.2 * factor, P90: 0.4, P99: 1.5 * factor, Max: 9, N: 100, Target: 0.25, Most99: 2},
			{Name: "page /u/{name}", Unit: "ms", Value: 3 * factor, P99: 12, N: 100, Target: 3},
			{Name: "mixed traffic, 64 connections", Unit: "requests/s", Value: 6000 / factor, Target: 5000},
			{Name: "compare", Unit: "ms", Value: 0.1, Errors: 1, N: 10, Target: 0.2},
		},
	}
}

func TestTargets(t *testing.T) {
	for _, test := range []struct {
		result *Result
		met    []bool
	}{
		{sample(50_000, 1), []bool{true, true, true, false}},
		{sample(50_000, 1.3), []bool{false, false, false, false}},
	} {
		for i, r := range test.result.Rows {
			if r.Met() != test.met[i] {
				t.Errorf("%+v: met is %t", r, r.Met())
			}
		}
	}
	late := Row{Unit: "ms", Value: 0.1, P99: 3, Target: 1, Most99: 2}
	if late.Met() {
		t.Error("a target is met whose p99 is not")
	}
	late.Target = 0
	if target, met := late.verdict(); target != "p99 2.00" || met != "no" {
		t.Errorf("verdict %q, %q", target, met)
	}
}

func TestTableAndComparison(t *testing.T) {
	var table, comparison strings.Builder
	now := sample(50_000, 1.5)
	if err := now.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"50,000 users with 11,000,000 entries on postgres", "| similar, searched ", "| 0.25, p99 2.00 ", "| no "} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, &table)
		}
	}
	old := sample(50_000, 1)
	old.Rows = old.Rows[:3]
	if err := WriteComparison(&comparison, old, now); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| 0.2 | 0.3 | 1.50 | 1.50 | 2.25 | 1.50 |", "| 6000 | 4000 | 0.67 ", "| compare | ms | | 0.1 "} {
		if !strings.Contains(strings.Join(strings.Fields(comparison.String()), " "), want) {
			t.Errorf("the comparison has no %q:\n%s", want, &comparison)
		}
	}
}

func TestResultsAreReadAgain(t *testing.T) {
	name := t.TempDir() + "/result.json"
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	want := sample(7, 1)
	if err := errors.Join(want.Write(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(name); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if _, err := Read(os.Args[0]); err == nil {
		t.Error("a program is a result")
	}
}

func TestDrawing(t *testing.T) {
	var svg strings.Builder
	if err := Draw(&svg, []*Result{sample(1_000_000, 10), sample(50_000, 1)}); err != nil {
		t.Fatal(err)
	}
	// It is XML, and the lines go from few users to many, from fast to slow.
	var lines []string
	for d := xml.NewDecoder(strings.NewReader(svg.String())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, &svg)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
			for _, a := range e.Attr {
				if a.Name.Local == "points" {
					lines = append(lines, a.Value)
				}
			}
		}
	}
	want := []string{ // the page, compare, similar; 10,000 to 1,000,000 users are 440 wide, 0.1 to 100 ms 350 high
		"223.8,207.7 510.0,91.0 ",
		"223.8,380.0 510.0,380.0 ",
		"223.8,344.9 510.0,228.2 ",
	}
	if !reflect.DeepEqual(lines, want) {
		t.Errorf("lines %q, want %q", lines, want)
	}
	for _, want := range []string{"10,000", "1,000,000", "100 ms", "page /u/{name}", "30.0 ms at 1,000,000 users"} {
		if !strings.Contains(svg.String(), want) {
			t.Errorf("the drawing has no %q", want)
		}
	}
	if err := Draw(io.Discard, []*Result{{Users: 5}}); err == nil {
		t.Error("nothing was drawn without an error")
	}
}
