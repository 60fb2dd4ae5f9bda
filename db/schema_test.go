package db

import (
	"slices"
	"testing"
)

// What backups leave out is there and has its reason; a name that is wrong would leave out nothing.
func TestWhatBackupsLeaveOutIsThere(t *testing.T) {
	names, err := migrationNames()
	if err != nil {
		t.Fatal(err)
	}
	tables, err := tablesAfter(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	for name, why := range notKept {
		if why == "" || !slices.ContainsFunc(tables, func(x table) bool { return x.name == name }) {
			t.Errorf("%s is left out because %q", name, why)
		}
	}
}

func TestTablesComeBehindWhatTheyReferTo(t *testing.T) {
	tables := []table{{name: "a"}, {name: "b"}, {name: "c"}, {name: "d"}}
	refers := map[string][]string{"a": {"c"}, "b": {"b", "a"}, "c": {"d"}}
	var got []string
	for _, x := range inOrder(tables, refers) {
		got = append(got, x.name)
	}
	if want := []string{"d", "c", "a", "b"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestTablesOfEachVersion(t *testing.T) {
	names, err := migrationNames()
	if err != nil {
		t.Fatal(err)
	}
	for n := range names {
		tables, err := tablesAfter(t.Context(), names[:n+1])
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(tables, func(x table) bool { return x.name == "users" })
		if at < 0 || !tables[at].numbers || !slices.Equal(tables[at].key, []string{"id"}) || slices.Contains(tables[at].columns, "unlisted") != (n >= 2) {
			t.Errorf("after %d migrations users are %v", n+1, tables)
		}
	}
}
