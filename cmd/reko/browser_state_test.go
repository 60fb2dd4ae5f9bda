package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"reko.moe/engine/mal/maltest"
)

// testStates meets every state that a visitor can meet.
func testStates(t *testing.T, b *browser, w *world) {
	bothWays(t, func(t *testing.T, plain bool) {
		for _, test := range []struct {
			name string
			run  func(*tab, *world)
		}{
			{"a list that takes long", stateSlow},
			{"a list that takes long and fails", stateSlowFailure},
			{"a comparison that takes long", stateSlowComparison},
			{"nothing to recommend from", stateErrors},
		} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				test.run(b.visitor(t, w.url, plain), w)
			})
		}
		t.Run("MyAnimeList is down", func(t *testing.T) {
			t.Parallel()
			stateDown(t, b, plain)
		})
		t.Run("MyAnimeList is down, with older data", func(t *testing.T) {
			t.Parallel()
			stateStale(t, b, plain)
		})
		t.Run("too many requests", func(t *testing.T) {
			t.Parallel()
			stateLimited(t, b, plain)
		})
	})
}

// named makes names that differ with and without scripts, since lists are fetched once.
func (tb *tab) named(name string) string {
	if tb.plain {
		return name + "-plain"
	}
	return name
}

// waits checks that the tab shows that a list is being fetched.
func (tb *tab) waits(name string) {
	tb.t.Helper()
	tb.shows("h1", "Reading the list of "+name)
	tb.shows("[role=status]", "so far")
	tb.until("it says that it is busy", `document.querySelector("#wait").ariaBusy === "true"`)
}

func stateSlow(tb *tab, w *world) {
	name := tb.named("jet")
	answer := w.stay(tb.t, name)
	tb.open("/u/" + name)
	tb.waits(name)
	read[bool](tb, "window.mark = true")
	const status = `document.querySelector("#wait [role=status]")?.innerText`
	first := read[string](tb, status)
	tb.until("it asks again, by itself", "((now) => now && now !== "+quote(first)+")("+status+")")
	answer()
	tb.shows("#results-title", "What to watch")
	tb.shows("h1", name)
	tb.at("/u/" + name)
	if tb.plain {
		return
	}
	// With scripts the page that came is not loaded again: whoever is at something there already would lose it.
	tb.until("a browser without scripts would have loaded it", "!window.mark || performance.now() > 6000")
	if !read[bool](tb, "window.mark === true") {
		tb.t.Error("the page was loaded again, as for browsers without scripts")
	}
}

func stateSlowFailure(tb *tab, w *world) {
	name := tb.named("julia")
	let := make(chan struct{})
	w.fake.Fail("/users/"+name+"/", 1, func(rw http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		select {
		case <-let:
			answer(rw, r) // there is no such user
		case <-r.Context().Done():
		}
	})
	tb.expectStatus(404)
	tb.open("/")
	tb.enter("#home-name", name)
	tb.press(kb.Enter)
	tb.waits(name)
	close(let)
	tb.shows("h1", "Nobody of that name")
	tb.lacks("h1", "Reading the list")
	tb.at("/u/" + name)
}

// stateSlowComparison types the name of somebody whose list takes long into the form for comparisons.
func stateSlowComparison(tb *tab, w *world) {
	name := tb.named("faye")
	answer := w.stay(tb.t, name)
	tb.open("/u/" + reader)
	tb.enter("#other", name)
	tb.click("button", "Compare")
	tb.waits(name)
	answer()
	tb.shows("h1", reader+" and "+name)
	tb.at("/u/" + reader + "/compare/" + name)
}

// stateErrors opens the pages of those who have no recommendations, and what does not exist.
func stateErrors(tb *tab, _ *world) {
	for _, test := range []struct {
		path   string
		status int
		title  string
		link   string // that helps on
	}{
		{"/u/" + private, 403, "This list is private", "https://myanimelist.net/editprofile.php?go=privacy"},
		{"/u/" + private + "/similar", 403, "This list is private", "/import"},
		{"/u/" + reader + "/compare/" + private, 403, "This list is private", "/import"},
		{"/u/" + empty, 422, "Nothing watched yet", "/u/" + empty},
		{"/u/zzzzzzzz", 404, "Nobody of that name", "/import"},
		{"/u/" + tasteless, 500, "No taste to go by yet", "/"},
		{"/u/" + reader + "?mean=99", 400, "That makes no sense here", "/u/" + reader},
		{"/nothing/here", 404, "There is nothing here", "/"},
	} {
		tb.expectStatus(test.status)
		tb.open(test.path)
		tb.shows("h1", test.title)
		tb.at(test.path)
		tb.until("a link helps on", "document.querySelector('main a[href="+quote(test.link)+"], header a[href="+quote(test.link)+"]')")
		if status := read[int](tb, `performance.getEntriesByType("navigation")[0].responseStatus`); status != test.status {
			tb.t.Errorf("%s: status %d, want %d", test.path, status, test.status)
		}
		if test.status >= 500 {
			tb.shows("code", "")
		}
	}
}

// stateDown asks for a list while MyAnimeList does not answer: at a site of its own, since after a few failures in a row nobody's list is
// asked for there for a while.
func stateDown(t *testing.T, b *browser, plain bool) {
	w := &world{fake: maltest.Start(t, maltest.Lists{reader: listOf(1, 5, 6)})}
	w.url = start(t, w.configure)
	w.fake.Fail("/users/vincent/", 0, maltest.Overloaded)
	tb := b.visitor(t, w.url, plain)
	tb.expectStatus(502)
	tb.open("/u/vincent")
	tb.shows("h1", "MyAnimeList does not answer")
	tb.shows("main", "have no older copy of it")
	tb.shows("main a", "Try again")
	tb.until("that leads here", `document.querySelector("main a.button").href === location.href`)
	if !tb.plain {
		tb.shows("[data-countdown]", "in 2") // it counts down from 30
	}
}

// stateStale asks for a stored list, too old, while MyAnimeList does not answer, and while it takes its time.
func stateStale(t *testing.T, b *browser, plain bool) {
	fake := maltest.Start(t, maltest.Lists{reader: listOf(1, 5, 6, 30, 43), "faye": listOf(1, 5, 6, 30, 199, 431)})
	w := &world{fake: fake}
	w.url = start(t, func(cfg *config) {
		w.configure(cfg)
		cfg.MaxAge = time.Millisecond
	})
	w.ask(t, reader+"/similar", nil)
	w.ask(t, "faye/similar", nil)
	const notice = "MyAnimeList does not answer, so this is the list as it was"

	fake.Fail("/users/"+reader+"/", 0, maltest.Overloaded)
	tb := b.visitor(t, w.url, plain)
	tb.open("/u/" + reader)
	tb.shows("main p", notice)
	tb.shows("#results-title", "What to watch")
	if text := read[string](tb, `document.querySelector("main").innerText`); !strings.Contains(text, "just now") {
		t.Errorf("the page does not tell the list's age: %s", text)
	}

	answer := w.stay(t, "faye")
	defer answer()
	tb.open("/u/faye")
	if !read[bool](tb, find("#wait", "")+".length === 0") {
		t.Error("there is an older list, and the visitor is kept waiting for a newer one")
		answer()
	}
	tb.shows("#results-title", "What to watch")
}
