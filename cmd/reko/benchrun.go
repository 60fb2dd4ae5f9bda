package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"time"

	"reko.moe/bench"
	"reko.moe/engine"
)

// benchRunCmd measures a server.
type benchRunCmd struct {
	Server  string        `arg:"--server" placeholder:"URL" help:"Measure this server, which has to run on the configured store; default: one that is started for it."`
	For     time.Duration `arg:"--for" default:"5s" help:"How long each row is measured."`
	Names   int           `arg:"--names" default:"2000" help:"How many users are asked for; their neighbours' lists are brought into memory first."`
	Conns   int           `arg:"--conns" default:"64" help:"Connections of mixed traffic."`
	Late    time.Duration `arg:"--late" default:"50ms" help:"The 99th percentile up to which the server sustains a rate of mixed traffic."`
	Out     string        `arg:"--out" placeholder:"FILE" help:"Also write the result as JSON."`
	JSON    bool          `arg:"--json" help:"Print JSON instead of a table."`
	Compare string        `arg:"--compare" placeholder:"FILE" help:"Also print what an earlier result has beside this one."`
}

// Run measures, and prints what was found.
func (cmd benchRunCmd) Run(ctx context.Context, cfg *config, c *cli) error {
	defer quietGarbage()()
	var before *bench.Result
	if cmd.Compare != "" {
		var err error
		if before, err = bench.Read(cmd.Compare); err != nil {
			return err
		}
	}
	w, err := openWorld(ctx, cfg, max(cmd.Names, 1))
	if err != nil {
		return err
	}
	defer w.store.Close()
	result := w.result(cfg)
	if result.Rows, err = cmd.measure(ctx, cfg, c.Config, w); err != nil {
		return err
	}
	return cmd.report(result, before)
}

// report prints and writes a result.
func (cmd benchRunCmd) report(r, before *bench.Result) error {
	var errs []error
	if cmd.JSON {
		errs = append(errs, r.Write(os.Stdout))
	} else {
		errs = append(errs, r.WriteTable(os.Stdout))
	}
	if cmd.Out != "" {
		errs = append(errs, writeResult(cmd.Out, r))
	}
	if before != nil {
		fmt.Println()
		errs = append(errs, bench.WriteComparison(os.Stdout, before, r))
	}
	for i := range r.Rows {
		if r.Rows[i].Errors > 0 {
			errs = append(errs, fmt.Errorf("%s: %d of %d failed: %s", r.Rows[i].Name, r.Rows[i].Errors, r.Rows[i].N, r.Rows[i].Note))
		}
	}
	return errors.Join(errs...)
}

func writeResult(file string, r *bench.Result) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(r.Write(f), f.Close())
}

// result is one without rows.
func (w *benchWorld) result(cfg *config) *bench.Result {
	store, _, _ := strings.Cut(cfg.Database, ":")
	return &bench.Result{
		At: time.Now().UTC().Truncate(time.Second), Version: versionText(), Go: runtime.Version() + " " + runtime.GOARCH, Machine: bench.Processor(),
		CPUs: runtime.NumCPU(), Load: bench.LoadAverage(), Store: store, Users: w.users, Entries: w.entries, Model: w.model,
	}
}

// measure measures everything, each thing alone.
func (cmd benchRunCmd) measure(ctx context.Context, cfg *config, config string, w *benchWorld) ([]bench.Row, error) {
	note := func(what string) { fmt.Fprintln(os.Stderr, what) }
	note("references")
	references, err := w.references(ctx, cfg, cmd.For/2)
	if err != nil {
		return nil, err
	}
	var rows []bench.Row
	first := ask{w.some, askSimilar}.requests(0)
	server, err := serverAt(cmd.Server)
	if cmd.Server == "" {
		note("starting a server")
		if server, err = startServer(ctx, config, first); err == nil {
			rows = append(rows, bench.Row{Name: "start until the first answer", Unit: "s", Value: server.started.Seconds(), N: 1})
		}
	} else if err == nil {
		err = server.Ready(ctx, first, benchStart)
	}
	if err != nil {
		return nil, err
	}
	warm, err := cmd.warm(ctx, w, server, note)
	err = errors.Join(err, server.stop(), ctx.Err())
	if err != nil {
		return nil, err
	}
	rows = append(rows, warm...)
	if cmd.Server == "" {
		for _, forgetful := range []struct {
			what    string
			env     []string
			measure func(context.Context, *benchWorld, *benchServer) ([]bench.Row, error)
		}{
			{"orders", []string{"REKO_MEMORY_ORDERS=0"}, cmd.unordered},
			{"lists or orders", []string{"REKO_MEMORY_ORDERS=0", "REKO_MEMORY_LISTS=0"}, cmd.cold},
		} {
			note("starting a server that keeps no " + forgetful.what + " in memory")
			if server, err = startServer(ctx, config, first, forgetful.env...); err != nil {
				return nil, err
			}
			more, err := forgetful.measure(ctx, w, server)
			if err := errors.Join(err, server.stop(), ctx.Err()); err != nil {
				return nil, err
			}
			rows = append(rows, more...)
		}
	}
	aim(rows, w.users)
	return append(rows, references...), nil
}

