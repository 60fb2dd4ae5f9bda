package handlers_test

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// One browser that saves, hides and takes out several anime at once, on two instances: no change undoes another.
func TestSavesAtOnce(t *testing.T) {
	here := start(t, nil)
	there := start(t, func(s *setup) { s.handlers.Sessions = here.store.Sessions() })
	first := here.ask(t, "POST", "/save?id=1", "Sec-Fetch-Site", "same-origin")
	cookie := "session=" + sessionOf(t, first)
	for range 5 {
		var saving sync.WaitGroup
		for i, path := range []string{"/unsave?id=1", "/save?id=2", "/save?id=3", "/save?id=4", "/save?id=5", "/save?id=6", "/hide?id=3", "/hide?id=4"} {
			saving.Go(func() {
				got := []*app{here, there}[i%2].ask(t, "POST", path, "Sec-Fetch-Site", "same-origin", "Cookie", cookie)
				if got.status != http.StatusSeeOther {
					t.Errorf("%s: %d", path, got.status)
				}
			})
		}
		saving.Wait()
		saved := there.ask(t, "GET", "/saved", "Cookie", cookie).body
		for _, id := range []int{2, 3, 4, 5, 6} {
			if !strings.Contains(saved, fmt.Sprintf(`name="id" value="%d"`, id)) {
				t.Errorf("anime %d is not saved any more", id)
			}
		}
		if strings.Contains(saved, `name="id" value="1"`) {
			t.Error("anime 1 is saved again")
		}
		for _, path := range []string{"/save?id=1", "/unsave?id=2", "/unsave?id=3", "/unsave?id=4", "/unsave?id=5", "/unsave?id=6"} {
			here.ask(t, "POST", path, "Sec-Fetch-Site", "same-origin", "Cookie", cookie)
		}
	}
}

// What was kept as Fiber's sessions keep it is still there.
func TestSessionsOfEarlierVersions(t *testing.T) {
	a := start(t, nil)
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(map[string]any{"visitor": `{"saved":[1]}`}); err != nil {
		t.Fatal(err)
	}
	const id = "00000000-0000-0000-0000-000000000000"
	if done, err := a.store.Sessions().Swap(id, nil, b.Bytes(), time.Hour); err != nil || !done {
		t.Fatal(done, err)
	}
	for _, path := range []string{"/save?id=3", "/save?id=5"} {
		if got := a.ask(t, "POST", path, "Sec-Fetch-Site", "same-origin", "Cookie", "session="+id); got.status != http.StatusSeeOther || sessionOf(t, got) != id {
			t.Fatal(got.status, got.header)
		}
	}
	body := a.ask(t, "GET", "/saved", "Cookie", "session="+id).body
	for _, id := range []int{1, 3, 5} {
		if !strings.Contains(body, fmt.Sprintf(`name="id" value="%d"`, id)) {
			t.Errorf("anime %d is not saved", id)
		}
	}
}
