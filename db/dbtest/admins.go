package dbtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/engine"
)

var adminTests = []test{
	{"admins come and go, the last one stays", adminLife},
	{"of an admin who is added twice at once the first stays", adminAddedTwice},
	{"who was removed is not brought back by another password", adminRemovedAndChanged},
	{"of two admins that are removed at once one stays", adminsRemovedAtOnce},
	{"sessions begin with the password and end with it", adminSessions},
	{"sessions end when they are old", adminSessionsEnd},
	{"logins are limited under each key", logins},
	{"of many logins at once as many are tried as are free", loginsAtOnce},
	{"actions are kept, the newest first", actions},
	{"failed logins push nothing out of the log", failedLoginsInTheLog},
	{"the oldest of very many attempts are forgotten", manyAttempts},
	{"exclusions come and go", exclusions},
}

func adminLife(t *testing.T, s store) {
	want(t, "Admins of an empty store", must[[]engine.Admin](t)(s.Admins(t.Context())), nil)
	for _, nobody := range []string{"spike", "", "a\x00b", "' OR 1=1 --"} {
		_, err := s.Admin(t.Context(), nobody)
		wantKind(t, "Admin of none", err, engine.ErrNotFound)
	}
	later := day0.Add(time.Hour)
	ok(t, s.SetPassword(t.Context(), "spike", "one", day0))
	ok(t, s.SetPassword(t.Context(), "faye", "two", day0))
	ok(t, s.SetPassword(t.Context(), "spike", "three", later))
	spike := engine.Admin{Name: "spike", Password: "three", MadeAt: day0, ChangedAt: later}
	faye := engine.Admin{Name: "faye", Password: "two", MadeAt: day0, ChangedAt: day0}
	want(t, "Admins", must[[]engine.Admin](t)(s.another(t, 0).Admins(t.Context())), []engine.Admin{faye, spike})
	want(t, "Admin", must[engine.Admin](t)(s.Admin(t.Context(), "spike")), spike)

	wantKind(t, "RemoveAdmin of nobody", s.RemoveAdmin(t.Context(), "ed"), engine.ErrNotFound)
	ok(t, s.RemoveAdmin(t.Context(), "spike"))
	wantKind(t, "RemoveAdmin again", s.RemoveAdmin(t.Context(), "spike"), engine.ErrNotFound)
	if err := s.RemoveAdmin(t.Context(), "faye"); !errors.Is(err, engine.ErrLastAdmin) {
		t.Errorf("RemoveAdmin of the last = %v, want %v", err, engine.ErrLastAdmin)
	}
	want(t, "Admins after all", must[[]engine.Admin](t)(s.Admins(t.Context())), []engine.Admin{faye})
}

func adminAddedTwice(t *testing.T, s store) {
	elsewhere := s.another(t, 0)
	for i := range 10 {
		name := fmt.Sprint("ed-", i)
		var adding sync.WaitGroup
		var added atomic.Pointer[string]
		var refused atomic.Int32
		add := func(db *db.DB, hash string) {
			if err := db.AddAdmin(t.Context(), name, hash, day0); errors.Is(err, engine.ErrExists) {
				refused.Add(1)
			} else if err != nil {
				t.Error(err)
			} else {
				added.Store(&hash)
			}
		}
		adding.Go(func() { add(s.DB, "one") })
		adding.Go(func() { add(elsewhere, "two") })
		adding.Wait()
		if refused.Load() != 1 || added.Load() == nil {
			t.Fatalf("%d of two were refused, want 1", refused.Load())
		}
		ed := engine.Admin{Name: name, Password: *added.Load(), MadeAt: day0, ChangedAt: day0}
		want(t, "the admin", must[engine.Admin](t)(s.Admin(t.Context(), name)), ed)
	}
}

