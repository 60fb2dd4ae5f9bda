package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// plain are Passwords that hide nothing.
type plain struct{ asked *[]string }

func (p plain) Hash(_ context.Context, password string) (string, error) {
	return "hash of " + password, nil
}

func (p plain) Matches(_ context.Context, password, hash string) (bool, error) {
	if p.asked != nil {
		*p.asked = append(*p.asked, hash)
	}
	return hash == "hash of "+password, nil
}

const good = "see you space cowboy"

func TestSetPassword(t *testing.T) {
	e := New(Options{Store: newMemStore(), Passwords: plain{}})
	for _, test := range []struct{ name, password string }{
		{"x", good}, {"", good}, {strings.Repeat("x", 33), good}, {"a b", good}, {"スパイク", good}, {"a/b", good},
		{"spike", "short"}, {"spike", strings.Repeat("x", 257)}, {"spike", "eleven chär"}, {"spike", "no text \xff\xff\xff\xff\xff"},
		{"spike", strings.Repeat(" ", 20)}, {"spike", "            and more"},
	} {
		if err := e.SetPassword(t.Context(), test.name, test.password); !errors.Is(err, ErrInvalid) {
			t.Errorf("SetPassword(%q, %q) = %v, want %v", test.name, test.password, err, ErrInvalid)
		}
	}
	for _, name := range []string{"spike", " Spike-2 ", "a.b_c"} {
		if err := e.SetPassword(t.Context(), name, "twelve chärs"); err != nil {
			t.Errorf("SetPassword(%q) = %v", name, err)
		}
	}
	for _, password := range []string{strings.Repeat("x", 256), "🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀🚀", "スパイクスパイクスパイク", "\x00\x01\x02\x03\x04\x05\x06\x07\x0e\x0f\x10\x11", "012345678901"} {
		if err := e.SetPassword(t.Context(), "spike", password); err != nil {
			t.Errorf("SetPassword(%q) = %v", password, err)
		}
	}
	admins, err := e.Admins(t.Context())
	if err != nil || len(admins) != 3 || admins[2].Name != "spike-2" {
		t.Errorf("admins %+v, %v", admins, err)
	}
}

func TestAddAdminAndChangePassword(t *testing.T) {
	s := newMemStore()
	e := New(Options{Store: s, Passwords: plain{}})
	if err := e.AddAdmin(t.Context(), "Spike", good); err != nil {
		t.Fatal(err)
	}
	if err := e.AddAdmin(t.Context(), "spike", "another password"); !errors.Is(err, ErrExists) {
		t.Errorf("AddAdmin of who is there = %v, want %v", err, ErrExists)
	}
	if _, err := e.LogIn(t.Context(), "spike", good, ""); err != nil {
		t.Errorf("the first password does not do: %v", err)
	}
	if err := e.ChangePassword(t.Context(), "faye", "short"); !errors.Is(err, ErrNotFound) {
		t.Errorf("ChangePassword of nobody = %v, want %v", err, ErrNotFound)
	}
	if err := e.ChangePassword(t.Context(), "spike", "short"); !errors.Is(err, ErrInvalid) {
		t.Errorf("ChangePassword to a short one = %v, want %v", err, ErrInvalid)
	}
	if err := e.AddAdmin(t.Context(), "faye", good); err != nil {
		t.Fatal(err)
	}
	s.broken = func(method string) error {
		if method == "ChangePassword" {
			return e.RemoveAdmin(t.Context(), "spike")
		}
		return nil
	}
	if err := e.ChangePassword(t.Context(), "spike", "another password"); !errors.Is(err, ErrNotFound) {
		t.Errorf("ChangePassword of who is removed meanwhile = %v, want %v", err, ErrNotFound)
	}
	if admins, err := e.Admins(t.Context()); err != nil || len(admins) != 1 || admins[0].Name != "faye" {
		t.Errorf("admins %+v, %v, want faye", admins, err)
	}
}

