package engine

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"
)

// The stored form does not change: what is stored has to be read again. The bytes are laid out by hand, as the comment on
// Packed says.
func TestPackedForm(t *testing.T) {
	day := Day(19723) // 19,723 = 154 * 128 + 11
	for _, test := range []struct {
		name string
		list List
		want string // without the checksum
	}{
		{"empty", List{}, "01" + "00" + "00"},
		{"one undated", List{{Anime: 1, Status: Completed, Score: 10, Episodes: 26}},
			"01" + "01" + "00" + // one entry, none dated
				"02" + "2a" + "1a"}, // +1 is 2 in zigzag; completed is 2, 10 is a; 26
		{"dated and undated", List{
			{Anime: 100, Status: Watching, Score: 0, Episodes: 3, Day: day},
			{Anime: 36, Status: Planned, Day: day - 200},
			{Anime: 37, Status: Dropped, Score: 4, Episodes: 65535, Day: day - 200},
			{Anime: 4194303, Status: StatusUnknown, Score: 1, Episodes: 128},
		},
			"01" + "04" + "03" +
				"c801" + "10" + "03" + "8b9a01" + // +100 is 200 = 1 * 128 + 72; 19,723: 11, 154 % 128 = 26, 1
				"7f" + "50" + "00" + "c801" + // -64 is 127; 200 days before
				"02" + "44" + "ffff03" + "00" + // +1; the same day
				"b4ffff03" + "01" + "8001"}, // +4,194,266 is 8,388,532
	} {
		want, err := hex.DecodeString(test.want)
		if err != nil {
			t.Fatal(err)
		}
		want = binary.LittleEndian.AppendUint32(want, crc32.Checksum(want, crc32.MakeTable(crc32.Castagnoli)))
		if got := test.list.Pack(); !slices.Equal(got, want) {
			t.Errorf("%s: Pack() = %x, want %x", test.name, []byte(got), want)
		}
		got, err := Packed(want).Unpack(nil)
		if !slices.Equal(got, test.list) || err != nil {
			t.Errorf("%s: Unpack() = %v, %v; want %v", test.name, got, err, test.list)
		}
		if n := Packed(want).Len(); n != len(test.list) {
			t.Errorf("%s: Len() = %d, want %d", test.name, n, len(test.list))
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	for _, test := range []struct{ name, body string }{
		{"nothing but a checksum", ""},
		{"another version", "020000"},
		{"version 0", "000000"},
		{"no head", "01"},
		{"half a head", "0101"},
		{"a head that does not end", "018080808080"},
		{"a number of more than 64 bits", "01ffffffffffffffffffff0100"},
		{"more dated than there are", "010102022a1a01"},
		{"more than a list can have", "01a18d0600"}, // 100,001
		{"fewer entries than there should be", "010200022a1a"},
		{"an entry without status", "01010002"},
		{"an entry without episodes", "010100022a"},
		{"an entry without its day", "010101022a1a"},
		{"bytes after the last entry", "010100022a1a00"},
		{"anime 0", "010100002a1a"},
		{"anime -1", "010100012a1a"},
		{"an anime above the largest", "010100808080042a1a"}, // 4,194,304
		{"an anime far above the largest", "010100feffffff1f2a1a"},
		{"score 11", "010100022b1a"},
		{"status 6", "010100026a1a"},
		{"65,536 episodes", "010100022a808004"},
		{"day 0", "010101022a1a00"},
		{"day 65,536", "010101022a1a808004"},
		{"days before day 1", "010202022a1a05022a1a05"},
		{"days that wrap around", "010202022a1a05022a1a838004"},
	} {
		body, err := hex.DecodeString(test.body)
		if err != nil {
			t.Fatal(err)
		}
		p := Packed(binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, castagnoli)))
		if l, err := p.Unpack(nil); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: Unpack(%x) = %v, %v; want ErrCorrupt", test.name, []byte(p), l, err)
		}
	}
	for _, p := range []Packed{nil, {}, {1}, {1, 0, 0}, {0, 0, 0, 0}, {1, 0, 0, 0, 0, 0, 0}} {
		if l, err := p.Unpack(nil); !errors.Is(err, ErrCorrupt) || p.Len() != 0 {
			t.Errorf("Unpack(%x) = %v, %v, Len() = %d; want ErrCorrupt", []byte(p), l, err, p.Len())
		}
	}
}

// allDamage calls check with every copy of p in which some bits of one byte differ, and with every beginning of it.
func allDamage(p Packed, check func(what string, at int, damaged Packed)) {
	damaged := slices.Clone(p)
	for at := range p {
		for flip := 1; flip < 256; flip++ {
			damaged[at] = p[at] ^ byte(flip)
			check("flipped", at, damaged)
		}
		damaged[at] = p[at]
	}
	for at := range p {
		check("cut off", at, p[:at])
	}
}

