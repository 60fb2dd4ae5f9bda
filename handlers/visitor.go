package handlers

import (
	"bytes"
	"crypto/rand"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"reko.moe/engine"
	"reko.moe/views"
)

// sessionFor is how long a browser is remembered after its last change.
const sessionFor = 365 * 24 * time.Hour

// mostKept bounds what a visitor can save or hide; the oldest go first.
const mostKept = 1000

// visitor is what the site remembers of a browser that saved, hid or uploaded something.
type visitor struct {
	Saved  []engine.AnimeID `json:"saved,omitempty"`  // the last first
	Hidden []engine.AnimeID `json:"hidden,omitempty"` // the last first

	Uploads []string `json:"uploads,omitempty"` // names of the lists, the last first
}

// sessionCookie is the name of the cookie with a visitor's session.
const sessionCookie = "session"

// Sessions keep what is remembered of browsers. They are safe for concurrent use.
type Sessions interface {
	// Get returns what is kept under a key, nil if nothing is.
	Get(key string) ([]byte, error)
	// Swap keeps a value for a while in place of old, which is nil where there is none. If something else is there by now, it changes
	// nothing and returns false.
	Swap(key string, old, value []byte, keep time.Duration) (bool, error)
}

// session is what is remembered of a request's browser, and where and as what that is kept: the key is empty if there is none to go on with.
type session struct {
	visitor
	key  string
	kept []byte
}

// visitorKey is where the visitor stands in the locals of a request.
const visitorKey = "visitor"

// visitor returns what is remembered of the request's browser. A session that cannot be read is as none, and for a request that no limit
// let through, such as one for a file that is not there, the store is not asked.
func (s *server) visitor(c *fiber.Ctx) visitor {
	if v, ok := c.Locals(visitorKey).(visitor); ok {
		return v
	}
	var v visitor
	if c.Locals(countedKey{}) != nil {
		k, err := s.remembered(c)
		if err != nil {
			s.Log.WarnContext(c.UserContext(), "session", "err", err)
		}
		v = k.visitor
	}
	c.Locals(visitorKey, v)
	return v
}

// remembered is what is remembered of the request's browser.
func (s *server) remembered(c *fiber.Ctx) (session, error) {
	id := s.cookie(c, sessionCookie)
	old := ""
	if id == "" {
		old = c.Cookies(sessionCookie) // of before the site was reached by https only
	}
	key := id + old
	if key == "" {
		return session{}, nil
	}
	kept, err := s.Sessions.Get(key)
	if err != nil || kept == nil {
		return session{}, err
	}
	k := session{key: id, kept: kept}
	if old != "" {
		k.kept = nil // it moves to a key that was never sent by http
	}
	k.visitor, err = decodeVisitor(kept)
	return k, err
}

// decodeVisitor reads what is kept of a visitor.
func decodeVisitor(kept []byte) (v visitor, err error) {
	if !bytes.HasPrefix(kept, []byte("{")) { // as it was kept at first: in a map
		var values map[string]any
		if err := gob.NewDecoder(bytes.NewReader(kept)).Decode(&values); err != nil {
			return v, err
		}
		text, _ := values[visitorKey].(string)
		kept = []byte(text)
	}
	return v, json.Unmarshal(kept, &v)
}

// swapFor is how long a change is tried again that others come between.
const swapFor = time.Second

// remember changes what is remembered of the request's browser, which may ask for several changes at once: change is called again when
// another came between. Most often the store is looked at once, as that takes its time when it is slow.
func (s *server) remember(c *fiber.Ctx, change func(*visitor)) error {
	begin := time.Now()
	for {
		k, err := s.remembered(c) // not s.visitor, which knows nothing when the store fails: nothing would be all that is kept
		if err != nil {
			c.Locals(visitorKey, visitor{}) // to say so takes no look at the store
			return err
		}
		if k.key == "" {
			k.key = rand.Text()
		}
		change(&k.visitor)
		text, err := json.Marshal(k.visitor)
		if err != nil {
			return err
		}
		done, err := s.Sessions.Swap(k.key, k.kept, text, sessionFor)
		if err == nil && !done && time.Since(begin) < swapFor {
			continue
		}
		c.Locals(visitorKey, k.visitor)
		if err != nil {
			return err
		}
		if !done {
			return fmt.Errorf("session: others change it again and again: %w", engine.ErrStoreDown)
		}
		s.setCookie(c, sessionCookie, k.key)
		if s.secure() && c.Cookies(sessionCookie) != "" {
			c.Cookie(&fiber.Cookie{Name: sessionCookie, Path: "/", Expires: fasthttp.CookieExpireDelete, HTTPOnly: true, Secure: true, SameSite: fiber.CookieSameSiteLaxMode})
		}
		return nil
	}
}

// put returns ids with id in front, or without it.
func put(ids []engine.AnimeID, id engine.AnimeID, in bool) []engine.AnimeID {
	ids = slices.DeleteFunc(ids, func(other engine.AnimeID) bool { return other == id })
	if in {
		ids = slices.Insert(ids, 0, id)
	}
	return ids[:min(len(ids), mostKept)]
}

func (s *server) save(c *fiber.Ctx) error   { return s.keep(c, true) }
func (s *server) unsave(c *fiber.Ctx) error { return s.keep(c, false) }

