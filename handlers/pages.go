package handlers

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"reko.moe/engine"
	"reko.moe/handlers/traces"
	"reko.moe/views"
)

// The cookies that remember a visitor's choices.
const (
	nameCookie  = "name"
	themeCookie = "theme"
)

// pagePatience is how long a page waits for a list that is being fetched before it says so.
const pagePatience = 2 * time.Second

// page makes what the layout needs of a page about something.
func (s *server) page(c *fiber.Ctx, title, description string) views.Page {
	p := views.Page{
		Title: title, Description: description, Path: c.OriginalURL(), PublicURL: s.PublicURL, Demo: s.Demo(),
		Saved: len(s.visitor(c).Saved),
	}
	if name, ok := engine.CanonicalName(s.cookie(c, nameCookie)); ok {
		p.Name = name
	}
	if theme := s.cookie(c, themeCookie); theme == "light" || theme == "dark" {
		p.Theme = theme
	}
	return p
}

// render answers with a page, or with its part that htmx asked for by the id it goes to. It renders first, so that what fails
// is an error and not half a page.
func (s *server) render(c *fiber.Ctx, page templ.Component, part templ.Component, id string) error {
	c.Vary("HX-Request", "HX-Target", "HX-Boosted", "HX-History-Restore-Request")
	if part != nil && isPartial(c) && c.Get("HX-Target") == id {
		page = part
	}
	return write(c, page)
}

// renderedKey is where the buffer of a page stands in the locals of its request.
type renderedKey struct{}

// rendered has buffers for pages, which are used again.
var rendered = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// write answers with a component, which is for the one browser that asked: who it is, what it saved and its theme are in cookies.
func write(c *fiber.Ctx, component templ.Component) error {
	b := rendered.Get().(*bytes.Buffer)
	b.Reset()
	ctx, end := traces.Step(c.UserContext(), "render")
	err := component.Render(ctx, b)
	end(err)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Vary(fiber.HeaderCookie)
	if len(c.Response().Header.Peek(fiber.HeaderCacheControl)) == 0 {
		c.Set(fiber.HeaderCacheControl, "private, no-cache")
	}
	c.Response().SetBodyRaw(b.Bytes())
	c.Locals(renderedKey{}, b)
	return nil
}

// lend lends the page's buffer to the response until it is sent: new memory for each page costs as much as half of what makes it.
func lend(c *fiber.Ctx) {
	if b, ok := c.Locals(renderedKey{}).(*bytes.Buffer); ok {
		c.Locals(renderedKey{}, nil)
		c.Response().SetBodyStream(&lent{*bytes.NewReader(b.Bytes()), b}, b.Len())
	}
}

// lent is a buffer until it is closed.
type lent struct {
	bytes.Reader
	from *bytes.Buffer
}

// Close implements [io.Closer].
func (l *lent) Close() error {
	rendered.Put(l.from)
	return nil
}

// unrender gives the buffer of the page back. The response must not have it any more.
func unrender(c *fiber.Ctx) {
	if b, ok := c.Locals(renderedKey{}).(*bytes.Buffer); ok {
		c.Locals(renderedKey{}, nil)
		rendered.Put(b)
	}
}

// isPartial tells whether htmx asked for a part of a page and not for all of one.
func isPartial(c *fiber.Ctx) bool { return wantsPart(&c.Request().Header) }

func wantsPart(h *fasthttp.RequestHeader) bool {
	return string(h.Peek("HX-Request")) == "true" && len(h.Peek("HX-Boosted")) == 0 && len(h.Peek("HX-History-Restore-Request")) == 0
}

// impatient is the context in which a page asks the engine: a list that takes long is announced and not waited for.
func impatient(c *fiber.Ctx) context.Context {
	return engine.WithPatience(c.UserContext(), pagePatience)
}

