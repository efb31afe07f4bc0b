package testenv

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // registers itself as "pgx"
)

// PostgresSchema returns the connection URL of an empty schema in the database of
// [Postgres], which goes when the test ends.
func PostgresSchema(tb testing.TB) string {
	tb.Helper()
	address := Postgres(tb)
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	db, err := sql.Open("pgx", address)
	if err != nil {
		tb.Fatal(err)
	}
	schema := "test_" + strings.ToLower(rand.Text()[:16])
	run := func(statement string) {
		if _, err := db.Exec(statement + " " + schema); err != nil { //nolint:noctx // after the test's context has ended, too
			tb.Error(err)
		}
	}
	run("CREATE SCHEMA")
	tb.Cleanup(func() {
		run("DROP SCHEMA " + schema + " CASCADE; --")
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}
