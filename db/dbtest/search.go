package dbtest

import (
	"testing"

	"reko.moe/engine"
)

var searchTests = []test{
	{"users are found by parts of their names", findUsers},
}

func findUsers(t *testing.T, s store) {
	want(t, "FindUsers of an empty store", must[[]engine.UserLine](t)(s.FindUsers(t.Context(), "", 0, 9)), nil)
	names := []string{"spike", "a_spike", "spi_ke", "spixke", "spike-2", "faye", `50%`}
	users := make([]engine.User, len(names))
	for i, name := range names {
		users[i] = User(t, name, 10+i)
	}
	users[1].Unlisted, users[1].Origin, users[1].Failures = true, engine.Uploaded, 3
	users = s.save(t, users...)
	for _, test := range []struct {
		text    string
		skip, n int
		want    []string
	}{
		{"", 0, 99, []string{`50%`, "a_spike", "faye", "spi_ke", "spike", "spike-2", "spixke"}},
		{"", 1, 2, []string{"a_spike", "faye"}},
		{"spike", 0, 99, []string{"spike", "spike-2", "a_spike"}},
		{"spike", 1, 1, []string{"spike-2"}},
		{"spike", 3, 9, nil},
		{"i_k", 0, 9, []string{"spi_ke"}}, // no wildcard
		{"%", 0, 9, []string{"50%"}},
		{`\`, 0, 9, nil},
		{"ike", 0, 9, []string{"a_spike", "spike", "spike-2"}},
		{"\x00\xff' --", 0, 9, nil},
	} {
		var got []string
		for _, l := range must[[]engine.UserLine](t)(s.FindUsers(t.Context(), test.text, test.skip, test.n)) {
			got = append(got, l.Name)
		}
		want(t, "FindUsers "+test.text, got, test.want)
	}
	u := users[1]
	want(t, "what is said of one", must[[]engine.UserLine](t)(s.FindUsers(t.Context(), "a_", 0, 9)), []engine.UserLine{{
		Card:   engine.Card{ID: u.ID, Name: u.Name, Hash: u.Hash},
		Origin: engine.Uploaded, Entries: 11, FetchedAt: u.FetchedAt, Failures: 3, Unlisted: true,
	}})
}
