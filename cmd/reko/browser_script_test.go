package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	permission "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"reko.moe/engine/demo"
)

// testScripts does what is there with scripts only, or looks different with them.
func testScripts(t *testing.T, b *browser, w *world) {
	for _, test := range []struct {
		name string
		run  func(*tab, *world)
	}{
		{"keys", scriptKeys},
		{"copy", scriptCopy},
		{"links among results lead to pages", scriptLinks},
		{"errors of a part", scriptErrors},
		{"busy", scriptBusy},
		{"saved anime are counted", scriptSaved},
		{"dark by choice and by system", scriptDark},
		{"pictures that do not come", scriptPictures},
		{"the documentation asks", scriptDocs},
		{"reasons and the slider by keys", scriptTasteKeys},
		{"picking by keys", scriptPickKeys},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(b.visitor(t, w.url, false), w)
		})
	}
	t.Run("too many parts", func(t *testing.T) {
		t.Parallel()
		scriptLimited(t, b)
	})
}

// scriptKeys uses the keyboard alone.
func scriptKeys(tb *tab, _ *world) {
	name := demo.Examples()[0].Name
	tb.open("/u/" + name)
	focus := func(what, js string) {
		tb.t.Helper()
		tb.until(what+" has the focus", "document.activeElement === "+js)
	}
	tb.press(kb.Tab)
	focus("the link to the content", `document.querySelector("a[href='#main']")`)
	tb.shows("a:focus", "Skip to the content")
	tb.press(kb.Enter)
	focus("the content", `document.querySelector("main")`)

	tb.slash()
	focus("the name field", `document.querySelector("#name")`)
	tb.slash() // which is text there
	tb.until("a slash is typed, and one only", `document.querySelector("#name").value === "/"`)

	cards := `document.querySelectorAll(".cards .card-link")`
	read[bool](tb, cards+`[0].focus(), true`)
	columns := read[int](tb, fmt.Sprintf(`[...%s].filter((e, _, all) => e.getBoundingClientRect().y === all[0].getBoundingClientRect().y).length`, cards))
	at := 0
	for _, step := range []struct {
		key string
		by  int
	}{
		{kb.ArrowRight, 1}, {kb.ArrowRight, 1}, {kb.ArrowLeft, -1}, {kb.ArrowDown, columns}, {kb.ArrowDown, columns},
		{kb.ArrowUp, -columns}, {kb.ArrowLeft, -1}, {kb.ArrowLeft, 0}, {kb.ArrowUp, -columns}, {kb.ArrowUp, 0},
	} {
		tb.press(step.key)
		at += step.by
		focus(fmt.Sprintf("card %d of rows of %d", at, columns), fmt.Sprintf("%s[%d]", cards, at))
	}
}

// slash presses /, as one event that a page can keep from becoming text.
func (tb *tab) slash() {
	tb.t.Helper()
	tb.do(chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		key := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: "/", Code: "Slash", Text: "/", WindowsVirtualKeyCode: 191}
		_, err := cdp.Call(ctx, s, input.DispatchKeyEvent, key)
		if err == nil {
			key.Type, key.Text = input.DispatchKeyEventTypeKeyUp, ""
			_, err = cdp.Call(ctx, s, input.DispatchKeyEvent, key)
		}
		return err
	}))
}

// scriptCopy copies the saved anime as text.
func scriptCopy(tb *tab, _ *world) {
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		if _, err := chromedp.CallBrowser(ctx, permission.SetPermission, permission.SetPermissionParams{
			Permission: &permission.PermissionDescriptor{Name: name}, Setting: permission.PermissionSettingGranted,
			Origin: tb.site, BrowserContextID: chromedp.FromContext(tb.ctx).BrowserContextID,
		}); err != nil {
			tb.t.Fatal(err)
		}
	}
	p := sitePage{path: "/saved", save: true}
	p.visit(tb)
	tb.click("button", "Copy")
	tb.shows("button", "Copied")
	want := read[string](tb, `document.querySelector("#saved-text").value`)
	if got := read[string](tb, "navigator.clipboard.readText()"); got != want || !strings.Contains(got, "https://myanimelist.net/anime/") {
		tb.t.Errorf("copied %q, want %q", got, want)
	}
}