func adminRemovedAndChanged(t *testing.T, s store) {
	wantKind(t, "ChangePassword of nobody", s.ChangePassword(t.Context(), "spike", "x", day0), engine.ErrNotFound)
	ok(t, s.AddAdmin(t.Context(), "spike", "one", day0))
	ok(t, s.AddAdmin(t.Context(), "faye", "one", day0))
	x := adminSession("a", "spike")
	ok(t, s.AddAdminSession(t.Context(), x, "one"))
	later := day0.Add(time.Hour)
	ok(t, s.ChangePassword(t.Context(), "spike", "two", later))
	s.wantSession(t, x, false)
	spike := engine.Admin{Name: "spike", Password: "two", MadeAt: day0, ChangedAt: later, LoggedInAt: day0}
	want(t, "Admin", must[engine.Admin](t)(s.another(t, 0).Admin(t.Context(), "spike")), spike)

	ok(t, s.RemoveAdmin(t.Context(), "spike"))
	wantKind(t, "ChangePassword of who was removed", s.ChangePassword(t.Context(), "spike", "three", later), engine.ErrNotFound)
	_, err := s.Admin(t.Context(), "spike")
	wantKind(t, "Admin", err, engine.ErrNotFound)
}

func adminsRemovedAtOnce(t *testing.T, s store) {
	elsewhere := s.another(t, 0)
	for range 10 {
		ok(t, s.SetPassword(t.Context(), "spike", "x", day0))
		ok(t, s.SetPassword(t.Context(), "faye", "x", day0))
		var removing sync.WaitGroup
		var stayed atomic.Int32
		remove := func(db *db.DB, name string) {
			if err := db.RemoveAdmin(t.Context(), name); errors.Is(err, engine.ErrLastAdmin) {
				stayed.Add(1)
			} else if err != nil {
				t.Error(err)
			}
		}
		removing.Go(func() { remove(s.DB, "spike") })
		removing.Go(func() { remove(elsewhere, "faye") })
		removing.Wait()
		want(t, "admins that stayed", stayed.Load(), 1)
		want(t, "admins", len(must[[]engine.Admin](t)(s.Admins(t.Context()))), 1)
	}
}

func adminSession(id, admin string) engine.AdminSession {
	return engine.AdminSession{Hash: sha256.Sum256([]byte(id)), Admin: admin, MadeAt: day0, SeenAt: day0}
}

// wantSession checks whether there is a session, and that it is so.
func (s store) wantSession(t *testing.T, x engine.AdminSession, there bool) {
	t.Helper()
	got, err := s.AdminSession(t.Context(), x.Hash)
	if !there {
		wantKind(t, "AdminSession that is over", err, engine.ErrNotFound)
		return
	}
	ok(t, err)
	want(t, "AdminSession", got, x)
}

func adminSessions(t *testing.T, s store) {
	ok(t, s.SetPassword(t.Context(), "spike", "one", day0))
	ok(t, s.SetPassword(t.Context(), "faye", "two", day0))
	a, b, c := adminSession("a", "spike"), adminSession("b", "spike"), adminSession("c", "faye")
	s.wantSession(t, a, false)
	for _, wrong := range []struct{ admin, password string }{{"spike", "two"}, {"ed", "one"}, {"", ""}} {
		err := s.AddAdminSession(t.Context(), adminSession("a", wrong.admin), wrong.password)
		wantKind(t, "AddAdminSession by a wrong password", err, engine.ErrNotFound)
	}
	ok(t, s.AddAdminSession(t.Context(), a, "one"))
	ok(t, s.AddAdminSession(t.Context(), b, "one"))
	ok(t, s.AddAdminSession(t.Context(), c, "two"))
	want(t, "last login", must[engine.Admin](t)(s.Admin(t.Context(), "spike")).LoggedInAt, day0)
	elsewhere := store{s.another(t, 0), s.url}
	ok(t, elsewhere.SeeAdminSession(t.Context(), a.Hash, day0.Add(time.Hour)))
	ok(t, elsewhere.SayInAdminSession(t.Context(), a.Hash, "done\x00, スパイク"))
	a.SeenAt, a.Said = day0.Add(time.Hour), "done, スパイク"
	for _, x := range []engine.AdminSession{a, b, c} {
		elsewhere.wantSession(t, x, true)
	}
	ok(t, s.EndAdminSession(t.Context(), b.Hash))
	ok(t, s.EndAdminSession(t.Context(), b.Hash))
	ok(t, s.SeeAdminSession(t.Context(), b.Hash, day0))
	elsewhere.wantSession(t, b, false)
	elsewhere.wantSession(t, a, true)

	ok(t, s.SetPassword(t.Context(), "spike", "three", day0))
	elsewhere.wantSession(t, a, false)
	elsewhere.wantSession(t, c, true)
	ok(t, s.RemoveAdmin(t.Context(), "faye"))
	elsewhere.wantSession(t, c, false)
}

