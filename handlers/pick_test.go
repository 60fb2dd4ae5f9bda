package handlers_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"reko.moe/engine"
)

// What was picked is recommended for as the engine does for such a list, and nothing of it is stored.
func TestPicked(t *testing.T) {
	a := taught(t, nil)
	known := a.engine.WellKnown()
	users := a.engine.Users()
	var ids []engine.AnimeID
	target := "/pick?"
	for _, x := range []int{0, 7, 11, 20, 33} {
		ids = append(ids, known[x].ID)
		target += fmt.Sprintf("anime=%d&", known[x].ID)
	}
	target = strings.TrimSuffix(target, "&")
	list, err := engine.Picked(ids)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		query string
		q     engine.Query
	}{
		{"", engine.Query{}},
		{"&page=2&niche=4", engine.Query{Page: 2, Niche: 2}},
		{"&order=classic&batch=2", engine.Query{Order: engine.Classic, Batch: 2}},
		{fmt.Sprintf("&without=%d", ids[1]), engine.Query{Without: ids[1:2]}},
		{"&type=movie", engine.Query{Filter: engine.Filter{Type: "movie"}}},
	} {
		want, err := a.engine.RecommendList(t.Context(), list, test.q)
		if err != nil {
			t.Fatal(err)
		}
		got := a.get(t, target+test.query, http.StatusOK)
		cards := shownCards(t, got.body)
		if len(cards) != len(want.Data.Items) || len(cards) == 0 {
			t.Errorf("%s: %d cards, want %d", test.query, len(cards), len(want.Data.Items))
			continue
		}
		for i, r := range want.Data.Items {
			c := cards[i]
			if c.id != int(r.Anime.ID) || c.expected != fmt.Sprintf("%.1f", r.Expected) || len(c.because) != len(r.Because) {
				t.Errorf("%s: card %d is %+v, want %q, %v", test.query, i, c, r.Anime.Title, r.Expected)
			}
			for k, in := range r.Because {
				if c.because[k].title != in.Anime.Title || k == 0 && c.summary != "Because you picked "+in.Anime.Title {
					t.Errorf("%s: %q %q has the influence %+v, want %q", test.query, c.title, c.summary, c.because[k], in.Anime.Title)
				}
			}
		}
		if !strings.Contains(got.body, `content="noindex, nofollow"`) {
			t.Errorf("%s: search engines may list it", test.query)
		}
		for _, id := range ids {
			if !strings.Contains(got.body, fmt.Sprintf(`form="filter" name="anime" value="%d"`, id)) {
				t.Errorf("%s: the form does not carry pick %d", test.query, id)
			}
		}
	}
	if got := a.get(t, target+"&from=x", http.StatusOK); len(shownCards(t, got.body)) == 0 || strings.Contains(got.body, "From the list of") {
		t.Error("picks are from one user's list")
	}
	part := a.ask(t, http.MethodGet, target+"&niche=2&order=taste&type=", "HX-Request", "true", "HX-Target", "results")
	if pushed := part.header.Get("Hx-Push-Url"); pushed != target || !strings.HasPrefix(part.body, `<div id="results"`) {
		t.Errorf("htmx is told %q, want %q: %.80s", pushed, target, part.body)
	}
	if form := a.get(t, target+"&find=&show=yes", http.StatusSeeOther); form.header.Get("Location") != target {
		t.Errorf("what the form sends leads to %q, want %q", form.header.Get("Location"), target)
	}
	if got := a.engine.Users(); got != users {
		t.Errorf("there are %d users, and were %d", got, users)
	}
}

