package dbtest

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reko.moe/engine"
)

var changeTests = []test{
	{"every change of a user or an anime is told once", changesOnce},
	{"what ends in another order than it begins is told", changesLate},
	{"nothing is missed while many write", changesOfMany},
	{"what changed elsewhere is no longer kept in memory", changesForgotten},
	{"who was away for too long is told so", changesPruned},
	{"who has seen more than there is is told so", changesWentBack},
	{"whoever listens is rung", changesRung},
	{"the described of some anime", animeOf},
}

// changes returns what changed since mark, which becomes the next one.
func (s store) changes(t *testing.T, mark *string) engine.Changes {
	t.Helper()
	c := must[engine.Changes](t)(s.Changes(t.Context(), *mark))
	*mark = c.Mark
	slices.Sort(c.Users)
	slices.Sort(c.Anime)
	c.Mark = ""
	return c
}

func changesOnce(t *testing.T, s store) {
	elsewhere := store{s.another(t, 1), s.url}
	var mark string
	want(t, "at first", s.changes(t, &mark), engine.Changes{Lost: true})
	want(t, "then", s.changes(t, &mark), engine.Changes{})
	u := Users(t, "u", 4, 20)
	save := func() { u = elsewhere.save(t, u...) }
	save()
	ids := idsOf(u)
	want(t, "somebody new", s.changes(t, &mark), engine.Changes{Users: ids})
	want(t, "then", s.changes(t, &mark), engine.Changes{})

	try := func(what string, err error, then engine.Changes) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		want(t, what, s.changes(t, &mark), then)
	}
	unlisted := u[1]
	unlisted.Unlisted = true
	_, err := elsewhere.SaveUser(t.Context(), unlisted)
	try("somebody saved", err, engine.Changes{Users: ids[1:2]})
	hashed := u[2]
	hashed.Hash++
	_, err = elsewhere.SetHashes(t.Context(), []engine.User{hashed})
	try("a hash", err, engine.Changes{Users: ids[2:3]})
	try("an import", elsewhere.ImportUsers(t.Context(), []engine.User{u[0], u[3]}), engine.Changes{Users: []engine.UserID{ids[0], ids[3]}})
	try("a failure", elsewhere.RefreshFailed(t.Context(), ids[0]), engine.Changes{})
	try("a list found to be private", elsewhere.HideUser(t.Context(), ids[3], day0), engine.Changes{Users: ids[3:4]})
	try("somebody gone", elsewhere.DeleteUser(t.Context(), ids[0]), engine.Changes{Users: ids[:1]})
	_, err = elsewhere.RemoveOrigin(t.Context(), u[1].Origin)
	try("an origin gone", err, engine.Changes{Users: ids[1:]})
	try("anime", elsewhere.SaveAnime(t.Context(), []engine.Anime{known(5, 1, 0), known(7, 1, 1)}), engine.Changes{Anime: []engine.AnimeID{5, 7}})
	try("relations", elsewhere.SaveAnime(t.Context(), []engine.Anime{known(5, 1, 2)}), engine.Changes{Anime: []engine.AnimeID{5}})
	try("ids of anime", elsewhere.MentionAnime(t.Context(), []engine.AnimeID{5, 9}), engine.Changes{})
	try("a failure", elsewhere.DescribeFailed(t.Context(), 5), engine.Changes{})
}

