package dbtest

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"reko.moe/engine"
)

var userTests = []test{
	{"what is saved comes back", savedComesBack},
	{"save replaces and keeps the id", saveReplaces},
	{"ids ascend and are not used again", idsAscend},
	{"all 64 bits of a hash are kept", hashesAreWhole},
	{"times are kept to the second", timesToTheSecond},
	{"lists of any length", listsOfAnyLength},
	{"who is not there is not found", notFound},
	{"users come in the order of ids", usersInOrder},
	{"failed refreshes are counted", refreshesFail},
	{"stale users", staleUsers},
	{"a hash is set only where the list is the same", setHashes},
	{"an origin is removed", removeOrigin},
	{"a user is deleted", deleteUser},
	{"whoever has a name is removed", removeUser},
	{"unlisted users have no card", unlisted},
}

func savedComesBack(t *testing.T, s store) {
	u := User(t, "spike", 300)
	u.Origin, u.Failures = engine.FromFile, 7
	u = s.save(t, u)[0]
	faye := s.save(t, User(t, "faye-valentine_1", 3))[0]
	want(t, "User", must[engine.User](t)(s.User(t.Context(), u.Name)), u)
	for range 2 { // from the database, then perhaps from memory
		want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), nil, []engine.UserID{u.ID, faye.ID})), []engine.User{u, faye})
	}
	want(t, "AllUsers", all(t, s.AllUsers(t.Context())), []engine.User{u, faye})
	want(t, "Cards", all(t, s.Cards(t.Context())), cardsOf([]engine.User{u, faye}))
}

func saveReplaces(t *testing.T, s store) {
	old := s.save(t, User(t, "spike", 300), User(t, "faye", 10))
	must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(old)))
	u := User(t, "other", 2)
	u.Name, u.Origin, u.Hash, u.Failures = "spike", engine.FromFile, 0, 3
	u.ID = 4711 // whatever it says: the name decides
	u.FetchedAt, u.FullAt = day0.Add(time.Hour), time.Time{}
	u = s.save(t, u)[0]
	want(t, "id", u.ID, old[0].ID)
	want(t, "User", must[engine.User](t)(s.User(t.Context(), "spike")), u)
	want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(old))), []engine.User{u, old[1]})
	want(t, "Cards", all(t, s.Cards(t.Context())), cardsOf([]engine.User{u, old[1]}))
}

func idsAscend(t *testing.T, s store) {
	saved := s.save(t, User(t, "a", 1), User(t, "b", 1))
	s.save(t, User(t, "a", 2), User(t, "b", 3))
	saved = append(saved, s.save(t, User(t, "c", 1))...)
	must[int](t)(s.RemoveOrigin(t.Context(), engine.FromMAL))
	saved = append(saved, s.save(t, User(t, "c", 1), User(t, "a", 1))...)
	ids := idsOf(saved)
	if ids[0] < 1 || !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("ids = %v, want them to ascend from at least 1", ids)
	}
}

func hashesAreWhole(t *testing.T, s store) {
	hashes := []engine.Hash{0, 1, 1 << 63, 1<<63 | 1, math.MaxInt64, math.MaxUint64, 0x1104410102000000, 0xfedcba9876543210}
	users := Users(t, "u", len(hashes), 1)
	for i := range users {
		users[i].Hash = hashes[i]
	}
	for _, users := range [][]engine.User{users, append(slices.Clone(users), User(t, "other", 1))} {
		ok(t, s.ImportUsers(t.Context(), users)) // new, then replaced
		cards := all(t, s.Cards(t.Context()))
		for i, h := range hashes {
			want(t, "hash of card", cards[i].Hash, h)
			u := must[engine.User](t)(s.User(t.Context(), users[i].Name))
			want(t, "hash", u.Hash, h)
			u.Hash = ^h
			must[engine.UserID](t)(s.SaveUser(t.Context(), u))
			u.Hash = h
			want(t, "SetHashes", must[[]engine.User](t)(s.SetHashes(t.Context(), []engine.User{u})), []engine.User{u})
			want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), nil, []engine.UserID{u.ID})), []engine.User{u})
		}
	}
}

