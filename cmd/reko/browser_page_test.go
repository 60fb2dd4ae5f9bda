package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"reko.moe/engine/demo"
)

// sitePage is a page of the site that has to be as good as all others.
type sitePage struct {
	name   string
	path   string
	status int
	before string // what the visitor opens first, to be remembered for
	save   bool   // the visitor saved some anime
}

// sitePages are all kinds of pages. The names become those of screenshots.
func sitePages() []sitePage {
	name, other := demo.Examples()[0].Name, demo.Examples()[1].Name
	return []sitePage{
		{name: "home", path: "/"},
		{name: "home-remembered", path: "/", before: "/u?name=" + name},
		{name: "user", path: "/u/" + name},
		{name: "user-mal", path: "/u/" + reader},
		{name: "user-one-list", path: "/u/" + name + "?from=" + collector},
		{name: "user-second-batch", path: "/u/" + name + "?batch=2&page=2"},
		{name: "user-filtered", path: "/u/" + name + "?type=movie&genre=1&genre=10"},
		{name: "user-nothing-left", path: "/u/" + name + "?type=movie&mean=9.9"},
		{name: "user-nothing-possible", path: "/u/" + name + "?genre=10&not_genre=10"},
		{name: "similar", path: "/u/" + name + "/similar?page=2"},
		{name: "compare", path: "/u/" + name + "/compare/" + other},
		{name: "compare-self", path: "/u/" + name + "/compare/" + name},
		{name: "random", path: "/u/" + name + "/random?seed=7"},
		{name: "user-left-out", path: fmt.Sprintf("/u/%s?niche=3&without=%d", reader, demo.Anime()[0].ID)},
		{name: "pick", path: "/pick"},
		{name: "pick-some", path: "/pick?choose=yes" + picks(0, 5, 9, 14)},
		{name: "pick-found", path: "/pick?choose=yes&find=a" + picks(0, 5, 9, 14, 20, 25, 30, 35, 40, 45)},
		{name: "picked", path: "/pick?" + picks(0, 5, 9, 14, 20)},
		{name: "error-picks", path: "/pick?anime=x", status: 400},
		{name: "saved-nothing", path: "/saved"},
		{name: "saved", path: "/saved", save: true},
		{name: "about", path: "/about"},
		{name: "docs", path: "/docs"},
		{name: "reference", path: "/docs/reference"},
		{name: "import", path: "/import"},
		{name: "wait", path: "/u/" + awaited},
		{name: "error-400", path: "/u/" + name + "?mean=many", status: 400},
		{name: "error-private", path: "/u/" + private, status: 403},
		{name: "error-nothing", path: "/nothing", status: 404},
		{name: "error-unknown", path: "/u/" + name[:len(name)-1], status: 404},
		{name: "error-empty", path: "/u/" + empty, status: 422},
		{name: "error-500", path: "/u/" + tasteless, status: 500},
	}
}

// picks are some of the invented catalogue's anime, picked.
func picks(which ...int) string {
	var query strings.Builder
	for _, i := range which {
		fmt.Fprintf(&query, "&anime=%d", demo.Anime()[i].ID)
	}
	return query.String()
}

// visit opens p as its visitor does.
func (p *sitePage) visit(tb *tab) {
	tb.t.Helper()
	tb.expectStatus(p.status)
	if p.before != "" {
		tb.open(p.before)
	}
	if p.save {
		tb.open("/about")
		for _, a := range demo.Anime()[:7] {
			read[bool](tb, fmt.Sprintf(`fetch("/save", {method: "POST", body: new URLSearchParams({id: %d, back: "/about"})}).then(r => r.ok)`, a.ID))
		}
	}
	tb.open(p.path)
}

// narrow is the width of a small telephone; nothing may stick out of it, nor of a usual one where letters are twice as large.
const narrow, telephone = 360, 375

// testPages checks every page, small and large, in light and in dark: it is accessible to everybody, does not jump while it
// loads, is no wider than the window, and asks nobody else for anything. The rest of what can go wrong, every tab notices.
func testPages(t *testing.T, b *browser, w *world) {
	if _, err := axe(); err != nil {
		lacking(t, "axe-core: "+err.Error())
	}
	// A tab takes a good part of its time to get going, so these are used again and again.
	tabs := make(chan *tab, runtime.GOMAXPROCS(0))
	for range cap(tabs) {
		tb := b.visitor(t, w.url, false)
		tb.slowly()
		tabs <- tb
	}
	for _, p := range sitePages() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			tb := <-tabs
			t.Cleanup(func() { tabs <- tb })
			tb.lend(t)
			for _, width := range []int64{narrow, 1440} {
				tb.size(width)
				tb.dark(false)
				p.visit(tb)
				tb.until("the fonts are there", `document.fonts.status === "loaded"`)
				if shift := read[float64](tb, "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(window.shifts))))"); shift >= 0.05 {
					t.Errorf("%d px wide, the page jumps while it loads: layout shift %.3f", width, shift)
				}
				tb.fits()
				if height := read[int](tb, `document.querySelector("header").offsetHeight`); height > 72 {
					t.Errorf("%d px wide, the head is %d px high: more than a row", width, height)
				}
				// What is folded counts too.
				read[bool](tb, `[...document.querySelectorAll("details")].every(e => e.open = true)`)
				tb.fits()
				if width == narrow {
					tb.fitsTwiceAsLarge()
				}
				tb.accessible()
				tb.dark(true)
				tb.accessible("color-contrast", "link-in-text-block") // nothing else changes
			}
		})
	}
}