// Somebody who is not there has a password to compare with, too, and neither is told from the other.
func TestLogIn(t *testing.T) {
	var asked []string
	s := newMemStore()
	e := New(Options{Store: s, Passwords: plain{&asked}})
	if err := e.SetPassword(t.Context(), "spike", good); err != nil {
		t.Fatal(err)
	}
	_, wrong := e.LogIn(t.Context(), "spike", "wrong", "10.0.0.1")
	_, nobody := e.LogIn(t.Context(), "faye", good, "10.0.0.2")
	_, empty := e.LogIn(t.Context(), "", "", "10.0.0.3")
	for _, err := range []error{wrong, nobody, empty} {
		if !errors.Is(err, ErrUnauthorized) || err.Error() != wrong.Error() {
			t.Errorf("LogIn = %v, want %v", err, wrong)
		}
	}
	if want := []string{"hash of " + good, "", ""}; !slices.Equal(asked, want) {
		t.Errorf("compared with %q, want %q", asked, want)
	}
	if _, err := e.LogIn(t.Context(), "spike", strings.Repeat("x", 1<<20), "10.0.0.4"); !errors.Is(err, ErrUnauthorized) || len(asked) != 3 {
		t.Errorf("a password that is too long: %v, compared with %q", err, asked)
	}
	id, err := e.LogIn(t.Context(), " SPIKE", good, "10.0.0.1")
	if err != nil || len(id) != 43 {
		t.Fatalf("LogIn = %q, %v", id, err)
	}
	session, err := e.AdminSession(t.Context(), id, true)
	if err != nil || session.Admin != "spike" {
		t.Errorf("AdminSession = %+v, %v", session, err)
	}
	for _, none := range []string{"", id[:42], id + "x"} {
		if _, err := e.AdminSession(t.Context(), none, true); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("AdminSession(%q) = %v, want %v", none, err, ErrUnauthorized)
		}
	}
	var log []string
	for _, a := range s.admins.log {
		log = append(log, a.Admin+" "+a.What+" from "+a.From)
	}
	if want := []string{
		"spike failed to log in from 10.0.0.1", " failed to log in from 10.0.0.2", " failed to log in from 10.0.0.3",
		"spike failed to log in from 10.0.0.4", "spike logged in from 10.0.0.1",
	}; !slices.Equal(log, want) {
		t.Errorf("log %q, want %q", log, want)
	}
}

// A thief of the store does not learn who tried to log in, and what no admin can be called does not fill it.
func TestAttemptsAreKeptUnderASecret(t *testing.T) {
	s := newMemStore()
	var key string // of the name
	for _, secret := range []string{"", "", "configured"} {
		e := New(Options{Store: s, Passwords: plain{}, Secret: []byte(secret)})
		s.admins.attempts = nil
		for _, name := range []string{"a b", "スパイク", "x", strings.Repeat("x", 99)} {
			if _, err := e.LogIn(t.Context(), name, good, "10.0.0.1"); !errors.Is(err, ErrUnauthorized) {
				t.Fatalf("LogIn = %v, want %v", err, ErrUnauthorized)
			}
		}
		if n := len(s.admins.attempts); n != 2 {
			t.Errorf("%d attempts are kept, want one of a name and one of the address", n)
		}
		if _, err := e.LogIn(t.Context(), "spike", good, "10.0.0.2"); !errors.Is(err, ErrUnauthorized) {
			t.Fatalf("LogIn = %v, want %v", err, ErrUnauthorized)
		}
		under := []byte(secret)
		if secret == "" {
			under = s.keys.secrets["logins"]
		}
		last := key
		key = nameLimit(under, "spike").Key
		if _, ok := s.admins.attempts[key]; !ok || len(under) == 0 {
			t.Errorf("the name is not kept under the secret %q", under)
		}
		if configured := secret != ""; last != "" && configured == (key == last) {
			t.Errorf("with the secret %q spike is %s, before it was %s", secret, key, last)
		}
	}
}

