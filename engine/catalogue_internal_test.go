package engine

import (
	"reflect"
	"testing"
)

// What is put into one piece of memory is what it was, and nobody writes into another's.
func TestCompact(t *testing.T) {
	all := func() []Anime {
		space := []Genre{{1, "Action"}, {24, "Sci-Fi"}}
		return []Anime{
			{ID: 1, Title: "Cowboy Bebop", English: "Cowboy Bebop", Picture: "a.jpg", Relations: []Relation{{"sequel", 2}, {"other", 3}}, Genres: space},
			{ID: 2, Title: "Tengoku no Tobira", Genres: space},
			{ID: 3, English: "Session XX", Picture: "b.jpg", Relations: []Relation{{"prequel", 1}}, Genres: []Genre{{4, "Comedy"}}},
			{ID: 4, Genres: space[:1]},
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
	if &got[0].Genres[0] != &got[1].Genres[0] {
		t.Error("anime that shared their genres do no more")
	}
	for i := range got {
		got[i].Genres = append(got[i].Genres, Genre{9, "Horror"})
	}
	for i := range got {
		if g := got[i].Genres; !reflect.DeepEqual(g[:len(g)-1], want[i].Genres) {
			t.Errorf("who appends to the genres of one has changed those of anime %d to %v", got[i].ID, g)
		}
	}
}
