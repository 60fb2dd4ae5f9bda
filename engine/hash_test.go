package engine

import (
	"math/bits"
	"slices"
	"strconv"
	"testing"
	"time"
)

// t0 is when everything in the tests was described.
var t0 = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// described returns an anime with all that a taste hash sees.
func described(id AnimeID, start string, episodes int, rating string, genres ...int) Anime {
	d, err := ParseDate(start)
	if err != nil {
		panic(err)
	}
	a := Anime{ID: id, Start: d, Episodes: episodes, Rating: ParseRating(rating), DescribedAt: t0}
	for _, g := range genres {
		a.Genres = append(a.Genres, Genre{ID: g, Name: GenreName(g)})
	}
	return a
}

func completed(id AnimeID, score uint8) Entry {
	return Entry{Anime: id, Status: Completed, Score: score, Episodes: 1}
}

// knownAnime are the anime of the known answers; beside each are the places of its statistics in the hash.
var knownAnime = []Anime{
	// 1990s 38, about 24 episodes 13, R 7, Action 3, Award Winning 23, Sci-Fi 17, Adult Cast 31; Space has no place
	described(1, "1998-04-03", 26, "r", 1, 46, 24, 50, 29),
	// 2010s 2, 1 episode 16, PG-13 0, Drama 10, Romance 11, Supernatural 15, School 8
	described(2, "2016-08-26", 1, "pg_13", 8, 22, 37, 23),
	// 2000s 14, about 48 episodes 25, PG-13 0, Action 3, Adventure 12, Drama 10, Fantasy 4, Shounen 5, Military 28
	described(3, "2003-10-04", 51, "pg_13", 1, 2, 8, 10, 27, 38),
	// no decade, about 12 episodes 1, PG-13 0, Comedy 6, Slice of Life 42, Seinen 18
	described(4, "2017-04", 12, "pg_13", 4, 36, 42),
	// no decade, about 12 episodes 1, R 7, Horror 37, Mystery 20
	described(5, "2017", 13, "r", 14, 7),
	// 2000s 14, about 6 episodes 33, PG 56, Shounen 5, Team Sports 52, Sports 40
	described(6, "2005-01-10", 0, "pg", 27, 77, 30),
	// 1980s and before 59, about 6 episodes 33, no rating, Mythology 32
	described(7, "1988-06-25", 6, "", 6),
	// 2020s 9, 1 episode 16, Rx 63, Josei 64; Hentai has no place
	described(8, "2020-02-02", 1, "rx", 12, 43),
	// 2020s 9, about 6 episodes 33, Rx 63; Erotica has no place
	described(9, "2019-06-06", 2, "rx", 49),
	// 2010s 2, about 24 episodes 13, R+ 26, Action 3, Gore 24, Fantasy 4; Avant Garde has no place, 99999 is no statistic
	described(10, "2012-04-01", 24, "r+", 1, 58, 1, 5, 99999, 10, 1),
	// no decade, about 24 episodes 13, no rating, Fantasy 4
	described(11, "", 24, "", 10),
	// 1990s 38, about 24 episodes 13, PG-13 0, Action 3, Suspense 27, Mecha 36, Psychological 19, Award Winning 23
	described(12, "1995-10-04", 26, "pg_13", 1, 41, 18, 40, 46),
	// 2010s 2, about 12 episodes 1, PG-13 0, Award Winning 23, Drama 10, Suspense 27, Psychological 19; Mahou Shoujo has no place
	described(13, "2011-01-07", 12, "pg_13", 46, 8, 41, 66, 40),
	// 2000s 14, 1 episode 16, PG 56, Adventure 12, Award Winning 23, Supernatural 15, Mythology 32
	described(14, "2001-07-20", 1, "pg", 2, 46, 37, 6),
	// 2020s 9, about 24 episodes 13, R 7, Action 3, Award Winning 23, Historical 34, Shounen 5
	described(15, "2019-04-06", 26, "r", 1, 46, 13, 27),
	// about 12 episodes 1, R 7
	described(400, "", 12, "r"),
	// about 12 episodes 1, G 51
	described(500, "", 12, "g"),
	// about 48 episodes 25, PG 56
	described(600, "", 48, "pg"),
}