// scriptLinks follows links that stand among what is replaced in place.
func scriptLinks(tb *tab, _ *world) {
	name := demo.Examples()[0].Name
	whole := func() {
		tb.t.Helper()
		if n := read[int](tb, `document.querySelectorAll("header, h1, #results").length`); n != 3 {
			tb.t.Errorf("%s has %d of a head, a heading and results, want one of each", tb.path(), n)
		}
	}
	tb.open("/u/" + name)
	tb.click("aside a", "") // the results are replaced once
	tb.until("one user is chosen", `document.querySelectorAll("aside [aria-current]").length === 1`)
	whole()
	tb.click("a", "back to all users")
	tb.at("/u/" + name)
	tb.click(".cards summary", "recommend")
	other := read[string](tb, `document.querySelector(".cards details[open] a").innerText`)
	tb.stays(func() {
		tb.click(".cards details[open] a", other)
		tb.at("/u/" + name + "/compare/" + other)
	})
	tb.shows("h1", name+" and "+other)
	whole()
	tb.click("main figcaption a", other)
	tb.at("/u/" + other)
	tb.shows("h1", other)
	tb.click("nav a", "Similar users")
	tb.at("/u/" + other + "/similar")
	tb.click("a", "Next")
	tb.at("/u/" + other + "/similar?page=2")
	whole()
	tb.click("#results h3 a", "")
	tb.shows("#results-title", "What to watch")
	whole()
}

// scriptErrors lets parts of a page fail: that is said, and the page stays as it was.
func scriptErrors(tb *tab, _ *world) {
	tb.expectStatus(400)
	tb.open("/u/" + demo.Examples()[0].Name)
	before := tb.place()
	tb.click("details > summary", "Filter")
	// As a page would that was opened before the lengths were called otherwise.
	read[bool](tb, `document.querySelector("[name=length]").options[1].value = "long", true`)
	tb.choose("[name=length]", "long")
	tb.shows("#flash", `length="long" is not a length`)
	tb.isAt(before)
	tb.choose("[name=length]", "")
	tb.choose("[name=type]", "movie")
	tb.onlyFilms()
	tb.lacks("#flash", "is not a length") // which is not so any more
}

// scriptBusy looks at the moment between a click and its answer.
func scriptBusy(tb *tab, _ *world) {
	tb.open("/u/" + demo.Examples()[0].Name)
	if !read[bool](tb, `(document.querySelector("a[rel=next]").click(), document.querySelector("#results").ariaBusy === "true")`) {
		tb.t.Error("what is about to be replaced does not say so")
	}
	tb.shows("main", "Page 2")
	tb.until("it is not busy any more", `!document.querySelector("[aria-busy=true]")`)

	// While it lasts, drawn cards stand in the places of the real ones, and nothing moves.
	const cards = `document.querySelectorAll("#results .cards > li")`
	const places = `[...` + cards + `].map(e => (r => [r.x, r.y, r.width, r.height])(e.getBoundingClientRect())).join(" ")`
	const drawn = `[...` + cards + `].every(e => ["::before", "::after"].every(p => getComputedStyle(e, p).visibility === "visible") &&
		[...e.children].every(c => getComputedStyle(c).visibility === "hidden"))`
	before := read[string](tb, places)
	if read[bool](tb, drawn) {
		tb.t.Error("cards are drawn over real ones")
	}
	read[bool](tb, `document.querySelector("#results").ariaBusy = "true", true`)
	tb.until("cards are drawn", drawn)
	if after := read[string](tb, places); after != before {
		tb.t.Errorf("cards move from %s to %s", before, after)
	}
	if moves := read[string](tb, `getComputedStyle(`+cards+`[0], "::before").animationName`); moves != "none" {
		tb.t.Errorf("what is drawn moves (%s), and the visitor wants nothing to", moves)
	}
	read[bool](tb, `document.querySelector("#results").ariaBusy = null, true`)
	tb.until("the real ones are back", `[...`+cards+`].every(e => [...e.children].every(c => getComputedStyle(c).visibility === "visible"))`)
}

