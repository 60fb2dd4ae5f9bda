package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// imageHost is the only foreign host that pages may ask for anything.
const imageHost = "cdn.myanimelist.net"

// hear takes in what happens in the tab. It runs on the goroutine that reads from the browser, so it asks it nothing.
func (tb *tab) hear(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		tb.mu.Lock()
		tb.requests[string(e.RequestID)] = e.Request.URL
		tb.mu.Unlock()
		u, err := url.Parse(e.Request.URL)
		if err != nil || u.Scheme != "data" && u.Scheme+"://"+u.Host != tb.site && u.Host != imageHost {
			tb.trouble("a request to " + e.Request.URL)
		}
	case *network.EventLoadingFinished:
		tb.mu.Lock()
		tb.received[tb.requests[string(e.RequestID)]] += int(e.EncodedDataLength)
		tb.mu.Unlock()
	case *runtime.EventExceptionThrown:
		tb.trouble("an exception: " + e.ExceptionDetails.Text + " " + described(e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			text := "on the console:"
			for _, arg := range e.Args {
				text += " " + described(arg)
			}
			tb.trouble(text)
		}
	case *log.EventEntryAdded: // errors of loading, and what the Content-Security-Policy refuses
		tb.mu.Lock()
		silent := !tb.pictures && strings.Contains(e.Entry.URL, imageHost)
		tb.mu.Unlock()
		if !silent && (e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning) {
			tb.trouble(fmt.Sprintf("logged: %s %s", e.Entry.Text, e.Entry.URL))
		}
	case *page.EventJavascriptDialogOpening:
		tb.trouble("a dialog: " + e.Message)
		go tb.call(func(ctx context.Context, s *chromedp.Target) error {
			_, err := cdp.Call(ctx, s, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
			return err
		})
	case *fetch.EventRequestPaused:
		go tb.call(func(ctx context.Context, s *chromedp.Target) error { return tb.answer(ctx, s, e) })
	}
}

// trouble notes that something went wrong, if it was not expected.
func (tb *tab) trouble(text string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for _, part := range tb.expected {
		if strings.Contains(text, part) {
			return
		}
	}
	tb.troubles = append(tb.troubles, text)
}

// expect says that something will go wrong and is meant to.
func (tb *tab) expect(parts ...string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.expected = append(tb.expected, parts...)
}

// expectStatus says that a page of that status will be asked for: the console tells of those from 400 on.
func (tb *tab) expectStatus(status int) {
	if status >= 400 {
		tb.expect(fmt.Sprintf("the server responded with a status of %d", status), fmt.Sprintf("Response Status Error Code %d", status))
	}
}

// bytes is what was transferred so far, without pictures.
func (tb *tab) bytes() (sum int, each string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for address, n := range tb.received {
		if !strings.Contains(address, imageHost) {
			sum += n
			each += fmt.Sprintf("\n%7d %s", n, strings.TrimPrefix(address, tb.site))
		}
	}
	return sum, each
}

// withoutPictures lets the image host fail from now on.
func (tb *tab) withoutPictures() {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.pictures = false
}

// slowly lets fonts come only after the page was painted, as over a slow line, and nothing from the cache.
func (tb *tab) slowly() {
	tb.t.Helper()
	tb.mu.Lock()
	tb.slow = true
	tb.mu.Unlock()
	tb.do(chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		_, err := cdp.Call(ctx, s, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
		return err
	}))
}

// painted waits until the page has been painted, or ctx is done.
func (tb *tab) painted(ctx context.Context) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		// The page tells: asked again and again, it may not come to paint on a busy machine.
		if ok, err := eval[bool](tb, `new Promise(done => new PerformanceObserver(
			list => list.getEntriesByName("first-contentful-paint").length && done(true)).observe({type: "paint", buffered: true}))`); ok && err == nil {
			return
		}
		select {
		case <-tick.C: // the page was being left
		case <-ctx.Done():
			return
		}
	}
}

// answer answers for the image host, and lets fonts through when it is time.
func (tb *tab) answer(ctx context.Context, s *chromedp.Target, e *fetch.EventRequestPaused) error {
	tb.mu.Lock()
	pictures, slow := tb.pictures, tb.slow
	tb.mu.Unlock()
	var err error
	switch {
	case !strings.Contains(e.Request.URL, imageHost):
		if slow {
			tb.painted(ctx)
		}
		_, err = cdp.Call(ctx, s, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: e.RequestID})
	case pictures:
		_, err = cdp.Call(ctx, s, fetch.FulfillRequest, fetch.FulfillRequestParams{
			RequestID: e.RequestID, ResponseCode: 200, Body: picture(),
			ResponseHeaders: []*fetch.HeaderEntry{{Name: "Content-Type", Value: "image/png"}},
		})
	default:
		_, err = cdp.Call(ctx, s, fetch.FailRequest, fetch.FailRequestParams{
			RequestID: e.RequestID, ErrorReason: network.ErrorReasonConnectionRefused,
		})
	}
	return err
}

// call runs a command beside what the test does. That it fails when the page or the tab is gone, is of no matter.
func (tb *tab) call(f func(context.Context, *chromedp.Target) error) {
	ctx, cancel := context.WithTimeout(tb.ctx, time.Minute)
	defer cancel()
	if c := chromedp.FromContext(ctx); c.Target != nil {
		_ = f(ctx, c.Target)
	}
}

// picture is a poster as the image host has them, 225 by 338 pixels.
var picture = sync.OnceValue(func() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 225, 338))
	for y := range 338 {
		for x := range 225 {
			img.Set(x, y, color.RGBA{uint8(60 + x/2), uint8(90 + y/4), uint8(150 - x/4), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
})

func described(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return strings.TrimSpace(string(o.Value) + " " + o.Description)
}
