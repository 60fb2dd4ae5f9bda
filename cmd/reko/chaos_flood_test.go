//go:build chaos && linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/sys/unix"
)

// demand is one of a load that does not wait for answers: when it was due, when the client came to send it, and when the answer was there.
type demand struct {
	due, sent, done time.Time
	status          int
	wrong           string
}

// flood asks a server very much, at little cost: who asks in life has processors of its own, and this one takes the server's. So it is one
// goroutine that waits for all its connections at once (epoll), since a goroutine for each reads once in vain for every answer; requests were
// made before, and of answers no more is read than has to be. It is for one goroutine at a time.
type flood struct {
	addr     unix.SockaddrInet4
	requests [][]byte
	most     int // connections
	ready    int // the epoll instance
	events   []unix.EpollEvent
	buffer   []byte
	piece    bytes.Reader // of an answer, read by head into header
	head     *bufio.Reader
	header   fasthttp.ResponseHeader
	askers   map[int32]*asker // all connections, by their descriptor
	idle     []*asker         // the one that was busy last comes last
	asked    int
	heard    time.Time // when the last answer came, or nothing was asked
}

// asker is a connection, on which one question is asked at a time.
type asker struct {
	fd   int
	q    *demand // nil: none is asked
	head []byte  // of the answer, as long as it is not complete
	rest int     // bytes of the answer that are still to come, once its head is there
}

// floodPatience bounds the time in which no answer at all comes.
const floodPatience = time.Minute

// newFlood makes the requests for paths of the server at url, which is on this machine.
func newFlood(t *testing.T, url string, paths []string, most int) *flood {
	t.Helper()
	at := netip.MustParseAddrPort(strings.TrimPrefix(url, "http://"))
	ready, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	f := &flood{
		addr: unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()},
		most: most, ready: ready, events: make([]unix.EpollEvent, 128), buffer: make([]byte, 64<<10),
		head: bufio.NewReaderSize(nil, 16<<10), askers: map[int32]*asker{},
	}
	for _, p := range paths {
		f.requests = append(f.requests, fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", p, at))
	}
	return f
}

// busy is how many questions are without an answer.
func (f *flood) busy() int { return len(f.askers) - len(f.idle) }

// ask asks q, unless all connections are busy.
func (f *flood) ask(q *demand) bool {
	var a *asker
	switch n := len(f.idle); {
	case n > 0:
		a, f.idle = f.idle[n-1], f.idle[:n-1]
	case len(f.askers) == f.most:
		return false
	}
	q.sent = time.Now()
	if a == nil {
		var err error
		if a, err = f.dial(); err != nil {
			q.done, q.wrong = time.Now(), err.Error()
			return true
		}
	}
	a.q = q
	f.asked += 7
	if _, err := unix.Write(a.fd, f.requests[f.asked%len(f.requests)]); err != nil {
		f.fail(a, err)
	}
	return true
}

func (f *flood) dial() (*asker, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		unix.Connect(fd, &f.addr),
		unix.SetNonblock(fd, true),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.EpollCtl(f.ready, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}),
	)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	a := &asker{fd: fd}
	f.askers[int32(fd)] = a
	return a, nil
}

// fail closes a connection. The question on it is without an answer, because of err.
func (f *flood) fail(a *asker, err error) {
	a.q.done, a.q.wrong = time.Now(), err.Error()
	delete(f.askers, int32(a.fd))
	unix.Close(a.fd)
}

// collect waits for answers until d is over, or some are there, and notes them.
func (f *flood) collect(d time.Duration) error {
	n, err := unix.EpollWait(f.ready, f.events, int(d.Milliseconds()))
	if err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	for _, e := range f.events[:max(n, 0)] {
		a := f.askers[e.Fd]
		n, err := unix.Read(a.fd, f.buffer)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			continue
		case err == nil && n == 0:
			err = io.ErrUnexpectedEOF
		case err == nil && a.q == nil:
			err = errors.New("an answer to nothing")
		}
		if a.q == nil {
			return fmt.Errorf("on a connection without a question: %w", err)
		}
		if err == nil {
			err = f.read(a, f.buffer[:n])
		}
		switch {
		case err != nil:
			f.fail(a, err)
		case a.q.status != 0 && a.rest == 0:
			a.q.done, a.q = time.Now(), nil
			f.idle = append(f.idle, a)
		}
	}
	return nil
}

