package engine

import (
	"context"
	"errors"
)

// recalled returns the user of that canonical name from memory, since the store failed with err: an answer from what was
// known is better than none.
func (e *Engine) recalled(name string, err error) (User, error) {
	if !errors.Is(err, ErrStoreDown) {
		return User{}, err
	}
	u, ok := e.opts.Store.Recall(name)
	if !ok {
		return User{}, err
	}
	if !u.PrivateAt.IsZero() {
		return User{}, ErrPrivate
	}
	u.recalled = true
	return u, nil
}

// taste is [Engine.user] for who needs no more of the user than the hash: as long as the store does not answer, that is known
// of everybody who can be matched. The list is nil then.
func (e *Engine) taste(ctx context.Context, name string) (User, error) {
	u, err := e.user(ctx, name)
	if !errors.Is(err, ErrStoreDown) {
		return u, err
	}
	canonical, _ := CanonicalName(name)
	c, ok := e.index.Load().Named(canonical)
	if !ok {
		return User{}, err
	}
	return User{ID: c.ID, Name: c.Name, Hash: c.Hash, recalled: true}, nil
}

// Named returns the card of the user of that canonical name. It looks at all of them.
func (x *Index) Named(n string) (Card, bool) {
	if len(n) > MaxName {
		return Card{}, false
	}
	padded := nameOf(n)
	for b := range x.blocks() {
		for i := range b.names {
			if b.names[i] == padded {
				return b.card(i), true
			}
		}
	}
	return Card{}, false
}
