package engine

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"
)

// AttemptStore counts logins. It is part of [Store]. Times are kept to the second.
type AttemptStore interface {
	// TryLogin counts a login under each of the limits, as a failure until [AttemptStore.ForgetLogins], unless one of them is
	// in the way: then nothing is counted, and it returns until when the longest of those lasts.
	TryLogin(ctx context.Context, limits []LoginLimit, at time.Time) (until time.Time, err error)
	// ForgetLogins forgets the failures under the limits.
	ForgetLogins(ctx context.Context, limits []LoginLimit) error
}

// LoginLimit lets some logins fail, and puts more and more time between those that follow. Failures are forgotten a day after
// the last one.
type LoginLimit struct {
	Key   string        // of what is limited, a hash, since what is typed as a name may be a password
	Free  int           // how many may fail without delay
	First time.Duration // delay after the next one; it doubles with each that follows
	Most  time.Duration
}

// LoginsForgotten is when failures are forgotten.
const LoginsForgotten = 24 * time.Hour

// Delay returns how long nothing is tried after so many failures.
func (l LoginLimit) Delay(failures int) time.Duration {
	if failures <= l.Free {
		return 0
	}
	d := l.First
	for i := l.Free + 1; i < failures && d < l.Most; i++ {
		d *= 2
	}
	return min(d, l.Most)
}

// loginLimits are those for a name, empty for all that no admin can have, and an address. An address that tries many names has to wait
// longest. Who keeps failing under an admin's name keeps the admin waiting, too, until somebody sets a password on the command line.
func (e *Engine) loginLimits(ctx context.Context, name, from string) ([]LoginLimit, error) {
	secret, err := e.attemptSecret(ctx)
	if err != nil {
		return nil, err
	}
	address := LoginLimit{Key: attemptKey(secret, "address", Network(from)), Free: 9, First: 10 * time.Second, Most: time.Hour}
	return []LoginLimit{nameLimit(secret, name), address}, nil
}

func nameLimit(secret []byte, name string) LoginLimit {
	return LoginLimit{Key: attemptKey(secret, "name", name), Free: 4, First: 5 * time.Second, Most: 15 * time.Minute}
}

// forgetFailures lets who has to wait under a name try at once.
func (e *Engine) forgetFailures(ctx context.Context, name string) error {
	secret, err := e.attemptSecret(ctx)
	if err != nil {
		return err
	}
	return e.opts.Store.ForgetLogins(ctx, []LoginLimit{nameLimit(secret, name)})
}

// attemptKey is the HMAC-SHA-256 of a name or an address. There are so few of either that a hash without a secret would tell them.
func attemptKey(secret []byte, kind, of string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("login\x00" + kind + "\x00" + of))
	return hex.EncodeToString(mac.Sum(nil))
}

// attemptSecret is the configured secret, or else the one that the store keeps for all instances.
func (e *Engine) attemptSecret(ctx context.Context) ([]byte, error) {
	if len(e.opts.Secret) > 0 {
		return e.opts.Secret, nil
	}
	if kept := e.attempts.Load(); kept != nil {
		return *kept, nil
	}
	var proposal [32]byte
	_, _ = rand.Read(proposal[:]) // never fails
	secret, err := e.opts.Store.Secret(ctx, "logins", proposal[:])
	if err != nil {
		return nil, err
	}
	e.attempts.Store(&secret)
	return secret, nil
}

// Network is what of an address counts as one client: of IPv6 the 64 bits that a household is given.
func Network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	p, _ := a.Prefix(64) // valid for every IPv6 address
	return p.String()
}

// TooSoon says that a login is not tried before a time has passed. It is [ErrTooSoon].
type TooSoon struct{ Wait time.Duration }

func (t TooSoon) Error() string { return fmt.Sprintf("too many logins failed, wait for %s", t.Wait) }

// Unwrap makes it an [ErrTooSoon].
func (t TooSoon) Unwrap() error { return ErrTooSoon }
