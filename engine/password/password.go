// Package password makes and checks hashes of passwords, by argon2id.
package password

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/alexedwards/argon2id"
)

// Hasher is an engine.Passwords. Each hash takes a lot of memory, so that few are worked out at a time. It is safe for
// concurrent use.
type Hasher struct {
	params *argon2id.Params
	places chan struct{} // has an item for each hash that is being worked out
	decoy  string        // a hash of no password
}

// New makes a hasher that needs 64 MiB for each of at most two hashes at a time.
func New() *Hasher {
	return with(&argon2id.Params{
		Memory: 64 << 10, Iterations: 2, Parallelism: 2, SaltLength: 16, KeyLength: 32,
	}, 2)
}

// Weak makes a hasher for tests, whose hashes take next to no time.
func Weak() *Hasher {
	return with(&argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}, 2)
}

func with(params *argon2id.Params, places int) *Hasher {
	zeros := func(n uint32) string { return base64.RawStdEncoding.EncodeToString(make([]byte, n)) }
	decoy := fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", params.Memory, params.Iterations, params.Parallelism,
		zeros(params.SaltLength), zeros(params.KeyLength))
	return &Hasher{params, make(chan struct{}, places), decoy}
}

// Hash returns the hash of a password, with its salt.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return argon2id.CreateHash(password, h.params)
}

// Matches tells whether a hash is that of a password. With an empty hash it is not, which takes as long to find out.
func (h *Hasher) Matches(ctx context.Context, password, hash string) (bool, error) {
	nobody := hash == ""
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	if nobody {
		hash = h.decoy
	}
	ok, err := argon2id.ComparePasswordAndHash(password, hash)
	return ok && !nobody, err
}

// enter waits for a place.
func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *Hasher) leave() { <-h.places }
