package dbtest

import (
	"strings"
	"testing"
	"time"

	"reko.moe/engine"
)

var sessionTests = []test{
	{"sessions are kept", sessionsKept},
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
	wantSession("a", "")
	ok(t, here.Set("a", []byte("one\x00\xff"), time.Hour))
	ok(t, here.Set("b", []byte("two"), 0))
	wantSession("a", "one\x00\xff")
	wantSession("b", "two")
	wantSession("c", "")
	ok(t, here.Set("a", []byte("three"), 0))
	wantSession("a", "three")
	ok(t, here.Set("", []byte("x"), 0))
	wantSession("", "")
	ok(t, here.Set("b", nil, 0))
	wantSession("b", "two")
	ok(t, here.Delete("a"))
	ok(t, here.Delete("a"))
	wantSession("a", "")
	wantSession("b", "two")
	ok(t, here.Reset())
	wantSession("b", "")
	ok(t, here.Close())
	ok(t, here.Set("a", []byte("four"), 0)) // the store is still open
	wantSession("a", "four")
}

// sessionKeys uses what a browser may send in place of a key.
func sessionKeys(t *testing.T, s store) {
	keys := []string{"\x00", "a\x00b", "\xff", "' OR 1=1 --", "%", strings.Repeat("k", 100_000), "スパイク"}
	for _, key := range keys {
		want(t, "session of nobody", must[[]byte](t)(s.Sessions().Get(key)), nil)
		ok(t, s.Sessions().Set(key, []byte(key), time.Hour))
	}
	for _, key := range keys {
		want(t, "session", string(must[[]byte](t)(s.Sessions().Get(key))), key)
		ok(t, s.Sessions().Delete(key))
		want(t, "session that is over", must[[]byte](t)(s.Sessions().Get(key)), nil)
	}
}

func sessionsExpire(t *testing.T, s store) {
	all := s.Sessions()
	ok(t, all.Set("over", []byte("x"), time.Nanosecond))
	ok(t, all.Set("on", []byte("x"), time.Hour))
	ok(t, all.Set("ever", []byte("x"), 0))
	Exec(t, s.url, `UPDATE sessions SET expires_at = expires_at - 2 WHERE expires_at > 0`)
	want(t, "expired session", must[[]byte](t)(all.Get("over")), nil)
	want(t, "Expire", must[string](t)(all.Expire(t.Context())), "1 sessions expired")
	want(t, "Expire again", must[string](t)(all.Expire(t.Context())), "0 sessions expired")
	for _, key := range []string{"on", "ever"} {
		want(t, "session", string(must[[]byte](t)(all.Get(key))), "x")
	}
	Exec(t, s.url, `UPDATE sessions SET expires_at = 1 WHERE expires_at > 0`)
	want(t, "Expire at last", must[string](t)(all.Expire(t.Context())), "1 sessions expired")

	gone := s.another(t, 0)
	ok(t, gone.Close())
	_, err := gone.Sessions().Get("on")
	wantKind(t, "Get", err, engine.ErrStore)
	wantKind(t, "Set", gone.Sessions().Set("on", []byte("x"), 0), engine.ErrStore)
}
