package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"m365mcp/audit"
	"m365mcp/identity"
	"m365mcp/internal/golden"
)

func TestTailGolden(t *testing.T) {
	t.Parallel()
	store := openDB(t, tempPath(t)).Audit()
	l := openLog(t, store)
	ctx := t.Context()
	const readID, writeID, deniedID = "01KB0000000000000000000001", "01KB0000000000000000000002", "01KB0000000000000000000003"
	must(t, l.Intent(ctx, read(readID)))
	must(t, l.Outcome(ctx, audit.Outcome{
		ID: readID, Time: start.Add(1500 * time.Microsecond), Status: audit.StatusOK, Duration: 120 * time.Millisecond, Items: 10,
		GraphRequests: []audit.GraphRequest{{
			ID: "01KB0000000000000000000009", RequestID: "c0ffee00-0000-4000-8000-000000000000",
			Method: "GET", Path: "me/mailFolders/{id}/messages", Status: 200, Attempts: 2,
		}},
	}))
	must(t, l.Intent(ctx, write(writeID)))
	must(t, l.Outcome(ctx, audit.Outcome{ID: writeID, Status: audit.StatusUnknown, Code: "upstream_timeout"}))
	denied := write(deniedID)
	denied.Decision, denied.Rule, denied.Findings = "deny", "no-external", []string{"credit_card", "iban"}
	denied.Principal = bob
	must(t, l.Denied(ctx, denied, audit.Outcome{ID: deniedID, Status: audit.StatusDenied, Code: "policy_denied"}))
	_, err := l.Erase(ctx, alice.TenantID, alice.UserID)
	must(t, err)
	must(t, l.Event(ctx, audit.Event{Type: "oauth.consent", Principal: bob, Attributes: map[string]string{"scope": "mail.read", "amr": "mfa"}}))

	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	for _, line := range tail(t, store) {
		if line.Kind == audit.KindEvent {
			line.ID = "ID-OF-EVENT" // random
		}
		must(t, enc.Encode(line))
	}
	golden.Compare(t, "testdata/tail.jsonl", out.Bytes())
}

// What the tree hashes is kept for ever, so it must not hold a person's data.
func TestRecordsHoldNoPersonalData(t *testing.T) {
	t.Parallel()
	store := openDB(t, tempPath(t)).Audit()
	l := openLog(t, store)
	in := write(newID())
	call(t, l, in)
	must(t, l.Event(t.Context(), audit.Event{Type: "oauth.consent", Principal: alice}))
	entries, err := store.Entries(t.Context(), 0, 100)
	must(t, err)
	personal := append([]string{alice.UserID, alice.UPN, alice.Mail, alice.Name, alice.Perimeter.Email, in.PlanDigest}, in.Recipients...)
	for _, e := range entries {
		for _, value := range personal {
			if bytes.Contains(e.Record, []byte(value)) {
				t.Errorf("record %d holds %q", e.Index, value)
			}
		}
		// A commitment must not be the same twice, or equal values would show.
		if e.Personal != nil && bytes.Count(e.Record, []byte(`"userId"`)) != 1 {
			t.Errorf("record %d has no commitment to the user", e.Index)
		}
	}
	if lines := tail(t, store); lines[0].UserID != alice.UserID || lines[0].Recipients[1] != in.Recipients[1] {
		t.Errorf("the reader does not show the values: %+v", lines[0])
	}
}

