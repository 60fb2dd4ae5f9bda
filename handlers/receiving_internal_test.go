package handlers

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// sender is a connection of which as much is read as is wanted.
type sender struct {
	net.Conn
	address string
	cut     bool // it is to be read no longer
}

func (s *sender) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.ParseIP(s.address), Port: 1}
}

func (s *sender) Read(p []byte) (int, error) { return len(p), nil }
func (s *sender) Close() error               { return nil }
func (s *sender) SetReadDeadline(t time.Time) error {
	s.cut = t.Before(time.Now())
	return nil
}

// When there is no more room, that form is cut off of which the least came lately, however much came before; those that are received whole
// stay, and what is not a large form takes no room.
func TestRoomForForms(t *testing.T) {
	var now time.Time
	r := &received{most: 10 << 20, now: func() time.Time { return now }, by: map[*formConn]struct{}{}, from: map[string]int64{}}
	beginFrom := func(address string) *formConn {
		c := newFormConn(&sender{address: address}, r)
		if _, err := io.ReadFull(c, make([]byte, freeOfCharge)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	begin := func() *formConn { return beginFrom("192.0.2.1") }
	get := func(c *formConn, n int, want error) {
		t.Helper()
		if _, err := c.Read(make([]byte, n)); !errors.Is(err, want) {
			t.Errorf("Read() = %v, want %v", err, want)
		}
	}
	holds := func(taken int, by ...*formConn) {
		t.Helper()
		if r.taken != int64(taken) || len(r.by) != len(by) {
			t.Errorf("%d bytes are taken by %d, want %d by %d", r.taken, len(r.by), taken, len(by))
		}
		for _, c := range by {
			if _, ok := r.by[c]; !ok || c.cut {
				t.Error("another is cut off")
			}
		}
	}
	const mb = 1 << 20
	stopped, trickle, quick := begin(), begin(), begin()
	holds(0)
	get(stopped, 4*mb, nil)
	get(trickle, 4*mb, nil)
	for range 20 {
		now = now.Add(time.Second)
		get(trickle, 1, nil)
	}
	get(quick, mb, nil)
	holds(9*mb+20, stopped, trickle, quick)
	get(quick, mb, nil)
	holds(6*mb+20, trickle, quick)
	if !stopped.Conn.(*sender).cut {
		t.Error("who is cut off is waited for")
	}
	get(stopped, 1, errNoRoom)
	holds(6*mb+20, trickle, quick)
	if !stopped.leave() || stopped.leave() {
		t.Error("it is not known who was cut off, or not forgotten")
	}

	// Who stopped a moment ago makes room for somebody new, and room is kept for what is being answered.
	trickle.leave()
	quick.hold()
	paused, fresh := begin(), begin()
	get(paused, 8*mb, nil)
	now = now.Add(time.Millisecond)
	get(fresh, 1, nil)
	get(fresh, 5*mb-1, nil)
	holds(7*mb, quick, fresh)
	get(fresh, 4*mb, errNoRoom)
	holds(2*mb, quick)
	quick.done()
	holds(0)
	get(quick, freeOfCharge, nil)
	holds(0)
	get(quick, mb, nil)
	holds(mb, quick)
	if err := quick.Close(); err != nil {
		t.Error(err)
	}
	holds(0)

	// Who has more than half of it takes from nobody else, however slow that one is; of whose network is meant.
	alone, one, two := beginFrom("198.51.100.7"), beginFrom("2001:db8::1"), beginFrom("2001:db8::ffff")
	get(alone, 4*mb, nil)
	now = now.Add(time.Minute)
	get(one, 4*mb, nil)
	now = now.Add(time.Second)
	get(two, 3*mb, nil)
	holds(7*mb, alone, two)
	three := beginFrom("2001:db8:0:1::1") // of another network
	now = now.Add(time.Second)
	get(two, mb, nil)
	get(three, 3*mb, nil)
	holds(7*mb, two, three) // nobody has more than half: the slowest has to go
	for _, c := range []*formConn{two, three} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	holds(0)
	if len(r.from) != 0 {
		t.Errorf("%v are remembered", r.from)
	}
}
