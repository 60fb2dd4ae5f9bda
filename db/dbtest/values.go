package dbtest

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"reko.moe/engine"
)

// day0 is when the tests take place.
var day0 = time.Date(2026, 3, 1, 12, 30, 15, 0, time.UTC)

// List returns a packed list of n entries that look real. The same seed makes the same list.
func List(t testing.TB, n int, seed uint64) engine.Packed {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	changes := make([]engine.Change, n)
	id := engine.AnimeID(0)
	for i := range changes {
		id += 1 + engine.AnimeID(r.IntN(100))
		changes[i].Anime = id
		changes[i].Status = engine.Completed
		changes[i].Score = uint8(r.IntN(11))
		changes[i].Episodes = uint16(1 + r.IntN(26))
		if r.IntN(8) > 0 {
			changes[i].At = day0.Add(-time.Duration(r.IntN(100_000)) * time.Hour)
		}
	}
	l, err := engine.NewList(changes)
	if err != nil {
		t.Fatal(err)
	}
	return l.Pack()
}

// User returns somebody with a list of n entries. Without an id, as before it is saved.
func User(t testing.TB, name string, n int) engine.User {
	t.Helper()
	seed := uint64(len(name))
	for i := range len(name) {
		seed = seed*31 + uint64(name[i])
	}
	return engine.User{
		Name:      name,
		Origin:    engine.FromMAL,
		Hash:      engine.Hash(rand.New(rand.NewPCG(seed, 1)).Uint64() | 1),
		List:      List(t, n, seed),
		FetchedAt: day0.Add(-time.Duration(seed%1000) * time.Second),
		FullAt:    day0.Add(-time.Duration(seed%1000) * time.Minute),
	}
}

// Users returns n users, called name0, name1 and so on, with lists of the given length.
func Users(t testing.TB, name string, n, length int) []engine.User {
	t.Helper()
	users := make([]engine.User, n)
	for i := range users {
		users[i] = User(t, fmt.Sprintf("%s%d", name, i), length)
	}
	return users
}

// must returns v, and ends the test if there was an error.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want fails the test unless got is what is wanted.
func want[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s = %.2000s, want %.2000s", what, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
	}
}

// wantKind fails the test unless err is of one kind, and of no other.
func wantKind(t testing.TB, what string, err, kind error) {
	t.Helper()
	for _, k := range []error{engine.ErrNotFound, engine.ErrStore} {
		if is := errors.Is(err, k); is != errors.Is(kind, k) {
			t.Errorf("%s = %v, want %v", what, err, kind)
			return
		}
	}
}

// save saves users one by one and returns them as they have to come back: with ids, and times to the second.
func (s store) save(t testing.TB, users ...engine.User) []engine.User {
	t.Helper()
	saved := make([]engine.User, len(users))
	for i, u := range users {
		u.ID = must[engine.UserID](t)(s.SaveUser(t.Context(), u))
		saved[i] = stored(u)
	}
	return saved
}

// stored returns u with its times as they are stored.
func stored(u engine.User) engine.User {
	u.FetchedAt = toSecond(u.FetchedAt)
	u.FullAt = toSecond(u.FullAt)
	return u
}

func toSecond(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.Truncate(time.Second).UTC()
}

// all returns what seq yields.
func all[T any](t testing.TB, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var items []T
	for item, err := range seq {
		ok(t, err)
		items = append(items, item)
	}
	return items
}

func idsOf(users []engine.User) []engine.UserID {
	ids := make([]engine.UserID, len(users))
	for i := range users {
		ids[i] = users[i].ID
	}
	return ids
}

func namesOf(users []engine.User) []string {
	names := make([]string, len(users))
	for i := range users {
		names[i] = users[i].Name
	}
	return names
}

func cardsOf(users []engine.User) []engine.Card {
	cards := make([]engine.Card, len(users))
	for i, u := range users {
		cards[i] = engine.Card{ID: u.ID, Name: u.Name, Hash: u.Hash}
	}
	return cards
}