// mostInTurn bounds how many requests make a row.
const mostInTurn = 20_000

// warm measures a server that has in memory what it is asked for.
func (cmd benchRunCmd) warm(ctx context.Context, w *benchWorld, server *benchServer, note func(string)) ([]bench.Row, error) {
	begin, metricsErr := server.gauges()
	note("warming up")
	if err := w.everybody(ctx, server); err != nil {
		return nil, err
	}
	server.settle(ctx)
	server.AtOnce(ctx, ask{w.some, askMixed}.requests, cmd.Conns, cmd.For/2) // fewer than warmedUp
	var rows []bench.Row
	for _, row := range []struct {
		name    string
		make    func(*rand.Rand, string, string) string
		browser bool
	}{
		{"similar", askSimilar, false},
		{"recommendations, taste", askTaste, false},
		{"recommendations, classic", askClassic, false},
		{"recommendations of one user", askFrom, false},
		{"compare", askCompare, false},
		{"random", askRandom, false},
		{"page /u/{name}", askPage, true},
	} {
		note(row.name)
		if row.browser { // what it explains is remembered from now on
			server.InTurn(ctx, ask{w.some, row.make}.requests, mostInTurn, 2*cmd.For)
		}
		rows = append(rows, cmd.inTurn(ctx, w.some, server, row.name, row.make, row.browser))
	}
	note("mixed traffic")
	rows = append(rows, cmd.mixed(ctx, w, server)...)
	if metricsErr == nil {
		if end, err := server.gauges(); err == nil {
			rows = append(rows,
				bench.Row{Name: "memory beyond the list cache, after the start", Unit: "MB", Value: begin.beyondCache()},
				bench.Row{
					Name: "memory beyond the list cache", Unit: "MB", Value: end.beyondCache(),
					Note: fmt.Sprintf("after all of the above; lists: %.0f MB", end[gaugeCache]/1e6),
				})
		}
	} else {
		note(fmt.Sprintf("no figures of memory: %v", metricsErr))
	}
	return rows, ctx.Err()
}

// inTurn measures one question, asked again and again.
func (cmd benchRunCmd) inTurn(ctx context.Context, users []engine.Card, server *benchServer, name string,
	make func(*rand.Rand, string, string) string, browser bool,
) bench.Row {
	a := ask{users, make}
	before, _ := server.gauges() // without them there is no note
	requests := func(n int) bench.Request {
		r := a.requests(n)
		r.Browser = browser
		return r
	}
	row := server.InTurn(ctx, requests, mostInTurn, cmd.For).Ms(name)
	if after, err := server.gauges(); err == nil {
		row.CPU = after.cpu(before, row.N)
		if row.Note == "" {
			row.Note = after.hitRate(before)
		}
	}
	return row
}

// unordered measures what nobody asked for before: lists are in memory, neighbours have to be searched, and what is recommended has to be put in
// order.
func (cmd benchRunCmd) unordered(ctx context.Context, w *benchWorld, server *benchServer) ([]bench.Row, error) {
	if err := w.everybody(ctx, server); err != nil {
		return nil, err
	}
	server.settle(ctx)
	return []bench.Row{
		cmd.inTurn(ctx, w.some, server, "similar, searched", askSimilar, false),
		cmd.inTurn(ctx, w.some, server, "recommendations, taste, put in order", askTaste, false),
		cmd.inTurn(ctx, w.some, server, "recommendations, classic, put in order", askClassic, false),
		cmd.inTurn(ctx, w.some, server, "random, put in order", askRandom, false),
		cmd.inTurn(ctx, w.some, server, "page /u/{name}, put in order", askPage, true),
	}, nil
}

