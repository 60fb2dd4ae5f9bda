package db

import (
	"context"
	"time"

	"reko.moe/engine/jobs"
)

// aheadEvery is how often it is seen to that connections are there. The pool closes what nobody used for half an hour.
const aheadEvery = time.Minute

// aheadHolds is how long nobody else may have the idle connections, at most, while a new one is begun.
const aheadHolds = 100 * time.Millisecond

// ConnectAhead opens all connections to Postgres that the pool may have before they are needed, one after the other, and sees to it until
// ctx is done. They are wanted when there is more to do at once than usual, and each costs the database a process with all that it has to
// read first: several at a time would take the processors just then. On SQLite it does nothing.
func (db *DB) ConnectAhead(ctx context.Context) {
	if db.pool == nil {
		return
	}
	for again := true; again; again = jobs.Wait(ctx, aheadEvery) {
		for range db.pool.Stat().MaxConns() {
			if s := db.pool.Stat(); s.TotalConns() >= s.MaxConns() || !db.connectOne(ctx) {
				break
			}
		}
	}
}

// connectOne opens another connection, and tells whether that went well.
func (db *DB) connectOne(ctx context.Context) bool {
	before := db.pool.Stat().TotalConns()
	brief, cancel := context.WithTimeout(ctx, aheadHolds)
	defer cancel()
	idle := db.pool.AcquireAllIdle(brief) // so that the next one is new
	c, err := db.pool.Acquire(brief)
	if err == nil {
		c.Release()
	}
	for _, c := range idle {
		c.Release()
	}
	for db.pool.Stat().ConstructingConns() > 0 { // the pool goes on, however long it takes
		if !jobs.Wait(ctx, aheadHolds) {
			return false
		}
	}
	return err == nil || db.pool.Stat().TotalConns() > before
}
