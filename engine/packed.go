package engine

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
)

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
	usualEntry     = 4 // bytes of an entry on average, to guess how many there are
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
	for i := 0; i < r.entries; i++ {
		if dst, i = r.run(dst, i); i == r.entries {
			break
		}
		e := r.next(i)
		if r.failed || e.check() != nil {
			return dst, fmt.Errorf("entry %d: %w", i, ErrCorrupt)
		}
		dst = append(dst, e)
	}
	return dst, r.end()
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

// run appends entries from the i-th on to dst, as long as they are such as most are: right, the id in three bytes at most, episodes and
// days in one. It returns which entry is next. Each is read as one number of eight bytes, without a question that a processor would guess
// the answer of.
func (r *packedReader) run(dst List, i int) (List, int) {
	b, anime, day := r.rest, r.anime, r.day
	from := len(dst)
	out := dst[from : from+r.entries-i]
	n := 0
	for ; n < len(out) && len(b) >= 8; n++ {
		word := binary.LittleEndian.Uint64(b)
		step, size, odd := idStep(word)
		word >>= 8 * size
		status, score, episodes := uint8(word)>>4, uint8(word)&0xf, uint16(word>>8&0x7f)
		odd |= word >> 15 & 1
		id := anime + step
		size += 2
		changed := Day(0)
		if i+n < r.dated {
			days := Day(word >> 16 & 0x7f)
			if i+n == 0 || days >= day {
				break
			}
			odd |= word >> 23 & 1
			changed = day - days
			size++
		}
		if odd != 0 || id < 1 || id > MaxAnimeID || status >= uint8(statuses) || score > MaxScore {
			break
		}
		out[n] = Entry{Anime: id, Episodes: episodes, Day: changed, Score: score, Status: Status(status)}
		anime, day, b = id, changed, b[size:]
	}
	r.anime, r.day, r.rest = anime, day, b
	return dst[:from+n], i + n
}

// idStep reads the id of the entry that a word begins with: how much more it is than the one before, and in how many bytes. odd is 1 if these
// are more than three, and nothing else is right then.
func idStep(word uint64) (step AnimeID, size, odd uint64) {
	second := word >> 7 & 1      // it goes on
	third := word >> 15 & second // and on
	v := word&0x7f | word>>1&0x3f80&-second | word>>2&0x1fc000&-third
	return AnimeID(v>>1) ^ -AnimeID(v&1), 1 + second + third, word >> 23 & third
}

// end fails if anything is left behind the last entry, or failed before.
func (r *packedReader) end() error {
	switch {
	case r.failed:
		return fmt.Errorf("entries: %w", ErrCorrupt)
	case len(r.rest) != 0:
		return fmt.Errorf("%d bytes too many: %w", len(r.rest), ErrCorrupt)
	}
	return nil
}

// next returns entry i, whatever it is.
func (r *packedReader) next(i int) Entry {
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
