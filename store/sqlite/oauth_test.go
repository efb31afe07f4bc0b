package sqlite

import (
	"path/filepath"
	"strings"
	"testing"

	"m365mcp/authserver"
	"m365mcp/store/storetest"
)

func openOAuth(t *testing.T) *DB {
	t.Helper()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
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

func TestOAuth(t *testing.T) {
	t.Parallel()
	storetest.OAuth(t, func(t *testing.T) authserver.Store { return openOAuth(t).OAuth() })
}

// TestOAuthTokenIsIndexed: every request to /mcp pays for this query.
func TestOAuthTokenIsIndexed(t *testing.T) {
	t.Parallel()
	db := openOAuth(t)
	rows, err := db.reader.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+tokenQuery, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	searches := 0
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(detail, "SCAN") && detail != "SCAN CONSTANT ROW" {
			t.Errorf("the plan reads a whole table: %s", detail)
		}
		if strings.HasPrefix(detail, "SEARCH") {
			searches++
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if searches != 5 { // token, grant, three kills
		t.Errorf("%d searches", searches)
	}
}