// crowd returns n unscored entries of that day, one of each anime from id 1001 on.
func crowd(n int, day Day) List {
	l := make(List, n)
	for i := range l {
		l[i] = completed(AnimeID(1001+i), 0)
		l[i].Day = day
	}
	return l
}

// Each answer was worked out by hand: sums are "place: sum", and of the places with a sum those are named that exceed the
// next place. Bit i is digit i/4 of sixteen, in which it weighs 8, 4, 2, 1; leading zeros are not printed.
func TestTasteHashKnownAnswers(t *testing.T) {
	catalogue := NewCatalogue(knownAnime)
	// The crowd are 300 anime with about 12 episodes (1) and PG-13 (0).
	for id := range AnimeID(300) {
		catalogue = catalogue.With([]Anime{described(1001+id, "", 12, "pg_13")})
	}
	for _, test := range []struct {
		name string
		list List
		want string
	}{
		{
			// The example of the contract. All sums are 11 and no two are neighbours, so every place with a sum exceeds:
			// 3 7 13 17 23 31 38. Digits: 3 is 1 in the first; 7: 1 in the second; 13: 4 in the fourth; 17: 4 in the fifth; 23: 1 in
			// the sixth; 31: 1 in the eighth; 38: 2 in the tenth.
			"one entry",
			List{completed(1, 10)},
			"1104410102000000",
		},
		{
			// Unscored: every sum is 0 + 1. 0:1 2:1 8:1 10:1 11:1 15:1 16:1. Exceeding: 0 2 8 11 16; not 10 (1 = 1 at 11) and not
			// 15 (1 = 1 at 16). Digits: 0 and 2 are a; 8 and 11 are 9; 16 is 8.
			"an unscored entry counts once",
			List{completed(2, 0)},
			"a090800000000000",
		},
		{
			// 1 and 3 at 10, so 11 each. 0:11 3:22 4:11 5:11 7:11 10:11 12:11 13:11 14:11 17:11 23:11 25:11 28:11 31:11 38:11.
			// Exceeding: 0 3 5 7 10 14 17 23 25 28 31 38; ties at 4 (= 5), 12 (= 13) and 13 (= 14) do not.
			// Digits: 0 3 are 9; 5 7 are 5; 10 is 2; 14 is 2; 17 is 4; 23 is 1; 25 is 4; 28 31 are 9; none; 38 is 2.
			"a tie does not exceed",
			List{completed(1, 10), {Anime: 3, Status: Watching, Score: 10, Episodes: 12}},
			"9522414902000000",
		},
		{
			// 4 at 7: 8 each; 5 at 9: 10 each. 0:8 1:18 6:8 7:10 18:8 20:10 37:10 42:8; neither has a decade, else 2 would keep 1
			// from exceeding. Exceeding: 1 7 18 20 37 42; not 0 (8 < 18) and not 6 (8 < 10).
			// Digits: 1 is 4; 7 is 1; none; none; 18 is 2; 20 is 8; none; none; none; 37 is 4; 42 is 2.
			"a month or a year alone tells no decade",
			List{completed(4, 7), completed(5, 9)},
			"4100280004200000",
		},
		{
			// 6 at 6: 7 each; 7 at 5: 6 each. 5:7 14:7 32:6 33:13 40:7 52:7 56:7 59:6. Exceeding: 5 14 33 40 52 56 59; not 32
			// (6 < 13). Digits: none; 5 is 4; none; 14 is 2; none; none; none; none; 33 is 4; none; 40 is 8; none; none; 52 is 8;
			// 56 59 are 9; none.
			"unknown episodes are about 6",
			List{{Anime: 6, Status: Watching, Score: 6, Episodes: 3}, completed(7, 5)},
			"402000040800890",
		},
		{
			// 8 at 4: 5 each; 9 unscored: 1 each. 9:6 16:5 33:1 63:6 64:5. Exceeding: 9 16 33 63 (6 > 5 at 64, which has no bit).
			// Digits: none; none; 9 is 4; none; 16 is 8; none; none; none; 33 is 4; none six times; 63 is 1.
			"the last place is compared only",
			List{completed(8, 4), completed(9, 0)},
			"40800040000001",
		},
		{
			// 8 alone at 4: 9:5 16:5 63:5 64:5. Exceeding: 9 16; not 63 (5 = 5 at 64).
			"a tie with the last place does not exceed",
			List{completed(8, 4)},
			"40800000000000",
		},
		{
			// 10 and 11 at 10: 11 each. 2:11 3:11 4:22 13:22 24:11 26:11; if Action counted thrice, 3:33 would exceed. Exceeding:
			// 4 13 24 26; not 2 (= 3) and not 3 (11 < 22). Digits: none; 4 is 8; none; 13 is 4; none; none; 24 26 are a.
			"a genre that is there twice counts once, one without a place not at all",
			List{completed(10, 10), completed(11, 10)},
			"80400a000000000",
		},
		{
			// 12 at 9: 10 each; 13 at 8: 9; 14 at 10: 11; 15 at 6: 7; 2 unscored: 1.
			//  0: 10+9+1 = 20    1: 9              2: 9+1 = 10      3: 10+7 = 17    5: 7               7: 7
			//  8: 1              9: 7             10: 9+1 = 10     11: 1           12: 11             13: 10+7 = 17
			// 14: 11            15: 11+1 = 12     16: 11+1 = 12    19: 10+9 = 19   23: 10+9+11+7 = 37 27: 10+9 = 19
			// 32: 11            34: 7             36: 10           38: 10          56: 11
			// Exceeding: 0 3 5 7 10 13 16 19 23 27 32 34 36 38 56; not 1 (9 < 10), 2 (10 < 17), 8 (1 < 7), 9 (7 < 10), 11 (1 < 11),
			// 12 (11 < 17), 14 (11 < 12), 15 (12 = 12).
			// Digits: 0 3 are 9; 5 7 are 5; 10 is 2; 13 is 4; 16 19 are 9; 23 is 1; 27 is 1; none; 32 34 are a; 36 38 are a; none
			// four times; 56 is 8; none.
			"several entries",
			List{completed(12, 9), completed(13, 8), completed(14, 10), completed(15, 6), completed(2, 0)},
			"95249110aa000080",
		},
		{
			// Only 1 counts, as in the first case. 2 and 4 are in no status that says they were watched, of 3 and 5 no episode was.
			"what is not watched does not count",
			List{
				{Anime: 2, Status: Dropped, Score: 9, Episodes: 1}, {Anime: 3, Status: Watching, Score: 10},
				{Anime: 4, Status: Planned, Score: 8, Episodes: 2}, completed(1, 10), {Anime: 5, Status: Completed, Score: 10},
				{Anime: 6, Status: OnHold, Score: 7, Episodes: 9}, {Anime: 7, Score: 7, Episodes: 9},
			},
			"1104410102000000",
		},
		{
			"nothing watched is 0",
			List{{Anime: 1, Status: Planned}, {Anime: 3, Status: Completed, Score: 10}, {Anime: 2, Status: Dropped, Episodes: 1}},
			"00",
		},
		{"an empty list is 0", nil, "00"},
		{"nothing described is 0", List{completed(16, 10), completed(17, 9), completed(MaxAnimeID, 8)}, "00"},
		{
			// 0:256 1:256. Exceeding: 1; not 0 (= 1). The 257th is 600 at 10, which would add 25:11 and 56:11.
			"the 257th has no say",
			append(crowd(256, 19000), Entry{Anime: 600, Status: Completed, Score: 10, Episodes: 1, Day: 18999}),
			"4000000000000000",
		},
		{
			// 600 at 10 and 255 of the crowd: 0:255 1:255 25:11 56:11. Exceeding: 1 25 56. Digits: 1 is 4; 25 is 4 in the seventh;
			// 56 is 8 in the fifteenth. 400, which was the 256th before 600 came, would add 1:1 and 7:1.
			"a new entry drives the oldest out",
			slices.Concat(List{{Anime: 600, Status: Completed, Score: 10, Episodes: 1, Day: 19001}}, crowd(255, 19000),
				List{completed(400, 0)}),
			"4000004000000080",
		},
		{
			// The same sums. Forty that were not watched, in front, take no place of the 256.
			"the 256 are watched ones",
			slices.Concat(planned(40), crowd(255, 19000), List{completed(600, 10), completed(400, 0)}),
			"4000004000000080",
		},
		{
			// 255 that nobody described, then 1 at 10, the 256th: as in the first case. 2 is the 257th.
			"undescribed anime take a place but add nothing",
			append(undescribed(255), completed(1, 10), completed(2, 10)),
			"1104410102000000",
		},
		{
			"256 undescribed anime are 0",
			append(undescribed(256), completed(1, 10), completed(2, 10)),
			"00",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := TasteHash(test.list, catalogue).String(); got != test.want {
				t.Errorf("TasteHash() = %s, want %s", got, test.want)
			}
		})
	}
}

