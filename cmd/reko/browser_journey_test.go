package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"reko.moe/engine/demo"
)

// testJourneys goes the ways that visitors go, with scripts and without: the same links and forms lead to the same pages.
func testJourneys(t *testing.T, b *browser, w *world) {
	bothWays(t, func(t *testing.T, plain bool) {
		for _, test := range []struct {
			name string
			run  func(*tab, *world)
		}{
			{"browse and come back", journeyThrough},
			{"filter", journeyFilter},
			{"nothing left", journeyNothingLeft},
			{"random", journeyRandom},
			{"save and remove", journeySave},
			{"hide", journeyHide},
			{"theme", journeyTheme},
			{"remembered", journeyRemembered},
			{"misspelt", journeyMisspelt},
			{"upload", journeyUpload},
			{"documentation", journeyDocs},
			{"leave out", journeyLeaveOut},
			{"order", journeyOrder},
			{"pick", journeyPick},
		} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				test.run(b.visitor(t, w.url, plain), w)
			})
		}
	})
}

// place is what is recognised of a page when one comes back to it.
type place struct {
	Path, Heading, Part, Filter string
	Cards                       []string
}

// place returns what the tab shows now.
func (tb *tab) place() place {
	tb.t.Helper()
	tb.until("the page is there", `document.readyState === "complete"`)
	p := read[place](tb, `(() => {
		const text = s => document.querySelector(s)?.innerText ?? "";
		return {
			Path: location.pathname + location.search, Heading: text("h1"), Part: text("#results-title"),
			Filter: document.querySelector("[name=type]")?.value ?? "",
			Cards: [...document.querySelectorAll(".cards h3")].map(e => e.innerText),
		};
	})()`)
	if tb.plain {
		p.Filter = "" // a page that is left for another comes back as it was left, with what was chosen there last
	}
	return p
}

// isAt waits until the tab shows a place again.
func (tb *tab) isAt(want place) {
	tb.t.Helper()
	tb.at(want.Path)
	tb.soon(func() error {
		if got := tb.place(); fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("came back to %+v, want %+v", got, want)
		}
		return nil
	})
}

// stays checks that the document of the tab is not loaded anew by what step does, as scripts promise.
func (tb *tab) stays(step func()) {
	tb.t.Helper()
	read[bool](tb, "window.mark = true")
	step()
	if !tb.plain && !read[bool](tb, "window.mark === true") {
		tb.t.Errorf("the whole page was loaded, to come to %s", tb.path())
	}
}

// journeyThrough goes from the first visit to a comparison, then back and forward by the browser's buttons.
func journeyThrough(tb *tab, w *world) {
	name := demo.Examples()[0].Name
	var similar struct{ Data []struct{ Username string } }
	w.ask(tb.t, name+"/similar", &similar)
	var recs recommended
	w.ask(tb.t, name+"/recommendations", &recs)
	other := similar.Data[0].Username

	tb.open("/")
	tb.shows("h1", "Find the people")
	places := []place{tb.place()}
	been := func() { places = append(places, tb.place()) }

	tb.enter("#home-name", strings.ToUpper(name))
	tb.stays(func() {
		tb.press(kb.Enter)
		tb.at("/u/" + name)
	})
	tb.shows("h1", name)
	tb.shows(".cards h3", recs.Data[0].Details.Title)
	been()

	tb.stays(func() {
		tb.click("a[rel=next]", "Next")
		tb.at("/u/" + name + "?page=2")
	})
	tb.lacks(".cards h3", recs.Data[0].Details.Title)
	been()

	tb.stays(func() {
		tb.click("aside a", other)
		tb.at("/u/" + name + "?from=" + other)
	})
	tb.shows("#results-title", "From the list of "+other)
	been()

	tb.stays(func() {
		tb.click("nav a", "Similar users")
		tb.at("/u/" + name + "/similar")
		tb.shows("#results-title", "Whose taste is close")
	})
	been()

	tb.stays(func() {
		tb.click("a", "Compare with "+other)
		tb.at("/u/" + name + "/compare/" + other)
	})
	tb.shows("h1", name+" and "+other)
	tb.shows("h2", "Where you agree most")
	been()

	tb.stays(func() {
		tb.click("a", "Reko, home")
		tb.at("/")
	})
	tb.shows("h1", "Find the people")

	for i := len(places) - 1; i >= 1; i-- {
		tb.back()
		tb.isAt(places[i])
	}
	tb.back()
	tb.at("/")
	if !tb.plain {
		tb.shows("#preview", "New for "+name) // asked for anew, it knows the name
	}
	for _, p := range places[1:] {
		tb.forward()
		tb.isAt(p)
	}
	for range 3 { // in haste
		tb.back()
	}
	tb.isAt(places[len(places)-4])
}

