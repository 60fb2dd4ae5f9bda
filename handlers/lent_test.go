package handlers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
)

// Buffers of pages are used again, and each page is whole all the same.
func TestPagesShareBuffers(t *testing.T) {
	const long = 50_000
	s, _ := bare(nil)
	app := fiber.New(fiber.Config{Immutable: true})
	app.Use(s.deliver)
	app.Get("/:letter", func(c *fiber.Ctx) error { return write(c, templ.Raw(strings.Repeat(c.Params("letter"), long))) })
	var asking sync.WaitGroup
	for i := range 8 {
		asking.Go(func() {
			letter := string(rune('a' + i))
			for range 20 {
				resp, body := asked(t, app, httptest.NewRequest(http.MethodGet, "/"+letter, http.NoBody))
				if resp.StatusCode != http.StatusOK || body != strings.Repeat(letter, long) {
					t.Errorf("%s: %d, %d bytes, %.20q...", letter, resp.StatusCode, len(body), body)
				}
			}
		})
	}
	asking.Wait()
	resp, body := asked(t, app, httptest.NewRequest(http.MethodHead, "/a", http.NoBody))
	if got := resp.Header.Get("Content-Length"); got != fmt.Sprint(long) || body != "" {
		t.Errorf("HEAD: length %s, %d bytes", got, len(body))
	}
}
