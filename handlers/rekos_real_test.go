package handlers_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// What the two documents of 2022 show, written down as schemas: every key of their examples with its type, and no others.
// What MyAnimeList may not know can be null.
const (
	rekosTail = `
		"users": {"type": "array", "maxItems": 8, "items": {
			"type": "object", "additionalProperties": false, "required": ["hash", "affinity", "rekos"], "properties": {
				"hash": {"type": "string", "pattern": "^[0-9a-f]{LENGTH}$"},
				"affinity": {"type": "integer", "minimum": 0, "maximum": 100},
				"rekos": {"type": "object", "additionalProperties": false, "required": ["sent", "found"], "properties": {
					"sent": {"type": "integer", "minimum": 0}, "found": {"type": "integer", "minimum": 0}}}}}},
		"rekos": {"type": "array", "maxItems": 24, "items": {
			"type": "object", "additionalProperties": false, "required": ["id", "info", "expected", "users"], "properties": {
				"id": {"type": "integer", "minimum": 1},
				"info": {"type": "object", "additionalProperties": false,
					"required": ["id", "mean", "title", "airing_date", "main_image", "rating", "num_episodes", "genres", "related"], "properties": {
						"id": {"type": "integer", "minimum": 1},
						"mean": {"type": "number", "minimum": 1, "maximum": 10},
						"title": {"type": "string", "minLength": 1},
						"airing_date": {"type": ["string", "null"], "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
						"main_image": {"type": ["string", "null"], "pattern": "^https://"},
						"rating": {"enum": ["g", "pg", "pg_13", "r", "r+", "rx", null]},
						"num_episodes": {"type": "integer", "minimum": 0},
						"genres": {"type": "array", "items": {"type": "string", "minLength": 1}},
						"related": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["id", "relation"], "properties": {
							"id": {"type": "integer", "minimum": 1}, "relation": {"type": "string", "minLength": 1}}}}}},
				"expected": {"type": "object", "additionalProperties": false, "required": ["score", "enjoyment"], "properties": {
					"score": {"type": "number", "minimum": 1, "maximum": 10},
					"enjoyment": {"type": "integer", "minimum": 0, "maximum": 100}}},
				"users": {"type": "array", "minItems": 1, "uniqueItems": true, "items": {"type": "integer", "minimum": 0, "maximum": 7}}}}}}}`
	rekosHead = `{"type": "object", "additionalProperties": false, "required": ["metadata", "users", "rekos"], "properties": {
		"metadata": {"type": "object", "additionalProperties": false, "required": ["user_last_analyzed", "USERS", "rekos", "algorithm"], "properties": {
			"user_last_analyzed": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$"},
			"algorithm": {"type": "object", "additionalProperties": false, "required": ["passages", "accuracy"], "properties": {
				"passages": {"type": "integer", "minimum": 1, "maximum": 10}, "accuracy": {"type": "number", "minimum": 0, "maximum": 100}}},`
	schema2022b = rekosHead + `
			"users": {"type": "object", "additionalProperties": false, "required": ["found", "banned"], "properties": {
				"found": {"type": "integer", "minimum": 0, "maximum": 8}, "banned": {"type": "array", "items": {"type": "string"}}}},
			"rekos": {"type": "object", "additionalProperties": false, "required": ["sent", "found", "banned"], "properties": {
				"sent": {"type": "integer", "minimum": 0, "maximum": 24}, "found": {"type": "integer", "minimum": 0},
				"banned": {"type": "array", "items": {"type": "number"}}}}}},` + rekosTail
	schema2022a = rekosHead + `
			"users_found": {"type": "integer", "minimum": 0, "maximum": 8},
			"rekos": {"type": "object", "additionalProperties": false, "required": ["sent", "found"], "properties": {
				"sent": {"type": "integer", "minimum": 0, "maximum": 24}, "found": {"type": "integer", "minimum": 0}}}}},` + rekosTail
)

// schemaOf reads a schema; old and new are what stands in it for what differs.
func schemaOf(t testing.TB, text string, oldnew ...string) *openapi3.Schema {
	t.Helper()
	s := new(openapi3.Schema)
	if err := json.Unmarshal([]byte(strings.NewReplacer(oldnew...).Replace(text)), s); err != nil {
		t.Fatal(err)
	}
	return s
}

