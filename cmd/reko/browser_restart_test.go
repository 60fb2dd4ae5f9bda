package main

import (
	"testing"

	"reko.moe/engine/demo"
)

// testRestart saves and hides, restarts the server, and finds everything as it was.
func testRestart(t *testing.T, b *browser, _ *world) {
	bothWays(t, func(t *testing.T, plain bool) {
		name := demo.Examples()[0].Name
		s := newSite(t, nil) // without jobs no model comes meanwhile, with which the order would change
		tb := b.visitor(t, s.url(), plain)
		tb.open("/u/" + name)
		saved, hidden := tb.place().Cards[0], tb.place().Cards[1]
		tb.click("button", "Save "+saved)
		tb.shows("button", "Remove "+saved+" from saved")
		tb.click("button", "Hide "+hidden)
		tb.lacks(".cards h3", hidden)
		tb.click(".theme", "")
		tb.until("it is dark", `document.documentElement.dataset.theme === "dark"`)
		tb.keeps("theme", "dark")
		tb.reload() // another card takes the place of the hidden one
		before := tb.place()

		s.stop()
		if !plain {
			tb.expect("ERR_CONNECTION_REFUSED", "htmx:sendError", "htmx:afterRequest")
			tb.click("nav a", "Similar users")
			tb.shows("#flash", "The server cannot be reached")
			tb.isAt(before)
		}
		s.start(t)

		tb.reload()
		tb.isAt(before)
		tb.shows("button", "Remove "+saved+" from saved")
		tb.lacks(".cards h3", hidden)
		tb.until("it is dark", `document.documentElement.dataset.theme === "dark"`)
		tb.click("nav a", "Saved")
		tb.at("/saved")
		tb.shows("h2", saved)
	})
}
