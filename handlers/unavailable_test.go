package handlers

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/handlers/metrics"
)

// bare is an application with one route below /api and one page, that answer what f says.
func bare(f fiber.Handler) (*server, *fiber.App) {
	s := &server{
		Options: Options{
			Log: slog.New(slog.DiscardHandler), Metrics: metrics.New("v"), Timeout: time.Minute,
			Started: func() bool { return true }, Demo: func() bool { return false },
		},
		gates: newGates(nil),
	}
	app := fiber.New(fiber.Config{ErrorHandler: s.fail})
	app.Use(s.identify)
	app.Get(healthPath, s.health)
	app.Use(s.deadline)
	app.Use(s.turn)
	app.Get("/api/spike/similar", f)
	app.Get("/u/spike", f)
	app.Get("/admin", f)
	app.Server().Handler = s.door(app, app.Server().Handler)
	return s, app
}

// unavailable wants a request answered 503 with an id, and with a time to come again.
func unavailable(t *testing.T, app *fiber.App, path, id, text string) {
	t.Helper()
	resp, body := asked(t, app, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, text) {
		t.Errorf("%s: %d, Retry-After %q: %s", path, resp.StatusCode, resp.Header.Get("Retry-After"), body)
	}
	if want := fmt.Sprintf(`{"code":503,"id":%q,"message":%q}`, id, text); strings.HasPrefix(path, "/api/") && body != want {
		t.Errorf("%s: %s, want %s", path, body, want)
	}
}

func TestStoreUnavailable(t *testing.T) {
	_, app := bare(func(*fiber.Ctx) error { return fmt.Errorf("user: %w", engine.ErrStoreDown) })
	for _, path := range []string{"/api/spike/similar", "/u/spike"} {
		unavailable(t, app, path, "StoreUnavailable", "The database does not answer. Try again soon.")
	}
}

// Answers from old lists, and from memory, say how old the list is; others say nothing.
func TestAgeOfAnswers(t *testing.T) {
	read := time.Now().Add(-100 * time.Hour)
	for _, test := range []struct {
		r    engine.Requester
		want string
	}{
		{engine.Requester{FetchedAt: read}, ""}, {engine.Requester{FetchedAt: read, Stale: true}, "360000"},
		{engine.Requester{FetchedAt: read, Recalled: true}, "360000"}, {engine.Requester{Recalled: true}, ""},
		{engine.Requester{FetchedAt: time.Now().Add(time.Hour), Stale: true}, "0"},
	} {
		_, app := bare(func(c *fiber.Ctx) error {
			aged(c, test.r)
			return nil
		})
		resp, err := app.Test(httptest.NewRequest(http.MethodGet, "/u/spike", http.NoBody), -1)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := resp.Header.Get(headerAge); got != test.want {
			t.Errorf("%+v: %q, want %q", test.r, got, test.want)
		}
	}
}
