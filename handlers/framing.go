package handlers

import (
	"bytes"
	"strings"

	"github.com/valyala/fasthttp"
)

// unclear tells whether a proxy in front could have understood otherwise than we do where a request ends, or for whom it is:
// what it took for a body would then be another request here. fasthttp decides silently where the standard (RFC 9112) wants a
// refusal.
func unclear(h *fasthttp.RequestHeader) bool {
	lengths, encodings, hosts := 0, 0, 0
	for line := range bytes.Lines(h.RawHeaders()) {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if bytes.IndexByte(line, '\r') >= 0 || len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			return true // a line that some end earlier, or one that goes on with the line before
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.ContainsFunc(name, func(r rune) bool { return !inToken(r) }) {
			return true // another header for who reads over what does not belong there
		}
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			lengths++
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			encodings++
			if !strings.EqualFold(strings.Trim(string(value), " \t"), "chunked") {
				return true
			}
		case bytes.EqualFold(name, []byte("Host")):
			hosts++
		}
	}
	return lengths+encodings > 1 || hosts > 1 || encodings > 0 && !h.IsHTTP11()
}

// inToken tells whether a character can be one of the name of a header (RFC 9110, section 5.6.2).
func inToken(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// endsHere tells whether nothing that follows a request on its connection can be believed to be another one: after a form that was
// not read to its end, and after chunks, whose ends fasthttp sees where others may not.
func endsHere(h *fasthttp.RequestHeader) bool {
	return len(h.MultipartFormBoundary()) > 0 || len(h.Peek(fasthttp.HeaderTransferEncoding)) > 0
}
