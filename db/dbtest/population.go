package dbtest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"reko.moe/engine"
)

var populationTests = []test{
	{"the newest population is returned", populationVersions},
	{"a damaged population is found out", populationDamaged},
	{"the state of users follows them", usersState},
}

// population is one of so many users.
func population(users int) *engine.Population {
	at := day0.Add(time.Duration(users)*time.Minute + time.Millisecond)
	return &engine.Population{Users: users, MadeAt: at, State: fmt.Sprint("state ", users)}
}

func populationVersions(t *testing.T, s store) {
	_, err := s.Population(t.Context())
	wantKind(t, "Population of an empty store", err, engine.ErrNotFound)
	for users := range 25 {
		p := population(users)
		ok(t, s.SavePopulation(t.Context(), p))
		p.Version, p.MadeAt = int64(users+1), toSecond(p.MadeAt)
		want(t, "Population", must[*engine.Population](t)(s.Population(t.Context())), p)
		want(t, "Population elsewhere", must[*engine.Population](t)(s.another(t, 0).Population(t.Context())), p)
	}
	var rows int
	conn := connect(t, s.url)
	defer conn.Close()
	ok(t, conn.QueryRowContext(t.Context(), `SELECT count(*) FROM populations`).Scan(&rows))
	want(t, "versions that are kept", rows, 10)
}

func populationDamaged(t *testing.T, s store) {
	ok(t, s.SavePopulation(t.Context(), population(3)))
	damaged := `zeroblob(16756)`
	if s.onPostgres() {
		damaged = `decode(repeat('00', 16756), 'hex')`
	}
	Exec(t, s.url, `UPDATE populations SET spreads = `+damaged)
	if _, err := s.Population(t.Context()); !errors.Is(err, engine.ErrCorrupt) {
		t.Errorf("Population = %v, want %v", err, engine.ErrCorrupt)
	}
	ok(t, s.SavePopulation(t.Context(), population(4)))
	want(t, "users of the next version", must[*engine.Population](t)(s.Population(t.Context())).Users, 4)
}

func usersState(t *testing.T, s store) {
	seen := map[string]string{}
	changes := func(what string) {
		t.Helper()
		state := must[string](t)(s.UsersState(t.Context()))
		if before, ok := seen[state]; ok {
			t.Errorf("the state %q is the same after %s as after %s", state, what, before)
		}
		seen[state] = what
		want(t, "state again", must[string](t)(s.another(t, 0).UsersState(t.Context())), state)
	}
	changes("nothing")
	u := s.save(t, Users(t, "u", 2, 5)...)
	changes("two users")
	u[0].FetchedAt = u[0].FetchedAt.Add(time.Hour)
	s.save(t, u[0])
	changes("a list that was fetched")
	ok(t, s.ImportUsers(t.Context(), Users(t, "v", 3, 5)))
	changes("an import")
	ok(t, s.DeleteUser(t.Context(), u[1].ID))
	changes("a user who went")
	unlisted := User(t, "v0", 5)
	unlisted.Unlisted = true
	s.save(t, unlisted)
	changes("one who is matched no more")
	before := must[string](t)(s.UsersState(t.Context()))
	unlisted.FetchedAt = unlisted.FetchedAt.Add(time.Hour)
	s.save(t, unlisted)
	want(t, "state after an unlisted list was fetched", must[string](t)(s.UsersState(t.Context())), before)
	must[int](t)(s.RemoveOrigin(t.Context(), engine.FromMAL))
	want(t, "state when all went", seen[must[string](t)(s.UsersState(t.Context()))], "nothing")
	s.save(t, u[0])
	changes("one came again")
}
