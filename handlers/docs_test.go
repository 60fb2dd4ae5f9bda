package handlers_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"reko.moe/views"
)

// The documentation has all that the OpenAPI document promises.
func TestDocsAreComplete(t *testing.T) {
	page := start(t, nil).get(t, "/docs", http.StatusOK).body
	described := map[string]views.Endpoint{}
	for _, e := range views.Endpoints {
		described[strings.TrimPrefix(e.Path, "/api")] = e
	}
	for path, item := range document().Paths.Map() {
		if item.Get == nil || item.Get.Security != nil {
			if !slices.ContainsFunc(views.Olders, func(o views.Older) bool { return o.Path == "/api"+path }) {
				t.Errorf("%s is not described among the older ones", path)
			}
			continue
		}
		e, ok := described[path]
		if !ok {
			t.Errorf("%s is not described", path)
			continue
		}
		delete(described, path)
		params := map[string]bool{}
		for _, p := range e.Params {
			params[p.Name] = p.InPath
		}
		for _, p := range item.Get.Parameters {
			if p.Value.In == "header" { // described once for all
				if !strings.Contains(page, "<code>"+p.Value.Name+"</code>") {
					t.Errorf("%s: the header %s is not described", path, p.Value.Name)
				}
				continue
			}
			if inPath, ok := params[p.Value.Name]; !ok || inPath != (p.Value.In == "path") {
				t.Errorf("%s: the parameter %s is not described as it is", path, p.Value.Name)
			}
			delete(params, p.Value.Name)
		}
		if len(params) > 0 {
			t.Errorf("%s has no parameters %v", path, params)
		}
	}
	if len(described) > 0 {
		t.Errorf("described, but not there: %v", described)
	}
	for _, o := range views.Olders {
		item := document().Paths.Value(strings.TrimPrefix(o.Path, "/api"))
		names := map[string]bool{}
		operation := item.Get
		if o.Method == http.MethodPost {
			operation = item.Post
			for name := range operation.RequestBody.Value.Content["application/json"].Schema.Value.Properties {
				names[name] = true
			}
		}
		for _, p := range operation.Parameters {
			names[p.Value.Name] = true
		}
		for _, p := range o.Params {
			if !names[p.Name] {
				t.Errorf("%s has no %s", o.Path, p.Name)
			}
			delete(names, p.Name)
		}
		if len(names) > 0 {
			t.Errorf("%s: not described: %v", o.Path, names)
		}
	}

	for name, schema := range document().Components.Schemas {
		if !strings.HasSuffix(name, "Error") || name == "Error" {
			continue
		}
		for status, ids := range errorsOf(schema.Value) {
			for _, id := range ids {
				row := regexp.MustCompile(fmt.Sprintf(`<td[^>]*>%s</td><td[^>]*><code>%s</code></td>`, status, id))
				if !row.MatchString(page) {
					t.Errorf("the error %s %s is not described", status, id)
				}
			}
		}
	}
	for _, field := range []string{"title", "mean", "airing_date", "length", "rating", "picture", "genres"} {
		if !strings.Contains(page, "details."+field) {
			t.Errorf("details.%s is not described", field)
		}
	}
	for _, text := range []string{"Resource does not exist", "Invalid request method", "Rate limited", "Starting, ask again in a second"} {
		if !strings.Contains(page, text) {
			t.Errorf("%q is not described", text)
		}
	}
}

