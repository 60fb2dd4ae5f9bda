package handlers_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"reko.moe/handlers/api"
)

// document is what /api/openapi.json promises.
var document = sync.OnceValue(func() *openapi3.T {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		panic(err)
	}
	return doc
})

// promised returns the path in the document that a target leads to by a method, empty for none. The fixed ones come first.
func promised(method, target string) string {
	path, _, _ := strings.Cut(target, "?")
	parts := strings.Split(strings.TrimSuffix(strings.TrimPrefix(path, "/api"), "/"), "/")
	templates := document().Paths.InMatchingOrder()
	slices.SortStableFunc(templates, func(a, b string) int { return strings.Compare(a[:2], b[:2]) }) // a fixed beginning first
	for _, template := range templates {
		fits := func(want, got string) bool { return want == got || strings.HasPrefix(want, "{") && got != "" }
		if promise(method, template) != nil && slices.EqualFunc(strings.Split(template, "/"), parts, fits) {
			return template
		}
	}
	return ""
}

// checked has the answers that conform, since many tests get one answer many times.
var checked sync.Map

// conforms checks an answer against the document. What a path or method that is not in there answers, is there under 404 and 405.
func conforms(t testing.TB, method, target string, got answer) {
	t.Helper()
	asked := method
	if method == http.MethodHead {
		asked = http.MethodGet
	}
	path := promised(asked, target)
	type sum struct {
		method, path string
		status       int
		body         [sha256.Size]byte
	}
	if got.header.Get("Access-Control-Allow-Origin") != "*" || got.header.Get("X-Request-Id") == "" {
		t.Errorf("%s %.200s: headers %v", method, target, got.header)
	}
	if method == http.MethodOptions && got.status == http.StatusNoContent {
		return
	}
	if _, before := checked.Load(sum{method, path, got.status, sha256.Sum256([]byte(got.body))}); before {
		return
	}
	operation := beside()
	if path != "" {
		operation = promise(asked, path)
	}
	if method == http.MethodHead { // has no body
		if operation.Responses.Status(got.status) == nil {
			t.Errorf("HEAD %.200s: %d is not documented", target, got.status)
		}
		return
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: &http.Request{Method: method},
			Route:   &routers.Route{Spec: document(), Path: path, Method: method, Operation: operation},
		},
		Status:  got.status,
		Header:  got.header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	input.SetBodyBytes([]byte(got.body))
	if err := openapi3filter.ValidateResponse(t.Context(), input); err != nil {
		t.Errorf("%s %.200s: %d %.300s: %v", method, target, got.status, got.body, err)
		return
	}
	if media := operation.Responses.Status(got.status).Value.Content["application/json"]; media != nil && strings.HasPrefix(got.body, "{") {
		var value any
		if err := json.Unmarshal([]byte(got.body), &value); err != nil {
			t.Errorf("%s %.200s: %v", method, target, err)
			return
		}
		if err := undocumented(media.Schema.Value, value); err != nil && path != "/openapi.json" {
			t.Errorf("%s %.200s: %v", method, target, err)
		}
	}
	if got.status == http.StatusOK && method == http.MethodGet && strings.HasPrefix(path, "/{username}") {
		if err := lawful(target, got.body); err != nil {
			t.Errorf("%s %.200s: %v", method, target, err)
		}
	}
	if !t.Failed() {
		checked.Store(sum{method, path, got.status, sha256.Sum256([]byte(got.body))}, true)
	}
}

// undocumented finds a key that the schema does not have: new ones must be in the document too.
func undocumented(s *openapi3.Schema, value any) error {
	switch value := value.(type) {
	case map[string]any:
		properties := openapi3.Schemas{}
		for _, part := range slices.Concat(openapi3.SchemaRefs{{Value: s}}, s.AllOf, s.OneOf) {
			for key, p := range part.Value.Properties {
				properties[key] = p
			}
		}
		for key, inner := range value {
			p, ok := properties[key]
			if !ok {
				return fmt.Errorf("key %q is not documented", key)
			}
			if err := undocumented(p.Value, inner); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	case []any:
		for i, inner := range value {
			if err := undocumented(s.Items.Value, inner); err != nil {
				return fmt.Errorf("%d: %w", i, err)
			}
		}
	}
	return nil
}

// body has all the keys of answers.
type body struct {
	Requester  voter
	Pagination struct {
		Current        int
		Previous, Next *int
	}
	Seed uint64
	Data json.RawMessage
}

type voter struct {
	Username   string
	Hash       string
	Similarity int
	Score      int
}

type recommendation struct {
	ID    int
	Score int
	Users []voter
}

func read[T any](t testing.TB, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%.300s: %v", text, err)
	}
	return v
}

