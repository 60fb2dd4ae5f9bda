package db

import (
	"github.com/maypok86/otter/v2"

	"reko.moe/engine"
)

// mostNames bounds how many names are known of users in memory: some 10 MB.
const mostNames = 100_000

// newNames makes what finds the users in memory by name.
func newNames() *otter.Cache[string, engine.UserID] {
	return otter.Must(&otter.Options[string, engine.UserID]{MaximumSize: mostNames})
}

// Recall implements [engine.Store].
func (db *DB) Recall(name string) (engine.User, bool) {
	if db.cache.users == nil {
		return engine.User{}, false
	}
	id, ok := db.cache.names.GetIfPresent(name)
	if !ok {
		return engine.User{}, false
	}
	u, ok := db.cache.get(id)
	return u, ok && u.Name == name
}
