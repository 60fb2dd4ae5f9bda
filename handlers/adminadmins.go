package handlers

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/handlers/limit"
	"reko.moe/views"
)

const adminsPath = "/admin/admins"

func (s *server) adminsPage(c *fiber.Ctx) error { return s.writeAdmins(c, views.AdminsView{}) }

func (s *server) writeAdmins(c *fiber.Ctx, v views.AdminsView) error {
	var err error
	if v.Admins, err = s.Engine.Admins(c.UserContext()); err != nil {
		return err
	}
	p, err := s.adminPage(c, adminsPath, "Admins")
	if err != nil {
		return err
	}
	return write(c, views.AdminsPage(p, v))
}

// refuseAdmin shows the page again, with what is wrong.
func (s *server) refuseAdmin(c *fiber.Ctx, name, why string) error {
	c.Status(http.StatusUnprocessableEntity)
	return s.writeAdmins(c, views.AdminsView{Name: name, Wrong: why})
}

// reason is what an invalid parameter is refused for, as a sentence.
func reason(err error) string {
	return sentence(strings.TrimSuffix(err.Error(), ": "+engine.ErrInvalid.Error()))
}

// addAdmin makes an admin who is not there yet.
func (s *server) addAdmin(c *fiber.Ctx) error {
	name, _ := engine.AdminName(posted(c, "admin"))
	return s.setPassword(c, s.Engine.AddAdmin, name, name, "added the admin", name+" can log in now.")
}

// changePassword sets the password of an admin who is there.
func (s *server) changePassword(c *fiber.Ctx) error {
	name, _ := engine.AdminName(param(c, "name"))
	return s.setPassword(c, s.Engine.ChangePassword, name, "", "set the password of", name+" has a new password, and has to log in again.")
}

// setPassword sets the password that a form has twice, once whoever sent it has typed a password of their own, which a session that was found
// does not tell. typed is what the form for new admins shows again if it will not do.
func (s *server) setPassword(c *fiber.Ctx, set func(_ context.Context, name, password string) error, name, typed, what, say string) error {
	password := posted(c, "password")
	if password != posted(c, "again") {
		return s.refuseAdmin(c, typed, "These are two different passwords.")
	}
	if err := s.spend(c, limit.Logins); err != nil {
		return err
	}
	var soon engine.TooSoon
	switch err := s.Engine.Confirm(c.UserContext(), by(c).AdminSession, posted(c, "own"), s.client(c.Context()).String()); {
	case errors.As(err, &soon):
		return s.refuseAdmin(c, typed, "Too many passwords were wrong. Try again in "+longer(soon.Wait)+".")
	case errors.Is(err, engine.ErrUnauthorized):
		return s.refuseAdmin(c, typed, "Your own password is another one.")
	case err != nil:
		return err
	}
	switch err := set(c.UserContext(), name, password); {
	case errors.Is(err, engine.ErrInvalid):
		return s.refuseAdmin(c, typed, reason(err))
	case errors.Is(err, engine.ErrExists):
		return s.refuseAdmin(c, typed, "There is an admin of that name.")
	case errors.Is(err, engine.ErrNotFound):
		return fiber.ErrNotFound
	case err != nil:
		return err
	}
	return s.did(c, what, name, adminsPath, say)
}

// removeAdmin removes an admin, but not the last one.
func (s *server) removeAdmin(c *fiber.Ctx) error {
	name := param(c, "name")
	switch err := s.Engine.RemoveAdmin(c.UserContext(), name); {
	case errors.Is(err, engine.ErrLastAdmin):
		return s.refuseAdmin(c, "", "The last admin stays. Add another one first.")
	case errors.Is(err, engine.ErrNotFound):
		return fiber.ErrNotFound
	case err != nil:
		return err
	}
	return s.did(c, "removed the admin", name, adminsPath, name+" is no admin any more.")
}
