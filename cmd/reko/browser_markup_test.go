package main

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"reko.moe/engine"
	"reko.moe/engine/demo"
	"reko.moe/engine/mal/maltest"
)

// markup is what people could write where a page shows text, each to be shown as it is and nothing else.
var markup = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`'-alert(1)-'`,
	`{{7*7}} ${7*7} #{7*7}`,
	`javascript:alert(1)`,
	`</title></textarea></svg><svg onload=alert(1)>`,
	`<a href="javascript:alert(1)" hx-get="/saved" hx-trigger="load">x</a>`,
	`<!--`,
	"\u202eright to left \u0000 nothing",
}

// testMarkup fills the catalogue and addresses with markup, and finds it on every page as the text that it is.
func testMarkup(t *testing.T, b *browser, _ *world) {
	anime := demo.Anime()
	for i := range anime {
		a := &anime[i]
		text := markup[i%len(markup)]
		a.Title, a.English = text, text
		a.Genres = append([]engine.Genre{{ID: 900 + i, Name: markup[(i+1)%len(markup)]}}, a.Genres...)
		a.Picture = []string{"", `javascript:alert(1)`, `https://` + imageHost + `/"><img src=x onerror=alert(1)>.png`}[i%3]
	}
	lists := maltest.Lists{}
	for i := range 24 { // which share some, have some to recommend, and are enough to learn from
		var ids []engine.AnimeID
		for j := range anime {
			if (j+i+j*i/6)%5 < 3 {
				ids = append(ids, anime[j].ID)
			}
		}
		lists[fmt.Sprintf("user%d", i)] = listOf(ids...)
	}
	w := &world{fake: maltest.Start(t, lists, anime...)}
	var cfg config
	w.url = start(t, func(c *config) {
		w.configure(c)
		c.Demo, c.MALProbe = "false", "user0"
		cfg = *c
	})
	for name := range lists {
		w.ask(t, name+"/similar", nil)
	}
	w.teach(t, &cfg, "user0")

	paths := []string{
		"/", "/u?name=user0", "/", "/u/user0", "/u/user0?page=2", "/u/user0?from=user1", "/u/user0/similar",
		"/u/user0/compare/user1", "/u/user0/random?seed=1", "/about", "/docs", "/saved", "/import",
		"/pick", "/pick?choose=yes" + picks(0, 1, 2), "/pick?" + picks(0, 1, 2),
	}
	for i, text := range markup {
		e, q := url.PathEscape(text), url.QueryEscape(text)
		paths = append(paths, "/u/"+e, "/u/user0?length="+q, "/pick?find="+q, "/pick?anime="+q)
		if i < 2 {
			paths = append(paths, "/"+e, "/u/user0/compare/"+e, "/u/user0?from="+q, "/u/user0/random?seed="+q, "/u?name="+q)
		}
	}
	bothWays(t, func(t *testing.T, plain bool) {
		tb := b.visitor(t, w.url, plain)
		tb.expectStatus(400)
		tb.expectStatus(404)
		tb.expect(imageHost, "javascript:alert(1)' because it violates", "Loading the image")
		tb.open("/u/user0")
		titles := tb.place().Cards[:8]
		slices.Sort(titles)
		for _, title := range slices.Compact(titles) { // some are called the same
			tb.click("button", "Save "+title)
			tb.shows("button", "Remove "+title+" from saved")
		}
		seen := map[string]bool{}
		for _, path := range paths {
			tb.open(path)
			for _, text := range tb.harmless() {
				seen[text] = true
			}
		}
		for _, text := range markup[:5] {
			if !seen[text] {
				t.Errorf("%s was not seen on any page as it is", text)
			}
		}
	})
}

// harmless checks that markup made no elements and attributes on a page, and returns the titles of anime there.
func (tb *tab) harmless() []string {
	tb.t.Helper()
	type findings struct{ Bad, Titles []string }
	found := read[findings](tb, `(() => {
		const code = a => /^on/.test(a.name) ||
			["href", "action", "formaction", "hx-get", "hx-post"].includes(a.name) && /^\s*javascript:/i.test(a.value);
		const bad = e => e.localName === "script" && !/^\/static\/[0-9a-f]+\/[a-z.]+\.js$/.test(e.getAttribute("src")) ||
			e.localName === "img" && !e.classList.contains("poster") ||
			[...e.attributes].some(code) || e.getAttribute("hx-trigger") === "load";
		return {
			Bad: [...document.querySelectorAll("*")].filter(bad).map(e => e.outerHTML.slice(0, 200)),
			Titles: [...document.querySelectorAll(".card-link h2, .card-link h3")].map(e => e.textContent),
		};
	})()`)
	for _, e := range found.Bad {
		tb.t.Errorf("%s has an element that nobody meant: %s", tb.path(), e)
	}
	return found.Titles
}
