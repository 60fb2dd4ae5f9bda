package views

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs is the documentation as it looks to a visitor.
func docs(t *testing.T, v DocsView) string {
	t.Helper()
	var b strings.Builder
	if err := DocsPage(Page{Title: "API", Path: "/docs"}, v).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// matches returns what the first group of pattern found in html.
func matches(pattern, html string) (found []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(html, -1) {
		found = append(found, m[1])
	}
	return found
}

// Every entry of the contents leads somewhere, ids are unique, headings leave no level out, and every field has a label.
func TestDocsStructure(t *testing.T) {
	html := docs(t, DocsView{Base: "https://reko.example", User: "spike", Other: "faye_v"})
	ids := matches(`\bid="([^"]*)"`, html)
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			t.Errorf("the id %q is there twice", id)
		}
	}
	targets := append(matches(`href="#([^"]*)"`, html), matches(`aria-labelledby="([^"]*)"`, html)...)
	for _, id := range append(targets, matches(`<label[^>]* for="([^"]*)"`, html)...) {
		if !slices.Contains(ids, id) {
			t.Errorf("something leads to %q, which is not there", id)
		}
	}
	if n := len(matches(`href="#([^"]*)"`, html)); n != 1+len(docsOutline)+len(Endpoints) {
		t.Errorf("%d links within the page", n)
	}
	last := "1"
	for i, level := range matches(`<h(\d)`, html) {
		if i == 0 && level != "1" || i > 0 && (level == "1" || level[0] > last[0]+1) {
			t.Errorf("heading %d has the level %s after %s", i, level, last)
		}
		last = level
	}
	labels := matches(`<label[^>]* for="([^"]*)"`, html)
	for _, input := range matches(`<input id="([^"]*)"`, html) {
		if !slices.Contains(labels, input) {
			t.Errorf("the field %q has no label", input)
		}
	}
	for _, tag := range matches(`(<(?:pre|output)[^>]*>)`, html) {
		if !strings.Contains(tag, `tabindex="0"`) || !strings.Contains(tag, `aria-label="`) || !strings.Contains(tag, "overflow-auto") {
			t.Errorf("%s cannot be scrolled by keys", tag)
		}
	}
	for _, bad := range []string{"<script>", "style=", "onclick", "javascript:", "BASE", "USER"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}

// Every endpoint has a form that a script can use and a browser without, with a field for all that stands in the path.
func TestDocsForms(t *testing.T) {
	html := docs(t, DocsView{Base: "https://reko.example", User: "spike", Other: "faye_v"})
	forms := matches(`(?s)(<form[^>]*data-try=.*?</form>)`, html)
	if len(forms) != len(Endpoints)+len(Olders) {
		t.Fatalf("%d forms for %d endpoints", len(forms), len(Endpoints)+len(Olders))
	}
	for i, o := range Olders {
		form := forms[len(Endpoints)+i]
		for _, want := range []string{`data-try="` + o.Path + `"`, `data-method="` + o.Method + `"`, `type="submit" name="endpoint" value="` + o.ID + `"`} {
			if !strings.Contains(form, want) {
				t.Errorf("the form of %s does not have %s", o.ID, want)
			}
		}
		// What a key could be typed into, and sent in an address, shows to scripts only.
		if key := strings.Contains(form, `name="key" type="password"`); key != strings.Contains(form, "hidden data-scripted") || key != (o.Body == "") {
			t.Errorf("the form of %s asks for a key: %t", o.ID, key)
		}
	}
	for i, e := range Endpoints {
		form := forms[i]
		for _, want := range []string{
			`data-try="` + e.Path + `"`, `action="/docs/try"`, `method="get"`, `hx-boost="false"`, `<output hidden`,
			`type="submit" name="endpoint" value="` + e.ID + `"`,
		} {
			if !strings.Contains(form, want) {
				t.Errorf("the form of %s does not have %s", e.ID, want)
			}
		}
		inPath := matches(`\{(\w+)\}`, e.Path)
		for _, p := range e.Params {
			if p.InPath != slices.Contains(inPath, p.Name) {
				t.Errorf("%s: %s is in the path: %t", e.ID, p.Name, p.InPath)
			}
		}
		if names := matches(`<input[^>]* name="(\w+)"`, form); len(names) != len(e.Params) || len(names) < len(inPath) {
			t.Errorf("the form of %s asks for %q", e.ID, names)
		}
		if required := strings.Count(form, " required"); required != len(inPath) {
			t.Errorf("the form of %s needs %d fields, not %d", e.ID, required, len(inPath))
		}
	}
}

// What names, hosts and answers say is text.
func TestDocsEscapes(t *testing.T) {
	const nasty = `"><img src=x onerror=alert(1)>`
	html := docs(t, DocsView{Base: nasty, APIHost: nasty, User: nasty, Other: nasty, Answers: map[string]string{"similar": nasty}})
	if strings.Contains(html, "<img") {
		t.Error("markup came through")
	}
	var b strings.Builder
	if err := prose("<b> `<i>` & `x").Render(t.Context(), &b); err != nil || b.String() != "&lt;b&gt; <code>&lt;i&gt;</code> &amp; <code>x</code>" {
		t.Errorf("%s, %v", b.String(), err)
	}
}
