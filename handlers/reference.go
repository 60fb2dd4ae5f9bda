package handlers

import (
	"context"
	"strings"
	"sync"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"reko.moe/handlers/api"
	"reko.moe/views"
	"reko.moe/views/reference"
)

// referenceContent draws the OpenAPI document, once: it is a part of the program.
var referenceContent = sync.OnceValues(func() (string, error) {
	r, err := reference.Read(api.OpenAPI)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = views.ReferenceContent(r).Render(context.Background(), &b)
	return b.String(), err
})

// referencePage shows all that the OpenAPI document says.
func (s *server) referencePage(c *fiber.Ctx) error {
	content, err := referenceContent()
	if err != nil {
		return err
	}
	p := s.page(c, "API reference", "Every path of the API with its parameters, answers, errors and schemas.")
	p.Index = true
	return write(c, views.ReferencePage(p, strings.ReplaceAll(content, views.ReferenceBase, templ.EscapeString(s.base(c)))))
}

// base is the address under which the server was asked, without a slash at its end.
func (s *server) base(c *fiber.Ctx) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	if c.Secure() {
		return "https://" + string(c.Request().Host())
	}
	return "http://" + string(c.Request().Host())
}
