package mal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/sony/gobreaker/v2"

	"reko.moe/engine"
)

// Outcome says what came of one HTTP request.
type Outcome string

// The outcomes. Limited and Failed are tried again.
const (
	OK        Outcome = "ok"
	NotFound  Outcome = "not_found" // no such user or anime
	Forbidden Outcome = "forbidden" // a private list, or a blocked address
	Refused   Outcome = "refused"   // the client id or the request was not accepted
	Limited   Outcome = "limited"   // told to wait
	Failed    Outcome = "failed"    // 5xx, no JSON, or no answer at all
	TimedOut  Outcome = "timed_out"
	Canceled  Outcome = "canceled" // by whoever called us, so it is nobody's fault
)

// The bounds of asking.
const (
	attempts     = 4               // of one request, the first included
	maxBackoff   = 8 * time.Second // mean wait before an attempt
	defaultPause = 4 * time.Second // when told to wait, but not how long
	maxWaiting   = 200             // who stand in line at the same time
	maxPause     = time.Hour       // whatever we are told
	maxBody      = 16 << 20        // a page of a list is about 1 MB
)

// bodies have memory for answers, which is used again unless it is far larger than most need.
var bodies = sync.Pool{New: func() any { return bytes.NewBuffer(make([]byte, 0, usualBody)) }}

const (
	usualBody = 64 << 10 // made at once, instead of by doubling
	keptBody  = 2 << 20
)

func borrowBody() *bytes.Buffer { return bodies.Get().(*bytes.Buffer) }

func returnBody(b *bytes.Buffer) {
	if b.Cap() <= keptBody {
		bodies.Put(b)
	}
}

// errForbidden is 403. It comes together with [engine.ErrUpstream], which it is unless a list turns out to be private.
var errForbidden = errors.New("forbidden")

// get asks for a path below the API's address and reads the body of the answer, which is JSON, into body. What may pass is tried
// again, as long as ctx leaves time for it.
func (c *Client) get(ctx context.Context, body *bytes.Buffer, query url.Values, path ...string) error {
	u := c.base.JoinPath(path...)
	u.RawQuery = query.Encode()
	var last error
	for n := 1; ; n++ {
		if err := c.turn(ctx); err != nil {
			return err
		}
		done, err := c.breaker.Allow()
		if err != nil {
			return cmp.Or(last, engine.ErrNotAsked)
		}
		start := time.Now()
		outcome, err := c.once(ctx, u, body)
		done(outcomeError(outcome))
		c.observe(outcome, time.Since(start))
		last = err
		if outcome != Failed && outcome != Limited {
			return err
		}
		if n == attempts {
			return fmt.Errorf("%d times: %w", n, err)
		}
		c.log.DebugContext(ctx, "MyAnimeList failed, asking again", "path", u.Path, "attempt", n, "error", err)
		if outcome == Limited {
			continue // wait knows how long
		}
		switch tired := sleep(ctx, c.backoffAfter(n), "waiting to ask again"); {
		case errors.Is(tired, context.Canceled):
			return tired
		case tired != nil:
			return fmt.Errorf("no time left to ask again: %w", err)
		}
	}
}

// backoffAfter returns how long to wait after the nth attempt: half to one and a half times the mean, so that those who
// failed together do not come back together.
func (c *Client) backoffAfter(n int) time.Duration {
	mean := min(c.backoff<<(n-1), maxBackoff)
	return mean/2 + time.Duration(c.random()*float64(mean))
}

// turn is wait, and tells how long that took.
func (c *Client) turn(ctx context.Context) error {
	if c.breaker.State() == gobreaker.StateOpen {
		return engine.ErrNotAsked
	}
	start := time.Now()
	defer c.waiting.Add(-1)
	if n := c.waiting.Add(1); n > maxWaiting {
		return fmt.Errorf("%d stand in line: %w", n-1, engine.ErrNotAsked)
	}
	err := c.wait(ctx)
	c.waited(time.Since(start))
	return err
}

// wait returns when it is our turn to ask, or at once with [engine.ErrUpstreamTimeout] when that is not before ctx ends.
// A pause may begin while we stand in line for the limiter; those in line then line up again, or all would ask the moment
// it is over.
func (c *Client) wait(ctx context.Context) error {
	for {
		if err := sleep(ctx, time.Until(c.pausedUntil()), "told to wait"); err != nil {
			return err
		}
		if err := c.limiter.Wait(ctx); err != nil {
			return ended(ctx, "standing in line")
		}
		if time.Until(c.pausedUntil()) <= 0 {
			return nil
		}
	}
}

func (c *Client) pausedUntil() time.Time {
	c.pauseMu.Lock()
	defer c.pauseMu.Unlock()
	return c.pause
}

