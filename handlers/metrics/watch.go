package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"reko.moe/engine"
)

// Sources say how things are, whenever they are asked. They take no time; each but Engine may be nil.
type Sources struct {
	Engine *engine.Engine
	Cache  func() Cache
	Orders func() Orders
	Pools  func() []Pool
	Pace   func() Pace  // nil: MyAnimeList is not asked
	Model  func() Model // nil: there is none
	Down   func() bool  // the database does not answer
}

// Cache says how the lists in memory are doing, since the start.
type Cache struct {
	Hits, Misses uint64
	Lists        int
	Bytes        int
}

// Rate returns the share of lists that were in memory, and false if none was asked for.
func (c Cache) Rate() (float64, bool) {
	if c.Hits+c.Misses == 0 {
		return 0, false
	}
	return float64(c.Hits) / float64(c.Hits+c.Misses), true
}

// Orders says how the orders in memory are doing, since the start.
type Orders struct {
	Hits, Misses uint64
	Orders       int
	Bytes        int
}

// Pool says how a pool of connections to the database is doing.
type Pool struct {
	Name             string
	Max, Open, InUse int
	Waits            int64
	Waited           time.Duration
}

// Pace says how fast MyAnimeList is asked.
type Pace struct {
	Rate    float64 // requests a second
	Burst   int
	Waiting int       // calls that wait for their turn
	Paused  time.Time // nobody asks before
	Resting bool      // it failed so often that it is asked only now and then
}

// Model says which item model is in use. Version 0 is none.
type Model struct {
	Version int64
	MadeAt  time.Time
	Users   int // whose lists it learnt from
}

// Watch lets Prometheus see how things are. It is called once.
func (m *Metrics) Watch(s Sources) { m.registry.MustRegister(watcher{s}) }

// watcher is a [prometheus.Collector] of sources.
type watcher struct{ Sources }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	cacheHits       = desc("reko_list_cache_hits_total", "Lists that were asked for and in memory.")
	cacheMisses     = desc("reko_list_cache_misses_total", "Lists that were asked for and not in memory.")
	cacheBytes      = desc("reko_list_cache_bytes", "Memory of lists.")
	cacheLists      = desc("reko_list_cache_lists", "Lists in memory.")
	orderHits       = desc("reko_order_cache_hits_total", "Neighbours, orders and pages of recommendations that were asked for and in memory.")
	orderMisses     = desc("reko_order_cache_misses_total", "Neighbours, orders and pages of recommendations that were asked for and not in memory.")
	orderBytes      = desc("reko_order_cache_bytes", "Memory of neighbours, and of orders and pages of recommendations.")
	orderCount      = desc("reko_order_cache_orders", "Searches, orders and pages of recommendations in memory.")
	indexUsers      = desc("reko_index_users", "Users in memory, by what finds them (hash, statistics).", "by")
	indexBytes      = desc("reko_index_bytes", "Memory of what finds users (hash, statistics).", "by")
	profilesLoaded  = desc("reko_profiles_loaded", "1 once the statistics of all users are in memory; 0 at the start, while what needs them has to wait.")
	catalogueAnime  = desc("reko_catalogue_anime", "Described anime.")
	populationVer   = desc("reko_population_version", "Version of the population that is in use; 0: made at the start.")
	populationUsers = desc("reko_population_users", "Users of whom the population was made.")
	populationTime  = desc("reko_population_timestamp_seconds", "When the population in use was made.")
	modelVer        = desc("reko_model_version", "Version of the item model that is in use; 0: none.")
	modelTime       = desc("reko_model_timestamp_seconds", "When the item model in use was made.")
	malWaiting      = desc("reko_mal_waiting", "Calls of MyAnimeList that wait for their turn.")
	malRate         = desc("reko_mal_rate", "Calls of MyAnimeList a second that are allowed.")
	malPaused       = desc("reko_mal_paused_seconds", "How long MyAnimeList wants not to be asked.")
	malResting      = desc("reko_mal_breaker_open", "1 when MyAnimeList failed so often that it is asked only now and then.")
	storeDown       = desc("reko_db_breaker_open", "1 when the database did not answer so often that visitors are not let wait for it.")
	poolOpen        = desc("reko_db_connections", "Connections to the database, by pool and state (in_use, idle).", "pool", "state")
	poolMax         = desc("reko_db_connections_max", "Connections to the database that are allowed.", "pool")
	poolWaits       = desc("reko_db_waits_total", "How often somebody had to wait for a connection.", "pool")
	poolWaited      = desc("reko_db_wait_seconds_total", "How long they waited together.", "pool")
)

// Describe implements [prometheus.Collector].
func (w watcher) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		cacheHits, cacheMisses, cacheBytes, cacheLists, orderHits, orderMisses, orderBytes, orderCount, indexUsers, indexBytes, profilesLoaded, catalogueAnime, populationVer, populationUsers,
		populationTime, modelVer, modelTime, malWaiting, malRate, malPaused, malResting, storeDown, poolOpen, poolMax, poolWaits, poolWaited,
	} {
		to <- d
	}
}

// truth is 1 for true.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Collect implements [prometheus.Collector].
func (w watcher) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	memory := w.Engine.Memory()
	gauge(indexUsers, float64(memory.Users), "hash")
	gauge(indexUsers, float64(memory.Profiles), "statistics")
	gauge(indexBytes, float64(memory.IndexBytes), "hash")
	gauge(indexBytes, float64(memory.ProfileBytes), "statistics")
	loaded := 1.0
	if memory.Loading {
		loaded = 0
	}
	gauge(profilesLoaded, loaded)
	gauge(catalogueAnime, float64(memory.Titles))
	gauge(populationVer, float64(memory.Population))
	gauge(populationUsers, float64(memory.Populace))
	if !memory.PopulationAt.IsZero() {
		gauge(populationTime, float64(memory.PopulationAt.Unix()))
	}
	var model Model
	if w.Model != nil {
		model = w.Model()
	}
	gauge(modelVer, float64(model.Version))
	if model.Version != 0 {
		gauge(modelTime, float64(model.MadeAt.Unix()))
	}
	if w.Cache != nil {
		c := w.Cache()
		counter(cacheHits, float64(c.Hits))
		counter(cacheMisses, float64(c.Misses))
		gauge(cacheBytes, float64(c.Bytes))
		gauge(cacheLists, float64(c.Lists))
	}
	if w.Orders != nil {
		o := w.Orders()
		counter(orderHits, float64(o.Hits))
		counter(orderMisses, float64(o.Misses))
		gauge(orderBytes, float64(o.Bytes))
		gauge(orderCount, float64(o.Orders))
	}
	if w.Pace != nil {
		p := w.Pace()
		gauge(malWaiting, float64(p.Waiting))
		gauge(malRate, p.Rate)
		gauge(malPaused, max(time.Until(p.Paused).Seconds(), 0))
		gauge(malResting, truth(p.Resting))
	}
	if w.Down != nil {
		gauge(storeDown, truth(w.Down()))
	}
	if w.Pools == nil {
		return
	}
	for _, p := range w.Pools() {
		gauge(poolOpen, float64(p.InUse), p.Name, "in_use")
		gauge(poolOpen, float64(p.Open-p.InUse), p.Name, "idle")
		gauge(poolMax, float64(p.Max), p.Name)
		counter(poolWaits, float64(p.Waits), p.Name)
		counter(poolWaited, p.Waited.Seconds(), p.Name)
	}
}
