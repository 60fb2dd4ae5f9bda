package handlers

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand"
	"reflect"
	"testing"
	"testing/quick"

	gojson "github.com/goccy/go-json"

	"reko.moe/handlers/api"
)

// What is written of answers is what encoding/json would write, byte for byte.
func TestAnswersAreWrittenAsByEncodingJSON(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	text := func(v reflect.Value) {
		odd := []string{"", "<b>&amp;</b>", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "\u2028\u2029\ufffd", "ぬいぐるみ 🧸", "\xff\xfe\xc3", "a\xe2\x80"}
		v.SetString(odd[r.Intn(len(odd))] + v.String())
	}
	number := func(v reflect.Value) {
		odd := []float64{0, math.Copysign(0, -1), 1, 8.73, 1e20, 1e21, 1e-6, 1e-7, 123456789.125, math.MaxFloat64, math.SmallestNonzeroFloat64}
		if i := r.Intn(2 * len(odd)); i < len(odd) {
			v.SetFloat(odd[i])
		}
	}
	for _, of := range []any{
		api.Recommendation{}, api.Single{}, api.User{}, api.Requester{}, api.Pagination{}, api.Error{}, api.Rekos{}, api.NamedRekos{},
		api.Stats{},
	} {
		for range 300 {
			some := reflect.MakeSlice(reflect.SliceOf(reflect.TypeOf(of)), 0, 3)
			for range r.Intn(4) {
				v, ok := quick.Value(reflect.TypeOf(of), r)
				if !ok {
					t.Fatalf("no values of %T", of)
				}
				one := reflect.New(v.Type()).Elem()
				one.Set(v)
				each(one, reflect.String, text)
				each(one, reflect.Float64, number)
				some = reflect.Append(some, one)
			}
			for _, v := range []any{
				some.Interface(), api.Answer{Data: some.Interface()}, api.Answer{Data: reflect.Zero(reflect.TypeOf(of)).Interface()}, api.Paged{Data: some.Interface()}, api.Draw{Seed: r.Uint64(), Data: some.Interface()},
			} {
				var got, want bytes.Buffer
				if err := gojson.NewEncoder(&got).Encode(v); err != nil {
					t.Fatal(err)
				}
				if err := json.NewEncoder(&want).Encode(v); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got.Bytes(), want.Bytes()) {
					t.Fatalf("%T of %T:\n%s\nwant\n%s", v, of, &got, &want)
				}
			}
		}
	}
}

// each calls f with all of a kind that v is made of.
func each(v reflect.Value, kind reflect.Kind, f func(reflect.Value)) {
	switch v.Kind() {
	case kind:
		f(v)
	case reflect.Pointer:
		if !v.IsNil() {
			each(v.Elem(), kind, f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			each(v.Field(i), kind, f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			each(v.Index(i), kind, f)
		}
	default:
	}
}
