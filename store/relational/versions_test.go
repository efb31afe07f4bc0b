package relational_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"m365mcp/internal/testenv"
	"m365mcp/store/postgres"
	"m365mcp/store/sqlite"
)

// schemas are the engines as migrations see them.
var schemas = map[string]struct {
	dialect goose.Dialect
	create  func(*testing.T) (address string)
	open    func(context.Context, string) (engine, error)
	driver  string
	dump    string // one text for each column, index and constraint
}{
	"sqlite": {
		goose.DialectSQLite3,
		func(t *testing.T) string { t.Helper(); return filepath.Join(t.TempDir(), "test.db") },
		func(ctx context.Context, path string) (engine, error) { return sqlite.Open(ctx, path) },
		"sqlite",
		`SELECT m.type || ' ' || m.name || ' ' || coalesce(c.cid || ' ' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || coalesce(c.dflt_value, ''), m.sql, '')
		 FROM sqlite_schema m LEFT JOIN pragma_table_info(m.name) c ON m.type = 'table' ORDER BY 1`,
	},
	"postgres": {
		goose.DialectPostgres,
		func(t *testing.T) string { t.Helper(); return testenv.PostgresSchema(t) },
		func(ctx context.Context, address string) (engine, error) { return postgres.Open(ctx, address) },
		"pgx",
		`SELECT concat_ws(' ', table_name, ordinal_position, column_name, data_type, collation_name, is_nullable, column_default)
		 FROM information_schema.columns WHERE table_schema = current_schema()
		 UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()
		 UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
		 ORDER BY 1`,
	},
}

// Every migration has a way back that leaves nothing, and can be taken again.
func TestMigrationsGoBack(t *testing.T) {
	t.Parallel()
	for name, s := range schemas {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := s.create(t)
			mustOpen(t, s.open, address)
			db := raw(t, s.driver, address)
			p, err := goose.NewProvider(s.dialect, db, os.DirFS(filepath.Join("..", name, "migrations")))
			if err != nil {
				t.Fatal(err)
			}
			latest := texts(t, db, s.dump)
			versions := p.ListSources()
			dumps := make([][]string, len(versions))
			for i := range versions { // down to nothing, from the last one
				dumps[len(versions)-1-i] = texts(t, db, s.dump)
				if _, err := p.Down(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if rest := strings.Join(texts(t, db, s.dump), "\n"); strings.Contains(rest, "oauth") || strings.Contains(rest, "audit") {
				t.Errorf("left behind:\n%s", rest)
			}
			for i, version := range versions {
				if _, err := p.UpTo(t.Context(), version.Version); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(dumps[i], texts(t, db, s.dump)); diff != "" {
					t.Errorf("the way back to %d differs from the way there (-back +there):\n%s", version.Version, diff)
				}
			}
			if diff := cmp.Diff(latest, texts(t, db, s.dump)); diff != "" {
				t.Errorf("after all ways (-before +after):\n%s", diff)
			}
			mustOpen(t, s.open, address)
		})
	}
}

// In a rolling update, and after a step back, the program before a migration runs on
// the schema after it; it takes nothing away.
func TestNewerSchemaRuns(t *testing.T) {
	t.Parallel()
	for name, s := range schemas {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := s.create(t)
			mustOpen(t, s.open, address)
			db := raw(t, s.driver, address)
			for _, statement := range []string{
				"CREATE TABLE later (id INTEGER PRIMARY KEY)",
				"INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)",
			} {
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			before := texts(t, db, s.dump)
			mustOpen(t, s.open, address)
			if diff := cmp.Diff(before, texts(t, db, s.dump)); diff != "" {
				t.Errorf("(-before +after):\n%s", diff)
			}
		})
	}
}

// mustOpen starts and stops the program's store.
func mustOpen(t *testing.T, open func(context.Context, string) (engine, error), address string) {
	t.Helper()
	db, err := open(t.Context(), address)
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func raw(t *testing.T, driver, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func texts(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