func TestInvalidEntries(t *testing.T) {
	t.Parallel()
	store := openDB(t, tempPath(t)).Audit()
	l := openLog(t, store)
	ctx := t.Context()
	open := newID()
	must(t, l.Intent(ctx, read(open)))
	size := len(tail(t, store))
	tests := map[string]func() error{
		"id is no ULID": func() error { return l.Intent(ctx, read("x")) },
		"effect":        func() error { in := read(newID()); in.Effect = "maybe"; return l.Intent(ctx, in) },
		"recipients": func() error {
			in := write(newID())
			in.Recipients = make([]string, 1001)
			return l.Intent(ctx, in)
		},
		"long personal value": func() error {
			in := write(newID())
			in.Recipients = []string{strings.Repeat("a", 2000)}
			return l.Intent(ctx, in)
		},
		"intent twice":             func() error { return l.Intent(ctx, read(open)) },
		"outcome without intent":   func() error { return l.Outcome(ctx, ok(newID())) },
		"status":                   func() error { return l.Outcome(ctx, audit.Outcome{ID: open, Status: "fine"}) },
		"denied with two ids":      func() error { return l.Denied(ctx, read(newID()), ok(newID())) },
		"denied with an open call": func() error { return l.Denied(ctx, read(open), ok(open)) },
		"event without type":       func() error { return l.Event(ctx, audit.Event{}) },
		"reserved event":           func() error { return l.Event(ctx, audit.Event{Type: "audit.erase"}) },
		"erase nobody":             func() error { _, err := l.Erase(ctx, "t", ""); return err },
	}
	for name, try := range tests {
		if err := try(); !errors.Is(err, audit.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	if got := len(tail(t, store)); got != size {
		t.Errorf("invalid entries left %d records", got-size)
	}
	must(t, l.Outcome(ctx, ok(open)))
	if err := l.Outcome(ctx, ok(open)); !errors.Is(err, audit.ErrInvalid) {
		t.Errorf("second outcome: %v, want ErrInvalid", err)
	}
}

// Text that a client chooses is bounded and cleaned, and does not stop the call.
func TestHostileText(t *testing.T) {
	t.Parallel()
	store := openDB(t, tempPath(t)).Audit()
	l := openLog(t, store)
	in := read(newID())
	in.RequestID = strings.Repeat("ä", 5000)
	in.Tool = "a\x00b\xff\n</script>"
	in.Principal.Name = "\x00\xff"
	call(t, l, in)
	line := tail(t, store)[0]
	if len(line.RequestID) > 1024 || !strings.HasSuffix(line.RequestID, "ä…") {
		t.Errorf("request id of %d bytes, ends %q", len(line.RequestID), line.RequestID[len(line.RequestID)-8:])
	}
	if want := "a\uFFFDb\uFFFD\n</script>"; line.Tool != want {
		t.Errorf("tool = %q, want %q", line.Tool, want)
	}
	if r := verify(t, store, nil); !r.OK {
		t.Errorf("verify: %+v", r.Problems)
	}
}

func TestErase(t *testing.T) {
	t.Parallel()
	store := openDB(t, tempPath(t)).Audit()
	l := openLog(t, store)
	ctx := t.Context()
	for range 3 {
		call(t, l, write(newID()))
	}
	in := read(newID())
	in.Principal = bob
	call(t, l, in)
	n, err := l.Erase(ctx, alice.TenantID, alice.UserID)
	must(t, err)
	if n != 3 {
		t.Errorf("erased %d entries, want 3", n)
	}
	if n, err = l.Erase(ctx, alice.TenantID, alice.UserID); err != nil || n != 0 {
		t.Errorf("second erasure: %d, %v; want 0", n, err)
	}
	lines := tail(t, store)
	for _, line := range lines {
		switch {
		case line.Kind != audit.KindIntent:
		case line.ClientID == alice.ClientID:
			if line.UserID != audit.Erased || line.UserEmail != audit.Erased || line.PlanDigest != audit.Erased ||
				len(line.Recipients) != 2 || line.Recipients[1] != audit.Erased {
				t.Errorf("entry %d still tells: %+v", line.Index, line)
			}
		case line.UserID != bob.UserID:
			t.Errorf("entry %d of another person shows %q", line.Index, line.UserID)
		}
	}
	call(t, l, read(newID())) // the person may come back
	r := verify(t, store, checkpoint(t, store))
	if !r.OK || r.Erased != 3 {
		t.Errorf("verify after erasing: %+v", r)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	store := openDB(t, tempPath(t)).Audit()
	l := openLog(t, store)
	must(t, l.Intent(t.Context(), read(newID())))
	closeLog(t, l)
	closeLog(t, l) // twice is fine
	if err := l.Intent(t.Context(), read(newID())); !errors.Is(err, audit.ErrClosed) {
		t.Errorf("Intent after Close: %v", err)
	}
	if r := verify(t, store, nil); !r.OK || r.Unsigned != 0 || r.Open != 1 || r.Entries != 1 {
		t.Errorf("verify after Close: %+v", r)
	}
	again := openLog(t, store)
	if again.Recovered() != 1 {
		t.Errorf("Recovered = %d, want 1", again.Recovered())
	}
	if r := verify(t, store, nil); !r.OK || r.Open != 0 || r.Entries != 2 {
		t.Errorf("verify after reopening: %+v", r)
	}
}

func TestOpenNeedsItsKeyAndOrigin(t *testing.T) {
	t.Parallel()
	store := openDB(t, tempPath(t)).Audit()
	closeLog(t, openLog(t, store))
	signer, verifiers := keys(t)
	skey, vkey, err := audit.GenerateKey("mcp.example.com/audit")
	must(t, err)
	newSigner, err := note.NewSigner(skey)
	must(t, err)
	newVerifier, err := note.NewVerifier(vkey)
	must(t, err)
	oldVerifier, err := verifiers.Verifier(signer.Name(), signer.KeyHash())
	must(t, err)
	options := audit.Options{
		Store: store, Signer: newSigner, Verifiers: note.VerifierList(newVerifier),
		Now: func() time.Time { return start }, Logger: slog.New(slog.DiscardHandler),
	}
	if _, err := audit.Open(t.Context(), options); !errors.Is(err, audit.ErrInconsistent) {
		t.Errorf("Open with another key: %v", err)
	}
	options.Origin = "other.example.com/audit"
	options.Verifiers = note.VerifierList(newVerifier, oldVerifier)
	if _, err := audit.Open(t.Context(), options); !errors.Is(err, audit.ErrInconsistent) {
		t.Errorf("Open as another origin: %v", err)
	}
	options.Origin = ""
	l, err := audit.Open(t.Context(), options) // the way to change the key
	must(t, err)
	closeLog(t, l)
	if r, err := audit.Verify(t.Context(), store, note.VerifierList(newVerifier), nil); err != nil || !r.OK {
		t.Errorf("after the change of keys: %+v, %v", r, err)
	}
	if _, err := audit.Open(t.Context(), audit.Options{Store: store}); err == nil {
		t.Error("Open without options succeeded")
	}
}

// counting counts the batches that reach the store.
type counting struct {
	audit.Store
	durable, buffered atomic.Int64
}

func (c *counting) Append(ctx context.Context, b audit.Batch) error {
	if b.Durable {
		c.durable.Add(1)
	} else {
		c.buffered.Add(1)
	}
	return c.Store.Append(ctx, b)
}

func TestConcurrentAppendersShareCommits(t *testing.T) {
	t.Parallel()
	store := &counting{Store: openDB(t, tempPath(t)).Audit()}
	l := openLog(t, store)
	const goroutines, calls = 64, 8
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for range calls {
				id := newID()
				in := write(id)
				in.Principal = identity.Principal{TenantID: alice.TenantID, UserID: fmt.Sprintf("user-%d", g)}
				if err := l.Intent(context.Background(), in); err != nil {
					t.Error(err)
				}
				if err := l.Outcome(context.Background(), ok(id)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	closeLog(t, l)
	if got := store.durable.Load(); got >= goroutines*calls/2 {
		t.Errorf("%d durable commits for %d durable entries", got, goroutines*calls)
	}
	t.Logf("%d durable and %d buffered commits for %d calls", store.durable.Load(), store.buffered.Load(), goroutines*calls)
	r := verify(t, store, nil)
	if !r.OK || r.Entries != 2*goroutines*calls || r.Open != 0 || r.Unsigned != 0 {
		t.Errorf("verify: %+v", r)
	}
}
