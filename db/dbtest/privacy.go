package dbtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/jobs"
)

var privacyTests = []test{
	{"private lists have no card", privateLists},
	{"private lists are left alone for a while", privateAndStale},
	{"names are kept out", namesKeptOut},
	{"nobody is stored who is kept out meanwhile", keptOutMeanwhile},
	{"a name is forgotten", nameForgotten},
	{"addresses are forgotten", addressesForgotten},
}

func privacyCalls() []call {
	return []call{
		{"HideUser", true, func(ctx context.Context, s *db.DB) error { return s.HideUser(ctx, 1, day0) }},
		{"HiddenUsers", false, func(ctx context.Context, s *db.DB) error { return second(s.HiddenUsers(ctx)) }},
		{"KeepOut", true, func(ctx context.Context, s *db.DB) error {
			_, _, err := s.KeepOut(ctx, "nobody", day0)
			return err
		}},
		{"LetIn", false, func(ctx context.Context, s *db.DB) error {
			if err := second(s.LetIn(ctx, "stranger")); !errors.Is(err, engine.ErrNotFound) {
				return err
			}
			return nil
		}},
		{"KeptOut", false, func(ctx context.Context, s *db.DB) error { return second(s.KeptOut(ctx)) }},
		{"IsKeptOut", false, func(ctx context.Context, s *db.DB) error { return second(s.IsKeptOut(ctx, "nobody")) }},
		{"ForgetAddresses", false, func(ctx context.Context, s *db.DB) error { return second(s.ForgetAddresses(ctx, time.Unix(1, 0))) }},
	}
}

func privateLists(t *testing.T, s store) {
	u := s.save(t, Users(t, "u", 4, 10)...)
	must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(u))) // into memory
	hide := func(i int, at time.Time) {
		t.Helper()
		ok(t, s.HideUser(t.Context(), u[i].ID, at.Add(999*time.Millisecond)))
		u[i].PrivateAt, u[i].Failures = at, u[i].Failures+1
	}
	check := func(hidden []engine.UserID, listed ...engine.User) {
		t.Helper()
		want(t, "HiddenUsers", must[[]engine.UserID](t)(s.HiddenUsers(t.Context())), hidden)
		want(t, "Cards", all(t, s.Cards(t.Context())), cardsOf(listed))
		want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(u))), u)
		want(t, "AllUsers", all(t, s.AllUsers(t.Context())), u)
		lines := must[[]engine.UserLine](t)(s.FindUsers(t.Context(), u[2].Name, 0, 1))
		want(t, "FindUsers", lines[0].PrivateAt, u[2].PrivateAt)
		for i := range u {
			want(t, "User", must[engine.User](t)(s.User(t.Context(), u[i].Name)), u[i])
		}
	}
	check(nil, u...)
	hide(2, day0)
	hide(0, day0)
	hide(2, day0.Add(time.Hour))
	check([]engine.UserID{u[0].ID, u[2].ID}, u[1], u[3])
	u[2].PrivateAt, u[2].Failures = time.Time{}, 0
	s.save(t, u[2])
	check([]engine.UserID{u[0].ID}, u[1], u[2], u[3])
	u[0].PrivateAt = time.Time{}
	ok(t, s.ImportUsers(t.Context(), u))
	check(nil, u...)
	ok(t, s.HideUser(t.Context(), 4711, day0)) // nobody
	check(nil, u...)
}

func privateAndStale(t *testing.T, s store) {
	u := s.save(t, Users(t, "u", 2, 10)...)
	later := u[0].FetchedAt.Add(1000 * time.Hour)
	ok(t, s.HideUser(t.Context(), u[0].ID, later))
	want(t, "StaleUsers", must[[]string](t)(s.StaleUsers(t.Context(), later, 5)), []string{u[1].Name})
	want(t, "StaleUsers", must[[]string](t)(s.StaleUsers(t.Context(), later.Add(time.Second), 5)), []string{u[1].Name, u[0].Name})
}

