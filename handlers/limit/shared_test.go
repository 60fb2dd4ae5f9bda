package limit_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"reko.moe/handlers/limit"
	"reko.moe/internal/locked"
	"reko.moe/internal/wait"
)

// patient is for tests that busy machines run: there Redis may take its time.
const patient = "?read_timeout=10s"

// connect makes a client that ends with the test.
func connect(t testing.TB, url string) *redis.Client {
	t.Helper()
	client, err := limit.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// Instances over one Redis, a real one, count together; what has come back is gone from it.
func TestInstancesShare(t *testing.T) {
	url := os.Getenv("REKO_TEST_REDIS")
	if url == "" {
		if ci := cmp.Or(os.Getenv("CI"), "0"); ci != "0" && ci != "false" {
			t.Fatal("REKO_TEST_REDIS is not set, and under CI nothing is skipped")
		}
		t.Skip("REKO_TEST_REDIS is not set")
	}
	budgets := limit.Budgets{limit.API: {Quota: 5, Window: time.Hour}, limit.Pages: {Quota: 2, Window: time.Second}}
	var log locked.Buffer
	instance := func() counter {
		return counter{limit.New(limit.Options{Budgets: budgets, Log: slog.New(slog.NewTextHandler(&log, nil)), Redis: connect(t, url+patient)}), nil}
	}
	one, other := instance(), instance()
	who := "somebody " + rand.Text()
	one.take(t, limit.API, who, 3)
	if v := other.take(t, limit.API, who, 2); v.Left != 0 {
		t.Errorf("the last that another instance grants leaves %d", v.Left)
	}
	for _, l := range []counter{one, other, instance()} {
		if v := l.refused(t, limit.API, who); v.Wait > 12*time.Minute || v.Wait < 11*time.Minute {
			t.Errorf("one comes back after %s, want nearly 12 minutes", v.Wait)
		}
	}
	one.take(t, limit.Pages, who, 2)
	client := connect(t, url)
	wait.For(t, func() error {
		keys, err := client.Keys(t.Context(), "*"+who).Result()
		if err == nil && (len(keys) != 1 || !strings.HasPrefix(keys[0], "reko:limit:api:")) {
			err = fmt.Errorf("the keys are %q, want that of the API alone", keys)
		}
		return err
	})
	other.take(t, limit.Pages, who, 2)
	if log.String() != "" {
		t.Errorf("logged: %s", log.String())
	}
}

// Redis stops in the middle: each instance counts for itself, and together again once Redis is back.
func TestRedisStops(t *testing.T) {
	server := miniredis.RunT(t)
	budgets := limit.Budgets{limit.API: {Quota: 3, Window: time.Hour}}
	var log locked.Buffer
	instance := func() counter {
		return counter{limit.New(limit.Options{Budgets: budgets, Log: slog.New(slog.NewTextHandler(&log, nil)), Redis: connect(t, "redis://"+server.Addr()+patient)}), nil}
	}
	one, other := instance(), instance()
	one.take(t, limit.API, "spike", 3)
	other.refused(t, limit.API, "spike")
	server.Close()
	one.take(t, limit.API, "spike", 3) // its own count begins
	one.refused(t, limit.API, "spike")
	other.take(t, limit.API, "spike", 2)
	if other.Spent(limit.API, "spike") {
		t.Error("what Redis counted is taken for the instance's own count")
	}
	other.take(t, limit.API, "spike", 1)
	other.refused(t, limit.API, "spike")
	if n := strings.Count(log.String(), "does not count"); n != 2 {
		t.Errorf("%d lines say that Redis is gone, want one of each instance:\n%s", n, log.String())
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	server.FlushAll()
	for _, l := range []counter{one, other} {
		wait.For(t, func() error {
			l.Take(t.Context(), limit.API, "somebody else") // who asks makes it look
			if n := strings.Count(log.String(), "counts requests again"); n == 0 {
				return fmt.Errorf("nobody says that Redis is back")
			}
			return nil
		})
		log.Reset()
	}
	one.take(t, limit.API, "faye", 2)
	other.take(t, limit.API, "faye", 1)
	one.refused(t, limit.API, "faye")
	other.refused(t, limit.API, "faye")
}

// A Redis that accepts and does not answer holds up the first who asks, shortly, and nobody after that, not even while it is
// looked at again.
func TestRedisHangs(t *testing.T) {
	o := connect(t, "redis://hangs").Options()
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		o.Dialer = func(context.Context, string, string) (net.Conn, error) {
			dials.Add(1)
			ours, theirs := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, theirs) }()
			return ours, nil
		}
		client := redis.NewClient(o)
		defer client.Close()
		l := limit.New(limit.Options{Budgets: limit.Budgets{limit.API: {Quota: 1_000_000, Window: time.Second}}, Log: quiet, Redis: client})
		ask := func() time.Duration {
			begin := time.Now()
			if v, ok := l.Take(t.Context(), limit.API, "spike"); !ok || !v.OK() {
				t.Fatalf("%+v, %t", v, ok)
			}
			return time.Since(begin)
		}
		if first := ask(); first > 100*time.Millisecond {
			t.Errorf("the first waited %s", first)
		}
		before := dials.Load()
		for range 1500 { // in 1.5 s, in which Redis is looked at once
			time.Sleep(time.Millisecond)
			if waited := ask(); waited > 0 {
				t.Fatalf("somebody waited %s for a Redis that is known to be dead", waited)
			}
		}
		if looks := dials.Load() - before; looks != 1 {
			t.Errorf("Redis was looked at %d times", looks)
		}
	})
}

// Who has left does not make Redis look dead.
func TestClientLeaves(t *testing.T) {
	server := miniredis.RunT(t)
	var log locked.Buffer
	l := limit.New(limit.Options{
		Budgets: limit.Budgets{limit.API: {Quota: 1, Window: time.Hour}}, Log: slog.New(slog.NewTextHandler(&log, nil)), Redis: connect(t, "redis://"+server.Addr()+patient),
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if v, ok := l.Take(ctx, limit.API, "spike"); !ok || !v.OK() {
		t.Errorf("%+v, %t", v, ok)
	}
	if keys := server.Keys(); len(keys) != 1 || log.String() != "" {
		t.Errorf("Redis has the keys %q; logged: %s", keys, log.String())
	}
}
