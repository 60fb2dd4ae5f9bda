package handlers

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
)

// invalid is a parameter that makes no sense.
type invalid struct {
	name, value, want string
}

func (e invalid) Error() string { return fmt.Sprintf("%s=%.40q is not %s", e.name, e.value, e.want) }
func (e invalid) Unwrap() error { return engine.ErrInvalid }

// param returns a part of the path, percent-decoded. What cannot be decoded stays as it is, and is nobody's name then.
func param(c *fiber.Ctx, name string) string {
	if !slices.Contains(c.Route().Params, name) {
		return "" // what is refused before it is read has no route at all, for which Fiber panics
	}
	raw := c.Params(name)
	if decoded, err := url.PathUnescape(raw); err == nil {
		return decoded
	}
	return raw
}

// whole reads a parameter that is a number, cut to a whole one and into the range of an int32; 1 when it is not there.
func whole(c *fiber.Ctx, name string) (int, error) {
	text := strings.TrimSpace(c.Query(name))
	if text == "" {
		return 1, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if strings.Trim(text, "0123456789+-.eE") != "" || math.IsNaN(f) || err != nil && !math.IsInf(f, 0) {
		return 0, invalid{name, text, "a number"}
	}
	return int(min(max(f, math.MinInt32), math.MaxInt32)), nil
}

// seedOf reads the seed of a random draw; nil when it is not there.
func seedOf(c *fiber.Ctx) (*uint64, error) {
	text := strings.TrimSpace(c.Query("seed"))
	if text == "" {
		return nil, nil
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil || seed > engine.MaxSeed {
		return nil, invalid{"seed", text, fmt.Sprintf("a whole number in 0..%d", engine.MaxSeed)}
	}
	return &seed, nil
}

// truth reads a parameter that is true or false; false when it is not there.
func truth(c *fiber.Ctx, name string) (bool, error) {
	switch text := strings.ToLower(strings.TrimSpace(c.Query(name))); text {
	case "", "false", "0":
		return false, nil
	case "true", "1":
		return true, nil
	default:
		return false, invalid{name, text, "true or false"}
	}
}
