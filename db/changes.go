package db

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"reko.moe/engine"
)

// keepChanges is how long the log of changes goes back. Who was away longer has to load everything again.
const keepChanges = time.Hour

// counterPruned is the counter of the last change that was dropped from the log: a transaction on Postgres, else a seq.
const counterPruned = "changes pruned"

// A mark is what a reader of the log has seen. Transactions of Postgres end in another order than they begin in, so there it is a
// snapshot: of what that does not see, nothing was read yet. SQLite has one writer at a time, and there it is the last seq. A log that
// came from another server by a dump has transactions that are still to come here; they are not looked at.
//
// A database can have less than what was seen: after a crash without the last commits, where another server leads now, or where an older
// backup was brought back. What comes then has numbers that were seen already. So a mark of Postgres has the life of the server, too, of
// which it is: when it started, when it last began to count anew, as it does after a crash, and the file of the log. A mark of another life
// is lost. On SQLite nothing but an older copy goes back behind what was seen, and seq tells.
const (
	changesPostgres = `SELECT s.life || ' ' || s.now, s.lost, coalesce(c.kind, ''), coalesce(c.id, 0) FROM (
			SELECT l.life, pg_current_snapshot()::text AS now, (l.life <> $1 OR EXISTS (SELECT 1 FROM counters WHERE name = $3
				AND value >= pg_snapshot_xmin($2::text::pg_snapshot)::text::bigint
				AND value < pg_snapshot_xmax(pg_current_snapshot())::text::bigint)) AS lost FROM (` + lifePostgres + `) AS l
		) AS s LEFT JOIN changes AS c ON NOT s.lost AND c.xid >= pg_snapshot_xmin($2::text::pg_snapshot)
			AND c.xid < pg_snapshot_xmax(pg_current_snapshot()) AND NOT pg_visible_in_snapshot(c.xid, $2::text::pg_snapshot)`
	lifePostgres = `SELECT concat_ws('/', extract(epoch FROM pg_postmaster_start_time()), extract(epoch FROM b.stats_reset),
			pg_relation_filenode('changes')) AS life FROM pg_stat_bgwriter AS b`
	changesSQLite = `SELECT s.mark, s.lost, coalesce(c.kind, ''), coalesce(c.id, 0) FROM (
			SELECT CAST(` + lastSeq + ` AS TEXT) AS mark, ` + lastSeq + ` < CAST($1 AS INTEGER) OR
				EXISTS (SELECT 1 FROM counters WHERE name = $2 AND value > CAST($1 AS INTEGER)) AS lost
		) AS s LEFT JOIN changes AS c ON c.seq > CAST($1 AS INTEGER)`
	lastSeq = `coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)`
)

// Changes implements [engine.ChangeStore]. What changed is no longer kept in memory.
func (db *DB) Changes(ctx context.Context, mark string) (engine.Changes, error) {
	if mark == "" {
		return db.changesFromNow(ctx)
	}
	statement, args := changesSQLite, []any{mark, counterPruned}
	if db.pool != nil {
		life, snapshot, _ := strings.Cut(mark, " ")
		statement, args = changesPostgres, []any{life, snapshot, counterPruned}
	}
	c, err := db.readChanges(ctx, statement, args...)
	switch {
	case err != nil:
		return engine.Changes{}, failed("changes", err)
	case c.Lost:
		db.cache.wrote()
	case len(c.Users) > 0:
		db.cache.wrote(c.Users...)
	}
	return c, nil
}

// changesFromNow has nothing but the mark.
func (db *DB) changesFromNow(ctx context.Context) (engine.Changes, error) {
	c := engine.Changes{Lost: true}
	now := `SELECT CAST(` + lastSeq + ` AS TEXT)`
	if db.pool != nil {
		now = `SELECT l.life || ' ' || pg_current_snapshot()::text FROM (` + lifePostgres + `) AS l`
	}
	err := db.sql.QueryRowContext(ctx, now).Scan(&c.Mark)
	return c, failed("changes", err)
}

