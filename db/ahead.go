package db

import (
	"context"
	"time"

	"reko.moe/engine/jobs"
)

// aheadEvery is how often it is seen to that connections are there. The pool closes what nobody used for half an hour.
const aheadEvery = time.Minute

// ConnectAhead opens all connections to Postgres that the pool may have before they are needed, one after the other, and sees to it until
// ctx is done. They are wanted when there is more to do at once than usual, and each costs the database a process with all that it has to
// read first: several at a time would take the processors just then. On SQLite it does nothing.
func (db *DB) ConnectAhead(ctx context.Context) {
	if db.pool == nil {
		return
	}
	for again := true; again; again = jobs.Wait(ctx, aheadEvery) {
		for db.connectOne(ctx) {
		}
	}
}

// connectOne opens a connection that is not there, and tells whether there may be more.
func (db *DB) connectOne(ctx context.Context) bool {
	before := db.pool.Stat()
	if before.TotalConns() == before.MaxConns() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, c := range db.pool.AcquireAllIdle(ctx) { // so that the next is a new one
		defer c.Release()
	}
	c, err := db.pool.Acquire(ctx)
	if err != nil {
		return false // which who needs one will find, and say
	}
	c.Release()
	return db.pool.Stat().TotalConns() > before.TotalConns()
}
