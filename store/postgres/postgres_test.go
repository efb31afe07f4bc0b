package postgres_test

import (
	"testing"

	"m365mcp/audit"
	"m365mcp/authserver"
	"m365mcp/blob"
	"m365mcp/entra"
	"m365mcp/handle"
	"m365mcp/internal/testenv"
	"m365mcp/store/postgres"
	"m365mcp/store/relational"
	"m365mcp/store/storetest"
	"m365mcp/ticket"
)

// open returns a database of the test's own.
func open(t *testing.T) *postgres.DB {
	t.Helper()
	return openAt(t, testenv.PostgresSchema(t))
}

func openAt(t *testing.T, address string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), address)
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

func TestAudit(t *testing.T) {
	t.Parallel()
	storetest.Audit(t, func(t *testing.T) audit.Store { return open(t).Audit() })
}

func TestAuditPresence(t *testing.T) {
	t.Parallel()
	storetest.AuditPresence(t, func(t *testing.T) audit.Presence { return open(t).Presence() })
}

func TestOAuth(t *testing.T) {
	t.Parallel()
	storetest.OAuth(t, func(t *testing.T) authserver.Store { return open(t).OAuth() })
}

func TestVault(t *testing.T) {
	t.Parallel()
	storetest.Vault(t, func(t *testing.T) (entra.VaultStore, authserver.Store) {
		db := open(t)
		return db.Vault(), db.OAuth()
	})
}

func TestHandles(t *testing.T) {
	t.Parallel()
	storetest.Handles(t, func(t *testing.T) handle.Store { return open(t).Handles() })
}

func TestBlobs(t *testing.T) {
	t.Parallel()
	storetest.Blobs(t, func(t *testing.T) blob.Store { return open(t).Blobs() })
}

func TestFiles(t *testing.T) {
	t.Parallel()
	storetest.Files(t, func(t *testing.T) blob.Files { return open(t).Files() })
}

// A file that another replica is writing is none of the sweep's.
func TestIdleFiles(t *testing.T) {
	t.Parallel()
	db := open(t)
	for _, id := range []string{"up_a", "up_b"} {
		if _, err := db.Files().Create(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := db.Files().Idle(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("Idle = %v, %v; both were written just now", got, err)
	}
	err := db.Write(t.Context(), relational.Synced, func(tx relational.Tx) error {
		_, err := tx.Exec(t.Context(), "UPDATE blob_files SET written_at = written_at - interval '11 minutes' WHERE id = ?", "up_b")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := db.Files().Idle(t.Context()); err != nil || len(got) != 1 || got[0] != "up_b" {
		t.Errorf("Idle = %v, %v, want up_b", got, err)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	storetest.Rotation(t, func(t *testing.T) storetest.Sealing {
		db := open(t)
		return storetest.Sealing{Store: db.Rotation(), Vault: db.Vault(), Grants: db.OAuth(), Blobs: db.Blobs(), Tickets: db.Tickets()}
	})
}

func TestTickets(t *testing.T) {
	t.Parallel()
	storetest.Tickets(t, func(t *testing.T) ticket.Store { return open(t).Tickets() })
}

func granted(t *testing.T) storetest.Granted {
	t.Helper()
	db := open(t)
	return storetest.Granted{Grants: db.OAuth(), Orders: db.Orders(), Console: db.Console()}
}

func TestOrders(t *testing.T) {
	t.Parallel()
	storetest.Orders(t, granted)
}

func TestConnections(t *testing.T) {
	t.Parallel()
	storetest.Connections(t, granted)
}
