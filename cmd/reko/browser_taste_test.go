package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/chromedp/chromedp/kb"

	"reko.moe/engine/demo"
)

// titles are the titles of recommendations, in their order.
func titles(recs []explained) []string {
	var all []string
	for _, r := range recs {
		all = append(all, r.Details.Title)
	}
	return all
}

// cards waits until the tab shows those cards, in that order.
func (tb *tab) cards(want []string) {
	tb.t.Helper()
	tb.soon(func() error {
		if got := tb.place().Cards; !slices.Equal(got, want) {
			return fmt.Errorf("the cards are %q, want %q", got, want)
		}
		return nil
	})
}

// journeyLeaveOut takes two influences out, goes back, and lets one count again: what is shown is what the API says.
func journeyLeaveOut(tb *tab, w *world) {
	name := demo.Examples()[1].Name
	before := w.explained(tb.t, name, "")
	why := before[0].Because[0]
	tb.open("/u/" + name)
	tb.cards(titles(before))
	tb.click(".cards summary", "Because you")
	tb.stays(func() {
		tb.click(".cards details[open] a", "Leave out "+why.Title)
		tb.at(fmt.Sprintf("/u/%s?without=%d", name, why.ID))
	})
	after := w.explained(tb.t, name, fmt.Sprintf("without=%d", why.ID))
	tb.cards(titles(after))
	tb.shows("#results a", "Count "+why.Title+" again")
	tb.lacks(".because summary", why.Title)
	one := tb.place()

	// Another one, within a filter, which keeps what was left out.
	tb.click(".fold summary", "Filter")
	tb.choose("[name=type]", "tv")
	tb.filter()
	tb.until("both are in the address", fmt.Sprintf(`(q => q.get("type") === "tv" && q.get("without") === "%d")(new URLSearchParams(location.search))`, why.ID))
	tb.shows("#results a", "Count "+why.Title+" again")
	tb.back()
	tb.isAt(one)
	second := after[0].Because[0]
	tb.click(".cards summary", "Because you")
	tb.click(".cards details[open] a", "Leave out "+second.Title)
	tb.at(fmt.Sprintf("/u/%s?without=%d&without=%d", name, why.ID, second.ID))
	two := tb.place()

	tb.back()
	tb.isAt(one)
	tb.forward()
	tb.isAt(two)
	tb.reload()
	tb.isAt(two)
	tb.stays(func() {
		tb.click("#results a", "Count "+why.Title+" again")
		tb.at(fmt.Sprintf("/u/%s?without=%d", name, second.ID))
	})
	tb.click("#results a", "Count "+second.Title+" again")
	tb.at("/u/" + name)
	tb.cards(titles(before))
}

// journeyOrder moves the slider and takes the other order, and comes back.
func journeyOrder(tb *tab, w *world) {
	name := demo.Examples()[2].Name
	usual, unusual := w.explained(tb.t, name, ""), w.explained(tb.t, name, "niche=4")
	if slices.Equal(titles(usual), titles(unusual)) {
		tb.t.Fatal("the slider changes nothing")
	}
	chosen := func(key, value string) {
		tb.t.Helper()
		tb.until(key+" is in the address", fmt.Sprintf(`new URLSearchParams(location.search).get("%s") === "%s"`, key, value))
	}
	tb.open("/u/" + name)
	tb.cards(titles(usual))
	start := tb.place()
	tb.stays(func() {
		tb.choose("[name=niche]", "4")
		tb.apply()
		chosen("niche", "4")
	})
	tb.cards(titles(unusual))
	rare := tb.place()
	tb.click(".ordering label", "classic")
	tb.apply()
	chosen("order", "classic")
	tb.cards(titles(w.explained(tb.t, name, "order=classic&niche=4")))
	tb.lacks(".cards a", "Leave out")
	classic := tb.place()
	tb.reload()
	tb.isAt(classic)
	tb.until("the form says so", `document.querySelector("[name=order]:checked").value === "classic" && document.querySelector("[name=niche]").value === "4"`)
	tb.back()
	tb.isAt(rare)
	tb.back()
	tb.isAt(start)
	if !tb.plain {
		tb.until("the slider is back", `document.querySelector("[name=niche]").value === "2"`)
	}
	tb.forward()
	tb.isAt(rare)
	tb.click("a", "Next")
	chosen("niche", "4")
	chosen("page", "2")
	tb.cards(titles(w.explained(tb.t, name, "niche=4&page=2")))
	tb.click("nav a", "Random")
	tb.shows("#niche", "")
}

// apply sends the form off; with scripts, its change already did, and there is no button for it.
func (tb *tab) apply() {
	tb.t.Helper()
	if tb.plain {
		tb.click("form button[type=submit]", "Apply")
	} else {
		tb.lacks("form button[type=submit]", "Apply")
	}
}

