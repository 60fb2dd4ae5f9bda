package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/views"
)

// adminPath is where the admin side begins, loginPath where one gets in.
const (
	adminPath = "/admin"
	loginPath = "/admin/login"
)

// adminRoutes are all routes below /admin. What is sent there by other methods than GET has passed [server.adminOnly]: it is an
// admin's, and has the token of the session.
func (s *server) adminRoutes(app *fiber.App) {
	admin := app.Group(adminPath, s.adminOnly)
	admin.Get("/login", s.loginPage)
	admin.Post("/login", s.logIn)
	admin.Post("/logout", s.logOut)
	admin.Get("/", s.overviewPage)
	admin.Get("/jobs", s.jobsPage)
	admin.Get("/jobs/:name", s.jobPage)
	admin.Post("/jobs/:name/run", s.runJob)
	admin.Get("/users", s.usersPage)
	admin.Get("/users/:username", s.portraitPage)
	admin.Post("/users/:username/refresh", s.refreshUser)
	admin.Post("/users/:username/delete", s.deleteUser)
	admin.Get("/kept-out", s.keptOutPage)
	admin.Post("/kept-out", s.keepOut)
	admin.Post("/kept-out/let-in", s.letIn)
	admin.Get("/anime", s.animePage)
	admin.Post("/anime/:id/exclude", s.excludeAnime)
	admin.Post("/anime/:id/include", s.includeAnime)
	admin.Get("/keys", s.keysPage)
	admin.Post("/keys", s.addKey)
	admin.Post("/keys/:id/revoke", s.revokeKey)
	admin.Get("/admins", s.adminsPage)
	admin.Post("/admins", s.addAdmin)
	admin.Post("/admins/:name/password", s.changePassword)
	admin.Post("/admins/:name/remove", s.removeAdmin)
	admin.Get("/log", s.logPage)
}

// errForm says that a form has not the token that it should have.
var errForm = errors.New("form without the token of its session")

// login is who sent a request, in the locals of the request.
type login struct {
	engine.AdminSession
	token string // of the session
}

// loginKey is where it stands there.
type loginKey struct{}

// by returns who sent a request that passed [server.adminOnly].
func by(c *fiber.Ctx) login {
	l, _ := c.Locals(loginKey{}).(login)
	return l
}

