package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/demo"
	"reko.moe/engine/mal/maltest"
	"reko.moe/internal/wait"
)

// world is a site over the invented users and a fake MyAnimeList, where somebody is in every state.
type world struct {
	fake *maltest.Server
	url  string
}

// The users of MyAnimeList in a world. Those of the demo are there, too.
const (
	reader    = "spike"   // has a list like others
	collector = "radical" // has watched everything, and what the catalogue knows has pictures since
	private   = "vicious"
	empty     = "ed"
	tasteless = "ein"   // has watched what nobody knows
	awaited   = "rocco" // MyAnimeList takes very long for
)

// newWorld starts a world, which ends with the test.
func newWorld(t *testing.T) *world {
	t.Helper()
	anime := demo.Anime()
	var all, some []engine.AnimeID
	for i := range anime {
		all = append(all, anime[i].ID)
		if i%5 == 0 {
			some = append(some, anime[i].ID)
		}
		if i%7 != 0 {
			anime[i].Picture = fmt.Sprintf("https://%s/images/anime/%d/%dl.png", imageHost, i%10, anime[i].ID)
		}
	}
	w := &world{fake: maltest.Start(t, maltest.Lists{
		reader: listOf(some...), collector: listOf(all...), empty: nil, tasteless: listOf(4_000_000),
	}, anime...)}
	w.fake.SetPrivate(private, true)
	var cfg config
	w.url = start(t, func(c *config) {
		w.configure(c)
		cfg = *c
	})
	w.ask(t, collector+"/similar", nil)
	w.ask(t, reader+"/similar", nil)
	w.teach(t, &cfg, reader)
	w.stay(t, awaited)
	return w
}

// configure lets a server ask the fake MyAnimeList beside the invented users.
func (w *world) configure(cfg *config) {
	cfg.MALURL, cfg.MALClient, cfg.MALRate, cfg.MALBurst, cfg.MALProbe = w.fake.BaseURL, w.fake.ClientID, 1000, 100, reader
	cfg.MALTimeout = time.Minute // what a test holds back is not given up before the test is there, however busy the machine is
	cfg.Demo, cfg.Jobs = "true", false
}

// teach trains the item model, as reko train does, and waits until the server has it.
func (w *world) teach(t *testing.T, cfg *config, name string) {
	t.Helper()
	if err := (trainCmd{}).Run(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	wait.For(t, func() error { // asked of what no limit counts
		if _, text := get(w.url + "/metrics"); lines(text, "reko_model_version 1\n") != nil {
			return errors.New("the server has no item model")
		}
		return nil
	})
	if w.explained(t, name, "")[0].Match == nil {
		t.Fatalf("the server has an item model, and recommends nothing to %s by it", name)
	}
}

// ask asks the API.
func (w *world) ask(t *testing.T, path string, answer any) {
	t.Helper()
	status, body := get(w.url + "/api/" + path)
	if status != http.StatusOK {
		t.Fatalf("/api/%s: %d %s", path, status, body)
	}
	if answer != nil {
		if err := json.Unmarshal([]byte(body), answer); err != nil {
			t.Fatal(err)
		}
	}
}

// stay lets MyAnimeList answer for a new user only when the function that it returns is called.
func (w *world) stay(t *testing.T, name string) (answer func()) {
	let := make(chan struct{})
	answer = sync.OnceFunc(func() { close(let) })
	t.Cleanup(answer)
	var ids []engine.AnimeID
	for _, a := range demo.Anime()[:40] {
		ids = append(ids, a.ID)
	}
	w.fake.SetList(name, listOf(ids...)...)
	w.fake.Fail("/users/"+name+"/", 0, func(rw http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		select {
		case <-let:
			answer(rw, r)
		case <-r.Context().Done():
		}
	})
	return answer
}

// site is a server that can be stopped, and started again at the same address over the same store.
type site struct {
	cfg  config
	addr string
	stop func() // and wait until it is stopped; nothing if it is not running
}

// newSite starts a site without jobs, stopped at the end of the test at the latest.
func newSite(t *testing.T, change func(*config)) *site {
	t.Helper()
	s := &site{cfg: defaultConfig(), addr: "127.0.0.1:0"}
	s.cfg.Database, s.cfg.Jobs = "sqlite:"+t.TempDir()+"/reko.db", false
	if change != nil {
		change(&s.cfg)
	}
	s.start(t)
	t.Cleanup(func() { s.stop() })
	return s
}

func (s *site) url() string { return "http://" + s.addr }

func (s *site) start(t *testing.T) {
	t.Helper()
	ln, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, s.cfg, ln, slog.New(slog.DiscardHandler)) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	await(t, s.url())
}

// explained is a recommendation of the API with its explanation.
type explained struct {
	ID      int
	Details struct{ Title string }
	Match   *float64
	Because []struct {
		ID    int
		Title string
	}
}

func (w *world) explained(t *testing.T, name, query string) []explained {
	t.Helper()
	var answer struct{ Data []explained }
	w.ask(t, name+"/recommendations?explain=true&"+query, &answer)
	return answer.Data
}

// recommended is what is read of the API's recommendations.
type recommended struct {
	Data []struct{ Details struct{ Title string } }
}
