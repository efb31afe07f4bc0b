package sqlite

import (
	"path/filepath"
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

// TestOAuthClientsOfTheVersionBefore: it runs beside this one during an update, and
// knows nothing of a client's source.
func TestOAuthClientsOfTheVersionBefore(t *testing.T) {
	t.Parallel()
	db := openOAuth(t)
	if _, err := db.writer.ExecContext(t.Context(), `
		INSERT INTO oauth_clients (id, name, redirect_uris, auth_method, secret, created_at, last_used_at)
		VALUES ('dcr-before', 'Before', '[]', 'none', x'00', 1, NULL)`); err != nil {
		t.Fatal(err)
	}
	client, err := db.OAuth().Client(t.Context(), "dcr-before")
	if err != nil || client.Source != authserver.ClientRegistered {
		t.Errorf("%+v, %v", client, err)
	}
}

func granted(t *testing.T) storetest.Granted {
	t.Helper()
	db := openOAuth(t)
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
