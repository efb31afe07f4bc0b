package sqlite_test

import (
	"path/filepath"
	"testing"

	"m365mcp/authserver"
	"m365mcp/entra"
	"m365mcp/store/sqlite"
	"m365mcp/store/storetest"
)

func TestVault(t *testing.T) {
	t.Parallel()
	storetest.Vault(t, func(t *testing.T) (entra.VaultStore, authserver.Store) {
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
		return db.Vault(), db.OAuth()
	})
}
