package handlers

import (
	"net/http"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"
)

// deliver sends what was answered in as few bytes as it takes: compressed, or as 304 to who has it already.
//
// An answer to GET is named by its bytes, in a strong ETag of their own for each encoding. So a name can never be that of an answer
// which has changed, whatever it was made of: lists, the neighbours and theirs, the model, what is excluded, cookies, the day. What is not
// said to be kept for a while is to be asked for again each time (no-cache), and all that is no answer is not kept.
func (s *server) deliver(c *fiber.Ctx) error {
	if err := c.Next(); err != nil {
		return err
	}
	res, header := c.Response(), &c.Response().Header
	kept := header.Peek(fiber.HeaderCacheControl)
	asked := c.Method() == http.MethodGet || c.Method() == http.MethodHead
	if res.StatusCode() != http.StatusOK || !asked {
		if len(kept) == 0 {
			header.Set(fiber.HeaderCacheControl, "no-store")
		}
		return nil
	}
	if len(kept) == 0 {
		header.Set(fiber.HeaderCacheControl, "no-cache")
	}
	packs := false
	if len(header.ContentEncoding()) == 0 && packable(header.ContentType()) {
		c.Vary(fiber.HeaderAcceptEncoding)
		// An answer of the admin side may have the token of a session beside something that others chose. Compressed, its length would tell
		// the token bit by bit to who sees lengths (BREACH).
		packs = !isAdmin(c) && len(res.Body()) >= leastPacked && acceptable(utils.UnsafeString(c.Request().Header.Peek(fiber.HeaderAcceptEncoding)), gzipCoding) != ""
	}
	if string(kept) != "no-store" {
		if len(header.Peek(fiber.HeaderETag)) == 0 {
			var room [24]byte
			header.SetBytesV(fiber.HeaderETag, appendTag(room[:0], res.Body(), len(header.Peek(headerAge)) > 0, packs))
		}
		if matches(c.Get(fiber.HeaderIfNoneMatch), utils.UnsafeString(header.Peek(fiber.HeaderETag))) {
			notModified(c)
			unrender(c)
			return nil
		}
	}
	if !packs {
		lend(c)
		return nil
	}
	if err := pack(c); err != nil {
		return err
	}
	unrender(c)
	return nil
}

// appendTag appends the name of a body, which is another one if it is sent compressed, and another again if it comes with [headerAge]: a
// 304 takes no header from what the client has.
func appendTag(tag, body []byte, aged, packed bool) []byte {
	const digits = "0123456789abcdef"
	sum := xxhash.Sum64(body)
	if aged {
		sum = ^sum
	}
	tag = append(tag, '"')
	for shift := 60; shift >= 0; shift -= 4 {
		tag = append(tag, digits[sum>>shift&15])
	}
	if packed {
		tag = append(tag, '-', 'g', 'z')
	}
	return append(tag, '"')
}

// matches tells whether an If-None-Match, which is a list of tags or *, has a tag. Tags are compared weakly (RFC 9110, sections 8.8.3.2
// and 13.1.2).
func matches(header, tag string) bool {
	rest := strings.TrimSpace(header)
	if rest == "*" {
		return true
	}
	for rest != "" {
		rest = strings.TrimPrefix(rest, "W/")
		if rest == "" || rest[0] != '"' {
			return false // no list of tags
		}
		end := strings.IndexByte(rest[1:], '"')
		if end < 0 {
			return false
		}
		if rest[:end+2] == tag {
			return true
		}
		rest = strings.TrimLeft(rest[end+2:], " \t,")
	}
	return false
}

// notModified answers that the client has it already.
func notModified(c *fiber.Ctx) {
	c.Status(http.StatusNotModified)
	c.Response().ResetBody()
	header := &c.Response().Header
	header.Del(fiber.HeaderContentType)
	header.Del(fiber.HeaderContentEncoding)
	header.Del(fiber.HeaderContentLength)
}