// journeyPick starts from the first page without a list, picks five anime, one of them by its title, takes one out and another one
// in, and shares the recommendations for them.
func journeyPick(tb *tab, _ *world) {
	tb.open("/")
	tb.click("main a", "Pick a few anime")
	tb.at("/pick")
	offered := read[[]string](tb, `[...document.querySelectorAll(".pick > span:nth-of-type(2)")].map(e => e.innerText.trim())`)
	if len(offered) < 40 {
		tb.t.Fatalf("%d anime are offered: %q", len(offered), offered)
	}
	pick := func(n int, title string) {
		tb.t.Helper()
		tb.click(".pick", title)
		tb.until(title+" is picked", fmt.Sprintf(`[...document.querySelectorAll(".pick")].find(e => e.innerText.includes(%s)).control.checked`, quote(title)))
		if !tb.plain {
			tb.shows("#picks", fmt.Sprintf("%d picked", n))
		}
	}
	for i, title := range offered[:4] {
		pick(i+1, title)
	}
	// The last one is looked for; what was picked stays picked.
	last := offered[30]
	tb.enter("#find", last)
	tb.press(kb.Enter)
	tb.shows("#offered", "Titles with")
	tb.shows("#picks", "4 picked")
	pick(5, last)
	if !tb.plain {
		tb.reload()
		tb.shows("#picks", "5 picked")
		tb.click("#picks a", "Take out "+offered[1])
		tb.shows("#picks", "4 picked")
		tb.lacks("#picks a", "Take out "+offered[1])
		tb.click("#main a", "Back to what many have seen")
		pick(5, offered[1])
	}
	tb.click("button", "Show me")
	tb.shows("h1", "For what you picked")
	tb.shows(".because summary", "Because you picked")
	path := tb.path()
	query, err := url.ParseQuery(strings.TrimPrefix(path, "/pick?"))
	if err != nil || len(query["anime"]) != 5 || len(query) != 1 {
		tb.t.Errorf("the address is %s, want five picks and nothing else", path)
	}
	shown := tb.place()

	// Somebody else sees the same.
	shared := tb.sibling()
	shared.open(path)
	shared.isAt(shown)

	tb.stays(func() {
		tb.choose("[name=niche]", "4")
		tb.apply()
		tb.until("the slider is in the address", `new URLSearchParams(location.search).get("niche") === "4"`)
	})
	tb.until("the picks are, too", `new URLSearchParams(location.search).getAll("anime").length === 5`)
	tb.soon(func() error {
		if got := tb.place().Cards; len(got) == 0 || slices.Equal(got, shown.Cards) {
			return fmt.Errorf("the slider leaves the cards %q", got)
		}
		return nil
	})
	tb.back()
	tb.isAt(shown)
	tb.click("a", "Next")
	tb.until("there is a second page", `new URLSearchParams(location.search).get("page") === "2"`)
	tb.back()
	tb.isAt(shown)

	title := shown.Cards[0]
	tb.click(".cards button", "Save "+title)
	tb.shows(".cards button", "Remove "+title+" from saved")
	tb.click(".cards summary", "Because you picked")
	tb.click(".cards details[open] a", "Leave out")
	tb.shows("#results", "Not counted:")
	tb.click("#main a", "Take out "+offered[0])
	tb.until("four are left", `new URLSearchParams(location.search).getAll("anime").length === 4`)
	tb.click("a", "Change the picks")
	tb.shows("#picks", "4 picked")
}

// scriptTasteKeys opens a reason, leaves it out, and moves the slider, with the keyboard alone.
func scriptTasteKeys(tb *tab, w *world) {
	name := demo.Examples()[1].Name
	why := w.explained(tb.t, name, "")[0].Because[0]
	tb.open("/u/" + name)
	read[bool](tb, `document.querySelector("#niche").focus(), true`)
	tb.press(kb.ArrowRight)
	tb.at("/u/" + name + "?niche=3")
	tb.press(kb.End)
	tb.at("/u/" + name + "?niche=4")
	tb.press(kb.ArrowLeft + kb.ArrowLeft)
	tb.at("/u/" + name)
	tb.until("the slider still has the focus", `document.activeElement.id === "niche"`)
	tb.until("how much came is told", `/^[0-9,]+ anime, in the order of your taste$/.test(document.querySelector("#told[role=status]").textContent)`)

	read[bool](tb, `document.querySelector(".because summary").focus(), true`)
	tb.press(kb.Enter)
	tb.shows(".because[open] a", "Leave out "+why.Title)
	tb.press(kb.Tab)
	tb.until("the link has the focus", `document.activeElement.matches(".leave")`)
	tb.press(kb.Enter)
	tb.at(fmt.Sprintf("/u/%s?without=%d", name, why.ID))
	tb.shows("#results", "Not counted:")
	heading := `document.activeElement === document.querySelector("#results-title")`
	tb.until("the focus is on what came in the place of the link", heading)
	tb.until("nothing is told beside", `!document.querySelector("#told").textContent`)

	read[bool](tb, `document.querySelector("a[rel=next]").focus(), true`)
	tb.press(kb.Enter)
	tb.at(fmt.Sprintf("/u/%s?page=2&without=%d", name, why.ID))
	tb.until("the focus is on the next page", heading)
	read[bool](tb, `document.querySelector(".tools button").focus(), true`)
	tb.press(kb.Enter)
	tb.until("the focus is on what takes it out again", `document.activeElement.innerText === "Saved"`)
}

// scriptPickKeys picks with the keyboard alone.
func scriptPickKeys(tb *tab, _ *world) {
	tb.open("/pick")
	read[bool](tb, `document.querySelector(".pick input").focus(), true`)
	tb.press(" ")
	tb.shows("#picks", "1 picked")
	tb.press(kb.Tab)
	tb.press(" ")
	tb.shows("#picks", "2 picked")
	tb.until("the focus stays", `document.activeElement === document.querySelectorAll(".pick input")[1]`)
	tb.press(" ")
	tb.shows("#picks", "1 picked")
	tb.press(kb.Enter) // of the form: looks for nothing in particular
	tb.shows("#picks", "1 picked")
}