// lawful checks what no schema can say: similarities follow from hashes, users are ordered by them, a score is the mean of
// the users' scores, nothing is there twice, and pages are numbered one by one.
func lawful(target, text string) error {
	var b body
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return err
	}
	if name := strings.Split(target, "/")[2]; !strings.EqualFold(name, b.Requester.Username) && !strings.Contains(name, "%") {
		return fmt.Errorf("requester %q", b.Requester.Username)
	}
	p := b.Pagination
	if p.Next != nil && *p.Next != p.Current+1 || p.Previous != nil && *p.Previous != p.Current-1 || (p.Previous == nil) != (p.Current <= 1) {
		return fmt.Errorf("pagination of %.200s", text)
	}
	switch {
	case strings.Contains(target, "/compare/"):
		var other voter
		if err := json.Unmarshal(b.Data, &other); err != nil {
			return err
		}
		return lawfulUsers(b.Requester, []voter{other}, true)
	case strings.Contains(target, "/similar"):
		var users []voter
		if err := json.Unmarshal(b.Data, &users); err != nil {
			return err
		}
		return lawfulUsers(b.Requester, users, false)
	}
	var recs []recommendation
	if err := json.Unmarshal(b.Data, &recs); err != nil {
		return err
	}
	seen := map[int]bool{}
	for _, rec := range recs {
		if seen[rec.ID] {
			return fmt.Errorf("anime %d is there twice", rec.ID)
		}
		seen[rec.ID] = true
		if rec.Users == nil { // of one user's list
			continue
		}
		sum := 0
		for _, u := range rec.Users {
			sum += u.Score
		}
		if want := (2*sum + len(rec.Users)) / (2 * len(rec.Users)); rec.Score != want { // a half up
			return fmt.Errorf("anime %d has the score %d, not %d", rec.ID, rec.Score, want)
		}
		if err := lawfulUsers(b.Requester, rec.Users, false); err != nil {
			return fmt.Errorf("anime %d: %w", rec.ID, err)
		}
	}
	return nil
}

func lawfulUsers(requester voter, users []voter, self bool) error {
	seen := map[string]bool{}
	last := 0
	for _, u := range users {
		d, err := distance(requester.Hash, u.Hash)
		switch {
		case err != nil:
			return err
		case u.Similarity != 100-d*100/83:
			return fmt.Errorf("%s has similarity %d at distance %d", u.Username, u.Similarity, d)
		case d < last:
			return fmt.Errorf("%s is nearer than those before", u.Username)
		case seen[u.Username], u.Username == requester.Username && !self:
			return fmt.Errorf("%s does not belong here", u.Username)
		}
		seen[u.Username], last = true, d
	}
	return nil
}

// distance is written down from the contract, apart from the engine.
func distance(a, b string) (int, error) {
	x, err1 := strconv.ParseUint(a, 16, 64)
	y, err2 := strconv.ParseUint(b, 16, 64)
	d := bits.OnesCount64(x^y) + bits.OnesCount64((x^y)&0b1110010101000110101000000110000001000011000000000001000010010001)
	return d, errors.Join(err1, err2)
}

// Every route below /api is in the document, and the reverse.
func TestRoutesAreDocumented(t *testing.T) {
	var routes, paths []string
	for _, r := range start(t, nil).GetRoutes(true) {
		path, ok := strings.CutPrefix(r.Path, "/api")
		if !ok || r.Method == http.MethodHead {
			continue
		}
		parts := strings.Split(path, "/")
		for i, part := range parts {
			if name, ok := strings.CutPrefix(part, ":"); ok {
				parts[i] = "{" + name + "}"
			}
		}
		routes = append(routes, r.Method+" "+strings.Join(parts, "/"))
	}
	for path, item := range document().Paths.Map() {
		for method := range item.Operations() {
			paths = append(paths, method+" "+path)
		}
	}
	slices.Sort(routes)
	slices.Sort(paths)
	if !slices.Equal(routes, paths) {
		t.Errorf("routes %q\ndocument %q", routes, paths)
	}
}

func TestDocumentIsServed(t *testing.T) {
	a := start(t, nil)
	if got := a.get(t, "/api/openapi.json", http.StatusOK); got.body != string(api.OpenAPI) || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%q, %d bytes, want the document", got.header.Get("Content-Type"), len(got.body))
	}
	a.get(t, "/api/version", http.StatusOK).says(t, "version", http.StatusOK, "v1.2.3")
}
