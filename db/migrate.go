package db

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations
var migrations embed.FS

// migrate applies the migrations that the database does not have yet, in order of their names, in one transaction. Instances
// that start together wait for each other.
func (db *DB) migrate(ctx context.Context) error {
	dir := "migrations/sqlite"
	if db.pool != nil {
		dir = "migrations/postgres"
	}
	files, err := fs.ReadDir(migrations, dir)
	if err != nil {
		return err
	}
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if db.pool != nil {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, lockKey("migrate")); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY)`); err != nil {
		return err
	}
	applied := map[string]bool{}
	rows, err := tx.QueryContext(ctx, `SELECT name FROM migrations`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		applied[name] = true
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, file := range files {
		name := strings.TrimSuffix(file.Name(), ".sql")
		if applied[name] {
			delete(applied, name)
			continue
		}
		text, err := migrations.ReadFile(dir + "/" + file.Name())
		if err != nil {
			return err
		}
		if err := db.runScript(ctx, tx, string(text)); err != nil {
			return fmt.Errorf("migration %s: %w", name, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO migrations (name) VALUES ($1)`, name); err != nil {
			return err
		}
	}
	for name := range applied {
		return fmt.Errorf("the database was migrated by a newer version (%s is unknown here)", name)
	}
	return tx.Commit()
}

// runScript runs several statements.
func (db *DB) runScript(ctx context.Context, tx *sql.Tx, script string) error {
	var args []any
	if db.pool != nil {
		args = append(args, pgx.QueryExecModeSimpleProtocol) // the only one that takes several
	}
	_, err := tx.ExecContext(ctx, script, args...)
	return err
}
