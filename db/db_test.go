package db_test

import (
	"testing"

	"reko.moe/db/dbtest"
)

func TestSQLite(t *testing.T)   { dbtest.Run(t, dbtest.SQLite) }   // a file of its own per subtest
func TestPostgres(t *testing.T) { dbtest.Run(t, dbtest.Postgres) } // a schema of its own per subtest
