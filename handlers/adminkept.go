package handlers

import (
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/views"
)

const keptOutPath = "/admin/kept-out"

// keptOutPage shows how many are kept out, and asks for a name.
func (s *server) keptOutPage(c *fiber.Ctx) error {
	return s.writeKeptOut(c, views.KeptOutView{Name: c.Query("name")})
}

func (s *server) writeKeptOut(c *fiber.Ctx, v views.KeptOutView) error {
	var err error
	if v.Kept, err = s.Engine.KeptOut(c.UserContext()); err != nil {
		return err
	}
	if _, ok := engine.CanonicalName(v.Name); !ok && v.Wrong == "" {
		v.Name = ""
	}
	p, err := s.adminPage(c, usersPath, "Kept out")
	if err != nil {
		return err
	}
	return write(c, views.KeptOutPage(p, v))
}

// keepOut deletes the list of somebody and keeps the name out. Neither the log nor what is said has the name.
func (s *server) keepOut(c *fiber.Ctx) error {
	name := posted(c, "name")
	hash, err := s.Engine.KeepOut(c.UserContext(), name)
	if errors.Is(err, engine.ErrInvalid) {
		c.Status(http.StatusUnprocessableEntity)
		return s.writeKeptOut(c, views.KeptOutView{Name: name, Wrong: "Nobody can be called so."})
	}
	if err != nil {
		return err
	}
	return s.did(c, "kept out", hash.String(), keptOutPath, "Done: the list is deleted if there was one, and the name is kept out. It stands as "+hash.String()+" below.")
}

// letIn lets somebody who was kept out be asked for again.
func (s *server) letIn(c *fiber.Ctx) error {
	name := posted(c, "name")
	hash, err := s.Engine.LetIn(c.UserContext(), name)
	if errors.Is(err, engine.ErrNotFound) {
		c.Status(http.StatusUnprocessableEntity)
		return s.writeKeptOut(c, views.KeptOutView{Name: name, Wrong: "That name is not kept out."})
	}
	if err != nil {
		return err
	}
	return s.did(c, "let in again", hash.String(), keptOutPath, "Done: "+hash.String()+" is not kept out any more.")
}