// fitsTwiceAsLarge checks that nothing sticks out of a telephone where letters are twice as large.
func (tb *tab) fitsTwiceAsLarge() {
	tb.t.Helper()
	tb.size(telephone)
	read[bool](tb, `Boolean(document.documentElement.style.fontSize = "200%")`)
	tb.fits()
	read[bool](tb, `!(document.documentElement.style.fontSize = "")`)
	tb.size(narrow)
}

// testTouch looks at what is told to who has no mouse.
func testTouch(t *testing.T, b *browser, w *world) {
	tb := b.visitor(t, w.url, false)
	tb.do(chromedp.EmulateViewport(telephone, 900, chromedp.EmulateMobile, chromedp.EmulateTouch))
	tb.open("/about")
	tb.lacks("figcaption", "Point at a square")
	tb.click("summary", "Read all squares")
	tb.shows("figcaption li", "more")
}

// fits checks that nothing sticks out of the window.
func (tb *tab) fits() {
	tb.t.Helper()
	out := read[[]string](tb, `(() => {
		const page = document.documentElement, main = document.querySelector("main");
		const edge = main.getBoundingClientRect().right - parseFloat(getComputedStyle(main).paddingRight);
		const clipped = e => e !== main && (getComputedStyle(e).overflowX !== "visible" || clipped(e.parentElement));
		const out = [...main.querySelectorAll("*")].filter(e => e.checkVisibility() && e.getBoundingClientRect().right > edge + 1 && !clipped(e));
		if (!out.length && page.scrollWidth > page.clientWidth) out.push(document.body);
		return out.slice(0, 5).map(e => e.outerHTML.slice(0, 120));
	})()`)
	if len(out) > 0 {
		tb.t.Errorf("%s, %s px wide: these stick out:\n%s", tb.path(), read[string](tb, "String(innerWidth)"), strings.Join(out, "\n"))
	}
}

// axe is the source of axe-core.
var axe = sync.OnceValues(func() ([]byte, error) { return os.ReadFile("../../node_modules/axe-core/axe.min.js") })

// accessible checks that axe finds nothing to mend, by the rules that are named, or by all.
func (tb *tab) accessible(rules ...string) {
	tb.t.Helper()
	source, err := axe()
	if err != nil {
		tb.t.Fatal(err)
	}
	options := `{resultTypes: ["violations"]}`
	if len(rules) > 0 {
		options = `{resultTypes: ["violations"], runOnly: "` + strings.Join(rules, " ") + `".split(" ")}`
	}
	if !read[bool](tb, "Boolean(window.axe)") {
		read[bool](tb, string(source)+"; true")
	}
	found := read[[]string](tb, `axe.run(document, `+options+`).then(r => r.violations.map(v => v.id + " (" + v.help + "): " +
		v.nodes.slice(0, 4).map(n => n.html.slice(0, 200) + " " + n.any.concat(n.all, n.none).map(c => c.message).join(" ")).join("\n\t")))`)
	for _, violation := range found {
		where := read[string](tb, `innerWidth + " px, " + (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")`)
		tb.t.Errorf("%s, %s: %s", tb.path(), where, violation)
	}
}

// testWeight measures what a first page view transfers, without posters.
func testWeight(t *testing.T, b *browser, w *world) {
	for _, path := range []string{"/", "/u/" + demo.Examples()[0].Name, "/u/" + reader} {
		tb := b.visitor(t, w.url, false)
		tb.open(path)
		tb.until("the fonts are there", `document.fonts.status === "loaded"`)
		sum, each := tb.bytes()
		t.Logf("%s: %d bytes", path, sum)
		if sum >= 100_000 || sum < 20_000 { // less cannot be all
			t.Errorf("%s transfers %d bytes, want less than 100,000:%s", path, sum, each)
		}
		tb.open(path)
		if again, _ := tb.bytes(); again-sum > sum/2 {
			t.Errorf("%s transfers %d bytes when it is opened again: what may be kept is not", path, again-sum)
		}
	}
}

// testScreenshots writes pictures of all pages into the folder that REKO_TEST_SCREENSHOTS names, for people to look at.
func testScreenshots(t *testing.T, b *browser, w *world) {
	folder := os.Getenv("REKO_TEST_SCREENSHOTS")
	if folder == "" {
		return // nobody wants to look
	}
	for _, p := range sitePages() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			tb := b.visitor(t, w.url, false)
			for _, width := range []int64{narrow, 768, 1440} {
				tb.size(width)
				p.visit(tb)
				tb.until("the fonts are there", `document.fonts.status === "loaded"`)
				for theme, dark := range map[string]bool{"light": false, "dark": true} {
					tb.dark(dark)
					ctx, cancel := context.WithTimeout(tb.ctx, patience)
					defer cancel()
					shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
					if err == nil {
						err = os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", p.name, width, theme)), shot, 0o600)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}
