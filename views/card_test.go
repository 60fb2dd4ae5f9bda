package views

import (
	"testing"

	"reko.moe/engine"
)

func TestEnglishTitle(t *testing.T) {
	for _, test := range []struct{ title, english, want string }{
		{"Sen to Chihiro no Kamikakushi", "Spirited Away", "Spirited Away"},
		{"Cowboy Bebop", "Cowboy Bebop", ""},
		{"Kill la Kill", "KILL la KILL!", ""},
		{"Hunter x Hunter (2011)", "Hunter x Hunter", ""},
		{"Nisekoi", "Nisekoi: False Love", "Nisekoi: False Love"},
		{"進撃の巨人", "Attack", "Attack"},
		{"K", "", ""},
	} {
		if got := englishTitle(&engine.Anime{Title: test.title, English: test.english}); got != test.want {
			t.Errorf("englishTitle of %q, %q = %q, want %q", test.title, test.english, got, test.want)
		}
	}
}

func TestBatchRange(t *testing.T) {
	for _, test := range []struct {
		batch, n int
		want     string
	}{{2, 32, "33 to 64"}, {40, 7, "1,249 to 1,255"}} {
		if got := batchRange(test.batch, test.n); got != test.want {
			t.Errorf("batchRange(%d, %d) = %q, want %q", test.batch, test.n, got, test.want)
		}
	}
}
