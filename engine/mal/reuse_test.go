package mal

import (
	"errors"
	"reflect"
	"testing"

	"reko.moe/engine"
)

// Answers are read into memory that is used again: nothing of one is found in the next.
func TestReadPageForgets(t *testing.T) {
	const full = `{"data":[
		{"node":{"id":7,"title":"Full","mean":8,"start_date":"2001-02-03","genres":[{"id":1,"name":"Action"},{"id":2,"name":"Drama"}],"rating":"r"},
			"list_status":{"status":"dropped","score":9,"num_episodes_watched":12,"updated_at":"2024-01-02T03:04:05Z"}},
		{"node":{"id":8,"title":"Fuller","num_episodes":24},"list_status":{"status":"completed","score":10}}],
		"paging":{"next":"https://x.test/?offset=1000"}}`
	const bare = `{"data":[{"node":{"id":9,"title":"Bare","genres":[{"id":3}]},"list_status":{"status":"watching"}}]}`
	want, err := readPage(nil, []byte(bare), t0)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 { // the pool may forget, too
		if p, err := readPage(nil, []byte(full), t0); err != nil || len(p.changes) != 2 || p.next != 1000 {
			t.Fatalf("readPage = %+v, %v", p, err)
		}
		for _, body := range []string{`{}`, `{"data":null}`, `{"paging":{}}`} {
			if p, err := readPage(nil, []byte(body), t0); !errors.Is(err, engine.ErrInvalidList) {
				t.Fatalf("readPage(%s) = %+v, %v, want %v", body, p, err, engine.ErrInvalidList)
			}
			if p, err := readPage(nil, []byte(full), t0); err != nil || len(p.changes) != 2 {
				t.Fatalf("readPage = %+v, %v", p, err)
			}
		}
		if p, err := readPage(nil, []byte(`{"data":[]}`), t0); err != nil || len(p.changes)+len(p.anime)+p.next != 0 {
			t.Fatalf("readPage of none = %+v, %v", p, err)
		}
		if p, err := readPage(nil, []byte(`{"data":[{"node":{"id":0}}, 1`), t0); !errors.Is(err, engine.ErrInvalidList) {
			t.Fatalf("readPage of half an answer = %+v, %v", p, err)
		}
		if got, err := readPage(nil, []byte(bare), t0); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("readPage = %+v, %v\nwant %+v", got, err, want)
		}
	}
}
