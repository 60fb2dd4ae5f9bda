package views

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"reko.moe/engine"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Invented values for the components.
var (
	now   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	spike = engine.Requester{
		Card: engine.Card{ID: 1, Name: "spike", Hash: 0x1104410102000000}, Origin: engine.FromMAL, Entries: 120, FetchedAt: now.Add(-3 * time.Hour),
	}
	faye  = engine.Neighbour{Card: engine.Card{ID: 2, Name: "faye_v", Hash: 0x1104410102000003}, Distance: 2}
	ed    = engine.Neighbour{Card: engine.Card{ID: 3, Name: "radical-ed", Hash: 0xda9bcb6ea90d5080}, Distance: 31}
	bebop = &engine.Anime{
		ID: 1, Title: "Cowboy Bebop", English: "Cowboy Bebop", Type: "tv", Episodes: 26, Mean: 8.75, Rating: engine.RatingR,
		Start: engine.Date{Year: 1998, Month: 4, Day: 3}, Status: engine.FinishedAiring, Picture: "https://cdn.myanimelist.net/images/anime/4/19644.jpg",
		Genres: []engine.Genre{{ID: 1, Name: "Action"}, {ID: 24, Name: "Sci-Fi"}},
	}
	film  = &engine.Anime{ID: 5, Title: "Tengoku no Tobira", English: "Knockin' on Heaven's Door", Type: "movie", Episodes: 1, Mean: 8.38, Start: engine.Date{Year: 2001}}
	nasty = &engine.Anime{
		ID: 666, Title: `<script>alert("title")</script>`, Type: `"><img src=x onerror=alert(1)>`, Mean: 5, Picture: `javascript:alert("picture")`,
		Genres: []engine.Genre{{ID: 1, Name: `</p><script>alert("genre")</script>`}, {ID: 2, Name: `' onmouseover='alert(1)`}},
	}
	recs = []engine.Recommendation{
		{Anime: bebop, Score: 9, Votes: []engine.Vote{{Neighbour: &faye, Score: 10}, {Neighbour: &ed, Score: 8}}},
		{Anime: film, Score: 8, Votes: []engine.Vote{{Neighbour: &ed, Score: 8}}},
		{Anime: nasty, Score: 1, Votes: []engine.Vote{{Neighbour: &faye, Score: 1}}},
	}
	why = []engine.Influence{
		{Anime: film, Weight: 0.8, Status: engine.Completed}, {Anime: nasty, Weight: 0.2, Status: engine.Planned}, {Anime: bebop, Weight: 0.0001, Status: engine.Dropped},
	}
	explained = engine.Recommendation{Anime: bebop, Score: 9, Votes: []engine.Vote{{Neighbour: &faye, Score: 9}}, Match: 1.5, Because: why, Expected: 8.24}
	hostile   = engine.Recommendation{
		Anime: bebop, Score: 1, Votes: []engine.Vote{{Neighbour: &faye, Score: 9}}, Because: []engine.Influence{{Anime: nasty, Weight: 0.2, Status: engine.OnHold}}, Expected: 1,
	}
	byTaste = State{
		Name: "spike", Page: 2, Model: true, Usual: engine.Classic, Order: engine.Taste, Niche: 1, Without: []engine.AnimeID{666},
		Filter: engine.Filter{Without: []int{10}},
	}
	picked = State{Picked: []engine.AnimeID{5, 666}, Page: 1, Model: true, Niche: -2}
	page   = Page{Title: "A page", Description: "What it is about.", Path: "/a?b=c", PublicURL: "https://reko.example"}
	state  = State{Name: "spike", Page: 2, Batch: 1, Filter: engine.Filter{With: []int{1, 24}, Type: "tv", From: 1990}}
	admin  = AdminPage{
		Page: Page{Title: "A part", Path: "/admin/keys?page=2", Flash: "Done."}, Admin: "spike", Token: "TOKEN", Here: "/admin/keys", Now: now,
	}
	view = CardView{Name: "spike", CanHide: true, Back: "/u/spike?page=2", Saved: map[engine.AnimeID]bool{5: true}}
)

