// Package series keeps what happened, and how long it took, as counts by the minute: enough for charts over an hour, a day and
// a month, in bounded size. Several instances count into one store; their counts add up, and percentiles over all of them, or
// over a longer time, are those of all that happened and no means of means.
package series

import (
	"context"
	"time"
)

// Event is something that happens often and takes its time. Its name is stored.
type Event uint8

// The events. What is asked of MyAnimeList is counted by outcome.
const (
	Answered Event = iota // a request got what it wanted
	Refused               // a request made no sense, or was too much: 4xx
	Failed                // a request could not be answered, by our fault: 5xx
	MALOK
	MALNotFound
	MALForbidden
	MALRefused
	MALLimited
	MALFailed
	MALTimedOut
	MALCanceled
	MALWait // one had to wait for its turn to ask

	events
)

var names = [events]string{
	"answered", "refused", "failed", "mal_ok", "mal_not_found", "mal_forbidden", "mal_refused", "mal_limited", "mal_failed",
	"mal_timed_out", "mal_canceled", "mal_wait",
}

// Requests are the events that a request can end with; MAL those of a call of MyAnimeList.
var (
	Requests = []Event{Answered, Refused, Failed}
	MAL      = []Event{MALOK, MALNotFound, MALForbidden, MALRefused, MALLimited, MALFailed, MALTimedOut, MALCanceled}
)

// String returns the event's name.
func (e Event) String() string { return names[e] }

// ParseEvent returns the event of that name, and whether there is one.
func ParseEvent(name string) (Event, bool) {
	for e, n := range names {
		if n == name {
			return Event(e), true
		}
	}
	return 0, false
}

// Span is a stretch of time until now that can be looked at, in slots of equal length.
type Span struct {
	Name  string
	Step  time.Duration // the length of a slot
	Slots int
}

// Spans are all spans, the shortest first.
var Spans = []Span{
	{"hour", time.Minute, 60},
	{"day", 10 * time.Minute, 144},
	{"month", 6 * time.Hour, 120},
}

// Keep is how old counts of the span may get: some slots more than it has, so that the first one is whole.
func (s Span) Keep() time.Duration { return s.Step * time.Duration(s.Slots+10) }

// Count is how often an event happened and took about as long, in the slot that begins at At.
type Count struct {
	At     time.Time
	Event  Event
	Bucket int // of a [Histogram]
	N      int64
}

// Keeper keeps counts. Its methods are transactions, and safe for concurrent use.
type Keeper interface {
	// AddCounts adds what happened in a minute to what others counted in it, in every span, and drops what is too old for
	// each. At of counts is not looked at. A batch that was added is not added again, within an hour.
	AddCounts(ctx context.Context, batch string, minute time.Time, counts []Count) error
	// Counts returns the counts of a span's slots that do not begin before a time, in the order of time. No bucket is
	// there twice in a slot.
	Counts(ctx context.Context, s Span, from time.Time) ([]Count, error)
}

// Slot is what happened in a part of a [Span].
type Slot struct {
	At     time.Time
	Length time.Duration // how much of the slot is over
	events [events]*Histogram
}

// Read returns the slots of a span, the last one being that of the last whole minute before now.
func Read(ctx context.Context, k Keeper, s Span, now time.Time) ([]Slot, error) {
	end := now.UTC().Truncate(time.Minute)
	last := end.Add(-time.Minute).Truncate(s.Step)
	first := last.Add(-s.Step * time.Duration(s.Slots-1))
	slots := make([]Slot, s.Slots)
	for i := range slots {
		at := first.Add(s.Step * time.Duration(i))
		slots[i] = Slot{At: at, Length: min(s.Step, end.Sub(at))}
	}
	counts, err := k.Counts(ctx, s, first)
	if err != nil {
		return nil, err
	}
	for _, c := range counts {
		if i := int(c.At.Sub(first) / s.Step); i >= 0 && i < len(slots) {
			slots[i].add(c)
		}
	}
	return slots, nil
}

func (s *Slot) add(c Count) {
	if s.events[c.Event] == nil {
		s.events[c.Event] = new(Histogram)
	}
	s.events[c.Event].add(c.Bucket, c.N)
}

// All returns the counts of several slots as one.
func All(slots []Slot) Slot {
	var all Slot
	for i := range slots {
		if i == 0 {
			all.At = slots[i].At
		}
		all.Length += slots[i].Length
		for e, h := range slots[i].events {
			if h == nil {
				continue
			}
			if all.events[e] == nil {
				all.events[e] = new(Histogram)
			}
			all.events[e].Merge(h)
		}
	}
	return all
}

// Count returns how often any of the events happened.
func (s *Slot) Count(of ...Event) int64 {
	var n int64
	for _, e := range of {
		if h := s.events[e]; h != nil {
			n += h.Count()
		}
	}
	return n
}

// PerMinute returns how often a minute any of the events happened.
func (s *Slot) PerMinute(of ...Event) float64 {
	if s.Length <= 0 {
		return 0
	}
	return float64(s.Count(of...)) / s.Length.Minutes()
}

// Quantiles returns how long the events took at most, but for the slowest: 0.95 is the time that 95 of 100 took at most. They are
// false when nothing happened.
func (s *Slot) Quantiles(qs []float64, of ...Event) ([]time.Duration, bool) {
	var all Histogram
	for _, e := range of {
		if h := s.events[e]; h != nil {
			all.Merge(h)
		}
	}
	if all.Count() == 0 {
		return nil, false
	}
	took := make([]time.Duration, len(qs))
	for i, q := range qs {
		took[i] = all.Quantile(q)
	}
	return took, true
}
