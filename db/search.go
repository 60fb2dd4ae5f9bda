package db

import (
	"context"
	"database/sql"
	"strings"

	"reko.moe/engine"
)

// likeText makes a text one that stands for itself after LIKE, with ESCAPE '\'.
var likeText = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// FindUsers implements [engine.SearchStore]. Names are looked through in an index, which has nothing else; the rows of users
// are read for those that are returned.
func (db *DB) FindUsers(ctx context.Context, text string, skip, n int) ([]engine.UserLine, error) {
	where, order, args := "", "name", []any{n, skip}
	if text = likeText.Replace(clean(text)); text != "" {
		where = `WHERE name LIKE $3 ESCAPE '\'`
		order = `CASE WHEN name LIKE $4 ESCAPE '\' THEN 0 ELSE 1 END, name`
		args = append(args, "%"+text+"%", text+"%")
	}
	lines, err := query(ctx, db.sql, func(rows *sql.Rows) (engine.UserLine, error) {
		var l engine.UserLine
		var hash, fetched, private int64
		err := rows.Scan(&l.ID, &l.Name, &hash, &l.Origin, &l.Entries, &fetched, &l.Failures, &l.Unlisted, &private)
		l.Hash, l.FetchedAt, l.PrivateAt = engine.Hash(hash), timeOf(fetched), timeOf(private)
		return l, err
	}, `SELECT id, name, hash, origin, entries, fetched_at, failures, unlisted, private_at FROM users WHERE id IN
		(SELECT id FROM users `+where+` ORDER BY `+order+` LIMIT $1 OFFSET $2) ORDER BY `+order, args...)
	return lines, failed("finding users", err)
}
