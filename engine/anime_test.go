package engine

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestParseDate(t *testing.T) {
	for s, want := range map[string]Date{
		"": {}, "2017": {2017, 0, 0}, "2017-04": {2017, 4, 0}, "2017-04-12": {2017, 4, 12}, "2016-02-29": {2016, 2, 29},
		"1907-01-01": {1907, 1, 1}, "0001-12-31": {1, 12, 31}, "9999-12": {9999, 12, 0},
	} {
		got, err := ParseDate(s)
		if got != want || err != nil {
			t.Errorf("ParseDate(%q) = %v, %v; want %v", s, got, err, want)
		}
		if got.Full() != (strings.Count(s, "-") == 2) {
			t.Errorf("ParseDate(%q).Full() = %t", s, got.Full())
		}
	}
	for _, s := range []string{
		"-", "--", "0", "17", "017", "20170", "0000", "0000-01-01", "2017-", "2017-4", "2017-004", "2017-00", "2017-13",
		"2017-04-", "2017-04-0", "2017-04-1", "2017-04-00", "2017-04-31", "2017-02-29", "2017-13-01", "2017-04-12-01",
		"2017/04/12", "+017", "2017-+4", "-017-04", " 2017", "2017 ", "2017-04-12T00:00:00Z", "２０１７", "abcd", "20x7", "1_00",
	} {
		if got, err := ParseDate(s); got != (Date{}) || err == nil {
			t.Errorf("ParseDate(%q) = %v, %v; want an error", s, got, err)
		}
	}
}

