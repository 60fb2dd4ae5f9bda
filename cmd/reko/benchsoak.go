package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"reko.moe/bench"
	"reko.moe/engine"
	"reko.moe/engine/mal/maltest"
)

// benchSoakCmd asks a server for minutes.
type benchSoakCmd struct {
	What  string        `arg:"--what" default:"mixed" help:"What is asked for, as of reko bench profile."`
	For   time.Duration `arg:"--for" default:"10m" help:"How long."`
	Rate  float64       `arg:"--rate" default:"2500" help:"Requests a second."`
	Saves float64       `arg:"--saves" default:"50" help:"Lists saved a second."`
	Names int           `arg:"--names" default:"2000" help:"How many users are asked for."`
	Conns int           `arg:"--conns" default:"64" help:"Connections."`
	Most  time.Duration `arg:"--most" default:"10ms" help:"The 99th percentile that is still good."`
	Grow  float64       `arg:"--grow" default:"1.1" help:"How many times as much memory may be resident in the end; the collector's comings and goings are within a tenth."`
	Out   string        `arg:"--out" placeholder:"FILE" help:"Also write the result as JSON."`
}

const (
	soakAge   = time.Minute            // after which the server fetches a list again: the least that can be configured
	soakParts = 10                     // into which the time is cut to look at the memory
	soakLook  = 250 * time.Millisecond // the least between two looks, which cost the server something themselves
	soakLooks = 10                     // in a part
	soakWarm  = 5 * time.Second        // for which it is asked before anything counts, though not longer than for a part
)

// Run asks a server that is started for it. Lists are saved as always: they are fetched from a MyAnimeList, which is a fake one
// in this process, because somebody asks for their users, and are older than they may be or not there.
func (cmd benchSoakCmd) Run(ctx context.Context, cfg *config, c *cli) (err error) {
	defer quietGarbage()()
	question, err := questions(cmd.What)
	if err != nil {
		return err
	}
	w, err := openWorld(ctx, cfg, max(cmd.Names, 1))
	if err != nil {
		return err
	}
	defer w.store.Close()
	origins, err := w.store.CountUsers(ctx)
	if err != nil {
		return err
	}
	s := &soak{benchSoakCmd: cmd, question: question, world: w, users: int(cmd.Saves*soakAge.Seconds()*1.05) + 1}
	if err := s.forget(ctx); err != nil { // those of one that was interrupted
		return err
	}
	if origins[engine.FromMAL] > s.users {
		return errors.New("the store has users of MyAnimeList, whose lists a fake one would be asked for: take one with made-up users (reko bench populate)")
	}
	defer func() { err = errors.Join(err, s.forget(context.WithoutCancel(ctx))) }()
	fake, err := s.upstream(ctx)
	if err != nil {
		return err
	}
	defer fake.Close()
	server, err := startServer(ctx, c.Config, ask{w.some, askSimilar}.requests(0),
		"REKO_MAL_URL="+s.fake.BaseURL, "REKO_MAL_CLIENT_ID="+s.fake.ClientID, "REKO_MAL_RATE=1000", "REKO_MAL_BURST=1000",
		"REKO_LISTS_MAX_AGE="+soakAge.String(), "REKO_DEMO_ENABLED="+strconv.FormatBool(origins[engine.FromDemo] > 0))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	result := w.result(cfg)
	if result.Rows, err = s.run(ctx, server); err != nil {
		return err
	}
	err = result.WriteTable(os.Stdout)
	if cmd.Out != "" {
		err = errors.Join(err, writeResult(cmd.Out, result))
	}
	for _, r := range result.Rows {
		if r.Errors > 0 || !r.Met() {
			err = errors.Join(err, fmt.Errorf("%s: not as it has to be", r.Name))
		}
	}
	return err
}

// soak is a soak in the making.
type soak struct {
	benchSoakCmd
	question func(r *rand.Rand, me, other string) string // What
	world    *benchWorld
	users    int // whose lists are saved in turn, so many that each is too old when its turn comes again
	fake     *maltest.Server
	lists    []engine.Packed
}

func soakName(i int) string { return fmt.Sprint("soak--", i) }

// forget removes the users whose lists were saved.
func (s *soak) forget(ctx context.Context) error {
	for i := range s.users {
		u, err := s.world.store.User(ctx, soakName(i))
		if err == nil {
			err = s.world.store.DeleteUser(ctx, u.ID)
		}
		if err != nil && !errors.Is(err, engine.ErrNotFound) {
			return err
		}
	}
	return nil
}

