package maltest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Fault answers a request instead of the server. A fault that only delays or spoils an answer calls answer for it.
type Fault func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc)

// The ways in which the real service and what stands before it are seen to fail. See [Slow] and [TooMany] too.
var (
	// Overloaded is 503 with a page of HTML, as from the edge of the real service.
	Overloaded Fault = canned(http.StatusServiceUnavailable, "text/html", errorPage)
	// HTML is a page of HTML with status 200.
	HTML Fault = canned(http.StatusOK, "text/html", errorPage)
	// WrongTypes is JSON that is neither a list nor an anime.
	WrongTypes Fault = canned(http.StatusOK, contentType, `{"id":"one","data":{"node":1},"paging":[]}`)
	// Blocked refuses as if the client's address were blocked: just as a private list does.
	Blocked Fault = canned(http.StatusForbidden, contentType, `{"message":"","error":"forbidden"}`)
	// CutOff answers with the first half of the answer, as if that were all.
	CutOff Fault = cutOff
	// Dropped closes the connection without an answer.
	Dropped Fault = dropped
)

const errorPage = "<html>\n<head><title>Service Unavailable</title></head>\n<body>Please try again later.</body>\n</html>\n"

// canned answers everybody the same.
func canned(status int, contentType, body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func cutOff(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
	whole := newRecorder()
	answer(whole, r)
	for key, values := range whole.header {
		w.Header()[key] = values
	}
	w.WriteHeader(whole.status)
	_, _ = w.Write(whole.body.Bytes()[:whole.body.Len()/2])
}

func dropped(http.ResponseWriter, *http.Request, http.HandlerFunc) { panic(http.ErrAbortHandler) }

// Slow answers rightly, but only after d.
func Slow(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			answer(w, r)
		case <-r.Context().Done(): // whoever asked is gone
		}
	}
}

// TooMany is 429 with that Retry-After: seconds, an HTTP date, or nothing at all when it is empty.
func TooMany(retryAfter string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		refuse(w, http.StatusTooManyRequests, "", "too_many_requests")
	}
}

// standing is a fault that waits for requests.
type standing struct {
	prefix string
	left   int // requests it still answers; 0: all
	fault  Fault
}

// Fail lets the fault answer the next n requests whose path below BaseURL begins with path, as in [Server.Requests]; with
// an n of 0 all of them until [Server.Heal]. Where several faults apply, the oldest answers.
func (s *Server) Fail(path string, n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &standing{strings.ToLower(path), n, f})
}

// Heal ends all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// takeFault returns the fault that answers a request of that path, nil for none. s.mu is held.
func (s *Server) takeFault(path string) Fault {
	for i, f := range s.faults {
		if !strings.HasPrefix(path, f.prefix) {
			continue
		}
		if f.left == 1 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		} else if f.left > 1 {
			f.left--
		}
		return f.fault
	}
	return nil
}

// RoundTrip answers r without a network, in the goroutine of the caller, which makes the server an [http.RoundTripper].
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	in := r.Clone(r.Context())
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	rec := newRecorder()
	if !s.serve(rec, in) {
		return nil, io.ErrUnexpectedEOF
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode:    rec.status,
		Status:        fmt.Sprintf("%d %s", rec.status, http.StatusText(rec.status)),
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        rec.header,
		Body:          io.NopCloser(&rec.body),
		ContentLength: int64(rec.body.Len()),
		Request:       r,
	}, nil
}

// serve is ServeHTTP, and tells whether the connection outlived it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) (ok bool) {
	defer func() {
		if v := recover(); v != nil && v != any(http.ErrAbortHandler) { // that very value, as net/http does
			panic(v)
		}
	}()
	s.ServeHTTP(w, r)
	return true
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newRecorder() *recorder {
	return &recorder{header: make(http.Header), status: http.StatusOK}
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
