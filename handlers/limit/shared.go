package limit

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// How long a request may wait for Redis, once, if the URL does not say, and how soon after that it is looked whether Redis is back.
const (
	sharedPatience = 100 * time.Millisecond
	sharedRetry    = time.Second
)

// prefix is what all keys in Redis begin with.
const prefix = "reko:limit:"

// spendScript is Budget.spend in Redis, in microseconds, by the clock of Redis: those of instances differ. What has come back is
// as if it had never been spent, so keys live no longer than that.
var spendScript = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local quota, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = tonumber(redis.call('GET', KEYS[1])) or now
full = math.min(math.max(full, now), now + window)
local after = full + window / quota
local wait = math.ceil(math.max(after - now - window, 0))
if wait > 0 then
	after = full
end
redis.call('SET', KEYS[1], string.format('%.0f', math.floor(after)), 'PX', math.ceil((after - now) / 1000))
return {after - now, wait}
`)

func init() { redis.SetLogger(silent{}) } // what fails is logged here, once and with its request

// silent logs nothing.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// shared counts in Redis. When Redis fails it says so at once and is not asked again, until a look that no request waits for
// finds it well.
type shared struct {
	client *redis.Client
	log    *slog.Logger
	down   atomic.Bool
	look   atomic.Int64 // when to look next, in unix nanoseconds
}

// take is false when Redis does not count.
func (s *shared) take(ctx context.Context, key string, b Budget) (spending, bool) {
	if s == nil {
		return spending{}, false
	}
	if s.down.Load() {
		s.lookAgain(ctx)
		return spending{}, false
	}
	spent, err := s.spend(ctx, prefix+key, b)
	if err != nil {
		if s.down.CompareAndSwap(false, true) {
			s.look.Store(time.Now().Add(sharedRetry).UnixNano())
			s.log.WarnContext(ctx, "Redis does not count requests, so each instance does", "err", err)
		}
		return spending{}, false
	}
	return spent, true
}

// counts tells whether Redis counts, as far as is known.
func (s *shared) counts() bool { return s != nil && !s.down.Load() }

// lookAgain starts a look at Redis if it is time for one.
func (s *shared) lookAgain(ctx context.Context) {
	due, now := s.look.Load(), time.Now()
	if now.UnixNano() < due || !s.look.CompareAndSwap(due, now.Add(sharedRetry).UnixNano()) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	go func() {
		// It has to count, not only to answer: a Redis without memory, or one that only follows another, does not.
		if _, err := s.spend(ctx, prefix+"look", Budget{maxQuota, time.Second}); err == nil && s.down.CompareAndSwap(true, false) {
			s.log.InfoContext(ctx, "Redis counts requests again")
		}
	}()
}

// spend runs the script.
func (s *shared) spend(ctx context.Context, key string, b Budget) (spending, error) {
	// A request whose time is over is no sign that Redis is down.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.client.Options().ReadTimeout)
	defer cancel()
	us, err := spendScript.Run(ctx, s.client, []string{key}, b.Quota, b.Window.Microseconds()).Int64Slice()
	if err != nil {
		return spending{}, err
	}
	return spending{time.Duration(us[0]) * time.Microsecond, time.Duration(us[1]) * time.Microsecond}, nil
}

// Connect makes a client of the Redis at url, for limits: it asks once, and gives up after 100 ms or what the URL has as
// read_timeout. It does not connect yet.
func Connect(url string) (*redis.Client, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	o.ContextTimeoutEnabled = true
	patience := o.ReadTimeout
	if patience <= 0 {
		patience = sharedPatience
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = patience, patience, patience, patience
	o.MaxRetries, o.DialerRetries = -1, 1
	return redis.NewClient(o), nil
}
