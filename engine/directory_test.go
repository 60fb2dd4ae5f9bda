package engine

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func names(cards []Card) string {
	var names []string
	for _, c := range cards {
		names = append(names, c.Name)
	}
	return strings.Join(names, " ")
}

func TestNamesLike(t *testing.T) {
	s := newMemStore()
	for _, name := range []string{"spike", "spikes", "spoke", "faye", "edward", "ed", "ein", "spike_spiegel", "0123456789abcdef"} {
		s.add(name, 8, completed(1, 9))
	}
	s.add("spiky", 0) // nobody can be matched with
	e := loaded(t, Options{Store: s})
	for _, test := range []struct {
		name string
		n    int
		want string
	}{
		{"spike", 9, "spike spikes spoke spike_spiegel"},
		{"SPIKE", 2, "spike spikes"},
		{"spik", 9, "spike spike_spiegel spikes spoke"}, // beginnings and two letters more are as near
		{"spi", 9, "spike spike_spiegel spikes"},
		{"psike", 9, "spike"}, // two changes; spikes and spoke would be three
		{"fay", 9, "faye"},
		{"ed", 9, "ed"},
		{"xx", 9, ""},
		{"", 9, ""},
		{"spike", 0, ""},
		{"0123456789abcdefgh", 9, "0123456789abcdef"},
		{"0123456789abcdefghi", 9, ""},
		{strings.Repeat("é", 5000), 9, ""},
	} {
		if got := names(e.NamesLike(test.name, test.n)); got != test.want {
			t.Errorf("NamesLike(%.20q, %d) = %q, want %q", test.name, test.n, got, test.want)
		}
	}
}

// plainEdits is the Levenshtein distance by its definition.
func plainEdits(a, b string) int {
	if a == "" || b == "" {
		return len(a) + len(b)
	}
	if a[0] == b[0] {
		return plainEdits(a[1:], b[1:])
	}
	return 1 + min(plainEdits(a[1:], b), plainEdits(a, b[1:]), plainEdits(a[1:], b[1:]))
}

func TestEditsEqualsDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(60, 60))
	word := func() string {
		b := make([]byte, r.IntN(7))
		for i := range b {
			b[i] = "abc"[r.IntN(3)]
		}
		return string(b)
	}
	for range 5000 {
		a, b := word(), word()
		for most := range 4 {
			if got, want := edits(a, []byte(b), most), min(plainEdits(a, b), most+1); got != want {
				t.Fatalf("edits(%q, %q, %d) = %d, want %d", a, b, most, got, want)
			}
		}
	}
}

func TestSome(t *testing.T) {
	s := newMemStore()
	for i := range 100 {
		s.add("user"+string([]byte{'a' + byte(i/10), 'a' + byte(i%10)}), 8, completed(1, 9))
	}
	e := loaded(t, Options{Store: s})
	for _, n := range []int{0, 1, 2, 3, 7, 10, 50, 99, 100, 1000} {
		some := e.Some(n)
		if len(some) != min(n, 100) {
			t.Errorf("Some(%d) has %d of 100 users", n, len(some))
		}
		if !slices.IsSortedFunc(some, func(a, b Card) int { return int(a.ID - b.ID) }) || !slices.Equal(some, e.Some(n)) {
			t.Errorf("Some(%d) = %v, not in order or not always the same", n, names(some))
		}
	}
	if some := e.Some(2); some[0].ID > 50 || some[1].ID <= 50 {
		t.Errorf("Some(2) = %v, want one of each half", names(some))
	}
	if none := loaded(t, Options{Store: newMemStore()}).Some(5); len(none) != 0 {
		t.Errorf("Some(5) of nobody = %v", names(none))
	}
}

func TestAnimeByID(t *testing.T) {
	s := newMemStore()
	s.recommendable(1, 2, 3)
	e := loaded(t, Options{Store: s})
	var got []AnimeID
	for _, a := range e.AnimeByID([]AnimeID{3, 99, 1, -1, 0, 3}) {
		got = append(got, a.ID)
	}
	if want := []AnimeID{3, 1, 3}; !slices.Equal(got, want) {
		t.Errorf("AnimeByID() = %v, want %v", got, want)
	}
}

