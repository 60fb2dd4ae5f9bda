// Package mal asks MyAnimeList, by its API v2, for lists and for anime.
//
// A [Client] is an [engine.Source]. It asks no faster than it was told, waits when it is told to wait, asks again when the
// service fails for a moment, and believes that a list is private only after it could read one that is public.
package mal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"

	"reko.moe/engine"
)

// DefaultURL is the address of the real service.
const DefaultURL = "https://api.myanimelist.net/v2"

// Options are what a [Client] needs to know. The zero value of each but ClientID and ProbeUser stands for a good default.
type Options struct {
	URL      string        // of the API; default [DefaultURL]
	ClientID string        // as MyAnimeList gave it out; sent to the host of URL and to nobody else
	Rate     float64       // requests a second, all kinds together; default 1
	Burst    int           // requests that may come at once after a quiet while; default 5
	Timeout  time.Duration // of one request, its body included; default 10 s
	Backoff  time.Duration // mean wait before a request is repeated, twice that before the next; default 500 ms

	// ProbeUser is somebody whose list is known to be public. Without one no list is ever taken for private, because an
	// address that is blocked gets the same answer.
	ProbeUser string

	Transport http.RoundTripper // default [http.DefaultTransport]
	Log       *slog.Logger      // default: silent

	// Observe is told what came of every request, and how long it took. It is called by many at the same time.
	Observe func(outcome Outcome, took time.Duration)
	// ObserveWait is told how long every request stood in line before it was its turn, in the same way.
	ObserveWait func(waited time.Duration)
}

// Client asks MyAnimeList. It is safe for concurrent use, and all its users together keep to its pace.
type Client struct {
	base      *url.URL
	clientID  string
	timeout   time.Duration
	backoff   time.Duration
	probeUser string
	http      *http.Client
	log       *slog.Logger
	observe   func(Outcome, time.Duration)
	waited    func(time.Duration)
	now       func() time.Time
	random    func() float64 // 0 <= random() < 1
	limiter   *rate.Limiter
	waiting   atomic.Int64 // requests that stand in line
	breaker   *gobreaker.TwoStepCircuitBreaker[any]

	pauseMu sync.Mutex
	pause   time.Time // nobody asks before; guarded by pauseMu

	probing  chan struct{} // holds one value while somebody probes; guards the two below
	probedAt time.Time
	probed   error // what the probe said then: nil when the public list could be read
}

var _ engine.Source = (*Client)(nil)