// journeyFilter narrows, reloads, goes on within the filter, back and forward, and clears it.
func journeyFilter(tb *tab, _ *world) {
	name := demo.Examples()[0].Name
	tb.open("/u/" + name)
	all := tb.place()
	other := read[string](tb, `[...document.querySelectorAll(".cards > li")].find(e => !e.innerText.includes("Film")).querySelector("h3").innerText`)

	tb.click("details > summary", "Filter")
	tb.choose("[name=type]", "movie")
	tb.filter()
	tb.until("the type is in the address", `new URLSearchParams(location.search).get("type") === "movie"`)
	tb.onlyFilms()
	tb.lacks(".cards h3", other)
	films := tb.place()
	tb.reload()
	tb.isAt(films)
	tb.until("films are still chosen", `document.querySelector("[name=type]").value === "movie"`)

	// Whose lists they are from narrows too, and the filter holds for one list.
	lender := read[string](tb, `document.querySelector("aside a span").innerText`)
	tb.click("aside a", lender)
	tb.shows("#results-title", "From the list of "+lender)
	tb.onlyFilms()
	one := tb.place()

	// And the other way round: a filter leaves the chosen list chosen.
	tb.choose("[name=type]", "tv")
	tb.filter()
	tb.until("the type is in the address", `new URLSearchParams(location.search).get("type") === "tv"`)
	tb.shows("#results-title", "From the list of "+lender)
	series := tb.place()

	tb.back()
	tb.isAt(one)
	tb.back()
	tb.isAt(films)
	tb.back()
	tb.isAt(all)
	for _, p := range []place{films, one, series} {
		tb.forward()
		tb.isAt(p)
	}
	tb.back()
	tb.back()
	tb.isAt(films)
	tb.click("a", "Clear all")
	tb.isAt(all)
}

// filter sends the filter off; with scripts, its change already did.
func (tb *tab) filter() {
	tb.t.Helper()
	if tb.plain {
		tb.click("form button[type=submit]", "Filter")
	}
}

func (tb *tab) onlyFilms() {
	tb.t.Helper()
	tb.until("there are films, and nothing else",
		`(all => all.length && all.every(e => e.innerText.includes("Film")))([...document.querySelectorAll(".cards > li")])`)
}

// journeyNothingLeft asks for what does not exist, and is told what to give up.
func journeyNothingLeft(tb *tab, _ *world) {
	name := demo.Examples()[0].Name
	tb.open("/u/" + name + "?type=movie&mean=9.9")
	tb.shows("h2", "Nothing is left")
	tb.click("a", "Without the mean score")
	tb.at("/u/" + name + "?type=movie")
	tb.onlyFilms()
	tb.until("the form has no mean score any more", `document.querySelector("[name=mean]").value === ""`)
	tb.back()
	tb.shows("h2", "Nothing is left")
}

// journeyRandom deals hands, and shares one.
func journeyRandom(tb *tab, _ *world) {
	name := demo.Examples()[1].Name
	tb.open("/u/" + name)
	tb.click("nav a", "Random picks")
	tb.shows("#results-title", "For tonight")
	tb.until("the seed is in the address", `new URLSearchParams(location.search).get("seed")`)
	first := tb.place()
	again := func(from place) { // the hand is there before its address is
		tb.click("a", "Deal again")
		tb.until("there is another hand", "[...document.querySelectorAll('.cards h3')].map(e => e.innerText).join() !== "+quote(strings.Join(from.Cards, ","))+
			" && location.pathname + location.search !== "+quote(from.Path))
		tb.until("the seed is in the address", `new URLSearchParams(location.search).get("seed")`)
	}
	tb.stays(func() { again(first) })
	second := tb.place()

	shared := tb.sibling()
	shared.open(second.Path)
	shared.isAt(second)

	again(second)
	tb.back()
	tb.isAt(second)
	tb.reload()
	tb.isAt(second)
	tb.back()
	tb.isAt(first)
	tb.forward()
	tb.isAt(second)
	tb.click("details > summary", "Filter")
	tb.choose("[name=type]", "movie")
	tb.filter()
	tb.until("the type is in the address", `new URLSearchParams(location.search).get("type") === "movie"`)
	tb.onlyFilms()
}

// journeySave saves two anime, finds them, and removes one.
func journeySave(tb *tab, _ *world) {
	name := demo.Examples()[2].Name
	tb.open("/u/" + name)
	cards := tb.place().Cards
	for _, title := range cards[:2] {
		tb.click(".cards button", "Save "+title)
		tb.shows(".cards button", "Remove "+title+" from saved")
	}
	tb.at("/u/" + name)
	tb.click("nav a", "Saved")
	tb.at("/saved")
	tb.shows("h2", cards[0])
	tb.shows("h2", cards[1])
	tb.shows("nav a .chip", "2")
	text := read[string](tb, `document.querySelector("#saved-text").value`)
	if lines := strings.Split(strings.TrimSpace(text), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[0], cards[1]+" https://myanimelist.net/anime/") {
		tb.t.Errorf("as text, saved %q is %q", cards[:2], text)
	}
	tb.click("button", "Remove "+cards[0])
	tb.lacks("h2", cards[0])
	tb.shows("h2", cards[1])
	tb.open("/u/" + name)
	tb.click(".cards button", "Remove "+cards[1]+" from saved")
	tb.shows(".cards button", "Save "+cards[1])
	tb.open("/saved")
	tb.shows("main", "Nothing yet")
}

