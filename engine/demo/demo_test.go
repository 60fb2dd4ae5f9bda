package demo

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"reflect"
	"slices"
	"strings"
	"testing"

	"reko.moe/engine"
)

// golden is the SHA-256 of the whole population. When it changes, so does the demo of everybody who installs it anew: put
// the new value here if that is meant.
const golden = "de435c69d2a3e78d955a46e82a75564d54f06fd587f66c4eb1d331b16d1fb7e9"

func TestUsersGolden(t *testing.T) {
	h := sha256.New()
	for _, u := range Users() {
		h.Write([]byte(u.Name))
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(u.Hash)))
		h.Write(u.List)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != golden {
		t.Errorf("the population's checksum is %s, want %s", got, golden)
	}
}

func TestUsersRepeat(t *testing.T) {
	if !reflect.DeepEqual(Users(), Users()) {
		t.Error("two calls of Users differ")
	}
}

func TestUsers(t *testing.T) {
	users := Users()
	if n := len(users); n < 380 || n > 420 {
		t.Errorf("%d users, want about 400", n)
	}
	c := engine.NewCatalogue(Anime())
	names := make(map[string]bool)
	for _, u := range users {
		name, ok := engine.CanonicalName(u.Name)
		if !ok || name != u.Name || names[name] {
			t.Errorf("user %q: not a name, not canonical or not unique", u.Name)
		}
		names[name] = true
		if u.ID != 0 || u.Origin != engine.FromDemo || !u.FetchedAt.Equal(fetched) || !u.FullAt.Equal(fetched) || u.Failures != 0 {
			t.Errorf("user %q: odd details: id %d, origin %q, fetched %v, full %v", name, u.ID, u.Origin, u.FetchedAt, u.FullAt)
		}
		list := unpack(t, u)
		if u.Hash == 0 || u.Hash != engine.TasteHash(list, c) {
			t.Errorf("user %q: hash %v, want %v", name, u.Hash, engine.TasteHash(list, c))
		}
		if len(list) < shortest || len(list) > longest || list.Watched() < 20 {
			t.Errorf("user %q: %d entries, %d of them watched", name, len(list), list.Watched())
		}
	}
}

func TestExamples(t *testing.T) {
	examples, users := Examples(), Users()
	if len(examples) != len(tastes) {
		t.Fatalf("%d examples of %d tastes", len(examples), len(tastes))
	}
	for i, e := range examples {
		if users[i].Name != e.Name || e.Taste == "" {
			t.Errorf("example %d is %+v, but user %d is %q", i, e, i, users[i].Name)
		}
	}
}

func TestNamesHint(t *testing.T) {
	for _, p := range population() {
		taste := &tastes[p.taste]
		if p.name != taste.example && !slices.ContainsFunc(taste.heads, func(h string) bool { return strings.HasPrefix(p.name, h) }) {
			t.Errorf("%q does not hint at %s", p.name, taste.about)
		}
	}
}

func TestTastesLikeStatistics(t *testing.T) {
	known := make(map[string]bool)
	for _, s := range engine.Statistics {
		known[s.Name] = true
	}
	for _, taste := range tastes {
		for name := range taste.likes {
			if !known[name] {
				t.Errorf("%s: no statistic is called %q", taste.example, name)
			}
		}
	}
}

// TestTastesAreRecognised checks what the demo is for: the most similar users are those of the same taste.
func TestTastesAreRecognised(t *testing.T) {
	users, people := Users(), population()
	var all float64
	times := make([]float64, len(tastes)) // as many of the same taste as there would be by chance
	for i := range users {
		taste := people[i].taste
		same := 0
		near := nearest(users, i)
		for _, j := range near {
			if people[j].taste == taste {
				same++
			}
		}
		byChance := float64(tastes[taste].users-1) / float64(len(users)-1)
		n := float64(same) / float64(len(near)) / byChance
		times[taste] += n / float64(tastes[taste].users)
		all += n / float64(len(users))
	}
	t.Logf("the nearest share a taste %.1f times as often as by chance", all)
	if all < 5 {
		t.Errorf("the nearest share a taste %.1f times as often as by chance, want 5", all)
	}
	for i, n := range times {
		if least := 3.0; n < least && tastes[i].example != "watched-it-all" { // whose taste is to have none
			t.Errorf("the nearest of %s share the taste %.1f times as often as by chance, want %.0f", tastes[i].example, n, least)
		}
	}
}

func TestEverybodyGetsRecommendations(t *testing.T) {
	users := Users()
	c := engine.NewCatalogue(Anime())
	lists := make([]engine.List, len(users))
	for i := range users {
		lists[i] = unpack(t, users[i])
	}
	for i := range users {
		out := make(map[engine.AnimeID]bool)
		for _, e := range lists[i] {
			out[e.Anime] = true
		}
		eligible := 0
		for _, j := range nearest(users, i) {
			for _, e := range lists[j] {
				if a := c.Anime(e.Anime); e.Watched() && e.Score > 0 && a.HasMean() && a.Parent == 0 && !out[a.ID] {
					out[a.ID] = true
					eligible++
				}
			}
		}
		if least := 3 * engine.PageSize; eligible < least {
			t.Errorf("user %q: %d anime can be recommended, want %d", users[i].Name, eligible, least)
		}
	}
}

// nearest returns the batch of users most similar to users[i].
func nearest(users []engine.User, i int) []int {
	near := make([]int, 0, len(users))
	for j := range users {
		if j != i {
			near = append(near, j)
		}
	}
	slices.SortFunc(near, func(a, b int) int {
		return cmp.Or(engine.Distance(users[i].Hash, users[a].Hash)-engine.Distance(users[i].Hash, users[b].Hash), a-b)
	})
	return near[:engine.BatchSize]
}

func unpack(t *testing.T, u engine.User) engine.List {
	t.Helper()
	list, err := u.List.Unpack(nil)
	if err != nil {
		t.Fatalf("list of %q: %v", u.Name, err)
	}
	return list
}

func BenchmarkUsers(b *testing.B) {
	for b.Loop() {
		Users()
	}
}