func planned(n int) List {
	l := make(List, n)
	for i := range l {
		l[i] = Entry{Anime: AnimeID(2001 + i), Status: Planned, Day: 19001}
	}
	return l
}

// undescribed returns n entries of the crowd's day whose anime no catalogue describes.
func undescribed(n int) List {
	l := make(List, n)
	for i := range l {
		l[i] = completed(AnimeID(3001+i), 10)
		l[i].Day = 19000
	}
	return l
}

// Which entry is the 256th follows from the times of change, through the order of a list.
func TestTasteHashTakesTheNewest(t *testing.T) {
	catalogue := NewCatalogue(knownAnime)
	for id := range AnimeID(300) {
		catalogue = catalogue.With([]Anime{described(1001+id, "", 12, "pg_13")})
	}
	noon := time.Date(2022, 1, 8, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name     string
		at4, at5 time.Time // when 400 and 500 changed
		want     string
	}{
		// 255 of the crowd and either 400 or 500: 0:255 1:256, and 7:1 or 51:1. Exceeding: 1, and 7 or 51, which are 1 in the
		// second and in the thirteenth digit; not 0 (255 < 256).
		{"the later day", noon, noon.AddDate(0, 0, -1), "4100000000000000"},
		{"the later day, whatever the ids", noon.AddDate(0, 0, -1), noon, "4000000000001000"},
		{"the later time of a day", noon.Add(time.Second), noon, "4100000000000000"},
		{"the later time of a day, whatever the ids", noon, noon.Add(time.Second), "4000000000001000"},
		{"the lower id of the same moment", noon, noon, "4100000000000000"},
		{"a dated one before an undated one", time.Time{}, noon, "4000000000001000"},
		{"a dated one before an undated one, whatever the ids", noon, time.Time{}, "4100000000000000"},
		{"the lower id of two undated ones", time.Time{}, time.Time{}, "4100000000000000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			changes := []Change{
				{Entry: completed(500, 0), At: test.at5},
				{Entry: completed(400, 0), At: test.at4},
			}
			for _, e := range crowd(255, 0) {
				changes = append(changes, Change{Entry: e, At: noon.AddDate(0, 0, 1)})
			}
			l, err := NewList(changes)
			if err != nil {
				t.Fatal(err)
			}
			if got := TasteHash(l, catalogue).String(); got != test.want {
				t.Errorf("TasteHash() = %s, want %s", got, test.want)
			}
			// The order survives the stored form, which keeps days only.
			l, err = l.Pack().Unpack(nil)
			if got := TasteHash(l, catalogue).String(); got != test.want || err != nil {
				t.Errorf("TasteHash() of the unpacked list = %s, %v; want %s", got, err, test.want)
			}
		})
	}
}

