package dbtest

import (
	"context"
	"crypto/rand"
	"errors"
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
	{"a name is forgotten", nameForgotten},
	{"addresses are forgotten", addressesForgotten},
}

func privacyCalls() []call {
	var hash engine.NameHash
	_, _ = rand.Read(hash[:]) // never fails
	return []call{
		{"HideUser", true, func(ctx context.Context, s *db.DB) error { return s.HideUser(ctx, 1, day0) }},
		{"HiddenUsers", false, func(ctx context.Context, s *db.DB) error { return second(s.HiddenUsers(ctx)) }},
		{"KeepOut", true, func(ctx context.Context, s *db.DB) error { return s.KeepOut(ctx, engine.KeptOut{Hash: hash, At: day0}) }},
		{"LetIn", false, func(ctx context.Context, s *db.DB) error {
			if err := s.LetIn(ctx, engine.NameHash{}); !errors.Is(err, engine.ErrNotFound) {
				return err
			}
			return nil
		}},
		{"KeptOut", false, func(ctx context.Context, s *db.DB) error { return second(s.KeptOut(ctx)) }},
		{"IsKeptOut", false, func(ctx context.Context, s *db.DB) error { return second(s.IsKeptOut(ctx, hash)) }},
		{"ForgetName", false, func(ctx context.Context, s *db.DB) error { return s.ForgetName(ctx, "nobody", "x") }},
		{"ForgetAddresses", false, func(ctx context.Context, s *db.DB) error { return second(s.ForgetAddresses(ctx, time.Unix(1, 0))) }},
	}
}

func privateLists(t *testing.T, s store) {
	u := s.save(t, Users(t, "u", 4, 10)...)
	must[[]engine.User](t)(s.Users(t.Context(), idsOf(u))) // into memory
	hide := func(i int, at time.Time) {
		t.Helper()
		ok(t, s.HideUser(t.Context(), u[i].ID, at.Add(999*time.Millisecond)))
		u[i].PrivateAt, u[i].Failures = at, u[i].Failures+1
	}
	check := func(hidden []engine.UserID, listed ...engine.User) {
		t.Helper()
		want(t, "HiddenUsers", must[[]engine.UserID](t)(s.HiddenUsers(t.Context())), hidden)
		want(t, "Cards", all(t, s.Cards(t.Context())), cardsOf(listed))
		want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), idsOf(u))), u)
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
	other := s.another(t, 0)
	kept := []engine.KeptOut{{Hash: engine.NameHash{3, 0, 255}, At: day0.Add(2 * time.Hour)}, {Hash: engine.NameHash{1}, At: day0}, {Hash: engine.NameHash{2}, At: day0}}
	for _, k := range kept {
		ok(t, s.KeepOut(t.Context(), k))
		ok(t, other.KeepOut(t.Context(), engine.KeptOut{Hash: k.Hash, At: day0.Add(5 * time.Hour)})) // it stays as it is
	}
	want(t, "KeptOut", must[[]engine.KeptOut](t)(other.KeptOut(t.Context())), kept)
	want(t, "IsKeptOut", must[bool](t)(other.IsKeptOut(t.Context(), kept[0].Hash)), true)
	want(t, "IsKeptOut", must[bool](t)(other.IsKeptOut(t.Context(), engine.NameHash{3})), false)
	ok(t, other.LetIn(t.Context(), kept[0].Hash))
	wantKind(t, "LetIn", s.LetIn(t.Context(), kept[0].Hash), engine.ErrNotFound)
	want(t, "KeptOut", must[[]engine.KeptOut](t)(s.KeptOut(t.Context())), kept[1:])
	want(t, "IsKeptOut", must[bool](t)(s.IsKeptOut(t.Context(), kept[0].Hash)), false)
}

func nameForgotten(t *testing.T, s store) {
	for _, on := range []string{"sp_ke", "spike", "", "sp_ke "} {
		ok(t, s.NoteAction(t.Context(), engine.Action{At: day0, Admin: "sp_ke", What: "did", On: on, From: "x"}))
	}
	for _, text := range []string{`sp_ke: list is private`, `user "spike": not found`, `100 % of sp%`} {
		ok(t, s.SaveRun(t.Context(), jobs.Run{Job: "refresh", Started: day0, Err: text}))
	}
	ok(t, s.ForgetName(t.Context(), "sp_ke", "0a1b2c3d"))
	var on, errs []string
	for _, a := range must[[]engine.Action](t)(s.Actions(t.Context(), 0, 9)) {
		on = append(on, a.On)
		want(t, "Admin", a.Admin, "sp_ke")
	}
	for _, r := range must[[]jobs.Run](t)(s.LastRuns(t.Context(), "refresh", 9)) {
		errs = append(errs, r.Err)
	}
	want(t, "Actions", on, []string{"sp_ke ", "", "spike", "0a1b2c3d"})
	want(t, "LastRuns", errs, []string{`100 % of sp%`, `user "spike": not found`, `0a1b2c3d: list is private`})
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
