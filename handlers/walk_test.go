package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"reko.moe/engine"
)

// walk follows next from page 1, and returns the items of each page.
func (a *app) walk(t testing.TB, target string) (pages [][]string) {
	t.Helper()
	sign := "?"
	if strings.Contains(target, "?") {
		sign = "&"
	}
	for page := 1; ; page++ {
		b := read[body](t, a.get(t, fmt.Sprintf("%s%spage=%d", target, sign, page), http.StatusOK).body)
		p := b.Pagination
		if p.Current != page || page > 1 && (p.Previous == nil || *p.Previous != page-1) || page == 1 && p.Previous != nil {
			t.Fatalf("%s: page %d says %+v", target, page, p)
		}
		var items []json.RawMessage
		if err := json.Unmarshal(b.Data, &items); err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, item := range items {
			texts = append(texts, string(item))
		}
		pages = append(pages, texts)
		if p.Next == nil {
			return pages
		}
		if *p.Next != page+1 {
			t.Fatalf("%s: page %d is followed by %d", target, page, *p.Next)
		}
	}
}

// Walking next visits every item once. What ends before the last page that can be asked for ends at its last item, even
// when that fills a page.
func TestWalks(t *testing.T) {
	t.Parallel()
	// 1,313 users are 41 pages of others, and the lists of a batch have more than 20 pages of anime.
	large := start(t, func(s *setup) { s.world = crowd(1313, 500) })
	small := start(t, func(s *setup) { s.world = crowd(65, 60) }) // two full pages of others
	exact := start(t, func(s *setup) {
		s.world = crowd(1, 80) // of which the list has at most half
		rest := slices.DeleteFunc(slices.Clone(s.anime), func(x engine.Anime) bool { return onList(s.users[0], x.ID) })[:32]
		var all []engine.Change
		for _, x := range rest {
			all = append(all, entry(x.ID, 5, 2024)) // as good as each other: ids decide
		}
		s.users = append(s.users, person("everything", engine.FromFile, all...))
	})
	for _, test := range []struct {
		name   string
		app    *app
		target string
		pages  int // 0: see most
		most   int // pages that can be asked for
		size   int
		last   int // items on the last page; 0: any but none
	}{
		{"similar to the cap", large, "/api/crowd-0/similar", 40, 40, 32, 32},
		{"similar to the end", small, "/api/crowd-0/similar", 2, 40, 32, 32},
		{"recommendations to the cap", large, "/api/crowd-0/recommendations", 20, 20, 16, 16},
		{"recommendations of another batch", large, "/api/crowd-0/recommendations?batch=2", 20, 20, 16, 16},
		{"recommendations of the last batch", large, "/api/crowd-0/recommendations?batch=40", 0, 20, 16, 0},
		{"recommendations to the end", small, "/api/crowd-1/recommendations", 0, 20, 16, 0},
		{"recommendations that fill their pages", exact, "/api/crowd-0/recommendations", 2, 20, 16, 16},
		{"one user's list", large, "/api/crowd-2/recommendations/crowd-3", 0, 20, 16, 0},
		{"one user's list that fills its pages", exact, "/api/crowd-0/recommendations/everything", 2, 20, 16, 16},
	} {
		t.Run(test.name, func(t *testing.T) {
			pages := test.app.walk(t, test.target)
			if test.pages != 0 && len(pages) != test.pages || len(pages) > test.most {
				t.Errorf("%d pages, want %d of at most %d", len(pages), test.pages, test.most)
			}
			seen := map[string]bool{}
			for i, items := range pages {
				last := i == len(pages)-1
				if !last && len(items) != test.size || last && (len(items) == 0 || test.last != 0 && len(items) != test.last) {
					t.Errorf("page %d of %d has %d items", i+1, len(pages), len(items))
				}
				for _, item := range items {
					if seen[item] {
						t.Errorf("page %d has %s again", i+1, item)
					}
					seen[item] = true
				}
			}
			if len(pages) == test.most {
				return
			}
			sign := "?"
			if strings.Contains(test.target, "?") {
				sign = "&"
			}
			for _, page := range []int{len(pages) + 1, test.most} {
				b := read[body](t, test.app.get(t, fmt.Sprint(test.target, sign, "page=", page), http.StatusOK).body)
				if string(b.Data) != "[]" || b.Pagination.Next != nil || *b.Pagination.Previous != page-1 {
					t.Errorf("page %d past the end: %+v %s", page, b.Pagination, b.Data)
				}
			}
		})
	}
	all := slices.Concat(small.walk(t, "/api/crowd-0/similar")...)
	if len(all) != 64 {
		t.Errorf("the walk met %d users, want all 64 others", len(all))
	}
	if got := slices.Concat(exact.walk(t, "/api/crowd-0/recommendations")...); len(got) != 32 {
		t.Errorf("the walk met %d recommendations, want 32", len(got))
	}
}