// What the page says of parameters, fields and errors is what the document says: their defaults, ranges, names and types.
func TestDocsSayWhatTheDocumentSays(t *testing.T) {
	for _, e := range views.Endpoints {
		item := document().Paths.Value(strings.TrimPrefix(e.Path, "/api"))
		for _, p := range e.Params {
			said := item.Get.Parameters.GetByInAndName(map[bool]string{true: "path", false: "query"}[p.InPath], p.Name)
			if said == nil {
				t.Errorf("%s: there is no parameter %s", e.Path, p.Name)
				continue
			}
			schema := said.Schema.Value
			if want := fmt.Sprint(schema.Default); schema.Default == nil && p.Default != "" || schema.Default != nil && p.Default != want {
				t.Errorf("%s: the default of %s is %q, in the document %v", e.Path, p.Name, p.Default, schema.Default)
			}
			for _, value := range schema.Enum {
				if !strings.Contains(p.Range, fmt.Sprint(value)) {
					t.Errorf("%s: %s can be %v, and the page says %q", e.Path, p.Name, value, p.Range)
				}
			}
			if schema.Min != nil && schema.Max != nil && p.Range != fmt.Sprintf("%.0f..%.0f", *schema.Min, *schema.Max) {
				t.Errorf("%s: %s is %v..%v, and the page says %q", e.Path, p.Name, *schema.Min, *schema.Max, p.Range)
			}
			if regexp.MustCompile(`^\d+\.\.\d+$`).MatchString(p.Range) && schema.Max == nil && !strings.Contains(said.Description, p.Range) {
				t.Errorf("%s: the page says that %s is %s, the document: %s", e.Path, p.Name, p.Range, said.Description)
			}
		}
	}
	page := start(t, nil).get(t, "/docs", http.StatusOK).body
	for name, field := range document().Components.Schemas["Details"].Value.Properties {
		kinds := map[string]string{"integer": "number", "number": "number", "string": "string", "array": "array of strings", "null": "null"}
		var types []string
		for _, kind := range field.Value.Type.Slice() {
			types = append(types, kinds[kind])
		}
		want := `<code class="font-semibold">details.` + name + `</code><span class="block text-xs text-soft">` + strings.Join(types, " or ") + `</span>`
		if !strings.Contains(page, want) {
			t.Errorf("details.%s is not said to be %s", name, strings.Join(types, " or "))
		}
	}
	rows := regexp.MustCompile("(?m)^\\| (\\d+) \\| `(\\w+)` \\|").FindAllStringSubmatch(document().Components.Schemas["Error"].Value.Description, -1)
	if len(rows) < 10 {
		t.Errorf("the document's table of errors has %d rows", len(rows))
	}
	for _, found := range rows {
		if !regexp.MustCompile(`<td[^>]*>` + found[1] + `</td><td[^>]*><code>` + found[2] + `</code></td>`).MatchString(page) {
			t.Errorf("the error %s %s of the document's table is not on the page", found[1], found[2])
		}
	}
}

// errorsOf returns the ids that an error's schema allows, by its status.
func errorsOf(s *openapi3.Schema) map[string][]string {
	status, ids := "", []string(nil)
	for _, part := range s.AllOf {
		if code := part.Value.Properties["code"]; code != nil && code.Value.Const != nil {
			status = fmt.Sprint(code.Value.Const)
		}
		if id := part.Value.Properties["id"]; id != nil {
			for _, v := range id.Value.Enum {
				ids = append(ids, fmt.Sprint(v))
			}
		}
	}
	return map[string][]string{status: ids}
}

var (
	blocks = regexp.MustCompile(`(?s)<pre[^>]* aria-label="([^"]*)"[^>]*><code>(.*?)</code></pre>`)
	curl   = regexp.MustCompile(`^curl "(.*)"$`)
	posted = regexp.MustCompile(`^curl -d '(.*)' "(.*)"$`)
)