// pauseFor keeps everybody from asking for d.
func (c *Client) pauseFor(ctx context.Context, d time.Duration) {
	c.log.WarnContext(ctx, "MyAnimeList told us to wait", "for", d)
	c.pauseMu.Lock()
	defer c.pauseMu.Unlock()
	if until := time.Now().Add(d); until.After(c.pause) {
		c.pause = until
	}
}

// once makes one HTTP request and reads the answer into body. The error is nil if the outcome is OK.
func (c *Client) once(ctx context.Context, u *url.URL, body *bytes.Buffer) (Outcome, error) {
	timeout := c.timeout
	if c.breaker.State() == gobreaker.StateHalfOpen {
		timeout = min(timeout, probeTime)
	}
	timed, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(timed, http.MethodGet, u.String(), nil)
	if err != nil {
		return Refused, fmt.Errorf("%w: %w", engine.ErrUpstream, err)
	}
	req.Header.Set("X-MAL-CLIENT-ID", c.clientID)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "reko (https://reko.moe)")
	resp, err := c.http.Do(req)
	if err != nil {
		return broken(ctx, err)
	}
	defer resp.Body.Close()
	body.Reset()
	if n := resp.ContentLength; n > 0 && n <= maxBody {
		body.Grow(int(n) + bytes.MinRead) // ReadFrom wants room to see the end
	}
	if _, err := body.ReadFrom(io.LimitReader(resp.Body, maxBody+1)); err != nil {
		return broken(ctx, err)
	}
	return c.judge(ctx, resp, body.Bytes())
}

// broken says what the failure of a request with ctx means, of which there is no answer or only a part.
func broken(ctx context.Context, err error) (Outcome, error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return Canceled, fmt.Errorf("asking: %w", context.Canceled)
	}
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err // without the long address
	}
	var onWire net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &onWire) && onWire.Timeout() {
		return TimedOut, fmt.Errorf("%w: %w", engine.ErrUpstreamTimeout, err)
	}
	return Failed, fmt.Errorf("%w: %w", engine.ErrUpstream, err)
}

// judge says what an answer means.
func (c *Client) judge(ctx context.Context, resp *http.Response, body []byte) (Outcome, error) {
	var said struct {
		Message string `json:"message"`
		Error   string `json:"error"`
	}
	if resp.StatusCode != http.StatusOK {
		_ = json.Unmarshal(body, &said) // which stays empty when it is no error of the API's own
	}
	fail := func(hint string) error {
		if said.Error != "" {
			hint = fmt.Sprintf(" (%s %q)", said.Error, said.Message) + hint
		}
		return fmt.Errorf("%w: status %d%s", engine.ErrUpstream, resp.StatusCode, hint)
	}
	retryAfter := resp.Header.Get("Retry-After")
	switch status := resp.StatusCode; {
	case len(body) > maxBody:
		return Refused, fail(fmt.Sprintf(", body of more than %d bytes", maxBody))
	case status == http.StatusOK && jsontext.Value(body).IsValid(readable):
		return OK, nil
	case status == http.StatusOK:
		return Failed, fail(fmt.Sprintf(", no JSON: %.40q", body))
	case status == http.StatusNotFound && said.Error != "":
		return NotFound, engine.ErrNotFound
	case status == http.StatusForbidden:
		return Forbidden, fmt.Errorf("%w: %w", errForbidden, fail(""))
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && retryAfter != "":
		c.pauseFor(ctx, pauseOf(retryAfter, time.Now()))
		return Limited, fail("")
	case status >= 500:
		return Failed, fail("")
	case status == http.StatusBadRequest, status == http.StatusUnauthorized:
		return Refused, fail(": check [mal] client_id")
	default: // another 404 or a redirect, for example: this is not the API
		return Refused, fail(": check [mal] url")
	}
}

// pauseOf reads a Retry-After header: seconds or a date.
func pauseOf(retryAfter string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(retryAfter, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxPause)
	}
	if date, err := http.ParseTime(retryAfter); err == nil {
		return min(max(date.Sub(now), 0), maxPause)
	}
	return defaultPause
}

// sleep waits for d. When ctx would end before that, it does not begin to.
func sleep(ctx context.Context, d time.Duration, doing string) error {
	if deadline, ok := ctx.Deadline(); ctx.Err() != nil || ok && d > 0 && time.Until(deadline) <= d {
		return ended(ctx, doing)
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ended(ctx, doing)
	}
}

// ended returns the error for a ctx that ended, or would end, while doing something: cancelled by the caller, or too late.
func ended(ctx context.Context, doing string) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s: %w", doing, context.Canceled)
	}
	return fmt.Errorf("%s: %w", doing, engine.ErrUpstreamTimeout)
}
