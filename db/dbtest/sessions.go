package dbtest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"reko.moe/db"
	"reko.moe/engine"
)

var sessionTests = []test{
	{"sessions are kept", sessionsKept},
	{"changes of a session at once", sessionsSwapped},
	{"any key does", sessionKeys},
	{"sessions expire", sessionsExpire},
}

func sessionsKept(t *testing.T, s store) {
	here, there := s.Sessions(), s.another(t, 0).Sessions()
	wantSession := func(key, value string) {
		t.Helper()
		got := must[[]byte](t)(there.Get(key))
		if string(got) != value || (got == nil) != (value == "") {
			t.Errorf("Get(%q) = %q, want %q", key, got, value)
		}
	}
	swap := func(key string, old []byte, value string, want bool) {
		t.Helper()
		if done, err := here.Swap(key, old, []byte(value), time.Hour); err != nil || done != want {
			t.Errorf("Swap(%q, %q, %q) = %t, %v, want %t", key, old, value, done, err, want)
		}
	}
	wantSession("a", "")
	swap("a", []byte("something"), "else", false)
	swap("a", nil, "one\x00\xff", true)
	swap("b", nil, "two", true)
	wantSession("a", "one\x00\xff")
	wantSession("b", "two")
	wantSession("c", "")
	swap("a", nil, "three", false)
	swap("a", []byte("two"), "three", false)
	wantSession("a", "one\x00\xff")
	swap("a", []byte("one\x00\xff"), "three", true)
	wantSession("a", "three")
	wantSession("b", "two")
}

// sessionsSwapped has several change one session at once: each change is of what the one before left.
func sessionsSwapped(t *testing.T, s store) {
	stores := []*db.Sessions{s.Sessions(), s.another(t, 0).Sessions()}
	const writers, each = 6, 10
	var writing sync.WaitGroup
	for w := range writers {
		sessions := stores[w%2]
		writing.Go(func() {
			for done := 0; done < each; {
				old, err := sessions.Get("a")
				if err != nil {
					t.Error(err)
					return
				}
				swapped, err := sessions.Swap("a", old, append(old[:len(old):len(old)], byte(w)), time.Hour)
				if err != nil {
					t.Error(err)
					return
				}
				if swapped {
					done++
				}
			}
		})
	}
	writing.Wait()
	var n [writers]int
	for _, w := range must[[]byte](t)(stores[0].Get("a")) {
		n[w]++
	}
	want(t, "changes", n, [writers]int{each, each, each, each, each, each})
}

// sessionKeys uses what a browser may send in place of a key.
func sessionKeys(t *testing.T, s store) {
	keys := []string{"\x00", "a\x00b", "\xff", "' OR 1=1 --", "%", strings.Repeat("k", 100_000), "スパイク"}
	for _, key := range keys {
		want(t, "session of nobody", must[[]byte](t)(s.Sessions().Get(key)), nil)
		want(t, "Swap", must[bool](t)(s.Sessions().Swap(key, nil, []byte(key), time.Hour)), true)
	}
	for _, key := range keys {
		want(t, "session", string(must[[]byte](t)(s.Sessions().Get(key))), key)
	}
}

func sessionsExpire(t *testing.T, s store) {
	all := s.Sessions()
	set := func(key string, old []byte, value string, keep time.Duration, wanted bool) {
		t.Helper()
		want(t, "Swap", must[bool](t)(all.Swap(key, old, []byte(value), keep)), wanted)
	}
	set("over", nil, "x", -time.Second, true)
	set("again", nil, "x", -time.Second, true)
	set("on", nil, "x", time.Hour, true)
	want(t, "expired session", must[[]byte](t)(all.Get("over")), nil)
	set("again", []byte("x"), "y", time.Hour, false) // it is as none
	set("again", nil, "y", time.Hour, true)
	want(t, "Expire", must[string](t)(all.Expire(t.Context())), "1 sessions expired")
	want(t, "Expire again", must[string](t)(all.Expire(t.Context())), "0 sessions expired")
	want(t, "session", string(must[[]byte](t)(all.Get("on"))), "x")
	want(t, "session", string(must[[]byte](t)(all.Get("again"))), "y")
	Exec(t, s.url, `UPDATE sessions SET expires_at = 1`)
	want(t, "Expire at last", must[string](t)(all.Expire(t.Context())), "2 sessions expired")

	gone := s.another(t, 0)
	ok(t, gone.Close())
	_, err := gone.Sessions().Get("on")
	wantKind(t, "Get", err, engine.ErrStore)
	_, err = gone.Sessions().Swap("on", nil, []byte("x"), time.Hour)
	wantKind(t, "Swap", err, engine.ErrStore)
}