// changesLate has a transaction that begins before and ends after others, which only Postgres allows, and one that is undone.
func changesLate(t *testing.T, s store) {
	u := s.save(t, Users(t, "u", 3, 20)...)
	ids := idsOf(u)
	var mark string
	s.changes(t, &mark)
	conn := connect(t, s.url)
	defer conn.Close()
	begin := func(id engine.UserID) (end func(commit bool)) {
		tx, err := conn.BeginTx(t.Context(), nil)
		if err == nil {
			_, err = tx.ExecContext(t.Context(), `UPDATE users SET hash = hash + 1 WHERE id = $1`, int64(id))
		}
		if err != nil {
			t.Fatal(err)
		}
		return func(commit bool) {
			t.Helper()
			err := tx.Rollback
			if commit {
				err = tx.Commit
			}
			if err := err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !s.onPostgres() {
		begin(ids[0])(false)
		want(t, "what was undone", s.changes(t, &mark), engine.Changes{})
		begin(ids[0])(true)
		want(t, "what was done", s.changes(t, &mark), engine.Changes{Users: ids[:1]})
		return
	}
	early, never := begin(ids[0]), begin(ids[2])
	want(t, "before the end", s.changes(t, &mark), engine.Changes{})
	later := begin(ids[1])
	later(true)
	want(t, "the one that began later", s.changes(t, &mark), engine.Changes{Users: ids[1:2]})
	want(t, "again", s.changes(t, &mark), engine.Changes{})
	never(false)
	want(t, "what was undone", s.changes(t, &mark), engine.Changes{})
	early(true)
	want(t, "the one that began first", s.changes(t, &mark), engine.Changes{Users: ids[:1]})
	want(t, "again", s.changes(t, &mark), engine.Changes{})
}

// changesOfMany has a reader that keeps up by what it is told alone.
func changesOfMany(t *testing.T, s store) {
	const writers, writes = 6, 30
	elsewhere := []store{{s.another(t, 1), s.url}, {s.another(t, 1), s.url}}
	var mark string
	s.changes(t, &mark)
	have := map[engine.UserID]engine.User{}
	follow := func() {
		t.Helper()
		c := must[engine.Changes](t)(s.Changes(t.Context(), mark))
		mark = c.Mark
		for _, id := range c.Users {
			delete(have, id)
		}
		for _, u := range must[[]engine.User](t)(s.Users(t.Context(), nil, c.Users)) {
			have[u.ID] = u
		}
	}
	var done atomic.Bool
	var writing sync.WaitGroup
	for w := range writers {
		s := elsewhere[w%2]
		r := rand.New(rand.NewPCG(uint64(w), 1))
		writing.Go(func() {
			for i := range writes {
				u := User(t, fmt.Sprintf("w%d-%d", w, r.IntN(5)), 20)
				u.Hash = engine.Hash(1 + w*writes + i)
				id, err := s.SaveUser(t.Context(), u)
				if err == nil && r.IntN(4) == 0 {
					err = s.DeleteUser(t.Context(), id)
				}
				if err == nil && r.IntN(4) == 0 {
					err = s.ImportUsers(t.Context(), Users(t, fmt.Sprint("i", w), 8, 10))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { writing.Wait(); done.Store(true) }()
	for !done.Load() {
		follow()
	}
	follow()
	got := make([]engine.User, 0, len(have))
	for _, u := range have {
		got = append(got, u)
	}
	slices.SortFunc(got, func(a, b engine.User) int { return cmp.Compare(a.ID, b.ID) })
	stored := all(t, s.AllUsers(t.Context()))
	want(t, "what was followed", got, stored)
}

func changesForgotten(t *testing.T, s store) {
	u := s.save(t, Users(t, "u", 3, 20)...)
	ids := idsOf(u)
	var mark string
	s.changes(t, &mark)
	want(t, "kept", must[[]engine.User](t)(s.Users(t.Context(), nil, ids)), u)
	elsewhere := store{s.another(t, 1), s.url}
	newer := User(t, u[1].Name, 25)
	newer.ID = must[engine.UserID](t)(elsewhere.SaveUser(t.Context(), newer))
	if err := elsewhere.DeleteUser(t.Context(), ids[2]); err != nil {
		t.Fatal(err)
	}
	s.changes(t, &mark)
	want(t, "after that", must[[]engine.User](t)(s.Users(t.Context(), nil, ids)), []engine.User{u[0], newer})
}

func changesPruned(t *testing.T, s store) {
	var away, here string
	s.changes(t, &away)
	u := s.save(t, Users(t, "u", 3, 20)...)
	s.changes(t, &here)
	for s.onPostgres() && !s.seesAll(t, here) { // others on the same server have transactions that began before
		s.changes(t, &here)
	}
	want(t, "at once", must[string](t)(s.PruneChanges(t.Context())), "0 old changes dropped")
	old := `UPDATE changes SET at = at - 3601`
	Exec(t, s.url, old)
	want(t, "an hour later", must[string](t)(s.PruneChanges(t.Context())), "3 old changes dropped")
	want(t, "who was away", s.changes(t, &away).Lost, true)
	want(t, "who was not", s.changes(t, &here), engine.Changes{})
	s.save(t, u[0])
	for what, mark := range map[string]*string{"who was away": &away, "who was not": &here} {
		want(t, what, s.changes(t, mark), engine.Changes{Users: idsOf(u[:1])})
	}
}

// changesWentBack has a mark that a database gave before it lost what it had committed last.
func changesWentBack(t *testing.T, s store) {
	s.save(t, Users(t, "u", 1, 20)...)
	var mark string
	s.changes(t, &mark)
	if life, snapshot, ok := strings.Cut(mark, " "); ok {
		mark = life + "1 " + snapshot
	} else {
		mark += "00"
	}
	want(t, "with a mark of more than there is", s.changes(t, &mark), engine.Changes{Lost: true})
	want(t, "then", s.changes(t, &mark), engine.Changes{})
}

// seesAll tells whether nothing that is in the log could be missing in a mark of Postgres.
func (s store) seesAll(t *testing.T, mark string) (all bool) {
	t.Helper()
	conn := connect(t, s.url)
	defer conn.Close()
	ok(t, conn.QueryRowContext(t.Context(), `SELECT pg_snapshot_xmin(split_part($1, ' ', 2)::pg_snapshot) > max(xid::text::bigint)::text::xid8 FROM changes`,
		mark).Scan(&all))
	return all
}

func changesRung(t *testing.T, s store) {
	name, url := "listens-"+strings.ToLower(crand.Text()), s.url // by which its connections are known
	if s.onPostgres() {
		url += "&application_name=" + name
	}
	listener := Open(t, url)
	ctx, stop := context.WithCancel(t.Context())
	rings := make(chan struct{}, 100)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		listener.Listen(ctx, func() { rings <- struct{}{} })
	}()
	defer func() {
		stop()
		<-ended
	}()
	if !s.onPostgres() {
		s.save(t, User(t, "spike", 20))
		stop()
		<-ended
		want(t, "rings", len(rings), 0)
		return
	}
	<-rings // at first
	elsewhere := store{s.another(t, 1), s.url}
	for range 3 {
		elsewhere.save(t, User(t, "spike", 20))
		<-rings
	}
	begin := time.Now()
	Exec(t, s.url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '`+name+`'`)
	<-rings // since something may have been missed
	t.Logf("a lost connection was made again after %s", time.Since(begin).Round(time.Millisecond))
	elsewhere.save(t, User(t, "spike", 20))
	<-rings
}

func animeOf(t *testing.T, s store) {
	a := []engine.Anime{known(5, 1, 0), known(7, 1, 1), known(9, 2, 2)}
	if err := errors.Join(s.SaveAnime(t.Context(), a), s.MentionAnime(t.Context(), []engine.AnimeID{6})); err != nil {
		t.Fatal(err)
	}
	everything := all(t, s.Anime(t.Context()))
	got := must[[]engine.Anime](t)(s.AnimeOf(t.Context(), []engine.AnimeID{9, 6, 5, 100}))
	slices.SortFunc(got, func(a, b engine.Anime) int { return cmp.Compare(a.ID, b.ID) })
	want(t, "AnimeOf", got, []engine.Anime{everything[0], everything[2]})
	want(t, "of none", len(must[[]engine.Anime](t)(s.AnimeOf(t.Context(), nil))), 0)
}
