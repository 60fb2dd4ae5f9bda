package handlers

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// A form with a file is in memory as a whole, from its first byte until it is answered. Such a form may be as large as that of a list usually
// is; of larger ones few are received at a time, so that nobody fills the memory by sending many.
const (
	usualForm     = 1 << 20
	mostReceiving = 8
	receivingFor  = uploadTimeout + time.Minute // longer than it takes to receive and answer one
)

// receiving are the large forms that are in memory, by their requests. It is safe for concurrent use.
type receiving struct {
	mu    sync.Mutex
	since map[*fasthttp.RequestHeader]time.Time // guarded by mu
}

// begin tells whether there is room for one more.
func (r *receiving) begin(h *fasthttp.RequestHeader) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	// Not every request that breaks off comes to its end here.
	maps.DeleteFunc(r.since, func(_ *fasthttp.RequestHeader, since time.Time) bool { return now.Sub(since) > receivingFor })
	if len(r.since) >= mostReceiving {
		return false
	}
	r.since[h] = now
	return true
}

// end makes room, if the request took any.
func (r *receiving) end(h *fasthttp.RequestHeader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.since, h)
}

func isUpload(method, path string) bool {
	return method == http.MethodPost && strings.TrimSuffix(path, "/") == uploadPath
}

// isUploadForm tells whether a request is a form with a file, as browsers send it, that is not too large to be received: such a form takes memory
// only as it comes in, which others would from the start.
func isUploadForm(h *fasthttp.RequestHeader) bool {
	path, _, _ := strings.Cut(string(h.RequestURI()), "?")
	return isUpload(string(h.Method()), path) && len(h.MultipartFormBoundary()) > 0 && len(h.Peek(fiber.HeaderContentEncoding)) == 0 &&
		h.ContentLength() > 0 && h.ContentLength() <= uploadBody
}

// bodyLimits lets forms with a file be larger than other bodies, and take longer.
func (s *server) bodyLimits(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if isUploadForm(h) && (h.ContentLength() <= usualForm || s.receiving.begin(h)) {
		return fasthttp.RequestConfig{MaxRequestBodySize: uploadBody, ReadTimeout: uploadTimeout}
	}
	return fasthttp.RequestConfig{}
}
