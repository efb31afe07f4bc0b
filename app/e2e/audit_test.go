package e2e_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"m365mcp/app"
	"m365mcp/audit"
)

func (d *demo) audit(t *testing.T) []audit.Line {
	t.Helper()
	var out bytes.Buffer
	if err := app.AuditTail(t.Context(), d.Database, false, &out); err != nil {
		t.Fatal(err)
	}
	var lines []audit.Line
	for dec := json.NewDecoder(&out); dec.More(); {
		var l audit.Line
		if err := dec.Decode(&l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

// A call is found in the client's result, the audit, the log, and at Graph, under matching ids.
func TestAuditMatchesDownToGraph(t *testing.T) {
	t.Parallel()
	d := startDemo(t, app.DemoOptions{})
	token := d.signIn(t, "ada").Access
	for tool, args := range map[string]string{
		"getEmails": `{"count":3}`,
		"sendEmail": `{"to":"` + d.upn(t, "chen") + `","subject":"s","body":"b"}`,
		"whoAmI":    `{}`,
	} {
		r := d.call(t, token, tool, args)
		if r.IsError {
			t.Fatal(r.text())
		}
		id, ok := r.Meta["m365-mcp/requestId"].(string)
		if !ok {
			t.Fatalf("%s: no request id in %v", tool, r.Meta)
		}
		var intents, outcomes []audit.Line
		for _, l := range d.audit(t) {
			if l.ID == id && l.Kind == audit.KindIntent {
				intents = append(intents, l)
			}
			if l.ID == id && l.Kind == audit.KindOutcome {
				outcomes = append(outcomes, l)
			}
		}
		if len(intents) != 1 || len(outcomes) != 1 {
			t.Fatalf("%s: %d intents, %d outcomes", tool, len(intents), len(outcomes))
		}
		in, out := intents[0], outcomes[0]
		if in.Tool != tool || in.UPN != d.upn(t, "ada") || in.UserEmail == "" || in.Decision != "allow" || in.Rule != "permit-all" || in.Index >= out.Index {
			t.Errorf("%s: intent %+v", tool, in)
		}
		if out.Status != audit.StatusOK || len(out.GraphRequests) == 0 {
			t.Fatalf("%s: outcome %+v", tool, out)
		}
		for _, g := range out.GraphRequests {
			atGraph := false
			for _, rec := range d.Simulator.Graph.Requests() {
				atGraph = atGraph || rec.RequestID == g.RequestID && rec.Method == g.Method && rec.Status == g.Status
			}
			if !atGraph || g.RequestID == "" {
				t.Errorf("%s: Graph knows no request %+v", tool, g)
			}
			if !strings.Contains(d.log.String(), g.RequestID) || !strings.Contains(d.log.String(), g.ID) {
				t.Errorf("%s: the log does not name %+v", tool, g)
			}
		}
	}
	report, err := app.AuditVerify(t.Context(), d.Database, d.AuditKey, nil)
	if err != nil || !report.OK || report.Open != 0 {
		t.Errorf("verify: %+v, %v", report, err)
	}
}

// What is refused is evidence too.
func TestRefusedCallsAreAudited(t *testing.T) {
	t.Parallel()
	d := startDemo(t, app.DemoOptions{})
	token := d.signIn(t, "ada").Access
	for args, status := range map[string]audit.Status{
		`{"count":500}`:                 audit.StatusDenied, // by the schema
		`{"since":"../events?$top=1#"}`: audit.StatusDenied, // by the plan
		`{"folder":"../events?$top=1"}`: audit.StatusError,  // by a look at the mailbox's folders
	} {
		r := d.call(t, token, "getEmails", args)
		id, _ := r.Meta["m365-mcp/requestId"].(string)
		if !r.IsError || id == "" {
			t.Fatalf("%s accepted: %s %v", args, r.text(), r.Meta)
		}
		lines := d.audit(t)
		i := slices.IndexFunc(lines, func(l audit.Line) bool {
			return l.ID == id && l.Kind == audit.KindOutcome && l.Status == status && l.Code == "invalid_arguments"
		})
		if i < 1 || lines[i-1].Kind != audit.KindIntent || lines[i-1].ID != lines[i].ID {
			t.Errorf("%s: not in the audit: %+v", args, lines)
		}
	}
}
