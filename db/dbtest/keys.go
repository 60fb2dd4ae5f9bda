package dbtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/engine"
)

var keyTests = []test{
	{"keys are used until they are revoked", keyLife},
	{"keys are used by many at once", keysTogether},
	{"the first secret stays", secrets},
}

func key(name string) engine.Key {
	return engine.Key{Name: name, Hash: sha256.Sum256([]byte(name)), MadeAt: day0}
}

func keyLife(t *testing.T, s store) {
	want(t, "Keys of an empty store", must[[]engine.Key](t)(s.Keys(t.Context())), nil)
	a, b := key("a"), key("b' \x00\xff スパイク")
	a.ID = must[int64](t)(s.AddKey(t.Context(), a))
	b.ID = must[int64](t)(s.AddKey(t.Context(), b))
	b.Name = "b' \ufffd スパイク"
	want(t, "Keys", must[[]engine.Key](t)(s.Keys(t.Context())), []engine.Key{a, b})
	if _, err := s.AddKey(t.Context(), key("a")); !errors.Is(err, engine.ErrExists) {
		t.Errorf("the same key again: %v, want %v", err, engine.ErrExists)
	}

	elsewhere := s.another(t, 0)
	for i := range 3 {
		at := day0.Add(time.Duration(i) * time.Hour)
		want(t, "UseKey", must[engine.Key](t)(elsewhere.UseKey(t.Context(), a.Hash, at)), a)
		a.Uses, a.UsedAt = a.Uses+1, at
	}
	want(t, "Keys after use", must[[]engine.Key](t)(s.Keys(t.Context())), []engine.Key{a, b})
	for _, nobody := range []engine.KeyHash{{}, key("c").Hash} {
		_, err := s.UseKey(t.Context(), nobody, day0)
		wantKind(t, "UseKey of none", err, engine.ErrNotFound)
	}

	ok(t, s.RevokeKey(t.Context(), a.ID, day0.Add(5*time.Hour)))
	a.RevokedAt = day0.Add(5 * time.Hour)
	_, err := elsewhere.UseKey(t.Context(), a.Hash, day0)
	wantKind(t, "UseKey of a revoked one", err, engine.ErrNotFound)
	ok(t, elsewhere.RevokeKey(t.Context(), a.ID, day0.Add(9*time.Hour)))
	want(t, "Keys after all", must[[]engine.Key](t)(s.Keys(t.Context())), []engine.Key{a, b})
	must[engine.Key](t)(elsewhere.UseKey(t.Context(), b.Hash, day0))
	wantKind(t, "RevokeKey of none", s.RevokeKey(t.Context(), b.ID+1, day0), engine.ErrNotFound)
}

func keysTogether(t *testing.T, s store) {
	k := key("k")
	k.ID = must[int64](t)(s.AddKey(t.Context(), k))
	var using sync.WaitGroup
	for _, db := range []store{s, {s.another(t, 0), s.url}} {
		for range 4 {
			using.Go(func() {
				for range 10 {
					if _, err := db.UseKey(t.Context(), k.Hash, day0); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	using.Wait()
	want(t, "uses", must[[]engine.Key](t)(s.Keys(t.Context()))[0].Uses, 80)
}

func secrets(t *testing.T, s store) {
	var asking sync.WaitGroup
	var got [8][]byte
	for i := range got {
		db := s.another(t, 0)
		asking.Go(func() {
			var proposal [32]byte
			_, _ = rand.Read(proposal[:])
			var err error
			if got[i], err = db.Secret(t.Context(), "one", proposal[:]); err != nil {
				t.Error(err)
			}
		})
	}
	asking.Wait()
	for i := range got {
		if len(got[i]) != 32 || !bytes.Equal(got[i], got[0]) {
			t.Errorf("secret %d is %x, another one %x", i, got[i], got[0])
		}
	}
	want(t, "another secret", string(must[[]byte](t)(s.Secret(t.Context(), "two", []byte("proposal")))), "proposal")
}

// keyCalls are the methods that keep keys and populations.
func keyCalls() []call {
	found := func(err error) error {
		if errors.Is(err, engine.ErrNotFound) {
			return nil
		}
		return err
	}
	return []call{
		{"AddKey", true, func(ctx context.Context, s *db.DB) error { return second(s.AddKey(ctx, key(rand.Text()))) }},
		{"Keys", false, func(ctx context.Context, s *db.DB) error { return second(s.Keys(ctx)) }},
		{"UseKey", false, func(ctx context.Context, s *db.DB) error { return found(second(s.UseKey(ctx, engine.KeyHash{}, day0))) }},
		{"RevokeKey", true, func(ctx context.Context, s *db.DB) error { return found(s.RevokeKey(ctx, 1, day0)) }},
		{"Secret", false, func(ctx context.Context, s *db.DB) error { return second(s.Secret(ctx, "s", []byte("x"))) }},
		{"SavePopulation", true, func(ctx context.Context, s *db.DB) error {
			return s.SavePopulation(ctx, &engine.Population{Users: 1, MadeAt: day0, State: rand.Text()})
		}},
		{"Population", false, func(ctx context.Context, s *db.DB) error { return found(second(s.Population(ctx))) }},
		{"UsersState", false, func(ctx context.Context, s *db.DB) error { return second(s.UsersState(ctx)) }},
	}
}

// keyState is all that a store says of keys and populations.
func (s store) keyState(t *testing.T) string {
	t.Helper()
	state := ""
	if p, err := s.Population(t.Context()); err == nil {
		state = p.State
	} else {
		wantKind(t, "Population", err, engine.ErrNotFound)
	}
	return fmt.Sprintf("%+v %s", must[[]engine.Key](t)(s.Keys(t.Context())), state)
}