func adminSessionsEnd(t *testing.T, s store) {
	ok(t, s.SetPassword(t.Context(), "spike", "one", day0))
	old, idle, fresh := adminSession("old", "spike"), adminSession("idle", "spike"), adminSession("fresh", "spike")
	old.MadeAt, fresh.MadeAt = day0.Add(-13*time.Hour), day0.Add(-12*time.Hour)
	idle.SeenAt, fresh.SeenAt = day0.Add(-61*time.Minute), day0.Add(-60*time.Minute)
	for _, x := range []engine.AdminSession{old, idle, fresh} {
		ok(t, s.AddAdminSession(t.Context(), x, "one"))
	}
	ok(t, s.EndAdminSessions(t.Context(), day0.Add(-12*time.Hour), day0.Add(-time.Hour)))
	s.wantSession(t, old, false)
	s.wantSession(t, idle, false)
	s.wantSession(t, fresh, true)
}

func logins(t *testing.T, s store) {
	name := engine.LoginLimit{Key: "name", Free: 2, First: 10 * time.Second, Most: time.Minute}
	here := engine.LoginLimit{Key: "here", Free: 100, First: time.Hour, Most: time.Hour}
	there := engine.LoginLimit{Key: "there", Free: 100, First: time.Hour, Most: time.Hour}
	elsewhere := s.another(t, 0)
	now := day0
	try := func(wait time.Duration, limits ...engine.LoginLimit) {
		t.Helper()
		until := must[time.Time](t)(elsewhere.TryLogin(t.Context(), limits, now))
		if got := until.Sub(now); wait == 0 && !until.IsZero() || wait > 0 && got != wait {
			t.Errorf("TryLogin at %s waits until %s, want to wait %s", now, until, wait)
		}
	}
	try(0, name, here)
	try(0, name, here)
	try(0, name, here)
	try(10*time.Second, name, here)
	try(10*time.Second, there, name)
	try(0, here)
	now = now.Add(9 * time.Second)
	try(time.Second, name, here)
	now = now.Add(time.Second)
	try(0, name, here) // what was refused did not count
	try(20*time.Second, name)
	now = now.Add(20 * time.Second)
	try(0, name)
	try(40*time.Second, name)
	for range 5 {
		now = now.Add(time.Minute)
		try(0, name)
		try(time.Minute, name)
	}
	ok(t, s.ForgetLogins(t.Context(), []engine.LoginLimit{name, here}))
	try(0, name)
	try(0, name)
	try(0, name)
	try(10*time.Second, name)
	now = now.Add(engine.LoginsForgotten)
	try(0, name)
	try(0, name)
	try(0, name)
	try(10*time.Second, name)
}

func loginsAtOnce(t *testing.T, s store) {
	limits := []engine.LoginLimit{
		{Key: "name", Free: 9, First: time.Minute, Most: time.Minute}, {Key: "here", Free: 100, First: time.Minute, Most: time.Minute},
	}
	var tried atomic.Int32
	var trying sync.WaitGroup
	for _, db := range []*db.DB{s.DB, s.another(t, 0)} {
		for range 4 {
			trying.Go(func() {
				for range 5 {
					until, err := db.TryLogin(t.Context(), limits, day0)
					if err != nil {
						t.Error(err)
					}
					if until.IsZero() {
						tried.Add(1)
					}
				}
			})
		}
	}
	trying.Wait()
	want(t, "logins that were tried", tried.Load(), 10)
}

