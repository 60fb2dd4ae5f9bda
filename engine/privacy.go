package engine

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"
)

// PrivacyStore keeps whose list nobody is to see. It is part of [Store]. Times are kept to the second.
type PrivacyStore interface {
	// HideUser notes that it was made sure of at that time that the user's list is private, and counts a failed refresh. The list stays as
	// it is, and SaveUser of the user, whose PrivateAt is zero then, takes the note back.
	HideUser(ctx context.Context, id UserID, at time.Time) error
	// HiddenUsers returns the ids of all users whose list is private, ascending.
	HiddenUsers(ctx context.Context) ([]UserID, error)

	// KeepOut keeps a canonical name out, deletes whoever has it, and puts what is short for its hash in its place in what is logged of
	// admins and jobs. It returns the hash, and who was deleted: 0 if nobody was. From then on SaveUser and ImportUsers store nobody of that
	// name, whenever they began. A name that is kept out already stays as it is.
	KeepOut(ctx context.Context, name string, at time.Time) (NameHash, UserID, error)
	// LetIn takes back that a canonical name is kept out.
	LetIn(ctx context.Context, name string) (NameHash, error)
	// KeptOut returns all names that are kept out, the newest first. IsKeptOut looks for a canonical one, in what is stored now.
	KeptOut(ctx context.Context) ([]KeptOut, error)
	IsKeptOut(ctx context.Context, name string) (bool, error)

	// ForgetAddresses takes the addresses out of what was logged of admins before the given time, and returns how many.
	ForgetAddresses(ctx context.Context, before time.Time) (int, error)
}

// NameSecret is the name of the secret by which a store hashes the names that are kept out. It is made when the first one is, and for
// nothing else.
const NameSecret = "kept out"

// NameHash is what is kept of a name that is kept out: see [HashName].
type NameHash [sha256.Size]byte

// HashName returns the HMAC-SHA-256 of a canonical name by [NameSecret].
func HashName(secret []byte, name string) NameHash {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(name))
	return NameHash(mac.Sum(nil))
}

// String is short, for people to tell names that are kept out apart.
func (h NameHash) String() string { return hex.EncodeToString(h[:4]) }

// KeptOut is a name that is kept out.
type KeptOut struct {
	Hash NameHash
	At   time.Time
}

// counterKeptOut grows whenever names are kept out or let in again.
const counterKeptOut = "kept out"

// keptOut are the names that are kept out. It is immutable once it is shared.
type keptOut struct {
	secret []byte // [NameSecret]
	hashes map[NameHash]bool
	seen   int64 // counterKeptOut when they were read
}

// outside fails with [ErrNotFound] if a canonical name is kept out, as far as is known here.
func (e *Engine) outside(name string) error {
	if kept := e.kept.Load(); len(kept.hashes) > 0 && kept.hashes[HashName(kept.secret, name)] {
		return ErrNotFound
	}
	return nil
}

// KeepOut deletes the named user, if there is one, and keeps the name out: whoever asks for it is told that there is no such user, and no
// list is stored under it any more, here at once and elsewhere within a second of [Engine.Reload]. It returns what stands for the
// name, which is forgotten.
func (e *Engine) KeepOut(ctx context.Context, name string) (NameHash, error) {
	canonical, ok := CanonicalName(name)
	if !ok {
		return NameHash{}, fmt.Errorf("%.40q is no name that somebody can have: %w", name, ErrInvalid)
	}
	var hash NameHash
	err := e.remove(func() (UserID, error) {
		var id UserID
		var err error
		if hash, id, err = e.opts.Store.KeepOut(ctx, canonical, e.opts.Now()); err != nil {
			return 0, err
		}
		return id, e.changedKeptOut(ctx) // before id goes from memory: see [Engine.save]
	})
	return hash, err
}

// LetIn takes back what [Engine.KeepOut] did. A name that is not kept out is [ErrNotFound].
func (e *Engine) LetIn(ctx context.Context, name string) (NameHash, error) {
	canonical, ok := CanonicalName(name)
	if !ok {
		return NameHash{}, fmt.Errorf("%.40q: %w", name, ErrNotFound)
	}
	hash, err := e.opts.Store.LetIn(ctx, canonical)
	if err == nil {
		err = e.changedKeptOut(ctx)
	}
	return hash, err
}

