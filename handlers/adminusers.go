package handlers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/views"
)

const usersPath = "/admin/users"

// longestQuery bounds what is searched for.
const longestQuery = 100

// query is what is searched for.
func query(c *fiber.Ctx) string {
	q := strings.TrimSpace(c.Query("q"))
	return strings.ToValidUTF8(q[:min(len(q), longestQuery)], "")
}

// usersPage finds users.
func (s *server) usersPage(c *fiber.Ctx) error {
	page, err := whole(c, "page")
	if err != nil {
		return err
	}
	v := views.UsersView{Query: query(c), Refresh: s.Upstream}
	if v.Users, v.Page, err = s.Engine.FindUsers(c.UserContext(), v.Query, page); err != nil {
		return err
	}
	p, err := s.adminPage(c, usersPath, "Users")
	if err != nil {
		return err
	}
	return write(c, views.UsersPage(p, v))
}

// refreshUser fetches a user's list, whenever that was done last. It leaves time to say that MyAnimeList takes too long.
func (s *server) refreshUser(c *fiber.Ctx) error {
	known, err := s.Engine.Stored(c.UserContext(), param(c, "username"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), s.Timeout/2)
	defer cancel()
	u, err := s.Engine.FetchNow(ctx, known.Name)
	to := backTo(c, usersPath)
	switch {
	case errors.Is(err, engine.ErrInvalid):
		return s.say(c, to, "The list of "+known.Name+" does not come from MyAnimeList, so it cannot be fetched.")
	case errors.Is(err, engine.ErrStore):
		return err
	case err != nil:
		return s.did(c, "failed to fetch the list of", known.Name, to,
			fmt.Sprintf("The list of %s could not be fetched: %s", known.Name, textOf(err)))
	}
	return s.did(c, "fetched the list of", u.Name, to, fmt.Sprintf("The list of %s was fetched: %d entries.", u.Name, u.List.Len()))
}

// textOf is what people are told about a failure.
func textOf(err error) string {
	for _, f := range failures {
		if errors.Is(err, f.err) {
			return f.text
		}
	}
	return "Something went wrong here."
}

// deleteUser deletes a user's list.
func (s *server) deleteUser(c *fiber.Ctx) error {
	name := param(c, "username")
	if err := s.Engine.Remove(c.UserContext(), name); err != nil {
		return err
	}
	return s.did(c, "deleted the list of", strings.ToLower(name), backTo(c, usersPath), "The list of "+name+" was deleted.")
}

// backTo is where on the admin side a form came from, or otherwise a page there.
func backTo(c *fiber.Ctx, otherwise string) string {
	if to := localAdminPath(c.FormValue("back")); to != adminPath {
		return to
	}
	return otherwise
}
