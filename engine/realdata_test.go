package engine_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"reko.moe/engine"
	"reko.moe/engine/listfile"
	"reko.moe/internal/shared"
)

// realUser is somebody of the real lists.
type realUser struct {
	engine.Card
	entries int
	list    engine.Packed
}

var (
	realAnime sync.Once
	realAll   []engine.Anime
	catalogue *engine.Catalogue
	realLists = map[string][]realUser{} // by file
)

// realCatalogue reads the catalogue of ../shared, once.
func realCatalogue(t testing.TB) *engine.Catalogue {
	t.Helper()
	file := shared.Gunzip(t, "data", "anime.csv.gz")
	realAnime.Do(func() {
		var all []engine.Anime
		for a, err := range listfile.ReadAnime(file, time.Unix(1, 0)) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, a)
		}
		realAll, catalogue = all, engine.NewCatalogue(all)
	})
	if catalogue == nil {
		t.Fatal("the catalogue could not be read")
	}
	return catalogue
}

// realUsers reads the lists of a file, once. On the way it checks that each survives its stored form.
func realUsers(t testing.TB, name string) []realUser {
	t.Helper()
	c := realCatalogue(t)
	file := shared.Gunzip(t, "data", name+".csv.gz")
	if users, ok := realLists[name]; ok {
		return users
	}
	var users []realUser
	var memory engine.List
	for u, err := range listfile.ReadLists(file) {
		if err != nil {
			t.Fatal(err)
		}
		packed := u.List.Pack()
		if memory, err = packed.Unpack(memory[:0]); err != nil || !slices.Equal(memory, u.List) {
			t.Fatalf("the list of %s does not survive its stored form: %v", u.Name, err)
		}
		id := engine.UserID(len(users) + 1)
		users = append(users, realUser{engine.Card{ID: id, Name: u.Name, Hash: engine.TasteHash(u.List, c)}, len(u.List), packed})
	}
	realLists[name] = users
	return users
}

func TestRealDataIsReadWhole(t *testing.T) {
	if n := realCatalogue(t).Len(); n != 30_761 {
		t.Errorf("%d anime, want 30,761", n)
	}
	for name, want := range map[string][2]int{"lists": {12_338, 3_420_325}, "dated_lists": {18, 9_998}} {
		users := realUsers(t, name)
		entries := 0
		for _, u := range users {
			entries += u.entries
		}
		if got := [2]int{len(users), entries}; got != want {
			t.Errorf("%s: %d users with %d entries, want %d with %d", name, got[0], got[1], want[0], want[1])
		}
	}
}

// The golden hashes were not made by this program but, from the same data, by a script of a few lines that knows the contract
// and the table of statistics. They never change: a hash is a public identifier of taste.
func TestRealHashes(t *testing.T) {
	f, err := os.Open("testdata/hashes.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll() // file,user,hash
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		users := realUsers(t, row[0])
		i := slices.IndexFunc(users, func(u realUser) bool { return u.Name == row[1] })
		if i < 0 {
			t.Errorf("%s has no %s", row[0], row[1])
			continue
		}
		if got := users[i].Hash.String(); got != row[2] {
			t.Errorf("hash of %s in %s = %s, want %s", row[1], row[0], got, row[2])
		}
	}
	// And all of them at once: SHA-256 of a line "name,hash" for each, in the order of the file.
	for name, want := range map[string]string{
		"lists":       "6d20620936646d162935da25481cba0e69e04074d2ba72a8b69096cdfc9a3de5",
		"dated_lists": "731a8b72ae0c8244d9c5fe7f7bbd150fad78adecc30040e1edfce8684e3ed4c7",
	} {
		digest := sha256.New()
		for _, u := range realUsers(t, name) {
			fmt.Fprintf(digest, "%s,%s\n", u.Name, u.Hash)
		}
		if got := hex.EncodeToString(digest.Sum(nil)); got != want {
			t.Errorf("digest of all hashes in %s = %s, want %s", name, got, want)
		}
	}
}

func TestSimilarOverRealUsersEqualsSort(t *testing.T) {
	var cards []engine.Card
	for _, u := range realUsers(t, "lists") {
		cards = append(cards, u.Card)
	}
	x := engine.NewIndex(cards)
	if want := len(cards) - 131; x.Len() != want { // 131 have no hash
		t.Errorf("%d users in the index, want %d", x.Len(), want)
	}
	type far struct {
		at int // in cards
		by int
	}
	all := make([]far, 0, len(cards))
	for n := range 200 {
		u := cards[n*len(cards)/200]
		all = all[:0]
		for i, c := range cards {
			if c.ID != u.ID && c.Hash != 0 {
				all = append(all, far{i, engine.Distance(u.Hash, c.Hash)})
			}
		}
		slices.SortFunc(all, func(a, b far) int { return cmp.Or(cmp.Compare(a.by, b.by), cmp.Compare(a.at, b.at)) })
		check := func(from, to int) {
			near, more := x.Nearest(u.Hash, u.ID, from, to)
			want := all[min(from, len(all)):min(to, len(all))]
			if !slices.EqualFunc(near, want, func(n engine.Neighbour, f far) bool { return n.Card == cards[f.at] && n.Distance == f.by }) || more != (to < len(all)) {
				t.Fatalf("Nearest(%s, %d, %d, %d) has %d users, more: %t; not what a sort has", u.Hash, u.ID, from, to, len(near), more)
			}
		}
		check(0, len(cards)) // all of them
		check(0, 1280)       // all pages at once
		page := n % engine.MaxSimilarPage * engine.SimilarSize
		check(page, page+engine.SimilarSize)
	}
}
