package engine

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
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
	seen := make(map[AnimeID]bool, len(changes))
	for i := range changes {
		if id := changes[i].Anime; !seen[id] {
			seen[id] = true
			l = append(l, changes[i].Entry)
		}
	}
	if len(l) > MaxEntries {
		return nil, fmt.Errorf("%d entries are more than %d", len(l), MaxEntries)
	}
	return l, nil
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

// Packed is a list as it is stored and cached, 3 to 6 bytes an entry:
//
//	version    1 byte, 1
//	entries    uvarint
//	dated      uvarint, how many of the entries have a day; they come first
//	per entry  anime id    varint, difference to the entry before
//	           status      4 bits, score 4 bits
//	           episodes    uvarint
//	           day         uvarint, only if dated; days before the entry before, of the first entry since 1970
//	checksum   4 bytes, little endian, CRC-32C of all that precedes
//
// nil is a list that was never stored, and not an empty one.
type Packed []byte

const (
	packedVersion  = 1
	packedChecksum = 4
	leastEntry     = 3 // bytes of an entry without a day; a day takes one more
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Pack returns l in its stored form. l must have the order of a [List].
func (l List) Pack() Packed {
	dated := slices.IndexFunc(l, func(e Entry) bool { return e.Day == 0 })
	if dated < 0 {
		dated = len(l)
	}
	b := make([]byte, 0, 16+6*len(l))
	b = append(b, packedVersion)
	b = binary.AppendUvarint(b, uint64(len(l)))
	b = binary.AppendUvarint(b, uint64(dated))
	var id AnimeID
	var day Day
	for i := range l {
		e := &l[i]
		b = binary.AppendVarint(b, int64(e.Anime-id))
		b = append(b, byte(e.Status)<<4|e.Score)
		b = binary.AppendUvarint(b, uint64(e.Episodes))
		switch {
		case i == 0 && dated > 0:
			b = binary.AppendUvarint(b, uint64(e.Day))
		case i < dated:
			b = binary.AppendUvarint(b, uint64(day-e.Day))
		}
		id, day = e.Anime, e.Day
	}
	return slices.Clip(binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)))
}

// Unpack appends p's entries to dst, whose memory it so uses again, and checks every byte of p on the way: a damaged list
// is [ErrCorrupt].
func (p Packed) Unpack(dst List) (List, error) {
	r, err := p.open()
	if err != nil {
		return dst, err
	}
	dst = slices.Grow(dst, r.entries)
	for i := range r.entries {
		e := r.next(i)
		if r.failed || e.check() != nil {
			return dst, fmt.Errorf("entry %d: %w", i, ErrCorrupt)
		}
		dst = append(dst, e)
	}
	if len(r.rest) != 0 {
		return dst, fmt.Errorf("%d bytes too many: %w", len(r.rest), ErrCorrupt)
	}
	return dst, nil
}

// Len returns the number of entries, and 0 for a list that is damaged.
func (p Packed) Len() int {
	r, err := p.open()
	if err != nil {
		return 0
	}
	return r.entries
}

// damaged tells whether the checksum is wrong.
func (p Packed) damaged() bool {
	_, err := p.open()
	return err != nil
}

// open checks the checksum and reads the head.
func (p Packed) open() (packedReader, error) {
	end := len(p) - packedChecksum
	if end < 1 || crc32.Checksum(p[:end], castagnoli) != binary.LittleEndian.Uint32(p[end:]) {
		return packedReader{}, fmt.Errorf("checksum: %w", ErrCorrupt)
	}
	if p[0] != packedVersion {
		return packedReader{}, fmt.Errorf("version %d: %w", p[0], ErrCorrupt)
	}
	r := packedReader{rest: p[1:end]}
	entries, dated := r.uvarint(), r.uvarint()
	// No memory is made for entries that are not there.
	if r.failed || dated > entries || entries > MaxEntries || leastEntry*entries+dated > uint64(len(r.rest)) {
		return packedReader{}, fmt.Errorf("head: %w", ErrCorrupt)
	}
	r.entries, r.dated = int(entries), int(dated)
	return r, nil
}

// packedReader walks the entries of a packed list. failed is set when they end too early or a number is out of range.
type packedReader struct {
	rest    []byte
	entries int
	dated   int
	anime   AnimeID
	day     Day
	failed  bool
}

// next returns entry i.
func (r *packedReader) next(i int) Entry {
	// Most ids take two bytes at most, episodes and days one: those are read at once.
	if b := r.rest; len(b) >= 5 && i > 0 {
		at, v := 1, uint32(b[0])
		if v >= 0x80 {
			at, v = 2, v&0x7f|uint32(b[1])<<7
		}
		e := Entry{Anime: r.anime + (AnimeID(v>>1) ^ -AnimeID(v&1)), Status: Status(b[at] >> 4), Score: b[at] & 0xf, Episodes: uint16(b[at+1])}
		short := v < 1<<14 && b[at+1] < 0x80
		at += 2
		if i < r.dated {
			days := Day(b[at])
			short = short && days < 0x80 && days < r.day
			e.Day = r.day - days
			at++
		}
		if short {
			r.anime, r.day, r.rest = e.Anime, e.Day, b[at:]
			return e
		}
	}
	r.anime += AnimeID(r.varint())
	if len(r.rest) == 0 {
		r.failed = true
		return Entry{}
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	e := Entry{Anime: r.anime, Status: Status(b >> 4), Score: b & 0xf}
	episodes := r.uvarint()
	r.failed = r.failed || episodes > 1<<16-1
	e.Episodes = uint16(episodes)
	if i < r.dated {
		days := r.uvarint()
		if i == 0 {
			r.failed = r.failed || days > 1<<16-1
			r.day = Day(days)
		} else {
			r.failed = r.failed || days >= uint64(r.day)
			r.day -= Day(days)
		}
		r.failed = r.failed || r.day == 0
		e.Day = r.day
	}
	return e
}

// uvarint reads an unsigned number; most take one byte.
func (r *packedReader) uvarint() uint64 {
	if len(r.rest) > 0 && r.rest[0] < 0x80 {
		v := uint64(r.rest[0])
		r.rest = r.rest[1:]
		return v
	}
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.failed = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// varint reads a signed number in zigzag form.
func (r *packedReader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}