// upstream serves a MyAnimeList on which the users have the lists of users of the store who are not asked for, and so as often as any user
// they are neighbours of somebody who is.
func (s *soak) upstream(ctx context.Context) (*http.Server, error) {
	s.fake = maltest.New(nil)
	users, err := s.world.store.Users(ctx, nil, s.world.elsewhere(s.users))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	for i := range s.users {
		packed := users[i%len(users)].List
		list, err := packed.Unpack(nil)
		if err != nil {
			return nil, err
		}
		changes := make([]engine.Change, len(list))
		for k := range list {
			changes[k] = engine.Change{Entry: list[k], At: now.Add(-time.Duration(k+1) * time.Hour)}
		}
		s.lists = append(s.lists, packed)
		s.fake.SetList(soakName(i), changes...)
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.fake.BaseURL = "http://" + ln.Addr().String() + "/v2"
	serving := &http.Server{Handler: s.fake, ReadHeaderTimeout: time.Minute}
	go func() { _ = serving.Serve(ln) }() // http.ErrServerClosed, once closed
	return serving, nil
}

// save is the request that has list n saved, which changed since it was last.
func (s *soak) save(n int) bench.Request {
	i := n % s.users
	if list, _ := s.lists[i].Unpack(nil); len(list) > 0 { // which it did before
		e := list[n/s.users%len(list)]
		e.Score = uint8(1 + n%engine.MaxScore)
		s.fake.SetEntry(soakName(i), engine.Change{Entry: e, At: time.Now()})
	}
	return bench.Request{Path: "/api/" + soakName(i) + "/similar"}
}

// soaked is what came of asking and saving for a while.
type soaked struct {
	asked, saved bench.Load
	fetches      int // of lists
	memory       []float64
}

// run asks and saves, first to warm up.
func (s *soak) run(ctx context.Context, server *benchServer) ([]bench.Row, error) {
	requests := ask{s.world.some, s.question}.beyond(0)
	fmt.Fprintln(os.Stderr, "warming up")
	if err := s.world.everybody(ctx, server); err != nil {
		return nil, err
	}
	warm := min(s.For/soakParts, soakWarm)
	if _, err := s.load(ctx, server, requests, s.save, warm); err != nil || ctx.Err() != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	done := int(s.Saves*warm.Seconds()) + 1
	of, err := s.load(ctx, server, requests, func(n int) bench.Request { return s.save(done + n) }, s.For)
	if err != nil {
		return nil, err
	}
	return s.rows(of), nil
}

// load asks and saves for so long, and samples the memory meanwhile.
func (s *soak) load(ctx context.Context, server *benchServer, requests, saves bench.Requests, d time.Duration) (of soaked, err error) {
	before := s.fake.Requests("/users/")
	var ended atomic.Bool
	g, loading := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer ended.Store(true)
		of.asked = server.Paced(loading, requests, s.Rate, s.Conns, d)
		return nil
	})
	g.Go(func() error {
		of.saved = server.Paced(loading, saves, s.Saves, s.Conns, d)
		return nil
	})
	g.Go(func() error {
		tick := time.NewTicker(max(d/(soakParts*soakLooks), soakLook))
		defer tick.Stop()
		for n := 0; ; n++ {
			now, err := server.gauges()
			if err != nil {
				return err
			}
			of.memory = append(of.memory, now.beyondCache())
			if n%soakLooks == 0 {
				fmt.Fprintf(os.Stderr, "%.0f MB resident, %.0f MB of it lists\n", now[gaugeResident]/1e6, now[gaugeCache]/1e6)
			}
			if ended.Load() || loading.Err() != nil {
				return nil
			}
			<-tick.C
		}
	})
	if err := g.Wait(); err != nil {
		return of, err
	}
	of.fetches = s.fake.Requests("/users/") - before
	return of, nil
}

// rows says what came of it.
func (s *soak) rows(of soaked) []bench.Row {
	part := max(len(of.memory)/soakParts, 1)
	mean := func(some []float64) (sum float64) {
		for _, v := range some {
			sum += v / float64(len(some))
		}
		return sum
	}
	most := float64(s.Most.Microseconds()) / 1000
	mixed := of.asked.Ms(fmt.Sprintf("%s traffic at %.0f/s, lists saved at %.0f/s", s.What, s.Rate, s.Saves))
	mixed.Most99 = most
	begin := mean(of.memory[min(part, len(of.memory)-1):min(2*part+1, len(of.memory))]) // in the first part the load sets in
	return []bench.Row{
		mixed,
		of.asked.Woken.Ms("of this, the client's own waking up"),
		{Name: "answers", Unit: "requests/s", Value: of.asked.Rate, N: of.asked.N},
		of.saved.Ms("requests that save a list"),
		{Name: "lists saved", Unit: "lists/s", Value: float64(of.fetches) / s.For.Seconds(), Target: 0.99 * s.Saves, N: of.fetches},
		{Name: "memory beyond the list cache, second tenth of the time", Unit: "MB", Value: begin, N: part},
		{Name: "memory beyond the list cache, last tenth", Unit: "MB", Value: mean(of.memory[max(len(of.memory)-part, 0):]), Target: begin * s.Grow, N: part},
	}
}