// lawfulRekos checks what the schema cannot say.
func (r *rekos) lawful(banned []float64) error {
	sent := make([]int, len(r.Users))
	if len(r.Rekos) != r.Metadata.Rekos.Sent || r.Metadata.Rekos.Found < len(r.Rekos) || len(r.Rekos) < min(r.Metadata.Rekos.Found, 24) {
		return fmt.Errorf("%d rekos: %+v", len(r.Rekos), r.Metadata.Rekos)
	}
	if n := r.Metadata.Users.Found + r.Metadata.UsersFound; n != len(r.Users) {
		return fmt.Errorf("%d users of %d", len(r.Users), n)
	}
	seen, last := map[int]bool{}, 100
	for _, reko := range r.Rekos {
		if seen[reko.ID] || reko.ID != reko.Info.ID || slices.Contains(banned, float64(reko.ID)) || reko.Expected.Enjoyment > last {
			return fmt.Errorf("anime %d does not belong here", reko.ID)
		}
		seen[reko.ID], last = true, reko.Expected.Enjoyment
		for i, u := range reko.Users {
			if u >= len(r.Users) || i > 0 && u <= reko.Users[i-1] {
				return fmt.Errorf("users of %d: %v of %d", reko.ID, reko.Users, len(r.Users))
			}
			sent[u]++
		}
	}
	hashes := map[string]bool{}
	most, all := 0, 0
	for i, u := range r.Users {
		if u.Rekos.Sent != sent[i] || u.Rekos.Found < sent[i] || u.Rekos.Found > r.Metadata.Rekos.Found || hashes[u.Hash] {
			return fmt.Errorf("user %d: %+v, sent %d", i, u, sent[i])
		}
		hashes[u.Hash] = true
		most, all = max(most, u.Rekos.Found), all+u.Rekos.Found
	}
	if found := r.Metadata.Rekos.Found; found < most || found > all {
		return fmt.Errorf("%d found, of one user up to %d, of all %d", found, most, all)
	}
	a := r.Metadata.Algorithm
	if a.Passages < 10 && len(r.Users) < 5 || a.Accuracy != max(100-2*float64(a.Passages-1), 0) {
		return fmt.Errorf("%d users after %+v", len(r.Users), a)
	}
	return nil
}

// For 50 real users both answers are as the documents say, and what is banned is absent.
func TestRekosOfRealUsers(t *testing.T) {
	t.Parallel()
	w := realWorld(t, 400)
	a := start(t, func(s *setup) { s.world = w })
	late := schemaOf(t, schema2022b, "USERS", "users", "LENGTH", "32")
	early := schemaOf(t, schema2022a, "USERS", "users_found", "LENGTH", "40")
	ask := func(path, target string, schema *openapi3.Schema, body any, banned []float64) rekos {
		t.Helper()
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		got := a.post(t, target, string(text))
		if got.status != 200 {
			t.Fatalf("%s %s: %d %s", target, text, got.status, got.body)
		}
		if err := schema.VisitJSON(read[any](t, got.body), openapi3.EnableJSONSchema2020(), openapi3.MultiErrors()); err != nil {
			t.Errorf("%s: %v", target, err)
		}
		r := read[rekos](t, got.body)
		if err := r.lawful(banned); err != nil {
			t.Errorf("%s %s: %v", target, text, err)
		}
		return r
	}
	widened, none, asked := 0, 0, 0
	for i := 0; asked < 50; i += 7 {
		name := w.users[i].Name
		if got := a.post(t, "/api/recommendations/"+name, ""); got.status == 422 {
			continue // has watched nothing
		}
		asked++
		first := ask("/recommendations/{username}", "/api/recommendations/"+name, early, map[string]any{}, nil)
		var ids []float64
		for _, r := range first.Rekos[:len(first.Rekos)/2] {
			ids = append(ids, float64(r.ID))
		}
		var hashes []string
		for _, u := range first.Users[:3] {
			hashes = append(hashes, u.Hash)
		}
		second := ask("/recommendations", "/api/recommendations", late, map[string]any{"user_name": name, "banned_ids": ids, "banned_users": hashes}, ids)
		for _, u := range second.Users {
			if slices.ContainsFunc(hashes, func(h string) bool { return h[:32] == u.Hash }) {
				t.Errorf("%s: the banned user %s is there", name, u.Hash)
			}
		}
		if asked > 2 {
			continue
		}
		// Ban whoever comes, until few are left, and then nobody.
		for len(second.Users) > 0 {
			for _, u := range second.Users[:min(len(second.Users), 8)] {
				hashes = append(hashes, u.Hash)
			}
			second = ask("/recommendations", "/api/recommendations", late, map[string]any{"user_name": name, "banned_users": hashes}, nil)
			if second.Metadata.Algorithm.Passages > 1 && len(second.Users) > 0 {
				widened++
			}
			if len(second.Users) == 0 && len(second.Rekos) == 0 && second.Metadata.Algorithm.Accuracy == 82 {
				none++
			}
		}
	}
	if widened == 0 || none == 0 {
		t.Errorf("%d answers after more than one passage, %d empty: want some", widened, none)
	}
}