// The examples ask for what is there, and their answers are of the shape of real ones.
func TestDocsExamples(t *testing.T) {
	for name, change := range map[string]func(*setup){
		"users":    func(*setup) {},
		"no users": func(s *setup) { s.users = nil },
		"one user": func(s *setup) { s.users = s.users[:1] },
		"demo users": func(s *setup) {
			s.handlers.Demo, s.handlers.Examples = func() bool { return true }, []string{"nobody", "ein", "spike"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t, func(s *setup) {
				s.handlers.PublicURL = "https://reko.test"
				change(s)
			})
			texts := map[string]string{}
			for _, m := range blocks.FindAllStringSubmatch(a.get(t, "/docs", http.StatusOK).body, -1) {
				texts[html.UnescapeString(m[1])] = html.UnescapeString(m[2])
			}
			for _, e := range views.Endpoints {
				m := curl.FindStringSubmatch(texts[e.Title+" in curl"])
				if m == nil {
					t.Fatalf("%s has no example", e.ID)
				}
				target, ok := strings.CutPrefix(m[1], "https://reko.test")
				if !ok {
					t.Errorf("the example is %q", m[1])
				}
				if script := texts[e.Title+" in JavaScript"]; !strings.Contains(script, `fetch("https://reko.test`+target+`")`) {
					t.Errorf("the example for %s is %s", target, script)
				}
				if name != "no users" && name != "one user" { // then not everybody in it exists
					a.get(t, target, http.StatusOK)
				}
				example := texts["Answer: "+e.Title]
				if e.ID == "openapi" || e.ID == "version" {
					if real := a.get(t, target, http.StatusOK).body; !strings.HasPrefix(real, strings.TrimSuffix(example, "    ...")) {
						t.Errorf("%s does not begin as %s", target, example)
					}
					continue
				}
				header := http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {"12345678"}, "Access-Control-Allow-Origin": {"*"}, "Etag": {`"0"`}, "Cache-Control": {"no-cache"}}
				conforms(t, http.MethodGet, target, answer{http.StatusOK, header, example})
			}
			for _, o := range views.Olders {
				item := document().Paths.Value(strings.TrimPrefix(o.Path, "/api"))
				operation := item.Get
				if o.Method == http.MethodPost {
					operation = item.Post
				}
				var value any
				if err := json.Unmarshal([]byte(texts["Answer: "+o.Title]), &value); err != nil {
					t.Fatalf("%s: %v", o.ID, err)
				}
				if o.ID == "stats" { // abridged: the document wants all of them
					m := value.(map[string]any)
					m["data"] = slices.Repeat(m["data"].([]any), 93)
				}
				if err := operation.Responses.Status(http.StatusOK).Value.Content["application/json"].Schema.Value.VisitJSON(value); err != nil {
					t.Errorf("the answer to %s: %v", o.ID, err)
				}
				example := texts[o.Title+" in curl"]
				if !strings.Contains(example, ` "https://reko.test/api/`) || !strings.Contains(texts[o.Title+" in JavaScript"], `fetch("https://reko.test/api/`) {
					t.Errorf("the examples of %s: %s", o.ID, example)
				}
				if m := posted.FindStringSubmatch(example); (m != nil) != (o.Body != "") {
					t.Errorf("the example of %s is %s", o.ID, example)
				} else if m != nil && name != "no users" {
					if got := a.post(t, strings.TrimPrefix(m[2], "https://reko.test"), m[1]); got.status != http.StatusOK {
						t.Errorf("%s: %d %s", example, got.status, got.body)
					}
				}
			}
		})
	}
}

// What the page says of the server it is on.
func TestDocsAddress(t *testing.T) {
	a := start(t, nil)
	for _, header := range [][]string{nil, {"X-Forwarded-Host", "evil.test"}} {
		if got := a.ask(t, http.MethodGet, "/docs", header...); !strings.Contains(got.body, "http://reko.test/api") || strings.Contains(got.body, "evil.test") {
			t.Errorf("with %q the page does not have the address that it was asked at", header)
		}
	}
	if got := a.ask(t, http.MethodGet, "/docs", "Host", `"><script>alert(1)</script>`); strings.Contains(got.body, "<script>") {
		t.Error("a host became markup")
	}
	b := start(t, func(s *setup) { s.handlers.PublicURL, s.handlers.APIHost = "https://reko.example", "api.reko.example" })
	got := b.ask(t, http.MethodGet, "/docs")
	if !strings.Contains(got.body, "https://reko.example/api") || !strings.Contains(got.body, "api.reko.example") || strings.Contains(got.body, "reko.test") {
		t.Error("the page does not have the configured addresses")
	}
	if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self'") {
		t.Errorf("policy %q", policy)
	}
	if strings.Contains(got.body, `name="robots"`) {
		t.Error("search engines may not list the page")
	}
}

