package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"reko.moe/engine"
	"reko.moe/handlers/api"
)

func document(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// The document is valid, examples included, and formatted.
func TestDocumentIsValid(t *testing.T) {
	doc := document(t)
	if !doc.IsOpenAPI31OrLater() || doc.Info.Version != "1" || len(doc.Servers) != 1 || doc.Servers[0].URL != "/api" {
		t.Errorf("OpenAPI %s, info %+v, servers %v", doc.OpenAPI, doc.Info, doc.Servers)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation(), openapi3.EnableMultiError()); err != nil {
		t.Error(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, api.OpenAPI, "", "  "); err != nil || !bytes.Equal(indented.Bytes(), api.OpenAPI) {
		t.Errorf("openapi.json is not indented by two spaces, %v", err)
	}
	if n := bytes.Count(api.OpenAPI, []byte(`"$ref"`)); n < 50 || !bytes.HasSuffix(api.OpenAPI, []byte("}\n")) {
		t.Errorf("%d references, or no newline at the end", n)
	}
}

// Every parameter, schema and property says what it is; examples are examples of the engine's arithmetic, too.
func TestDocumentIsComplete(t *testing.T) {
	doc := document(t)
	ids := map[string]string{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Summary == "" || op.Description == "" || op.OperationID == "" || ids[op.OperationID] != "" {
				t.Errorf("%s %s: summary %q, description %q, id %q", method, path, op.Summary, op.Description, op.OperationID)
			}
			ids[op.OperationID] = path
			want := []string{"200", "304", "405", "503"}
			if strings.HasPrefix(path, "/{username}") {
				want = []string{"200", "304", "400", "403", "404", "405", "422", "500", "502", "503", "504"}
			}
			switch {
			case method == "POST":
				want = []string{"200", "400", "403", "404", "405", "413", "422", "429", "500", "502", "503", "504"}
			case path == "/stats/{username}":
				want = []string{"200", "400", "401", "403", "404", "405", "422", "500", "502", "503", "504"}
			}
			if got := slices.Sorted(maps.Keys(op.Responses.Map())); !slices.Equal(got, want) {
				t.Errorf("%s %s: responses %v, want %v", method, path, got, want)
			}
			for status, r := range op.Responses.Map() {
				if r.Value.Headers["X-Request-Id"] == nil || (len(r.Value.Content) == 0) != (status == "304") {
					t.Errorf("%s %s: %s has no request id, or no content, or some that nobody gets", method, path, status)
				}
				if named := r.Value.Headers["ETag"] != nil; named != (slices.Contains(want, "304") && (status == "200" || status == "304")) {
					t.Errorf("%s %s: %s has an ETag, %v", method, path, status, named)
				}
			}
		}
	}
	for name, p := range doc.Components.Parameters {
		if p.Value.Description == "" || p.Value.Example == nil || p.Value.Schema.Value.Description != "" {
			t.Errorf("parameter %s: %+v", name, p.Value)
		}
		if out := 1e9; name == "Page" || name == "Batch" || name == "SimilarPage" { // taken into their range, not refused
			if err := p.Value.Schema.Value.VisitJSON(out); err != nil {
				t.Errorf("parameter %s refuses %v: %v", name, out, err)
			}
		}
	}
	for name, s := range doc.Components.Schemas {
		if s.Value.Description == "" {
			t.Errorf("schema %s has no description", name)
		}
		for key, p := range s.Value.Properties {
			if p.Value.Description == "" && s.Value.AllOf == nil {
				t.Errorf("schema %s: %s has no description", name, key)
			}
		}
		if s.Value.AdditionalProperties.Has != nil {
			t.Errorf("schema %s: clients must expect new keys", name)
		}
	}

	var examples any
	if err := json.Unmarshal(api.OpenAPI, &examples); err != nil {
		t.Fatal(err)
	}
	n := 0
	compared(examples, "1104410102000000", func(hash string, similarity float64) {
		n++
		a, _ := strconv.ParseUint("1104410102000000", 16, 64)
		b, err := strconv.ParseUint(hash, 16, 64)
		if want := engine.Similarity(engine.Distance(engine.Hash(a), engine.Hash(b))); err != nil || similarity != float64(want) {
			t.Errorf("example: hash %s is similar by %v %%, not %d %%", hash, similarity, want)
		}
	})
	if n < 5 {
		t.Errorf("%d users in examples", n)
	}
}

// compared calls f for every object in value that has both a hash and a similarity.
func compared(value any, requester string, f func(hash string, similarity float64)) {
	switch value := value.(type) {
	case map[string]any:
		hash, isHash := value["hash"].(string)
		similarity, isNumber := value["similarity"].(float64)
		if isHash && isNumber {
			f(hash, similarity)
		}
		for _, inner := range value {
			compared(inner, requester, f)
		}
	case []any:
		for _, inner := range value {
			compared(inner, requester, f)
		}
	}
}

// The ids of errors that the contract promises, by status, and no others.
func TestErrorIDs(t *testing.T) {
	doc := document(t)
	want := map[string][]string{
		"400": {"InvalidBody", "InvalidParameter"}, "401": {"Unauthorized"}, "403": {"PrivateUserList"}, "404": {"UserNotFound"}, "422": {"EmptyUserList", "InvalidUserList"},
		"500": {"FailedSave", "HashFailed", "InternalError"}, "502": {"UpstreamFailed"}, "503": {"Overloaded", "StoreUnavailable"}, "504": {"UpstreamTimeout"},
	}
	got := map[string][]string{}
	table := doc.Components.Schemas["Error"].Value.Description
	for name, s := range doc.Components.Schemas {
		if !strings.HasSuffix(name, "Error") || name == "Error" {
			continue
		}
		if s.Value.AllOf[0].Ref != "#/components/schemas/Error" {
			t.Errorf("%s is no Error", name)
		}
		own := s.Value.AllOf[1].Value.Properties
		status := fmt.Sprint(own["code"].Value.Const)
		for _, id := range own["id"].Value.Enum {
			got[status] = append(got[status], fmt.Sprint(id))
			if !strings.Contains(table, fmt.Sprintf("| %s | `%s` |", status, id)) {
				t.Errorf("%s %s is not in the description of Error", status, id)
			}
		}
		slices.Sort(got[status])
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("ids %v, want %v", got, want)
	}
	if n := strings.Count(table, "\n| ") - 2; n != 14 {
		t.Errorf("%d ids in the description of Error, want 14", n)
	}
}

// The schemas have the keys and types that the Go types have, and require all of them but what is embedded: that is there when it
// was asked for.
func TestSchemasAreTheTypes(t *testing.T) {
	doc := document(t)
	for name, v := range map[string]any{
		"Error": api.Error{}, "Requester": api.Requester{}, "Pagination": api.Pagination{}, "User": api.User{}, "Voter": api.Voter{}, "Details": api.Details{},
		"Recommendation": api.Recommendation{}, "RecommendationFrom": api.Single{}, "Recommendations": api.Paged{}, "RecommendationsFrom": api.Paged{},
		"Similar": api.Paged{}, "Compare": api.Answer{}, "Random": api.Draw{}, "Rekos": api.Rekos{}, "RekosMetadata": api.RekosMetadata{}, "RekosUsers": api.RekosUsers{},
		"RekosCount": api.RekosCount{}, "NamedRekos": api.NamedRekos{}, "NamedRekosMetadata": api.NamedRekosMetadata{}, "RekoAlgorithm": api.RekoAlgorithm{},
		"RekoCount": api.RekoCount{}, "RekoUser": api.RekoUser{}, "Reko": api.Reko{}, "RekoInfo": api.RekoInfo{}, "Related": api.Related{}, "Expected": api.Expected{},
		"Stats": api.Stats{}, "Population": api.Population{}, "Statistic": api.Statistic{}, "Value": api.Value{}, "Influence": api.Influence{},
	} {
		s := doc.Components.Schemas[name].Value
		typ := reflect.TypeOf(v)
		var required []string
		keys := 0
		for _, f := range reflect.VisibleFields(typ) {
			key := f.Tag.Get("json")
			if f.Anonymous || !f.IsExported() {
				continue
			}
			keys++
			if len(f.Index) == 1 {
				required = append(required, key)
			}
			p := s.Properties[key]
			if p == nil {
				t.Errorf("%s has no %s", name, key)
				continue
			}
			if got, want := p.Value.Type.Slice(), jsonTypes(f.Type); want != nil && !slices.Equal(got, want) {
				t.Errorf("%s.%s is %v, want %v", name, key, got, want)
			}
		}
		if !slices.Equal(s.Required, required) || len(s.Properties) != keys {
			t.Errorf("%s requires %v of %v, want %v of %d", name, s.Required, slices.Collect(maps.Keys(s.Properties)), required, keys)
		}
	}
}

// jsonTypes returns the JSON types of a Go type, nil for any.
func jsonTypes(typ reflect.Type) []string {
	switch typ.Kind() {
	case reflect.Pointer:
		return append(jsonTypes(typ.Elem()), "null")
	case reflect.Int, reflect.Int32, reflect.Uint64:
		return []string{"integer"}
	case reflect.Float64:
		return []string{"number"}
	case reflect.String:
		return []string{"string"}
	case reflect.Slice:
		return []string{"array"}
	case reflect.Struct:
		return []string{"object"}
	}
	return nil
}
