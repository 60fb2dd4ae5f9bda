package engine

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestDay(t *testing.T) {
	for _, test := range []struct {
		at   string
		want Day
	}{
		{"1970-01-02T00:00:00Z", 1},
		{"1970-01-01T23:59:59Z", 0}, // too early to tell from unknown
		{"1969-12-31T12:00:00Z", 0},
		{"0001-01-01T00:00:00Z", 0},
		{"1970-02-01T12:00:00Z", 31},
		{"2024-02-29T23:59:59Z", 19782},
		{"2024-02-29T23:59:59-01:00", 19783}, // already the next day in UTC
		{"2149-06-06T23:59:59Z", 65535},
		{"2149-06-07T00:00:00Z", 0}, // too late
	} {
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := DayOf(at); got != test.want {
			t.Errorf("DayOf(%s) = %d, want %d", test.at, got, test.want)
		}
	}
	for d := Day(1); d != 0; d++ {
		if got := DayOf(d.Time()); got != d {
			t.Fatalf("DayOf(Day(%d).Time()) = %d", d, got)
		}
	}
	if !Day(0).Time().IsZero() {
		t.Errorf("Day(0).Time() = %v, want the zero time", Day(0).Time())
	}
}

func TestStatusNames(t *testing.T) {
	for s := range statuses {
		if got, ok := ParseStatus(s.String()); got != s || !ok {
			t.Errorf("ParseStatus(%q) = %d, %t; want %d", s.String(), got, ok, s)
		}
	}
	if got := statuses.String(); got != "" {
		t.Errorf("Status(%d).String() = %q, want none", statuses, got)
	}
	for _, name := range []string{"Completed", "complete", " completed", "6", "plan to watch"} {
		if got, ok := ParseStatus(name); got != StatusUnknown || ok {
			t.Errorf("ParseStatus(%q) = %d, %t; want none", name, got, ok)
		}
	}
}

func TestEntryWatched(t *testing.T) {
	for s := range statuses {
		for _, episodes := range []uint16{0, 1, 65535} {
			want := episodes > 0 && (s == Watching || s == Completed)
			if got := (&Entry{Anime: 1, Status: s, Episodes: episodes}).Watched(); got != want {
				t.Errorf("%q with %d episodes: Watched() = %t, want %t", s, episodes, got, want)
			}
		}
	}
	l := List{completed(1, 0), {Anime: 2, Status: Planned}, {Anime: 3, Status: Watching, Episodes: 2}}
	if got := l.Watched(); got != 2 {
		t.Errorf("%v.Watched() = %d, want 2", l, got)
	}
}

func TestNewList(t *testing.T) {
	at := func(hours int) time.Time { return t0.Add(time.Duration(hours) * time.Hour) }
	change := func(id AnimeID, score uint8, at time.Time) Change {
		return Change{Entry: Entry{Anime: id, Score: score}, At: at}
	}
	day := DayOf(t0)
	type entry struct {
		id    AnimeID
		score uint8
		day   Day
	}
	for _, test := range []struct {
		name    string
		changes []Change
		want    []entry
	}{
		{"empty", nil, nil},
		{
			"newest first, undated last by id",
			[]Change{
				change(9, 1, time.Time{}), change(5, 2, at(1)), change(4, 3, at(2)), change(8, 4, time.Time{}),
				change(6, 5, at(-30)),
			},
			[]entry{{4, 3, day}, {5, 2, day}, {6, 5, day - 2}, {8, 4, 0}, {9, 1, 0}},
		},
		{
			"entries of the same moment by id",
			[]Change{change(7, 0, at(3)), change(2, 0, at(3)), change(5, 0, at(3))},
			[]entry{{2, 0, day}, {5, 0, day}, {7, 0, day}},
		},
		{
			"the same moment in another zone",
			[]Change{change(7, 0, at(3).In(time.FixedZone("", 3600))), change(2, 0, at(3))},
			[]entry{{2, 0, day}, {7, 0, day}},
		},
		{
			"of an anime the newest",
			[]Change{change(1, 1, at(1)), change(1, 3, at(3)), change(1, 2, at(2)), change(2, 0, at(2))},
			[]entry{{1, 3, day}, {2, 0, day}},
		},
		{
			"of equals the first",
			[]Change{change(1, 4, at(1)), change(1, 5, at(1)), change(2, 6, time.Time{}), change(2, 7, time.Time{})},
			[]entry{{1, 4, day}, {2, 6, 0}},
		},
		{
			"a dated one before an undated one",
			[]Change{change(1, 4, time.Time{}), change(1, 5, at(1))},
			[]entry{{1, 5, day}},
		},
		{
			"times that no day can tell are unknown, and equally old",
			[]Change{change(3, 0, time.Unix(5, 0)), change(2, 0, time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)), change(1, 0, at(0))},
			[]entry{{1, 0, day}, {2, 0, 0}, {3, 0, 0}},
		},
		{
			"the day that came along does not count",
			[]Change{{Entry: Entry{Anime: 1, Day: 7}}, {Entry: Entry{Anime: 2, Day: 7}, At: at(0)}},
			[]entry{{2, 0, day}, {1, 0, 0}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := NewList(test.changes)
			var got []entry
			for _, e := range l {
				got = append(got, entry{e.Anime, e.Score, e.Day})
			}
			if !slices.Equal(got, test.want) || err != nil {
				t.Errorf("NewList() = %v, %v; want %v", got, err, test.want)
			}
		})
	}
}

