package db_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"reko.moe/db"
	"reko.moe/db/dbtest"
	"reko.moe/internal/chaos"
	"reko.moe/internal/locked"
	"reko.moe/internal/wait"
)

// However often a server that is away is called in vain, the log says once that it is, and once that it is back.
func TestListenSaysOnceThatTheServerIsAway(t *testing.T) {
	url := dbtest.Postgres(t)
	proxy := chaos.NewProxy(t, chaos.HostOf(t, url))
	var log locked.Buffer
	s, err := db.Open(t.Context(), db.Options{URL: proxy.In(url), Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var rung, called atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var listening sync.WaitGroup
	listening.Go(func() { s.Listen(ctx, func() { rung.Add(1) }) })
	defer listening.Wait()
	defer cancel()
	until := func(what string, n func() int64, least int64) {
		t.Helper()
		wait.For(t, func() error {
			if got := n(); got < least {
				return fmt.Errorf("%s %d times, want %d", what, got, least)
			}
			return nil
		})
	}
	until("rung", rung.Load, 1)
	proxy.Stop()
	away, err := net.Listen("tcp", proxy.Addr)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := away.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				called.Add(1)
				_ = conn.Close()
			}
		}
	}()
	until("called", called.Load, 3)
	_ = away.Close()
	before := rung.Load()
	proxy.Heal()
	until("rung", rung.Load, before+1)
	if lost, again := log.Count("was lost"), log.Count("listening for changes again"); lost != 1 || again != 1 {
		t.Errorf("said %d times that it was lost and %d times that it is back, want once each:\n%s", lost, again, log.String())
	}
}
