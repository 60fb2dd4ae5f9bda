package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// tab is a tab of the browser. Whatever goes wrong in it, from an error on the console to a request to a foreign host, fails
// the test, unless it was expected.
type tab struct {
	t     *testing.T
	ctx   context.Context
	site  string // http://HOST:PORT
	plain bool   // without JavaScript

	mu       sync.Mutex
	troubles []string          // what went wrong, for people; guarded by mu
	expected []string          // parts of troubles that are none; guarded by mu
	requests map[string]string // addresses by id of the request; guarded by mu
	received map[string]int    // bytes by address, as transferred; guarded by mu
	pictures bool              // whether the image host answers; guarded by mu
	slow     bool              // whether fonts come late; guarded by mu
}

// watch sums up layout shifts in each page.
const watch = `(() => {
	window.shifts = 0;
	new PerformanceObserver(list => { for (const e of list.getEntries()) if (!e.hadRecentInput) window.shifts += e.value })
		.observe({type: "layout-shift", buffered: true});
})()`

func newTab(parent context.Context, t *testing.T, site string, plain bool, options ...chromedp.ContextOption) *tab {
	t.Helper()
	tb := &tab{t: t, site: site, plain: plain, requests: map[string]string{}, received: map[string]int{}, pictures: true}
	ctx, cancel := chromedp.NewContext(parent, append(options, chromedp.WithListener(tb.hear))...)
	tb.ctx = ctx
	t.Cleanup(func() {
		tb.report()
		cancel()
	})
	tb.do(chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		_, err1 := cdp.Call(ctx, s, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		_, err2 := cdp.Call(ctx, s, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: plain})
		_, err3 := cdp.Call(ctx, s, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watch})
		_, err4 := cdp.Call(ctx, s, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{
			{URLPattern: "https://cdn.myanimelist.net/*"}, {URLPattern: "*.woff2"},
		}})
		return errors.Join(err1, err2, err3, err4)
	}))
	tb.size(1280)
	tb.dark(false)
	return tb
}

// sibling opens another tab of the same visitor.
func (tb *tab) sibling() *tab {
	tb.t.Helper()
	return newTab(tb.ctx, tb.t, tb.site, tb.plain)
}

// report fails the test for what went wrong, and forgets it and what was expected.
func (tb *tab) report() {
	tb.t.Helper()
	tb.mu.Lock()
	troubles := tb.troubles
	tb.troubles, tb.expected = nil, nil
	tb.mu.Unlock()
	for _, trouble := range troubles {
		tb.t.Errorf("in the browser: %s", trouble)
	}
}

// lend makes the tab that of t until that ends, and then again that of somebody who was never here.
func (tb *tab) lend(t *testing.T) {
	t.Helper()
	owner := tb.t
	tb.t = t
	t.Cleanup(func() {
		defer func() { tb.t = owner }()
		tb.open("/readyz") // so that all is known of the pages before, which do nothing any more
		tb.report()
		tb.do(chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
			_, err := cdp.Call(ctx, s, storage.ClearDataForOrigin, storage.ClearDataForOriginParams{Origin: tb.site, StorageTypes: "all"})
			return err
		}))
	})
}

// do runs actions, within bounds of time.
func (tb *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	if err := chromedp.Do(tb.ctx); err != nil { // opens the tab, for as long as tb.ctx
		tb.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		tb.t.Fatalf("%v, on %s", err, tb.what())
	}
}

// size gives the tab a width, in pixels.
func (tb *tab) size(width int64) {
	tb.t.Helper()
	tb.do(chromedp.EmulateViewport(width, 900))
}

// dark makes the system prefer dark or light. Nothing moves, so that every moment looks like the next.
func (tb *tab) dark(dark bool) {
	tb.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	tb.do(chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		_, err := cdp.Call(ctx, s, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	}))
}

// open goes to a path of the site, as if it was typed, and returns once the page is there.
func (tb *tab) open(path string) {
	tb.t.Helper()
	tb.do(chromedp.Navigate(tb.site + path))
}

func (tb *tab) reload()  { tb.t.Helper(); tb.do(chromedp.Reload()) }
func (tb *tab) back()    { tb.t.Helper(); tb.history(-1) }
func (tb *tab) forward() { tb.t.Helper(); tb.history(1) }

// history goes back or forward, as by the browser's buttons. It does not wait for the page that it leads to, only for one that it can leave.
func (tb *tab) history(by int64) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	tb.soon(func() error {
		h, err := chromedp.Run(ctx, chromedp.NavigationEntries())
		if err != nil {
			return err
		}
		here, err := eval[string](tb, "location.href")
		if err != nil {
			return err
		}
		if known := h.Entries[h.CurrentIndex].URL; known != here { // what a script says of the history takes a moment to be known
			return fmt.Errorf("at %s, the history is at %s", here, known)
		}
		at := h.CurrentIndex + by
		if at < 0 || at >= int64(len(h.Entries)) {
			return fmt.Errorf("no entry %d in a history of %d", at, len(h.Entries))
		}
		_, err = chromedp.Call(ctx, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: h.Entries[at].ID})
		return err
	})
}

