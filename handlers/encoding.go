package handlers

import (
	"bytes"
	"strconv"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/gzip"
)

// The codings of bodies that are made here, as HTTP calls them.
const (
	brotliCoding = "br"
	gzipCoding   = "gzip"
)

// acceptable returns the first of codings that a client accepts at least as gladly as any other of them and as what is not encoded at
// all; empty when that is none. header is its Accept-Encoding (RFC 9110, section 12.5.3).
func acceptable(header string, codings ...string) string {
	best, at := weightOf(header, "identity"), ""
	if best < 0 {
		best = 0 // what is not encoded is acceptable unless it is ruled out, but anything that was named is better
	}
	for _, coding := range codings {
		if w := weightOf(header, coding); w > 0 && (w > best || at == "" && w >= best) {
			best, at = w, coding
		}
	}
	return at
}

// weightOf returns how gladly a client accepts a coding, 0 not at all .. 1000; -1 when it does not say.
func weightOf(header, coding string) int {
	weight := -1
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		name = strings.TrimSpace(name)
		switch {
		case strings.EqualFold(name, coding):
			return quality(params)
		case name == "*":
			weight = quality(params)
		}
	}
	return weight
}

// quality reads the q of parameters, in thousandths; 1000 without one, 0 for one that makes no sense.
func quality(params string) int {
	for param := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(key, "q") {
			continue
		}
		if q, err := strconv.ParseFloat(value, 64); err == nil && q >= 0 && q <= 1 {
			return int(q*1000 + 0.5)
		}
		return 0
	}
	return 1000
}

// leastPacked is the size from which a body is worth compressing: what is smaller fits into one packet anyway.
const leastPacked = 1024

// packLevel is gzip's level for answers. In a server at work it takes 0.4 ms for a page of recommendations (100 kB, 13.3 kB then) where level 5
// takes 0.7 ms (11.3 kB): its tables are a sixth, and are in the processor's memory. Brotli's level 2 takes three times as long as level 5.
const packLevel = 1

// packers compress; they are used again.
var packers = sync.Pool{New: func() any {
	p := new(packer)
	p.gzip, _ = gzip.NewWriterLevel(&p.out, packLevel) // fails for levels that there are not
	return p
}}

type packer struct {
	gzip *gzip.Writer
	out  bytes.Buffer
}

// pack compresses the response's body.
func pack(c *fiber.Ctx) error {
	p := packers.Get().(*packer)
	defer packers.Put(p)
	p.out.Reset()
	p.gzip.Reset(&p.out)
	if _, err := p.gzip.Write(c.Response().Body()); err != nil {
		return err
	}
	if err := p.gzip.Close(); err != nil {
		return err
	}
	c.Response().SetBody(p.out.Bytes())
	c.Response().Header.SetContentEncoding(gzipCoding)
	return nil
}

// packable tells whether a body of that type is text, which becomes smaller.
func packable(contentType []byte) bool {
	kind, _, _ := bytes.Cut(contentType, []byte(";"))
	switch string(kind) {
	case fiber.MIMEApplicationJSON, "image/svg+xml", "application/manifest+json":
		return true
	}
	return bytes.HasPrefix(kind, []byte("text/"))
}
