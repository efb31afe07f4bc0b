package audit_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/note"

	"m365mcp/audit"
	"m365mcp/identity"
	"m365mcp/store/sqlite"
)

var start = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

var alice = identity.Principal{
	TenantID: "11111111-0000-4000-8000-000000000001", UserID: "aaaaaaaa-0000-4000-8000-000000000001",
	UPN: "alice@contoso.example", Mail: "alice.a@contoso.example", Name: "Alice Adams",
	ClientID: "client-1", GrantID: "grant-1", Perimeter: identity.Perimeter{Issuer: "https://sso.contoso.example", Subject: "7", Email: "alice@sso.contoso.example"},
}

var bob = identity.Principal{
	TenantID: alice.TenantID, UserID: "bbbbbbbb-0000-4000-8000-000000000002",
	UPN: "bob@contoso.example", Mail: "bob@contoso.example", Name: "Bob Brown", ClientID: "client-2", GrantID: "grant-2",
}

// keys is the same pair in every process, so that subprocesses and golden files agree on it.
func keys(t testing.TB) (note.Signer, note.Verifiers) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(strings.NewReader(strings.Repeat("not random. ", 10)), "mcp.example.com/audit")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, note.VerifierList(verifier)
}

func openDB(t testing.TB, path string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(context.Background(), path)
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

func tempPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "data", "m365.db")
}

func tryLog(t testing.TB, store audit.Store) (*audit.Log, error) {
	t.Helper()
	signer, verifiers := keys(t)
	return audit.Open(context.Background(), audit.Options{
		Store: store, Signer: signer, Verifiers: verifiers,
		Now: func() time.Time { return start }, Logger: slog.New(slog.DiscardHandler),
	})
}

// openLog opens the log and closes it at the end of the test at the latest.
func openLog(t testing.TB, store audit.Store) *audit.Log {
	t.Helper()
	l, err := tryLog(t, store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeLog(t, l) })
	return l
}

func closeLog(t testing.TB, l *audit.Log) {
	t.Helper()
	if err := l.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func newID() string { return ulid.MustNew(ulid.Timestamp(start), rand.Reader).String() }

func read(id string) audit.Intent {
	return audit.Intent{
		ID: id, Tool: "getEmails", Effect: audit.EffectRead, Principal: alice, RequestID: "7",
		Target: "me/mailFolders/{id}/messages", Decision: "allow", Rule: "default",
	}
}

func write(id string) audit.Intent {
	in := read(id)
	in.Tool, in.Effect, in.Target = "sendEmail", audit.EffectWrite, "me/sendMail"
	in.Recipients = []string{"carol@fabrikam.example", "dave@fabrikam.example"}
	in.PlanDigest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	return in
}

func ok(id string) audit.Outcome {
	return audit.Outcome{ID: id, Status: audit.StatusOK, Duration: 42 * time.Millisecond, Items: 3}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// call records one whole call.
func call(t testing.TB, l *audit.Log, in audit.Intent) {
	t.Helper()
	must(t, l.Intent(context.Background(), in))
	must(t, l.Outcome(context.Background(), ok(in.ID)))
}

func tail(t testing.TB, store audit.Store) []audit.Line {
	t.Helper()
	var lines []audit.Line
	must(t, audit.NewReader(store).Tail(context.Background(), 0, func(l audit.Line) error {
		lines = append(lines, l)
		return nil
	}))
	return lines
}

func verify(t testing.TB, store audit.Store, trusted *audit.Checkpoint) audit.Report {
	t.Helper()
	_, verifiers := keys(t)
	r, err := audit.Verify(context.Background(), store, verifiers, trusted)
	must(t, err)
	return r
}

func checkpoint(t testing.TB, store audit.Store) *audit.Checkpoint {
	t.Helper()
	head, err := store.Head(context.Background())
	must(t, err)
	_, verifiers := keys(t)
	c, err := audit.ParseCheckpoint(head.Checkpoint, verifiers)
	must(t, err)
	return c
}