// The address and the account are limited by themselves, and a good login forgets the failures.
func TestLogInLimits(t *testing.T) {
	now := clock()
	e := New(Options{Store: newMemStore(), Passwords: plain{}, Now: func() time.Time { return now }})
	if err := e.SetPassword(t.Context(), "spike", good); err != nil {
		t.Fatal(err)
	}
	try := func(name, password, from string, want error, wait time.Duration) {
		t.Helper()
		_, err := e.LogIn(t.Context(), name, password, from)
		var soon TooSoon
		errors.As(err, &soon)
		if !errors.Is(err, want) || soon.Wait != wait {
			t.Fatalf("LogIn as %s from %s = %v, want %v, to wait %s", name, from, err, want, wait)
		}
	}
	for i := range 5 { // one account from everywhere
		try("spike", "wrong", "10.0.0."+string(rune('1'+i)), ErrUnauthorized, 0)
	}
	try("spike", good, "10.0.0.9", ErrTooSoon, 5*time.Second)
	for wait := 5 * time.Second; wait < 15*time.Minute; wait *= 2 {
		now = now.Add(wait)
		try("spike", "wrong", "10.0.1."+wait.String(), ErrUnauthorized, 0)
		try("spike", good, "10.0.0.9", ErrTooSoon, min(2*wait, 15*time.Minute))
	}
	now = now.Add(15 * time.Minute)
	try("spike", good, "10.0.0.9", nil, 0)
	for range 5 {
		try("spike", "wrong", "10.0.0.9", ErrUnauthorized, 0)
	}
	try("spike", good, "10.0.0.9", ErrTooSoon, 5*time.Second)
	if err := e.SetPassword(t.Context(), "spike", good); err != nil { // somebody helps
		t.Fatal(err)
	}
	try("spike", good, "10.0.0.9", nil, 0)
	for range 4 {
		try("spike", "wrong", "10.0.0.9", ErrUnauthorized, 0)
	}
	try("spike", good, "10.0.0.9", nil, 0)

	for i := range 10 { // many accounts from one address, in any of its forms
		try("nobody"+string(rune('a'+i)), "wrong", []string{"2001:db8::1", "2001:db8::ffff:1", "2001:db8::2%eth0"}[i%3], ErrUnauthorized, 0)
	}
	try("spike", good, "2001:db8::3", ErrTooSoon, 10*time.Second)
	try("spike", good, "2001:db8:0:1::3", nil, 0)
	now = now.Add(25 * time.Hour)
	try("nobody", "wrong", "2001:db8::3", ErrUnauthorized, 0)
	try("spike", good, "2001:db8::3", nil, 0)
}

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"10.0.0.1": "10.0.0.1", "::ffff:10.0.0.1": "10.0.0.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "", "x": "x",
	} {
		if got := Network(address); got != want {
			t.Errorf("Network(%q) = %q, want %q", address, got, want)
		}
	}
}

// A password that is changed between the comparison and the session does not let in any more.
func TestLogInMeetsChange(t *testing.T) {
	s := newMemStore()
	e := New(Options{Store: s, Passwords: plain{}})
	if err := e.SetPassword(t.Context(), "spike", good); err != nil {
		t.Fatal(err)
	}
	changed := false
	s.broken = func(method string) error {
		if method == "AddAdminSession" && !changed {
			changed = true
			return e.SetPassword(t.Context(), "spike", "another password")
		}
		return nil
	}
	if _, err := e.LogIn(t.Context(), "spike", good, ""); !errors.Is(err, ErrUnauthorized) || !changed {
		t.Errorf("LogIn = %v, want %v", err, ErrUnauthorized)
	}
	if len(s.admins.sessions) != 0 {
		t.Error("there is a session")
	}
}

func TestFindAnime(t *testing.T) {
	var anime []Anime
	for i := range 120 {
		anime = append(anime, Anime{ID: AnimeID(i + 1), Title: "Title", DescribedAt: clock()})
	}
	anime[76].Title, anime[20].English = "Cowboy BEBOP", "Bebop too"
	s := newMemStore()
	if err := s.SaveAnime(t.Context(), anime); err != nil {
		t.Fatal(err)
	}
	e := loaded(t, Options{Store: s, Now: clock})
	for _, test := range []struct {
		text string
		page int
		want []AnimeID
		more bool
	}{
		{" bebop ", 1, []AnimeID{21, 77}, false},
		{"77", 1, []AnimeID{77}, false},
		{"7", 1, []AnimeID{7}, false},
		{"bebop", 2, nil, false},
		{"nothing", 1, nil, false},
		{"-1", 1, nil, false},
	} {
		found, page := e.FindAnime(test.text, test.page)
		var ids []AnimeID
		for _, a := range found {
			ids = append(ids, a.ID)
		}
		if !slices.Equal(ids, test.want) || page.More != test.more {
			t.Errorf("FindAnime(%q, %d) = %v, %+v, want %v", test.text, test.page, ids, page, test.want)
		}
	}
	seen := 0
	for page := 1; ; page++ {
		found, p := e.FindAnime("title", page)
		seen += len(found)
		if !p.More {
			break
		}
	}
	if seen != 119 {
		t.Errorf("%d anime on all pages, want 119", seen)
	}
}
