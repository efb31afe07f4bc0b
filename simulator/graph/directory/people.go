package directory

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/odata"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// relevant is somebody whom a person deals with.
type relevant struct {
	address dataset.Address
	score   float64
	member  *dataset.Person  // of the tenant
	contact *dataset.Contact // of the address book
}

// relevance ranks who a person writes with: what one wrote oneself counts
// four times what one received.
func (d *Directory) relevance(owner *dataset.Person) []relevant {
	scores := map[string]*relevant{}
	add := func(a dataset.Address, weight float64) {
		key := strings.ToLower(a.Address)
		if key == "" || strings.EqualFold(key, owner.Mail) {
			return
		}
		if scores[key] == nil {
			scores[key] = &relevant{address: a}
		}
		scores[key].score += weight
	}
	if box := d.store.Mailbox(owner.ID); box != nil {
		for _, m := range box.Messages("") {
			if strings.EqualFold(m.From.Address, owner.Mail) {
				for _, a := range slices.Concat(m.To, m.CC) {
					add(a, 4)
				}
			} else {
				add(m.From, 1)
			}
		}
	}
	contacts := d.tenant.Contacts(owner.ID)
	for i := range contacts {
		for _, a := range contacts[i].Emails {
			add(a, 1)
			scores[strings.ToLower(a.Address)].contact = &contacts[i]
		}
	}
	out := make([]relevant, 0, len(scores))
	for _, r := range scores {
		if i := slices.IndexFunc(d.tenant.People, func(p dataset.Person) bool { return strings.EqualFold(p.Mail, r.address.Address) }); i >= 0 {
			r.member = &d.tenant.People[i]
		}
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b relevant) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.address.Address, b.address.Address))
	})
	return out
}

// id is the object id of a member, and derived from the address of others.
func (r relevant) id(owner *dataset.Person) string {
	if r.member != nil {
		return r.member.ID
	}
	return exchange.ID("", owner.ID, "person"+strings.ToLower(r.address.Address), 40)
}

func (r relevant) subclass() string {
	switch {
	case r.member != nil:
		return "OrganizationUser"
	case r.contact != nil:
		return "PersonalContact"
	default:
		return "ImplicitContact"
	}
}

// json is a microsoft.graph.person with the properties that were asked for.
func (r relevant) json(owner *dataset.Person, names []string) map[string]any {
	all := map[string]any{
		"id": r.id(owner), "displayName": cmp.Or(r.address.Name, r.address.Address), "givenName": nil, "surname": nil, "birthday": "",
		"personNotes": "", "isFavorite": false, "jobTitle": nil, "companyName": nil, "yomiCompany": "", "department": nil,
		"officeLocation": nil, "profession": "", "userPrincipalName": nil, "imAddress": nil, "websites": []any{}, "postalAddresses": []any{},
		"phones": []any{}, "personType": map[string]any{"class": "Person", "subclass": r.subclass()},
		"scoredEmailAddresses": []any{map[string]any{
			"address": r.address.Address, "relevanceScore": math.Round(r.score*10) / 10, "selectionLikelihood": "notSpecified",
		}},
	}
	if p := r.member; p != nil {
		all["givenName"], all["surname"], all["jobTitle"], all["department"] = p.GivenName, p.Surname, p.JobTitle, p.Department
		all["officeLocation"], all["userPrincipalName"], all["displayName"] = p.OfficeLocation, p.UPN, p.DisplayName
		all["imAddress"] = "sip:" + p.Mail
		var phones []any
		for _, number := range p.BusinessPhones {
			phones = append(phones, map[string]any{"type": "business", "number": number})
		}
		all["phones"] = phones
	} else if k := r.contact; k != nil {
		all["givenName"], all["surname"], all["jobTitle"], all["companyName"] = k.GivenName, k.Surname, k.JobTitle, k.Company
	}
	out := map[string]any{}
	for _, name := range names {
		out[name] = all[name]
	}
	return out
}

func (d *Directory) listPeople(c *service.Call) (*service.Answer, error) {
	names, err := d.peopleOf(c)
	if err != nil {
		return nil, err
	}
	kinds := map[string]odata.Kind{
		"displayName": odata.String, "jobTitle": odata.String, "department": odata.String, "userPrincipalName": odata.String,
		"personType/class": odata.String, "personType/subclass": odata.String,
	}
	filter, err := c.Options.Filter("person", kinds)
	if err != nil {
		return nil, err
	}
	text := ""
	if c.Options.Has("$search") {
		if text, err = c.Options.Search(); err != nil {
			return nil, err
		}
	}
	found := slices.DeleteFunc(d.relevance(c.Owner), func(r relevant) bool {
		return !r.matches(text) || filter != nil && !filter.Match(r.property)
	})
	return c.Page(c.OwnerContext("/people"), len(found), func(i int) any { return found[i].json(c.Owner, names) }), nil
}

func (d *Directory) getPerson(c *service.Call) (*service.Answer, error) {
	names, err := d.peopleOf(c)
	if err != nil {
		return nil, err
	}
	for _, r := range d.relevance(c.Owner) {
		if r.id(c.Owner) == c.Params["person-id"] {
			value := r.json(c.Owner, names)
			value["@odata.context"] = c.OwnerContext("/people") + "/$entity"
			return &service.Answer{Status: http.StatusOK, Value: value}, nil
		}
	}
	return nil, apierror.ItemNotFound()
}

// peopleOf checks whose people are asked for, and reads $select.
func (d *Directory) peopleOf(c *service.Call) ([]string, error) {
	if c.Owner != c.Me && !c.Claims.HasAny("People.Read.All") {
		return nil, apierror.AccessDenied()
	}
	return c.Options.Selected("person", wire.PersonProperties)
}

// matches looks for each word at the beginning of a word of the name or of the address.
func (r relevant) matches(text string) bool {
	have := append(words(r.address.Name), strings.ToLower(r.address.Address))
	if r.member != nil {
		have = append(have, words(r.member.DisplayName)...)
	}
	for _, word := range words(text) {
		if !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, word) }) {
			return false
		}
	}
	return true
}

func (r relevant) property(path string) any {
	value := any(nil)
	switch path {
	case "displayName":
		value = cmp.Or(r.address.Name, r.address.Address)
	case "personType/class":
		value = "Person"
	case "personType/subclass":
		value = r.subclass()
	case "jobTitle", "department", "userPrincipalName":
		if r.member != nil {
			value = wire.UserProperty("", r.member, path)
		}
	}
	return value
}
