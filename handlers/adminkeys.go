package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/views"
)

const keysPath = "/admin/keys"

func (s *server) keysPage(c *fiber.Ctx) error { return s.writeKeys(c, views.KeysView{}) }

// writeKeys answers with the page of keys, the newest first.
func (s *server) writeKeys(c *fiber.Ctx, v views.KeysView) error {
	var err error
	if v.Keys, err = s.Engine.Keys(c.UserContext()); err != nil {
		return err
	}
	slices.Reverse(v.Keys)
	p, err := s.adminPage(c, keysPath, "Keys")
	if err != nil {
		return err
	}
	return write(c, views.KeysPage(p, v))
}

// addKey makes a key and shows it in the answer itself: nowhere else it is kept.
func (s *server) addKey(c *fiber.Ctx) error {
	name := c.FormValue("name")
	shown, k, err := s.Engine.AddKey(c.UserContext(), name)
	if errors.Is(err, engine.ErrInvalid) {
		c.Status(http.StatusUnprocessableEntity)
		return s.writeKeys(c, views.KeysView{Name: name, Wrong: reason(err)})
	}
	if err != nil {
		return err
	}
	if err := s.note(c, "made the key", fmt.Sprintf("%d of %s", k.ID, k.Name)); err != nil {
		return errors.Join(err, s.Engine.RevokeKey(c.UserContext(), k.ID)) // nobody has seen it
	}
	return s.writeKeys(c, views.KeysView{Made: shown, For: k.Name})
}

// revokeKey makes a key invalid, everywhere and at once.
func (s *server) revokeKey(c *fiber.Ctx) error {
	id, err := strconv.ParseInt(param(c, "id"), 10, 64)
	if err != nil {
		return fiber.ErrNotFound
	}
	keys, err := s.Engine.Keys(c.UserContext())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(keys, func(k engine.Key) bool { return k.ID == id })
	if i < 0 {
		return fiber.ErrNotFound
	}
	if err := s.Engine.RevokeKey(c.UserContext(), id); err != nil {
		return err
	}
	return s.did(c, "revoked the key", fmt.Sprintf("%d of %s", id, keys[i].Name), keysPath, "The key of "+keys[i].Name+" is revoked.")
}
