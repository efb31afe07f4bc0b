package audit

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/identity"
)

// The bytes of a record are hashed and kept for ever: this form cannot change
// without a new version.
func TestRecordBytes(t *testing.T) {
	t.Parallel()
	const id = "01KB0000000000000000000001"
	now := time.Date(2026, 11, 22, 9, 0, 0, 5e6, time.FixedZone("CET", 3600))
	p := identity.Principal{TenantID: "t", ClientID: "c", GrantID: "g"}
	intent, err := intentDraft(Intent{
		ID: id, Tool: "getEmails", Effect: EffectRead, Principal: p, RequestID: "r", Target: "me/messages",
		Decision: "allow", Rule: "<default>", Findings: []string{"iban"},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := outcomeDraft(Outcome{
		ID: id, Status: StatusError, Code: "throttled", Duration: time.Second, Items: 1,
		GraphRequests: []GraphRequest{{ID: "x", RequestID: "y", Method: "GET", Path: "me/messages", Status: 429, Attempts: 3}},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"v":1,"kind":"intent","id":"01KB0000000000000000000001","time":"2026-11-22T08:00:00.005Z","tenantId":"t","clientId":"c","grantId":"g",` +
			`"mcpTool":"getEmails","effect":"read","requestId":"r","target":"me/messages","decision":"allow","rule":"<default>","findings":["iban"]}`,
		`{"v":1,"kind":"outcome","id":"01KB0000000000000000000001","time":"2026-11-22T08:00:00.005Z","status":"error","code":"throttled",` +
			`"graphRequests":[{"id":"x","requestId":"y","method":"GET","path":"me/messages","status":429,"attempts":3}],"durationMs":1000,"items":1}`,
	}
	if diff := cmp.Diff(want, []string{string(intent.record), string(outcome.record)}); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// A vector, so that another program can check a disclosed value: SHA-256 of
// the salt, then name and value, each after its length in 8 bytes, big-endian.
func TestCommitment(t *testing.T) {
	t.Parallel()
	salt := []byte("0123456789abcdef")
	got := commitment(salt, "userEmail", "alice@contoso.example")
	if want := "poK16CmYU3oz70vVITzYE7zg48SdLjAb9AA+cACqbiA="; got != want {
		t.Errorf("commitment = %s, want %s", got, want)
	}
	for _, other := range [][2]string{{"userEmai", "lalice@contoso.example"}, {"userEmail", "alice@contoso.exampl"}, {"userId", "alice@contoso.example"}} {
		if commitment(salt, other[0], other[1]) == got {
			t.Errorf("%v has the same commitment", other)
		}
	}
	if (disclosure{Salt: salt[:15], Value: "x"}).opens("f", commitment(salt[:15], "f", "x")) {
		t.Error("a short salt is accepted")
	}
	first, _, err := commitTo(map[string]string{"f": "x"})
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := commitTo(map[string]string{"f": "x"})
	if err != nil || first["f"] == second["f"] {
		t.Errorf("two entries commit to a value alike (%v): equal persons would show", err)
	}
	if data, err := base64.StdEncoding.DecodeString(first["f"]); err != nil || len(data) != 32 {
		t.Errorf("commitment %q is no base64 of 32 bytes", first["f"])
	}
}

// Stored records may have been tampered with: decoding them must not panic, and
// a shown line never passes a value that does not open its commitment.
func FuzzLine(f *testing.F) {
	d, err := intentDraft(Intent{
		ID: "01KB0000000000000000000001", Effect: EffectWrite, Recipients: []string{"a@contoso.example"},
		Principal: identity.Principal{TenantID: "t", UserID: "u"},
	}, time.Unix(0, 0))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(d.record, d.personal.Values)
	f.Add(d.record, []byte(`{"userId":null}`))
	f.Add([]byte(`{"v":1,"kind":"event","personal":{"recipients.0":""}}`), []byte(`{"recipients.0":{}}`))
	f.Fuzz(func(t *testing.T, rec, values []byte) {
		line := newLine(Entry{Record: rec, Personal: &Personal{Values: values}})
		if line.Damaged != "" {
			return
		}
		r, err := decodeRecord(rec)
		if err != nil {
			t.Fatalf("shown and not decoded: %v", err)
		}
		if line.UserID != "" && line.UserID != Mismatch {
			disclosed, err := (&Personal{Values: values}).disclosures()
			if err != nil || !disclosed[fieldUserID].opens(fieldUserID, r.Personal[fieldUserID]) {
				t.Errorf("user %q is shown as evidence", line.UserID)
			}
		}
	})
}