// KeptOut returns what stands for the names that are kept out, the newest first.
func (e *Engine) KeptOut(ctx context.Context) ([]KeptOut, error) { return e.opts.Store.KeptOut(ctx) }

func (e *Engine) changedKeptOut(ctx context.Context) error {
	if _, err := e.opts.Store.AddCounter(ctx, counterKeptOut, 1); err != nil {
		return err
	}
	return e.loadKeptOut(ctx)
}

// loadKeptOut reads anew which names are kept out.
func (e *Engine) loadKeptOut(ctx context.Context) error {
	e.keeping.Lock() // of two that read, the one that reads later is to stay
	defer e.keeping.Unlock()
	seen, err := e.opts.Store.Counter(ctx, counterKeptOut)
	if err != nil {
		return err
	}
	stored, err := e.opts.Store.KeptOut(ctx)
	if err != nil {
		return err
	}
	k := &keptOut{hashes: make(map[NameHash]bool, len(stored)), seen: seen}
	if len(stored) > 0 { // then there is a secret
		if k.secret, err = e.opts.Store.Secret(ctx, NameSecret, []byte(rand.Text())); err != nil {
			return err
		}
	}
	for _, s := range stored {
		k.hashes[s.Hash] = true
	}
	e.kept.Store(k)
	return nil
}

// reloadKeptOut reads anew which names are kept out if that changed.
func (e *Engine) reloadKeptOut(ctx context.Context) error {
	seen, err := e.opts.Store.Counter(ctx, counterKeptOut)
	if err != nil || seen == e.kept.Load().seen {
		return err
	}
	return e.loadKeptOut(ctx)
}

// IsKeptOut tells whether the name of somebody is kept out.
func (e *Engine) IsKeptOut(ctx context.Context, name string) (bool, error) {
	canonical, ok := CanonicalName(name)
	if !ok {
		return false, nil
	}
	return e.opts.Store.IsKeptOut(ctx, canonical)
}

// hiding is whose lists are private, of those who are stored. The zero value is nobody. It is safe for concurrent use.
type hiding struct {
	mu  sync.Mutex
	ids map[UserID]bool // guarded by mu
}

// set says whether a user's list is private.
func (h *hiding) set(id UserID, private bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids == nil {
		h.ids = map[UserID]bool{}
	}
	if private {
		h.ids[id] = true
	} else {
		delete(h.ids, id)
	}
}

func (h *hiding) has(id UserID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ids[id]
}

// hide notes that u's list was made sure to be private, and lets nobody be matched with u any more: here at once, and elsewhere within a
// second of [Engine.Follow].
func (e *Engine) hide(ctx context.Context, u User) error {
	e.loading.RLock()
	defer e.loading.RUnlock()
	if err := e.opts.Store.HideUser(ctx, u.ID, e.opts.Now()); err != nil {
		return err
	}
	e.conceal(u.ID)
	return nil
}

// conceal takes a user out of what others are matched with. e.loading is held.
func (e *Engine) conceal(id UserID) {
	e.hidden.set(id, true)
	e.index.Load().Remove(id)
	e.profiles.remove(id)
}

// loadHidden reads anew whose list is private, for who has not followed what the store changed until now.
func (e *Engine) loadHidden(ctx context.Context) error {
	e.loading.RLock()
	defer e.loading.RUnlock()
	ids, err := e.opts.Store.HiddenUsers(ctx)
	if err != nil {
		return err
	}
	e.hidden.mu.Lock()
	e.hidden.ids = make(map[UserID]bool, len(ids))
	e.hidden.mu.Unlock()
	for _, id := range ids {
		e.conceal(id)
	}
	return nil
}

// ForgetAddresses is upkeep that takes the addresses out of what admins did longer than that ago.
func (e *Engine) ForgetAddresses(ctx context.Context, after time.Duration) (string, error) {
	n, err := e.opts.Store.ForgetAddresses(ctx, e.opts.Now().Add(-after))
	return fmt.Sprintf("%d addresses forgotten", n), err
}