// Without scripts, a form leads to the address of the API that it describes, and nowhere else.
func TestDocsTry(t *testing.T) {
	a := start(t, nil)
	for _, test := range []struct{ query, location string }{
		{"endpoint=similar&username=spike&page=", "/api/spike/similar"},
		{"endpoint=similar&username=+Spike+&page=+2+", "/api/Spike/similar?page=2"},
		{"endpoint=similar&username=spike&batch=2&order=classic&x=y", "/api/spike/similar"},
		{"endpoint=recommendations&username=spike&page=2&batch=3&order=classic", "/api/spike/recommendations?batch=3&order=classic&page=2"},
		{"endpoint=recommendations-from&username=spike&other=ein&page=x", "/api/spike/recommendations/ein?page=x"},
		{"endpoint=compare&username=spike&other=ein", "/api/spike/compare/ein"},
		{"endpoint=compare&username={other}&other={username}", "/api/%7Bother%7D/compare/%7Busername%7D"},
		{"endpoint=random&username=spike&seed=7", "/api/spike/random?seed=7"},
		{"endpoint=random&username=spike&seed=7%26batch%3D2%23x", "/api/spike/random?seed=7%26batch%3D2%23x"},
		{"endpoint=version", "/api/version"},
		{"endpoint=openapi&username=spike", "/api/openapi.json"},
		{"endpoint=similar&username=" + url.QueryEscape("a/../../x"), "/api/a%2F..%2F..%2Fx/similar"},
		{"endpoint=similar&username=" + url.QueryEscape(`\evil.test`), "/api/%5Cevil.test/similar"},
		{"endpoint=similar&username=" + url.QueryEscape("%2e%2e"), "/api/%252e%252e/similar"},
		{"endpoint=similar&username=" + url.QueryEscape("x\r\nSet-Cookie: a=b"), "/api/x%0D%0ASet-Cookie:%20a=b/similar"},
		{"endpoint=similar&username=" + url.QueryEscape("?page=2#x"), "/api/%3Fpage=2%23x/similar"},
	} {
		got := a.ask(t, http.MethodGet, "/docs/try?"+test.query)
		if location := got.header.Get("Location"); got.status != http.StatusSeeOther || location != test.location {
			t.Errorf("%s: %d %q, want 303 %q", test.query, got.status, location, test.location)
		}
		if got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", test.query, got.header)
		}
		if answer := a.ask(t, http.MethodGet, test.location); answer.status >= 500 || promised(http.MethodGet, test.location) == "" {
			t.Errorf("%s leads to %d", test.location, answer.status)
		}
	}
	for _, query := range []string{
		"", "endpoint=", "endpoint=similar", "endpoint=similar&username=", "endpoint=similar&username=+", "endpoint=similar&username=.",
		"endpoint=similar&username=..", "endpoint=compare&username=spike&other=..", "endpoint=compare&username=spike", "endpoint=stats&username=spike",
		"endpoint=//evil.test", "endpoint=https://evil.test/", "endpoint=/api/version", "endpoint=Similar&username=spike",
		"endpoint=similar&username=" + strings.Repeat("a", 65), "endpoint=random&username=spike&seed=" + strings.Repeat("1", 10_000),
	} {
		got := a.ask(t, http.MethodGet, "/docs/try?"+query)
		if got.status != http.StatusBadRequest || got.header.Get("Location") != "" {
			t.Errorf("%.100s: %d %q, want 400", query, got.status, got.header.Get("Location"))
		}
	}
}

// What the forms of the older endpoints would post is answered all the same; a key is never taken from an address.
func TestDocsTryPosted(t *testing.T) {
	a := start(t, nil)
	for _, test := range []struct {
		query  string
		status int
		want   string
	}{
		{"endpoint=rekos&user_name=spike&accuracy=90", 200, `"accuracy":90`},
		{"endpoint=rekos&user_name=+Spike+&accuracy=", 200, `"banned":[]`},
		{"endpoint=rekos-named&username=spike&accuracy=70.5", 200, `"users_found":`},
		{"endpoint=rekos&user_name=nobody", 404, "Nobody of that name"},
		{"endpoint=rekos&user_name=spike&accuracy=high", 400, "is not a number"},
		{"endpoint=rekos&user_name=spike&accuracy=NaN", 400, "is not a number"},
		{"endpoint=rekos&user_name=" + strings.Repeat("a", 65), 400, "short enough"},
		{"endpoint=stats&username=spike&key=reko_x", 400, "one of the API"},
	} {
		if got := a.ask(t, http.MethodGet, "/docs/try?"+test.query, "Accept", browserAccepts); got.status != test.status || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: %d %.300s, want %d with %s", test.query, got.status, got.body, test.status, test.want)
		}
	}
}

func BenchmarkDocs(b *testing.B) {
	a := start(b, nil)
	a.log.off.Store(true)
	for b.Loop() {
		a.get(b, "/docs", http.StatusOK)
	}
}
