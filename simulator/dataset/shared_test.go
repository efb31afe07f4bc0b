package dataset

import (
	"slices"
	"testing"
	"time"
)

func TestSharedMailbox(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	tenant := Load(now)
	for _, s := range tenant.Shared {
		box := tenant.Mailbox[s.ID]
		if box == nil || len(box.Messages) < 5 {
			t.Fatalf("%s has no mail", s.UPN)
		}
		for _, m := range box.Messages {
			if m.Received.After(now) || !slices.ContainsFunc(box.Folders, func(f Folder) bool { return f.ID == m.FolderID }) {
				t.Errorf("%q: received %s in folder %s", m.Subject, m.Received, m.FolderID)
			}
		}
		if _, signsIn := tenant.PersonByID(s.ID); signsIn {
			t.Errorf("%s is a person", s.UPN)
		}
		for _, id := range slices.Concat(s.Readers, s.SendAs, s.SendOnFor) {
			if _, ok := tenant.PersonByID(id); !ok || !tenant.Readable(s.ID, id) {
				t.Errorf("a right of %s belongs to %s, who is nobody or cannot read", s.UPN, id)
			}
		}
		if tenant.Readable(s.ID, tenant.People[1].ID) || tenant.Readable(tenant.People[0].ID, s.Readers[1]) {
			t.Error("a mailbox is open to somebody without a right")
		}
	}
	if len(tenant.Shared) == 0 {
		t.Error("no shared mailbox")
	}
}

func TestManagersEndAtOnePerson(t *testing.T) {
	t.Parallel()
	tenant := Load(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))
	heads := map[string]bool{}
	for _, p := range tenant.People {
		for steps := 0; ; steps++ {
			above, ok := tenant.Manager(p.ID)
			if !ok {
				heads[p.UPN] = true
				break
			}
			if !slices.ContainsFunc(tenant.Reports(above.ID), func(r Person) bool { return r.ID == p.ID }) || steps > len(tenant.People) {
				t.Fatalf("%s reports to %s, who does not know", p.UPN, above.UPN)
			}
			p = above
		}
	}
	if len(heads) != 1 {
		t.Errorf("heads: %v", heads)
	}
}

func TestContactsKeepTheirIDs(t *testing.T) {
	t.Parallel()
	a, b := Load(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)), Load(time.Date(2027, 1, 5, 9, 0, 0, 0, time.UTC))
	seen := map[string]bool{}
	for _, p := range a.People {
		for i, c := range a.Contacts(p.ID) {
			if c.ID != b.Contacts(p.ID)[i].ID || seen[c.ID] || c.DisplayName == "" || len(c.Emails) == 0 {
				t.Errorf("%s: %+v", p.UPN, c)
			}
			seen[c.ID] = true
		}
	}
	if len(seen) == 0 {
		t.Error("nobody has contacts")
	}
}
