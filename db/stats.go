package db

import (
	"database/sql"
	"time"
)

// CacheStats says how the lists in memory are doing, since the start.
type CacheStats struct {
	Hits, Misses uint64 // lists that were asked for
	Lists        int    // in memory now
	Bytes        int
}

// CacheStats returns them. It takes no time.
func (db *DB) CacheStats() CacheStats {
	s := CacheStats{Hits: db.cache.hits.Load(), Misses: db.cache.misses.Load()}
	if db.cache.users != nil {
		s.Lists, s.Bytes = db.cache.users.Size()
	}
	return s
}

// PoolStats says how a pool of connections to the database is doing.
type PoolStats struct {
	Name             string // readers and writer on SQLite, all on Postgres
	Max, Open, InUse int
	Waits            int64         // how often somebody had to wait for a connection, since the start
	Waited           time.Duration // together
}

// PoolStats returns those of all pools. It takes no time.
func (db *DB) PoolStats() []PoolStats {
	if db.pool != nil {
		s := db.pool.Stat()
		return []PoolStats{{
			Name: "all", Max: int(s.MaxConns()), Open: int(s.TotalConns() - s.ConstructingConns()), InUse: int(s.AcquiredConns()),
			Waits: s.EmptyAcquireCount(), Waited: s.EmptyAcquireWaitTime(),
		}}
	}
	of := func(name string, s sql.DBStats) PoolStats {
		return PoolStats{name, s.MaxOpenConnections, s.OpenConnections, s.InUse, s.WaitCount, s.WaitDuration}
	}
	return []PoolStats{of("readers", db.sql.Stats()), of("writer", db.write.Stats())}
}
