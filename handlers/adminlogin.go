package handlers

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"reko.moe/engine"
	"reko.moe/handlers/limit"
	"reko.moe/views"
)

// adminCookie is the name of the cookie with an admin's session.
func (s *server) adminCookie() string { return cookieName("admin", s.secure()) }

// setAdminCookie lets a browser have a session for as long as it runs, or forget it. It is sent along by links from
// elsewhere, which show a page and change nothing.
func (s *server) setAdminCookie(c *fiber.Ctx, id string) {
	cookie := &fiber.Cookie{
		Name: s.adminCookie(), Value: id, Path: "/", HTTPOnly: true, Secure: s.secure(), SameSite: fiber.CookieSameSiteLaxMode,
	}
	if id == "" {
		cookie.Expires = fasthttp.CookieExpireDelete
	} else {
		cookie.SessionOnly = true
	}
	c.Cookie(cookie)
}

// formToken is what forms have to send for the session of which a browser has id. Only who knows the server's secret can tell
// it from the id.
func (s *server) formToken(id string) string {
	mac := hmac.New(sha256.New, s.Secret)
	mac.Write([]byte("form of the admin side\x00" + id))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func sameToken(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// loginPage asks for name and password. A browser that has no session gets one that is nobody's, so that the form has a token
// too; the login replaces it.
func (s *server) loginPage(c *fiber.Ctx) error {
	next := localAdminPath(c.Query("next"))
	id := c.Cookies(s.adminCookie())
	_, err := s.Engine.AdminSession(c.UserContext(), id, true)
	if err == nil {
		return c.Redirect(next, http.StatusSeeOther)
	}
	if !errors.Is(err, engine.ErrUnauthorized) {
		return err
	}
	admins, err := s.Engine.Admins(c.UserContext())
	if err != nil {
		return err
	}
	if len(admins) == 0 {
		return c.Redirect(adminPath, http.StatusSeeOther)
	}
	if raw, err := base64.RawURLEncoding.DecodeString(id); err != nil || len(raw) != 32 {
		var nobodys [32]byte
		_, _ = rand.Read(nobodys[:]) // never fails
		id = base64.RawURLEncoding.EncodeToString(nobodys[:])
		s.setAdminCookie(c, id)
	}
	return s.writeLogin(c, views.LoginView{Token: s.formToken(id), Next: next})
}

func (s *server) writeLogin(c *fiber.Ctx, v views.LoginView) error {
	p := s.page(c, "Log in", "For who runs the site.")
	p.Path, p.PublicURL = loginFor(v.Next), ""
	return write(c, views.LoginPage(p, v))
}

// logIn begins a session, under a new id.
func (s *server) logIn(c *fiber.Ctx) error {
	old := c.Cookies(s.adminCookie())
	token := s.formToken(old)
	if old == "" || !sameToken(posted(c, "token"), token) {
		return errForm
	}
	if err := s.spend(c, limit.Logins); err != nil {
		return err
	}
	v := views.LoginView{Token: token, Next: localAdminPath(c.FormValue("next")), Name: posted(c, "admin")}
	id, err := s.Engine.LogIn(c.UserContext(), v.Name, posted(c, "password"), s.client(c.Context()).String())
	var soon engine.TooSoon
	switch {
	case errors.As(err, &soon):
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(seconds(soon.Wait)))
		c.Status(http.StatusTooManyRequests)
		v.Wrong = "Too many logins failed. Try again in " + longer(soon.Wait) + "."
		return s.writeLogin(c, v)
	case errors.Is(err, engine.ErrUnauthorized):
		c.Status(http.StatusUnauthorized)
		v.Wrong = "That name and password do not go together."
		return s.writeLogin(c, v)
	case err != nil:
		return err
	}
	if session, err := s.Engine.AdminSession(c.UserContext(), old, false); err == nil {
		if err := s.Engine.LogOut(c.UserContext(), session); err != nil {
			return err
		}
	}
	s.setAdminCookie(c, id)
	return c.Redirect(v.Next, http.StatusSeeOther)
}

// longer says how long to wait, in words and rather too long.
func longer(d time.Duration) string {
	n, unit := seconds(d), "second"
	if n > 90 {
		n, unit = int(math.Ceil(d.Minutes())), "minute"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}

// logOut ends the session.
func (s *server) logOut(c *fiber.Ctx) error {
	if err := s.Engine.LogOut(c.UserContext(), by(c).AdminSession); err != nil {
		return err
	}
	if err := s.note(c, "logged out", ""); err != nil {
		return err
	}
	s.setAdminCookie(c, "")
	return c.Redirect(loginPath, http.StatusSeeOther)
}
