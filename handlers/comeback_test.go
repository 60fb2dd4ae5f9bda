package handlers_test

import (
	"net/http"
	"strings"
	"testing"
)

// Who hides an anime gets it back, alone or with all that was hidden, also where much else is left.
func TestHiddenComesBack(t *testing.T) {
	a := start(t, nil)
	b := newBrowser(t, a.listen(t))
	cards := func() string { return b.get(t, "/u/spike").body }
	shown := func(id string) bool { return strings.Contains(cards(), `id="anime-`+id+`"`) }
	for _, id := range []string{"2", "3"} {
		if !shown(id) {
			t.Fatalf("anime %s is not recommended to begin with", id)
		}
		part := b.ask(t, http.MethodPost, "/hide", plainForm, "id="+id+"&back=/u/spike", "HX-Request", "true")
		for _, want := range []string{`<li class="card" id="anime-` + id, `action="/unhide"`, `name="back" value="/u/spike#anime-` + id + `"`} {
			if !strings.Contains(part.body, want) {
				t.Errorf("what takes the place of the card lacks %s: %s", want, part.body)
			}
		}
		if strings.Contains(part.body, "<h3>") || shown(id) {
			t.Errorf("anime %s is not hidden: %s", id, part.body)
		}
	}
	if !strings.Contains(cards(), "2 hidden by you") {
		t.Error("the page does not say how many are hidden")
	}
	b.ask(t, http.MethodPost, "/unhide", plainForm, "id=2&back=/u/spike%23anime-2").leads(t, "showing one again", "/u/spike#anime-2")
	if !shown("2") || shown("3") || !strings.Contains(cards(), "1 hidden by you") {
		t.Error("another one came back, or none")
	}
	b.ask(t, http.MethodPost, "/unhide", plainForm, "back=/u/spike")
	if !shown("2") || !shown("3") || strings.Contains(cards(), "hidden by you") {
		t.Error("not all came back")
	}
	if got := b.ask(t, http.MethodPost, "/unhide", plainForm, "id=x&back=/"); got.status != http.StatusBadRequest {
		t.Errorf("an id that is none is answered %d", got.status)
	}
}

// A name that was typed is remembered as the visitor's, unless it turns out to be nobody's.
func TestNobodysNameIsForgotten(t *testing.T) {
	a := start(t, nil)
	b := newBrowser(t, a.listen(t))
	for _, test := range []struct {
		typed, welcomed string
	}{{"Spike", ">spike</a>"}, {"no-such-user", ""}} {
		b.ask(t, http.MethodGet, "/u?name="+test.typed, "", "").leads(t, test.typed, "/u/"+strings.ToLower(test.typed))
		b.get(t, "/u/"+strings.ToLower(test.typed))
		b.get(t, "/u/nobody-else") // who was not typed changes nothing
		home := b.get(t, "/").body
		if got := strings.Contains(home, "Welcome back"); got != (test.welcomed != "") || !strings.Contains(home, test.welcomed) {
			t.Errorf("after %q was typed: welcome %t", test.typed, got)
		}
	}
}

// Where MyAnimeList is not asked, neither the first page nor an unknown name pretends that it is.
func TestWithoutMyAnimeList(t *testing.T) {
	for _, upstream := range []bool{true, false} {
		a := start(t, func(s *setup) { s.handlers.Upstream = upstream })
		if home := a.get(t, "/", http.StatusOK).body; strings.Contains(home, "Type a MyAnimeList name.") != upstream || strings.Contains(home, "does not ask MyAnimeList") == upstream {
			t.Errorf("upstream %t: the first page says otherwise", upstream)
		}
		if unknown := a.get(t, "/u/no-such-user", http.StatusNotFound).body; strings.Contains(unknown, "No list on MyAnimeList?") != upstream || strings.Contains(unknown, "Is it your list?") == upstream {
			t.Errorf("upstream %t: the page about an unknown name says otherwise", upstream)
		}
	}
}
