package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"reko.moe/bench"
)

// benchStart is the longest that a server may take to start.
const benchStart = 10 * time.Minute

// benchServer is a server that is measured.
type benchServer struct {
	*bench.Client
	url     string
	started time.Duration // until the first answer; 0: it ran already
	process *exec.Cmd     // nil: it ran already
	ended   chan error
	said    *os.File // what the process printed
}

// serverAt is a server that runs already.
func serverAt(url string) (*benchServer, error) {
	c, err := bench.NewClient(url)
	return &benchServer{Client: c, url: url}, err
}

// benchEnv is how a server that is measured differs from the configuration: nobody else asks it, and it does nothing beside.
func benchEnv(addr string) []string {
	return []string{
		"REKO_HTTP_ADDR=" + addr, "REKO_HTTP_PUBLIC_URL=", "REKO_HTTP_TRUSTED_PROXIES=", "REKO_REDIS_URL=", "REKO_MAL_CLIENT_ID=",
		"REKO_LIMITS_API=off", "REKO_LIMITS_PAGES=off", "REKO_LIMITS_COSTLY=off", "REKO_JOBS_ENABLED=false", "REKO_LOG_LEVEL=warn",
		"REKO_DEMO_ENABLED=auto", // made-up users count as the demo's, and stay
	}
}

// startServer starts this program as a server of its own, and waits until it answers r. What env says stands above [benchEnv].
func startServer(ctx context.Context, config string, r bench.Request, env ...string) (s *benchServer, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	if s, err = serverAt("http://" + addr); err != nil {
		return nil, err
	}
	if s.said, err = os.CreateTemp("", "reko-bench-*.log"); err != nil {
		return nil, err
	}
	args := []string{"serve"}
	if config != "" {
		args = append(args, "--config", config)
	}
	s.process = exec.CommandContext(context.WithoutCancel(ctx), self, args...) //nolint:gosec // it is this program
	s.process.Env = append(append(os.Environ(), benchEnv(addr)...), env...)
	s.process.Stdout, s.process.Stderr = s.said, s.said
	apart(s.process)
	began := time.Now()
	if err := s.process.Start(); err != nil {
		return nil, errors.Join(err, s.forget())
	}
	s.ended = make(chan error, 1)
	waiting, answered := context.WithCancel(ctx)
	go func() {
		s.ended <- s.process.Wait()
		answered()
	}()
	err = s.Ready(waiting, r, benchStart)
	s.started = time.Since(began)
	if err != nil {
		said := s.output()
		return nil, errors.Join(fmt.Errorf("the server does not start: %w; it says:\n%s", err, said), s.stop())
	}
	return s, nil
}

// freeAddr is an address of this machine that nobody listens on.
func freeAddr(ctx context.Context) (string, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// output is the last of what the server printed.
func (s *benchServer) output() []byte {
	const most = 4000
	said, err := os.ReadFile(s.said.Name())
	if err != nil {
		return []byte(err.Error())
	}
	return said[max(len(said)-most, 0):]
}

// stop ends the server if it was started here.
func (s *benchServer) stop() error {
	if s.process == nil {
		return nil
	}
	_ = s.process.Process.Signal(syscall.SIGTERM) // it may have ended
	err := <-s.ended
	if err != nil {
		err = fmt.Errorf("the server ended with %w; it said:\n%s", err, s.output())
	}
	return errors.Join(err, s.forget())
}

// forget removes what the server printed.
func (s *benchServer) forget() error {
	return errors.Join(s.said.Close(), os.Remove(s.said.Name()))
}

// gauges are what /metrics says, labels included in the names.
type gauges map[string]float64

// The metrics that are read.
const (
	gaugeResident = "process_resident_memory_bytes"
	gaugeCPU      = "process_cpu_seconds_total"
	gaugeCache    = "reko_list_cache_bytes"
	gaugeHits     = "reko_list_cache_hits_total"
	gaugeMisses   = "reko_list_cache_misses_total"

	gaugeSettled = "reko_profiles_loaded"

	gaugeOrderHits   = "reko_order_cache_hits_total"
	gaugeOrderMisses = "reko_order_cache_misses_total"
)

// settle waits until the server has read what it reads after the start, while it answers already: the statistics of all users, which takes a
// processor of its own for a minute with a million of them. One that keeps its metrics from us is taken for settled.
func (s *benchServer) settle(ctx context.Context) {
	for until := time.Now().Add(benchStart); time.Now().Before(until) && ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		if now, err := s.gauges(); err != nil || now[gaugeSettled] == 1 {
			return
		}
	}
}

// gauges asks for metrics, which a server may keep from strangers.
func (s *benchServer) gauges() (gauges, error) {
	body, err := s.Get(bench.Request{Path: "/metrics"}, nil)
	if err != nil {
		return nil, err
	}
	g := gauges{}
	lines := bufio.NewScanner(bytes.NewReader(body))
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil {
			g[name] = v
		}
	}
	return g, lines.Err()
}

// beyondCache is the resident memory beside that of lists, in MB.
func (g gauges) beyondCache() float64 { return (g[gaugeResident] - g[gaugeCache]) / 1e6 }

// cpu is how many milliseconds of processor each of n requests since before took.
func (g gauges) cpu(before gauges, n int) float64 {
	return 1000 * (g[gaugeCPU] - before[gaugeCPU]) / float64(max(n, 1))
}

// hitRate says how many of the lists and orders that were asked for since before were in memory.
func (g gauges) hitRate(before gauges) string {
	var notes []string
	for _, what := range []struct{ name, hits, misses string }{
		{"lists", gaugeHits, gaugeMisses}, {"orders", gaugeOrderHits, gaugeOrderMisses},
	} {
		hits, misses := g[what.hits]-before[what.hits], g[what.misses]-before[what.misses]
		if hits+misses > 0 {
			notes = append(notes, fmt.Sprintf("%.0f %% of %s", 100*hits/(hits+misses), what.name))
		}
	}
	if notes == nil {
		return ""
	}
	return strings.Join(notes, ", ") + " in memory"
}
