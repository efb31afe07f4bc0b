package e2e_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365mcp/app"
	"m365mcp/audit"
)

// kill -9 between intent and outcome: at the next start the call is closed as
// unknown, and the log proves itself.
func TestKilledBetweenIntentAndOutcome(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data") // made by the demo, for itself alone
	p := startProcess(t, folder, "--sign-in-as", "ada")
	token := p.signIn(t, "ada").Access
	fault := p.send(t, p.GraphURL+"/simulator/faults", strings.NewReader(`{"method":"POST","path":"**/sendMail","delay":"60s"}`), "Content-Type", "application/json")
	if fault.status != http.StatusCreated {
		t.Fatalf("fault: %+v", fault)
	}
	hanging := make(chan struct{})
	go func() {
		defer close(hanging)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.MCPURL, strings.NewReader(
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sendEmail","arguments":{"to":"bruno@tideline.example","subject":"s","body":"b"}}}`))
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
		if resp, err := p.transport.RoundTrip(req); err == nil { // it is cut off before it answers
			_ = resp.Body.Close()
		}
	}()
	id := ""
	for deadline := time.Now().Add(20 * time.Second); id == "" && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, l := range p.audit(t) {
			if l.Kind == audit.KindIntent && l.Tool == "sendEmail" {
				id = l.ID
			}
		}
	}
	p.kill(t)
	<-hanging
	if id == "" {
		t.Fatal("no intent was recorded before the request was sent")
	}

	again := startProcess(t, folder)
	var outcome *audit.Line
	for _, l := range again.audit(t) {
		if l.ID == id && l.Kind == audit.KindOutcome {
			outcome = &l
		}
	}
	if outcome == nil || outcome.Status != audit.StatusUnknown {
		t.Errorf("after the restart the call's outcome is %+v", outcome)
	}
	report, err := app.AuditVerify(t.Context(), again.Database, "", nil)
	if err != nil || !report.OK || report.Open != 0 {
		t.Errorf("verify: %+v, %v", report, err)
	}
}
