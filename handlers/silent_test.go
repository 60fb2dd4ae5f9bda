package handlers_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"reko.moe/engine"
)

// silent are sessions that do not answer.
type silent struct {
	forgetful
	asked *atomic.Int32
}

func (s silent) Get(string) ([]byte, error) {
	s.asked.Add(1)
	return nil, fmt.Errorf("session: %w", engine.ErrStoreDown)
}

// Each look at a store that does not answer takes its time: a request takes one, also where the refusal is a page.
func TestUnreadableSessionIsReadOnce(t *testing.T) {
	asked := new(atomic.Int32)
	a := start(t, func(s *setup) { s.handlers.Sessions = silent{asked: asked} })
	for _, path := range []string{"/save?id=1", "/unsave?id=1", "/hide?id=1", "/unhide"} {
		asked.Store(0)
		got := a.ask(t, "POST", path, "Sec-Fetch-Site", "same-origin", "Cookie", "session=00000000-0000-0000-0000-000000000000")
		if got.status != http.StatusServiceUnavailable || asked.Load() != 1 {
			t.Errorf("%s: %d after %d looks", path, got.status, asked.Load())
		}
	}
}
