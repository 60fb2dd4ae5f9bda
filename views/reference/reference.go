// Package reference reads an OpenAPI document into what a page about the API shows, in the order of the document. It knows of OpenAPI
// what Reko's own document uses.
package reference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Reference is what a document says. In texts, blank lines part paragraphs, what stands between ` is code, what stands between ** is bold,
// and lines that begin with | are a table.
type Reference struct {
	Title, Version, Summary, Text string
	Groups                        []Group
	Shared                        []Answer // that several operations give
	Headers                       []Field
	Schemas                       []Schema
	Keys                          []string // how one shows who asks
}

// Group has the operations of a tag.
type Group struct {
	Name, Text string
	Operations []Operation
}

// Operation is what can be asked for by a method at a path.
type Operation struct {
	ID, Title, Text string
	Method, Path    string // with {username}
	Params          []Field
	Body            *Answer // what has to be sent; nil: nothing
	Answers         []Answer
	Keyed           bool   // only who has a key is answered
	Example         string // path and query, filled in
}

// Answer is what comes back, or what is sent.
type Answer struct {
	Name     string // of one of [Reference.Shared], which has the rest; empty: it is the operation's own
	Status   string
	Text     string
	Headers  []string // names of [Reference.Headers]
	Own      []Field  // those of the headers that are otherwise here
	Contents []Content
}

// Content is a form that an answer can have.
type Content struct {
	Type     string // application/json
	Kind     Kind
	Examples []Example
}

// Example is an answer as it can be.
type Example struct{ Title, Text string }

// Kind says what a value is: Text, and behind it the schema of the document whose name is Schema, if it is not empty.
type Kind struct{ Text, Schema string }

// Field is a parameter, a header, or a property; one within another object has a name with dots, or with [] where it is in an array.
type Field struct {
	Name     string
	In       string // of a parameter: path, query or header
	Kind     Kind
	Facts    []string // range, default and the like
	Text     string
	Required bool
}

// Schema is a schema that has a name.
type Schema struct {
	Name, Text string
	Kind       Kind
	Facts      []string
	Extends    []string // names of schemas that it has all fields of
	Fields     []Field
}

// Read reads a document.
func Read(data []byte) (*Reference, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("OpenAPI document: %w", err)
	}
	r := &Reference{Title: d.Info.Title, Version: d.Info.Version, Summary: d.Info.Summary, Text: d.Info.Description}
	for _, tag := range d.Tags {
		r.Groups = append(r.Groups, Group{Name: tag.Name, Text: tag.Description})
	}
	for _, at := range d.Paths.keys {
		for _, method := range d.Paths.values[at].keys {
			o := d.Paths.values[at].values[method]
			in := slices.IndexFunc(r.Groups, func(g Group) bool { return slices.Contains(o.Tags, g.Name) })
			if in < 0 {
				return nil, fmt.Errorf("OpenAPI document: %s %s has no tag that is described", method, at)
			}
			made, err := d.operation(method, at, o)
			if err != nil {
				return nil, fmt.Errorf("OpenAPI document: %s %s: %w", method, at, err)
			}
			r.Groups[in].Operations = append(r.Groups[in].Operations, made)
		}
	}
	for _, name := range d.Components.Responses.keys {
		a := d.answer("", d.Components.Responses.values[name])
		a.Name = name
		r.Shared = append(r.Shared, a)
	}
	for _, key := range d.Components.Headers.keys {
		h := d.Components.Headers.values[key]
		if h.Name = d.headerName(key); h.Name != "" {
			r.Headers = append(r.Headers, d.field(h))
		}
	}
	for _, name := range d.Components.Schemas.keys {
		r.Schemas = append(r.Schemas, d.named(name))
	}
	for _, name := range d.Components.SecuritySchemes.keys {
		r.Keys = append(r.Keys, d.Components.SecuritySchemes.values[name].Description)
	}
	return r, nil
}

// headerName is the name under which answers have a header that the document describes under a key.
func (d *document) headerName(key string) string {
	for _, at := range d.Paths.values {
		for _, o := range at.values {
			for _, a := range o.Responses.values {
				if a.Ref != "" {
					a = d.Components.Responses.values[path.Base(a.Ref)]
				}
				for name, h := range a.Headers.values {
					if path.Base(h.Ref) == key {
						return name
					}
				}
			}
		}
	}
	return ""
}

func (d *document) operation(method, at string, o operation) (Operation, error) {
	base := ""
	if len(d.Servers) > 0 {
		base = d.Servers[0].URL
	}
	made := Operation{
		ID: o.OperationID, Title: o.Summary, Text: o.Description, Method: strings.ToUpper(method), Path: base + at, Keyed: len(o.Security) > 0,
	}
	example, query := made.Path, url.Values{}
	for _, p := range o.Parameters {
		if p.Ref != "" {
			p = d.Components.Parameters[path.Base(p.Ref)]
		}
		if p.Name == "" {
			return made, fmt.Errorf("a parameter is not described: %+v", p)
		}
		made.Params = append(made.Params, d.field(p))
		switch text := plain(p.Example); {
		case p.In == "path":
			example = strings.Replace(example, "{"+p.Name+"}", url.PathEscape(text), 1)
		case p.In == "query" && text != "" && len(query) == 0: // one is enough to see how
			query.Set(p.Name, text)
		}
	}
	made.Example = example
	if len(query) > 0 {
		made.Example += "?" + query.Encode()
	}
	if o.RequestBody != nil {
		body := d.answer("", *o.RequestBody)
		made.Body = &body
	}
	for _, status := range o.Responses.keys {
		made.Answers = append(made.Answers, d.answer(status, o.Responses.values[status]))
	}
	return made, nil
}

func (d *document) answer(status string, a response) Answer {
	if a.Ref != "" {
		name := path.Base(a.Ref)
		return Answer{Name: name, Status: status, Text: d.Components.Responses.values[name].Description}
	}
	made := Answer{Status: status, Text: a.Description, Headers: a.Headers.keys}
	for _, name := range a.Headers.keys {
		if h := a.Headers.values[name]; h.Ref == "" {
			h.Name = name
			made.Own = append(made.Own, d.field(h))
		}
	}
	for _, kind := range a.Content.keys {
		m := a.Content.values[kind]
		c := Content{Type: kind, Kind: kindOf(m.Schema)}
		if len(m.Example) > 0 {
			c.Examples = append(c.Examples, Example{Text: pretty(m.Example)})
		}
		for _, key := range m.Examples.keys {
			c.Examples = append(c.Examples, Example{m.Examples.values[key].Summary, pretty(m.Examples.values[key].Value)})
		}
		made.Contents = append(made.Contents, c)
	}
	return made
}

func (d *document) field(p parameter) Field {
	f := Field{Name: p.Name, In: p.In, Kind: kindOf(p.Schema), Facts: factsOf(p.Schema), Text: p.Description, Required: p.Required}
	if text := plain(p.Example); text != "" {
		f.Facts = append(f.Facts, "for example "+text)
	}
	return f
}

// named is the schema of that name.
func (d *document) named(name string) Schema {
	s := d.Components.Schemas.values[name]
	made := Schema{Name: name, Text: s.Description, Kind: kindOf(s), Facts: factsOf(s), Fields: fieldsOf("", s)}
	for _, part := range s.AllOf {
		if part.Ref != "" {
			made.Extends = append(made.Extends, path.Base(part.Ref))
		}
		made.Fields = append(made.Fields, fieldsOf("", part)...)
	}
	return made
}

// fieldsOf are the properties of an object, and those of objects in it that have no name of their own.
func fieldsOf(prefix string, s schema) []Field {
	var fields []Field
	for _, name := range s.Properties.keys {
		p := s.Properties.values[name]
		fields = append(fields, Field{
			Name: prefix + name, Kind: kindOf(p), Facts: factsOf(p), Text: p.Description, Required: slices.Contains(s.Required, name),
		})
		fields = append(fields, fieldsOf(prefix+name+".", p)...)
		if p.Items != nil {
			fields = append(fields, fieldsOf(prefix+name+"[].", *p.Items)...)
		}
	}
	return fields
}

// plain is a value as one types it into an address.
func plain(value json.RawMessage) string {
	var text string
	if string(value) != "null" && json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// pretty is JSON for people; a text is what it says.
func pretty(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var b bytes.Buffer
	if json.Indent(&b, value, "", "  ") != nil {
		return string(value)
	}
	return b.String()
}