// keep saves an anime, or takes it out. htmx gets the form that does the opposite, and the
// number of all.
func (s *server) keep(c *fiber.Ctx, in bool) error {
	anime, err := s.formAnime(c)
	if err != nil {
		return err
	}
	if err := s.remember(c, func(v *visitor) { v.Saved = put(v.Saved, anime.ID, in) }); err != nil {
		return err
	}
	if isPartial(c) {
		form := views.SaveForm(anime.ID, anime.Title, in, localPath(c.FormValue("back")))
		return write(c, templ.Join(form, views.SavedCount(len(s.visitor(c).Saved), true)))
	}
	return back(c)
}

// hide keeps an anime out of what the visitor is recommended.
func (s *server) hide(c *fiber.Ctx) error {
	anime, err := s.formAnime(c)
	if err != nil {
		return err
	}
	if err := s.remember(c, func(v *visitor) { v.Hidden = put(v.Hidden, anime.ID, true) }); err != nil {
		return err
	}
	if isPartial(c) {
		path, _, _ := strings.Cut(localPath(c.FormValue("back")), "#")
		return write(c, views.Hidden(anime, path))
	}
	return back(c)
}

// unhide shows an anime that was hidden again; all of them when none is named.
func (s *server) unhide(c *fiber.Ctx) error {
	show := func(v *visitor) { v.Hidden = nil }
	if c.FormValue("id") != "" {
		anime, err := s.formAnime(c)
		if err != nil {
			return err
		}
		show = func(v *visitor) { v.Hidden = put(v.Hidden, anime.ID, false) }
	}
	if err := s.remember(c, show); err != nil {
		return err
	}
	return back(c)
}

// formAnime is the anime whose id a form sent.
func (s *server) formAnime(c *fiber.Ctx) (*engine.Anime, error) {
	text := c.FormValue("id")
	id, err := parseID(text)
	if err != nil {
		return nil, invalid{"id", text, "the id of an anime"}
	}
	anime := s.Engine.AnimeByID([]engine.AnimeID{id})
	if len(anime) == 0 {
		return nil, invalid{"id", text, "the id of an anime that is known here"}
	}
	return anime[0], nil
}

func (s *server) savedPage(c *fiber.Ctx) error {
	p := s.page(c, "Saved", "Anime that you saved.")
	return write(c, views.SavedPage(p, s.Engine.AnimeByID(s.visitor(c).Saved)))
}

// theme remembers dark or light.
func (s *server) theme(c *fiber.Ctx) error {
	theme := c.FormValue("theme")
	if theme != "light" && theme != "dark" {
		return invalid{"theme", theme, "light or dark"}
	}
	s.setCookie(c, themeCookie, theme)
	return back(c)
}

// forget forgets the visitor's name.
func (s *server) forget(c *fiber.Ctx) error {
	s.setCookie(c, nameCookie, "")
	return c.Redirect("/", http.StatusSeeOther)
}

// lookUp leads to the page of the user whose name was typed, and remembers it.
func (s *server) lookUp(c *fiber.Ctx) error {
	name := strings.TrimSpace(c.Query("name"))
	if canonical, ok := engine.CanonicalName(name); ok {
		name = canonical
		s.setCookie(c, nameCookie, name)
	}
	if name == "" {
		return c.Redirect("/", http.StatusSeeOther)
	}
	return c.Redirect("/u/"+url.PathEscape(name), http.StatusSeeOther)
}

// setCookie remembers a choice for a year; an empty value forgets it.
func (s *server) setCookie(c *fiber.Ctx, name, value string) {
	cookie := &fiber.Cookie{Name: cookieName(name, s.secure()), Value: value, Path: "/", HTTPOnly: true, Secure: s.secure(), SameSite: fiber.CookieSameSiteLaxMode}
	if value == "" {
		cookie.Expires = fasthttp.CookieExpireDelete // a Max-Age below 0 would not be sent
	} else {
		cookie.MaxAge = int(sessionFor.Seconds())
	}
	c.Cookie(cookie)
}

// cookieName is what a cookie is called. Where the site is reached by https only, its name has browsers take it from this host alone:
// neither plain http nor a neighbour below the same domain can set it.
func cookieName(name string, secure bool) string {
	if secure {
		return "__Host-" + name
	}
	return name
}

// cookie is the value of one of our cookies.
func (s *server) cookie(c *fiber.Ctx, name string) string {
	return c.Cookies(cookieName(name, s.secure()))
}

// secure tells whether the site is reached by https only.
func (s *server) secure() bool { return strings.HasPrefix(s.PublicURL, "https:") }

// back leads to where a form came from.
func back(c *fiber.Ctx) error { return c.Redirect(localPath(c.FormValue("back")), http.StatusSeeOther) }

// localPath returns a path of this site, the first page if path is none. It becomes a header, so it has nothing but what addresses consist
// of: url.Parse lets anything stand behind a #.
func localPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") ||
		strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }) {
		return "/"
	}
	return path
}

// sameSite refuses changes that another site's page asks for, by what browsers say of where a request comes from.
func sameSite(c *fiber.Ctx) error {
	if m := c.Method(); m == http.MethodGet || m == http.MethodHead || m == http.MethodOptions {
		return c.Next()
	}
	switch c.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return c.Next()
	case "":
		origin := c.Get(fiber.HeaderOrigin)
		if u, err := url.Parse(origin); origin == "" || err == nil && strings.EqualFold(u.Host, string(c.Request().Host())) {
			return c.Next()
		}
	}
	return fiber.NewError(http.StatusForbidden)
}
