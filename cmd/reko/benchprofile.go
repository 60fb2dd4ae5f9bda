package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"reko.moe/bench"
	"reko.moe/handlers/limit"
)

// benchProfileCmd profiles a server.
type benchProfileCmd struct {
	What  string        `arg:"--what" default:"mixed" help:"What is asked for: mixed, similar, taste, classic, from, compare, random or page."`
	For   time.Duration `arg:"--for" default:"10s" help:"How long."`
	Names int           `arg:"--names" default:"2000" help:"How many users are asked for."`
	Conns int           `arg:"--conns" default:"8" help:"Connections."`
	Out   string        `arg:"--out" placeholder:"FILE" default:"reko.prof" help:"Where the profile goes, for go tool pprof."`
}

// profiled are the questions by name.
var profiled = map[string]func(r *rand.Rand, me, other string) string{
	"mixed": askMixed, "similar": askSimilar, "taste": askTaste, "classic": askClassic, "from": askFrom, "compare": askCompare,
	"random": askRandom, "page": askPage,
}

// questions are those that go by a name.
func questions(what string) (func(r *rand.Rand, me, other string) string, error) {
	if q := profiled[what]; q != nil {
		return q, nil
	}
	return nil, fmt.Errorf("--what %.20q is none of %s", what, strings.Join(slices.Sorted(maps.Keys(profiled)), ", "))
}

// Run serves in this process, so that its processor profile has the client in it, too, below bench.(*Client). The start and the
// warm-up are not in it.
func (cmd benchProfileCmd) Run(ctx context.Context, cfg *config) (err error) {
	question, err := questions(cmd.What)
	if err != nil {
		return err
	}
	w, err := openWorld(ctx, cfg, max(cmd.Names, 1))
	if err != nil {
		return err
	}
	defer w.store.Close()
	alone := *cfg
	alone.APILimit, alone.PagesLimit, alone.CostlyLimit = limit.Budget{}, limit.Budget{}, limit.Budget{}
	alone.Jobs, alone.MALClient, alone.Redis, alone.Demo = false, "", "", "auto"
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- run(serving, alone, ln, slog.New(slog.DiscardHandler)) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()
	client, err := bench.NewClient("http://" + ln.Addr().String())
	if err != nil {
		return err
	}
	requests := func(n int) bench.Request {
		r := ask{w.some, question}.requests(n)
		r.Browser = cmd.What == "page"
		return r
	}
	if err := client.Ready(ctx, requests(0), benchStart); err != nil {
		return err
	}
	client.AtOnce(ctx, requests, cmd.Conns, cmd.For/2)
	f, err := os.Create(cmd.Out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	load := client.AtOnce(ctx, requests, cmd.Conns, cmd.For)
	pprof.StopCPUProfile()
	fmt.Printf("%.0f requests a second, p50 %s, p99 %s, %d errors; look at it with: go tool pprof -top %s\n", load.Rate, load.P50, load.P99,
		load.Errors, cmd.Out)
	return load.First
}
