package mal

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/mal/maltest"
)

// paced returns a client with the default pace and backoff, and what it asks.
func paced(t *testing.T, s *maltest.Server, options ...func(*Options)) (*Client, *asking) {
	t.Helper()
	a := &asking{next: s}
	options = append([]func(*Options){func(o *Options) {
		o.Transport, o.Rate, o.Burst, o.Backoff = a, 1, 5, 0
	}}, options...)
	c := clientOf(t, s, options...)
	c.random = func() float64 { return 0.5 } // every wait is the mean
	return c, a
}

// since returns when the requests were made, counted from start.
func (a *asking) since(start time.Time) []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	var d []time.Duration
	for _, at := range a.at {
		d = append(d, at.Sub(start))
	}
	slices.Sort(d)
	return d
}

// seconds are durations.
func seconds(all ...float64) []time.Duration {
	var d []time.Duration
	for _, s := range all {
		d = append(d, time.Duration(s*float64(time.Second)))
	}
	return d
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := maltest.New(maltest.Lists{"spike": nil}, bebop)
		s.SetPrivate("vicious", true)
		c, a := paced(t, s, func(o *Options) { o.Burst, o.ProbeUser = 2, "spike" })
		start := time.Now()
		var wg sync.WaitGroup
		for _, name := range []string{"spike", "spike", "vicious"} { // whose probe stands in line too
			wg.Go(func() { _, _ = c.List(t.Context(), name, nil, false) })
		}
		wg.Wait()
		_, _ = c.Anime(t.Context(), bebop.ID)
		if got, want := a.since(start), seconds(0, 0, 1, 2, 3); !slices.Equal(got, want) {
			t.Errorf("asked at %v, want %v", got, want)
		}

		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		start = time.Now()
		_, err := c.List(ctx, "spike", nil, false)
		if !errors.Is(err, engine.ErrUpstreamTimeout) || time.Since(start) != 0 {
			t.Errorf("no turn before the deadline: %v after %v, want %v at once", err, time.Since(start), engine.ErrUpstreamTimeout)
		}
		if n := len(a.since(start)); n != 5 {
			t.Errorf("%d requests, want 5", n)
		}
	})
}

func TestServersPaceIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := maltest.New(maltest.Lists{"spike": entries(10)})
		s.SetPace(1)
		c, a := paced(t, s, func(o *Options) { o.Rate = 100 })
		start := time.Now()
		for range 3 {
			if _, err := c.List(t.Context(), "spike", nil, false); err != nil {
				t.Error(err)
			}
		}
		if got, want := a.since(start), seconds(0, 0, 1, 1, 2); !slices.Equal(got, want) {
			t.Errorf("asked at %v, want %v", got, want)
		}
	})
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := maltest.New(maltest.Lists{"spike": nil})
		s.Fail("", 0, maltest.Overloaded)
		c, a := paced(t, s)
		start := time.Now()
		if _, err := c.List(t.Context(), "spike", nil, false); !errors.Is(err, engine.ErrUpstream) {
			t.Errorf("List: %v, want %v", err, engine.ErrUpstream)
		}
		if got, want := a.since(start), seconds(0, 0.5, 1.5, 3.5); !slices.Equal(got, want) {
			t.Errorf("asked at %v, want %v", got, want)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		_, err := c.List(ctx, "spike", nil, false)
		if !errors.Is(err, engine.ErrUpstream) || time.Since(start) != 500*time.Millisecond {
			t.Errorf("little time: %v after %v, want %v after the second attempt", err, time.Since(start), engine.ErrUpstream)
		}
	})
	c := clientOf(t, maltest.New(nil), func(o *Options) { o.Backoff = time.Second })
	for n, mean := range map[int]time.Duration{1: time.Second, 3: 4 * time.Second, 9: maxBackoff} {
		for _, r := range []float64{0, math.Nextafter(1, 0)} {
			c.random = func() float64 { return r }
			if got, want := c.backoffAfter(n), mean/2+time.Duration(r*float64(mean)); got != want {
				t.Errorf("backoffAfter(%d) = %v, want %v", n, got, want)
			}
		}
	}
}

