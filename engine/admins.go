package engine

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Admin may log in and change what runs here.
type Admin struct {
	Name       string // see [AdminName]
	Password   string // its hash
	MadeAt     time.Time
	ChangedAt  time.Time // the password
	LoggedInAt time.Time // last; zero: never
}

// AdminSession is a login that goes on.
type AdminSession struct {
	Hash   SessionHash
	Admin  string
	MadeAt time.Time
	SeenAt time.Time // to the minute or so
	Said   string    // what the next page has to say; empty: nothing
}

// SessionHash is the SHA-256 of what a browser has of a session.
type SessionHash [sha256.Size]byte

// Passwords makes hashes of passwords that take long to guess from. Implementations are safe for concurrent use.
type Passwords interface {
	Hash(ctx context.Context, password string) (string, error)
	// Matches tells whether the hash is the password's. With an empty hash it is not, and takes as long to say so.
	Matches(ctx context.Context, password, hash string) (bool, error)
}

// AdminStore keeps admins, their sessions, and what they did. It is part of [Store]. Times are kept to the second.
type AdminStore interface {
	// SetPassword stores the hash of a password for the admin of that name, a new one if there is none, and ends the admin's
	// sessions.
	SetPassword(ctx context.Context, name, hash string, at time.Time) error
	// AddAdmin stores a new admin. One of that name who is there already stays: that is [ErrExists].
	AddAdmin(ctx context.Context, name, hash string, at time.Time) error
	// ChangePassword is SetPassword of an admin who is there.
	ChangePassword(ctx context.Context, name, hash string, at time.Time) error
	// RemoveAdmin deletes an admin, whose sessions end. The last one stays: that is [ErrLastAdmin].
	RemoveAdmin(ctx context.Context, name string) error
	// Admin returns the admin of that name.
	Admin(ctx context.Context, name string) (Admin, error)
	// Admins returns all, in the order of names.
	Admins(ctx context.Context) ([]Admin, error)

	// AddAdminSession begins a session at s.MadeAt, which is the admin's last login then. It is [ErrNotFound] unless the hash
	// of the admin's password is the given one.
	AddAdminSession(ctx context.Context, s AdminSession, password string) error
	// AdminSession returns the session of that hash.
	AdminSession(ctx context.Context, hash SessionHash) (AdminSession, error)
	// SeeAdminSession changes when a session was last seen; SayInAdminSession what it has to say. Neither minds if it is gone.
	SeeAdminSession(ctx context.Context, hash SessionHash, at time.Time) error
	SayInAdminSession(ctx context.Context, hash SessionHash, text string) error
	// EndAdminSession ends a session, if there. EndAdminSessions ends those made or last seen before the given times.
	EndAdminSession(ctx context.Context, hash SessionHash) error
	EndAdminSessions(ctx context.Context, made, seen time.Time) error

	AttemptStore
	LogStore
	ExclusionStore
	SearchStore
}

// The lengths that the name and the password of an admin can have, in characters and bytes.
const (
	MinAdminName = 2
	MaxAdminName = 32
	MinPassword  = 12
	MaxPassword  = 256
)

// AdminName returns name in lower case, and whether an admin can be called so: 2 to 32 letters, digits, dots, underscores and
// hyphens.
func AdminName(name string) (string, bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	ok := len(name) >= MinAdminName && len(name) <= MaxAdminName &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == ""
	return name, ok
}

// SetPassword sets the password of the admin of that name, a new one if there is none, ends the admin's sessions, and lets who
// has to wait for the next login try at once. A name or password that will not do is [ErrInvalid]; the text says why.
func (e *Engine) SetPassword(ctx context.Context, name, password string) error {
	return e.keepPassword(ctx, name, password, e.opts.Store.SetPassword)
}

// AddAdmin is SetPassword of a new admin. One who is there already stays as it is: that is [ErrExists].
func (e *Engine) AddAdmin(ctx context.Context, name, password string) error {
	return e.keepPassword(ctx, name, password, e.opts.Store.AddAdmin)
}

// ChangePassword is SetPassword of an admin who is there. One who is removed meanwhile does not come back: that is [ErrNotFound].
func (e *Engine) ChangePassword(ctx context.Context, name, password string) error {
	canonical, _ := AdminName(name)
	if _, err := e.opts.Store.Admin(ctx, canonical); err != nil {
		return err
	}
	return e.keepPassword(ctx, canonical, password, e.opts.Store.ChangePassword)
}

// keepPassword checks a name and a password, and keeps the password's hash.
func (e *Engine) keepPassword(ctx context.Context, name, password string, keep func(_ context.Context, name, hash string, at time.Time) error) error {
	canonical, ok := AdminName(name)
	if !ok {
		return fmt.Errorf("an admin's name has %d to %d letters, digits, dots, underscores and hyphens: %w", MinAdminName, MaxAdminName, ErrInvalid)
	}
	spaced := strings.Join(strings.Fields(password), " ") // many spaces are as easy to guess as one
	if utf8.RuneCountInString(spaced) < MinPassword || len(password) > MaxPassword || !utf8.ValidString(password) {
		return fmt.Errorf("a password has at least %d characters and at most %d bytes: %w", MinPassword, MaxPassword, ErrInvalid)
	}
	hash, err := e.opts.Passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	if err := keep(ctx, canonical, hash, e.opts.Now()); err != nil {
		return err
	}
	return e.forgetFailures(ctx, canonical) // failures to guess another password
}

