package db_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"reko.moe/db/dbtest"
	"reko.moe/internal/wait"
)

// All connections are there soon, none of them is kept, and without Postgres there is nothing to do.
func TestConnectAhead(t *testing.T) {
	dbtest.Open(t, dbtest.SQLite(t)).ConnectAhead(t.Context())

	s := dbtest.Open(t, dbtest.Postgres(t))
	ctx, cancel := context.WithCancel(t.Context())
	var ahead sync.WaitGroup
	ahead.Go(func() { s.ConnectAhead(ctx) })
	defer ahead.Wait()
	defer cancel()
	wait.For(t, func() error {
		if p := s.PoolStats()[0]; p.Open < p.Max || p.InUse > 0 {
			return fmt.Errorf("%d connections of %d, %d in use", p.Open, p.Max, p.InUse)
		}
		return nil
	})
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