// Once anybody is told to wait, nobody asks until that is over; and then they come at the usual pace.
func TestRetryAfterHoldsAll(t *testing.T) {
	for name, retryAfter := range map[string]func() string{
		"seconds": func() string { return "30" },
		"date":    func() string { return time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := maltest.New(maltest.Lists{"spike": nil}, bebop)
				s.Fail("/users/spike/", 1, maltest.TooMany(retryAfter()))
				c, a := paced(t, s, func(o *Options) { o.Burst = 2 })
				start := time.Now()
				var wg sync.WaitGroup
				list := func() {
					if _, err := c.List(t.Context(), "spike", nil, false); err != nil {
						t.Error(err)
					}
				}
				wg.Go(list)
				synctest.Wait()
				for range 3 {
					wg.Go(list)
				}
				wg.Go(func() {
					if _, err := c.Anime(t.Context(), bebop.ID); err != nil {
						t.Error(err)
					}
				})

				ctx, cancel := context.WithTimeout(t.Context(), 29*time.Second)
				defer cancel()
				if _, err := c.Anime(ctx, bebop.ID); !errors.Is(err, engine.ErrUpstreamTimeout) || time.Since(start) != 0 {
					t.Errorf("deadline before the end: %v after %v, want %v at once", err, time.Since(start), engine.ErrUpstreamTimeout)
				}
				wg.Wait()
				if got, want := a.since(start), seconds(0, 30, 30, 31, 32, 33); !slices.Equal(got, want) {
					t.Errorf("asked at %v, want %v", got, want)
				}
			})
		})
	}
}

// Those who stand in line when a pause begins do not all come at its end.
func TestRetryAfterLinesUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := maltest.New(maltest.Lists{"spike": nil})
		s.Fail("", 1, maltest.Slow(1500*time.Millisecond))
		c, a := paced(t, s, func(o *Options) { o.Burst = 1 })
		start := time.Now()
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() { _, _ = c.List(t.Context(), "spike", nil, false) })
		}
		synctest.Wait() // one asks, five stand in line
		c.pauseFor(t.Context(), 20*time.Second)
		wg.Wait()
		if got, want := a.since(start), seconds(0, 20, 21, 22, 23, 24); !slices.Equal(got, want) {
			t.Errorf("asked at %v, want %v", got, want)
		}
	})
}

func TestPauseOf(t *testing.T) {
	for retryAfter, want := range map[string]time.Duration{
		"0":                             0,
		"7":                             7 * time.Second,
		"4294967295":                    maxPause,
		"99999999999999999999":          defaultPause,
		"-1":                            defaultPause,
		"":                              defaultPause,
		"soon":                          defaultPause,
		"Mon, 20 May 2024 12:01:00 GMT": time.Minute,
		"Mon, 20 May 2024 11:00:00 GMT": 0,
		"Tue, 20 May 2025 12:00:00 GMT": maxPause,
	} {
		if got := pauseOf(retryAfter, t0); got != want {
			t.Errorf("pauseOf(%q) = %v, want %v", retryAfter, got, want)
		}
	}
}

func TestUnavailableMayTellToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		s := maltest.New(maltest.Lists{"spike": nil})
		c, a := paced(t, s)
		a.next = transport(func(r *http.Request) (*http.Response, error) {
			resp, err := s.RoundTrip(r)
			if first {
				first = false
				resp.StatusCode = http.StatusServiceUnavailable
				resp.Header.Set("Retry-After", "5")
			}
			return resp, err
		})
		start := time.Now()
		_, err := c.List(t.Context(), "spike", nil, false)
		if got, want := a.since(start), seconds(0, 5); err != nil || !slices.Equal(got, want) {
			t.Errorf("asked at %v, %v, want %v", got, err, want)
		}
	})
}

