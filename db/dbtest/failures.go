package dbtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/engine"
	"reko.moe/engine/jobs"
	"reko.moe/engine/series"
)

var failureTests = []test{
	{"a cancelled call fails and changes nothing", cancelled},
	{"calls cancelled at any moment leave users whole", cancelledAnywhere},
	{"callers without time do not make the store seem down", hurried},
	{"a closed store fails", closed},
}

// call is one method of a store.
type call struct {
	name   string
	writes bool
	do     func(context.Context, *db.DB) error
}

// deletes tells whether the user is gone afterwards.
func (c call) deletes() bool {
	return c.name == "DeleteUser" || c.name == "RemoveUser" || c.name == "RemoveOrigin"
}

// calls are all methods of a store, of which u is a user and anime 1 is described.
func calls(u engine.User) []call {
	u.Hash++
	rehashed := u
	rehashed.Hash++
	return slices.Concat(keyCalls(), adminCalls(), privacyCalls(), []call{
		{"User", false, func(ctx context.Context, s *db.DB) error { return second(s.User(ctx, u.Name)) }},
		{"Users", false, func(ctx context.Context, s *db.DB) error { return second(s.Users(ctx, nil, []engine.UserID{u.ID})) }},
		{"SaveUser", true, func(ctx context.Context, s *db.DB) error { return second(s.SaveUser(ctx, u)) }},
		{"RefreshFailed", true, func(ctx context.Context, s *db.DB) error { return s.RefreshFailed(ctx, u.ID) }},
		{"StaleUsers", false, func(ctx context.Context, s *db.DB) error { return second(s.StaleUsers(ctx, day0, 5)) }},
		{"Cards", false, func(ctx context.Context, s *db.DB) error { return walked(s.Cards(ctx)) }},
		{"AllUsers", false, func(ctx context.Context, s *db.DB) error { return walked(s.AllUsers(ctx)) }},
		{"SetHashes", true, func(ctx context.Context, s *db.DB) error { return second(s.SetHashes(ctx, []engine.User{rehashed})) }},
		{"ImportUsers", true, func(ctx context.Context, s *db.DB) error { return s.ImportUsers(ctx, []engine.User{u}) }},
		{"DeleteUser", true, func(ctx context.Context, s *db.DB) error { return s.DeleteUser(ctx, u.ID) }},
		{"RemoveUser", true, func(ctx context.Context, s *db.DB) error {
			_, err := s.RemoveUser(ctx, u.Name)
			if errors.Is(err, engine.ErrNotFound) {
				return nil // a call before removed the user
			}
			return err
		}},
		{"RemoveOrigin", true, func(ctx context.Context, s *db.DB) error { return second(s.RemoveOrigin(ctx, u.Origin)) }},
		{"CountUsers", false, func(ctx context.Context, s *db.DB) error { return second(s.CountUsers(ctx)) }},
		{"CountOrigin", false, func(ctx context.Context, s *db.DB) error { return second(s.CountOrigin(ctx, u.Origin)) }},
		{"Totals", false, func(ctx context.Context, s *db.DB) error { return second(s.Totals(ctx)) }},
		{"AddCounts", true, func(ctx context.Context, s *db.DB) error {
			return s.AddCounts(ctx, "batch", minute0, []series.Count{{Event: series.Failed, Bucket: 5, N: 1}})
		}},
		{"Counts", false, func(ctx context.Context, s *db.DB) error { return second(s.Counts(ctx, series.Spans[0], minute0)) }},
		{"LastFailures", false, func(ctx context.Context, s *db.DB) error { return second(s.LastFailures(ctx, 5)) }},
		{"Anime", false, func(ctx context.Context, s *db.DB) error { return walked(s.Anime(ctx)) }},
		{"SaveAnime", true, func(ctx context.Context, s *db.DB) error {
			return s.SaveAnime(ctx, []engine.Anime{{ID: 1, Title: "new", DescribedAt: day0.Add(time.Hour)}})
		}},
		{"MentionAnime", true, func(ctx context.Context, s *db.DB) error { return s.MentionAnime(ctx, []engine.AnimeID{7}) }},
		{"UndescribedAnime", false, func(ctx context.Context, s *db.DB) error { return second(s.UndescribedAnime(ctx, 5)) }},
		{"DescribeFailed", true, func(ctx context.Context, s *db.DB) error { return s.DescribeFailed(ctx, 1) }},
		{"AiringAnime", false, func(ctx context.Context, s *db.DB) error { return second(s.AiringAnime(ctx, day0, 5)) }},
		{"Counter", false, func(ctx context.Context, s *db.DB) error { return second(s.Counter(ctx, "bulk")) }},
		{"AddCounter", true, func(ctx context.Context, s *db.DB) error { return second(s.AddCounter(ctx, "bulk", 1)) }},
		{"SaveRun", true, func(ctx context.Context, s *db.DB) error { return s.SaveRun(ctx, jobs.Run{Job: "j", Started: day0}) }},
		{"LastRuns", false, func(ctx context.Context, s *db.DB) error { return second(s.LastRuns(ctx, "j", 5)) }},
		{"Ping", false, func(ctx context.Context, s *db.DB) error { return s.Ping(ctx) }},
		{"Lock", false, func(ctx context.Context, s *db.DB) error {
			release, ok, err := s.Lock(ctx, "j")
			if ok {
				release()
			}
			return err
		}},
		{"Locked", false, func(ctx context.Context, s *db.DB) error { return second(s.Locked(ctx, "j")) }},
	})
}

