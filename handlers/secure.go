package handlers

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"reko.moe/views"
)

// policy is what pages may load and do: only what is ours, and pictures of MyAnimeList's. Nothing in a page itself is code.
var policy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; " +
	"img-src 'self' https://" + strings.Join(views.PictureHosts, " https://") + "; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const (
	// apiPolicy is for answers to programs, which a browser may be led to as well.
	apiPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	// permissions are what no page here needs.
	permissions = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), microphone=(), " +
		"midi=(), payment=(), serial=(), usb=(), xr-spatial-tracking=()"
	// httpsOnly is for two years. Other hosts below the site's are not ours to speak for.
	httpsOnly = "max-age=63072000"
)

// harden sets the headers that keep browsers strict. It is called before anything else is done for a request, so that no answer
// is without them, and again when the path changes.
func (s *server) harden(c *fiber.Ctx) {
	csp, shared, path := policy, "same-origin", c.Path()
	if isAPI(c) {
		csp, shared = apiPolicy, "cross-origin"
	} else if strings.HasSuffix(path, ".png") {
		shared = "cross-origin" // made to be shown elsewhere
	}
	c.Set(fiber.HeaderContentSecurityPolicy, csp)
	c.Set("Cross-Origin-Resource-Policy", shared)
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
	c.Set(fiber.HeaderPermissionsPolicy, permissions)
	if s.secure() {
		c.Set(fiber.HeaderStrictTransportSecurity, httpsOnly)
	}
	if ofPeople(path) {
		c.Set("X-Robots-Tag", "noindex, nofollow")
	} else {
		c.Response().Header.Del("X-Robots-Tag")
	}
}

// isAdmin tells whether the request is to the admin side.
func isAdmin(c *fiber.Ctx) bool { return isAdminPath(c.Path()) }

func isAdminPath(path string) bool {
	return path == adminPath || strings.HasPrefix(path, adminPath+"/")
}

// ofPeople tells whether what is at a path is about people, and so nothing for search engines.
func ofPeople(path string) bool {
	for _, part := range []string{"/u", "/saved", "/api", adminPath} {
		if path == part || strings.HasPrefix(path, part+"/") {
			return true
		}
	}
	return false
}
