package db

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// table is one that the migrations make. It is called the same, and has the same columns, on both databases.
type table struct {
	name    string
	columns []string
	key     []string // the columns of the primary key
	numbers bool     // gives numbers to its rows, as their key
}

// migrationNames returns the names of all migrations, in order.
func migrationNames() ([]string, error) {
	files, err := fs.ReadDir(migrations, "migrations/sqlite")
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(f.Name(), ".sql")
	}
	return names, err
}

// unknownMigrations returns those of the names that no migration has.
func unknownMigrations(names []string) ([]string, error) {
	known, err := migrationNames()
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(known, name) }), err
}

// tablesAfter returns the tables that there are after the given migrations, each behind those that it refers to. They are found by
// migrating an empty database in memory, so that no list of them has to be kept, and what else is in a Postgres schema is left alone.
func tablesAfter(ctx context.Context, applied []string) ([]table, error) {
	empty, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer empty.Close()
	empty.SetMaxOpenConns(1) // another connection would be another database
	for _, name := range applied {
		text, err := migrations.ReadFile("migrations/sqlite/" + name + ".sql")
		if err != nil {
			return nil, err
		}
		if _, err := empty.ExecContext(ctx, string(text)); err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
	}
	tables, err := query(ctx, empty, func(rows *sql.Rows) (table, error) {
		var t table
		err := rows.Scan(&t.name, &t.numbers)
		return t, err
	}, `SELECT name, sql LIKE '%AUTOINCREMENT%' FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`)
	if err != nil {
		return nil, err
	}
	refers := map[string][]string{}
	for i := range tables {
		t := &tables[i]
		if t.columns, err = query(ctx, empty, scanOne[string], `SELECT name FROM pragma_table_info($1) ORDER BY cid`, t.name); err != nil {
			return nil, err
		}
		if t.key, err = query(ctx, empty, scanOne[string], `SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk`, t.name); err != nil {
			return nil, err
		}
		if refers[t.name], err = query(ctx, empty, scanOne[string], `SELECT DISTINCT "table" FROM pragma_foreign_key_list($1)`, t.name); err != nil {
			return nil, err
		}
	}
	return inOrder(tables, refers), nil
}

// inOrder moves tables behind those that they refer to.
func inOrder(tables []table, refers map[string][]string) []table {
	var ordered []table
	placed := map[string]bool{}
	for len(ordered) < len(tables) {
		before := len(ordered)
		for _, t := range tables {
			waits := slices.ContainsFunc(refers[t.name], func(other string) bool { return other != t.name && !placed[other] })
			if !placed[t.name] && !waits {
				ordered, placed[t.name] = append(ordered, t), true
			}
		}
		if len(ordered) == before {
			panic("tables refer to each other in a circle")
		}
	}
	return ordered
}
