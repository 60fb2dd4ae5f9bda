package handlers

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// clientKey is where the address of a request's client stands among its values.
type clientKey struct{}

// client is the address that the request came from: of the connection or, as long as that is one of our proxies, of whoever the
// proxy says it answers for. What stands further left in X-Forwarded-For anybody can have written.
func (s *server) client(raw *fasthttp.RequestCtx) netip.Addr {
	if addr, ok := raw.UserValue(clientKey{}).(netip.Addr); ok {
		return addr
	}
	addr, _ := netip.AddrFromSlice(raw.RemoteIP())
	addr = addr.Unmap()
	if s.trusts(addr) {
		var hops []string
		for _, line := range raw.Request.Header.PeekAll(fiber.HeaderXForwardedFor) {
			hops = append(hops, strings.Split(string(line), ",")...)
		}
		for _, hop := range slices.Backward(hops) {
			next, ok := parseHop(hop)
			if !ok {
				break // whoever wrote this, the last proxy that we know has the address of
			}
			if addr = next; !s.trusts(addr) {
				break
			}
		}
	}
	raw.SetUserValue(clientKey{}, addr)
	return addr
}

// loggedAddress is what the log has of the address that a request came from: by default no more than tells a network from others.
func (s *server) loggedAddress(c *fiber.Ctx) string {
	addr := s.client(c.Context())
	switch s.Addresses {
	case "full":
		return addr.String()
	case "none":
		return ""
	}
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	short, err := addr.Prefix(bits)
	if err != nil {
		return "" // of no connection
	}
	var b [64]byte
	return string(short.AppendTo(b[:0]))
}

// trusts tells whether addr is one of our proxies.
func (s *server) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(s.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// parseHop reads an address of X-Forwarded-For, which some proxies write with a port.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		var with netip.AddrPort
		with, err = netip.ParseAddrPort(s)
		addr = with.Addr()
	}
	return addr.Unmap().WithZone(""), err == nil
}

// prefixTexts are prefixes as Fiber reads them.
func prefixTexts(prefixes []netip.Prefix) []string {
	var texts []string
	for _, p := range prefixes {
		texts = append(texts, p.String())
	}
	return texts
}
