package engine

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Status says what a user does with an anime on the list.
type Status uint8

// The statuses. The numbers are stored. The zero value is an entry whose source did not say.
const (
	StatusUnknown Status = iota
	Watching
	Completed
	OnHold
	Dropped
	Planned

	statuses
)

var statusNames = [...]string{"", "watching", "completed", "on_hold", "dropped", "plan_to_watch"}

// String returns MyAnimeList's name of the status, empty when unknown.
func (s Status) String() string { return enumName(statusNames[:], int(s)) }

// ParseStatus is the inverse of [Status.String]; ok is false when there is no such status.
func ParseStatus(name string) (s Status, ok bool) {
	i := enumIndex(statusNames[:], name)
	return Status(i), i != 0 || name == ""
}

// Day counts days in UTC: 1 is the second of January 1970. 0 is unknown. The last one is in the year 2149.
type Day uint16

// DayOf returns the day of t, and 0 for a time outside of what a Day can say.
func DayOf(t time.Time) Day {
	const seconds = 24 * 60 * 60
	if s := t.Unix(); s >= seconds && s < (1<<16)*seconds {
		return Day(s / seconds)
	}
	return 0
}

// Time returns the start of the day. That of an unknown day is the zero time.
func (d Day) Time() time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Unix(int64(d)*24*60*60, 0).UTC()
}

// The largest values of an [Entry] and a [List].
const (
	MaxScore   = 10
	MaxEntries = 100_000 // MyAnimeList has fewer anime
)

// Entry is one anime on a list.
type Entry struct {
	Anime    AnimeID
	Episodes uint16 // watched; what is more counts as 65,535
	Day      Day    // when the entry last changed; 0 when unknown
	Score    uint8  // 1..10; 0: unscored
	Status   Status
}

// Watched tells whether the entry says anything about taste: completed or watching, with an episode seen.
func (e *Entry) Watched() bool {
	return (e.Status == Completed || e.Status == Watching) && e.Episodes > 0
}

// isVote tells whether the entry is a vote for its anime: watched, and scored.
func (e *Entry) isVote() bool { return e.Score > 0 && e.Watched() }

func (e *Entry) check() error {
	switch {
	case e.Anime < 1 || e.Anime > MaxAnimeID:
		return fmt.Errorf("anime id %d is not in 1..%d", e.Anime, MaxAnimeID)
	case e.Score > MaxScore:
		return fmt.Errorf("score %d of anime %d is not in 0..%d", e.Score, e.Anime, MaxScore)
	case e.Status >= statuses:
		return fmt.Errorf("status %d of anime %d is unknown", e.Status, e.Anime)
	}
	return nil
}

// List is somebody's list: the last changed entry first, then those of unknown date in order of anime id, no anime twice.
// [NewList] makes one.
type List []Entry

// Change is an entry with the exact time of its last change, zero when unknown.
type Change struct {
	Entry
	At time.Time
}

// NewList puts changes in a list's order and sets their days. Entries of the same moment come in order of anime id. Of an
// anime that is there more than once the newest entry stays, and of equals the first. It sorts changes in place.
func NewList(changes []Change) (List, error) {
	for i := range changes {
		c := &changes[i]
		if c.Day = DayOf(c.At); c.Day == 0 {
			c.At = time.Time{}
		}
		if err := c.check(); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Anime, b.Anime))
	})
	l := make(List, 0, len(changes))
	var seen map[AnimeID]bool // nil: no anime is there twice, as in most lists
	if repeats(changes) {
		seen = make(map[AnimeID]bool, len(changes))
	}
	for i := range changes {
		id := changes[i].Anime
		if seen[id] {
			continue
		}
		if seen != nil {
			seen[id] = true
		}
		l = append(l, changes[i].Entry)
	}
	if len(l) > MaxEntries {
		return nil, fmt.Errorf("%d entries are more than %d", len(l), MaxEntries)
	}
	return l, nil
}

// repeats tells whether an anime is there more than once.
func repeats(changes []Change) bool {
	ids := make([]AnimeID, len(changes))
	for i := range changes {
		ids[i] = changes[i].Anime
	}
	slices.Sort(ids)
	return len(slices.Compact(ids)) < len(changes)
}

// Updated returns l with the entries of newest, which are the most recently changed ones, in front, in place of their
// former selves.
func (l List) Updated(newest List) List {
	seen := make(map[AnimeID]bool, len(newest))
	for i := range newest {
		seen[newest[i].Anime] = true
	}
	merged := make(List, 0, len(l)+len(newest))
	merged = append(merged, newest...)
	for i := range l {
		if !seen[l[i].Anime] {
			merged = append(merged, l[i])
		}
	}
	slices.SortStableFunc(merged, func(a, b Entry) int {
		if a.Day == 0 && b.Day == 0 {
			return cmp.Compare(a.Anime, b.Anime)
		}
		return cmp.Compare(b.Day, a.Day)
	})
	return merged
}

// Watched counts the watched entries.
func (l List) Watched() int {
	n := 0
	for i := range l {
		if l[i].Watched() {
			n++
		}
	}
	return n
}