func onList(u engine.User, id engine.AnimeID) bool {
	l, err := u.List.Unpack(nil)
	if err != nil {
		panic(err)
	}
	return slices.ContainsFunc(l, func(e engine.Entry) bool { return e.Anime == id })
}

// Every number is taken into the range; the answer is the one to the number it is taken for, to the byte.
func TestNumbers(t *testing.T) {
	t.Parallel()
	a := start(t, func(s *setup) { s.world = crowd(1345, 400) })
	for _, of := range []struct {
		target, name string
		last         string
	}{
		{"/api/crowd-0/recommendations?", "page", "20"},
		{"/api/crowd-0/recommendations?", "batch", "40"},
		{"/api/crowd-0/recommendations/crowd-3?", "page", "20"},
		{"/api/crowd-0/similar?", "page", "40"},
		{"/api/crowd-0/random?seed=5&", "batch", "40"},
	} {
		for _, test := range []struct{ query, want string }{
			{"%s=1", "1"},
			{"", "1"},
			{"%s", "1"},
			{"%s=", "1"},
			{"%s=%%20", "1"},
			{"%s=0", "1"},
			{"%s=-0", "1"},
			{"%s=-1", "1"},
			{"%s=-1e9", "1"},
			{"%s=-99999999999999999999", "1"},
			{"%s=-1e999", "1"},
			{"%s=0.99", "1"},
			{"%s=1e-999", "1"},
			{"%s=1.999", "1"},
			{"%s=.2e1", "2"},
			{"%s=2", "2"},
			{"%s=2.7", "2"},
			{"%s=2.", "2"},
			{"%s=02", "2"},
			{"%s=+2", "2"}, // a space and a 2
			{"%s=%%2B2", "2"},
			{"%s=2%%20", "2"},
			{"%s=%%32", "2"},
			{"%%" + hex(of.name) + "=2", "2"},
			{"%s=2&%s=3", "2"}, // the first counts
			{"other=x&%s=2", "2"},
			{"%s=2;", "400"},
			{"%s=2E0", "2"},
			{"%s=41", of.last},
			{"%s=1e9", of.last},
			{"%s=2147483648", of.last},
			{"%s=9223372036854775808", of.last},
			{"%s=99999999999999999999", of.last},
			{"%s=+1e999", of.last},
			{"%s=%%2B1e999", of.last},
			{"%s=" + strings.Repeat("9", 10_000), of.last},
			{"%s=" + strings.Repeat("0", 10_000) + "2", "2"},
			{"%s=abc", "400"},
			{"%s=abc&%s=2", "400"},
			{"%s=1x", "400"},
			{"%s=x1", "400"},
			{"%s=1x1", "400"},
			{"%s=1%%202", "400"},
			{"%s=NaN", "400"},
			{"%s=nan", "400"},
			{"%s=Inf", "400"},
			{"%s=-infinity", "400"},
			{"%s=0x10", "400"},
			{"%s=0b1", "400"},
			{"%s=1_0", "400"},
			{"%s=1,5", "400"},
			{"%s=--1", "400"},
			{"%s=1e", "400"},
			{"%s=e", "400"},
			{"%s=.", "400"},
			{"%s=-", "400"},
			{"%s=%%2B", "400"},
			{"%s=null", "400"},
			{"%s=[1]", "400"},
			{"%s=%%00", "400"},
			{"%s=1%%00", "400"},
			{"%s=%%zz", "400"},
			{"%s=%%D9%%A3", "400"}, // an Arabic 3
			{"%s=" + strings.Repeat("z", 10_000), "400"},
			{"%s='%%20OR%%201=1--", "400"},
			{"%s=<script>", "400"},
		} {
			query := strings.ReplaceAll(strings.ReplaceAll(test.query, "%s", of.name), "%%", "%")
			target := of.target + query
			if test.want == "400" {
				got := a.ask(t, http.MethodGet, target)
				got.refused(t, target, http.StatusBadRequest, "InvalidParameter")
				if message := read[struct{ Message string }](t, got.body).Message; !strings.HasPrefix(message, of.name+"=") || len(message) > 250 {
					t.Errorf("%.200s: %q does not name the parameter", target, message)
				}
				continue
			}
			if got, want := a.get(t, target, http.StatusOK), a.get(t, of.target+of.name+"="+test.want, http.StatusOK); got.body != want.body {
				t.Errorf("%.200s: %.200s\nwant that of %s: %.200s", target, got.body, test.want, want.body)
			}
		}
	}
	if first, second := a.get(t, "/api/crowd-0/random?seed=5&batch=39", 200), a.get(t, "/api/crowd-0/random?seed=5&batch=40", 200); first.body == second.body {
		t.Error("batch 39 is batch 40")
	}
}

// hex percent-encodes the first letter, without the percent sign.
func hex(s string) string { return fmt.Sprintf("%x%s", s[0], s[1:]) }