var endOfHead = []byte("\r\n\r\n")

// read takes the next piece of the answer that a waits for.
func (f *flood) read(a *asker, piece []byte) error {
	if a.q.status != 0 {
		a.rest -= len(piece)
		return a.tooMuch()
	}
	if len(a.head) > 0 {
		a.head = append(a.head, piece...)
		piece = a.head
	}
	if !bytes.Contains(piece, endOfHead) {
		a.head = append(a.head[:0], piece...)
		return nil
	}
	a.head = a.head[:0]
	f.piece.Reset(piece)
	f.head.Reset(&f.piece)
	if err := f.header.Read(f.head); err != nil {
		return err
	}
	if a.rest = f.header.ContentLength(); a.rest < 0 {
		return errors.New("an answer without a length")
	}
	a.q.status = f.header.StatusCode()
	retry := f.header.Peek(fasthttp.HeaderRetryAfter)
	if a.q.status != fasthttp.StatusOK && (a.q.status != fasthttp.StatusServiceUnavailable || string(retry) != "1") {
		a.q.wrong = fmt.Sprintf("%d, Retry-After %q", a.q.status, retry)
	}
	a.rest -= f.head.Buffered() + f.piece.Len()
	return a.tooMuch()
}

func (a *asker) tooMuch() error {
	if a.rest < 0 {
		return fmt.Errorf("%d bytes more than the answer has", -a.rest)
	}
	return nil
}

// inTurn has so many ask one after the other until ctx is done, and returns how many answers a second there were.
func (f *flood) inTurn(ctx context.Context, t *testing.T, askers int) float64 {
	t.Helper()
	begin := time.Now()
	f.heard = begin
	var all []*demand
	for ctx.Err() == nil || f.busy() > 0 {
		for ctx.Err() == nil && f.busy() < askers {
			q := new(demand)
			all = append(all, q)
			if f.ask(q); q.wrong != "" {
				t.Fatalf("asked by few: %s", q.wrong)
			}
		}
		f.hear(t, floodPatience)
	}
	took, answered := time.Since(begin), 0
	for _, q := range all {
		switch {
		case q.wrong != "":
			t.Errorf("asked by few: %s", q.wrong)
		case q.status == 200:
			answered++
		}
	}
	return float64(answered) / took.Seconds()
}

// evenly asks for all, so many a second, and returns how long that took, when all are answered.
func (f *flood) evenly(t *testing.T, all []demand, rate float64) time.Duration {
	t.Helper()
	begin, sent := time.Now(), 0
	f.heard = begin
	for sent < len(all) || f.busy() > 0 {
		for due := min(len(all), int(rate*time.Since(begin).Seconds())); sent < due; sent++ {
			all[sent].due = begin.Add(time.Duration(float64(sent) / rate * float64(time.Second)))
			if !f.ask(&all[sent]) {
				break
			}
		}
		f.hear(t, time.Millisecond)
	}
	return time.Since(begin)
}

// hear is collect, but ends the test if nothing comes for very long.
func (f *flood) hear(t *testing.T, d time.Duration) {
	t.Helper()
	before := f.busy()
	if err := f.collect(d); err != nil {
		t.Fatal(err)
	}
	if now := time.Now(); f.busy() < before || before == 0 {
		f.heard = now
	} else if now.Sub(f.heard) > floodPatience {
		t.Fatalf("for %s there was no answer; %d wait", floodPatience, f.busy())
	}
}

// drop ends all connections.
func (f *flood) drop() {
	for fd := range f.askers {
		unix.Close(int(fd))
	}
	clear(f.askers)
	f.idle = nil
}

// close ends all connections, and all use of it.
func (f *flood) close() {
	f.drop()
	unix.Close(f.ready)
}
