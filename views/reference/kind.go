package reference

import (
	"encoding/json"
	"path"
	"strings"
)

// kindOf says in short what values a schema describes.
func kindOf(s schema) Kind {
	switch {
	case s.Ref != "":
		return Kind{Schema: path.Base(s.Ref)}
	case s.Items != nil:
		of := kindOf(*s.Items)
		k := Kind{Text: "array of " + of.Text, Schema: of.Schema}
		for _, other := range s.Type {
			if other != "array" {
				k.Text = other + " or " + k.Text
			}
		}
		return k
	case len(s.OneOf) > 0:
		var k Kind
		var texts []string
		for _, one := range s.OneOf {
			if of := kindOf(one); of.Schema != "" {
				k.Schema = of.Schema
			} else {
				texts = append(texts, of.Text)
			}
		}
		if k.Text = strings.Join(texts, " or "); k.Schema != "" && k.Text != "" {
			k.Text += " or "
		}
		return k
	case len(s.Type) == 0 && len(s.AllOf) > 0:
		return Kind{Text: "object"}
	case len(s.Type) == 0:
		return Kind{Text: kindOfValue(s)}
	}
	return Kind{Text: strings.Join(s.Type, " or ")}
}

// kindOfValue is the kind of the one value, or of the first, that a schema without a type allows.
func kindOfValue(s schema) string {
	value := s.Const
	if len(value) == 0 && len(s.Enum) > 0 {
		value = s.Enum[0]
	}
	var v any
	_ = json.Unmarshal(value, &v) // nothing is any value
	switch v.(type) {
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "boolean"
	}
	return "any value"
}

// factsOf are what narrows the values of a schema, in short.
func factsOf(s schema) []string {
	var facts []string
	add := func(before string, value json.RawMessage, after string) {
		if len(value) > 0 {
			facts = append(facts, before+plain(value)+after)
		}
	}
	if len(s.Minimum) > 0 && len(s.Maximum) > 0 {
		facts = append(facts, string(s.Minimum)+".."+string(s.Maximum))
	} else {
		add("at least ", s.Minimum, "")
		add("more than ", s.ExclusiveMinimum, "")
		add("at most ", s.Maximum, "")
	}
	add("at least ", s.MinItems, " items")
	add("at most ", s.MaxItems, " items")
	add("at least ", s.MinLength, " characters")
	var values []string
	for _, value := range s.Enum {
		values = append(values, plain(value))
	}
	if len(values) > 0 {
		facts = append(facts, "one of "+strings.Join(values, ", "))
	}
	add("always ", s.Const, "")
	if s.Format != "" {
		facts = append(facts, "format "+s.Format)
	}
	if s.Pattern != "" {
		facts = append(facts, "matches "+s.Pattern)
	}
	if s.Items != nil {
		for _, fact := range factsOf(*s.Items) {
			facts = append(facts, "each "+fact)
		}
	}
	add("default ", s.Default, "")
	return facts
}
