package views

import (
	"context"
	"io"
	"regexp"
	"strings"

	"github.com/a-h/templ"

	"reko.moe/views/reference"
)

// ReferenceBase stands for the address of the server in [ReferenceContent], to be replaced by the one that was asked.
const ReferenceBase = "https://server.invalid"

// curlOf is a command that asks for an example of an operation.
func curlOf(o reference.Operation) string {
	command := "curl"
	if o.Keyed {
		command += ` -H "Authorization: Bearer reko_..."`
	}
	if o.Body != nil {
		for _, c := range o.Body.Contents {
			if len(c.Examples) > 0 {
				command += " -d '" + strings.ReplaceAll(c.Examples[0].Text, "'", `'\''`) + "'"
				break
			}
		}
	}
	return command + ` "` + ReferenceBase + o.Example + `"`
}

// referenceFacts are what is said of a field in short, behind its kind.
func referenceFacts(f reference.Field) []string {
	facts := f.Facts
	if f.Required && f.In != "path" {
		facts = append([]string{"required"}, facts...)
	}
	if f.In != "" {
		facts = append([]string{"in the " + f.In}, facts...)
	}
	return facts
}

var bold = regexp.MustCompile(`\*\*([^*]+)\*\*`)

// inline is prose in which what stands between ** is bold, too.
func inline(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		part = templ.EscapeString(part)
		if i%2 == 1 {
			part = `<code>` + part + `</code>`
		}
		b.WriteString(part)
	}
	return bold.ReplaceAllString(b.String(), "<b>$1</b>")
}

// paragraphs writes a text of a document: paragraphs and tables.
func paragraphs(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		for part := range strings.SplitSeq(text, "\n\n") {
			html := "<p>" + inline(part) + "</p>"
			if strings.HasPrefix(part, "|") {
				html = tableOf(part)
			}
			if _, err := io.WriteString(w, html); err != nil {
				return err
			}
		}
		return nil
	})
}

// tableOf is a table whose lines have | between cells; the second parts the head from the rest.
func tableOf(text string) string {
	var b strings.Builder
	b.WriteString(`<div tabindex="0" role="group" aria-label="Table" class="overflow-x-auto"><table class="w-full text-left text-sm">`)
	for i, line := range strings.Split(text, "\n") {
		if i == 1 {
			continue
		}
		cell := "td"
		if i == 0 {
			cell = "th"
		}
		b.WriteString(`<tr class="border-t border-line align-top">`)
		for part := range strings.SplitSeq(strings.Trim(line, "| "), "|") {
			b.WriteString("<" + cell + ` class="py-1.5 pr-4">` + inline(strings.TrimSpace(part)) + "</" + cell + ">")
		}
		b.WriteString("</tr>")
	}
	b.WriteString("</table></div>")
	return b.String()
}
