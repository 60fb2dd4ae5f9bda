package handlers

import (
	"fmt"

	"github.com/gofiber/fiber/v2"
)

// home is a bare page that says what runs here.
func (s *server) home(c *fiber.Ctx) error {
	note := ""
	if s.Demo() {
		note = "\n<p><strong>The users here are invented</strong>: a demo to play with. Try <a href=\"/api/" + s.Example +
			"/recommendations\">what one of them could watch</a>.</p>"
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.SendString(fmt.Sprintf(homePage, note, s.Engine.Users(), s.Engine.Titles()))
}

const homePage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Reko</title>
</head>
<body>
<main>
<h1>Reko</h1>
<p>Reko finds the people whose anime taste is most like yours, and recommends from their lists.</p>%s
<p>%d users can be matched over %d anime. Programs ask <a href="/api/openapi.json">the API</a>.</p>
</main>
</body>
</html>
`
