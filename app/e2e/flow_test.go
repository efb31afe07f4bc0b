package e2e_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/app"
)

// The main job: sign in, read mail, send one, and see it arrive.
func TestSignInReadAndSend(t *testing.T) {
	t.Parallel()
	d := startDemo(t, app.DemoOptions{})
	ada := d.signIn(t, "ada")
	bruno := d.signIn(t, "bruno")

	var who struct {
		UPN         string   `json:"userPrincipalName"`
		TimeZone    string   `json:"timeZone"`
		Permissions []string `json:"permissions"`
	}
	decodeResult(t, d.call(t, ada.Access, "whoAmI", `{}`), &who)
	if who.UPN != d.upn(t, "ada") || who.TimeZone == "" {
		t.Errorf("whoAmI says %+v", who)
	}
	if diff := cmp.Diff(expectedSurfaces(t)["core"].Scopes, who.Permissions); diff != "" {
		t.Error(diff)
	}

	const subject = "Lisbon: papers for customs"
	sent := d.call(t, ada.Access, "sendEmail", `{"to":"`+d.upn(t, "bruno")+`","cc":["partner@freight.example"],"subject":"`+subject+`","body":"They are in the folder.","contentType":"text"}`)
	if sent.IsError {
		t.Fatalf("sendEmail: %s", sent.text())
	}
	if got := subjects(t, d, ada.Access, "sentitems"); got[0] != subject {
		t.Errorf("newest in Sent Items is %q", got[0])
	}
	if got := subjects(t, d, bruno.Access, "inbox"); got[0] != subject {
		t.Errorf("newest in the recipient's inbox is %q", got[0])
	}
	// Invariant 6: Ada's own inbox is another person's.
	if slices.Contains(subjects(t, d, ada.Access, "inbox"), subject) {
		t.Error("the mail is in the sender's inbox")
	}

	var read struct {
		Contents []struct {
			Text string `json:"text"`
		} `json:"contents"`
	}
	r := d.request(t, ada.Access, "resources/read", `{"uri":"microsoft://profile"}`)
	if err := json.Unmarshal(r.Result, &read); err != nil || len(read.Contents) != 1 || !strings.Contains(read.Contents[0].Text, who.UPN) {
		t.Errorf("profile: %s, %v", r.Result, err)
	}
}

func decodeResult(t *testing.T, r result, v any) {
	t.Helper()
	if r.IsError {
		t.Fatalf("the call failed: %s", r.text())
	}
	if err := json.Unmarshal(r.Structured, v); err != nil {
		t.Fatal(err)
	}
}

func subjects(t *testing.T, d *demo, token, folder string) []string {
	t.Helper()
	var out struct{ Emails []struct{ Subject string } }
	decodeResult(t, d.call(t, token, "getEmails", `{"count":50,"folder":"`+folder+`"}`), &out)
	if len(out.Emails) == 0 {
		t.Fatalf("%s is empty", folder)
	}
	list := make([]string, len(out.Emails))
	for i, e := range out.Emails {
		list[i] = e.Subject
	}
	return list
}