func TestEveryDamagedByteIsDetected(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	for _, n := range []int{0, 1, 2, 10, 120} {
		p := randomList(r, n, 3000).Pack()
		allDamage(p, func(what string, at int, damaged Packed) {
			if _, err := damaged.Unpack(nil); !errors.Is(err, ErrCorrupt) || damaged.Len() != 0 {
				t.Fatalf("%d entries, byte %d of %d %s (%x): %v, Len() = %d; want ErrCorrupt", n, at, len(p), what, []byte(damaged), err, damaged.Len())
			}
		})
	}
}

// A head that says more entries than the bytes can hold asks for no memory.
func TestUnpackBelievesNoHead(t *testing.T) {
	for _, body := range []string{"01a08d0600", "01a08d06a08d06", "010600" + "022a1a022a1a022a1a022a1a022a1a"} { // 100,000, all dated, and 6 of which 5 are there
		head, err := hex.DecodeString(body)
		if err != nil {
			t.Fatal(err)
		}
		p := Packed(binary.LittleEndian.AppendUint32(head, crc32.Checksum(head, castagnoli)))
		if l, err := p.Unpack(nil); !errors.Is(err, ErrCorrupt) || cap(l) > 0 || p.Len() != 0 {
			t.Errorf("Unpack(%x) has room for %d entries, %v, Len() = %d; want none", []byte(p), cap(l), err, p.Len())
		}
	}
}

func TestUnpackAppends(t *testing.T) {
	a, b := List{completed(1, 2)}, List{completed(3, 4), completed(5, 6)}
	l, err := a.Pack().Unpack(nil)
	if err == nil {
		l, err = b.Pack().Unpack(l)
	}
	if want := slices.Concat(a, b); !slices.Equal(l, want) || err != nil {
		t.Errorf("Unpack() after Unpack() = %v, %v; want %v", l, err, want)
	}
	memory := make(List, 0, 10)
	l, err = b.Pack().Unpack(memory)
	if !slices.Equal(l, b) || &l[0] != &memory[:1][0] || err != nil {
		t.Errorf("Unpack() = %v, %v; want %v in the memory given", l, err, b)
	}
}

func TestPackSizeIsAsDocumented(t *testing.T) {
	l := randomList(rand.New(rand.NewPCG(13, 13)), 300, 20_000)
	if perEntry := float64(len(l.Pack())) / 300; perEntry < 3 || perEntry > 6 {
		t.Errorf("%.1f bytes an entry, want 3 to 6", perEntry)
	}
}

func FuzzPack(f *testing.F) {
	addChanges(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := NewList(changesOf(data))
		if err != nil {
			t.Fatal(err)
		}
		p := l.Pack()
		got, err := p.Unpack(nil)
		if !slices.Equal(got, l) || err != nil {
			t.Fatalf("%v comes back as %v, %v", l, got, err)
		}
		if p.Len() != len(l) {
			t.Fatalf("Len() = %d, want %d", p.Len(), len(l))
		}
		damaged := slices.Clone(p)
		for at := 0; at < len(p); at += 1 + len(p)/50 { // every byte: TestEveryDamagedByteIsDetected
			for _, flip := range []byte{1 << (at % 8), 0x55, 0xff} {
				damaged[at] = p[at] ^ flip
				if _, err := damaged.Unpack(nil); !errors.Is(err, ErrCorrupt) {
					t.Fatalf("byte %d of %x is %#x: %v, want ErrCorrupt", at, []byte(p), damaged[at], err)
				}
			}
			damaged[at] = p[at]
		}
	})
}

func FuzzUnpack(f *testing.F) {
	for _, l := range []List{nil, {completed(1, 10)}, randomList(rand.New(rand.NewPCG(14, 14)), 20, 90)} {
		p := l.Pack()
		f.Add([]byte(p))
		f.Add([]byte(p[1 : len(p)-packedChecksum]))
	}
	f.Add([]byte{})
	f.Add([]byte("\x02\x01\x02\x2a\x1a\x05\x03\x2a\x1a"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		// As they are, and behind the right version with the right checksum, so that the inside is read.
		body := append([]byte{packedVersion}, data...)
		for _, p := range []Packed{data, binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, castagnoli))} {
			l, err := p.Unpack(nil)
			if cap(l) > len(p) { // an entry takes three bytes and more
				t.Fatalf("Unpack(%x) has made room for %d entries", []byte(p), cap(l))
			}
			if err != nil {
				if !errors.Is(err, ErrCorrupt) {
					t.Fatalf("Unpack(%x) fails with %v, want ErrCorrupt", []byte(p), err)
				}
				continue
			}
			if p.Len() != len(l) {
				t.Fatalf("Unpack(%x) has %d entries, Len() = %d", []byte(p), len(l), p.Len())
			}
			for i := range l {
				if err := l[i].check(); err != nil {
					t.Fatalf("Unpack(%x): %v", []byte(p), err)
				}
				if i > 0 && l[i].Day > l[i-1].Day {
					t.Fatalf("Unpack(%x): entry %d is newer than the one before", []byte(p), i)
				}
			}
			if again, err := l.Pack().Unpack(nil); !slices.Equal(again, l) || err != nil {
				t.Fatalf("Unpack(%x) = %v, which comes back as %v, %v", []byte(p), l, again, err)
			}
		}
	})
}