func timesToTheSecond(t *testing.T, s store) {
	tokyo := time.FixedZone("tokyo", 9*60*60)
	for _, at := range []time.Time{
		{},
		day0,
		day0.Add(999_999_999),
		day0.In(tokyo),
		time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(2149, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		u := User(t, "spike", 1)
		u.FetchedAt, u.FullAt = at, at.Add(time.Minute)
		if at.IsZero() {
			u.FullAt = at
		}
		u = s.save(t, u)[0]
		want(t, "User", must[engine.User](t)(s.User(t.Context(), "spike")), u)
		want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), nil, []engine.UserID{u.ID})), []engine.User{u})
	}
}

func listsOfAnyLength(t *testing.T, s store) {
	var users []engine.User
	for name, n := range map[string]int{"none": 0, "one": 1, "hundreds": 280, "thousands": 15_000} {
		users = append(users, s.save(t, User(t, name, n))...)
		u := must[engine.User](t)(s.User(t.Context(), name))
		l, err := u.List.Unpack(nil)
		if err != nil || len(l) != n {
			t.Errorf("list of %d entries came back with %d, %v", n, len(l), err)
		}
	}
	want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(users))), users)

	longest := make([]engine.Change, engine.MaxEntries)
	for i := range longest {
		longest[i].Anime = engine.AnimeID(i*40 + 1)
	}
	u := User(t, "longest", 1)
	u.List = must[engine.List](t)(engine.NewList(longest)).Pack()
	u = s.save(t, u)[0]
	want(t, "longest list", must[engine.User](t)(s.User(t.Context(), u.Name)), u)

	// Nobody has no list at all.
	u.List = nil
	_, err := s.SaveUser(t.Context(), u)
	wantKind(t, "SaveUser without a list", err, engine.ErrStore)
	wantKind(t, "ImportUsers without a list", s.ImportUsers(t.Context(), []engine.User{u}), engine.ErrStore)
}

func notFound(t *testing.T, s store) {
	s.save(t, User(t, "spike", 1))
	for _, name := range []string{
		"", "Spike", "spik", "spike ", "spike\x00", "spike\xff", "%", "sp_ke", "' OR 1=1 --", `"`, "$1", "スパイク", strings.Repeat("x", 10_000),
	} {
		u, err := s.User(t.Context(), name)
		wantKind(t, "User", err, engine.ErrNotFound)
		want(t, "User", u, engine.User{})
	}
}

func usersInOrder(t *testing.T, s store) {
	none := must[[]engine.User](t)(s.Users(t.Context(), nil, nil))
	want(t, "users of no ids", len(none), 0)
	u := s.save(t, Users(t, "u", 5, 10)...)
	must[[]engine.User](t)(s.Users(t.Context(), nil, []engine.UserID{u[3].ID, u[1].ID})) // now perhaps in memory
	ids := []engine.UserID{u[4].ID, math.MaxInt64, u[0].ID, -1, 0, u[3].ID, u[1].ID, u[4].ID + 1, u[2].ID}
	want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), nil, ids)), []engine.User{u[4], u[0], u[3], u[1], u[2]})

	// More than memory holds, and more than a query has parameters.
	many := Users(t, "many", 120, 0)
	for i, long := 0, List(t, 2500, 1); i < len(many); i++ {
		many[i].List = long
	}
	ok(t, s.ImportUsers(t.Context(), many))
	everybody := all(t, s.AllUsers(t.Context()))
	slices.Reverse(everybody)
	ids = nil
	for i, id := range idsOf(everybody) {
		ids = append(ids, id)
		for j := range 275 {
			ids = append(ids, engine.UserID(1_000_000+275*i+j))
		}
	}
	small := s.another(t, 1)
	for range 2 {
		want(t, "many users", must[[]engine.User](t)(small.Users(t.Context(), nil, ids)), everybody)
	}
}