// done is what admins did.
var done = []engine.Action{
	{At: now, Admin: "spike", What: "revoked the key", On: `1 of <script>alert("x")</script>`, From: "::1"}, {At: now.Add(-time.Hour), What: "failed to log in", From: "<i>no"},
}

// from is an answer with these recommendations.
func from(items ...engine.Recommendation) engine.Answer[engine.Recommendations] {
	return engine.Answer[engine.Recommendations]{
		Requester: spike, Page: engine.Page{Current: 2, More: true},
		Data: engine.Recommendations{Items: items, From: []engine.Neighbour{faye, ed}, Total: len(items)},
	}
}

// samples are the components as the golden files have them.
var samples = map[string]templ.Component{
	"layout":              layout(page),
	"layout-choice":       layout(Page{Title: "B", Path: "/", Theme: "dark", Name: "spike", Saved: 3, Demo: true, Index: true, Flash: "Done."}),
	"print":               Print("spike", spike.Hash, &faye.Hash, "h-8"),
	"small-print":         SmallPrint(ed.Hash, "h-4"),
	"card":                Card(recs[0], view),
	"card-saved":          Card(recs[1], view),
	"card-single":         Card(recs[0], CardView{Name: "spike", Single: true}),
	"card-nasty":          Card(recs[2], view),
	"card-because":        Card(explained, CardView{Name: "spike", Leave: &byTaste}),
	"card-because-nasty":  Card(hostile, CardView{Name: "spike", Leave: &byTaste}),
	"card-because-single": Card(explained, CardView{Name: "spike", Single: true}),
	"card-because-picked": Card(explained, CardView{Leave: &picked}),
	"person":              person(spike, "similar", now),
	"person-stale": person(engine.Requester{Card: spike.Card, Origin: engine.FromMAL, Entries: 1, FetchedAt: now.Add(-200 * time.Hour), Stale: true},
		"random", now),
	"person-demo":     person(engine.Requester{Card: ed.Card, Origin: engine.FromDemo, Entries: 2}, "recommendations", now),
	"filter":          filterForm(state),
	"filter-ordering": filterForm(byTaste),
	"recommendations-without": Recommendations(RecommendationsView{
		State: byTaste, Answer: from(explained), Out: []*engine.Anime{nasty}, Cards: CardView{Name: "spike", Leave: &byTaste}, Now: now,
	}),
	"recommendations-unordered": Recommendations(RecommendationsView{
		State: State{Name: "spike", Order: engine.Classic, Niche: -1, Without: []engine.AnimeID{5}}, Answer: from(recs[1]), Cards: view, Now: now,
	}),
	"pick":          inside(PickPage(page, PickView{Find: `"><script>alert(1)</script>`, Offered: []*engine.Anime{bebop, nasty}, Picked: []*engine.Anime{film, nasty}})),
	"pick-start":    inside(PickPage(page, PickView{Offered: []*engine.Anime{bebop, film}})),
	"pick-none":     inside(PickPage(page, PickView{Find: "x"})),
	"picks-missing": Picks(PickView{Missing: true}),
	"card-hidden":   Hidden(nasty, "/u/spike?page=2"),
	"hidden-note":   hiddenNote(state, 2),
	"home-alone":    inside(HomePage(page, HomeView{Users: 400, Examples: []engine.Card{faye.Card}})),
	"error-unasked": inside(ErrorPage(page, ErrorView{Status: 404, Title: "Nobody", Text: "None.", Kind: "unasked"})),
	"picked": inside(PickedPage(page, RecommendationsView{State: picked, Answer: from(explained), Cards: CardView{Leave: &picked}, Now: now},
		[]*engine.Anime{film, nasty})),
	"about-untaught":  inside(AboutPage(page, AboutView{Users: 12207, Contact: "hello@example.org"})),
	"recommendations": Recommendations(RecommendationsView{State: state, Answer: from(recs...), Cards: view, Now: now}),
	"recommendations-single": Recommendations(RecommendationsView{
		State: State{Name: "spike", From: "faye_v", Page: 1, Batch: 3}, Answer: from(recs[0]), Single: &faye, Cards: CardView{Name: "spike", Single: true}, Now: now,
	}),
	"recommendations-none": Recommendations(RecommendationsView{State: State{Name: "spike"}, Answer: from(), Now: now}),
	"nothing":              nothing(state, []engine.Loosening{{Criterion: engine.ByWith, Count: 12}, {Criterion: engine.ByHidden, Count: 1}}),
	"nothing-to-blame":     nothing(state, nil),
	"similar": Similar(SimilarView{Answer: engine.Answer[[]engine.Neighbour]{
		Requester: spike, Page: engine.Page{Current: 1, More: true}, Data: []engine.Neighbour{faye, ed},
	}, Now: now}),
	"random": Random(RandomView{State: State{Name: "spike", Random: true, Seed: "7"}, Answer: engine.Answer[engine.Draw]{
		Requester: spike, Data: engine.Draw{Seed: 7, Picks: recs[:1]},
	}, Cards: view, Now: now}),
	"compare": Compare(CompareView{Answer: engine.Answer[engine.Comparison]{Requester: spike, Data: engine.Comparison{
		Neighbour: faye, SharedAll: 12, ForMe: recs[:1],
		Shared: []engine.Shared{{Anime: nasty, Mine: 9, Theirs: 2}, {Anime: bebop, Mine: 10, Theirs: 10}, {Anime: film, Mine: 0, Theirs: 7}},
	}}, Cards: CardView{Name: "spike", Single: true}}),
	"compare-stale": Compare(CompareView{Answer: engine.Answer[engine.Comparison]{
		Requester: engine.Requester{Card: spike.Card, Origin: engine.FromMAL, FetchedAt: now.Add(-200 * time.Hour), Stale: true},
		Data:      engine.Comparison{Neighbour: faye},
	}, Now: now}),
	"home":                 HomePage(page, HomeView{Upstream: true, Users: 12207, Titles: 30761, Examples: []engine.Card{faye.Card, ed.Card}, Preview: recs[:1], Cards: view}),
	"saved":                Saved([]*engine.Anime{bebop, nasty}, ""),
	"saved-none":           Saved(nil, "spike"),
	"about":                AboutPage(page, AboutView{Name: "spike", Hash: spike.Hash, Other: faye.Card, Similar: 98, Users: 12207, Sums: []Sum{{"PG-13", 12}, {"about 12 episodes", 7}}, For: bebop, Because: why}),
	"error-unknown":        ErrorPage(page, ErrorView{Status: 404, Title: "Nobody", Text: `No user “<b>”.`, Kind: "unknown", Near: []engine.Card{faye.Card}}),
	"error-crowded":        CrowdedPage("Too many at once", "Wait <a> moment.", true),
	"error-private":        ErrorPage(page, ErrorView{Status: 403, Title: "Private", Text: "It is.", Kind: "private"}),
	"error-500":            ErrorPage(page, ErrorView{Status: 502, Title: "Upstream", Text: "Down.", Retry: 30, Request: "0123456789abcdef"}),
	"error-limited":        ErrorPage(page.again(30), ErrorView{Status: 429, Title: "Too much", Text: "Wait.", Kind: "limited", Retry: 30}),
	"error-invalid":        ErrorPage(page, ErrorView{Status: 400, Title: "No sense", Text: `b="c" is none.`, Kind: "invalid"}),
	"flash-limited":        FlashLimited(`<i>no</i>`, 1),
	"wait":                 Wait(page, "spike", 3),
	"admin-error":          inside(AdminErrorPage(admin, ErrorView{Status: 502, Title: "Upstream", Text: `No “<b>”.`, Retry: 30, Request: "0123456789abcdef"})),
	"admin-first":          inside(FirstAdminPage(page)),
	"admin-login":          inside(LoginPage(page, LoginView{Token: "TOKEN", Next: "/admin/log?page=2", Name: `"><script>alert(1)</script>`, Wrong: "No."})),
	"admin-overview":       inside(OverviewPage(admin, overview)),
	"admin-overview-new":   Overview(admin, OverviewView{Span: "month", Charts: []LineChart{{ID: "none", Title: "None", Format: PerMinute}}}),
	"admin-portrait":       inside(PortraitPage(admin, portraitOf(spike, "spike"))),
	"admin-portrait-empty": inside(PortraitPage(admin, portraitOf(engine.Requester{Card: engine.Card{Name: "ed"}, Origin: engine.Uploaded}, "ed"))),
	"chart-lines":          Lines(lineChart),
	"chart-log":            Lines(logChart),
	"chart-stacked":        Lines(stackedChart),
	"chart-bars":           Bars(barChart),
	"chart-bars-none":      Bars(BarChart{ID: "none", Title: "None"}),
	"chart-columns":        Columns(columnChart),
	"admin-jobs": Jobs(admin, JobsView{Jobs: []JobLine{
		{Name: "hashes", About: "make hashes", Every: 90 * time.Second},
		{Name: "refresh", About: "fetch lists", Every: time.Hour, Running: true, Last: []RunLine{
			{Started: now.Add(-time.Hour), Took: 1234 * time.Millisecond, Outcome: "1 of 2", Err: "<script>alert(1)</script>\nand more"},
		}},
	}}),
	"admin-job": inside(JobPage(admin, JobLine{Name: "hashes", About: "make hashes", Every: time.Minute, Last: []RunLine{{Started: now, Outcome: "none"}, {Started: now, Interrupted: true}}})),
	"admin-users": inside(UsersPage(admin, UsersView{Query: "a&b", Refresh: true, Page: engine.Page{Current: 2, More: true}, Users: []engine.UserLine{
		{Card: faye.Card, Origin: engine.FromMAL, Entries: 1200, FetchedAt: now.Add(-time.Hour), Failures: 2},
		{Card: engine.Card{Name: "guest-abc"}, Origin: engine.Uploaded, Unlisted: true},
		{Card: ed.Card, Origin: engine.FromMAL, PrivateAt: now},
	}})),
	"admin-kept-out": inside(KeptOutPage(admin, KeptOutView{Name: "spike", Kept: []engine.KeptOut{
		{Hash: engine.NameHash{0xab, 1}, At: now.Add(-time.Hour)}, {Hash: engine.NameHash{1}, At: now.Add(-50 * time.Hour)},
	}})),
	"admin-kept-out-wrong": inside(KeptOutPage(admin, KeptOutView{Name: `"><script>alert(1)</script>`, Wrong: "No."})),
	"admin-users-none":     inside(UsersPage(admin, UsersView{Query: "x"})),
	"admin-anime": inside(AnimePage(admin, AnimeView{
		Query: "a&b", Page: engine.Page{Current: 1, More: true},
		Found:    []AnimeLine{{ID: 1, Anime: bebop}, {ID: 666, Anime: nasty, Excluded: &engine.Exclusion{Anime: 666, Admin: "faye", At: now}}},
		Excluded: []AnimeLine{{ID: 21, Configured: true}},
	})),
	"admin-anime-none": inside(AnimePage(admin, AnimeView{})),
	"admin-keys": inside(KeysPage(admin, KeysView{Made: "reko_KEY", For: "<b>”", Keys: []engine.Key{
		{ID: 2, Name: `<script>alert("key")</script>`, MadeAt: now, Uses: 1234, UsedAt: now}, {ID: 1, Name: "old", RevokedAt: now.Add(-50 * time.Hour)},
	}})),
	"admin-keys-wrong": inside(KeysPage(admin, KeysView{Name: "x", Wrong: "No."})),
	"admin-admins":     inside(AdminsPage(admin, AdminsView{Admins: []engine.Admin{{Name: "faye"}, {Name: "spike", MadeAt: now, LoggedInAt: now}}})),
	"admin-last":       inside(AdminsPage(admin, AdminsView{Name: "x", Wrong: "No.", Admins: []engine.Admin{{Name: "spike"}}})),
	"admin-log":        inside(LogPage(admin, LogView{Actions: done, Page: engine.Page{Current: 2}})),
	"flash":            FlashText(`<i>no</i>`),
}

