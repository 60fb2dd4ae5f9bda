package chaos

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Row is what was seen of a fault.
type Row struct {
	Fault                                          string
	Requests, Answered, Older, Refused, Cut, Wrong int
	Lost                                           int           // what was said to be kept and is not there
	Recovered                                      time.Duration // until all was right again after the fault
	Slowest                                        time.Duration
}

// Count adds events to the row. Healed is when the fault ended: the last event after it that was not answered as on a good day is
// when all was right again.
func (r *Row) Count(events []Event, healed time.Time) {
	for _, e := range events {
		r.Requests++
		switch e.Outcome {
		case Answered:
			r.Answered++
		case Older:
			r.Older++
		case Refused:
			r.Refused++
		case Cut:
			r.Cut++
		default:
			r.Wrong++
		}
		r.Slowest = max(r.Slowest, e.Took)
		if e.Outcome != Answered && e.At.Add(-e.Took).After(healed) {
			r.Recovered = max(r.Recovered, e.At.Sub(healed))
		}
	}
}

// Print writes rows as a table in Markdown.
func Print(w io.Writer, rows []Row) {
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(t, "| fault\t| requests\t| answered\t| from older data\t| refused\t| cut off\t| wrong\t| lost\t| slowest, s\t| recovered, s\t|")
	fmt.Fprintln(t, "| ---\t| ---:\t| ---:\t| ---:\t| ---:\t| ---:\t| ---:\t| ---:\t| ---:\t| ---:\t|")
	for _, r := range rows {
		fmt.Fprintf(t, "| %s\t| %d\t| %d\t| %d\t| %d\t| %d\t| %d\t| %d\t| %.2f\t| %.1f\t|\n",
			r.Fault, r.Requests, r.Answered, r.Older, r.Refused, r.Cut, r.Wrong, r.Lost, r.Slowest.Seconds(), r.Recovered.Seconds())
	}
	_ = t.Flush()
}
