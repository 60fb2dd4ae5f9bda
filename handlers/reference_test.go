package handlers_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

var (
	tags  = regexp.MustCompile(`<[^>]*>`)
	marks = regexp.MustCompile("[`*|]|---|\\s")
)

// lettersOf is a text without markup and spaces.
func lettersOf(text string) string { return marks.ReplaceAllString(text, "") }

// sectionsOf are the sections of a page that begin with a heading of an id, without spaces.
func sectionsOf(page string) map[string]string {
	sections := map[string]string{}
	for _, part := range regexp.MustCompile(`<h[23] id="`).Split(page, -1)[1:] {
		id, rest, _ := strings.Cut(part, `"`)
		_, rest, _ = strings.Cut(rest, ">")
		sections[id] = lettersOf(html.UnescapeString(tags.ReplaceAllString(rest, "")))
	}
	return sections
}

// The reference has every path, parameter, status, error, schema and property of the document, and what it says of them.
func TestReferenceIsComplete(t *testing.T) {
	sections := sectionsOf(start(t, nil).get(t, "/docs/reference", http.StatusOK).body)
	n := 0
	says := func(id string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			n++
			if section, ok := sections[id]; !ok || !strings.Contains(section, lettersOf(text)) {
				t.Errorf("%s (there: %t) does not say %q", id, ok, text)
			}
		}
	}
	says("rules", document().Info.Description)
	for _, tag := range document().Tags {
		says("tag-"+tag.Name, tag.Description)
	}
	for path, item := range document().Paths.Map() {
		for method, o := range item.Operations() {
			id := o.OperationID
			says(id, o.Summary, o.Description, method+" /api"+path, `curl `)
			for _, p := range o.Parameters {
				says(id, " "+p.Value.Name+" ", p.Value.Description, "in the "+p.Value.In)
				factsIn(says, id, p.Value.Schema.Value)
			}
			if o.RequestBody != nil {
				says(id, o.RequestBody.Value.Description, "-d '{")
				contentIn(says, id, o.RequestBody.Value.Content)
			}
			for status, a := range o.Responses.Map() {
				says(id, status+" "+*a.Value.Description)
				id := id
				if a.Ref != "" {
					id = "answer-" + a.Ref[strings.LastIndex(a.Ref, "/")+1:]
					says(id, *a.Value.Description)
				}
				contentIn(says, id, a.Value.Content)
				for name, h := range a.Value.Headers {
					says(id, name)
					where := "headers"
					if h.Ref == "" {
						where = id // otherwise here
					}
					says(where, name, h.Value.Description)
				}
			}
		}
	}
	for name, s := range document().Components.Schemas {
		says("schema-"+name, s.Value.Description)
		propertiesIn(says, "schema-"+name, s.Value)
	}
	if n < 800 {
		t.Errorf("only %d texts were looked for", n)
	}
}

// factsIn looks for what narrows a value.
func factsIn(says func(string, ...string), id string, s *openapi3.Schema) {
	if s.Default != nil {
		says(id, "default ")
	}
	for _, value := range s.Enum {
		if text, ok := value.(string); ok {
			says(id, text)
		}
	}
	if s.Pattern != "" {
		says(id, "matches "+s.Pattern)
	}
	if s.Type != nil && s.Items == nil {
		says(id, strings.Join(*s.Type, " or "))
	}
}

func contentIn(says func(string, ...string), id string, content openapi3.Content) {
	for kind, m := range content {
		says(id, kind)
		if m.Schema.Ref != "" {
			says(id, m.Schema.Ref[strings.LastIndex(m.Schema.Ref, "/")+1:])
		}
		for _, e := range m.Examples {
			says(id, e.Value.Summary)
		}
	}
}

// propertiesIn looks for the properties of a schema, and of those in it that have no name.
func propertiesIn(says func(string, ...string), id string, s *openapi3.Schema) {
	for _, part := range s.AllOf {
		if part.Ref == "" {
			propertiesIn(says, id, part.Value)
		}
	}
	for name, p := range s.Properties {
		says(id, name)
		if p.Ref != "" {
			says(id, p.Ref[strings.LastIndex(p.Ref, "/")+1:])
			continue
		}
		says(id, p.Value.Description)
		factsIn(says, id, p.Value)
		propertiesIn(says, id, p.Value)
		if p.Value.Items != nil && p.Value.Items.Ref == "" {
			propertiesIn(says, id, p.Value.Items.Value)
		}
	}
}

// The address in the examples is the one that was asked, whatever stands in it, and each of them asks for something that is there.
func TestReferenceExamples(t *testing.T) {
	page := start(t, nil).get(t, "/docs/reference", http.StatusOK).body
	if strings.Contains(page, "server.invalid") || strings.Count(page, "http://reko.test/api/") != len(document().Paths.Map()) {
		t.Errorf("the examples ask other servers: %d", strings.Count(page, "http://reko.test/api/"))
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]] {
			t.Errorf("the id %q is there twice", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(` href="#([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !ids[m[1]] {
			t.Errorf("something leads to %q, which is not there", m[1])
		}
	}
}