// RemoveAdmin removes the admin of that name, whose sessions end. The last one stays: that is [ErrLastAdmin].
func (e *Engine) RemoveAdmin(ctx context.Context, name string) error {
	canonical, ok := AdminName(name)
	if !ok {
		return fmt.Errorf("admin %.40q: %w", name, ErrNotFound)
	}
	return e.opts.Store.RemoveAdmin(ctx, canonical)
}

// Admins returns all admins in the order of names.
func (e *Engine) Admins(ctx context.Context) ([]Admin, error) { return e.opts.Store.Admins(ctx) }

// seenEvery is how exact SeenAt is.
const seenEvery = time.Minute

// verified returns the admin of that name and password, who is at an address, and the limits that the attempt counts against until the
// store forgets it. It fails with [ErrUnauthorized] if there is no such admin or the password is wrong, without telling which,
// and with a [TooSoon] if there were too many failures before.
func (e *Engine) verified(ctx context.Context, name, password, from string) (a Admin, limits []LoginLimit, err error) {
	now := e.opts.Now()
	name, ok := AdminName(name)
	if !ok {
		name = "" // they count as one, however many are made up
	}
	if limits, err = e.loginLimits(ctx, name, from); err != nil {
		return a, nil, err
	}
	until, err := e.opts.Store.TryLogin(ctx, limits, now)
	if err != nil {
		return a, nil, err
	}
	if until.After(now) {
		return a, nil, TooSoon{until.Sub(now)}
	}
	if a, err = e.opts.Store.Admin(ctx, name); err != nil && !errors.Is(err, ErrNotFound) {
		return a, nil, err
	}
	var matches bool
	if len(password) <= MaxPassword {
		if matches, err = e.opts.Passwords.Matches(ctx, password, a.Password); err != nil {
			return a, nil, err
		}
	}
	if !matches {
		// What was typed as a name may be a password: only the names of admins are kept.
		if err := e.Note(ctx, Action{Admin: a.Name, What: FailedLogin, From: from}); err != nil {
			return a, nil, err
		}
		return a, nil, fmt.Errorf("login: %w", ErrUnauthorized)
	}
	return a, limits, nil
}

// Confirm makes sure that it is the admin of a session who sits there, at an address, and not somebody who found it: by the admin's
// password. It fails as [Engine.LogIn] does.
func (e *Engine) Confirm(ctx context.Context, s AdminSession, password, from string) error {
	_, limits, err := e.verified(ctx, s.Admin, password, from)
	if err != nil {
		return err
	}
	return e.opts.Store.ForgetLogins(ctx, limits)
}

// LogIn begins a session of the admin of that name and password, who is at an address, and returns what the browser is to
// have of it. It fails with [ErrUnauthorized] if there is no such admin or the password is wrong, without telling which, and
// with a [TooSoon] if there were too many failures before.
func (e *Engine) LogIn(ctx context.Context, name, password, from string) (id string, err error) {
	a, limits, err := e.verified(ctx, name, password, from)
	if err != nil {
		return "", err
	}
	now := e.opts.Now()
	id, hash := newSession()
	s := AdminSession{Hash: hash, Admin: a.Name, MadeAt: now, SeenAt: now}
	switch err := e.opts.Store.AddAdminSession(ctx, s, a.Password); {
	case errors.Is(err, ErrNotFound):
		return "", fmt.Errorf("login: the password was changed meanwhile: %w", ErrUnauthorized)
	case err != nil:
		return "", err
	}
	return id, errors.Join(
		e.opts.Store.ForgetLogins(ctx, limits),
		e.opts.Store.EndAdminSessions(ctx, now.Add(-e.opts.SessionFor), now.Add(-e.opts.SessionIdle)),
		e.Note(ctx, Action{Admin: a.Name, What: "logged in", From: from}),
	)
}

// newSession makes up a session with 256 random bits.
func newSession() (id string, hash SessionHash) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	id = base64.RawURLEncoding.EncodeToString(secret[:])
	return id, sha256.Sum256([]byte(id))
}

// AdminSession returns the session of which a browser has id, or [ErrUnauthorized] if there is none or it is over. active
// says that somebody is there, and not only a page that asks by itself.
func (e *Engine) AdminSession(ctx context.Context, id string, active bool) (AdminSession, error) {
	hash := SessionHash(sha256.Sum256([]byte(id)))
	s, err := e.opts.Store.AdminSession(ctx, hash)
	if errors.Is(err, ErrNotFound) {
		return AdminSession{}, fmt.Errorf("no such session: %w", ErrUnauthorized)
	}
	if err != nil {
		return AdminSession{}, err
	}
	now := e.opts.Now()
	if now.Sub(s.MadeAt) >= e.opts.SessionFor || now.Sub(s.SeenAt) >= e.opts.SessionIdle {
		if err := e.opts.Store.EndAdminSession(ctx, hash); err != nil {
			return AdminSession{}, err
		}
		return AdminSession{}, fmt.Errorf("the session is over: %w", ErrUnauthorized)
	}
	if active && now.Sub(s.SeenAt) >= min(seenEvery, e.opts.SessionIdle/2) {
		return s, e.opts.Store.SeeAdminSession(ctx, hash, now)
	}
	return s, nil
}

// Say keeps a text for the next page of a session; an empty one takes it back.
func (e *Engine) Say(ctx context.Context, s AdminSession, text string) error {
	return e.opts.Store.SayInAdminSession(ctx, s.Hash, text)
}

// LogOut ends a session.
func (e *Engine) LogOut(ctx context.Context, s AdminSession) error {
	return e.opts.Store.EndAdminSession(ctx, s.Hash)
}
