package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/heldout"
	"reko.moe/handlers/limit"
)

// agreement is how an order does over HTTP, and whether the answers are those of the engine in this process.
type agreement struct {
	Row    heldout.Row `json:"order"`
	Asked  int         `json:"first_pages"`
	Same   int         `json:"the_same"`
	RMSE   float64     `json:"rmse"` // of predicted scores of what is recommended and was held out
	Scores int         `json:"scores"`
}

// ask judges a server: that of the URL or, without one, one that is started here on the world's store.
func (w *evalWorld) ask(ctx context.Context, server string) (a *agreement, err error) {
	name := func(i int) string { return w.cases[i].Name }
	if server == "" {
		var ln net.Listener
		if ln, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
			return nil, err
		}
		serving, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		cfg := w.cfg
		cfg.APILimit = limit.Budget{} // which is for strangers: thousands of pages are asked for
		go func() { ended <- run(serving, cfg, ln, slog.New(slog.DiscardHandler)) }()
		defer func() {
			stop()
			err = errors.Join(err, <-ended)
		}()
		server, name = "http://"+ln.Addr().String(), caseName
	}
	c := evalClient{base: server, http: &http.Client{Timeout: time.Minute}}
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	row, err := w.ground.Run(ctx, orderTaste, func(ctx context.Context, k *heldout.Case) iter.Seq2[engine.AnimeID, error] {
		return c.walk(ctx, name(w.at[k]))
	}, w.cases)
	if err != nil {
		return nil, err
	}
	a = &agreement{Row: row}
	squares := 0.0
	for i := range w.cases {
		items, _, err := c.page(ctx, name(i), 1, "&explain=true")
		if err != nil {
			return nil, err
		}
		a.Asked++
		here, err := w.recommend(ctx, &w.cases[i], engine.Query{Order: engine.Taste})
		if err != nil {
			return nil, err
		}
		if slices.EqualFunc(items, here.Data.Items, recommendedItem.same) {
			a.Same++
		}
		for _, item := range items {
			for k := range w.cases[i].HeldOut {
				if e := &w.cases[i].HeldOut[k]; e.Anime == item.ID && e.Score > 0 {
					squares += (item.Expected - float64(e.Score)) * (item.Expected - float64(e.Score))
					a.Scores++
				}
			}
		}
	}
	a.RMSE = math.Sqrt(squares / max(float64(a.Scores), 1))
	return a, nil
}

// known makes sure that a server answers, and knows whom it will be asked about.
func (w *evalWorld) known(ctx context.Context, server string) error {
	c := evalClient{base: server, http: &http.Client{Timeout: time.Minute}}
	if err := c.ready(ctx); err != nil {
		return err
	}
	_, _, err := c.page(ctx, w.cases[0].Name, 1, "")
	return err
}

// evalClient asks a server as any program would.
type evalClient struct {
	base string
	http *http.Client
}

// recommendedItem is what is read of a recommendation.
type recommendedItem struct {
	ID       engine.AnimeID `json:"id"`
	Match    float64        `json:"match"`
	Expected float64        `json:"expected"`
	Because  []struct {
		ID     engine.AnimeID `json:"id"`
		Weight float64        `json:"weight"`
	} `json:"because"`
}

// same tells whether the server says what the engine does, to the digits that are sent.
func (i recommendedItem) same(r engine.Recommendation) bool {
	near := func(a, b, digit float64) bool { return math.Abs(a-b) <= 0.51*digit }
	if i.ID != r.Anime.ID || !near(i.Match, r.Match, 1e-4) || !near(i.Expected, r.Expected, 1e-2) || len(i.Because) != len(r.Because) {
		return false
	}
	for k, b := range i.Because {
		if b.ID != r.Because[k].Anime.ID || !near(b.Weight, r.Because[k].Weight, 1e-4) {
			return false
		}
	}
	return true
}

// ready waits until the server answers questions.
func (c evalClient) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/readyz", nil)
		if err != nil {
			return err
		}
		res, err := c.http.Do(req)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", c.base, errors.Join(err, ctx.Err()))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// walk follows the pages of a user's recommendations.
func (c evalClient) walk(ctx context.Context, name string) iter.Seq2[engine.AnimeID, error] {
	return func(yield func(engine.AnimeID, error) bool) {
		for page := 1; page != 0; {
			items, next, err := c.page(ctx, name, page, "")
			if err != nil {
				yield(0, err)
				return
			}
			for _, item := range items {
				if !yield(item.ID, nil) {
					return
				}
			}
			page = next
		}
	}
}

// page gets one page; next is 0 on the last.
func (c evalClient) page(ctx context.Context, name string, page int, more string) (items []recommendedItem, next int, err error) {
	target := c.base + "/api/" + url.PathEscape(name) + "/recommendations?order=taste&page=" + strconv.Itoa(page) + more
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
		if err != nil {
			return nil, 0, err
		}
		res, err := c.http.Do(req)
		if err != nil {
			return nil, 0, err
		}
		var answer struct {
			Pagination struct{ Next int }
			Data       []recommendedItem
			Message    string
		}
		wait, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		limited := res.StatusCode == http.StatusServiceUnavailable && wait > 0
		if !limited {
			err = json.NewDecoder(res.Body).Decode(&answer)
		}
		_ = res.Body.Close()
		switch {
		case limited: // the server limits how often it is asked
			select {
			case <-ctx.Done():
				return nil, 0, ctx.Err()
			case <-time.After(time.Duration(wait) * time.Second):
			}
			continue
		case err != nil:
			return nil, 0, fmt.Errorf("%s: status %d: %w", target, res.StatusCode, err)
		case res.StatusCode != http.StatusOK:
			return nil, 0, fmt.Errorf("%s: status %d: %s", target, res.StatusCode, answer.Message)
		}
		return answer.Data, answer.Pagination.Next, nil
	}
}