func TestPicking(t *testing.T) {
	a := taught(t, nil)
	known := a.engine.WellKnown()
	first, last := known[0], known[len(known)-1]
	start := a.get(t, "/pick", http.StatusOK).body
	boxes := regexp.MustCompile(`<input class="sr-only" type="checkbox" name="anime" value="(\d+)"( checked)?>`).FindAllStringSubmatch(start, -1)
	if len(boxes) != len(known) || strings.Contains(start, " checked") {
		t.Errorf("%d anime are offered, want %d, none picked", len(boxes), len(known))
	}
	if strings.Contains(start, "noindex") || !strings.Contains(a.get(t, "/pick?find=x", http.StatusOK).body, "noindex") {
		t.Error("search engines may list /pick, and nothing else of it")
	}

	// Who wants to be shown something has to pick something.
	const missing = "Pick at least one"
	if got := a.get(t, "/pick?show=yes", http.StatusOK).body; strings.Contains(start, missing) || !strings.Contains(got, missing) {
		t.Error("who picked nothing is not told so, or who has not asked yet is")
	}

	// What is picked is still picked when something else is looked for.
	title := last.Title
	target := fmt.Sprintf("/pick?anime=%d&anime=%d&choose=yes&find=%s", first.ID, last.ID, strings.ReplaceAll(title, " ", "+"))
	body := a.get(t, target, http.StatusOK).body
	for _, want := range []string{
		fmt.Sprintf(`type="checkbox" name="anime" value="%d" checked`, last.ID), fmt.Sprintf(`<input type="hidden" name="anime" value="%d">`, first.ID), "2 picked",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%s lacks %s", target, want)
		}
	}
	part := a.ask(t, http.MethodGet, fmt.Sprintf("/pick?choose=yes&anime=%d", first.ID), "HX-Request", "true", "HX-Target", "picks")
	if !strings.HasPrefix(part.body, `<div id="picks"`) || part.header.Get("Hx-Replace-Url") != fmt.Sprintf("/pick?anime=%d&choose=yes", first.ID) {
		t.Errorf("the part with the picks: %q %.80s", part.header.Get("Hx-Replace-Url"), part.body)
	}
	if none := a.get(t, "/pick?choose=yes&find=%3Cscript%3Ealert(1)", http.StatusOK).body; !strings.Contains(none, "There is none") || strings.Contains(none, "<script>alert") {
		t.Error("looking for nonsense is not answered by nothing, or is markup")
	}
}

func TestBadPicks(t *testing.T) {
	a := taught(t, nil)
	var many strings.Builder
	for _, x := range a.engine.WellKnown()[:21] {
		fmt.Fprintf(&many, "%d,", x.ID)
	}
	for _, test := range []struct{ query, says string }{
		{"anime=x", "anime=&#34;x&#34; is not the id of an anime that is known here."},
		{"anime=0", "is not the id of an anime that is known here."},
		{"anime=-1", "is not the id of an anime that is known here."},
		{"anime=9999999999999999999", "is not the id of an anime that is known here."},
		{"anime=4000000", "anime=&#34;4000000&#34; is not the id of an anime that is known here."},
		{"anime=4000000,4000001", "anime=&#34;4000000&#34; is not"},
		{"anime=4000000,x", "anime=&#34;x&#34; is not"},
		{"anime=%3Cscript%3E", "anime=&#34;&lt;script&gt;&#34; is not the id of an anime"},
		{"anime=" + many.String(), "is not one of the first 20: no more can be picked."},
		{"anime=1&without=x", "without=&#34;x&#34; is not the id of an anime"},
		{"anime=1&niche=x", "niche=&#34;x&#34; is not a number"},
		{"anime=1&order=x", "is not taste or classic"},
	} {
		got := a.ask(t, http.MethodGet, "/pick?"+test.query, "Accept", "text/html")
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, test.says) {
			t.Errorf("%s: %d, want 400 and %q", test.query, got.status, test.says)
		}
	}
	twenty := strings.Join(strings.Split(many.String(), ",")[:20], ",")
	if got := a.get(t, "/pick?anime="+twenty+","+twenty, http.StatusOK); len(shownCards(t, got.body)) == 0 {
		t.Error("20 picks, each named twice, recommend nothing")
	}
}

// Who has no list, or none that can be read, is shown the way.
func TestWaysToPick(t *testing.T) {
	a := start(t, nil)
	for target, status := range map[string]int{"/": 200, "/u/nobody": 404, "/u/ed": 422} {
		main, _, _ := strings.Cut(a.get(t, target, status).body, "<footer")
		if !strings.Contains(main, `<a href="/pick">`) {
			t.Errorf("%s does not lead to /pick", target)
		}
	}
}

// An address outlives an anime that it names: the others recommend what they would without it.
func TestPicksThatAreGone(t *testing.T) {
	a := taught(t, nil)
	known := a.engine.WellKnown()
	want := shownCards(t, a.get(t, fmt.Sprintf("/pick?anime=%d,%d", known[0].ID, known[7].ID), http.StatusOK).body)
	got := shownCards(t, a.get(t, fmt.Sprintf("/pick?anime=%d,4000000,%d", known[0].ID, known[7].ID), http.StatusOK).body)
	if len(want) == 0 || len(got) != len(want) {
		t.Fatalf("%d cards with one that is gone, %d without", len(got), len(want))
	}
	for i := range want {
		if got[i].id != want[i].id {
			t.Errorf("card %d is %q, want %q", i, got[i].title, want[i].title)
		}
	}
}