func second[T any](_ T, err error) error { return err }

func walked[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

// state is all that a store says of what it keeps.
func (s store) state(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("%v %s %s %+v %+v %v %d %v %v", must[[]engine.KeptOut](t)(s.KeptOut(t.Context())), s.keyState(t), s.adminState(t), all(t, s.AllUsers(t.Context())), all(t, s.Anime(t.Context())), s.undescribed(t, 99),
		must[int64](t)(s.Counter(t.Context(), "bulk")), must[[]jobs.Run](t)(s.LastRuns(t.Context(), "j", 99)),
		must[[]series.Count](t)(s.Counts(t.Context(), series.Spans[0], minute0)))
}

func wantCancelled(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%s = %v, want it to tell that it was cancelled", what, err)
	}
}

func cancelled(t *testing.T, s store) {
	u := s.save(t, User(t, "spike", 10))[0]
	ok(t, s.SaveAnime(t.Context(), []engine.Anime{known(1, 1, 0)}))
	before := s.state(t)
	for _, c := range calls(u) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s.Forget() // else memory answers
		err := c.do(ctx, s.DB)
		wantKind(t, c.name, err, engine.ErrStore)
		wantCancelled(t, c.name, err)
		want(t, "state after "+c.name, s.state(t), before)
	}
	for _, c := range calls(u) {
		if err := c.do(t.Context(), s.DB); err != nil {
			t.Errorf("%s = %v", c.name, err)
		}
		if changed := s.state(t) != before; changed != (c.writes && c.name != "DescribeFailed") {
			t.Errorf("%s changes the store: %t", c.name, changed)
		}
		before = s.state(t)
		if c.deletes() {
			u.ID = s.save(t, u)[0].ID
			before = s.state(t)
		}
	}
}

func cancelledAnywhere(t *testing.T, s store) {
	users := s.save(t, Users(t, "u", 20, 100)...)
	ok(t, s.SaveAnime(t.Context(), []engine.Anime{known(1, 1, 0)}))
	imported := Users(t, "new", 400, 10)
	var working sync.WaitGroup
	for w := range 4 {
		working.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 7))
			for i := range 40 {
				u := users[r.IntN(len(users))]
				c := slices.DeleteFunc(calls(u), call.deletes)
				what := c[r.IntN(len(c))]
				if i%8 == 0 {
					what.do = func(ctx context.Context, s *db.DB) error { return s.ImportUsers(ctx, imported) }
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(3000))*time.Microsecond)
				err := what.do(ctx, s.DB)
				cancel()
				if err != nil && !errors.Is(err, engine.ErrStore) {
					t.Errorf("%s = %v, want %v", what.name, err, engine.ErrStore)
				}
			}
		})
	}
	working.Wait()
	got := all(t, s.AllUsers(t.Context()))
	if n := len(got) - len(users); n != 0 && n != len(imported) {
		t.Errorf("%d of %d imported users are there, want all or none", n, len(imported))
	}
	s.checkUsers(t, got)
	for _, c := range calls(users[0]) {
		if err := c.do(t.Context(), s.DB); err != nil {
			t.Errorf("%s after all that = %v", c.name, err)
		}
	}
}

func hurried(t *testing.T, s store) {
	u := s.save(t, User(t, "spike", 10))[0]
	late, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	for range 20 {
		s.Forget() // else memory answers
		if _, err := s.User(late, u.Name); !errors.Is(err, engine.ErrStore) {
			t.Fatalf("without time: %v", err)
		}
	}
	if s.Down() {
		t.Error("the store seems down")
	}
	want(t, "User", must[engine.User](t)(s.User(t.Context(), u.Name)), u)
}

// checkUsers tests that lists are whole, and that names, ids and memory agree.
func (s store) checkUsers(t *testing.T, users []engine.User) {
	t.Helper()
	for _, u := range users {
		if _, err := u.List.Unpack(nil); err != nil {
			t.Errorf("list of %s: %v", u.Name, err)
		}
		want(t, "User", must[engine.User](t)(s.User(t.Context(), u.Name)), u)
	}
	want(t, "Users", must[[]engine.User](t)(s.Users(t.Context(), nil, idsOf(users))), users)
}

func closed(t *testing.T, s store) {
	u := s.save(t, User(t, "spike", 10))[0]
	gone := s.another(t, 16)
	ok(t, gone.Close())
	for _, c := range calls(u) {
		if c.name == "Lock" || c.name == "Locked" && !s.onPostgres() {
			continue // needs nothing of what was closed
		}
		wantKind(t, c.name, c.do(t.Context(), gone), engine.ErrStore)
	}
}