func refreshesFail(t *testing.T, s store) {
	u := s.save(t, User(t, "spike", 20), User(t, "faye", 1))
	for range 3 {
		must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(u)))
		ok(t, s.RefreshFailed(t.Context(), u[0].ID))
		u[0].Failures++
		want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(u))), u)
		want(t, "User", must[engine.User](t)(s.User(t.Context(), "spike")), u[0])
	}
	ok(t, s.RefreshFailed(t.Context(), 4711))
	u[0].Failures = 0
	want(t, "saved again", s.save(t, u[0])[0], must[engine.User](t)(s.User(t.Context(), "spike")))
}

func staleUsers(t *testing.T, s store) {
	for _, u := range []struct {
		name     string
		origin   engine.Origin
		age      time.Duration
		failures int
	}{
		{"fresh", engine.FromMAL, time.Hour, 0},
		{"on-time", engine.FromMAL, 24 * time.Hour, 0},
		{"old", engine.FromMAL, 24*time.Hour + time.Second, 0},
		{"oldest", engine.FromMAL, 99 * time.Hour, 0},
		{"old-too", engine.FromMAL, 24*time.Hour + time.Second, 0},
		{"failed-twice", engine.FromMAL, 1000 * time.Hour, 2},
		{"failed-once", engine.FromMAL, 50 * time.Hour, 1},
		{"failed-fresh", engine.FromMAL, time.Hour, 1},
		{"file", engine.FromFile, 99 * time.Hour, 0},
		{"demo", engine.FromDemo, 99 * time.Hour, 0},
	} {
		user := User(t, u.name, 1)
		user.Origin, user.FetchedAt, user.Failures = u.origin, day0.Add(-u.age), u.failures
		s.save(t, user)
	}
	never := User(t, "never", 1)
	never.FetchedAt = time.Time{}
	s.save(t, never)

	stale := []string{"never", "oldest", "old", "old-too", "failed-once", "failed-twice"}
	before := day0.Add(-24 * time.Hour)
	for _, n := range []int{0, 1, 3, 6, 100} {
		got := must[[]string](t)(s.StaleUsers(t.Context(), before, n))
		if !slices.Equal(got, stale[:min(n, len(stale))]) {
			t.Errorf("StaleUsers(%d) = %q, want %q", n, got, stale[:min(n, len(stale))])
		}
	}
}

func setHashes(t *testing.T, s store) {
	want(t, "SetHashes of nobody", len(must[[]engine.User](t)(s.SetHashes(t.Context(), nil))), 0)
	u := s.save(t, Users(t, "u", 4, 50)...)
	must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(u)))
	changed := slices.Clone(u)
	for i := range changed {
		changed[i].Hash = engine.Hash(i) << 62
		changed[i].Failures, changed[i].FetchedAt = 9, day0.Add(time.Hour) // are not saved
	}
	changed[1].List = List(t, 50, 12345) // not the one that is stored
	changed[3].ID = 4711
	set := must[[]engine.User](t)(s.SetHashes(t.Context(), changed))
	want(t, "SetHashes", set, []engine.User{changed[0], changed[2]})
	u[0].Hash, u[2].Hash = changed[0].Hash, changed[2].Hash
	want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(u))), u)
	want(t, "Cards", all(t, s.Cards(t.Context())), cardsOf(u))
}

func removeOrigin(t *testing.T, s store) {
	want(t, "CountUsers of nobody", must[map[engine.Origin]int](t)(s.CountUsers(t.Context())), map[engine.Origin]int{})
	u := Users(t, "u", 9, 10)
	for i := range u {
		u[i].Origin = []engine.Origin{engine.FromDemo, engine.FromMAL, engine.FromFile}[max(0, i-6)]
	}
	u = s.save(t, u...)
	must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(u)))
	want(t, "CountUsers", must[map[engine.Origin]int](t)(s.CountUsers(t.Context())),
		map[engine.Origin]int{engine.FromDemo: 7, engine.FromMAL: 1, engine.FromFile: 1})
	want(t, "CountOrigin", must[int](t)(s.CountOrigin(t.Context(), engine.FromDemo)), 7)
	want(t, "CountOrigin of another", must[int](t)(s.CountOrigin(t.Context(), engine.FromFile)), 1)
	want(t, "RemoveOrigin", must[int](t)(s.RemoveOrigin(t.Context(), engine.FromDemo)), 7)
	want(t, "CountOrigin of nobody", must[int](t)(s.CountOrigin(t.Context(), engine.FromDemo)), 0)
	want(t, "RemoveOrigin again", must[int](t)(s.RemoveOrigin(t.Context(), engine.FromDemo)), 0)
	want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(u))), u[7:])
	want(t, "AllUsers", all(t, s.AllUsers(t.Context())), u[7:])
	want(t, "CountUsers", must[map[engine.Origin]int](t)(s.CountUsers(t.Context())),
		map[engine.Origin]int{engine.FromMAL: 1, engine.FromFile: 1})
	_, err := s.User(t.Context(), u[0].Name)
	wantKind(t, "User", err, engine.ErrNotFound)
}

