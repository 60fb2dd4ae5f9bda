package reference

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// ordered is a JSON object whose keys keep their order.
type ordered[T any] struct {
	keys   []string
	values map[string]T
}

// UnmarshalJSON implements [json.Unmarshaler].
func (o *ordered[T]) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &o.values); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil { // {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		o.keys = append(o.keys, fmt.Sprint(key))
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return err
		}
	}
	return nil
}

// The parts of a document that are read. Of what can be a reference, Ref is where it leads.
type (
	document struct {
		Info       struct{ Title, Version, Summary, Description string }
		Servers    []struct{ URL string }
		Tags       []struct{ Name, Description string }
		Paths      ordered[ordered[operation]] // by path, then by method
		Components struct {
			Parameters      map[string]parameter
			Headers         ordered[parameter]
			Responses       ordered[response]
			Schemas         ordered[schema]
			SecuritySchemes ordered[struct{ Description string }]
		}
	}

	operation struct {
		OperationID          string
		Tags                 []string
		Summary, Description string
		Parameters           []parameter
		RequestBody          *response
		Responses            ordered[response]
		Security             []ordered[json.RawMessage]
	}

	// parameter is a header, too.
	parameter struct {
		Ref         string `json:"$ref"`
		Name, In    string
		Required    bool
		Description string
		Schema      schema
		Example     json.RawMessage
	}

	// response is the body of a request, too.
	response struct {
		Ref         string `json:"$ref"`
		Description string
		Headers     ordered[parameter]
		Content     ordered[media]
	}

	media struct {
		Schema   schema
		Example  json.RawMessage
		Examples ordered[struct {
			Summary string
			Value   json.RawMessage
		}]
	}

	schema struct {
		Ref              string `json:"$ref"`
		Type             types
		Description      string
		Format, Pattern  string
		Enum             []json.RawMessage
		Const, Default   json.RawMessage
		Minimum, Maximum json.RawMessage
		ExclusiveMinimum json.RawMessage
		MinItems         json.RawMessage
		MaxItems         json.RawMessage
		MinLength        json.RawMessage
		Items            *schema
		AllOf, OneOf     []schema
		Required         []string
		Properties       ordered[schema]
	}
)

// types are one type, or several of which a value has one.
type types []string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *types) UnmarshalJSON(data []byte) error {
	if data[0] == '[' {
		return json.Unmarshal(data, (*[]string)(t))
	}
	*t = types{""}
	return json.Unmarshal(data, &(*t)[0])
}
