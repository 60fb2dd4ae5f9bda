package chaos

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Question is something to ask, of which the right answer is known.
type Question struct {
	Path  string
	Right []byte // what Reduce makes of the right answer
	// Allowed are failures that are right, too, while something is broken, beside 502, 503 and 504 with Retry-After.
	Allowed []int
}

// AgeHeader says how old the list is that an answer is from, if that is older than it should be.
const AgeHeader = "Reko-List-Age"

// slowest is how long a refusal may take.
const slowest = 3 * time.Second

// Outcome is what came of a question.
type Outcome int

// The outcomes.
const (
	Answered Outcome = iota // right
	Older                   // right, from older data, which the answer says
	Refused                 // and told when to come again, soon
	Cut                     // no answer at all
	Wrong
)

// Event is a question that was asked.
type Event struct {
	At      time.Time // of the answer
	Took    time.Duration
	Outcome Outcome
	Path    string
	Why     string // it is wrong
}

// Load asks questions of a server, as many at a time as it has askers. It keeps what came of them. It is safe for concurrent use.
type Load struct {
	Base   func() string // of the server, which may come back elsewhere
	Client *http.Client

	mu     sync.Mutex
	events []Event   // guarded by mu
	bad    time.Time // of the last event that was not answered as on a good day; guarded by mu
	next   atomic.Int64
}

// NewClient is an HTTP client that waits for a while longer than an answer may take.
func NewClient() *http.Client {
	return &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 256},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// Events returns what came of all questions since the last call.
func (l *Load) Events() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.events
	l.events = nil
	return events
}

// Good tells for how long all was answered as on a good day, since a time.
func (l *Load) Good(since time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bad.After(since) {
		since = l.bad
	}
	return time.Since(since)
}

func (l *Load) note(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
	if e.Outcome != Answered {
		l.bad = e.At
	}
}

// Run lets so many askers ask questions one after the other, each with a pause between, until ctx is done.
func (l *Load) Run(ctx context.Context, askers int, pause time.Duration, questions func(n int) Question) {
	var asking sync.WaitGroup
	for range askers {
		asking.Go(func() {
			for ctx.Err() == nil {
				l.Ask(questions(int(l.next.Add(1))))
				select {
				case <-ctx.Done():
				case <-time.After(pause):
				}
			}
		})
	}
	asking.Wait()
}

// All asks all questions once, many at a time.
func (l *Load) All(questions []Question) {
	var asking sync.WaitGroup
	for some := range 16 {
		asking.Go(func() {
			for i := some; i < len(questions); i += 16 {
				l.Ask(questions[i])
			}
		})
	}
	asking.Wait()
}

// Ask asks one question, and notes and returns what came of it. What was begun is brought to its end.
func (l *Load) Ask(q Question) Event {
	begin := time.Now()
	e := Event{Path: q.Path}
	e.Outcome, e.Why = l.judge(q, begin)
	e.At = time.Now()
	e.Took = e.At.Sub(begin)
	l.note(e)
	return e
}

func (l *Load) judge(q Question, begin time.Time) (Outcome, string) {
	req, err := http.NewRequest(http.MethodGet, l.Base()+q.Path, http.NoBody) //nolint:noctx // the client has a timeout
	if err != nil {
		return Wrong, err.Error()
	}
	resp, err := l.Client.Do(req)
	if err != nil {
		return Cut, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Cut, err.Error()
	}
	return Judge(q, resp, body, time.Since(begin))
}

// Judge says what an answer is worth.
func Judge(q Question, resp *http.Response, body []byte, took time.Duration) (Outcome, string) {
	reduced := Reduce(q.Path, body)
	switch code := resp.StatusCode; {
	case code == http.StatusOK && q.Right != nil && !bytes.Equal(reduced, q.Right):
		return Wrong, fmt.Sprintf("not the right answer: %.300s\nwant %.300s", reduced, q.Right)
	case code == http.StatusOK && resp.Header.Get(AgeHeader) != "":
		return Older, ""
	case code == http.StatusOK:
		return Answered, ""
	case took > slowest:
		return Wrong, fmt.Sprintf("%d after %s", code, took)
	case (code == 502 || code == 503 || code == 504) && resp.Header.Get("Retry-After") != "":
		return Refused, ""
	default:
		for _, allowed := range q.Allowed {
			if code == allowed {
				return Refused, ""
			}
		}
		return Wrong, fmt.Sprintf("%d, Retry-After %q: %.300s", code, resp.Header.Get("Retry-After"), body)
	}
}

// Reduce returns what of an answer does not depend on when it was given: all of the API's, and of a page the anime and the people that it leads to.
func Reduce(path string, body []byte) []byte {
	if strings.HasPrefix(path, "/api/") {
		return body
	}
	var links []string
	for rest := string(body); ; {
		_, after, ok := strings.Cut(rest, `href="`)
		if !ok {
			return []byte(strings.Join(links, "\n"))
		}
		link, next, _ := strings.Cut(after, `"`)
		if strings.Contains(link, "/anime/") || strings.HasPrefix(link, "/u/") {
			links = append(links, link)
		}
		rest = next
	}
}
