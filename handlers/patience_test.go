package handlers

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
)

// brokenSessions are sessions of which none can be read. They count the looks.
type brokenSessions struct {
	fiber.Storage
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
		s.sessions, s.before = newSessions(broken, s.secure()), newSessions(broken, false)
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
