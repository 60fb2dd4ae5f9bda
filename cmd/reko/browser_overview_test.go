package main

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"reko.moe/db"
	"reko.moe/engine/demo"
	"reko.moe/engine/series"
)

// testOverview looks at how the site is doing, and at the statistics of users.
func testOverview(t *testing.T, b *browser, _ *world) {
	s := newAdminSite(t)
	s.busy(t)
	s.setPassword(t)
	name := demo.Examples()[0].Name
	bothWays(t, func(t *testing.T, plain bool) {
		tb := b.visitor(t, s.url, plain)
		tb.open("/admin?span=day")
		tb.logIn(adminName, adminPassword)
		tb.at("/admin?span=day")
		tb.shows("h2", "The last day")
		tb.click("nav a", "month")
		tb.at("/admin?span=month")
		tb.shows("h2", "The last month")
		tb.shows("figure", "timed out")
		tb.click("summary", "As a table")
		tb.shows("table th", "refused (4xx)")

		tb.click("nav a", "Users")
		tb.at("/admin/users")
		tb.enter("#q", name)
		tb.press(kb.Enter)
		tb.click("td a", name)
		tb.at("/admin/users/" + name)
		tb.shows("h2", "Most unusual")
		tb.shows("li", "than most")
		tb.click("main a", "Recommendations")
		tb.at("/u/" + name)
	})
	t.Run("looks again", func(t *testing.T) { t.Parallel(); looksAgain(t, b, s) })
	t.Run("pages", func(t *testing.T) {
		t.Parallel()
		if _, err := axe(); err != nil {
			lacking(t, "axe-core: "+err.Error())
		}
		tb := b.visitor(t, s.url, false)
		tb.open("/admin/login")
		tb.logIn(adminName, adminPassword)
		tb.at("/admin")
		tb.open("/admin?span=hour")
		tb.checks("overview-hour")
		tb.open("/admin?span=month")
		tb.checks("overview-month")
		tb.open("/admin/users/" + name)
		tb.checks("portrait")
	})
}

// busy lets a month of requests and calls have happened.
func (s *adminSite) busy(t *testing.T) {
	t.Helper()
	store, err := db.Open(t.Context(), db.Options{URL: s.store})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	minute := time.Now().Truncate(time.Minute)
	for i := 30 * 24 * 60; i > 0; {
		var counts []series.Count
		happened := func(e series.Event, took time.Duration, n int) {
			counts = append(counts, series.Count{Event: e, Bucket: series.BucketOf(took), N: int64(n)})
		}
		for j := range 12 {
			happened(series.Answered, time.Millisecond<<j, 1+(i+j)%(40>>j+2))
		}
		happened(series.Refused, 300*time.Microsecond, 1+i%3)
		if i%7 == 0 {
			happened(series.Failed, 5*time.Second, 1+i%2)
			happened(series.MALTimedOut, 10*time.Second, 2)
		}
		happened(series.MALOK, 400*time.Millisecond, 10+i%9)
		happened(series.MALNotFound, 200*time.Millisecond, 3)
		happened(series.MALWait, time.Second, 12)
		if err := store.AddCounts(t.Context(), rand.Text(), minute.Add(-time.Duration(i)*time.Minute), counts); err != nil {
			t.Fatal(err)
		}
		switch { // every slot has something
		case i > 24*60:
			i -= 180
		case i > 60:
			i -= 10
		default:
			i--
		}
	}
}

// looksAgain checks that the overview changes by itself, and leaves alone what somebody reads.
func looksAgain(t *testing.T, b *browser, s *adminSite) {
	tb := b.visitor(t, s.url, false)
	tb.open("/admin/login")
	tb.logIn(adminName, adminPassword)
	tb.at("/admin")
	read[bool](tb, `(() => {
		window.sent = 0;
		document.addEventListener("htmx:beforeSend", () => window.sent++);
		window.again = () => document.dispatchEvent(new Event("visibilitychange"));
		return document.getElementById("overview").old = true;
	})()`)
	tb.until("htmx listens", "window.htmx")
	read[bool](tb, `document.querySelector("[aria-label='Span of time'] a:last-child").focus() || true`)
	read[bool](tb, "window.again() || true")
	tb.until("the overview is another one", `!document.getElementById("overview").old`)
	tb.until("the focus is where it was", `document.activeElement.textContent === "month"`)
	tb.until("nothing is busy", `!document.querySelector("[aria-busy], .htmx-request, .htmx-swapping, .htmx-settling")`)

	sent := read[int](tb, "window.sent")
	for _, test := range []struct{ name, before, after string }{
		{"a table is open", `document.querySelector("#overview details").open = true`, `document.querySelector("#overview details").open = false`},
		{"the focus is inside", `document.querySelector("#overview summary").focus()`, `document.activeElement.blur()`},
		{"nobody looks", `Object.defineProperty(document, "hidden", {value: true, configurable: true})`, `delete document.hidden`},
	} {
		if got := read[int](tb, fmt.Sprintf("(() => { %s; window.again(); %s; return window.sent })()", test.before, test.after)); got != sent {
			t.Errorf("the overview is asked for while %s", test.name)
		}
	}
	read[bool](tb, `(() => { document.getElementById("overview").old = true; window.again(); return true })()`)
	tb.until("the overview is another one again", `!document.getElementById("overview").old`)
}
