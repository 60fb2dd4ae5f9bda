package engine

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Key lets a program ask for what is private. What it is shown as once is not kept, only its hash.
type Key struct {
	ID        int64
	Name      string // whose it is, or what for
	Hash      KeyHash
	MadeAt    time.Time
	UsedAt    time.Time // last; zero: never
	Uses      int64
	RevokedAt time.Time // zero: it is valid
}

// KeyHash is the SHA-256 of a key. A key has a [KeySecret], so that nothing slower is needed.
type KeyHash [sha256.Size]byte

// KeySecret is what makes a key one that nobody can guess: 256 bits that look random to others.
type KeySecret [32]byte

// KeyStore keeps keys and secrets. It is part of [Store]. Times are kept to the second.
type KeyStore interface {
	// AddKey stores a new key of that name, hash and MadeAt, and returns its id. One of that hash stays as it is: that is [ErrExists].
	AddKey(ctx context.Context, k Key) (int64, error)
	// Keys returns all keys, revoked ones too, in the order in which they were made.
	Keys(ctx context.Context) ([]Key, error)
	// RevokeKey revokes a key. One that is revoked already stays as it is.
	RevokeKey(ctx context.Context, id int64, at time.Time) error
	// UseKey counts a use of the valid key of that hash and returns it as it was before.
	UseKey(ctx context.Context, hash KeyHash, at time.Time) (Key, error)
	// Secret returns what is kept under a name. The first to ask keeps its proposal there.
	Secret(ctx context.Context, name string, proposal []byte) ([]byte, error)
}

// keyPrefix makes keys recognisable, where one was published by mistake for example.
const keyPrefix = "reko_"

// maxKeyName bounds the name of a key, in characters.
const maxKeyName = 64

// AddKey makes a key and returns it as it is to be shown, this once.
func (e *Engine) AddKey(ctx context.Context, name string) (shown string, k Key, err error) {
	var secret KeySecret
	_, _ = rand.Read(secret[:]) // never fails
	return e.AddKeyOf(ctx, name, secret)
}

// AddKeyOf is AddKey with a secret of the caller's. A second key with the same one is [ErrExists], and not made.
func (e *Engine) AddKeyOf(ctx context.Context, name string, secret KeySecret) (shown string, k Key, err error) {
	name = strings.TrimSpace(name)
	unprintable := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
	if name == "" || utf8.RuneCountInString(name) > maxKeyName || strings.ContainsFunc(name, unprintable) {
		return "", Key{}, fmt.Errorf("a key's name has 1 to %d printable characters: %w", maxKeyName, ErrInvalid)
	}
	shown = keyPrefix + base64.RawURLEncoding.EncodeToString(secret[:])
	k = Key{Name: name, Hash: sha256.Sum256([]byte(shown)), MadeAt: e.opts.Now()}
	k.ID, err = e.opts.Store.AddKey(ctx, k)
	if err != nil {
		return "", Key{}, err
	}
	return shown, k, nil
}

// Keys returns all keys, revoked ones too, in the order in which they were made.
func (e *Engine) Keys(ctx context.Context) ([]Key, error) { return e.opts.Store.Keys(ctx) }

// RevokeKey makes a key invalid, everywhere and at once.
func (e *Engine) RevokeKey(ctx context.Context, id int64) error {
	return e.opts.Store.RevokeKey(ctx, id, e.opts.Now())
}

// UseKey counts a use of a key, or fails with [ErrUnauthorized] if it is none that is valid. The failure does not quote it.
func (e *Engine) UseKey(ctx context.Context, shown string) error {
	if len(shown) != len(keyPrefix)+base64.RawURLEncoding.EncodedLen(32) || !strings.HasPrefix(shown, keyPrefix) {
		return fmt.Errorf("no key: %w", ErrUnauthorized)
	}
	hash := KeyHash(sha256.Sum256([]byte(shown)))
	k, err := e.opts.Store.UseKey(ctx, hash, e.opts.Now())
	if errors.Is(err, ErrNotFound) || err == nil && subtle.ConstantTimeCompare(k.Hash[:], hash[:]) != 1 {
		return fmt.Errorf("no valid key: %w", ErrUnauthorized)
	}
	return err
}
