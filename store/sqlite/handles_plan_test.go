package sqlite

import (
	"strings"
	"testing"
)

// Lists shorten a page in one query, and the sweep holds the writer: neither may read
// the whole table.
func TestHandleQueriesAreIndexed(t *testing.T) {
	t.Parallel()
	db := openOAuth(t)
	for query, args := range map[string][]any{
		knownHandles:        {`["a"]`, "t", "u"},
		deleteUnusedHandles: {0, 1},
	} {
		searches := 0
		for _, step := range queryPlan(t, db, query, args...) {
			if strings.HasPrefix(step, "SCAN") && !strings.HasPrefix(step, "SCAN k ") || strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%s\n%s", query, step)
			}
			if strings.HasPrefix(step, "SEARCH") {
				searches++
			}
		}
		if searches == 0 {
			t.Errorf("%s\nsearches no index", query)
		}
	}
}

func queryPlan(t *testing.T, db *DB, query string, args ...any) []string {
	t.Helper()
	rows, err := db.reader.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}
