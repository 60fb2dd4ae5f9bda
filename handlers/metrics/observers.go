package metrics

import (
	"maps"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// request is the labels of a request.
type request struct {
	route, method string
	class         int // of the status: 2 for 200
}

func (r request) labels() []string { return []string{r.route, r.method, strconv.Itoa(r.class) + "xx"} }

// observers finds the histogram of a key without a lock and without building labels: there are few keys, and each is new once. It is
// safe for concurrent use.
type observers[K comparable] struct {
	vec    *prometheus.HistogramVec
	labels func(K) []string
	known  atomic.Pointer[map[K]prometheus.Observer]
	mu     sync.Mutex // held while known is replaced
}

func observe[K comparable](vec *prometheus.HistogramVec, labels func(K) []string) *observers[K] {
	o := &observers[K]{vec: vec, labels: labels}
	o.known.Store(&map[K]prometheus.Observer{})
	return o
}

// of returns the histogram of a key.
func (o *observers[K]) of(key K) prometheus.Observer {
	if h, ok := (*o.known.Load())[key]; ok {
		return h
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	known := maps.Clone(*o.known.Load())
	h := o.vec.WithLabelValues(o.labels(key)...)
	known[key] = h
	o.known.Store(&known)
	return h
}
