package main

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowser uses the site as visitors do, in one browser: every test has tabs of its own, whose cookies nobody else has.
func TestBrowser(t *testing.T) {
	b := launch(t)
	w := newWorld(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *browser, *world)
	}{
		{"journeys", testJourneys},
		{"pages", testPages},
		{"touch", testTouch},
		{"states", testStates},
		{"scripts", testScripts},
		{"restart", testRestart},
		{"admin", testAdmin},
		{"markup", testMarkup},
		{"weight", testWeight},
		{"overview", testOverview},
		{"screenshots", testScreenshots},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, b, w)
		})
	}
}

// patience bounds everything that the browser is told to do.
const patience = 30 * time.Second

// browser is a running browser.
type browser struct {
	ctx context.Context // of its first tab, which is not used
}

// launch starts the browser that REKO_TEST_BROWSER names, or chromium. It reaches no host but this one.
func launch(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath(cmp.Or(os.Getenv("REKO_TEST_BROWSER"), "chromium"))
	if err != nil {
		lacking(t, "browser: "+err.Error())
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-gpu", true),
		// Two pages of its own for each window, and processes in case somebody opens more.
		chromedp.Flag("disable-features", "Translate,WebUIOmniboxPopup,WebUIOmniboxAimPopup,SpareRendererForSitePerProcess"),
		chromedp.Flag("js-flags", "--no-opt --no-maglev"), // no page is here for long enough that optimized code pays for itself
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("%s does not start: %v", path, err)
	}
	return &browser{ctx}
}

// lacking skips a test for want of something; under CI, where nothing is skipped, it fails.
func lacking(t *testing.T, what string) {
	t.Helper()
	if ci := cmp.Or(os.Getenv("CI"), "0"); ci != "0" && ci != "false" {
		t.Fatalf("%s, and under CI nothing is skipped", what)
	}
	t.Skip(what)
}

// visitor opens an empty tab of somebody who was never here, without JavaScript if plain.
func (b *browser) visitor(t *testing.T, site string, plain bool) *tab {
	t.Helper()
	return newTab(b.ctx, t, site, plain, chromedp.WithNewBrowserContext())
}

// bothWays runs a test with scripts and without.
func bothWays(t *testing.T, test func(t *testing.T, plain bool)) {
	t.Run("with scripts", func(t *testing.T) { t.Parallel(); test(t, false) })
	t.Run("without scripts", func(t *testing.T) { t.Parallel(); test(t, true) })
}
