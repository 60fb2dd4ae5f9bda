package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/gofiber/fiber/v2"
)

// errBody is a body that makes no sense.
var errBody = errors.New("invalid body")

// badBody says what is wrong with a body.
type badBody struct {
	field string // empty: all of it
	want  string
}

func (e badBody) Error() string {
	if e.field == "" {
		return "The body is not " + e.want
	}
	return e.field + " is not " + e.want
}

func (e badBody) Unwrap() error { return errBody }

// fields are the fields of a JSON object that somebody sent.
type fields map[string]json.RawMessage

// bodyFields reads the request's body as it came; one that is compressed is no JSON. No body is as an object without fields.
func bodyFields(c *fiber.Ctx) (fields, error) {
	var f fields
	body := c.Request().Body()
	if len(body) == 0 {
		return f, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&f); err != nil || f == nil {
		return nil, badBody{want: "a JSON object"}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, badBody{want: "one JSON object alone"}
	}
	return f, nil
}

// field returns the value of a field that may be absent. kind says in words what it has to be.
func field[T any](f fields, name, kind string, absent T) (T, error) {
	raw, ok := f[name]
	if !ok {
		return absent, nil
	}
	var v *T // null is of no type
	if err := json.Unmarshal(raw, &v); err != nil || v == nil {
		return absent, badBody{name, kind}
	}
	return *v, nil
}

// array returns the elements of a field that may be absent, at most so many.
func array[T any](f fields, name, kind string, most int) ([]T, error) {
	raw, err := field(f, name, "an array of "+kind, []json.RawMessage{})
	if err != nil {
		return nil, err
	}
	if len(raw) > most {
		return nil, badBody{name, fmt.Sprintf("an array of at most %d elements", most)}
	}
	values := make([]T, len(raw))
	for i := range raw {
		if values[i], err = field(fields{name: raw[i]}, name, "an array of "+kind, values[i]); err != nil {
			return nil, err
		}
	}
	return values, nil
}
