package handlers_test

import (
	"crypto/rand"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/jobs"
	"reko.moe/engine/series"
	"reko.moe/handlers/metrics"
)

// happened counts events in a minute, so many minutes ago.
func (a *app) happened(t testing.TB, ago int, e series.Event, took time.Duration, n int64) {
	t.Helper()
	at := time.Now().Truncate(time.Minute).Add(-time.Duration(ago) * time.Minute)
	if err := a.store.AddCounts(t.Context(), rand.Text(), at, []series.Count{{Event: e, Bucket: series.BucketOf(took), N: n}}); err != nil {
		t.Fatal(err)
	}
}

// told returns what a part of a page says, without pictures, what is folded, and markup, and spaces as one.
func told(body string) string {
	text := regexp.MustCompile(`(?s)<svg.*?</svg>|<details.*?</details>|<[^>]*>`).ReplaceAllString(body, " ")
	return strings.Join(strings.Fields(strings.ReplaceAll(html.UnescapeString(text), "\u00a0", " ")), " ")
}

func TestOverview(t *testing.T) {
	a, _, b := startLoggedIn(t, func(s *setup) {
		s.handlers.Sources = metrics.Sources{
			Cache: func() metrics.Cache { return metrics.Cache{Hits: 3, Misses: 1, Lists: 12, Bytes: 3 << 20} },
			Pools: func() []metrics.Pool { return []metrics.Pool{{Name: "all", Max: 10, Open: 2, InUse: 1}} },
			Pace: func() metrics.Pace {
				return metrics.Pace{Rate: 2, Burst: 7, Waiting: 4, Paused: time.Now().Add(-time.Hour)}
			},
		}
		s.users = append(s.users, person("somebody", engine.FromMAL, entry(1, 9, 2024), entry(2, 9, 2024)))
	})
	// Not in the last minutes, which end while the test runs.
	a.happened(t, 10, series.Answered, 20*time.Millisecond, 590)
	a.happened(t, 10, series.Failed, 3*time.Second, 10)
	a.happened(t, 300, series.Refused, time.Millisecond, 5400)
	a.happened(t, 10, series.MALOK, 300*time.Millisecond, 7)
	a.happened(t, 10, series.MALTimedOut, 10*time.Second, 2)
	a.happened(t, 10, series.MALWait, 500*time.Millisecond, 9)
	for i := range 7 {
		r := jobs.Run{Job: "refresh", Started: now, Err: fmt.Sprintf("<b>failure %d\nand more", i)}
		if err := a.store.SaveRun(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	body := b.shows(t, "/admin", "&lt;b&gt;failure 6")
	text := told(body)
	for _, want := range []string{
		"The last hour 10 requests a minute, 0 refused, 0.17 failed. p50 19 ms, p95 20 ms, p99 3 s.",
		"import 7 16", "MyAnimeList 1 2", "all 8 18", "Lists that are not empty 8", "Anime without details 1", "Valid keys 0",
		"Described anime 6", "Users matched by taste hash 6 · 192 bytes", "Lists in the cache 12 · 3.0 MiB", "Lists found there 75 %",
		"Connections (all) 1 in use, 2 of 10 open", "Population made at the start, not kept of 8 users", "Item model none",
		"Pace 2 a second, 7 at once", "ok 7", "timed out 2", "Waiting for MyAnimeList 4",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the overview does not say %q: %s", want, text)
		}
	}
	if strings.Contains(text, "failure 1") || strings.Contains(text, "and more") {
		t.Error("more failures than the last ones, or more than their first lines")
	}
	day := told(b.shows(t, "/admin?span=day"))
	// 6,000 requests in 24 hours, but for the minutes of the last slot that are not over.
	if !regexp.MustCompile(`The last day 4\.2 requests a minute, 3\.[78] refused, <0\.01 failed\. p50 19 ms`).MatchString(day) {
		t.Errorf("the overview of a day: %s", day)
	}
	b.shows(t, "/admin?span=month", "The last month", `aria-current="true"`)
	if got := b.get(t, "/admin?span=year"); got.status != http.StatusBadRequest {
		t.Errorf("an unknown span: %d", got.status)
	}
}

func TestOverviewLooksAgain(t *testing.T) {
	_, _, b := startLoggedIn(t, nil)
	part := b.ask(t, http.MethodGet, "/admin?span=day", "", "", "HX-Request", "true", "HX-Target", "overview")
	if part.status != http.StatusOK || !strings.HasPrefix(part.body, `<div id="overview"`) || !strings.Contains(part.body, `hx-get="/admin?span=day"`) {
		t.Errorf("the part: %d %.300s", part.status, part.body)
	}
	body := b.shows(t, "/admin", "Nothing happened.", "is not asked: there is no client id", "None. All is well.")
	if strings.Contains(body, "style=") {
		t.Error("the overview has styles in it")
	}
}

func TestOverviewWithAModel(t *testing.T) {
	_, _, b := startLoggedIn(t, func(s *setup) {
		s.handlers.Sources.Model = func() metrics.Model {
			return metrics.Model{Version: 12, MadeAt: time.Now().Add(-3 * time.Hour), Users: 12338}
		}
	})
	if text := told(b.shows(t, "/admin")); !strings.Contains(text, "Item model version 12 3 hours ago of 12,338 users") {
		t.Errorf("the model: %s", text)
	}
}

// The overview of a store that fails is an error, and no page of zeros.
func TestOverviewOfABrokenStore(t *testing.T) {
	a, _, b := startLoggedIn(t, nil)
	a.sqlExec(t, "DROP TABLE series")
	if got := b.get(t, "/admin"); got.status != http.StatusInternalServerError {
		t.Errorf("%d %s", got.status, told(main(got.body)))
	}
}

func TestPortraitPage(t *testing.T) {
	a, _, b := startLoggedIn(t, func(s *setup) {
		big := crowd(60, 200)
		s.users, s.anime = append(s.users, big.users...), append(s.anime, big.anime...)
		u := person("guest-abcdefghij", engine.Uploaded, entry(1, 9, 2024))
		u.Unlisted = true
		s.users = append(s.users, u, person("nothing", engine.FromMAL))
	})
	if _, err := a.engine.UpdatePopulation(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.shows(t, "/admin/users?q=faye", `href="/admin/users/faye-v"`)
	text := told(b.shows(t, "/admin/users/FAYE-V", "<svg", `href="/u/faye-v"`))
	for _, want := range []string{
		"faye-v", "4 anime on the list · import · read", "Usual is what 68 users have on average", "Anime on the list 4 usual is", "Scored 100 % usual is",
		"How many anime got each score; 0 have none.", "Score Anime 1 0 2 0", "8 1 9 1 10 1", "≤ 1980s 0 %", "Genres Of all mentions", "Scores above and below",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q: %s", want, text)
		}
	}
	b.shows(t, "/admin/users/crowd-3", "than most")
	b.shows(t, "/admin/users/guest-abcdefghij", "1 anime on the list", "upload")
	b.shows(t, "/admin/users/ed", "1 anime on the list")
	b.shows(t, "/admin/users/nothing", "The list is empty, so there is nothing to tell.", "MyAnimeList")
	for _, nobody := range []string{"/admin/users/unheard", "/admin/users/%3Cb%3E", "/admin/users/a"} {
		if got := b.get(t, nobody); got.status != http.StatusNotFound || strings.Contains(got.body, "<b>") {
			t.Errorf("%s: %d", nobody, got.status)
		}
	}
}
