package people

import (
	"context"
	"fmt"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

type contactsArgs struct {
	Count  int    `json:"count"`
	Search string `json:"search"`
	Source string `json:"source"`
	Cursor string `json:"cursor"`
}

type contactsOut struct {
	Contacts []contact `json:"contacts"`
	Cursor   string    `json:"cursor,omitempty"`
}

// contact keeps the property names of the system before this one.
type contact struct {
	ID        string   `json:"id,omitempty"`
	Name      string   `json:"displayName,omitempty"`
	Addresses []string `json:"emailAddresses,omitempty"`
	Business  []string `json:"businessPhones,omitempty"`
	Mobile    string   `json:"mobilePhone,omitempty"`
	JobTitle  string   `json:"jobTitle,omitempty"`
	Company   string   `json:"companyName,omitempty"`
	Type      string   `json:"personType,omitempty"`
}

const (
	peopleScope   = "People.Read"
	contactsScope = "Contacts.Read"

	sourcePeople   = "people"
	sourceContacts = "contacts"
)

func getContacts() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "getContacts", Title: "Contacts", Family: family,
		Description: "Lists people this person works with most, or the saved contacts of the address book, with mail addresses and phone numbers.",
		Keywords:    "phone number address book colleague who is",
		Input: []tool.Field{
			{Name: "count", Type: tool.Integer, Default: 50, Min: 1, Max: 100},
			{Name: "search", Type: tool.String, MaxLength: 200, Description: "Words of the name or address."},
			{
				Name: "source", Type: tool.String, Enum: []string{sourcePeople, sourceContacts}, Default: sourcePeople,
				Description: "people: by relevance. contacts: the address book.",
			},
			{Name: "cursor", Type: tool.String},
		},
		Output: []tool.Field{
			{Name: "contacts", Type: tool.ObjectList, Required: true, Items: []tool.Field{
				{Name: "id", Type: tool.String},
				{Name: "displayName", Type: tool.String},
				{Name: "emailAddresses", Type: tool.StringList},
				{Name: "businessPhones", Type: tool.StringList},
				{Name: "mobilePhone", Type: tool.String},
				{Name: "jobTitle", Type: tool.String},
				{Name: "companyName", Type: tool.String},
				{Name: "personType", Type: tool.String},
			}},
			{Name: "cursor", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, OpenWorld: true, Core: true, Untrusted: true,
		AnyScope: [][]string{{peopleScope}, {contactsScope}},
	}, planContacts, doContacts)
}

func (a contactsArgs) request() (graph.Request, handle.Kind) {
	words := graph.NewKQL().Words(a.Search)
	if a.Source == sourceContacts {
		query := graph.Query{}.Select("id", "displayName", "emailAddresses", "businessPhones", "mobilePhone", "jobTitle", "companyName").Top(a.Count)
		if words.IsZero() {
			query = query.OrderBy("displayName")
		}
		return graph.Request{
			Method: graph.Get, Path: graph.Fixed("/me/contacts"), Query: query.Search(words), Prefer: []string{graph.ImmutableIDs},
		}, handle.KindContact
	}
	return graph.Request{
		Method: graph.Get, Path: graph.Fixed("/me/people"),
		Query: graph.Query{}.Select("id", "displayName", "scoredEmailAddresses", "phones", "jobTitle", "companyName", "personType").Top(a.Count).Search(words),
	}, handle.KindPerson
}

func planContacts(ctx context.Context, c tool.Call, a contactsArgs) (tool.Plan, error) {
	request, _ := a.request()
	if _, err := c.Next(ctx, request.Path, a.Cursor); err != nil {
		return tool.Plan{}, err
	}
	plan := tool.Plan{Target: request.Path.Template(), Scopes: []string{peopleScope}}
	if a.Source == sourceContacts {
		plan.Scopes = []string{contactsScope}
	}
	return plan, nil
}

// person is Graph's person or contact resource, whose properties differ.
type person struct {
	ID             string `json:"id"`
	DisplayName    string `json:"displayName"`
	JobTitle       string `json:"jobTitle"`
	CompanyName    string `json:"companyName"`
	EmailAddresses []struct {
		Address string `json:"address"`
	} `json:"emailAddresses"`
	ScoredAddresses []struct {
		Address string `json:"address"`
	} `json:"scoredEmailAddresses"`
	BusinessPhones []string `json:"businessPhones"`
	MobilePhone    string   `json:"mobilePhone"`
	Phones         []struct {
		Type   string `json:"type"`
		Number string `json:"number"`
	} `json:"phones"`
	PersonType struct {
		Class string `json:"class"`
	} `json:"personType"`
}

func doContacts(ctx context.Context, c tool.Call, a contactsArgs) (tool.Result, error) {
	request, kind := a.request()
	next, err := c.Next(ctx, request.Path, a.Cursor)
	if err != nil {
		return tool.Result{}, err
	}
	request.Next = next
	items, more, err := graph.List[person](ctx, c.Graph, request, a.Count)
	if err != nil {
		return tool.Result{}, err
	}
	ids := make([]string, len(items))
	for i, p := range items {
		ids[i] = p.ID
	}
	if ids, err = c.Short(ctx, kind, ids); err != nil {
		return tool.Result{}, err
	}
	out := contactsOut{Contacts: make([]contact, len(items))}
	for i, p := range items {
		out.Contacts[i] = p.shape(ids[i])
	}
	if out.Cursor, err = c.Cursor(ctx, request.Path, more); err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Structured: out, Text: out.text(), Items: len(items)}, nil
}

func (p person) shape(id string) contact {
	out := contact{
		ID: id, Name: content.Line(p.DisplayName, 100), JobTitle: content.Line(p.JobTitle, 100), Company: content.Line(p.CompanyName, 100),
		Mobile: content.Line(p.MobilePhone, 40), Type: content.Line(p.PersonType.Class, 40),
	}
	for _, address := range append(p.EmailAddresses, p.ScoredAddresses...) {
		out.Addresses = appendSome(out.Addresses, content.Line(address.Address, 320))
	}
	for _, number := range p.BusinessPhones {
		out.Business = appendSome(out.Business, content.Line(number, 40))
	}
	for _, phone := range p.Phones {
		switch phone.Type {
		case "mobile":
			out.Mobile = content.Line(phone.Number, 40)
		case "business":
			out.Business = appendSome(out.Business, content.Line(phone.Number, 40))
		}
	}
	return out
}

func appendSome(list []string, s string) []string {
	if s == "" || len(list) == maxPerPerson {
		return list
	}
	return append(list, s)
}

func (o contactsOut) text() string {
	if len(o.Contacts) == 0 {
		return "Nobody found."
	}
	var b strings.Builder
	for _, p := range o.Contacts {
		parts := []string{p.Name}
		for _, s := range []string{p.JobTitle, p.Company, strings.Join(p.Addresses, ", "), strings.Join(p.Business, ", "), p.Mobile} {
			if s != "" {
				parts = append(parts, s)
			}
		}
		fmt.Fprintf(&b, "- %s\n", strings.Join(parts, ", "))
	}
	if o.Cursor != "" {
		fmt.Fprintf(&b, "More: cursor %s\n", o.Cursor)
	}
	return b.String()
}
