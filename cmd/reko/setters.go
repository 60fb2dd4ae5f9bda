package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"reko.moe/engine"
	"reko.moe/handlers/limit"
)

// The functions below make setters of fields that check what they are given.

func text(field *string) func(string) error {
	return func(s string) error { *field = s; return nil }
}

func oneOf(field *string, allowed ...string) func(string) error {
	return func(s string) error {
		if !slices.Contains(allowed, s) {
			return fmt.Errorf("%q is not one of %s", s, strings.Join(allowed, ", "))
		}
		*field = s
		return nil
	}
}

func boolean(field *bool) func(string) error {
	return func(s string) error {
		switch s {
		case "true", "yes", "on", "1":
			*field = true
		case "false", "no", "off", "0":
			*field = false
		default:
			return fmt.Errorf("%q is neither true nor false", s)
		}
		return nil
	}
}

func whole(field *int, least, most int) func(string) error {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is no whole number in %d..%d", s, least, most)
		}
		*field = n
		return nil
	}
}

func rate(field *float64) func(string) error {
	return func(s string) error {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || !(f > 0 && f <= 1e6) {
			return fmt.Errorf("%q is no number of requests a second above 0", s)
		}
		*field = f
		return nil
	}
}

func duration(field *time.Duration, least time.Duration) func(string) error {
	return func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%q is no duration such as 90s, 15m or 72h", s)
		}
		if d < least {
			return fmt.Errorf("%s is shorter than %s", d, least)
		}
		*field = d
		return nil
	}
}

// drainDuration takes auto as well.
func drainDuration(field *time.Duration) func(string) error {
	return func(s string) error {
		if s == "auto" {
			*field = drainAuto
			return nil
		}
		return duration(field, 0)(s)
	}
}

func address(field *string) func(string) error {
	return func(s string) error {
		_, port, err := net.SplitHostPort(s)
		if err != nil {
			return fmt.Errorf("%q is not HOST:PORT", s)
		}
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			return fmt.Errorf("%q has no port in 0..65535", s)
		}
		*field = s
		return nil
	}
}

// databaseURL takes care not to print a password.
func databaseURL(field *string) func(string) error {
	return func(s string) error {
		path, isSQLite := strings.CutPrefix(s, "sqlite:")
		switch {
		case isSQLite && path != "":
		case strings.HasPrefix(s, "postgres://"), strings.HasPrefix(s, "postgresql://"):
		default:
			return errors.New("is neither sqlite:PATH nor postgres://USER:PASSWORD@HOST/DATABASE")
		}
		*field = s
		return nil
	}
}

func webURL(field *string) func(string) error {
	return func(s string) error {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			if strings.Contains(s, "@") {
				return errors.New("is no http:// or https:// address") // and may have a password
			}
			return fmt.Errorf("%q is no http:// or https:// address", s)
		}
		*field = strings.TrimSuffix(s, "/")
		return nil
	}
}

// publicURL is a webURL that may be empty.
func publicURL(field *string) func(string) error {
	return func(s string) error {
		if s == "" {
			*field = ""
			return nil
		}
		return webURL(field)(s)
	}
}

func order(field *engine.Order) func(string) error {
	return func(s string) error {
		o, err := engine.ParseOrder(s)
		if err != nil {
			return fmt.Errorf("%q is no order; there are %s and %s", s, engine.Taste, engine.Classic)
		}
		*field = o
		return nil
	}
}

func animeIDs(field *[]engine.AnimeID) func(string) error {
	return func(s string) error {
		var ids []engine.AnimeID
		for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
			n, err := strconv.ParseInt(part, 10, 32)
			if err != nil || n < 1 || engine.AnimeID(n) > engine.MaxAnimeID {
				return fmt.Errorf("%q is no anime id", part)
			}
			ids = append(ids, engine.AnimeID(n))
		}
		*field = ids
		return nil
	}
}

func level(field *slog.Level) func(string) error {
	return func(s string) error {
		if err := field.UnmarshalText([]byte(s)); err != nil {
			return fmt.Errorf("%q is not debug, info, warn or error", s)
		}
		return nil
	}
}

func budget(field *limit.Budget) func(string) error {
	return func(s string) (err error) {
		*field, err = limit.ParseBudget(s)
		return err
	}
}

// prefixes reads addresses and networks; an address is the network of itself. IPv4 within IPv6 is IPv4, as where it is looked for.
func prefixes(field *[]netip.Prefix) func(string) error {
	return func(s string) error {
		var all []netip.Prefix
		for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
			p, err := netip.ParsePrefix(part)
			if err != nil {
				var addr netip.Addr
				addr, err = netip.ParseAddr(part)
				p = netip.PrefixFrom(addr, addr.BitLen())
			}
			if err != nil || p.Addr().Zone() != "" {
				return fmt.Errorf("%q is no address or network such as 10.0.0.0/8", part)
			}
			if p.Addr().Is4In6() {
				if p.Bits() < 96 {
					return fmt.Errorf("%q is neither IPv4 nor IPv6: within ::ffff:0:0/96 a network has at least 96 bits", part)
				}
				p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
			}
			all = append(all, p.Masked())
		}
		*field = all
		return nil
	}
}

// redisURL takes care not to print a password.
func redisURL(field *string) func(string) error {
	return func(s string) error {
		if s != "" {
			if _, err := redis.ParseURL(s); err != nil {
				return errors.New("is not redis://USER:PASSWORD@HOST:PORT/NUMBER")
			}
		}
		*field = s
		return nil
	}
}

// traceURL is a webURL that may be empty.
func traceURL(field *string) func(string) error {
	return func(s string) error {
		if s == "" {
			*field = ""
			return nil
		}
		return webURL(field)(s)
	}
}

// share is a number from 0 to 1.
func share(field *float64) func(string) error {
	return func(s string) error {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || !(f >= 0 && f <= 1) {
			return fmt.Errorf("%q is no number from 0 to 1", s)
		}
		*field = f
		return nil
	}
}
