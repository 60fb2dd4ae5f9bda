// Package handlers answers HTTP requests: the JSON API under /api and the pages. Each reads a request, asks the engine, and
// writes what it says; every error ends in one place.
package handlers

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/singleflight"

	"reko.moe/engine"
	"reko.moe/engine/jobs"
	"reko.moe/engine/series"
	"reko.moe/handlers/api"
	"reko.moe/handlers/limit"
	"reko.moe/handlers/metrics"
)

// Options are what the handlers need.
type Options struct {
	Engine    *engine.Engine
	Version   string
	Ready     func(context.Context) error                    // nil error: questions can be answered
	Started   func() bool                                    // what most questions need is in memory; before, they are turned away
	Draining  func() bool                                    // the server is about to stop: connections end with their next answer; nil: never
	Order     engine.Order                                   // when the request names none; empty: the engine's default
	APIHost   string                                         // requests with this Host find /api at the root, too; empty: none
	PublicURL string                                         // of the site, without a slash at its end; empty: not known
	Addresses string                                         // in the log: full, short or none; short
	Contact   string                                         // of who runs the site: an address of a page or of mail; empty: none is told
	Timeout   time.Duration                                  // for one request; 30 s
	Unpacked  int64                                          // the most bytes that are read of an uploaded file once it is unpacked; 64 MB
	Upstream  bool                                           // users who are not stored are looked for on MyAnimeList
	Demo      func() bool                                    // tells whether the users are the invented ones
	Examples  []string                                       // names of some of those
	Secret    []byte                                         // of the hashes that stand for users, and of tokens; nil: a new one
	Jobs      *jobs.Runner                                   // that admins run by hand; nil: none
	Sessions  Sessions                                       // what is remembered of browsers
	Limits    *limit.Limiter                                 // how much each client may ask; nil: as much as it likes
	Metrics   *metrics.Metrics                               // count requests; nil: new ones
	Sources   metrics.Sources                                // say how the parts of the program are
	Series    series.Keeper                                  // what was counted; nil: nothing is shown
	Failures  func(context.Context, int) ([]jobs.Run, error) // the last runs of jobs that failed; nil: none are shown
	Tracer    trace.Tracer                                   // of requests; nil: they are not traced
	Line      func() time.Duration                           // how long who comes waits until somebody looks, by [Probe.Line]; nil: nobody knows
	Log       *slog.Logger

	TrustedProxies []netip.Prefix // whose X-Forwarded-For and X-Forwarded-Proto are believed
}

type server struct {
	Options
	gates    gates
	refusals refusals
	looking  singleflight.Group // whether questions can be answered
	reading  chan struct{}      // has an item for each upload that is being read
}

// Limits of what is read before a request is looked at. A path with a name of 10,000 characters still gets its answer.
const (
	readBuffer  = 32 << 10
	writeBuffer = 20 << 10 // a page of recommendations as JSON is written at once
	bodyLimit   = 64 << 10
	readTimeout = 15 * time.Second
	idleTimeout = 60 * time.Second
	// A reader who takes nothing for as long holds an answer no longer. The longest is a few hundred kB.
	writeTimeout = 60 * time.Second
	// mostConnections bounds what all of them take: some 55 kB each from the first request on.
	mostConnections = 8192
	readyTime       = 2 * time.Second // balancers do not wait for longer
)

