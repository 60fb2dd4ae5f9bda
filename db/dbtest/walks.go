package dbtest

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"reko.moe/engine"
)

var walkTests = []test{
	{"cards and users over many pages", walkUsers},
	{"cards by the simple protocol", walkSimply},
	{"anime over many pages", walkAnime},
	{"a walk leaves the store to others", walkWhileWriting},
	{"a walk ends with its context", walkCancelled},
}

// stops tests that a walk can be left early.
func stops[T any](t *testing.T, what string, seq iter.Seq2[T, error], after int, whole []T) {
	t.Helper()
	var got []T
	for item, err := range seq {
		ok(t, err)
		if got = append(got, item); len(got) == after {
			break
		}
	}
	want(t, what+" left early", got, whole[:after])
}

// numbers are 1 to n in SQL.
func numbers(n int) string {
	return fmt.Sprintf(`(WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < %d)
		SELECT i FROM numbers) AS numbers`, n)
}

// walkSimply is how Postgres is asked through some poolers of connections.
func walkSimply(t *testing.T, s store) {
	u := s.save(t, Users(t, "u", 3, 20)...)
	url := s.url
	if s.onPostgres() {
		url += "&default_query_exec_mode=simple_protocol"
	}
	want(t, "cards", all(t, Open(t, url).Cards(t.Context())), cardsOf(u))
}

func walkUsers(t *testing.T, s store) {
	const n = 20_100 // a page of cards has 20,000, one of users 500
	u := s.save(t, User(t, "u", 3))[0]
	Exec(t, s.url, `INSERT INTO users (name, origin, hash, entries, fetched_at, full_at, failures, list)
		SELECT name || i, origin, i, entries, fetched_at, full_at, failures, list FROM users, `+numbers(n)+` ORDER BY i`)
	cards := all(t, s.Cards(t.Context()))
	want(t, "cards", len(cards), n+1)
	for i, c := range cards[1:] {
		if c.ID <= cards[i].ID || c.Name != fmt.Sprint("u", i+1) || c.Hash != engine.Hash(i+1) {
			t.Fatalf("card %d = %+v after %+v", i+1, c, cards[i])
		}
	}
	stops(t, "Cards", s.Cards(t.Context()), 20_001, cards)
	users := make([]engine.User, 1600)
	for i := range users {
		users[i] = u
		users[i].ID, users[i].Name, users[i].Hash = cards[i].ID, cards[i].Name, cards[i].Hash
	}
	walk := s.AllUsers(t.Context())
	for _, after := range []int{1, 499, 500, 501, 1000, 1600} {
		stops(t, "AllUsers", walk, after, users)
	}
	want(t, "number of users", len(all(t, walk)), n+1)
}

func walkAnime(t *testing.T, s store) {
	const n = 5_100 // a page has 5,000
	ok(t, s.SaveAnime(t.Context(), []engine.Anime{{ID: 1, Title: "t", DescribedAt: day0}}))
	Exec(t, s.url, `INSERT INTO anime SELECT 1 + 2 * i, title, english, type, episodes, mean, rating, start_date, status, genres,
		picture, members, nsfw, relations, parent, described_at, related_at, failures FROM anime, `+numbers(n)+` ORDER BY -i`)
	ok(t, s.MentionAnime(t.Context(), []engine.AnimeID{2, 4, 2*n + 2})) // which are not described
	anime := make([]engine.Anime, n+1)
	for i := range anime {
		anime[i] = engine.Anime{ID: engine.AnimeID(2*i + 1), Title: "t", DescribedAt: day0}
	}
	want(t, "Anime", all(t, s.Anime(t.Context())), anime)
	stops(t, "Anime", s.Anime(t.Context()), 10, anime)
}

func walkWhileWriting(t *testing.T, s store) {
	users := s.save(t, Users(t, "u", 20, 5)...)
	ok(t, s.SaveAnime(t.Context(), []engine.Anime{{ID: 1, Title: "a", DescribedAt: day0}, {ID: 2, Title: "b", DescribedAt: day0}}))
	seen := 0
	for u, err := range s.AllUsers(t.Context()) {
		ok(t, err)
		for a, err := range s.Anime(t.Context()) {
			ok(t, err)
			a.Title += "!"
			ok(t, s.SaveAnime(t.Context(), []engine.Anime{a}))
		}
		for c, err := range s.Cards(t.Context()) {
			ok(t, err)
			ok(t, s.RefreshFailed(t.Context(), c.ID))
		}
		u.Hash++
		must[[]engine.User](t)(s.SetHashes(t.Context(), []engine.User{u}))
		must[[]engine.User](t)(s.Users(t.Context(), nil, []engine.UserID{u.ID}))
		seen++
	}
	want(t, "users seen", seen, len(users))
}

func walkCancelled(t *testing.T, s store) {
	ok(t, s.ImportUsers(t.Context(), Users(t, "u", 1200, 1)))
	ctx, cancel := context.WithCancel(t.Context())
	seen, failures := 0, 0
	for _, err := range s.AllUsers(ctx) {
		if err != nil {
			failures++
			wantKind(t, "AllUsers", err, engine.ErrStore)
			wantCancelled(t, "AllUsers", err)
			continue
		}
		if seen++; seen == 10 {
			cancel()
		}
	}
	cancel()
	if failures != 1 || seen >= 1200 {
		t.Errorf("a cancelled walk saw %d users and %d errors, want some and 1", seen, failures)
	}
}
