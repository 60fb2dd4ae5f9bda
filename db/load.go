package db

import (
	"context"
	"errors"

	"reko.moe/engine"
)

// load is a query that is on its way. Whoever misses the same users meanwhile waits for it instead of asking the database, too: when
// everybody wants the same, as after a restart, the database is asked once.
type load struct {
	done  chan struct{}                 // closed once it is over; the rest is written before
	users map[engine.UserID]engine.User // those that there are
	err   error                         // errLeft if it says nothing about the database
}

// errLeft says that a load came to nothing because the one who asked has left.
var errLeft = errors.New("the one who asked has left")

func newLoad() *load {
	return &load{done: make(chan struct{}), users: map[engine.UserID]engine.User{}, err: errLeft}
}

// claim says who loads each of ids: the caller by l, whose they are then, or somebody who does already. began is for [cache.put].
func (c *cache) claim(ids []engine.UserID) (l *load, by []*load, began uint64) {
	l = newLoad()
	by = make([]*load, len(ids))
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, id := range ids {
		if by[i] = c.loading[id]; by[i] == nil {
			by[i] = l
			c.loading[id] = l
		}
	}
	return l, by, c.writes
}

// claimName is claim of a name: either it is the caller's to load, or another's load brings it.
func (c *cache) claimName(name string) (mine, other *load, began uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if other = c.naming[name]; other != nil {
		return nil, other, 0
	}
	mine = newLoad()
	c.naming[name] = mine
	return mine, nil, c.writes
}

// end ends the load of ids, or of a name, with what it brought.
func (c *cache) end(ctx context.Context, l *load, ids []engine.UserID, name string) {
	if l.err != nil && ctx.Err() != nil {
		l.err = errLeft
	}
	c.mu.Lock()
	for _, id := range ids {
		if c.loading[id] == l {
			delete(c.loading, id)
		}
	}
	if c.naming[name] == l {
		delete(c.naming, name)
	}
	c.mu.Unlock()
	close(l.done)
}

// wait waits for another's load.
func (l *load) wait(ctx context.Context) error {
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