// inside is what a page has that other pages have not.
func inside(page templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		var b strings.Builder
		if err := page.Render(ctx, &b); err != nil {
			return err
		}
		_, rest, _ := strings.Cut(b.String(), "<main")
		rest, _, _ = strings.Cut(rest, "</main>")
		_, err := io.WriteString(w, "<main"+rest+"</main>")
		return err
	})
}

// render returns a component's HTML with a tag on each line, so that changes read well.
func render(t *testing.T, c templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(regexp.MustCompile(`><`).ReplaceAllString(b.String(), ">\n<")) + "\n"
}

// version is the part of static addresses that changes with every change of a static file.
var version = regexp.MustCompile(`/static/[0-9a-f]+/`)

func TestGolden(t *testing.T) {
	for name, component := range samples {
		t.Run(name, func(t *testing.T) {
			got := version.ReplaceAllString(render(t, component), "/static/VERSION/")
			file := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs; look at the change that go test ./views -update makes:\n%s", file, firstDifference(got, string(want)))
			}
		})
	}
	files, err := filepath.Glob("testdata/*.html")
	if err != nil || len(files) != len(samples) {
		t.Errorf("%d golden files for %d samples (%v)", len(files), len(samples), err)
	}
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got  " + g[i] + "\nwant " + w[i]
		}
	}
	return "one goes on after the other ends"
}