func (db *DB) readChanges(ctx context.Context, statement string, args ...any) (c engine.Changes, err error) {
	rows, err := db.sql.QueryContext(ctx, statement, args...)
	if err != nil {
		return c, err
	}
	defer rows.Close()
	users, anime := map[engine.UserID]bool{}, map[engine.AnimeID]bool{}
	for rows.Next() {
		var kind string
		var id int64
		if err := rows.Scan(&c.Mark, &c.Lost, &kind, &id); err != nil {
			return c, err
		}
		switch user, one := engine.UserID(id), engine.AnimeID(id); {
		case kind == "user" && !users[user]:
			users[user] = true
			c.Users = append(c.Users, user)
		case kind == "anime" && !anime[one]:
			anime[one] = true
			c.Anime = append(c.Anime, one)
		}
	}
	return c, rows.Err()
}

// PruneChanges drops what is too old from the log of changes. It is a job.
func (db *DB) PruneChanges(ctx context.Context) (string, error) {
	return db.pruneChanges(ctx, keepChanges)
}

func (db *DB) pruneChanges(ctx context.Context, keep time.Duration) (string, error) {
	// A transaction that is over, and what was said in it, by the database's own clock.
	statement := `WITH gone AS (DELETE FROM changes WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
			AND at <= extract(epoch FROM clock_timestamp()) - $1 RETURNING xid::text::bigint AS xid)
		SELECT count(*), coalesce(max(xid), 0) FROM gone`
	if db.pool == nil {
		statement = `SELECT count(*), coalesce(max(seq), 0) FROM changes WHERE at <= unixepoch() - $1`
	}
	var n, last int64
	err := db.tx(ctx, "dropping old changes", func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, statement, int64(keep/time.Second)).Scan(&n, &last); err != nil || n == 0 {
			return err
		}
		if db.pool == nil { // seq grows with time, but for a clock that was put back
			if _, err := tx.ExecContext(ctx, `DELETE FROM changes WHERE seq <= $1`, last); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO counters (name, value) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET value = CASE WHEN excluded.value > counters.value THEN excluded.value ELSE counters.value END`,
			counterPruned, last)
		return err
	})
	return strconv.FormatInt(n, 10) + " old changes dropped", err
}

// How soon a connection that listens is made again when it is lost.
const (
	listenSoon = 100 * time.Millisecond
	listenLate = 5 * time.Second
)

// Listen calls ring soon after something was committed that [DB.Changes] tells, and after any time in which that may have been missed, until
// ctx is done. On SQLite nobody rings: there one has to look.
func (db *DB) Listen(ctx context.Context, ring func()) {
	if db.pool == nil {
		<-ctx.Done()
		return
	}
	var lost time.Time // since when nothing can be heard; zero: it can
	heard := func() {
		if !lost.IsZero() {
			db.log.InfoContext(ctx, "listening for changes again", "after", time.Since(lost).Round(time.Millisecond))
			lost = time.Time{}
		}
		ring()
	}
	for pause := listenSoon; ; pause = min(2*pause, listenLate) {
		begun := time.Now()
		err := db.listen(ctx, heard)
		if ctx.Err() != nil {
			return
		}
		if time.Since(begun) > listenLate {
			pause = listenSoon
		}
		if lost.IsZero() { // said once, however long the server is away
			lost = time.Now()
			db.log.WarnContext(ctx, "the connection that listens for changes was lost, and is made again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause + rand.N(pause)):
		}
	}
}

// listen has a connection of its own, so that it takes none from questions.
func (db *DB) listen(ctx context.Context, ring func()) error {
	conn, err := pgx.ConnectConfig(ctx, db.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	var schema string
	if err := conn.QueryRow(ctx, `SELECT coalesce(current_schema(), '')`).Scan(&schema); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `LISTEN reko_changes`); err != nil {
		return err
	}
	ring()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if n.Payload == schema {
			ring()
		}
	}
}
