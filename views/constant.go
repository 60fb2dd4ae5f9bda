package views

import (
	"context"
	"io"
	"strings"
	"sync"

	"github.com/a-h/templ"
)

// constant is a component that is rendered once, when it is needed first, for what is always the same.
func constant(c templ.Component) templ.Component {
	html := sync.OnceValues(func() (string, error) {
		var b strings.Builder
		err := c.Render(context.Background(), &b)
		return b.String(), err
	})
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		text, err := html()
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, text)
		return err
	})
}