func deleteUser(t *testing.T, s store) {
	u := s.save(t, Users(t, "u", 4, 10)...)
	must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(u)))
	ok(t, s.DeleteUser(t.Context(), u[1].ID))
	left := []engine.User{u[0], u[2], u[3]}
	for range 2 {
		want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(u))), left)
		want(t, "AllUsers", all(t, s.AllUsers(t.Context())), left)
		want(t, "Cards", all(t, s.Cards(t.Context())), cardsOf(left))
		_, err := s.User(t.Context(), u[1].Name)
		wantKind(t, "User", err, engine.ErrNotFound)
		for _, id := range []engine.UserID{u[1].ID, 4711, 0, -1} { // nobody
			ok(t, s.DeleteUser(t.Context(), id))
		}
	}
	again := s.save(t, u[1])[0]
	if again.ID <= u[3].ID {
		t.Errorf("the name has the id %d again, want a new one", again.ID)
	}
	want(t, "User", must[engine.User](t)(s.User(t.Context(), again.Name)), again)
}

// removeUser removes who has the name now, whomever the store remembers by it.
func removeUser(t *testing.T, s store) {
	u := s.save(t, Users(t, "u", 3, 10)...)
	must[engine.User](t)(s.User(t.Context(), u[1].Name))
	elsewhere := store{s.another(t, 1), s.url}
	ok(t, elsewhere.DeleteUser(t.Context(), u[1].ID))
	again := elsewhere.save(t, u[1])[0]
	want(t, "RemoveUser", must[engine.UserID](t)(s.RemoveUser(t.Context(), u[1].Name)), again.ID)
	want(t, "AllUsers", all(t, s.AllUsers(t.Context())), []engine.User{u[0], u[2]})
	must[engine.User](t)(s.User(t.Context(), u[0].Name))
	want(t, "RemoveUser", must[engine.UserID](t)(s.RemoveUser(t.Context(), u[0].Name)), u[0].ID)
	_, err := s.User(t.Context(), u[0].Name)
	wantKind(t, "User", err, engine.ErrNotFound)
	for _, name := range []string{u[0].Name, "", "\x00" + u[2].Name, "\xff"} { // nobody
		_, err := s.RemoveUser(t.Context(), name)
		wantKind(t, "RemoveUser of nobody", err, engine.ErrNotFound)
	}
	want(t, "AllUsers", all(t, s.AllUsers(t.Context())), u[2:])
}

func unlisted(t *testing.T, s store) {
	u := Users(t, "u", 4, 10)
	u[1].Unlisted, u[2].Unlisted = true, true
	u = s.save(t, u...)
	check := func(listed ...engine.User) {
		t.Helper()
		want(t, "Cards", all(t, s.Cards(t.Context())), cardsOf(listed))
		want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(u))), u)
		want(t, "AllUsers", all(t, s.AllUsers(t.Context())), u)
		for i := range u {
			want(t, "User", must[engine.User](t)(s.User(t.Context(), u[i].Name)), u[i])
		}
	}
	check(u[0], u[3])
	u[0].Unlisted, u[1].Unlisted = true, false
	s.save(t, u...)
	check(u[1], u[3])
	u[1].Unlisted, u[2].Unlisted = true, false
	ok(t, s.ImportUsers(t.Context(), u))
	check(u[2], u[3])
	u[0].Hash++
	must[[]engine.User](t)(s.SetHashes(t.Context(), u[:1]))
	check(u[2], u[3])
}
