package engine

import (
	"reflect"
	"testing"
)

// What is put into one piece of memory is what it was, and nobody writes into another's.
func TestCompact(t *testing.T) {
	all := func() []Anime {
		return []Anime{
			{ID: 1, Title: "Cowboy Bebop", English: "Cowboy Bebop", Picture: "a.jpg", Relations: []Relation{{"sequel", 2}, {"other", 3}}},
			{ID: 2, Title: "Tengoku no Tobira"},
			{ID: 3, English: "Session XX", Picture: "b.jpg", Relations: []Relation{{"prequel", 1}}},
		}
	}
	got, want := all(), all()
	compact(got)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got[0].Relations = append(got[0].Relations, Relation{"summary", 9}); got[2].Relations[0] != want[2].Relations[0] {
		t.Errorf("who appends to the relations of one has changed those of another to %v", got[2].Relations)
	}
}
