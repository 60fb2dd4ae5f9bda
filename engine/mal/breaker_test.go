package mal

import (
	"context"
	"errors"

	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/mal/maltest"
)

// bubble runs a test with a client and a server in time that passes when all wait.
func bubble(t *testing.T, test func(t *testing.T, c *Client, s *maltest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := maltest.New(maltest.Lists{"spike": {{Entry: engine.Entry{Anime: 1, Status: engine.Completed, Episodes: 1}, At: t0}}})
		test(t, clientOf(t, s), s)
	})
}

// ask asks for a list with so much time, and returns what came of it and how long that took.
func ask(t *testing.T, c *Client, within time.Duration) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	begin := time.Now()
	_, err = c.List(ctx, "spike", nil, false)
	return time.Since(begin), err
}

// A service that fails is left alone, but for a look now and then; everybody is told so at once. When it is well all ask again.
func TestServiceThatFailsIsLeftAlone(t *testing.T) {
	for name, fault := range map[string]maltest.Fault{
		"overloaded": maltest.Overloaded, "html": maltest.HTML, "cut off": maltest.CutOff, "dropped": maltest.Dropped,
		"too slow": maltest.Slow(time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *Client, s *maltest.Server) {
				s.Fail("", 0, fault)
				for s.Requests("") < fewFailed {
					if _, err := ask(t, c, time.Minute); err == nil {
						t.Fatal("there is a list")
					}
				}
				if !c.Pace().Resting {
					t.Errorf("after %d failures all are let ask", s.Requests(""))
				}
				const asked, long = 600, 100 * time.Millisecond
				before := s.Requests("")
				for range asked { // in a minute
					took, err := ask(t, c, 3*time.Second)
					if !errors.Is(err, engine.ErrUpstream) && !errors.Is(err, engine.ErrUpstreamTimeout) || took > probeTime {
						t.Fatalf("%v after %s", err, took)
					}
					time.Sleep(long)
				}
				if n := s.Requests("") - before; n > int(asked*long/coolDown)+1 || n < 10 {
					t.Errorf("the service that fails was asked %d times while %d asked", n, asked)
				}
				s.Heal()
				healed := time.Now()
				for {
					if _, err := ask(t, c, 3*time.Second); err == nil {
						break
					}
					time.Sleep(long)
				}
				if took := time.Since(healed); took > coolDown+2*long {
					t.Errorf("a list came %s after the service was well", took)
				}
				if c.Pace().Resting {
					t.Error("a service that is well is not asked")
				}
				for range 20 {
					if _, err := ask(t, c, time.Second); err != nil {
						t.Errorf("then %v", err)
					}
				}
			})
		})
	}
}

// What a service refuses, or does not have, is an answer.
func TestRefusalsAreAnswers(t *testing.T) {
	bubble(t, func(t *testing.T, c *Client, s *maltest.Server) {
		s.Fail("", 0, maltest.Blocked)
		for range 3 * fewFailed {
			_, _ = ask(t, c, time.Second)
			_, _ = c.List(t.Context(), "nobody", nil, false)
		}
		if c.Pace().Resting {
			t.Error("a service that answers is not asked")
		}
	})
}

// Who is told to wait for an hour waits for an hour, and who is told to wait for an hour by nothing but refusals asks seldom.
func TestToldToWaitForAnHour(t *testing.T) {
	for _, test := range []struct {
		retryAfter  string
		least, most int
	}{{"3600", 1, 1}, {strconv.Itoa(10 * 3600), 1, 1}, {"", 300, 901}} {
		t.Run(test.retryAfter, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *Client, s *maltest.Server) {
				s.Fail("", 0, maltest.TooMany(test.retryAfter))
				for begin := time.Now(); time.Since(begin) < time.Hour-time.Second; time.Sleep(time.Second) {
					took, err := ask(t, c, 500*time.Millisecond)
					if !errors.Is(err, engine.ErrUpstream) && !errors.Is(err, engine.ErrUpstreamTimeout) || took > 0 {
						t.Fatalf("%v after %s", err, took)
					}
				}
				if n := s.Requests(""); n < test.least || n > test.most {
					t.Errorf("asked %d times in an hour, want %d to %d", n, test.least, test.most)
				}
				s.Heal()
				time.Sleep(4 * time.Second)
				if _, err := ask(t, c, time.Second); err != nil {
					t.Errorf("when the hour is over: %v", err)
				}
			})
		})
	}
}

// Only so many stand in line; who comes then is told at once.
func TestTheLineHasAnEnd(t *testing.T) {
	bubble(t, func(t *testing.T, _ *Client, s *maltest.Server) {
		c := clientOf(t, s, func(o *Options) { o.Rate, o.Burst = 1, 1 })
		for range maxWaiting + 1 { // one is let through at once
			go func() { _, _ = c.List(t.Context(), "spike", nil, false) }()
		}
		synctest.Wait()
		if n := c.Pace().Waiting; n != maxWaiting {
			t.Fatalf("%d stand in line, want %d", n, maxWaiting)
		}
		if took, err := ask(t, c, time.Hour); !errors.Is(err, engine.ErrNotAsked) || took > 0 {
			t.Errorf("who comes then gets %v after %s", err, took)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := c.Pace().Waiting; n != maxWaiting-1 {
			t.Errorf("a second later %d stand in line", n)
		}
		time.Sleep(time.Hour)
		if n := s.Requests(""); n != maxWaiting+1 {
			t.Errorf("%d were let through, want all", n)
		}
	})
}
