package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"reko.moe/engine/demo"
	"reko.moe/handlers/limit"
)

// strict starts a site that gives each address two pages at once, and one more every ten seconds.
func strict(t *testing.T) (url string) {
	t.Helper()
	return start(t, func(cfg *config) { cfg.PagesLimit = limit.Budget{Quota: 2, Window: 20 * time.Second} })
}

// exhaust asks for pages until there are none left.
func exhaust(t *testing.T, url string) {
	t.Helper()
	for range 10 {
		if status, _ := get(url + "/about"); status == http.StatusTooManyRequests {
			return
		}
	}
	t.Fatal("there is no limit")
}

// stateLimited opens a page too many: it says how long to wait, and then comes by itself.
func stateLimited(t *testing.T, b *browser, plain bool) {
	url := strict(t)
	tb := b.visitor(t, url, plain)
	tb.expectStatus(http.StatusTooManyRequests)
	path := "/u/" + demo.Examples()[0].Name + "?page=2"
	exhaust(t, url)
	tb.open(path)
	tb.shows("h1", "One thing at a time")
	tb.shows("main", "seconds")
	tb.until("a link leads here", `document.querySelector("main a.button").href === location.href`)
	if status := read[int](tb, `performance.getEntriesByType("navigation")[0].responseStatus`); status != http.StatusTooManyRequests {
		t.Errorf("status %d", status)
	}
	if !plain {
		const left = `Number(document.querySelector("[data-countdown]")?.innerText.match(/in (\d+) second/)?.[1])`
		first := read[int](tb, left)
		tb.until("it counts down", fmt.Sprintf("!(%s >= %d)", left, first))
	}
	tb.shows("#results-title", "What to watch")
	tb.at(path)
}

// scriptLimited asks for a part too many: that is said with a countdown, and the page stays as it was.
func scriptLimited(t *testing.T, b *browser) {
	url := strict(t)
	tb := b.visitor(t, url, false)
	tb.expectStatus(http.StatusTooManyRequests)
	tb.open("/u/" + demo.Examples()[0].Name)
	before := tb.place()
	exhaust(t, url)
	tb.click("a[rel=next]", "")
	tb.shows("#flash", "That was a bit much at once")
	tb.shows("#flash [data-countdown]", "in ")
	tb.isAt(before)
	tb.accessible()
	tb.shows("#flash [data-countdown]", "now")
	tb.isAt(before) // nobody is sent anywhere
	tb.click("a[rel=next]", "")
	tb.shows("main", "Page 2")
	tb.lacks("#flash", "at once")
}