// journeyHide hides an anime and shows it again, from where hiding left nothing.
func journeyHide(tb *tab, _ *world) {
	name := demo.Examples()[3].Name
	tb.open("/u/" + name + "?mean=8.5&type=movie")
	titles := tb.place().Cards
	if len(titles) == 0 || len(titles) > 15 {
		tb.t.Fatalf("%d films are no good to hide, want a few", len(titles))
	}
	for _, title := range titles {
		tb.click("button", "Hide "+title)
		if !tb.plain {
			tb.shows(".card", title+" is hidden from now on.")
			tb.until("the focus is on what takes it back", `document.activeElement.innerText === "Show it again"`)
		}
		tb.until(title+" is hidden", "document.readyState === 'complete' && ![...document.querySelectorAll('.cards h3')].some(e => e.innerText === "+quote(title)+")")
	}
	if !tb.plain {
		tb.click("button", "Show "+titles[0]+" again")
		tb.shows("h3", titles[0])
		tb.shows("#results", fmt.Sprintf("%d hidden by you", len(titles)-1))
		tb.click("button", "Hide "+titles[0])
		tb.shows(".card", titles[0]+" is hidden")
		tb.reload()
	}
	tb.shows("h2", "Nothing is left")
	tb.click("button", "Show what you hid")
	tb.until("all are back", fmt.Sprintf("document.querySelectorAll('.cards h3').length === %d", len(titles)))
	tb.at("/u/" + name + "?mean=8.5&type=movie")
}

// journeyTheme switches to what the system does not prefer, and to dark; that lasts over pages, a reload and another tab.
func journeyTheme(tb *tab, _ *world) {
	background := `getComputedStyle(document.body).backgroundColor`
	isDark := background + ` === "rgb(22, 20, 26)"`
	tb.dark(true)
	tb.open("/about")
	tb.until("it is dark", isDark)
	tb.click(".theme", "Switch to light")
	tb.until("it is light", background+` === "rgb(250, 247, 241)"`)
	tb.keeps("theme", "light")
	tb.dark(false)
	tb.click(".theme", "Switch to dark")
	tb.until("it is dark", isDark)
	if !tb.plain {
		tb.until("the focus is still on the switch", `document.activeElement.matches(".theme")`)
	}
	tb.at("/about")
	tb.click("a", "Reko, home")
	tb.at("/")
	tb.until("it is dark", isDark)
	tb.keeps("theme", "dark")
	tb.reload()
	tb.until("it is dark", isDark)
	other := tb.sibling()
	other.open("/about")
	other.until("it is dark", isDark)

	tb.click(".theme", "")
	tb.until("it is light", background+` === "rgb(250, 247, 241)"`)
	// The choice stands above the system's.
	tb.keeps("theme", "light")
	tb.dark(true)
	tb.reload()
	tb.until("it is light", background+` === "rgb(250, 247, 241)"`)
}

// journeyRemembered types a name in the head of a page, finds it on the first page, and lets it be forgotten.
func journeyRemembered(tb *tab, w *world) {
	name := demo.Examples()[4].Name
	var recs recommended
	w.ask(tb.t, name+"/recommendations", &recs)
	tb.open("/about")
	tb.enter("#name", name)
	tb.click("header button", "Go")
	tb.at("/u/" + name)
	tb.click("a", "Reko, home")
	tb.shows("#preview", "New for "+name)
	tb.shows(".cards h3", recs.Data[0].Details.Title)
	tb.shows("header nav a", name)
	tb.click("button", "Forget my name")
	tb.lacks("main", "New for "+name)
	tb.at("/")
	tb.reload()
	tb.lacks("body", "New for "+name)
}

// journeyMisspelt types a name that is nearly right, and takes the one that was meant.
func journeyMisspelt(tb *tab, _ *world) {
	name := demo.Examples()[0].Name
	wrong := "x" + name[1:]
	tb.expectStatus(404)
	tb.open("/")
	tb.enter("#home-name", wrong)
	tb.press(kb.Enter)
	tb.shows("h1", "Nobody of that name")
	tb.shows("h2", "Did you mean")
	tb.at("/u/" + url.PathEscape(wrong))
	tb.click("main a", name)
	tb.at("/u/" + name)
	tb.shows("h1", name)
	tb.back()
	tb.shows("h1", "Nobody of that name")
}