func actions(t *testing.T, s store) {
	want(t, "Actions of an empty store", must[[]engine.Action](t)(s.Actions(t.Context(), 0, 9)), nil)
	all := []engine.Action{
		{At: day0, Admin: "spike", What: "revoked the key", On: "7 of a' スパイク", From: "::1"},
		{At: day0.Add(-time.Hour), What: "failed to log in"}, // by a clock that is wrong
		{At: day0.Add(time.Hour), Admin: "faye", What: "logged in", From: "10.0.0.1"},
	}
	for _, a := range all {
		ok(t, s.NoteAction(t.Context(), a))
	}
	elsewhere := s.another(t, 0)
	newest := []engine.Action{all[2], all[1], all[0]}
	want(t, "Actions", must[[]engine.Action](t)(elsewhere.Actions(t.Context(), 0, 9)), newest)
	want(t, "the newest", must[[]engine.Action](t)(elsewhere.Actions(t.Context(), 0, 1)), newest[:1])
	want(t, "the others", must[[]engine.Action](t)(elsewhere.Actions(t.Context(), 1, 9)), newest[1:])
	want(t, "none", must[[]engine.Action](t)(elsewhere.Actions(t.Context(), 3, 9)), nil)
	ok(t, s.NoteAction(t.Context(), engine.Action{At: day0, What: "a\x00b\xff"}))
	want(t, "any text", must[[]engine.Action](t)(s.Actions(t.Context(), 0, 1)), []engine.Action{{At: day0, What: "ab\ufffd"}})
}

// numbered are the numbers from 1 as n.i, in SQL of both databases.
func numbered(most int) string {
	return fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", most)
}

func failedLoginsInTheLog(t *testing.T, s store) {
	made := engine.Action{At: day0, Admin: "spike", What: "made the key", On: "1 of faye"}
	ok(t, s.NoteAction(t.Context(), made))
	fill := func(what string, n int) {
		Exec(t, s.url, `INSERT INTO admin_log (at, admin, what, target, address) `+numbered(n)+`SELECT i, '', '`+what+`', '', '' FROM n`)
	}
	fill(engine.FailedLogin, 120_000)
	for range 100 {
		ok(t, s.NoteAction(t.Context(), engine.Action{At: day0, What: engine.FailedLogin}))
	}
	all := must[[]engine.Action](t)(s.Actions(t.Context(), 0, 1<<20))
	if n := len(all); n < 10_001 || n > 10_100 || all[n-1] != made {
		t.Errorf("%d actions are left, the oldest %+v, want some 10,000 failed logins and what was done before", n, all[n-1])
	}
	want(t, "LastActions", must[[]engine.Action](t)(s.LastActions(t.Context(), 9)), []engine.Action{made})

	fill("logged in", 120_000)
	for range 100 {
		ok(t, s.NoteAction(t.Context(), made))
	}
	failed := 0
	all = must[[]engine.Action](t)(s.Actions(t.Context(), 0, 1<<20))
	for _, a := range all {
		if a.What == engine.FailedLogin {
			failed++
		}
	}
	if others := len(all) - failed; failed != 10_000 || others < 100_000 || others > 100_100 {
		t.Errorf("%d failed logins and %d others are left, want 10,000 and some 100,000", failed, others)
	}
	want(t, "LastActions", must[[]engine.Action](t)(s.LastActions(t.Context(), 2)), []engine.Action{made, made})
}

func manyAttempts(t *testing.T, s store) {
	Exec(t, s.url, `INSERT INTO login_attempts (key, failures, last_at, until) `+numbered(100_010)+
		fmt.Sprintf(`SELECT 'key ' || i, 9, %d + i %% 40000, %d FROM n`, day0.Unix()-40_000, day0.Unix()+60))
	limit := func(key string) []engine.LoginLimit {
		return []engine.LoginLimit{{Key: key, Free: 100, First: time.Second, Most: time.Second}}
	}
	want(t, "until of the newest", must[time.Time](t)(s.TryLogin(t.Context(), limit("key 39999"), day0)), day0.Add(time.Minute))
	want(t, "until of the oldest", must[time.Time](t)(s.TryLogin(t.Context(), limit("key 40000"), day0)), time.Time{})
}

func exclusions(t *testing.T, s store) {
	want(t, "Exclusions of an empty store", must[[]engine.Exclusion](t)(s.Exclusions(t.Context())), nil)
	first := engine.Exclusion{Anime: 21, At: day0, Admin: "spike"}
	second := engine.Exclusion{Anime: 7, At: day0.Add(time.Hour), Admin: "faye"}
	ok(t, s.Exclude(t.Context(), first))
	ok(t, s.Exclude(t.Context(), second))
	ok(t, s.Exclude(t.Context(), engine.Exclusion{Anime: 21, At: day0.Add(9 * time.Hour), Admin: "ed"}))
	want(t, "Exclusions", must[[]engine.Exclusion](t)(s.another(t, 0).Exclusions(t.Context())), []engine.Exclusion{second, first})
	ok(t, s.Include(t.Context(), 7))
	ok(t, s.Include(t.Context(), 7))
	want(t, "Exclusions after all", must[[]engine.Exclusion](t)(s.Exclusions(t.Context())), []engine.Exclusion{first})
}