func TestDeadlines(t *testing.T) {
	for _, test := range []struct {
		name     string
		deadline time.Duration // of the caller
		timeout  time.Duration // of a request
		after    time.Duration
	}{
		{"caller", 3 * time.Second, time.Minute, 3 * time.Second},
		{"request", time.Hour, 2 * time.Second, 2 * time.Second},
		{"past", -time.Second, time.Minute, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := maltest.New(maltest.Lists{"spike": nil})
				s.Fail("", 0, maltest.Slow(time.Hour))
				c, _ := paced(t, s, func(o *Options) { o.Timeout = test.timeout })
				ctx, cancel := context.WithTimeout(t.Context(), test.deadline)
				defer cancel()
				start := time.Now()
				_, err := c.List(ctx, "spike", nil, false)
				if !errors.Is(err, engine.ErrUpstreamTimeout) || time.Since(start) != test.after {
					t.Errorf("List: %v after %v, want %v after %v", err, time.Since(start), engine.ErrUpstreamTimeout, test.after)
				}
			})
		})
	}
}

// Whoever gives up does so at once, wherever the client waits, and the service is not to blame.
func TestCancel(t *testing.T) {
	for name, prepare := range map[string]func(*maltest.Server, *Client){
		"answer":  func(s *maltest.Server, _ *Client) { s.Fail("", 0, maltest.Slow(time.Hour)) },
		"pause":   func(s *maltest.Server, _ *Client) { s.Fail("", 0, maltest.TooMany("60")) },
		"backoff": func(s *maltest.Server, _ *Client) { s.Fail("", 0, maltest.Overloaded) },
		"line":    func(_ *maltest.Server, c *Client) { c.limiter.AllowN(time.Now(), 5) },
		"probe": func(s *maltest.Server, c *Client) {
			s.SetPrivate("spike", true)
			c.probing <- struct{}{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := maltest.New(maltest.Lists{"spike": nil})
				outcomes := make(map[Outcome]int)
				c, _ := paced(t, s, func(o *Options) {
					o.ProbeUser = "ed"
					o.Observe = func(outcome Outcome, _ time.Duration) { outcomes[outcome]++ }
				})
				prepare(s, c)
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(100*time.Millisecond, cancel)
				start := time.Now()
				_, err := c.List(ctx, "spike", nil, false)
				if !errors.Is(err, context.Canceled) || time.Since(start) != 100*time.Millisecond {
					t.Errorf("List: %v after %v, want %v after 100ms", err, time.Since(start), context.Canceled)
				}
				if errors.Is(err, engine.ErrUpstream) || errors.Is(err, engine.ErrUpstreamTimeout) || outcomes[TimedOut] != 0 {
					t.Errorf("List: %v, outcomes %v, want no fault of the source", err, outcomes)
				}
			})
		})
	}
}

func TestWaitingIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := maltest.New(maltest.Lists{"spike": nil})
		var mu sync.Mutex
		var waited []time.Duration
		c, _ := paced(t, s, func(o *Options) {
			o.Burst = 1
			o.ObserveWait = func(d time.Duration) {
				mu.Lock()
				defer mu.Unlock()
				waited = append(waited, d)
			}
		})
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { _, _ = c.List(t.Context(), "spike", nil, false) })
		}
		synctest.Wait()
		if got, want := c.Pace(), (Pace{Rate: 1, Burst: 1, Waiting: 2}); got != want {
			t.Errorf("Pace = %+v, want %+v", got, want)
		}
		wg.Wait()
		if want := seconds(0, 1, 2); !slices.Equal(waited, want) || c.Pace().Waiting != 0 {
			t.Errorf("waited %v, and %d wait; want %v", waited, c.Pace().Waiting, want)
		}
		c.pauseFor(t.Context(), time.Minute)
		if until := c.Pace().Paused; !until.Equal(time.Now().Add(time.Minute)) {
			t.Errorf("paused until %v", until)
		}
	})
}
