package handlers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"iter"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"reko.moe/engine"
	"reko.moe/engine/demo"
	"reko.moe/engine/model"
)

// onceTrainer trains once, and has learnt the same from then on: to learn it again takes ten seconds with the race detector.
type onceTrainer struct {
	model.Trainer
	once  sync.Once
	bytes []byte
	err   error
}

func (o *onceTrainer) Train(_ context.Context, lists func() iter.Seq2[engine.List, error], c *engine.Catalogue) ([]byte, error) {
	o.once.Do(func() { o.bytes, o.err = o.Trainer.Train(context.Background(), lists, c) }) // not with the test that comes first
	for _, err := range lists() {                                                          // whoever trains counts them
		if err != nil {
			return nil, err
		}
	}
	return o.bytes, o.err
}

// taughtOnce has learnt from the invented users.
var taughtOnce onceTrainer

// taught starts an application over the invented users, with an item model that learnt from them.
func taught(t testing.TB, change func(*setup)) *app {
	t.Helper()
	a := start(t, func(s *setup) {
		s.world = world{anime: demo.Anime(), users: demo.Users()}
		s.engine.Trainer = &taughtOnce
		if change != nil {
			change(s)
		}
	})
	if _, err := a.engine.TrainModel(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.engine.Model(); !ok {
		t.Fatal("no model was made of the invented users")
	}
	return a
}

// shownCard is what a card says of an anime.
type shownCard struct {
	id       int
	title    string
	expected string // as it is shown
	summary  string
	because  []shownInfluence
}

type shownInfluence struct {
	title    string
	strength int    // percent of the strongest
	leave    string // address that leaves it out; empty: there is none
}

var (
	cardStart     = regexp.MustCompile(`<li class="card" id="anime-(\d+)">`)
	cardTitle     = regexp.MustCompile(`<h3>([^<]*)</h3>`)
	cardExpected  = regexp.MustCompile(`about </span>([\d.]+)<`)
	cardSummary   = regexp.MustCompile(`<details class="reason because"><summary><span>([^<]*)</span>`)
	cardInfluence = regexp.MustCompile(`(?s)<li><span>([^<]*)</span>(.*?)<span class="sr-only">(\d+) % of the strongest</span></li>`)
	href          = regexp.MustCompile(` href="([^"]*)"`)
)

// shownCards reads the cards of a page.
func shownCards(t testing.TB, page string) []shownCard {
	t.Helper()
	at := cardStart.FindAllStringSubmatchIndex(page, -1)
	var cards []shownCard
	for i, m := range at {
		end := len(page)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		text := page[m[0]:end]
		first := func(re *regexp.Regexp) string {
			if found := re.FindStringSubmatch(text); found != nil {
				return html.UnescapeString(found[1])
			}
			return ""
		}
		c := shownCard{title: first(cardTitle), expected: first(cardExpected), summary: first(cardSummary)}
		c.id, _ = strconv.Atoi(page[m[2]:m[3]])
		for _, in := range cardInfluence.FindAllStringSubmatch(text, -1) {
			shown := shownInfluence{title: html.UnescapeString(in[1])}
			shown.strength, _ = strconv.Atoi(in[3])
			if link := href.FindStringSubmatch(in[2]); link != nil {
				shown.leave = html.UnescapeString(link[1])
			}
			c.because = append(c.because, shown)
		}
		cards = append(cards, c)
	}
	return cards
}

// explained is a recommendation of the API with its explanation.
type explained struct {
	ID              int
	Details         struct{ Title string }
	Match, Expected *float64
	Because         []struct {
		ID     int
		Title  string
		Weight float64
	}
}

func (a *app) explained(t testing.TB, target string) []explained {
	t.Helper()
	var answer struct{ Data []explained }
	if err := json.Unmarshal([]byte(a.get(t, target, http.StatusOK).body), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Data
}

// agree checks that the cards say what the API says.
func agree(t *testing.T, what string, cards []shownCard, api []explained) {
	t.Helper()
	if len(cards) != len(api) || len(cards) == 0 {
		t.Errorf("%s: %d cards for %d recommendations", what, len(cards), len(api))
		return
	}
	for i, c := range cards {
		r := &api[i]
		if c.id != r.ID || c.title != r.Details.Title || r.Expected == nil || r.Match == nil {
			t.Errorf("%s: card %d is %d %q, and the API says %+v", what, i, c.id, c.title, *r)
			return
		}
		if shown, err := strconv.ParseFloat(c.expected, 64); err != nil || math.Abs(shown-*r.Expected) > 0.0551 { // both are rounded
			t.Errorf("%s: %q is expected to get %q, and the API says %v", what, c.title, c.expected, *r.Expected)
		}
		if len(c.because) != len(r.Because) {
			t.Errorf("%s: %q has %d influences, and the API says %d", what, c.title, len(c.because), len(r.Because))
			continue
		}
		for k, in := range r.Because {
			want := 100 * in.Weight / r.Because[0].Weight
			if got := c.because[k]; got.title != in.Title || math.Abs(float64(got.strength)-want) > 1.1 {
				t.Errorf("%s: influence %d on %q is %+v, and the API says %+v, %.1f %%", what, k, c.title, got, in, want)
			}
		}
		if len(r.Because) > 0 && !strings.Contains(c.summary, r.Because[0].Title) {
			t.Errorf("%s: %q is there %q, and the API says because of %q", what, c.title, c.summary, r.Because[0].Title)
		}
	}
}

func TestPagesExplainAsTheAPIDoes(t *testing.T) {
	a := taught(t, nil)
	because := 0
	for _, x := range demo.Examples()[:4] {
		similar, err := a.engine.Similar(t.Context(), x.Name, 1)
		if err != nil {
			t.Fatal(err)
		}
		other := similar.Data[0].Name
		for _, query := range []string{"", "page=2", "niche=0", "niche=4&page=2", "order=classic", "batch=2"} {
			cards := shownCards(t, a.get(t, "/u/"+x.Name+"?"+query, http.StatusOK).body)
			agree(t, x.Name+" "+query, cards, a.explained(t, "/api/"+x.Name+"/recommendations?explain=true&"+query))
			for _, c := range cards {
				because += len(c.because)
			}
		}
		for _, query := range []string{"", "niche=3"} {
			agree(t, x.Name+" from "+other+" "+query, shownCards(t, a.get(t, "/u/"+x.Name+"?from="+other+"&"+query, http.StatusOK).body),
				a.explained(t, "/api/"+x.Name+"/recommendations/"+other+"?explain=true&"+query))
			agree(t, x.Name+" random "+query, shownCards(t, a.get(t, "/u/"+x.Name+"/random?seed=7&"+query, http.StatusOK).body),
				a.explained(t, "/api/"+x.Name+"/random?explain=true&seed=7&"+query))
		}
	}
	if because < 500 {
		t.Errorf("there are %d influences on all of these pages, which is nearly none", because)
	}
}

// Whoever follows a link that leaves an influence out comes to a page where the match is lower by its weight, and which says so.
func TestLeaveOut(t *testing.T) {
	a := taught(t, nil)
	name := demo.Examples()[1].Name
	for _, page := range []struct{ html, api string }{
		{"/u/" + name + "?niche=3", "/api/" + name + "/recommendations"},
		{"/u/" + name + "/random?seed=5", "/api/" + name + "/random"},
	} {
		_, query, _ := strings.Cut(page.html, "?")
		before := a.explained(t, page.api+"?explain=true&"+query)
		at := slices.IndexFunc(before, func(r explained) bool { return len(r.Because) > 1 })
		why := before[at].Because[1]
		link := shownCards(t, a.get(t, page.html, http.StatusOK).body)[at].because[1].leave
		path, query, _ := strings.Cut(link, "?")
		values, err := url.ParseQuery(query)
		if err != nil || page.html[:strings.Index(page.html, "?")] != path || values.Get("without") != strconv.Itoa(why.ID) {
			t.Fatalf("the link on %s is %s, want one that leaves %d out", page.html, link, why.ID)
		}
		body := a.get(t, link, http.StatusOK).body
		after := a.explained(t, page.api+"?explain=true&"+query)
		agree(t, link, shownCards(t, body), after)
		for _, r := range after {
			for _, in := range r.Because {
				if in.ID == why.ID {
					t.Errorf("%s: %q still speaks for %q", link, in.Title, r.Details.Title)
				}
			}
			if r.ID == before[at].ID && math.Abs(*before[at].Match-*r.Match-why.Weight) > 2e-4 { // all are rounded
				t.Errorf("%s: the match falls from %v to %v, want by %v", link, *before[at].Match, *r.Match, why.Weight)
			}
		}
		// What was left out is named, carried by the form, and can be counted again.
		for _, want := range []string{
			`aria-label="Count ` + html.EscapeString(why.Title) + ` again"`, fmt.Sprintf(`form="filter" name="without" value="%d"`, why.ID),
		} {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s", link, want)
			}
		}
		back := regexp.MustCompile(`<a class="chip [^>]* href="([^"]*)"`).FindStringSubmatch(body)
		if back == nil || html.UnescapeString(back[1]) != page.html {
			t.Errorf("%s counts it again by %q, want %s", link, back, page.html)
		}
	}
}

// What the address says of the order is in the form, in every link among the results, and in the address that htmx is told.
func TestOrderIsKept(t *testing.T) {
	a := taught(t, nil)
	name := demo.Examples()[2].Name
	left := a.explained(t, "/api/"+name+"/recommendations?explain=true")[0].Because[0].ID
	target := fmt.Sprintf("/u/%s?batch=2&genre=1&niche=4&order=classic&without=%d", name, left)
	body := a.get(t, target, http.StatusOK).body
	for _, want := range []string{
		`name="order" value="classic" checked`, `name="niche" min="0" max="4" step="1" value="4"`,
		fmt.Sprintf(`form="filter" name="without" value="%d"`, left), `form="filter" name="batch" value="2"`,
		html.EscapeString(fmt.Sprintf("/u/%s?batch=2&genre=1&niche=4&order=classic&page=2&without=%d", name, left)),
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%s lacks %s", target, want)
		}
	}
	for _, c := range shownCards(t, body) {
		if len(c.because) == 0 {
			continue
		}
		if link := c.because[0].leave; link != "" {
			t.Errorf("%s: in the classic order, where nothing comes of it, there is the link %s", target, link)
		}
	}

	// The form sends all that it has; the address that is pushed has what is not as usual.
	got := a.ask(t, http.MethodGet, "/u/"+name+"?type=tv&since=&order=taste&niche=2&without="+strconv.Itoa(left)+"&without=4000000",
		"HX-Request", "true", "HX-Target", "results")
	want := fmt.Sprintf("/u/%s?type=tv&without=%d", name, left)
	if pushed := got.header.Get("Hx-Push-Url"); pushed != want || got.status != http.StatusOK {
		t.Errorf("%d, htmx is told %q, want %q", got.status, pushed, want)
	}
	if got := a.get(t, "/u/"+name, http.StatusOK); got.header.Get("Hx-Push-Url") != "" || !strings.Contains(got.body, `name="order" value="taste" checked`) {
		t.Errorf("a whole page: htmx is told %q", got.header.Get("Hx-Push-Url"))
	}
}

