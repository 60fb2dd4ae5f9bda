package handlers

import (
	"errors"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"reko.moe/engine"
)

// A form with a file is in memory as a whole, from its first byte until it is answered. What all of them together take is bounded. Once
// there is no more room, the one of which the least came lately is cut off: who sends slowly, or stops, keeps nobody's room. Of who has just begun it
// is as if much had come. An address that has more than half of the room has to do with it: its own are cut off then, so that one with much
// bandwidth does not take the room of all others. Behind a proxy all have one address.
const (
	mostReceived = 32 << 20
	freeOfCharge = bodyLimit + readBuffer // of each request: what any may have
	muchLately   = 1 << 20                // more counts as much
	latelyHalf   = time.Second            // after which what came counts half
)

var errNoRoom = errors.New("no room for the form")

// received is the room for forms. It is safe for concurrent use.
type received struct {
	most int64
	now  func() time.Time

	mu    sync.Mutex
	taken int64                  // guarded by mu
	by    map[*formConn]struct{} // those that take any, guarded by mu
	from  map[string]int64       // what is taken by network, guarded by mu
}

// Receive returns ln, of whose connections large forms take no more memory than there is for them. An application of [New] is meant to be
// reached through it.
func Receive(ln net.Listener) net.Listener {
	return formListener{ln, &received{most: mostReceived, now: time.Now, by: map[*formConn]struct{}{}, from: map[string]int64{}}}
}

type formListener struct {
	net.Listener
	room *received
}

// Accept implements [net.Listener].
func (l formListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newFormConn(conn, l.room), nil
}

func newFormConn(conn net.Conn, room *received) *formConn {
	host, _, _ := net.SplitHostPort(conn.RemoteAddr().String()) // "", should it have no port
	return &formConn{Conn: conn, room: room, network: engine.Network(host)}
}

// formConn is a connection that takes room for what it receives, from one request to the next.
type formConn struct {
	net.Conn
	room    *received
	network string // it comes from
	got     int64  // of the present request; for who reads only

	// These are guarded by room.mu.
	taken  int64
	lately float64 // bytes that came, counted less the longer ago they did, at the time last
	last   time.Time
	whole  bool // it is received and will be answered
	cut    bool // there was no room for it
}

// Read implements [net.Conn].
func (c *formConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.got += int64(n); c.got > freeOfCharge && n > 0 && !c.room.take(c, n) {
		return 0, errNoRoom
	}
	return n, err
}

// Close implements [net.Conn].
func (c *formConn) Close() error {
	c.leave()
	return c.Conn.Close()
}

// take takes room for n bytes more. It tells whether there was any.
func (r *received) take(c *formConn, n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.cut {
		return false
	}
	now := r.now()
	if c.taken == 0 {
		c.lately, c.last = muchLately, now
	}
	c.lately, c.last = min(c.latelyAt(now)+float64(n), muchLately), now
	c.taken += int64(n)
	r.taken += int64(n)
	r.from[c.network] += int64(n)
	r.by[c] = struct{}{}
	for r.taken > r.most && !c.cut {
		r.cutSlowest(now, r.greedy())
	}
	return !c.cut
}

// greedy is the network that has more than half of the room and is receiving; "" if none is. The caller holds mu.
func (r *received) greedy() string {
	for c := range r.by {
		if !c.whole && r.from[c.network] > r.most/2 {
			return c.network
		}
	}
	return ""
}

// cutSlowest cuts off one of those that are being received, of a network or, if that is "", of all; there is one. The caller holds mu.
func (r *received) cutSlowest(now time.Time, from string) {
	var slowest *formConn
	for c := range r.by {
		if !c.whole && (from == "" || c.network == from) && (slowest == nil || c.latelyAt(now) < slowest.latelyAt(now)) {
			slowest = c
		}
	}
	slowest.cut = true
	r.give(slowest)
	_ = slowest.SetReadDeadline(time.Unix(1, 0)) // it waits for more no longer
}

// latelyAt is how much came lately. The caller holds room.mu.
func (c *formConn) latelyAt(now time.Time) float64 {
	return c.lately * math.Exp2(-now.Sub(c.last).Seconds()/latelyHalf.Seconds())
}

// give gives back what c has taken. The caller holds mu.
func (r *received) give(c *formConn) {
	r.taken -= c.taken
	if r.from[c.network] -= c.taken; r.from[c.network] == 0 {
		delete(r.from, c.network)
	}
	c.taken, c.lately = 0, 0
	delete(r.by, c)
}

// hold keeps the room of a request that is received until it is answered, whoever else wants it.
func (c *formConn) hold() {
	if c.got > freeOfCharge {
		c.room.mu.Lock()
		defer c.room.mu.Unlock()
		c.whole = true
	}
}

// done ends a request.
func (c *formConn) done() {
	if c.got > freeOfCharge {
		c.leave()
	}
	c.got = 0
}

// leave gives back all room, and tells whether it had been cut off.
func (c *formConn) leave() (cut bool) {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	cut = c.cut
	c.room.give(c)
	c.whole, c.cut = false, false
	return cut
}

func isUpload(method, path string) bool {
	return method == http.MethodPost && strings.TrimSuffix(path, "/") == uploadPath
}

// isUploadForm tells whether a request is a form with a file, as browsers send it, that is not too large to be received: such a form takes memory
// only as it comes in, which others would from the start.
func isUploadForm(h *fasthttp.RequestHeader) bool {
	if len(h.MultipartFormBoundary()) == 0 || len(h.Peek(fiber.HeaderContentEncoding)) > 0 || h.ContentLength() <= 0 || h.ContentLength() > uploadBody {
		return false
	}
	path, _, _ := strings.Cut(string(h.RequestURI()), "?")
	return isUpload(string(h.Method()), path)
}

// bodyLimits lets forms with a file be larger than other bodies, and take longer.
func bodyLimits(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if isUploadForm(h) {
		return fasthttp.RequestConfig{MaxRequestBodySize: uploadBody, ReadTimeout: uploadTimeout}
	}
	return fasthttp.RequestConfig{}
}