func TestNewListRefuses(t *testing.T) {
	for _, e := range []Entry{
		{Anime: 0}, {Anime: -1}, {Anime: MaxAnimeID + 1}, {Anime: math.MaxInt32}, {Anime: math.MinInt32},
		{Anime: 1, Score: 11}, {Anime: 1, Score: 255}, {Anime: 1, Status: statuses}, {Anime: 1, Status: 15},
	} {
		if l, err := NewList([]Change{{Entry: completed(2, 0)}, {Entry: e}}); l != nil || err == nil {
			t.Errorf("NewList(%+v) = %v, %v; want an error", e, l, err)
		}
	}
	changes := make([]Change, MaxEntries+1)
	for i := range changes {
		changes[i].Anime = AnimeID(i + 1)
	}
	if l, err := NewList(changes); l != nil || err == nil {
		t.Errorf("NewList() of %d entries: %d, %v; want an error", len(changes), len(l), err)
	}
	l, err := NewList(changes[1:])
	if len(l) != MaxEntries || err != nil {
		t.Fatalf("NewList() of %d entries: %d, %v", MaxEntries, len(l), err)
	}
	if back, err := l.Pack().Unpack(nil); !slices.Equal(back, l) || err != nil {
		t.Errorf("the largest list comes back with %d entries, %v", len(back), err)
	}
}

// changesOf turns any bytes into changes, six each, that often are of the same anime or moment.
func changesOf(data []byte) []Change {
	changes := make([]Change, 0, len(data)/6)
	for ; len(data) >= 6; data = data[6:] {
		c := Change{Entry: Entry{
			Anime:    1 + AnimeID(data[0]) + AnimeID(data[5]>>6)<<20,
			Score:    data[1] % (MaxScore + 1),
			Status:   Status(data[1] >> 4 % uint8(statuses)),
			Episodes: uint16(data[2]) << (data[5] & 8),
		}}
		if data[3] > 0 {
			c.At = t0.Add(time.Duration(int(data[3]%32)-20) * 5 * time.Hour).Add(time.Duration(data[4]&3) * time.Second)
		}
		if data[3] == 255 {
			c.At = Day(binary.LittleEndian.Uint16(data[4:])).Time() // any day
		}
		changes = append(changes, c)
	}
	return changes
}

func addChanges(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("abcdef"))
	f.Add([]byte("abcdefabcdefaBcdefabcdeF"))
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x01\x05\x00\x00\x00\x00\x02\x00\x00\xff\xff\xff\x03\x11\x22\xff\x01\x00"))
	r := rand.New(rand.NewPCG(11, 11))
	for range 4 {
		data := make([]byte, 6*r.IntN(200))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data)
	}
}

