package handlers

import (
	"bytes"

	"github.com/goccy/go-json"
	"github.com/gofiber/fiber/v2"
)

// answer sends v as JSON, and ends its use. It is written into the memory of the response, which is used again, instead of into memory of
// its own; go-json writes what encoding/json would, in a third of the time.
func answer(c *fiber.Ctx, v any) error {
	if r, ok := v.(interface{ Release() }); ok {
		defer r.Release()
	}
	if err := json.NewEncoder(c.Response().BodyWriter()).Encode(v); err != nil {
		return err
	}
	body := c.Response().Body()
	c.Response().SetBody(bytes.TrimSuffix(body, []byte("\n"))) // shortens it where it is
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return nil
}
