package db

import "context"

// Settle lets the database look at what was imported: Postgres reads what memory keeps of all users from an index alone only after
// that. It would come to it by itself within minutes.
func (db *DB) Settle(ctx context.Context) error {
	statement := `PRAGMA optimize`
	if db.pool != nil {
		statement = `VACUUM (ANALYZE) users`
	}
	_, err := db.write.ExecContext(ctx, statement)
	return failed("settling", err)
}