// New makes the application. Its Listener and Shutdown are the caller's to call.
func New(o Options) *fiber.App {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Unpacked == 0 {
		o.Unpacked = mostUnpacked
	}
	if len(o.Secret) == 0 {
		o.Secret = make([]byte, 32)
		_, _ = rand.Read(o.Secret) // never fails
	}
	if o.Metrics == nil {
		o.Metrics = metrics.New(o.Version)
	}
	s := &server{Options: o, gates: newGates(o.Line), reading: make(chan struct{}, mostReading)}
	app := fiber.New(fiber.Config{
		AppName:               "Reko",
		Immutable:             true,
		CaseSensitive:         true,
		DisableStartupMessage: true,
		ReadBufferSize:        readBuffer,
		WriteBufferSize:       writeBuffer,
		BodyLimit:             bodyLimit,
		ReadTimeout:           readTimeout,
		IdleTimeout:           idleTimeout,
		WriteTimeout:          writeTimeout,
		Concurrency:           mostConnections,
		ErrorHandler:          s.failUnread,

		EnableTrustedProxyCheck: true,
		TrustedProxies:          prefixTexts(o.TrustedProxies),
	})
	app.Use(s.identify, s.recover, s.draining, s.deadline, s.apiHost)
	app.Get(healthPath, s.health)
	app.Get(readyPath, s.readiness)
	app.Get(metricsPath, s.metricsHandler())
	app.Use(s.deliver)
	app.Use("/api", s.cors)
	app.Use(s.started)
	app.Get(staticPath+":hash/:name", s.staticFile)
	app.Get(robotsPath, s.robots)
	app.Get(sharePath, s.siteShare)
	app.Get(iconPath, s.icon512)
	app.Get(faviconPath, s.favicon)
	app.Use(s.turn, s.limits)

	app.Get("/api/version", s.version)
	app.Get("/api/openapi.json", s.openAPI)
	app.Post("/api/recommendations", s.rekos)
	app.Post("/api/recommendations/:username", s.namedRekos)
	app.Get("/api/stats/:username", s.keyed, s.stats)
	app.Get("/api/:username/recommendations", s.recommendations)
	app.Get("/api/:username/recommendations/:other", s.recommendationsFrom)
	app.Get("/api/:username/similar", s.similar)
	app.Get("/api/:username/compare/:other", s.compare)
	app.Get("/api/:username/random", s.random)

	app.Get("/", s.home)
	app.Get("/u", s.lookUp)
	app.Get("/u/:username", s.userPage)
	app.Get("/u/:username/similar", s.similarPage)
	app.Get("/u/:username/compare", s.compareWith)
	app.Get("/u/:username/compare/:other", s.comparePage)
	app.Get("/u/:username/compare/:other/share.png", s.compareShare)
	app.Get("/u/:username/random", s.randomPage)
	app.Get("/pick", s.pickPage)
	app.Get("/saved", s.savedPage)
	app.Get("/import", s.uploadPage)
	app.Get("/about", s.aboutPage)
	app.Get("/docs", s.docsPage)
	app.Get("/docs/reference", s.referencePage)
	app.Get("/docs/try", s.docsTry)
	app.Post("/import", sameSite, s.costly, s.upload)
	app.Post("/import/delete", sameSite, s.unupload)
	app.Post("/save", sameSite, s.save)
	app.Post("/unsave", sameSite, s.unsave)
	app.Post("/hide", sameSite, s.hide)
	app.Post("/unhide", sameSite, s.unhide)
	app.Post("/theme", sameSite, s.theme)
	app.Post("/forget", sameSite, s.forget)
	s.adminRoutes(app)

	app.Server().HeaderReceived = bodyLimits
	app.Server().Handler = s.door(app, app.Server().Handler)
	return app
}

// health says that the process is alive.
func (s *server) health(c *fiber.Ctx) error { return c.SendString("ok\n") }

// readiness says that questions can be answered; a balancer sends none before.
func (s *server) readiness(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), readyTime)
	defer cancel()
	// Whoever asks while it is found out is told the same: there is no limit here, and each look takes a connection to the database.
	if _, err, _ := s.looking.Do("", func() (any, error) { return nil, s.Ready(ctx) }); err != nil {
		s.Log.WarnContext(c.UserContext(), "not ready", "err", err)
		return c.Status(fiber.StatusServiceUnavailable).SendString("not ready\n")
	}
	if s.Engine.Memory().Loading {
		return c.SendString("ready, but for what needs the statistics of all users\n")
	}
	return c.SendString("ready\n")
}

func (s *server) version(c *fiber.Ctx) error { return c.SendString(s.Version) }

func (s *server) openAPI(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(api.OpenAPI)
}