// cold measures recommendations whose lists come from the database, and have to be put in order.
func (cmd benchRunCmd) cold(ctx context.Context, w *benchWorld, server *benchServer) ([]bench.Row, error) {
	server.settle(ctx)
	server.InTurn(ctx, ask{w.some, askTaste}.requests, 300, cmd.For)
	return []bench.Row{
		cmd.inTurn(ctx, w.cards, server, "recommendations, taste, lists from the database", askTaste, false),
		cmd.inTurn(ctx, w.cards, server, "recommendations, classic, lists from the database", askClassic, false),
	}, nil
}

// warmedUp is more requests than are asked to warm up.
const warmedUp = 1 << 32

// mixed finds the highest rate of mixed traffic that the server sustains, and how it does at the rate that it shall sustain.
func (cmd benchRunCmd) mixed(ctx context.Context, w *benchWorld, server *benchServer) []bench.Row {
	requests := ask{w.some, askMixed}.beyond(warmedUp)
	name := fmt.Sprintf("mixed traffic, %d connections", cmd.Conns)
	top := server.AtOnce(ctx, requests, cmd.Conns, cmd.For)
	best := bench.Row{Name: name, Unit: "requests/s", Errors: top.Errors, N: top.N}
	late := 0 // steps after the best one
	for _, part := range []float64{0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1} {
		if top.Errors > 0 || ctx.Err() != nil || late == 2 {
			break
		}
		before, _ := server.gauges()
		l := server.Paced(ctx, requests, part*top.Rate, cmd.Conns, cmd.For)
		if l.P99 > cmd.Late && l.Errors == 0 { // once more: something else on the machine may have been in the way
			before, _ = server.gauges()
			l = server.Paced(ctx, requests, part*top.Rate, cmd.Conns, cmd.For)
		}
		if l.Errors > 0 {
			break
		}
		if l.P99 > cmd.Late {
			late++
			continue
		}
		late = 0
		best = l.Ms(name)
		best.Unit, best.Value = "requests/s", l.Rate
		best.Note = fmt.Sprintf("p50 %.1f ms; at most %.0f/s without a pace", float64(l.P50.Microseconds())/1000, top.Rate)
		if after, err := server.gauges(); err == nil {
			best.CPU = after.cpu(before, l.N)
			best.Note += fmt.Sprintf("; the server takes %.2f processors", (after[gaugeCPU]-before[gaugeCPU])/l.Took.Seconds())
		}
	}
	rows := []bench.Row{best}
	for _, rate := range []float64{1000, 2500, 5000} {
		if rate < best.Value {
			rows = append(rows, server.Paced(ctx, requests, rate, cmd.Conns, cmd.For).Ms(fmt.Sprintf("mixed traffic at %.0f/s", rate)))
		}
	}
	return rows
}

// aims are what the rows shall be, with up to manyUsers users and with more. 0: as it comes.
var aims = map[string]struct{ few, few99, many, many99 float64 }{
	"similar":                                           {0.25, 2, 1, 4},
	"similar, searched":                                 {0.25, 2, 1, 4},
	"recommendations, taste":                            {1, 4, 1.5, 6},
	"recommendations, classic":                          {1, 4, 1.5, 6},
	"recommendations, taste, put in order":              {1, 4, 1.5, 6},
	"recommendations, classic, put in order":            {1, 4, 1.5, 6},
	"compare":                                           {0.2, 0, 0.2, 0},
	"page /u/{name}":                                    {3, 0, 4, 0},
	"page /u/{name}, put in order":                      {3, 0, 4, 0},
	"start until the first answer":                      {1, 0, 8, 0},
	"memory beyond the list cache":                      {120, 0, 300, 0},
	"mixed traffic, 64 connections":                     {5000, 0, 2500, 0},
	"recommendations, taste, lists from the database":   {4, 0, 6, 0},
	"recommendations, classic, lists from the database": {4, 0, 6, 0},
}

const manyUsers = 100_000

// aim sets the targets of rows.
func aim(rows []bench.Row, users int) {
	for i := range rows {
		a := aims[rows[i].Name]
		rows[i].Target, rows[i].Most99 = a.few, a.few99
		if users > manyUsers {
			rows[i].Target, rows[i].Most99 = a.many, a.many99
		}
	}
}