// waiting answers that the list of one of these users is being fetched, if that is what err comes from.
func (s *server) waiting(c *fiber.Ctx, err error, names ...string) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	for _, name := range names {
		if since, ok := s.Engine.Fetching(name); ok {
			p := s.page(c, "Reading the list of "+name, "One moment.")
			c.Set("HX-Retarget", "body")
			c.Set("HX-Reswap", "innerHTML")
			return write(c.Status(http.StatusOK), views.WaitPage(p, name, int(since.Seconds())))
		}
	}
	return err
}

// failPage answers with what an error looks like to people: in the flash region if a part was asked for, else as a page.
func (s *server) failPage(c *fiber.Ctx, status int, id, text string) error {
	wait, _ := strconv.Atoi(string(c.Response().Header.Peek(fiber.HeaderRetryAfter)))
	if isPartial(c) {
		c.Set("HX-Retarget", "#flash")
		c.Set("HX-Reswap", "innerHTML")
		c.Set("HX-Push-Url", "false")
		if id == idLimited {
			return write(c.Status(status), views.FlashLimited(text, wait))
		}
		return write(c.Status(status), views.FlashText(text))
	}
	v := views.ErrorView{Status: status, Title: http.StatusText(status), Text: text, Name: param(c, "username")}
	v.Request, _ = c.Locals(requestID{}).(string)
	switch id {
	case "UserNotFound":
		v.Kind, v.Title = "unknown", "Nobody of that name"
		if other := param(c, "other"); other != "" {
			if _, known := s.Engine.Known(c.UserContext(), v.Name); known {
				v.Name = other
			}
		}
		v.Text = "MyAnimeList has no user “" + v.Name + "”, or has not told us of one. Who asked to be left out is not found here either."
		if !s.Upstream {
			v.Kind = "unasked"
			v.Text = "There is no user “" + v.Name + "” here, and this Reko does not ask MyAnimeList."
		}
		v.Near = s.Engine.NamesLike(v.Name, 6)
	case "PrivateUserList":
		v.Kind, v.Title = "private", "This list is private"
		v.Text = "MyAnimeList shows it to nobody else, so Reko cannot read it either."
	case "EmptyUserList":
		v.Kind, v.Title = "empty", "Nothing watched yet"
	case "HashFailed":
		v.Title = "No taste to go by yet"
		v.Text = "Reko does not know the anime watched on this list well enough yet, so there is nothing to compare."
	case "UpstreamFailed", "UpstreamTimeout":
		v.Title, v.Retry = "MyAnimeList does not answer", wait
		v.Text = "We could not read that list, and have no older copy of it. This usually passes within minutes."
	case idLimited:
		v.Kind, v.Title, v.Retry = "limited", "One thing at a time", wait
	default:
		switch status {
		case http.StatusNotFound:
			v.Kind, v.Title, v.Text = "notfound", "There is nothing here", "The address may be mistyped, or what it led to is gone."
		case http.StatusBadRequest:
			v.Kind, v.Title = "invalid", "That makes no sense here"
		case http.StatusInternalServerError:
			v.Title = "Something went wrong here"
		}
	}
	if by(c).Admin != "" {
		return s.failAdmin(c, v)
	}
	p := s.page(c, v.Title, v.Text)
	if name, _ := engine.CanonicalName(v.Name); id == "UserNotFound" && p.Name != "" && p.Name == name {
		s.setCookie(c, nameCookie, "") // who was looked up by a name that is nobody's is not called so
		p.Name = ""
	}
	switch {
	case c.Method() == http.MethodPost && c.Path() == uploadPath:
		p.Path = uploadPath
	case c.Method() == http.MethodPost && c.Path() == loginPath:
		p.Path = loginFor(c.FormValue("next"))
	case c.Method() == http.MethodPost:
		p.Path = localPath(c.FormValue("back"))
	case !strings.HasPrefix(p.Path, "/") || c.Method() != http.MethodGet:
		p.Path = "/"
	case id == idLimited:
		p.Again = wait // what was only looked at comes by itself
	}
	return write(c.Status(status), views.ErrorPage(p, v))
}
