package handlers

import (
	"github.com/gofiber/fiber/v2"

	"reko.moe/handlers/limit"
	"reko.moe/static"
)

// staticFile serves what browsers load. Its address has the file's hash, so it may be kept for a year; by an address of another hash there
// is the file as it is now, to be asked for again. A file that is not there counts as a page.
func (s *server) staticFile(c *fiber.Ctx) error {
	f, ok := static.Find(param(c, "name"))
	if !ok {
		if err := s.spend(c, limit.Pages); err != nil {
			return err
		}
		return fiber.ErrNotFound
	}
	c.Set(fiber.HeaderContentType, f.Type)
	c.Set(fiber.HeaderCacheControl, "no-cache")
	if param(c, "hash") == f.Hash {
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	}
	data, coding := f.Data, ""
	if f.Packs() {
		c.Vary(fiber.HeaderAcceptEncoding)
		switch coding = acceptable(c.Get(fiber.HeaderAcceptEncoding), brotliCoding, gzipCoding); coding {
		case brotliCoding:
			data = f.Brotli()
		case gzipCoding:
			data = f.Gzip()
		}
	}
	tag := f.Hash
	if coding != "" {
		c.Set(fiber.HeaderContentEncoding, coding)
		tag += "-" + coding
	}
	c.Set(fiber.HeaderETag, `"`+tag+`"`)
	return c.Send(data)
}
