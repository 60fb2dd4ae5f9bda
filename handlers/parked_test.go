package handlers

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"reko.moe/engine"
)

// newcomers is a store that knows one user, whose list is old.
type newcomers struct{ engine.Store }

func (newcomers) User(_ context.Context, name string) (engine.User, error) {
	if name != "spike" {
		return engine.User{}, engine.ErrNotFound
	}
	l := engine.List{{Anime: 1, Episodes: 26, Score: 9, Status: engine.Completed}}
	return engine.User{ID: 1, Name: name, Origin: engine.FromMAL, Hash: 5, List: l.Pack(), FetchedAt: time.Now().Add(-1000 * time.Hour)}, nil
}

func (newcomers) IsKeptOut(context.Context, string) (bool, error)    { return false, nil }
func (newcomers) RefreshFailed(context.Context, engine.UserID) error { return nil }
func (newcomers) Recall(string) (engine.User, bool)                  { return engine.User{}, false }
func (newcomers) Counter(context.Context, string) (int64, error)     { return 0, nil }
func (newcomers) Users(context.Context, []engine.User, []engine.UserID) ([]engine.User, error) {
	return nil, nil
}

// slow is a source that does not answer.
type slow struct {
	engine.Source
	asked func(name string)
}

func (s slow) List(ctx context.Context, name string, _ engine.List, _ bool) (engine.Fetched, error) {
	s.asked(name)
	<-ctx.Done()
	return engine.Fetched{}, engine.ErrUpstreamTimeout
}

// When very many wait for MyAnimeList, one more does not wait, and so keeps no turn: an old list is answered from at once, and for the list of somebody
// new, which is fetched all the same, it is said at once that it is worth to ask again. All others are answered as ever.
func TestTooManyWaitForLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		fetched := map[string]bool{} // guarded by mu
		eng := engine.New(engine.Options{Store: newcomers{}, Source: slow{asked: func(name string) {
			mu.Lock()
			defer mu.Unlock()
			fetched[name] = true
		}}})
		app := New(Options{
			Engine: eng, Log: slog.New(slog.DiscardHandler), Sessions: new(brokenSessions), Upstream: true, Version: "v1.2.3",
			Started: func() bool { return true }, Demo: func() bool { return false },
		})
		h := app.Handler()
		ask := func(target string) (status int, again, body string, took time.Duration) {
			var c fasthttp.RequestCtx
			c.Request.SetRequestURI(target)
			c.Request.Header.SetHost("reko.test")
			begin := time.Now()
			h(&c)
			return c.Response.StatusCode(), string(c.Response.Header.Peek(fiber.HeaderRetryAfter)), string(c.Response.Body()), time.Since(begin)
		}
		var waiting sync.WaitGroup
		for i := range mostParked {
			waiting.Go(func() {
				if status, _, body, took := ask(fmt.Sprintf("/api/new-%d/similar", i)); status != http.StatusGatewayTimeout || took == 0 {
					t.Errorf("who waits: %d after %s, %s", status, took, body)
				}
			})
			synctest.Wait()
		}
		for i := range runtime.GOMAXPROCS(0)*workPerProcessor + 1 { // as many as there are turns, and one more
			waiting.Go(func() {
				name := fmt.Sprintf("more-%d", i)
				status, again, body, took := ask("/api/" + name + "/similar")
				if status != http.StatusGatewayTimeout || again == "" || !strings.Contains(body, "UpstreamTimeout") || took != 0 {
					t.Errorf("one more: %d after %s, again after %q, %s", status, took, again, body)
				}
			})
		}
		synctest.Wait()
		if status, _, body, took := ask("/api/version"); status != http.StatusOK || took != 0 {
			t.Errorf("somebody else: %d after %s, %s", status, took, body)
		}
		if status, _, body, took := ask("/api/spike/similar"); status != http.StatusOK || took != 0 {
			t.Errorf("who has an old list: %d after %s, %s", status, took, body)
		}
		waiting.Wait()
		if err := eng.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if want := mostParked + runtime.GOMAXPROCS(0)*workPerProcessor + 2; len(fetched) != want {
			t.Errorf("%d lists were asked for, want %d", len(fetched), want)
		}
	})
}