// New returns a client. It asks nothing yet, so it is no proof that the service can be reached.
func New(o Options) (*Client, error) {
	base, err := url.Parse(cmp.Or(o.URL, DefaultURL))
	switch {
	case err != nil:
		return nil, fmt.Errorf("url: %w", err)
	case base.Scheme != "https" && base.Scheme != "http" || base.Host == "" || base.RawQuery != "":
		return nil, fmt.Errorf("url %q: want https://HOST/PATH", o.URL)
	case o.ClientID == "":
		return nil, errors.New("client id: there is none")
	case !(o.Rate >= 0 && o.Rate <= math.MaxFloat64): // so written, it catches NaN
		return nil, fmt.Errorf("rate %v: want requests a second", o.Rate)
	case o.Burst < 0 || o.Timeout < 0 || o.Backoff < 0:
		return nil, fmt.Errorf("burst %d, timeout %v, backoff %v: want none below 0", o.Burst, o.Timeout, o.Backoff)
	}
	c := &Client{
		base:      base,
		clientID:  o.ClientID,
		timeout:   cmp.Or(o.Timeout, 10*time.Second),
		backoff:   cmp.Or(o.Backoff, 500*time.Millisecond),
		probeUser: o.ProbeUser,
		http: &http.Client{
			Transport: o.Transport,
			// The API never redirects, and the client id would go along.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		log:     o.Log,
		observe: o.Observe,
		waited:  o.ObserveWait,
		now:     time.Now,
		random:  rand.Float64,
		limiter: rate.NewLimiter(rate.Limit(cmp.Or(o.Rate, 1)), cmp.Or(o.Burst, 5)),
		probing: make(chan struct{}, 1),
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.breaker = newBreaker(func(from, to gobreaker.State) {
		c.log.Warn("asking MyAnimeList", "before", from.String(), "now", to.String())
	})
	if c.observe == nil {
		c.observe = func(Outcome, time.Duration) {}
	}
	if c.waited == nil {
		c.waited = func(time.Duration) {}
	}
	return c, nil
}

// Pace says how fast a [Client] asks.
type Pace struct {
	Rate    float64 // requests a second
	Burst   int
	Waiting int       // requests that stand in line now
	Paused  time.Time // nobody asks before; zero or past when we were not told to wait
	Resting bool      // it failed so often that it is asked only now and then
}

// Pace returns it as it is now.
func (c *Client) Pace() Pace {
	return Pace{
		Rate: float64(c.limiter.Limit()), Burst: c.limiter.Burst(), Waiting: int(c.waiting.Load()), Paused: c.pausedUntil(),
		Resting: c.breaker.State() != gobreaker.StateClosed,
	}
}

// The walk over a list.
const (
	pageEntries = 1000 // as many as the service gives at once
	maxPages    = engine.MaxEntries / pageEntries
)

// detailFields are what is asked about every anime. Id and title come unasked.
const detailFields = "title,main_picture,alternative_titles,start_date,mean,status,genres,num_episodes,rating,media_type," +
	"num_list_users,nsfw"

const listFields = "list_status{status,score,num_episodes_watched,updated_at}," + detailFields

// List fetches a list, newest changes first, 1,000 entries to a request. Given a known list, and unless full is set, it
// stops once it has seen everything that changed since the day of the newest known entry; entries that were taken off the
// list are then still there. A list that changes between two requests for its pages may lack what moved meanwhile; the next
// full one has it.
func (c *Client) List(ctx context.Context, name string, known engine.List, full bool) (engine.Fetched, error) {
	canonical, ok := engine.CanonicalName(name)
	if !ok {
		return engine.Fetched{}, fmt.Errorf("list of %q: no such name: %w", name, engine.ErrNotFound)
	}
	var since engine.Day
	if !full && len(known) > 0 {
		since = known[0].Day
	}
	fetched, err := c.walk(ctx, canonical, since)
	if errors.Is(err, errForbidden) {
		err = c.whyForbidden(ctx)
	}
	if err != nil {
		return engine.Fetched{}, fmt.Errorf("list of %q: %w", name, err)
	}
	if !fetched.Full {
		fetched.List = known.Updated(fetched.List)
	}
	return fetched, nil
}

// changesMemory has memory for the changes of a list.
var changesMemory = sync.Pool{New: func() any { return new([]engine.Change) }}

// walk fetches the pages of a list until one ends before the day since, or to the last when since is 0.
func (c *Client) walk(ctx context.Context, name string, since engine.Day) (engine.Fetched, error) {
	var fetched engine.Fetched
	memory := changesMemory.Get().(*[]engine.Change)
	defer changesMemory.Put(memory)
	changes := (*memory)[:0]
	described := make(map[engine.AnimeID]bool)
	body := borrowBody()
	defer returnBody(body)
	for offset, n := 0, 1; ; n++ {
		if n > maxPages {
			return fetched, fmt.Errorf("more than %d pages: %w", maxPages, engine.ErrInvalidList)
		}
		if err := c.get(ctx, body, listQuery(listFields, pageEntries, offset), "users", name, "animelist"); err != nil {
			return fetched, err
		}
		p, err := readPage(changes, body.Bytes(), c.now())
		if err != nil {
			return fetched, err
		}
		changes = p.changes
		if cap(changes) <= keptEntries {
			*memory = changes
		}
		if n == 1 { // most lists have one page, which needs no copy
			fetched.Anime = p.anime[:0]
		}
		for i := range p.anime { // of the first page, those that are kept move up
			if id := p.anime[i].ID; !described[id] {
				described[id] = true
				fetched.Anime = append(fetched.Anime, p.anime[i])
			}
		}
		if p.next == 0 {
			fetched.Full = true
			break
		}
		if reaches(changes, since) {
			break
		}
		if p.next <= offset {
			return fetched, fmt.Errorf("page after offset %d begins at %d: %w", offset, p.next, engine.ErrInvalidList)
		}
		offset = p.next
	}
	l, err := engine.NewList(changes)
	if err != nil {
		return fetched, fmt.Errorf("%w: %w", engine.ErrInvalidList, err)
	}
	fetched.List = l
	return fetched, nil
}

// reaches tells whether changes, the head of a list, have everything that changed on the day since or later. That takes a
// list which really is in the order that was asked for.
func reaches(changes []engine.Change, since engine.Day) bool {
	if since == 0 || len(changes) == 0 {
		return false
	}
	last := engine.DayOf(changes[len(changes)-1].At)
	return last != 0 && last < since &&
		slices.IsSortedFunc(changes, func(a, b engine.Change) int { return b.At.Compare(a.At) })
}

// listQuery asks for part of a list. The address that an answer gives for the next page is not used: it could lead
// elsewhere, and offsets are all that differs.
func listQuery(fields string, limit, offset int) url.Values {
	q := url.Values{
		"fields": {fields},
		"sort":   {"list_updated_at"},
		"nsfw":   {"1"},
		"limit":  {strconv.Itoa(limit)},
	}
	if offset > 0 {
		q.Set("offset", strconv.Itoa(offset))
	}
	return q
}

// Anime fetches the details and the relations of one anime.
func (c *Client) Anime(ctx context.Context, id engine.AnimeID) (engine.Anime, error) {
	if id < 1 || id > engine.MaxAnimeID {
		return engine.Anime{}, fmt.Errorf("anime %d: %w", id, engine.ErrNotFound)
	}
	body := borrowBody()
	defer returnBody(body)
	if err := c.get(ctx, body, url.Values{"fields": {detailFields + ",related_anime"}}, "anime", strconv.Itoa(int(id))); err != nil {
		return engine.Anime{}, fmt.Errorf("anime %d: %w", id, err)
	}
	a, err := readAnime(body.Bytes(), c.now())
	if err == nil && a.ID != id {
		err = fmt.Errorf("answer is about %d: %w", a.ID, engine.ErrInvalidList)
	}
	if err != nil {
		return engine.Anime{}, fmt.Errorf("anime %d: %w", id, err)
	}
	return a, nil
}
