// Package exchange is the mail of a simulated tenant: mailboxes with their
// folders and messages, and the transport between them. It knows nothing of
// HTTP; what a request asks for in vain is an error in Graph's own words.
package exchange

import (
	"time"

	"m365mcp/simulator/dataset"
)

// Store holds the mailboxes of a tenant. It is not safe for concurrent use:
// the server's lock guards it.
type Store struct {
	tenant    *dataset.Tenant
	now       func() time.Time
	mailboxes map[string]*Mailbox // by person
	serial    int                 // of what was created here
	outbound  []Outgoing
}

// NewStore returns a store with a copy of the tenant's mailboxes, so that
// several may share one data set.
func NewStore(tenant *dataset.Tenant, now func() time.Time) *Store {
	s := &Store{tenant: tenant, now: now, mailboxes: map[string]*Mailbox{}}
	for i := range tenant.People {
		s.add(&tenant.People[i])
	}
	for i := range tenant.Shared {
		s.add(&tenant.Shared[i].Person)
	}
	return s
}

func (s *Store) add(person *dataset.Person) {
	if content := s.tenant.Mailbox[person.ID]; content != nil {
		s.mailboxes[person.ID] = newMailbox(person, content)
	}
}

// Mailbox is that of a person; nil where there is none.
func (s *Store) Mailbox(person string) *Mailbox { return s.mailboxes[person] }
