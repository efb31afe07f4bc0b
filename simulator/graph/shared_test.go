package graph

import (
	"fmt"
	"strings"
	"testing"
)

const office = "office@tideline.example"

func TestSharedMailboxIsRead(t *testing.T) {
	t.Parallel()
	r, who := shippedRig(t)
	for _, reader := range []string{"ada", "gauri"} {
		got := r.do(t, who(reader)+" Mail.Read.Shared", "GET", "/users/"+office+"/mailFolders/inbox/messages", "")
		if got.status != 200 || len(got.values(t)) != 6 {
			t.Errorf("%s: %d %s", reader, got.status, got.body)
		}
		wantError(t, r.do(t, who(reader)+" Mail.Read Mail.ReadWrite", "GET", "/users/"+office+"/messages", ""), 403, "ErrorAccessDenied")
		wantError(t, r.do(t, who(reader)+" Mail.Read.Shared", "GET", "/users/"+office+"/mailboxSettings", ""), 403, "ErrorAccessDenied")
	}
	wantError(t, r.do(t, who("bruno")+" Mail.Read.Shared", "GET", "/users/"+office+"/messages", ""), 403, "ErrorAccessDenied")
	wantError(t, r.do(t, who("ada")+" Mail.Read.Shared", "GET", "/users/"+who("bruno")+"/messages", ""), 403, "ErrorAccessDenied")
	if own := r.do(t, who("ada")+" Mail.Read.Shared", "GET", "/me/messages", ""); own.status != 200 {
		t.Errorf("one's own with the shared scope: %d", own.status)
	}
	id := r.do(t, who("ada")+" Mail.Read.Shared", "GET", "/users/"+office+"/messages?$top=1", "").column(t, "id")[0]
	if got := r.do(t, who("ada")+" Mail.ReadWrite.Shared", "PATCH", "/users/"+office+"/messages/"+id, `{"isRead":true}`); got.status != 200 {
		t.Errorf("change: %d %s", got.status, got.body)
	}
	wantError(t, r.do(t, who("ada")+" Mail.Read", "GET", "/me/messages/"+id, ""), 404, "ErrorItemNotFound")
}

func TestSendingForASharedMailbox(t *testing.T) {
	t.Parallel()
	r, who := shippedRig(t)
	body := func(subject, from string) string {
		return fmt.Sprintf(`{"message":{"subject":%q,%s"toRecipients":[{"emailAddress":{"address":"freya@tideline.example"}}]}}`, subject, from)
	}
	fromOffice := `"from":{"emailAddress":{"address":"` + office + `"}},`
	for name, c := range map[string]struct {
		who, scopes, path, from string
		status                  int
		sender                  string
	}{
		"as":                      {"gauri", "Mail.Send.Shared", "/users/" + office + "/sendMail", "", 202, office},
		"on behalf":               {"ada", "Mail.Send.Shared", "/users/" + office + "/sendMail", "", 202, "ada@tideline.example"},
		"as, from one's own":      {"gauri", "Mail.Send.Shared", "/me/sendMail", fromOffice, 202, office},
		"without the scope":       {"gauri", "Mail.Send", "/me/sendMail", fromOffice, 403, ""},
		"without the scope, 2":    {"gauri", "Mail.Send", "/users/" + office + "/sendMail", "", 403, ""},
		"without the right":       {"bruno", "Mail.Send.Shared", "/me/sendMail", fromOffice, 403, ""},
		"without the right, 2":    {"bruno", "Mail.Send.Shared", "/users/" + office + "/sendMail", "", 403, ""},
		"from a colleague":        {"gauri", "Mail.Send.Shared", "/me/sendMail", `"from":{"emailAddress":{"address":"ada@tideline.example"}},`, 403, ""},
		"from an outside address": {"gauri", "Mail.Send.Shared", "/me/sendMail", `"from":{"emailAddress":{"address":"x@fabrikam.example"}},`, 403, ""},
	} {
		got := r.do(t, who(c.who)+" "+c.scopes, "POST", c.path, body(name, c.from))
		if got.status != c.status {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		arrived := r.find(t, who("freya"), strings.ReplaceAll(name, "'", "''"))
		if (len(arrived) == 1) != (c.status == 202) {
			t.Errorf("%s: %d arrived", name, len(arrived))
		}
		for _, m := range arrived {
			if !strings.Contains(fmt.Sprint(m["from"]), office) || !strings.Contains(fmt.Sprint(m["sender"]), c.sender) {
				t.Errorf("%s: from %v, sender %v", name, m["from"], m["sender"])
			}
		}
	}
	r.do(t, who("freya")+" Mail.Send", "POST", "/me/sendMail", `{"message":{"subject":"Flowers","toRecipients":[{"emailAddress":{"address":"`+office+`"}},{"emailAddress":{"address":"shop@flowers.example"}},{"emailAddress":{"address":"ci@build.tideline.example"}}]}}`)
	if n := r.do(t, who("gauri")+" Mail.Read.Shared", "GET", "/users/"+office+"/messages/$count"+q("$filter", "subject eq 'Flowers'"), ""); string(n.body) != "1" {
		t.Errorf("mail to the shared mailbox: %s", n.body)
	}
	if left := r.server.Outbound(); len(left) != 1 || fmt.Sprint(left[0].Recipients) != "[shop@flowers.example]" {
		t.Errorf("outbound: %v", left)
	}
}