func FuzzNewList(f *testing.F) {
	addChanges(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		changes := changesOf(data)
		type best struct {
			Entry
			at time.Time
		}
		newest := map[AnimeID]best{} // by the plainest way
		for _, c := range changes {
			c.Day = DayOf(c.At)
			if c.Day == 0 {
				c.At = time.Time{}
			}
			if b, ok := newest[c.Anime]; !ok || c.At.After(b.at) {
				newest[c.Anime] = best{c.Entry, c.At}
			}
		}
		l, err := NewList(changes)
		if err != nil || len(l) != len(newest) {
			t.Fatalf("NewList() has %d entries, %v; want %d", len(l), err, len(newest))
		}
		for i, e := range l {
			want := newest[e.Anime]
			if e != want.Entry {
				t.Fatalf("entry %d = %+v, want %+v", i, e, want.Entry)
			}
			if i == 0 {
				continue
			}
			before := newest[l[i-1].Anime]
			if order := cmp.Or(want.at.Compare(before.at), cmp.Compare(before.Anime, e.Anime)); order >= 0 {
				t.Fatalf("entry %d %+v (%v) comes after %+v (%v)", i, e, want.at, before.Entry, before.at)
			}
		}
	})
}

// What a list is after a refresh that saw only what changed since the newest known day is what a whole fetch would have seen.
func FuzzUpdated(f *testing.F) {
	addChanges(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		history := changesOf(data)
		// What has no date never changes, else nobody could see it in what changed lately.
		history = slices.DeleteFunc(history, func(c Change) bool {
			return DayOf(c.At) == 0 && slices.ContainsFunc(history, func(o Change) bool { return o.Anime == c.Anime && DayOf(o.At) != 0 })
		})
		slices.SortStableFunc(history, func(a, b Change) int { return a.At.Compare(b.At) })
		for _, seen := range []int{0, len(history) / 3, len(history) - 1, len(history)} {
			seen = max(seen, 0)
			for seen < len(history) && DayOf(history[seen].At) == 0 {
				seen++
			}
			known, err := NewList(slices.Clone(history[:seen]))
			if err != nil {
				t.Fatal(err)
			}
			whole, err := NewList(slices.Clone(history))
			if err != nil {
				t.Fatal(err)
			}
			since := Day(0)
			if len(known) > 0 {
				since = known[0].Day
			}
			newest := slices.DeleteFunc(slices.Clone(whole), func(e Entry) bool { return e.Day < since })
			knownBefore, newestBefore := slices.Clone(known), slices.Clone(newest)
			if got := known.Updated(newest); !slices.Equal(got, whole) {
				t.Fatalf("%v.Updated(%v) = %v, want %v", known, newest, got, whole)
			}
			if !slices.Equal(known, knownBefore) || !slices.Equal(newest, newestBefore) {
				t.Fatal("Updated() changes the lists it is given")
			}
		}
	})
}

func TestUpdated(t *testing.T) {
	e := func(id AnimeID, day Day, score uint8) Entry { return Entry{Anime: id, Day: day, Score: score} }
	for _, test := range []struct {
		name                string
		known, newest, want List
	}{
		{"nothing new", List{e(1, 5, 0), e(2, 0, 0)}, nil, List{e(1, 5, 0), e(2, 0, 0)}},
		{"nothing known", nil, List{e(1, 5, 0), e(2, 0, 0)}, List{e(1, 5, 0), e(2, 0, 0)}},
		{"a new one", List{e(1, 5, 0)}, List{e(2, 6, 0)}, List{e(2, 6, 0), e(1, 5, 0)}},
		{"in place of its former self", List{e(2, 6, 1), e(1, 5, 2)}, List{e(1, 7, 3)}, List{e(1, 7, 3), e(2, 6, 1)}},
		{"before what is known of the same day", List{e(1, 5, 0), e(2, 5, 0)}, List{e(9, 5, 0), e(8, 5, 0)},
			List{e(9, 5, 0), e(8, 5, 0), e(1, 5, 0), e(2, 5, 0)}},
		{"an old one that is new here", List{e(1, 5, 0), e(2, 3, 0), e(4, 0, 0)}, List{e(3, 4, 0)},
			List{e(1, 5, 0), e(3, 4, 0), e(2, 3, 0), e(4, 0, 0)}},
		{"undated ones by id", List{e(1, 5, 0), e(2, 0, 0), e(4, 0, 0)}, List{e(3, 0, 0)},
			List{e(1, 5, 0), e(2, 0, 0), e(3, 0, 0), e(4, 0, 0)}},
		{"a date that was unknown", List{e(1, 5, 0), e(2, 0, 0)}, List{e(2, 4, 0)}, List{e(1, 5, 0), e(2, 4, 0)}},
	} {
		if got := test.known.Updated(test.newest); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v.Updated(%v) = %v, want %v", test.name, test.known, test.newest, got, test.want)
		}
	}
}
