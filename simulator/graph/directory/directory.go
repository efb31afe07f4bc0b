// Package directory is the people of the simulated Graph: the directory of the
// tenant, the settings of mailboxes, the people that matter to somebody, and
// personal contacts.
package directory

import (
	"net/http"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
)

// Directory implements [service.Workload].
type Directory struct {
	tenant *dataset.Tenant
	store  *exchange.Store
	now    func() time.Time

	contacts map[string][]*contact // by person
	serial   int                   // of contacts created here
}

// New returns the directory of a tenant; the store is its mail.
func New(tenant *dataset.Tenant, store *exchange.Store, now func() time.Time) *Directory {
	d := &Directory{tenant: tenant, store: store, now: now, contacts: map[string][]*contact{}}
	for _, p := range tenant.People {
		d.seed(p.ID)
	}
	return d
}

// The delegated scopes that suffice, from Microsoft's permissions.json of August 2026.
var (
	scopesProfile  = []string{"User.Read", "User.ReadWrite", "User.ReadBasic.All", "User.Read.All", "Directory.Read.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	scopesUsers    = []string{"User.ReadBasic.All", "User.Read.All", "Directory.Read.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	scopesManager  = []string{"User.Read.All", "Directory.Read.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	scopesReports  = []string{"User.Read", "User.Read.All", "Directory.Read.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	scopesPeople   = []string{"People.Read", "People.Read.All"}
	scopesSettings = []string{"MailboxSettings.Read", "MailboxSettings.ReadWrite"}
	scopesContacts = []string{"Contacts.Read", "Contacts.ReadWrite"}
	scopesOwn      = []string{"Contacts.ReadWrite"}
)

var (
	optionsEntity = []string{"$select", "$expand"}
	optionsUsers  = []string{"$top", "$skiptoken", "$select", "$filter", "$orderby", "$search", "$count", "$expand"}
	optionsList   = []string{"$top", "$skip", "$skiptoken", "$select", "$filter", "$orderby", "$search", "$count"}
)

// directoryPages is the paging of Entra's lists.
var directoryPages = query.Pages{Standard: 100, Most: 999}

// Operations implements [service.Workload].
func (d *Directory) Operations() []service.Operation {
	const get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	return append(service.Personal(
		service.Operation{Method: get, Template: "", Scopes: scopesProfile, Options: optionsEntity, Handle: d.getUser},
		service.Operation{Method: get, Template: "/manager", Scopes: scopesManager, Options: optionsEntity, Handle: d.getManager},
		service.Operation{Method: get, Template: "/directReports", Scopes: scopesReports, Options: optionsUsers, Pages: directoryPages, Handle: d.listReports},
		service.Operation{Method: get, Template: "/people", Scopes: scopesPeople, Options: optionsList, Handle: d.listPeople},
		service.Operation{Method: get, Template: "/people/{person-id}", Scopes: scopesPeople, Options: optionsEntity, Handle: d.getPerson},
		service.Operation{Method: get, Template: "/mailboxSettings", Mailbox: true, Scopes: scopesSettings, Options: optionsEntity, Handle: d.getMailboxSettings},
		service.Operation{Method: get, Template: "/mailboxSettings/timeZone", Mailbox: true, Scopes: scopesSettings, Handle: d.getTimeZone},
		service.Operation{Method: get, Template: "/contacts", Mailbox: true, Scopes: scopesContacts, Options: optionsList, Handle: d.listContacts},
		service.Operation{Method: post, Template: "/contacts", Mailbox: true, Scopes: scopesOwn, Handle: d.createContact},
		service.Operation{Method: get, Template: "/contacts/{contact-id}", Mailbox: true, Scopes: scopesContacts, Options: optionsEntity, Handle: d.getContact},
		service.Operation{Method: patch, Template: "/contacts/{contact-id}", Mailbox: true, Scopes: scopesOwn, Handle: d.updateContact},
		service.Operation{Method: del, Template: "/contacts/{contact-id}", Mailbox: true, Scopes: scopesOwn, Handle: d.deleteContact},
	),
		service.Operation{Method: get, Template: "/users", Scopes: scopesUsers, Options: optionsUsers, Pages: directoryPages, Handle: d.listUsers},
		service.Operation{Method: get, Template: "/users/$count", Scopes: scopesUsers, Options: []string{"$filter", "$search"}, Handle: d.countUsers},
	)
}
