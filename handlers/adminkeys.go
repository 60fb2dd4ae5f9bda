package handlers

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
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
	v.Once = rand.Text()
	p, err := s.adminPage(c, keysPath, "Keys")
	if err != nil {
		return err
	}
	return write(c, views.KeysPage(p, v))
}

// addKey makes a key and shows it in the answer itself: nowhere else it is kept. A form makes one key, however often it is sent.
func (s *server) addKey(c *fiber.Ctx) error {
	name, once := c.FormValue("name"), posted(c, "once")
	if once == "" {
		return errForm
	}
	shown, k, err := s.Engine.AddKeyOf(c.UserContext(), name, s.keySecret(c.Cookies(s.adminCookie()), once))
	switch {
	case errors.Is(err, engine.ErrInvalid):
		c.Status(http.StatusUnprocessableEntity)
		return s.writeKeys(c, views.KeysView{Name: name, Wrong: reason(err)})
	case errors.Is(err, engine.ErrExists):
		return s.say(c, keysPath, "That form has made its key, and makes no second one. The key cannot be shown again: if nobody copied it, revoke it and make another.")
	case err != nil:
		return err
	}
	if err := s.note(c, "made the key", fmt.Sprintf("%d of %s", k.ID, k.Name)); err != nil {
		return errors.Join(err, s.Engine.RevokeKey(c.UserContext(), k.ID)) // nobody has seen it
	}
	return s.writeKeys(c, views.KeysView{Made: shown, For: k.Name})
}

// keySecret is the secret of the key that a form makes: the same each time that it is sent. session is what the browser has of its session,
// once what the form has. Neither is stored, and without both nobody can make it again, not even with the server's secret.
func (s *server) keySecret(session, once string) engine.KeySecret {
	mac := hmac.New(sha256.New, s.Secret)
	mac.Write([]byte("key of a form\x00" + session + "\x00" + once))
	return engine.KeySecret(mac.Sum(nil))
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
