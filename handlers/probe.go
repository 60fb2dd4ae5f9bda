package handlers

import (
	"errors"
	"os"
	"sync/atomic"
	"time"
)

// Probe measures the line before the processors: how long what comes on a connection waits until a goroutine reads it. It sends itself a
// byte through a pipe, which waits as whatever comes does: until the runtime asks the system what has come, of which it hears 128 at a time,
// and then for a processor. What the runtime itself measures is the latter alone: 4 ms where a thousand connections wait for 50 ms.
type Probe struct {
	from, to *os.File
	began    time.Time
	sent     atomic.Int64 // when the byte that is on its way was, since began; 0: none is
	took     atomic.Int64 // what the one before took
}

// NewProbe makes one, which is there until it is closed.
func NewProbe() (*Probe, error) {
	to, from, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &Probe{from: from, to: to, began: time.Now()}
	go p.receive()
	return p, nil
}

// receive notes what each byte took, until there are no more.
func (p *Probe) receive() {
	for b := make([]byte, 1); ; {
		if _, err := p.to.Read(b); err != nil {
			return
		}
		p.took.Store(int64(time.Since(p.began)) - p.sent.Load())
		p.sent.Store(0)
	}
}

// Line is how long the last byte waited or, if that is more, how long the one has waited that is on its way. If none is, it sends one. It is for
// one goroutine at a time.
func (p *Probe) Line() time.Duration {
	now, sent := int64(time.Since(p.began)), p.sent.Load()
	took := p.took.Load() // after sent, or what arrives in between would not be told
	if sent != 0 {
		return time.Duration(max(took, now-sent))
	}
	p.sent.Store(now)
	if _, err := p.from.Write([]byte{0}); err != nil {
		p.sent.Store(0)
	}
	return time.Duration(took)
}

// Close ends it. What [Probe.Line] says from then on means nothing.
func (p *Probe) Close() error { return errors.Join(p.from.Close(), p.to.Close()) }