func TestHashString(t *testing.T) {
	for _, test := range []struct {
		hash Hash
		want string
	}{
		{0, "00"}, {1, "01"}, {0xf, "0f"}, {0x10, "10"}, {0xabc, "abc"}, {1 << 63, "8000000000000000"},
		{0x1104410102000000, "1104410102000000"}, {1<<64 - 1, "ffffffffffffffff"},
	} {
		if got := test.hash.String(); got != test.want {
			t.Errorf("Hash(%#x).String() = %q, want %q", uint64(test.hash), got, test.want)
		}
	}
}

func TestHashBit(t *testing.T) {
	for i := range 64 {
		h := Hash(1) << (63 - i)
		for j := range 64 {
			if got := h.Bit(j); got != (i == j) {
				t.Errorf("Hash(%s).Bit(%d) = %t, want %t", h, j, got, i == j)
			}
		}
	}
}

func TestDistance(t *testing.T) {
	// The mask as the contract prints it.
	mask, err := strconv.ParseUint("1110010101000110101000000110000001000011000000000001000010010001", 2, 64)
	if err != nil || bits.OnesCount64(mask) != 19 {
		t.Fatalf("mask %b, %v: want 19 bits", mask, err)
	}
	for _, test := range []struct {
		a, b Hash
		want int
	}{
		{0, 0, 0},
		{1, 0, 2},                   // bit 63 is Rx: twice
		{0, 2, 1},                   // bit 62 is a theme
		{1 << 63, 0, 2},             // bit 0 is PG-13
		{1 << 60, 1 << 60, 0},       //
		{1<<60 | 1, 1 << 60, 2},     // only what differs counts
		{0, 1<<64 - 1, 83},          // all 64, 19 of them twice
		{0, Hash(mask), 38},         // 19 twice
		{0, ^Hash(mask), 45},        // 45 once
		{1<<64 - 1, 0, 83},          //
		{0xf0, 0x0f, 11},            // bits 56..63: 56, 59 and 63 are in the mask
		{Hash(mask), 1<<64 - 1, 45}, //
	} {
		if got := Distance(test.a, test.b); got != test.want {
			t.Errorf("Distance(%s, %s) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
	for i := range 64 {
		want := 1 + int(mask>>(63-i)&1)
		if got := Distance(0, 1<<(63-i)); got != want {
			t.Errorf("Distance(0, bit %d) = %d, want %d", i, got, want)
		}
	}
}

func TestSimilarity(t *testing.T) {
	for distance, want := range map[int]int{
		0: 100,
		1: 99, // 100 - 1 (100/83 = 1.2)
		2: 98, // 100 - 2 (200/83 = 2.4)
		// 100 - 49 (4100/83 = 49.4), 100 - 50 (4200/83 = 50.6)
		41: 51, 42: 50,
		82: 2, // 100 - 98 (8200/83 = 98.8)
		83: 0,
	} {
		if got := Similarity(distance); got != want {
			t.Errorf("Similarity(%d) = %d, want %d", distance, got, want)
		}
	}
	for d := range MaxDistance {
		if here, next := Similarity(d), Similarity(d+1); next >= here {
			t.Errorf("Similarity(%d) = %d, Similarity(%d) = %d, want less", d, here, d+1, next)
		}
	}
}

func FuzzDistance(f *testing.F) {
	f.Add(uint64(0), uint64(0), uint64(0))
	f.Add(uint64(0), uint64(1<<64-1), uint64(hashMask))
	f.Add(uint64(0x1104410102000000), uint64(0xa090800000000000), uint64(0x9522414902000000))
	f.Add(uint64(1), uint64(2), uint64(1<<63))
	f.Fuzz(func(t *testing.T, x, y, z uint64) {
		a, b, c := Hash(x), Hash(y), Hash(z)
		ab, ba, bc, ac := Distance(a, b), Distance(b, a), Distance(b, c), Distance(a, c)
		if ab != ba {
			t.Errorf("Distance(%s, %s) = %d, the other way round %d", a, b, ab, ba)
		}
		if (ab == 0) != (a == b) || Distance(a, a) != 0 {
			t.Errorf("Distance(%s, %s) = %d, Distance(%[1]s, %[1]s) = %d", a, b, ab, Distance(a, a))
		}
		if ac > ab+bc {
			t.Errorf("Distance(%s, %s) = %d, more than %d + %d by way of %s", a, c, ac, ab, bc, b)
		}
		if ab < 0 || ab > MaxDistance || ab+Distance(a, ^b) != MaxDistance {
			t.Errorf("Distance(%s, %s) = %d, of the complement %d, want %d together", a, b, ab, Distance(a, ^b), MaxDistance)
		}
		if s := Similarity(ab); s < 0 || s > 100 || (s == 100) != (a == b) {
			t.Errorf("Similarity(%d) = %d", ab, s)
		}
	})
}
