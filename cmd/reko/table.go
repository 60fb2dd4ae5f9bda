package main

import (
	"fmt"
	"os"
	"text/tabwriter"
	"time"
)

// printTable prints a line for each item below a head, in columns, which head and lines separate by tabs.
func printTable[T any](head string, items []T, line func(T) string) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for _, item := range items {
		fmt.Fprintln(w, line(item))
	}
	return w.Flush()
}

// dateTime is how a table has a time; none stands for no time.
func dateTime(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format(time.DateTime)
}