func TestOrders(t *testing.T) {
	for _, configured := range []engine.Order{"", engine.Classic, engine.Taste} {
		a := start(t, func(s *setup) { s.handlers.Order = configured })
		for _, target := range []string{"/api/spike/recommendations?", "/api/spike/recommendations/ein?", "/api/spike/random?seed=1&"} {
			want := a.get(t, target, http.StatusOK).body
			for _, query := range []string{"order=classic", "order=taste", "order=", "order", "order=classic&order=x"} {
				if got := a.get(t, target+query, http.StatusOK).body; got != want {
					t.Errorf("%s%s: %s, want %s", target, query, got, want)
				}
			}
			for _, order := range []string{"Taste", "CLASSIC", "classic%00", "nonsense", "%20", "1", "';--", "%zz", strings.Repeat("x", 10_000)} {
				a.ask(t, http.MethodGet, target+"order="+order).refused(t, target+order, http.StatusBadRequest, "InvalidParameter")
			}
		}
		// What an endpoint does not have is ignored.
		a.get(t, "/api/spike/similar?order=nonsense&batch=x&seed=x", http.StatusOK)
		a.get(t, "/api/spike/recommendations/ein?batch=x&seed=x", http.StatusOK)
		a.get(t, "/api/spike/recommendations?seed=x", http.StatusOK)
		a.get(t, "/api/spike/compare/ein?page=x&batch=x&order=x&seed=x", http.StatusOK)
		a.get(t, "/api/spike/random?page=x", http.StatusOK)
	}
}

func TestSeeds(t *testing.T) {
	t.Parallel()
	a := start(t, func(s *setup) { s.world = crowd(100, 300) })
	const target = "/api/crowd-0/random?seed="
	draws := map[string]bool{}
	for _, seed := range []string{"0", "1", "2", "007", "%2042", "9007199254740991"} {
		got := a.get(t, target+seed, http.StatusOK)
		if again := a.get(t, target+seed, http.StatusOK); again.body != got.body {
			t.Errorf("seed %s draws %s, then %s", seed, got.body, again.body)
		}
		b := read[body](t, got.body)
		if n := len(read[[]recommendation](t, string(b.Data))); n != engine.RandomSize {
			t.Errorf("seed %s draws %d", seed, n)
		}
		draws[string(b.Data)] = true
	}
	if len(draws) != 6 {
		t.Errorf("six seeds make %d draws", len(draws))
	}
	if got := read[body](t, a.get(t, target+"9007199254740991", 200).body).Seed; got != engine.MaxSeed {
		t.Errorf("seed %d, want the one sent", got)
	}
	for _, seed := range []string{
		"-1", "abc", "9007199254740992", "18446744073709551615", "18446744073709551616", strings.Repeat("9", 10_000), "1.5", "1e3", "0x1", "1_0", "%2B1", "NaN", "%00", "1%202",
	} {
		a.ask(t, http.MethodGet, target+seed).refused(t, target+seed, http.StatusBadRequest, "InvalidParameter")
	}

	for _, query := range []string{"", "?seed=", "?seed", "?seed=%20"} {
		first := a.get(t, "/api/crowd-0/random"+query, http.StatusOK)
		second := a.get(t, "/api/crowd-0/random"+query, http.StatusOK)
		seed := read[body](t, first.body).Seed
		if seed == read[body](t, second.body).Seed || seed > engine.MaxSeed {
			t.Errorf("%q draws seed %d again, or one too large", query, seed)
		}
		if again := a.get(t, fmt.Sprint(target, seed), http.StatusOK); again.body != first.body {
			t.Errorf("seed %d repeats %s, want %s", seed, again.body, first.body)
		}
	}
}

// Two stores that were built of the same data, in batches of different size, answer the same bytes.
func TestSameDataSameBytes(t *testing.T) {
	t.Parallel()
	w := crowd(200, 150)
	one := start(t, func(s *setup) { s.world = w })
	two := start(t, func(s *setup) { s.world = world{} })
	for i := 0; i < len(w.anime); i += 7 {
		if err := two.engine.ImportAnime(t.Context(), w.anime[i:min(i+7, len(w.anime))]); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < len(w.users); i += 13 {
		two.fill(t, world{users: w.users[i:min(i+13, len(w.users))]})
	}
	for i := range 20 {
		name := fmt.Sprintf("/api/crowd-%d/", 10*i)
		for _, target := range []string{
			"similar", "similar?page=2", "similar?page=7", "recommendations", "recommendations?page=2", "recommendations?batch=2",
			"recommendations?batch=3&page=3", "recommendations/crowd-99", "compare/crowd-5", "random?seed=12345", "random?batch=2&seed=1",
		} {
			got, want := two.get(t, name+target, http.StatusOK).body, one.get(t, name+target, http.StatusOK).body
			if got != want {
				t.Errorf("%s%s: %s\nand %s", name, target, got, want)
			}
			if again := one.get(t, name+target, http.StatusOK).body; again != want {
				t.Errorf("%s%s: %s\nand then %s", name, target, want, again)
			}
		}
	}
}
