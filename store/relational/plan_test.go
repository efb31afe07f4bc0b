package relational_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"m365mcp/internal/testenv"
	"m365mcp/store/postgres"
	"m365mcp/store/relational"
	"m365mcp/store/sqlite"
)

// engine is what both have.
type engine interface {
	Each() string
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	Close() error
}

// statements are those of calls and sweeps, with the indexes that each searches: as
// many as it names rows of.
func statements(db engine) map[string]statement {
	return map[string]statement{
		// The last four are of the grant that it rests on.
		"token, grant, three kills": {relational.TokenQuery, []any{make([]byte, 32)}, 9},
		// Strangers make the server count with every registration: rows are wide, indexes narrow.
		"registered clients": {relational.CountClients, nil, 0},
		"known handles":      {relational.KnownHandles(db.Each()), []any{`["a"]`, "t", "u"}, 1},
		"unused handles":     {relational.UnusedHandles, []any{0, 1}, 1},
		"delete handles":     {relational.DeleteHandles(db.Each()), []any{"t", "u", 0, `["a"]`}, 1},
		"list blobs":         {relational.ListBlobs, []any{"up_a", 10}, 1},
		"delete blobs":       {relational.DeleteBlobs(db.Each()), []any{`["up_a"]`}, 1},
		"expired tickets":    {relational.DeleteExpiredTickets, []any{0}, 1},
	}
}

type statement struct {
	query    string
	args     []any
	searches int
}

func closeLater(t *testing.T, db engine) {
	t.Helper()
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// No call may read a whole table, and no sweep may hold the writer while it does.
func TestStatementsAreIndexed(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, db)
	for name, c := range statements(db) {
		searches := 0
		for _, step := range column(t, db, 4, "EXPLAIN QUERY PLAN "+c.query, c.args...) {
			if scan, ok := strings.CutPrefix(step, "SCAN "); ok && scan != "CONSTANT ROW" && !strings.HasPrefix(scan, "k ") && !strings.Contains(scan, " INDEX ") {
				t.Errorf("%s reads a whole table: %s", name, step)
			}
			if strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%s sorts: %s", name, step)
			}
			if strings.HasPrefix(step, "SEARCH") {
				searches++
			}
		}
		if searches != c.searches {
			t.Errorf("%s: %d searches, want %d", name, searches, c.searches)
		}
	}
}

// Where PostgreSQL is told to do without, it still reads a whole table if no index serves.
func TestStatementsAreIndexedInPostgres(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), testenv.PostgresSchema(t)+"&enable_seqscan=off&enable_sort=off&enable_hashjoin=off&enable_mergejoin=off")
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, db)
	for name, c := range statements(db) {
		searches := 0
		for _, step := range column(t, db, 1, "EXPLAIN (COSTS OFF) "+c.query, c.args...) {
			if strings.Contains(step, "Seq Scan") || strings.Contains(step, "Sort") {
				t.Errorf("%s reads or sorts a whole table: %s", name, step)
			}
			if strings.Contains(step, "Index Cond") {
				searches++
			}
		}
		if searches < c.searches {
			t.Errorf("%s: %d searches, want %d", name, searches, c.searches)
		}
	}
}

// column returns the last one of a query's columns.
func column(t *testing.T, db engine, columns int, query string, args ...any) (last []string) {
	t.Helper()
	rows, err := db.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		row := make([]any, columns)
		for i := range row {
			row[i] = new(any)
		}
		row[columns-1] = &text
		if err := rows.Scan(row...); err != nil {
			t.Fatal(err)
		}
		last = append(last, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return last
}
