package db

import "reko.moe/engine"

// Recall implements [engine.Store].
func (db *DB) Recall(name string) (engine.User, bool) { return db.cache.named(name) }
