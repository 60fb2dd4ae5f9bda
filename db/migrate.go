package db

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations
var migrations embed.FS

// migrate applies the migrations that the database does not have yet, in order of their names, in one transaction. Instances
// that start together wait for each other.
func (db *DB) migrate(ctx context.Context) error {
	made, err := db.migrateTo(ctx, func(string) bool { return true })
	if err == nil && len(made) > 0 {
		db.log.InfoContext(ctx, "database migrated", "migrations", made)
	}
	return err
}

// migrateTo is migrate for some of the migrations. It returns those that it applied.
func (db *DB) migrateTo(ctx context.Context, wanted func(name string) bool) (made []string, err error) {
	dir := "migrations/sqlite"
	if db.pool != nil {
		dir = "migrations/postgres"
	}
	files, err := fs.ReadDir(migrations, dir)
	if err != nil {
		return nil, err
	}
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	if err := db.lock(ctx, tx, migrateLock); err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY)`); err != nil {
		return nil, err
	}
	applied := map[string]bool{}
	names, err := query(ctx, tx, scanOne[string], `SELECT name FROM migrations`)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		applied[name] = true
	}
	for _, file := range files {
		name := strings.TrimSuffix(file.Name(), ".sql")
		if applied[name] || !wanted(name) {
			delete(applied, name)
			continue
		}
		text, err := migrations.ReadFile(dir + "/" + file.Name())
		if err != nil {
			return nil, err
		}
		if err := db.runScript(ctx, tx, string(text)); err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO migrations (name) VALUES ($1)`, name); err != nil {
			return nil, err
		}
		made = append(made, name)
	}
	if len(applied) > 0 {
		return nil, newerVersion(slices.Sorted(maps.Keys(applied)))
	}
	return made, tx.Commit()
}

func newerVersion(unknown []string) error {
	return fmt.Errorf("the database was migrated by a newer version (unknown here: %s)", strings.Join(unknown, ", "))
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