// Where classic is the usual order, taste has to be asked for, and every link goes on asking.
func TestClassicIsUsual(t *testing.T) {
	a := taught(t, func(s *setup) { s.handlers.Order = engine.Classic })
	name := demo.Examples()[0].Name
	usual := a.get(t, "/u/"+name, http.StatusOK).body
	if !strings.Contains(usual, `name="order" value="classic" checked`) || strings.Contains(usual, "order=classic") || strings.Contains(usual, "order=taste") {
		t.Error("the usual order is not chosen, or named in an address")
	}
	agree(t, "usual", shownCards(t, usual), a.explained(t, "/api/"+name+"/recommendations?explain=true&order=classic"))
	asked := a.get(t, "/u/"+name+"?order=taste", http.StatusOK).body
	cards := shownCards(t, asked)
	agree(t, "asked", cards, a.explained(t, "/api/"+name+"/recommendations?explain=true&order=taste"))
	if !strings.Contains(asked, "/u/"+name+"?order=taste&amp;page=2") || !strings.Contains(cards[0].because[0].leave, "order=taste") {
		t.Errorf("links forget that taste was asked for: %s", cards[0].because[0].leave)
	}
}

// Until there is a model, there is no choice of order and nothing is explained; what an address says of it is kept.
func TestWithoutAModel(t *testing.T) {
	a := start(t, nil)
	for _, target := range []string{"/u/spike", "/u/spike?order=classic&niche=4&without=1", "/u/spike/random?seed=1&niche=0", "/pick?anime=1&anime=3", "/about"} {
		body := a.get(t, target, http.StatusOK).body
		for _, not := range []string{`type="range"`, `type="radio"`, "Because", "Leave out", `>for you<`} {
			if strings.Contains(body, not) {
				t.Errorf("%s has %s", target, not)
			}
		}
	}
	body := a.get(t, "/u/spike?order=classic&niche=4&without=1", http.StatusOK).body
	for _, want := range []string{`name="order" value="classic"`, `name="niche" value="4"`, `name="without" value="1"`} {
		if !strings.Contains(body, `<input type="hidden" form="filter" `+want) {
			t.Errorf("the form does not carry %s", want)
		}
	}
}
