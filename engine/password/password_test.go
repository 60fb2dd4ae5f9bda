package password

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestHash(t *testing.T) {
	h := Weak()
	a, err := h.Hash(t.Context(), "see you space cowboy")
	if err != nil {
		t.Fatal(err)
	}
	b, err := h.Hash(t.Context(), "see you space cowboy")
	if err != nil || a == b || !strings.HasPrefix(a, "$argon2id$v=19$") {
		t.Errorf("hashes %s and %s, %v, want two salts", a, b, err)
	}
	long := strings.Repeat("x", 255) // of which nothing is cut off
	ofLong, err := h.Hash(t.Context(), long+"a")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		password, hash string
		want           bool
	}{
		{"see you space cowboy", a, true},
		{"see you space cowboy", b, true},
		{"see you space cowboy ", a, false},
		{long + "a", ofLong, true},
		{long + "b", ofLong, false},
		{long, ofLong, false},
		{"", a, false},
		{"see you space cowboy", "", false},
		{"", "", false},
	} {
		if got, err := h.Matches(t.Context(), test.password, test.hash); got != test.want || err != nil {
			t.Errorf("Matches(%q, %q) = %t, %v, want %t", test.password, test.hash, got, err, test.want)
		}
	}
	if _, err := h.Matches(t.Context(), "x", "no hash"); err == nil {
		t.Error("what is no hash is none of an error")
	}
}

// What the program itself makes takes as much memory as it should, with a salt of 128 bits.
func TestStrength(t *testing.T) {
	hash, err := New().Hash(t.Context(), "see you space cowboy")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[3] != "m=65536,t=2,p=2" || base64.RawStdEncoding.DecodedLen(len(parts[4])) != 16 || base64.RawStdEncoding.DecodedLen(len(parts[5])) != 32 {
		t.Errorf("hash %s", hash)
	}
}

// To find out that there is nobody of a name takes as long as that a password is wrong.
func TestNobodyTakesAsLong(t *testing.T) {
	h := New()
	hash, err := h.Hash(t.Context(), "see you space cowboy")
	if err != nil {
		t.Fatal(err)
	}
	fastest := func(hash string) time.Duration {
		best := time.Hour
		for range 5 {
			begin := time.Now()
			if ok, err := h.Matches(t.Context(), "wrong", hash); ok || err != nil {
				t.Fatal(ok, err)
			}
			best = min(best, time.Since(begin))
		}
		return best
	}
	somebody, nobody := fastest(hash), fastest("")
	t.Logf("%s for somebody, %s for nobody", somebody, nobody)
	if nobody < somebody/3 || somebody < nobody/3 {
		t.Errorf("%s for somebody, %s for nobody", somebody, nobody)
	}
}

// No more hashes than there are places for are worked out at a time.
func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Weak()
		for range cap(h.places) {
			if err := h.enter(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := h.Hash(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a hash without a place: %v", err)
		}
		var waiting sync.WaitGroup
		done := false
		waiting.Go(func() {
			if _, err := h.Matches(t.Context(), "x", ""); err != nil {
				t.Error(err)
			}
			done = true
		})
		synctest.Wait()
		if done {
			t.Error("a hash was worked out without a place")
		}
		h.leave()
		waiting.Wait()
	})
}