func TestParseDateReadsEveryDay(t *testing.T) {
	for day := time.Date(1895, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2105; day = day.AddDate(0, 0, 1) {
		s := day.Format(time.DateOnly)
		want := Date{day.Year(), int(day.Month()), day.Day()}
		if got, err := ParseDate(s); got != want || got.String() != s || err != nil {
			t.Fatalf("ParseDate(%q) = %v, %v; want %v", s, got, err, want)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"", "2017", "2017-04", "2017-04-12", "2017-02-30", "2017-13", "0000", "2017-4-1", "-", "１"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDate(s)
		if err != nil {
			if d != (Date{}) {
				t.Errorf("ParseDate(%q) = %v with %v", s, d, err)
			}
			return
		}
		if got := d.String(); got != s {
			t.Errorf("ParseDate(%q).String() = %q", s, got)
		}
	})
}

func TestParentOf(t *testing.T) {
	for _, test := range []struct {
		relations []Relation
		want      AnimeID
	}{
		{nil, 0},
		{[]Relation{{"sequel", 2}, {"side_story", 3}, {"other", 4}, {"Prequel", 5}, {"", 6}}, 0},
		{[]Relation{{"prequel", 2}}, 2},
		{[]Relation{{"parent_story", 3}}, 3},
		{[]Relation{{"full_story", 4}}, 4},
		{[]Relation{{"sequel", 9}, {"full_story", 4}, {"prequel", 2}, {"parent_story", 3}}, 4}, // the first, whichever
		{[]Relation{{"parent_story", 3}, {"prequel", 2}}, 3},
	} {
		if got := ParentOf(test.relations); got != test.want {
			t.Errorf("ParentOf(%v) = %d, want %d", test.relations, got, test.want)
		}
	}
}

func TestEnumNames(t *testing.T) {
	for i, name := range []string{"", "g", "pg", "pg_13", "r", "r+", "rx"} {
		if r := Rating(i); r.String() != name || ParseRating(name) != r {
			t.Errorf("Rating(%d).String() = %q, ParseRating(%q) = %d", i, r, name, ParseRating(name))
		}
	}
	for i, name := range []string{"", "not_yet_aired", "currently_airing", "finished_airing"} {
		if a := Airing(i); a.String() != name || ParseAiring(name) != a {
			t.Errorf("Airing(%d).String() = %q, ParseAiring(%q) = %d", i, a, name, ParseAiring(name))
		}
	}
	if got := Rating(200).String() + Airing(200).String(); got != "" {
		t.Errorf("what is no rating and no airing state is called %q", got)
	}
	if ParseRating("PG") != NoRating || ParseAiring("finished") != AiringUnknown {
		t.Error("ParseRating and ParseAiring take what is not a name for one")
	}
}

func TestHasMean(t *testing.T) {
	if (&Anime{}).HasMean() || !(&Anime{Mean: 0.01}).HasMean() {
		t.Error("HasMean() is not whether the mean is above 0")
	}
}

func TestCanonicalName(t *testing.T) {
	for name, want := range map[string]string{
		"ab": "ab", "Spike": "spike", "SPIKE_-09": "spike_-09", "0123456789abcdEF": "0123456789abcdef", "__": "__", "--": "--",
	} {
		if got, ok := CanonicalName(name); got != want || !ok {
			t.Errorf("CanonicalName(%q) = %q, %t; want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{
		"", "a", "0123456789abcdefg", strings.Repeat("a", 10_000), "a b", " ab", "ab ", "ab\n", "a/b", "..", "a.b", "a\x00b", "a%20",
		"äb", "İi", "日本", "K\u212a", "a\xffb", "a'b", "a+b", "a:b", "a@b", "a[b", "a`b", "a{b",
	} {
		if got, ok := CanonicalName(name); got != "" || ok {
			t.Errorf("CanonicalName(%q) = %q, %t; want none", name, got, ok)
		}
	}
}

func FuzzCanonicalName(f *testing.F) {
	for _, name := range []string{"Spike", "a", "", "0123456789abcdefg", "K\u212a", "a\x00", "-_"} {
		f.Add(name)
	}
	allowed := regexp.MustCompile(`\A[A-Za-z0-9_-]{2,16}\z`)
	f.Fuzz(func(t *testing.T, name string) {
		got, ok := CanonicalName(name)
		if ok != allowed.MatchString(name) {
			t.Fatalf("CanonicalName(%q) = %q, %t", name, got, ok)
		}
		if !ok {
			if got != "" {
				t.Errorf("CanonicalName(%q) = %q, want nothing", name, got)
			}
			return
		}
		if !strings.EqualFold(got, name) || got != strings.ToLower(got) {
			t.Errorf("CanonicalName(%q) = %q", name, got)
		}
		if again, ok := CanonicalName(got); again != got || !ok {
			t.Errorf("CanonicalName(%q) = %q, %t; want it as it is", got, again, ok)
		}
	})
}

func TestCatalogue(t *testing.T) {
	var none Catalogue
	if none.Len() != 0 || none.Anime(1) != nil || none.Anime(0) != nil || none.Anime(-1) != nil {
		t.Errorf("the zero catalogue has %d anime", none.Len())
	}
	first := NewCatalogue([]Anime{
		{ID: 5, Title: "five", DescribedAt: t0}, {ID: 2, Title: "two", DescribedAt: t0},
		{ID: 3, Title: "nobody described it"},
		{ID: 0, Title: "no id", DescribedAt: t0}, {ID: -7, Title: "negative", DescribedAt: t0},
		{ID: MaxAnimeID + 1, Title: "too large", DescribedAt: t0},
	})
	second := first.With([]Anime{
		{ID: 5, Title: "five again", DescribedAt: t0}, {ID: 3, Title: "three", DescribedAt: t0},
		{ID: 2, Title: "not described any more"}, {ID: MaxAnimeID, Title: "the largest", DescribedAt: t0},
	})
	for _, test := range []struct {
		name      string
		catalogue *Catalogue
		id        AnimeID
		want      string
	}{
		{"first", first, 5, "five"}, {"first", first, 2, "two"}, {"first", first, 3, ""}, {"first", first, 0, ""},
		{"first", first, -7, ""}, {"first", first, 1, ""}, {"first", first, 6, ""}, {"first", first, MaxAnimeID + 1, ""},
		{"first", first, MaxAnimeID, ""},
		{"second", second, 5, "five again"}, {"second", second, 3, "three"}, {"second", second, 2, "two"},
		{"second", second, MaxAnimeID, "the largest"},
	} {
		got := ""
		if a := test.catalogue.Anime(test.id); a != nil {
			got = a.Title
		}
		if got != test.want {
			t.Errorf("%s.Anime(%d) = %q, want %q", test.name, test.id, got, test.want)
		}
	}
	if first.Len() != 2 || second.Len() != 4 {
		t.Errorf("Len() = %d, then %d; want 2, then 4", first.Len(), second.Len())
	}
	if twice := NewCatalogue([]Anime{{ID: 1, Title: "a", DescribedAt: t0}, {ID: 1, Title: "b", DescribedAt: t0}}); twice.Len() != 1 || twice.Anime(1).Title != "b" {
		t.Errorf("of an anime that is there twice %q stays, and Len() = %d", twice.Anime(1).Title, twice.Len())
	}
}

func TestSameTaste(t *testing.T) {
	c := NewCatalogue([]Anime{described(1, "1998-04-03", 26, "r", 1, 46, 24, 50, 29)})
	for _, test := range []struct {
		name  string
		anime Anime
		want  bool
	}{
		{"the same", described(1, "1998-04-03", 26, "r", 1, 46, 24, 50, 29), true},
		{"another day of the decade", described(1, "1999-12-31", 26, "r", 1, 46, 24, 50, 29), true},
		{"a few episodes more", described(1, "1998-04-03", 30, "r", 1, 46, 24, 50, 29), true},
		{"a genre without a place", described(1, "1998-04-03", 26, "r", 1, 46, 24, 50), true},
		{"another decade", described(1, "2000-01-01", 26, "r", 1, 46, 24, 50, 29), false},
		{"another length", described(1, "1998-04-03", 33, "r", 1, 46, 24, 50, 29), false},
		{"another rating", described(1, "1998-04-03", 26, "r+", 1, 46, 24, 50, 29), false},
		{"a genre more", described(1, "1998-04-03", 26, "r", 1, 46, 24, 50, 29, 4), false},
		{"a genre less", described(1, "1998-04-03", 26, "r", 1, 46, 24), false},
		{"unknown so far", described(2, "1998-04-03", 26, "r", 1, 46, 24, 50, 29), false},
	} {
		if got := c.SameTaste(&test.anime); got != test.want {
			t.Errorf("%s: SameTaste() = %t, want %t", test.name, got, test.want)
		}
	}
}
