package graph

import (
	"testing"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/token"
)

// Everything in the data set that ships is served in Microsoft's shape: the
// rig holds each answer against the description.
func TestShippedDataSet(t *testing.T) {
	t.Parallel()
	tenant := dataset.Load(fixedNow())
	r := newRig(t, func(o *Options) {
		o.Tenant = tenant
		o.Verify = func(raw string) (token.Claims, error) {
			return token.Claims{TenantID: tenant.ID, UserID: raw, ClientID: "app", Scopes: []string{"User.Read", "MailboxSettings.Read", "Mail.Read"}, Expires: fixedNow().AddDate(0, 0, 1)}, nil
		}
	})
	for _, person := range tenant.People {
		box := tenant.Mailbox[person.ID]
		if box == nil {
			continue
		}
		for _, path := range []string{"/me", "/me/mailboxSettings", "/me/mailFolders?$top=100", "/me/mailFolders/inbox", "/me/mailFolders/sentitems", "/me/mailFolders/drafts"} {
			if got := r.do(t, person.ID, "GET", path, ""); got.status != 200 {
				t.Errorf("%s %s: %d %s", person.UPN, path, got.status, got.body)
			}
		}
		seen := 0
		for link := "/me/messages?$top=100&$expand=attachments"; link != ""; {
			page := r.do(t, person.ID, "GET", link, "", `Prefer: outlook.body-content-type="text"`)
			seen += len(page.values(t))
			link, _ = page.json["@odata.nextLink"].(string)
		}
		if seen != len(box.Messages) {
			t.Errorf("%s: %d messages served, %d in the data set", person.UPN, seen, len(box.Messages))
		}
		for _, m := range box.Messages[:min(20, len(box.Messages))] {
			if got := r.do(t, person.ID, "GET", "/me/messages/"+m.ID+"/$value", ""); got.status != 200 {
				t.Errorf("MIME of %q: %d %s", m.Subject, got.status, got.body)
			}
		}
	}
}
