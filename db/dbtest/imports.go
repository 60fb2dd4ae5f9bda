package dbtest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"reko.moe/engine"
)

var importTests = []test{
	{"users get ids in the given order", importInOrder},
	{"an import replaces and keeps the ids", importReplaces},
	{"of one name twice the last stays", importLastWins},
	{"an import that fails leaves nothing", importWholeOrNot},
	{"nothing to import", importNothing},
	{"what was imported settles", importSettles},
}

func importInOrder(t *testing.T, s store) {
	// Neither sorted nor a round number.
	users := Users(t, "u", 2345, 3)
	slices.Reverse(users)
	ok(t, s.ImportUsers(t.Context(), users))
	got := all(t, s.AllUsers(t.Context()))
	want(t, "names", namesOf(got), namesOf(users))
	for i := range users {
		users[i].ID = got[i].ID
	}
	want(t, "AllUsers", got, users)
}

func importSettles(t *testing.T, s store) {
	users := Users(t, "u", 50, 3)
	ok(t, s.ImportUsers(t.Context(), users))
	ok(t, s.Settle(t.Context()))
	want(t, "names", namesOf(all(t, s.AllUsers(t.Context()))), namesOf(users))
}

func importReplaces(t *testing.T, s store) {
	old := s.save(t, User(t, "spike", 300), User(t, "faye", 5), User(t, "jet", 5))
	must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(old)))
	users := []engine.User{User(t, "ed", 2), User(t, "jet", 0), User(t, "ein", 1), User(t, "spike", 20)}
	for i := range users {
		users[i].Origin, users[i].Failures, users[i].ID = engine.FromFile, i, engine.UserID(4711+i)
	}
	given := slices.Clone(users)
	ok(t, s.ImportUsers(t.Context(), users))
	want(t, "what was given", users, given)

	got := all(t, s.AllUsers(t.Context()))
	want(t, "names", namesOf(got), []string{"spike", "faye", "jet", "ed", "ein"})
	users[0].ID, users[1].ID, users[2].ID, users[3].ID = got[3].ID, old[2].ID, got[4].ID, old[0].ID
	want(t, "AllUsers", got, []engine.User{users[3], old[1], users[1], users[0], users[2]})
	want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(got))), got)

	ok(t, s.ImportUsers(t.Context(), users)) // again, without harm
	want(t, "AllUsers", all(t, s.AllUsers(t.Context())), got)
}

func importLastWins(t *testing.T, s store) {
	old := s.save(t, User(t, "spike", 3))
	users := Users(t, "u", 250, 1)
	// Twice in one place, and twice far apart; one of them is there already.
	users[1].Name, users[2].Name = "twice", "twice"
	users[3].Name, users[200].Name, users[249].Name = "spike", "spike", "spike"
	ok(t, s.ImportUsers(t.Context(), users))

	wanted := slices.Concat([]engine.User{users[249], users[0], users[2]}, users[4:200], users[201:249])
	got := all(t, s.AllUsers(t.Context()))
	want(t, "names", namesOf(got), namesOf(wanted))
	for i := range wanted {
		wanted[i].ID = got[i].ID
	}
	want(t, "AllUsers", got, wanted)
	want(t, "id", got[0].ID, old[0].ID)
}

// refuse makes the database refuse users of the name faulty.
func (s store) refuse(t *testing.T) {
	if s.onPostgres() {
		Exec(t, s.url, `ALTER TABLE users ADD CHECK (name <> 'faulty')`)
		return
	}
	for _, event := range []string{"INSERT", "UPDATE"} {
		Exec(t, s.url, fmt.Sprintf(`CREATE TRIGGER faulty%s BEFORE %[1]s ON users WHEN new.name = 'faulty'
			BEGIN SELECT RAISE(ABORT, 'faulty'); END`, event))
	}
}

func importWholeOrNot(t *testing.T, s store) {
	s.refuse(t)
	old := s.save(t, User(t, "spike", 300), User(t, "faye", 5))
	must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(old)))
	users := Users(t, "u", 1000, 10)
	users[3].Name, users[998].Name = "spike", "faye"
	for _, at := range []int{0, 500, 999} {
		users := slices.Clone(users)
		users[at].Name = "faulty"
		wantKind(t, "ImportUsers", s.ImportUsers(t.Context(), users), engine.ErrStore)
		want(t, "AllUsers", all(t, s.AllUsers(t.Context())), old)
		want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(old))), old)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		wantKind(t, "ImportUsers", s.ImportUsers(ctx, users), engine.ErrStore)
		want(t, "AllUsers", all(t, s.AllUsers(t.Context())), old)
	}
	ok(t, s.ImportUsers(t.Context(), users))
	want(t, "number of users", len(all(t, s.AllUsers(t.Context()))), 1000)
}

func importNothing(t *testing.T, s store) {
	ok(t, s.ImportUsers(t.Context(), nil))
	want(t, "number of users", len(all(t, s.AllUsers(t.Context()))), 0)
}