// adminCalls are the methods that keep admins and what belongs to them.
func adminCalls() []call {
	limits := []engine.LoginLimit{{Key: "k", Free: 1 << 30, First: time.Second, Most: time.Second}}
	found := func(err error) error {
		if errors.Is(err, engine.ErrNotFound) {
			return nil
		}
		return err
	}
	return []call{
		{"SetPassword", true, func(ctx context.Context, s *db.DB) error {
			return s.SetPassword(ctx, "spike", fmt.Sprint(rand.Uint64()), day0)
		}},
		{"AddAdmin", true, func(ctx context.Context, s *db.DB) error {
			return s.AddAdmin(ctx, fmt.Sprint(rand.Uint64()), "x", day0)
		}},
		{"ChangePassword", false, func(ctx context.Context, s *db.DB) error {
			return found(s.ChangePassword(ctx, "nobody", "x", day0))
		}},
		{"RemoveAdmin", false, func(ctx context.Context, s *db.DB) error { return found(s.RemoveAdmin(ctx, "nobody")) }},
		{"Admin", false, func(ctx context.Context, s *db.DB) error { return found(second(s.Admin(ctx, "spike"))) }},
		{"Admins", false, func(ctx context.Context, s *db.DB) error { return second(s.Admins(ctx)) }},
		{"AddAdminSession", false, func(ctx context.Context, s *db.DB) error {
			return found(s.AddAdminSession(ctx, adminSession("a", "nobody"), ""))
		}},
		{"AdminSession", false, func(ctx context.Context, s *db.DB) error {
			return found(second(s.AdminSession(ctx, engine.SessionHash{})))
		}},
		{"SeeAdminSession", false, func(ctx context.Context, s *db.DB) error { return s.SeeAdminSession(ctx, engine.SessionHash{}, day0) }},
		{"SayInAdminSession", false, func(ctx context.Context, s *db.DB) error { return s.SayInAdminSession(ctx, engine.SessionHash{}, "x") }},
		{"EndAdminSession", false, func(ctx context.Context, s *db.DB) error { return s.EndAdminSession(ctx, engine.SessionHash{}) }},
		{"EndAdminSessions", false, func(ctx context.Context, s *db.DB) error { return s.EndAdminSessions(ctx, day0, day0) }},
		{"TryLogin", false, func(ctx context.Context, s *db.DB) error { return second(s.TryLogin(ctx, limits, day0)) }},
		{"ForgetLogins", false, func(ctx context.Context, s *db.DB) error { return s.ForgetLogins(ctx, limits) }},
		{"NoteAction", true, func(ctx context.Context, s *db.DB) error {
			return s.NoteAction(ctx, engine.Action{At: day0, What: "x"})
		}},
		{"Actions", false, func(ctx context.Context, s *db.DB) error { return second(s.Actions(ctx, 0, 5)) }},
		{"LastActions", false, func(ctx context.Context, s *db.DB) error { return second(s.LastActions(ctx, 5)) }},
		{"Exclude", true, func(ctx context.Context, s *db.DB) error {
			return s.Exclude(ctx, engine.Exclusion{Anime: engine.AnimeID(rand.Int32()), At: day0})
		}},
		{"Include", false, func(ctx context.Context, s *db.DB) error { return s.Include(ctx, 0) }},
		{"Exclusions", false, func(ctx context.Context, s *db.DB) error { return second(s.Exclusions(ctx)) }},
		{"FindUsers", false, func(ctx context.Context, s *db.DB) error { return second(s.FindUsers(ctx, "spi", 0, 5)) }},
	}
}

// adminState is all that a store says of admins and what they did.
func (s store) adminState(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("%+v %+v %+v", must[[]engine.Admin](t)(s.Admins(t.Context())), must[[]engine.Action](t)(s.Actions(t.Context(), 0, 1000)),
		must[[]engine.Exclusion](t)(s.Exclusions(t.Context())))
}
