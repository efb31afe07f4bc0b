package sqlite_test

import (
	"path/filepath"
	"testing"

	"m365mcp/store/sqlite"
	"m365mcp/store/storetest"
)

func TestRotation(t *testing.T) {
	t.Parallel()
	storetest.Rotation(t, func(t *testing.T) storetest.Sealing {
		t.Helper()
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "m365.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		return storetest.Sealing{Store: db.Rotation(), Vault: db.Vault(), Grants: db.OAuth(), Blobs: db.Blobs(), Tickets: db.Tickets()}
	})
}