func namesKeptOut(t *testing.T, s store) {
	other := s.another(t, 16)
	want(t, "IsKeptOut", must[bool](t)(s.IsKeptOut(t.Context(), "spike")), false)
	wantKind(t, "LetIn", second(s.LetIn(t.Context(), "spike")), engine.ErrNotFound)
	u := s.save(t, Users(t, "u", 3, 10)...)
	must[[]engine.User](t)(other.Users(t.Context(), nil, idsOf(u))) // into memory
	var kept []engine.KeptOut
	for i, name := range []string{u[1].Name, "spike", u[0].Name} {
		hash, id, err := s.KeepOut(t.Context(), name, day0.Add(time.Duration(9-i)*time.Hour))
		ok(t, err)
		want(t, "who was deleted", id, map[string]engine.UserID{u[0].Name: u[0].ID, u[1].Name: u[1].ID}[name])
		again, id, err := other.KeepOut(t.Context(), name, day0.Add(50*time.Hour)) // it stays as it is
		ok(t, err)
		want(t, "hash", again, hash)
		want(t, "who was deleted", id, 0)
		kept = append(kept, engine.KeptOut{Hash: hash, At: day0.Add(time.Duration(9-i) * time.Hour)})
	}
	secret := must[[]byte](t)(s.Secret(t.Context(), engine.NameSecret, []byte("another")))
	want(t, "hash", kept[1].Hash, engine.HashName(secret, "spike"))
	want(t, "KeptOut", must[[]engine.KeptOut](t)(other.KeptOut(t.Context())), kept)
	want(t, "IsKeptOut", must[bool](t)(other.IsKeptOut(t.Context(), "spike")), true)
	want(t, "IsKeptOut", must[bool](t)(other.IsKeptOut(t.Context(), "faye")), false)
	want(t, "AllUsers", all(t, s.AllUsers(t.Context())), u[2:])

	for i := range u {
		u[i].Hash++
		id, err := other.SaveUser(t.Context(), u[i])
		if i < 2 {
			wantKind(t, "SaveUser of who is kept out", err, engine.ErrNotFound)
		} else {
			ok(t, err)
			want(t, "id", id, u[i].ID)
		}
	}
	want(t, "AllUsers", all(t, s.AllUsers(t.Context())), u[2:])
	u[2].Hash++
	ok(t, other.ImportUsers(t.Context(), u))
	want(t, "AllUsers", all(t, s.AllUsers(t.Context())), u[2:])
	ok(t, other.ImportUsers(t.Context(), u[:2]))
	want(t, "AllUsers", all(t, s.AllUsers(t.Context())), u[2:])

	want(t, "LetIn", must[engine.NameHash](t)(other.LetIn(t.Context(), u[1].Name)), kept[0].Hash)
	wantKind(t, "LetIn", second(s.LetIn(t.Context(), u[1].Name)), engine.ErrNotFound)
	want(t, "KeptOut", must[[]engine.KeptOut](t)(s.KeptOut(t.Context())), kept[1:])
	want(t, "IsKeptOut", must[bool](t)(s.IsKeptOut(t.Context(), u[1].Name)), false)
	ok(t, s.ImportUsers(t.Context(), u))
	want(t, "names", namesOf(all(t, s.AllUsers(t.Context()))), []string{u[2].Name, u[1].Name})
}

// keptOutMeanwhile keeps names out while others store users of these names, again and again.
func keptOutMeanwhile(t *testing.T, s store) {
	stores := []*db.DB{s.DB, s.another(t, 16)}
	users := Users(t, "u", 24, 5)
	var done atomic.Bool
	var storing sync.WaitGroup
	for w := range 4 {
		storing.Go(func() {
			s, r := stores[w%2], rand.New(rand.NewPCG(uint64(w), 11))
			for !done.Load() {
				var err error
				if w < 3 {
					_, err = s.SaveUser(t.Context(), users[r.IntN(len(users))])
				} else {
					err = s.ImportUsers(t.Context(), users)
				}
				if err != nil && !errors.Is(err, engine.ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	for i, u := range users {
		_, _, err := stores[i%2].KeepOut(t.Context(), u.Name, day0)
		ok(t, err)
		if i%6 == 0 {
			for _, other := range all(t, s.AllUsers(t.Context())) {
				if slices.ContainsFunc(users[:i+1], func(u engine.User) bool { return u.Name == other.Name }) {
					t.Errorf("%s is stored while others are", other.Name)
				}
			}
		}
	}
	done.Store(true)
	storing.Wait()
	want(t, "number of users", len(all(t, s.AllUsers(t.Context()))), 0)
}

func nameForgotten(t *testing.T, s store) {
	for _, on := range []string{"sp_ke", "spike", "", "sp_ke "} {
		ok(t, s.NoteAction(t.Context(), engine.Action{At: day0, Admin: "sp_ke", What: "did", On: on, From: "x"}))
	}
	for _, text := range []string{`sp_ke: list is private`, `user "spike": not found`, `100 % of sp%`} {
		ok(t, s.SaveRun(t.Context(), jobs.Run{Job: "refresh", Started: day0, Err: text}))
	}
	hash, _, err := s.KeepOut(t.Context(), "sp_ke", day0)
	ok(t, err)
	var on, errs []string
	for _, a := range must[[]engine.Action](t)(s.Actions(t.Context(), 0, 9)) {
		on = append(on, a.On)
		want(t, "Admin", a.Admin, "sp_ke")
	}
	for _, r := range must[[]jobs.Run](t)(s.LastRuns(t.Context(), "refresh", 9)) {
		errs = append(errs, r.Err)
	}
	want(t, "Actions", on, []string{"sp_ke ", "", "spike", hash.String()})
	want(t, "LastRuns", errs, []string{`100 % of sp%`, `user "spike": not found`, hash.String() + `: list is private`})
}

func addressesForgotten(t *testing.T, s store) {
	for i, from := range []string{"192.0.2.1", "2001:db8::1", "command line", "", "192.0.2.2", "::1"} {
		ok(t, s.NoteAction(t.Context(), engine.Action{At: day0.Add(time.Duration(i) * time.Hour), Admin: "a", What: "did", From: from}))
	}
	want(t, "ForgetAddresses", must[int](t)(s.ForgetAddresses(t.Context(), day0.Add(5*time.Hour))), 3)
	want(t, "ForgetAddresses", must[int](t)(s.ForgetAddresses(t.Context(), day0.Add(5*time.Hour))), 0)
	var from []string
	for _, a := range must[[]engine.Action](t)(s.Actions(t.Context(), 0, 9)) {
		from = append(from, a.From)
		want(t, "What", a.What, "did")
	}
	want(t, "Actions", from, []string{"::1", "", "", "command line", "", ""})
}
