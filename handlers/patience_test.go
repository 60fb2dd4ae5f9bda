package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"reko.moe/engine"
)

// brokenSessions are sessions of which none can be read. They count the looks.
type brokenSessions struct {
	Sessions
	looks int
}

func (b *brokenSessions) Get(string) ([]byte, error) {
	b.looks++
	return nil, errors.New("no answer")
}

// Who saves something while the store does not answer is told so after one look, not one for the form and one for the page that says so.
func TestSessionsThatCannotBeReadAreAskedOnce(t *testing.T) {
	for _, cookie := range []string{sessionCookie, cookieName(sessionCookie, true)} {
		broken := new(brokenSessions)
		s, app := bare(func(*fiber.Ctx) error { return nil })
		s.Engine = engine.New(engine.Options{})
		if cookie != sessionCookie {
			s.PublicURL = "https://reko.test"
		}
		s.Sessions = broken
		app.Post("/unhide", func(c *fiber.Ctx) error {
			c.Locals(countedKey{}, true)
			return s.unhide(c)
		})
		r := httptest.NewRequest(http.MethodPost, "/unhide", strings.NewReader("back=/"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Cookie", cookie+"=0123456789")
		resp, err := app.Test(r, -1)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode < 500 || broken.looks != 1 {
			t.Errorf("%s: %d after %d looks, want a failure after 1", cookie, resp.StatusCode, broken.looks)
		}
	}
}

// An answer from an old list has another name than the same one from a new list: who has it, with its age, gets the one without.
func TestAgeIsPartOfTheName(t *testing.T) {
	old := true
	s, _ := bare(nil)
	app := fiber.New()
	app.Use(s.deliver)
	app.Get("/", func(c *fiber.Ctx) error {
		aged(c, engine.Requester{FetchedAt: time.Now().Add(-100 * time.Hour), Stale: old})
		return c.SendString("the same")
	})
	ask := func(tag string) (int, http.Header) {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("If-None-Match", tag)
		resp, err := app.Test(r, -1)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode, resp.Header
	}
	_, header := ask("")
	tag := header.Get("ETag")
	if status, header := ask(tag); status != http.StatusNotModified || header.Get(headerAge) == "" {
		t.Errorf("still old: %d, %v", status, header)
	}
	old = false
	if status, header := ask(tag); status != http.StatusOK || header.Get("ETag") == tag {
		t.Errorf("new: %d, %v", status, header)
	}
}

// stuckStore is a store that does not answer until it is let go.
type stuckStore struct {
	engine.Store
	asked chan context.Context
	open  chan struct{}
}

func (s stuckStore) User(ctx context.Context, _ string) (engine.User, error) {
	s.asked <- ctx
	<-s.open
	return engine.User{}, engine.ErrNotFound
}

// The time that somebody waits for a turn is part of the time that the answer may take.
func TestWaitingForATurnCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := stuckStore{asked: make(chan context.Context, 1000), open: make(chan struct{})}
		app := New(Options{
			Engine: engine.New(engine.Options{Store: store}), Log: slog.New(slog.DiscardHandler), Sessions: new(brokenSessions),
			Started: func() bool { return true }, Demo: func() bool { return false },
		})
		h := app.Handler()
		ask := func() {
			var c fasthttp.RequestCtx
			c.Request.SetRequestURI("/api/spike/similar")
			c.Request.Header.SetHost("reko.test")
			h(&c)
			if status := c.Response.StatusCode(); status != http.StatusNotFound {
				t.Errorf("%d %s", status, c.Response.Body())
			}
		}
		working := runtime.GOMAXPROCS(0) * workPerProcessor
		for range working {
			go ask()
		}
		synctest.Wait()
		for range working {
			<-store.asked
		}
		begin := time.Now()
		go ask()
		time.Sleep(waitTime - time.Millisecond)
		close(store.open)
		deadline, ok := (<-store.asked).Deadline()
		if left := deadline.Sub(begin); !ok || left != questionTime {
			t.Errorf("an answer may take %s in all, want %s", left, questionTime)
		}
	})
}