func TestComparedNamesTheNeighbours(t *testing.T) {
	a, b := Compared(0)
	if a.Name != "PG-13" || b.Name != "about 12 episodes" {
		t.Errorf("Compared(0) = %s, %s", a.Name, b.Name)
	}
	for i := range 64 {
		if a, b := Compared(i); a.Place != i || b.Place != i+1 {
			t.Errorf("Compared(%d) = %+v, %+v", i, a, b)
		}
	}
}

func TestExplainAgreesWithTheHash(t *testing.T) {
	s := newMemStore()
	for _, a := range knownAnime {
		s.mention(a.ID).Anime = a
	}
	l := List{completed(12, 9), completed(13, 8), completed(14, 10), completed(15, 6), completed(2, 0)}
	s.add("spike", 0x95249110aa000080, l...)
	e := loaded(t, Options{Store: s})
	x, err := e.Explain(t.Context(), "spike")
	if err != nil || len(x.Sums) != 65 {
		t.Fatalf("Explain() = %v, %v; want 65 sums", x.Sums, err)
	}
	if x.Sums[23] != 37 || x.Sums[0] != 20 || x.Sums[63] != 0 { // as worked out for the hash
		t.Errorf("Explain() = %v", x.Sums)
	}
	for i := range 64 {
		if (x.Sums[i] > x.Sums[i+1]) != x.Hash.Bit(i) {
			t.Errorf("bit %d of %s: sums %d, %d", i, x.Hash, x.Sums[i], x.Sums[i+1])
		}
	}
	if _, err := e.Explain(t.Context(), "nobody"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Explain(nobody) fails with %v, want ErrNotFound", err)
	}
}

// randomNames gives cards names of syllables, so that many are alike.
func randomNames(r *rand.Rand, cards []Card) {
	for i := range cards {
		var text []byte
		for size := 2 + r.IntN(12); len(text) < size; {
			text = append(text, "kstnhmr"[r.IntN(7)], "aeiou"[r.IntN(5)])
		}
		cards[i].Name = string(text)
	}
}

// plainNamesLike compares all names letter by letter.
func plainNamesLike(cards []Card, name string, n int) (like []Card) {
	for far := range 3 {
		var as []Card
		for _, c := range cards {
			by := edits(name, []byte(c.Name), 2)
			if by > 2 && len(name) >= 3 && strings.HasPrefix(c.Name, name) {
				by = 2
			}
			if by == far && far < max(len(name), 2) {
				as = append(as, c)
			}
		}
		slices.SortFunc(as, func(a, b Card) int { return cmp.Compare(a.Name, b.Name) })
		like = append(like, as...)
	}
	return like[:min(n, len(like))]
}

func TestNamesLikeEqualsPlainComparison(t *testing.T) {
	r := rand.New(rand.NewPCG(62, 62))
	cards := randomCards(r, 5000)
	randomNames(r, cards)
	e := New(Options{})
	e.index.Store(NewIndex(cards))
	for i := range 200 {
		name := []byte(cards[i].Name)
		for range r.IntN(4) {
			name[r.IntN(len(name))] = "kaso-_9"[r.IntN(7)]
		}
		name = name[r.IntN(2) : len(name)-r.IntN(2)]
		got, want := e.NamesLike(string(name), 20), plainNamesLike(cards, string(name), 20)
		if names(got) != names(want) {
			t.Errorf("NamesLike(%q) = %q, want %q", name, names(got), names(want))
		}
	}
}

// The page of a name that nobody has asks for names that are like it. The plain comparison stands beside it.
func BenchmarkNamesLike(b *testing.B) {
	r := rand.New(rand.NewPCG(61, 61))
	cards := randomCards(r, 1_000_000)
	randomNames(r, cards)
	e := New(Options{})
	e.index.Store(NewIndex(cards))
	for _, name := range []string{"asakura", "kotomine99", "qqqqqqqqqqqq", "ka"} {
		b.Run(name+"/plain", func(b *testing.B) {
			for b.Loop() {
				plainNamesLike(cards, name, 6)
			}
		})
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				e.NamesLike(name, 6)
			}
		})
	}
}