// What users are called, and what anime are called, is text wherever it appears.
func TestMarkupIsText(t *testing.T) {
	for name, component := range samples {
		html := render(t, component)
		for _, bad := range []string{"<script>alert", `"><script>`, "<img src=x", "<b>”", "<i>no", "' onmouseover='", `src="javascript:`, `href="javascript:`} {
			if strings.Contains(html, bad) {
				t.Errorf("%s has %s", name, bad)
			}
		}
	}
}

// The policy forbids styles and code in a page.
func TestNothingInline(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<style|\sstyle="|\son[a-z]+="|<script>|<script [^>]*>\s*[^<\s]`)
	for name, component := range samples {
		if at := inline.FindString(render(t, component)); at != "" {
			t.Errorf("%s has %s", name, at)
		}
	}
}

// htmx needs no eval, writes no styles into a page, and keeps no page in the browser's store, where the next one at this machine would find it.
func TestHtmxIsStrict(t *testing.T) {
	var config struct {
		AllowEval, IncludeIndicatorStyles *bool
		HistoryCacheSize                  *int
	}
	if err := json.Unmarshal([]byte(htmxConfig), &config); err != nil {
		t.Fatal(err)
	}
	if config.AllowEval == nil || *config.AllowEval || config.IncludeIndicatorStyles == nil || *config.IncludeIndicatorStyles ||
		config.HistoryCacheSize == nil || *config.HistoryCacheSize != 0 {
		t.Errorf("it is configured by %s", htmxConfig)
	}
}

func TestStateURL(t *testing.T) {
	for _, test := range []struct {
		state State
		want  string
	}{
		{State{Name: "spike"}, "/u/spike"},
		{State{Name: "spike", Page: 1, Batch: 1}, "/u/spike"},
		{State{Name: "spike", Page: 3, Batch: 2}, "/u/spike?batch=2&page=3"},
		{State{Name: "spike", Random: true, Seed: "9"}, "/u/spike/random?seed=9"},
		{state, "/u/spike?genre=1&genre=24&page=2&since=1990&type=tv"},
		{state.without(engine.ByWith), "/u/spike?since=1990&type=tv"},
		{state.withFrom("faye_v"), "/u/spike?from=faye_v&genre=1&genre=24&since=1990&type=tv"},
		{state.withBatch(2), "/u/spike?batch=2&genre=1&genre=24&since=1990&type=tv"},
		{State{Name: "spike", Niche: -2, Without: []engine.AnimeID{5, 7}}, "/u/spike?niche=0&without=5&without=7"},
		{State{Name: "spike", Order: engine.Taste}, "/u/spike"},
		{State{Name: "spike", Order: engine.Classic}, "/u/spike?order=classic"},
		{state.withoutFilter(), "/u/spike"},
		{State{Name: "spike", Order: engine.Taste, Usual: engine.Classic}, "/u/spike?order=taste"},
		{State{Name: "spike", Order: engine.Classic, Usual: engine.Classic}, "/u/spike"},
		{State{Name: "spike", Page: 3, Without: []engine.AnimeID{5}}.leaving(7), "/u/spike?without=5&without=7"},
		{State{Name: "spike", Page: 3, Without: []engine.AnimeID{5, 7}}.counting(5), "/u/spike?without=7"},
		{State{Name: "spike", Random: true, Seed: "9", Niche: 2}.leaving(7), "/u/spike/random?niche=4&seed=9&without=7"},
		{State{Picked: []engine.AnimeID{7, 5}, Page: 2}, "/pick?anime=7&anime=5&page=2"},
		{State{Picked: []engine.AnimeID{7, 5}, Page: 2}.unpicked(7), "/pick?anime=5"},
		{State{Name: "a/b"}, "/u/a%2Fb"},
	} {
		if got := test.state.URL(); got != test.want {
			t.Errorf("URL of %+v = %s, want %s", test.state, got, test.want)
		}
	}
}

func TestWords(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{whole(0), "0"},
		{whole(999), "999"},
		{whole(1234567), "1,234,567"},
		{plural(1, "user", "users"), "1 user"},
		{plural(2000, "user", "users"), "2,000 users"},
		{in(1), "in 1 second"},
		{in(90), "in 90 seconds"},
		{in(91), "in 2 minutes"},
		{ago(now.Add(-30*time.Second), now), "just now"},
		{ago(now.Add(-90*time.Minute), now), "1 hour ago"},
		{ago(now.Add(-50*time.Hour), now), "2 days ago"},
		{ago(time.Date(2020, 5, 1, 0, 0, 0, 0, time.UTC), now), "on 1 May 2020"},
		{ago(time.Time{}, now), "at an unknown time"},
		{facts(bebop), "1998 · TV · 26 eps"},
		{facts(film), "2001 · Film"},
		{facts(&engine.Anime{}), ""},
		{initials("Cowboy Bebop"), "CB"},
		{took(1234 * time.Millisecond), "1.2 s"},
		{took(12 * time.Millisecond), "12 ms"},
		{took(3*time.Minute + 1234*time.Millisecond), "3 min 1 s"},
		{every(72 * time.Hour), "3 d"},
		{every(90 * time.Minute), "1 h 30 min"},
		{every(500 * time.Millisecond), "500 ms"},
		{initials("86"), "8"},
		{initials("“...”"), ""},
		{initials("進撃の巨人"), "進"},
		{squareTitle(0), "filled: more PG-13 than about 12 episodes"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

// Numbers can be read in the squares that they are woven of.
func TestWeave(t *testing.T) {
	var got strings.Builder
	for i, on := range weave(429) {
		if i%wovenColumns == 0 {
			got.WriteByte('\n')
		}
		got.WriteByte(" #"[map[bool]int{true: 1}[on]])
	}
	const want = `
# # ### ###
# #   # # #
### ### ###
  # #     #
  # ### ###`
	if got.String() != want {
		t.Errorf("429 is %s, want %s", got.String(), want)
	}
	for digit, w := range weaves {
		if len(w) != 15 || strings.Trim(w, "#.") != "" {
			t.Errorf("%d is %q", digit, w)
		}
	}
}
