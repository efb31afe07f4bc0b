package rotation_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"m365mcp/blob"
	"m365mcp/entra"
	"m365mcp/identity"
	"m365mcp/internal/seal"
	"m365mcp/internal/secret"
	"m365mcp/rotation"
	"m365mcp/store/sqlite"
	"m365mcp/store/storetest"
	"m365mcp/ticket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Keys of no other use, each with its id.
var (
	oldKey  = sync.OnceValue(func() string { return named("old") })
	newKey  = sync.OnceValue(func() string { return named("new") })
	lostKey = sync.OnceValue(func() string { return named("lost") })
)

// named draws a key of this id.
func named(kid string) string {
	_, value, _ := strings.Cut(seal.GenerateKey(), ":")
	return kid + ":" + value
}

func ring(t *testing.T, keys ...string) *seal.Keyring {
	t.Helper()
	k, err := seal.ParseKeyring(strings.Join(keys, ","))
	must(t, err)
	return k
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var ann = identity.Principal{TenantID: "tenant", UserID: "ann"}

// house is a database with the owners of what is sealed in it.
type house struct {
	*sqlite.DB

	path, spool string
	grants      []string
}

// furnish opens a database with so many grants.
func furnish(t *testing.T, grants int) *house {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	h := &house{path: filepath.Join(folder, "m365.db"), spool: filepath.Join(folder, "spool")}
	db, err := sqlite.Open(t.Context(), h.path)
	must(t, err)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	h.DB = db
	for i := range grants {
		h.grants = append(h.grants, fmt.Sprintf("grant-%03d", i))
	}
	storetest.Grants(t, db.OAuth(), h.grants...)
	return h
}

func tokens(name string, scopes ...string) entra.Tokens {
	return entra.Tokens{Access: secret.New("access " + name), Refresh: secret.New("refresh " + name), Expires: time.Now().Add(time.Hour), Scopes: scopes}
}

func (h *house) vault(keys *seal.Keyring, r entra.Refresher, now func() time.Time) *entra.Vault {
	return entra.NewVault(h.Vault(), keys, r, now, slog.New(slog.DiscardHandler), entra.Options{})
}

// fill seals tokens for every grant with the first of keys.
func (h *house) fill(t *testing.T, keys *seal.Keyring) {
	t.Helper()
	for _, id := range h.grants {
		must(t, h.vault(keys, nil, time.Now).Put(t.Context(), id, tokens("of "+id, "Mail.Read")))
	}
}

// upload puts a file into the spool and returns its id.
func (h *house) upload(t *testing.T, keys *seal.Keyring) string {
	t.Helper()
	info, err := h.files(t, keys).Create(t.Context(), ann, blob.NewID(), "a.txt", "text/plain", strings.NewReader("content"))
	must(t, err)
	return info.ID
}

func (h *house) files(t *testing.T, keys *seal.Keyring) *blob.Spool {
	t.Helper()
	folder, err := blob.Folder(h.spool)
	must(t, err)
	s, err := blob.New(blob.Options{Files: folder, Store: h.Blobs(), Keys: keys, Now: time.Now})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// link stores a ticket whose item is "item".
func (h *house) link(t *testing.T, keys *seal.Keyring) ticket.Digest {
	t.Helper()
	row := ticket.Row{
		Digest: ticket.Digest{0xff, 0, '\''}, GrantID: "grant-000", Owner: ticket.Person{TenantID: ann.TenantID, UserID: ann.UserID},
		Kind: ticket.Download, ExpiresAt: time.Now().Add(time.Minute),
	}
	var err error
	row.Item, err = keys.Seal([]byte("item"), row.ItemContext())
	must(t, err)
	must(t, h.Tickets().Insert(t.Context(), row, 10, time.Now()))
	return row.Digest
}

// wantTokens: everybody's tokens open with keys.
func (h *house) wantTokens(t *testing.T, keys *seal.Keyring) {
	t.Helper()
	for _, id := range h.grants {
		got, _, err := h.vault(keys, nil, time.Now).Token(t.Context(), id)
		if err != nil || got.Reveal() != "access of "+id {
			t.Errorf("access token of %s: %q, %v", id, got.Reveal(), err)
		}
		row, err := h.Vault().Row(t.Context(), id)
		must(t, err)
		if refresh, err := keys.Open(row.Refresh, entra.RefreshContext(id)); err != nil || string(refresh) != "refresh of "+id {
			t.Errorf("refresh token of %s: %q, %v", id, refresh, err)
		}
	}
}

// wantAll: so do the file and the link.
func (h *house) wantAll(t *testing.T, keys *seal.Keyring, upload string, link ticket.Digest) {
	t.Helper()
	h.wantTokens(t, keys)
	b, err := h.files(t, keys).Open(t.Context(), ann, upload)
	must(t, err)
	text := make([]byte, 7)
	if _, err := b.ReadAt(text, 0); (err != nil && !errors.Is(err, io.EOF)) || string(text) != "content" {
		t.Errorf("upload: %q, %v", text, err)
	}
	must(t, b.Close())
	row, err := h.Tickets().Find(t.Context(), link, time.Now())
	must(t, err)
	if item, err := keys.Open(row.Item, row.ItemContext()); err != nil || string(item) != "item" {
		t.Errorf("link: %q, %v", item, err)
	}
}

// run moves everything, in batches of 7.
func (h *house) run(t *testing.T, keys *seal.Keyring) rotation.Report {
	t.Helper()
	report, err := rotation.New(h.Rotation(), keys).Run(t.Context(), rotation.Pace{Batch: 7})
	must(t, err)
	return report
}

// uses is the status in one line: "new encrypts 1 secret; old opens nothing".
func (h *house) uses(t *testing.T, keys *seal.Keyring) string {
	t.Helper()
	uses, err := rotation.New(h.Rotation(), keys).Status(t.Context())
	must(t, err)
	parts := make([]string, 0, len(uses))
	for _, u := range uses {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %s %s", u.Key, u.State, u)))
	}
	return strings.Join(parts, "; ")
}

func (h *house) wantUses(t *testing.T, keys *seal.Keyring, want string) {
	t.Helper()
	if got := h.uses(t, keys); got != want {
		t.Errorf("status is %q, want %q", got, want)
	}
}

// tamper changes the database behind the server's back.
func (h *house) tamper(t *testing.T, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", h.path)
	must(t, err)
	result, err := db.ExecContext(t.Context(), statement)
	must(t, errors.Join(err, db.Close()))
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s changed nothing (%v)", statement, err)
	}
}

func (h *house) root(t *testing.T, keys *seal.Keyring) []byte {
	t.Helper()
	root, err := rotation.New(h.Rotation(), keys).Open(t.Context())
	must(t, err)
	return root.Derive("test")
}

// between is a store that does something of its own before each Replace.
type between struct {
	rotation.Store

	before func(p rotation.Place, changes []rotation.Change) error
}

func (b between) Replace(ctx context.Context, p rotation.Place, changes []rotation.Change) (int, error) {
	if err := b.before(p, changes); err != nil {
		return 0, err
	}
	return b.Store.Replace(ctx, p, changes)
}

func sameKey(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: another key is derived", what)
	}
}