// scriptSaved saves anime, and the head of the page counts them.
func scriptSaved(tb *tab, _ *world) {
	tb.open("/u/" + demo.Examples()[0].Name)
	counts := func(want string) {
		tb.t.Helper()
		tb.until("the head counts "+want, `document.querySelector("header #saved-count").innerText.trim() === `+quote(want))
	}
	counts("")
	tb.click("li:nth-child(1) button", "Save")
	counts("1")
	tb.click("li:nth-child(2) button", "Save")
	counts("2")
	if n := read[int](tb, `document.querySelectorAll("#saved-count").length`); n != 1 {
		tb.t.Errorf("there are %d counts", n)
	}
	tb.click("li:nth-child(1) button", "Remove")
	counts("1")
	tb.reload()
	counts("1")
}

// scriptDark compares the colours of who chose dark with those of whose system prefers it, and so in light.
func scriptDark(tb *tab, _ *world) {
	colours := func() string {
		tb.t.Helper()
		return read[string](tb, `["paper", "card", "line", "ink", "soft", "accent", "on-accent", ...Array(12).keys().map(i => "ink-" + i)]
			.map(name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim() || "none").join(" ")`)
	}
	tb.open("/about")
	light := colours()
	tb.click(".theme", "")
	tb.keeps("theme", "dark")
	tb.reload()
	chosen := colours()
	tb.dark(true)
	tb.click(".theme", "")
	tb.keeps("theme", "light")
	tb.reload()
	if got := colours(); got != light {
		tb.t.Errorf("light by choice: %s\nby system: %s", got, light)
	}
	read[bool](tb, "delete document.documentElement.dataset.theme")
	if got := colours(); got != chosen || got == light || strings.Contains(got, "none") {
		tb.t.Errorf("dark by choice: %s\nby system: %s", chosen, got)
	}
}

// scriptPictures lets the image host answer, and then fail: what shows then is what shows without pictures.
func scriptPictures(tb *tab, _ *world) {
	tb.size(narrow)
	compare := func() (same bool) {
		tb.t.Helper()
		const first = `document.querySelector("img.poster")`
		read[bool](tb, first+`.scrollIntoView({block: "center", behavior: "instant"}), true`)
		tb.until("the first picture came, or did not", first+".complete")
		with := tb.picture("img.poster")
		read[bool](tb, first+`.style.setProperty("visibility", "hidden"), true`)
		return bytes.Equal(with, tb.picture("img.poster"))
	}
	tb.open("/u/" + reader)
	if compare() {
		tb.t.Error("a picture that comes does not show")
	}
	tb.withoutPictures()
	tb.open("/u/" + demo.Examples()[5].Name)
	if !compare() {
		tb.t.Error("a picture that does not come leaves something on the drawn one")
	}
}

// scriptDocs tries endpoints in the documentation: one that is asked, one that is posted to, and one that needs a key.
func scriptDocs(tb *tab, _ *world) {
	name := demo.Examples()[0].Name
	tb.expectStatus(http.StatusUnauthorized)
	tb.open("/docs")
	tb.enter("#similar-page", "2")
	tb.click("button[value=similar]", "Ask")
	tb.shows("output", "GET /api/"+name+"/similar?page=2\n200 OK")
	tb.enter("#rekos-accuracy", "90")
	tb.click("button[value=rekos]", "Ask")
	tb.shows("output", "POST /api/recommendations\n{\"user_name\":\""+name+"\",\"accuracy\":90}\n200 OK")
	tb.click("button[value=rekos-named]", "Ask")
	tb.shows("output", "POST /api/recommendations/"+name+"\n{}\n200 OK")
	tb.enter("#stats-key", "reko_wrong")
	tb.click("button[value=stats]", "Ask")
	tb.shows("output", "GET /api/stats/"+name+"\n401")
	tb.at("/docs")
}

// picture is what the tab shows of the parent of an element.
func (tb *tab) picture(selector string) []byte {
	tb.t.Helper()
	at := read[[]float64](tb, fmt.Sprintf(`(r => [r.x + scrollX, r.y + scrollY, r.width, r.height])
		(document.querySelector(%s).parentElement.getBoundingClientRect())`, quote(selector)))
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Clip: &page.Viewport{X: at[0], Y: at[1], Width: at[2], Height: at[3], Scale: 1},
	})
	if err != nil {
		tb.t.Fatal(err)
	}
	return shot.Data
}
