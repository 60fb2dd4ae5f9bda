package engine

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestKeys(t *testing.T) {
	s := newMemStore()
	e := loaded(t, Options{Store: s, Now: clock})
	shape := regexp.MustCompile(`^reko_[A-Za-z0-9_-]{43}$`)
	seen := map[string]bool{}
	var last string
	for range 50 {
		shown, k, err := e.AddKey(t.Context(), "  a program ")
		if err != nil || !shape.MatchString(shown) || seen[shown] || k.Name != "a program" || !k.MadeAt.Equal(t0) || k.ID != int64(len(seen)+1) {
			t.Fatalf("AddKey() = %q, %+v, %v", shown, k, err)
		}
		seen[shown], last = true, shown
	}
	use := func(shown string, want error) {
		t.Helper()
		if err := e.UseKey(t.Context(), shown); !errors.Is(err, want) {
			t.Errorf("UseKey() = %v, want %v", err, want)
		} else if err != nil && len(shown) > 5 && strings.Contains(err.Error(), shown[5:]) {
			t.Errorf("the failure quotes the key: %v", err)
		}
	}
	if _, _, err := e.AddKeyOf(t.Context(), "one", KeySecret{1}); err != nil {
		t.Error(err)
	}
	if shown, _, err := e.AddKeyOf(t.Context(), "another", KeySecret{1}); !errors.Is(err, ErrExists) || shown != "" {
		t.Errorf("AddKeyOf() with the same secret = %q, %v, want ErrExists", shown, err)
	}
	use(last, nil)
	use(last, nil)
	other := []byte(last)
	other[20] ^= 1
	for _, wrong := range []string{"", "reko_", last[5:], last + "a", last[:47], " " + last[1:], strings.ToUpper(last), string(other), strings.Repeat("a", 100_000)} {
		use(wrong, ErrUnauthorized)
	}
	keys, err := e.Keys(t.Context())
	if err != nil || len(keys) != 51 || keys[49].Uses != 2 || !keys[49].UsedAt.Equal(t0) || keys[48].Uses != 0 {
		t.Errorf("Keys() = %d, the last %+v, %v", len(keys), keys[len(keys)-1], err)
	}
	if err := e.RevokeKey(t.Context(), 50); err != nil {
		t.Fatal(err)
	}
	use(last, ErrUnauthorized)
	if err := e.RevokeKey(t.Context(), 52); !errors.Is(err, ErrNotFound) {
		t.Errorf("RevokeKey(52) = %v, want ErrNotFound", err)
	}
	for _, name := range []string{"", " \t", "a\nb", "a\x00b", "\xff", strings.Repeat("é", 65)} {
		if _, _, err := e.AddKey(t.Context(), name); !errors.Is(err, ErrInvalid) {
			t.Errorf("AddKey(%q) = %v, want ErrInvalid", name, err)
		}
	}
	if _, _, err := e.AddKey(t.Context(), strings.Repeat("é", 64)); err != nil {
		t.Errorf("a name of 64 letters: %v", err)
	}
	s.broken = func(string) error { return errors.New("broken") }
	use(last, ErrStore)
}

// Who has the hash of a key, from a copy of the store, cannot use it.
func TestHashOfAKeyIsNoKey(t *testing.T) {
	s := newMemStore()
	e := loaded(t, Options{Store: s, Now: func() time.Time { return t0 }})
	if _, _, err := e.AddKey(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	hash := s.keys.keys[0].Hash[:]
	for _, shown := range []string{base64.RawURLEncoding.EncodeToString(hash), string(hash) + strings.Repeat("a", 11), hex.EncodeToString(hash)[:43]} {
		if err := e.UseKey(t.Context(), "reko_"+shown); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("UseKey(%q) = %v, want ErrUnauthorized", shown, err)
		}
	}
}
