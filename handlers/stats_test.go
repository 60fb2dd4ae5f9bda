package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/mal/maltest"
)

// key makes a key.
func (a *app) key(t testing.TB) (shown string, id int64) {
	t.Helper()
	shown, k, err := a.engine.AddKey(t.Context(), "a test")
	if err != nil {
		t.Fatal(err)
	}
	return shown, k.ID
}

type statValue struct {
	Value      float64
	Percentile *float64
}

type stats struct {
	Requester        voter
	UserLastAnalyzed string `json:"user_last_analyzed"`
	Population       struct {
		Users  int
		MadeAt *string `json:"made_at"`
	}
	Data []struct {
		Group, Name string
		Values      map[string]*statValue
	}
}

func TestStats(t *testing.T) {
	a := start(t, nil)
	key, _ := a.key(t)
	ask := func() stats {
		t.Helper()
		got := a.ask(t, http.MethodGet, "/api/stats/Spike", "Authorization", "Bearer "+key)
		if got.status != 200 || got.header.Get("Cache-Control") != "no-store" || !strings.Contains(got.header.Get("Vary"), "Authorization") {
			t.Fatalf("%d %v %s", got.status, got.header, got.body)
		}
		return read[stats](t, got.body)
	}
	s := ask()
	if s.Requester.Username != "spike" || s.Requester.Hash != "1104410102000000" || s.UserLastAnalyzed != "2025-06-01T12:00:00.000Z" ||
		s.Population.Users != 7 || s.Population.MadeAt != nil || len(s.Data) != 93 {
		t.Errorf("%+v", s)
	}
	seen := map[string]map[string]*statValue{}
	for _, d := range s.Data {
		if seen[d.Group+"/"+d.Name] != nil || len(d.Values) != 9 {
			t.Errorf("%s/%s is there twice, or has %d values", d.Group, d.Name, len(d.Values))
		}
		seen[d.Group+"/"+d.Name] = d.Values
	}
	for _, test := range []struct {
		stat, value string
		want        float64
	}{
		{"general/all entries", "share", 1}, {"general/all entries", "mean", 8.75}, {"general/all entries", "deviation", 1.25},
		{"general/all entries", "scored", 1}, {"general/all entries", "completed", 1}, {"general/all entries", "planned", 0},
		{"decade/1990s", "share", 1}, {"decade/2020s", "share", 0}, {"major genre/Action", "share", 0.5}, {"rating/R", "mean", 8.75},
	} {
		v := seen[test.stat][test.value]
		if v == nil || v.Value != test.want || v.Percentile == nil || *v.Percentile < 0 || *v.Percentile > 100 {
			t.Errorf("%s of %s = %+v, want %v", test.value, test.stat, v, test.want)
		}
	}
	if seen["decade/2020s"]["mean"] != nil || seen["demographic/Josei"]["share"] != nil {
		t.Error("what no entry tells is there")
	}
	// Half of seven users have one entry: 1 of 1, 4, 4, 4, 1, 1, 1 is the mean less 0.866 deviations.
	if p := *seen["general/all entries"]["share"].Percentile; p != 19.32 {
		t.Errorf("percentile of the number of entries: %v, want 19.32", p)
	}
	if _, err := a.engine.UpdatePopulation(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.engine.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := ask(); s.Population.MadeAt == nil || *s.Population.MadeAt != "2025-06-01T12:00:00.000Z" {
		t.Errorf("%+v", s.Population)
	}
}

// Without a valid key nothing is told, not even whether there is such a user; and no key is ever logged.
func TestStatsNeedAKey(t *testing.T) {
	a := start(t, nil)
	key, id := a.key(t)
	wrong := key[:10] + "x" + key[11:]
	if wrong == key {
		wrong = key[:10] + "y" + key[11:]
	}
	refused := func(what string, header ...string) {
		t.Helper()
		for _, target := range []string{"/api/stats/spike", "/api/stats/nobody", "/api/stats/%zz", "/api/stats/spike?reload_list=x", "/api/stats/recommendations"} {
			got := a.ask(t, http.MethodGet, target, header...)
			got.refused(t, what+" "+target, http.StatusUnauthorized, "Unauthorized")
			if !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer") || strings.Contains(got.body, key[5:]) {
				t.Errorf("%s: %v %s", what, got.header, got.body)
			}
		}
	}
	refused("no key")
	for _, header := range []string{"", "Bearer", "Bearer ", key, "Basic " + key, "Bearer " + wrong, "Bearer " + key + "x", "Bearer " + key + " x", "Bearer x", "Bearer " + strings.Repeat("x", 9000)} {
		refused(header, "Authorization", header)
	}
	for _, header := range []string{"Bearer " + key, "bearer " + key, "Bearer  " + key} {
		if got := a.ask(t, http.MethodGet, "/api/stats/spike", "Authorization", header); got.status != 200 {
			t.Errorf("%q: %d", header, got.status)
		}
	}
	for target, want := range map[string]struct {
		status int
		id     string
	}{
		"/api/stats/nobody": {404, "UserNotFound"}, "/api/stats/%zz": {404, "UserNotFound"}, "/api/stats/ed": {422, "EmptyUserList"},
		"/api/stats/spike?reload_list=x": {400, "InvalidParameter"}, "/api/stats/recommendations": {404, "UserNotFound"}, "/api/stats/similar": {404, "UserNotFound"},
	} {
		a.ask(t, http.MethodGet, target, "Authorization", "Bearer "+key).refused(t, target, want.status, want.id)
	}
	if err := a.engine.RevokeKey(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	refused("revoked", "Authorization", "Bearer "+key)

	// When the database refuses, that is no question of keys, and the failure is logged without them.
	a.store.Close()
	got := a.ask(t, http.MethodGet, "/api/stats/spike", "Authorization", "Bearer "+key)
	got.refused(t, "no database", http.StatusInternalServerError, "FailedSave")
	if got.header.Get("WWW-Authenticate") != "" {
		t.Errorf("%v", got.header)
	}
	a.log.mu.Lock()
	defer a.log.mu.Unlock()
	if text := a.log.buf.String(); strings.Contains(text, key[5:]) || strings.Contains(text, wrong[5:]) || !strings.Contains(text, "/api/stats/spike") {
		t.Error("a key is logged, or nothing is")
	}
}

func TestStatsReload(t *testing.T) {
	t.Parallel()
	clock := now
	fake := maltest.New(maltest.Lists{"faye-m": {entry(1, 9, 2024)}})
	a := start(t, func(s *setup) {
		s.mal = fake
		s.engine.Now = func() time.Time { return clock }
		s.users = append(s.users, person("stats", engine.FromFile, entry(1, 9, 2024)))
	})
	key, _ := a.key(t)
	for i, test := range []struct {
		query    string
		requests int
		later    time.Duration
	}{{"", 1, time.Minute}, {"?reload_list=true", 1, 9 * time.Minute}, {"?reload_list=false", 1, 0}, {"?reload_list=1", 2, 0}, {"?reload_list=TRUE", 2, 0}} {
		got := a.ask(t, http.MethodGet, "/api/stats/faye-m"+test.query, "Authorization", "Bearer "+key)
		if got.status != 200 || fake.Requests("/users/faye-m/") != test.requests {
			t.Errorf("%d: %d after %d requests, want %d", i, got.status, fake.Requests("/users/faye-m/"), test.requests)
		}
		clock = clock.Add(test.later)
	}
	// Somebody is called stats.
	a.get(t, "/api/stats/compare/spike", 200)
	if got := a.ask(t, http.MethodGet, "/api/stats/similar"); got.status != http.StatusUnauthorized {
		t.Errorf("similar to stats: %d, want the statistics of similar", got.status)
	}
}