// soon calls f until it has no error to return, less and less often, and fails the test if that takes too long.
func (tb *tab) soon(f func() error) {
	tb.t.Helper()
	late := time.After(patience)
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-time.After(wait):
		case <-late:
			tb.t.Fatalf("%v, on %s", err, tb.what())
		}
	}
}

// eval returns the value of a JavaScript expression, which may be a promise. It works without scripts, too.
func eval[T any](tb *tab, js string) (T, error) {
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	yes := true
	return chromedp.Run(ctx, chromedp.Evaluate[T](js, func(p *runtime.EvaluateParams) { p.AwaitPromise, p.UserGesture = &yes, &yes }))
}

// read is eval that waits until there is a value, in case a page is just being left.
func read[T any](tb *tab, js string) (value T) {
	tb.t.Helper()
	tb.soon(func() (err error) {
		value, err = eval[T](tb, js)
		return err
	})
	return value
}

// until waits until a JavaScript expression is true. what says what that means.
func (tb *tab) until(what, js string) {
	tb.t.Helper()
	tb.soon(func() error {
		ok, err := eval[bool](tb, "Boolean("+js+")")
		if err == nil && !ok {
			err = fmt.Errorf("not so: %s (%s)", what, js)
		}
		return err
	})
}

// keeps waits until the tab has a cookie of that value.
func (tb *tab) keeps(name, value string) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	tb.soon(func() error {
		all, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{tb.site}})
		if err != nil {
			return err
		}
		for _, c := range all.Cookies {
			if c.Name == name && c.Value == value {
				return nil
			}
		}
		return fmt.Errorf("no cookie %s=%s", name, value)
	})
}

// what says where the tab is and what it shows, for failures.
func (tb *tab) what() string {
	text, err := eval[string](tb, `location.href + ": " + document.body.innerText.replace(/\s+/g, " ").slice(0, 600)`)
	if err != nil {
		return err.Error()
	}
	return text
}

// quote makes a JavaScript string of s.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// shows waits until an element that a CSS selector finds is visible and has text in it, or in its name.
func (tb *tab) shows(selector, text string) {
	tb.t.Helper()
	tb.until(fmt.Sprintf("%s shows %q", selector, text), find(selector, text)+".length")
}

// lacks waits until shows would fail.
func (tb *tab) lacks(selector, text string) {
	tb.t.Helper()
	tb.until(fmt.Sprintf("%s does not show %q", selector, text), "!"+find(selector, text)+".length")
}

// find is an expression for what shows waits for.
func find(selector, text string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(%s)].filter(e => e.getClientRects().length &&
		((e.innerText || "") + " " + (e.ariaLabel || "").replace(/ +/g, " ")).toLowerCase().includes(%s))`, quote(selector), quote(strings.ToLower(text)))
}

// at waits until the address is that path, with its query.
func (tb *tab) at(path string) {
	tb.t.Helper()
	tb.until("the address is "+path, fmt.Sprintf(`location.pathname + location.search === %s && document.readyState === "complete"`, quote(path)))
}

// path is the address without the host.
func (tb *tab) path() string {
	tb.t.Helper()
	return read[string](tb, "location.pathname + location.search")
}

// click clicks, with the mouse, on the first visible element that a CSS selector finds with text in it, or in its name. It
// waits until there is one that nothing covers.
func (tb *tab) click(selector, text string) {
	tb.t.Helper()
	js := fmt.Sprintf(`(() => {
		const e = %s[0];
		if (!e || document.readyState !== "complete" || document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling")) return [];
		e.scrollIntoView({block: "center", behavior: "instant"});
		const r = e.getClientRects()[0];
		const [x, y] = [r.x + r.width / 2, r.y + r.height / 2];
		return e.contains(document.elementFromPoint(x, y)) ? [x, y] : [];
	})()`, find(selector, text))
	var at []float64
	tb.soon(func() (err error) {
		if at, err = eval[[]float64](tb, js); err != nil || len(at) == 2 {
			return err
		}
		return fmt.Errorf("%s %q is not there to be clicked", selector, text)
	})
	tb.do(chromedp.MouseClickXY(at[0], at[1]))
}

// enter types text into a field, in place of what is there.
func (tb *tab) enter(selector, text string) {
	tb.t.Helper()
	tb.click(selector, "")
	tb.until(selector+" has the focus", fmt.Sprintf("document.activeElement === document.querySelector(%s)", quote(selector)))
	tb.do(chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		_, err := cdp.Call(ctx, s, runtime.Evaluate, runtime.EvaluateParams{Expression: "document.activeElement.select()"})
		if err == nil {
			_, err = cdp.Call(ctx, s, input.InsertText, input.InsertTextParams{Text: text})
		}
		return err
	}))
}

// choose chooses an option of a select field by its value.
func (tb *tab) choose(selector, value string) {
	tb.t.Helper()
	tb.until(selector+" is there", fmt.Sprintf(`document.querySelector(%s)`, quote(selector)))
	read[bool](tb, fmt.Sprintf(`(() => {
		const e = document.querySelector(%s);
		e.value = %s;
		for (const type of ["input", "change"]) e.dispatchEvent(new Event(type, {bubbles: true}));
		return true;
	})()`, quote(selector), quote(value)))
}

// press presses keys.
func (tb *tab) press(keys string) {
	tb.t.Helper()
	tb.do(chromedp.KeyEvent(keys))
}