// adminOnly lets admins through. Others are sent to the login, and back after it. A form has to have the token of the session.
func (s *server) adminOnly(c *fiber.Ctx) error {
	path := strings.TrimSuffix(c.Path(), "/")
	if path != adminPath && !strings.HasPrefix(path, adminPath+"/") {
		return c.Next() // Fiber compares the beginning only
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	if path == loginPath {
		return c.Next()
	}
	id := c.Cookies(s.adminCookie())
	// What a page asks for by itself keeps nobody logged in.
	session, err := s.Engine.AdminSession(c.UserContext(), id, !isPartial(c))
	if errors.Is(err, engine.ErrUnauthorized) {
		return s.toLogin(c, path)
	}
	if err != nil {
		return err
	}
	l := login{session, s.formToken(id)}
	if !reads(c) && !sameToken(posted(c, "token"), l.token) {
		return errForm
	}
	c.Locals(loginKey{}, l)
	return c.Next()
}

// posted is a field of the form that a request has as its body. What stands in an address, and so in histories and logs of proxies, is
// not looked at.
func posted(c *fiber.Ctx, field string) string { return string(c.Request().PostArgs().Peek(field)) }

// reads tells whether a request changes nothing.
func reads(c *fiber.Ctx) bool { return c.Method() == http.MethodGet || c.Method() == http.MethodHead }

// toLogin sends somebody who is not logged in to the login. path is the request's.
func (s *server) toLogin(c *fiber.Ctx, path string) error {
	next := c.OriginalURL()
	if !reads(c) { // there is nothing to come back to but the part of the admin side
		part, _, _ := strings.Cut(strings.TrimPrefix(path, adminPath+"/"), "/")
		next = adminPath + "/" + part
	}
	if isPartial(c) {
		if u, err := url.Parse(c.Get("HX-Current-URL")); err == nil && u.Path != "" {
			next = u.RequestURI()
		}
		c.Set("HX-Redirect", loginFor(next))
		return c.Status(http.StatusUnauthorized).SendString("Log in first")
	}
	if path == adminPath {
		admins, err := s.Engine.Admins(c.UserContext())
		if err != nil {
			return err
		}
		if len(admins) == 0 {
			return write(c, views.FirstAdminPage(s.page(c, "Admin", "There is no admin yet.")))
		}
	}
	return c.Redirect(loginFor(next), http.StatusSeeOther)
}

// loginFor is the address of the login, after which one comes to next.
func loginFor(next string) string {
	if next = localAdminPath(next); next == adminPath {
		return loginPath
	}
	return loginPath + "?next=" + url.QueryEscape(next)
}

// localAdminPath returns a path of the admin side with its query, its first page if path is none or is the login's.
func localAdminPath(path string) string {
	path = localPath(path)
	bare, _, _ := strings.Cut(path, "?")
	bare = strings.TrimSuffix(bare, "/")
	if bare == adminPath && strings.Contains(path, "?") {
		return path
	}
	if !strings.HasPrefix(bare, adminPath+"/") || bare == loginPath || bare == "/admin/logout" {
		return adminPath
	}
	return path
}

// adminPage makes what the frame of a page of the admin side needs. What there is to say once is said on it.
func (s *server) adminPage(c *fiber.Ctx, part, title string) (views.AdminPage, error) {
	l := by(c)
	p := views.AdminPage{Page: s.page(c, title, "The admin side."), Admin: l.Admin, Token: l.token, Here: part, Now: time.Now()}
	p.PublicURL = "" // nothing to share
	if !reads(c) {
		p.Path = part
	}
	if l.Said != "" && !isPartial(c) {
		p.Flash = l.Said
		if err := s.Engine.Say(c.UserContext(), l.AdminSession, ""); err != nil {
			return p, err
		}
	}
	return p, nil
}

// failAdmin is failPage on the admin side, for who is logged in.
func (s *server) failAdmin(c *fiber.Ctx, v views.ErrorView) error {
	part, _, _ := strings.Cut(strings.TrimPrefix(c.Path(), adminPath+"/"), "/")
	p, err := s.adminPage(c, adminPath+"/"+part, v.Title)
	if err != nil {
		s.Log.ErrorContext(c.UserContext(), "what was to be said once", "err", err)
	}
	if v.Name != "" && v.Status == http.StatusNotFound {
		v.Text = "There is no list of “" + v.Name + "” here. It may have been deleted, or was never asked for."
	}
	return write(c.Status(v.Status), views.AdminErrorPage(p, v))
}

// did notes what the admin did, and leads to a page which says it.
func (s *server) did(c *fiber.Ctx, what, on, to, say string) error {
	if err := s.note(c, what, on); err != nil {
		return err
	}
	return s.say(c, to, say)
}

// note notes what the admin did.
func (s *server) note(c *fiber.Ctx, what, on string) error {
	return s.Engine.Note(c.UserContext(), engine.Action{Admin: by(c).Admin, What: what, On: on, From: s.client(c.Context()).String()})
}

// say leads to a page which says something.
func (s *server) say(c *fiber.Ctx, to, text string) error {
	if err := s.Engine.Say(c.UserContext(), by(c).AdminSession, text); err != nil {
		return err
	}
	return c.Redirect(to, http.StatusSeeOther)
}

// logPage is what admins did.
func (s *server) logPage(c *fiber.Ctx) error {
	page, err := whole(c, "page")
	if err != nil {
		return err
	}
	var v views.LogView
	if v.Actions, v.Page, err = s.Engine.Actions(c.UserContext(), page); err != nil {
		return err
	}
	p, err := s.adminPage(c, "/admin/log", "Log")
	if err != nil {
		return err
	}
	return write(c, views.LogPage(p, v))
}
