package directory

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/odata"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// contact is an entry of an address book, by the names of Graph's properties.
type contact struct {
	id       string
	modified time.Time
	version  int
	fields   map[string]any
}

// What the properties of a contact hold, where it is no text.
var (
	contactLists     = []string{"categories", "imAddresses", "homePhones", "businessPhones", "children"}
	contactAddresses = []string{"homeAddress", "businessAddress", "otherAddress"}
	contactDerived   = []string{"primaryEmailAddress", "secondaryEmailAddress", "tertiaryEmailAddress"}
	contactReadOnly  = []string{"id", "createdDateTime", "lastModifiedDateTime", "changeKey", "parentFolderId"}
)

var contactKinds = map[string]odata.Kind{
	"displayName": odata.String, "givenName": odata.String, "surname": odata.String, "companyName": odata.String, "jobTitle": odata.String,
	"nickName": odata.String, "fileAs": odata.String, "department": odata.String, "emailAddresses": odata.Strings,
}

// emailAddress is one of a contact's.
type emailAddress struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// seed fills an address book from the data set.
func (d *Directory) seed(person string) {
	for _, from := range d.tenant.Contacts(person) {
		k := &contact{id: from.ID, modified: d.now().UTC().AddDate(0, -2, 0).Truncate(24 * time.Hour), fields: map[string]any{}}
		for name, value := range map[string]string{
			"displayName": from.DisplayName, "fileAs": from.Surname + ", " + from.GivenName, "givenName": from.GivenName, "surname": from.Surname,
			"companyName": from.Company, "jobTitle": from.JobTitle, "mobilePhone": from.MobilePhone, "personalNotes": from.Notes,
		} {
			if value != "" {
				k.fields[name] = value
			}
		}
		var emails []emailAddress
		for _, a := range from.Emails {
			emails = append(emails, emailAddress{a.Name, a.Address})
		}
		k.fields["emailAddresses"] = emails
		k.fields["businessPhones"] = append([]string{}, from.BusinessPhones...)
		if from.City+from.Country != "" {
			k.fields["businessAddress"] = map[string]string{"city": from.City, "countryOrRegion": from.Country}
		}
		d.contacts[person] = append(d.contacts[person], k)
	}
}

func (k *contact) etag() string { return fmt.Sprintf(`W/"%s"`, k.changeKey()) }

func (k *contact) changeKey() string {
	return exchange.ID("EQAAABYAAAD", k.id, fmt.Sprint(k.version), 40)
}

// json is a microsoft.graph.contact with the properties that were asked for.
func (k *contact) json(owner *dataset.Person, names []string) map[string]any {
	emails, _ := k.fields["emailAddresses"].([]emailAddress)
	out := map[string]any{"@odata.etag": k.etag()}
	for _, name := range names {
		switch value, set := k.fields[name]; {
		case name == "id":
			out[name] = k.id
		case name == "changeKey":
			out[name] = k.changeKey()
		case name == "createdDateTime" || name == "lastModifiedDateTime":
			out[name] = k.modified.Format(time.RFC3339)
		case name == "parentFolderId":
			out[name] = exchange.ID("AQMkAD", owner.ID, "contacts", 120)
		case slices.Contains(contactDerived, name):
			if i := slices.Index(contactDerived, name); i < len(emails) {
				out[name] = emails[i]
			}
		case set:
			out[name] = value
		case slices.Contains(contactLists, name) || name == "emailAddresses":
			out[name] = []any{}
		case slices.Contains(contactAddresses, name):
			out[name] = map[string]any{}
		default:
			out[name] = nil
		}
	}
	return out
}

// read takes the properties of a request.
func (k *contact) read(raw []byte) error {
	o, err := wire.ReadObject(raw, "contact", wire.ContactProperties...)
	if err != nil {
		return err
	}
	for _, name := range wire.ContactProperties {
		if !o.Has(name) || slices.Contains(contactReadOnly, name) {
			continue
		}
		var value any
		switch {
		case slices.Contains(contactDerived, name):
			return apierror.BadRequest("ErrorInvalidPropertySet", "The property '%s' is read-only; set emailAddresses.", name)
		case name == "emailAddresses":
			value, err = readAs[[]emailAddress](o, name)
		case slices.Contains(contactLists, name):
			value, err = readAs[[]string](o, name)
		case slices.Contains(contactAddresses, name):
			value, err = readAddress(o, name)
		default:
			value, err = readAs[string](o, name)
		}
		if err != nil {
			return err
		}
		if k.fields[name] = value; value == nil {
			delete(k.fields, name)
		}
	}
	if _, named := k.fields["displayName"]; !named {
		given, _ := k.fields["givenName"].(string)
		surname, _ := k.fields["surname"].(string)
		k.fields["displayName"] = strings.TrimSpace(given + " " + surname)
	}
	return nil
}

// readAs decodes a member; null is nothing.
func readAs[T any](o wire.Object, name string) (any, error) {
	var value *T
	if err := wire.Read(o, name, &value); err != nil || value == nil {
		return nil, err
	}
	return *value, nil
}

func readAddress(o wire.Object, name string) (any, error) {
	var raw json.RawMessage
	if err := wire.Read(o, name, &raw); err != nil || raw == nil {
		return nil, err
	}
	parts := []string{"street", "city", "state", "countryOrRegion", "postalCode"}
	inner, err := wire.ReadObject(raw, "physicalAddress", parts...)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, part := range parts {
		value, err := readAs[string](inner, part)
		if err != nil {
			return nil, err
		}
		if value != nil {
			out[part] = value
		}
	}
	return out, nil
}

func (d *Directory) listContacts(c *service.Call) (*service.Answer, error) {
	names, err := c.Options.Selected("contact", wire.ContactProperties)
	if err != nil {
		return nil, err
	}
	filter, err := contactFilter(c.Options)
	if err != nil {
		return nil, err
	}
	keys, err := c.Options.OrderBy("contact", contactKinds)
	if err != nil {
		return nil, err
	}
	text := ""
	if c.Options.Has("$search") {
		if text, err = c.Options.Search(); err != nil {
			return nil, err
		}
	}
	found := slices.DeleteFunc(slices.Clone(d.contacts[c.Owner.ID]), func(k *contact) bool {
		return filter != nil && !filter.Match(k.property) || !k.matches(text)
	})
	slices.SortStableFunc(found, func(a, b *contact) int {
		return cmp.Or(query.Compare(keys, a.property, b.property), query.Compare([]query.SortKey{{Path: "displayName"}}, a.property, b.property))
	})
	return c.Page(c.OwnerContext("/contacts"), len(found), func(i int) any { return found[i].json(c.Owner, names) }), nil
}

// byAddress is the one condition on addresses that Graph takes (Graph, "List
// contacts"). Here it reads as one on a list of texts.
var byAddress = regexp.MustCompile(`\bemailAddresses/any\((\w+):\s*(\w+)/address (eq \'(?:[^\']|\'\')*\')\)`)

func contactFilter(o query.Options) (*odata.Filter, error) {
	if o.Has("$filter") {
		o = o.With("$filter", byAddress.ReplaceAllString(o.Value("$filter"), "emailAddresses/any($1:$2 $3)"))
	}
	return o.Filter("contact", contactKinds)
}

func (k *contact) property(name string) any {
	if name != "emailAddresses" {
		return k.fields[name]
	}
	var out []string
	emails, _ := k.fields[name].([]emailAddress)
	for _, e := range emails {
		out = append(out, e.Address)
	}
	return out
}

// matches looks for each word at the beginning of a word of the contact.
func (k *contact) matches(text string) bool {
	var have []string
	for _, name := range []string{"displayName", "companyName", "nickName"} {
		value, _ := k.fields[name].(string)
		have = append(have, words(value)...)
	}
	emails, _ := k.fields["emailAddresses"].([]emailAddress)
	for _, e := range emails {
		have = append(have, strings.ToLower(e.Address))
	}
	for _, word := range words(text) {
		if !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, word) }) {
			return false
		}
	}
	return true
}

// contact finds that of the path.
func (d *Directory) contact(c *service.Call) (*contact, error) {
	for _, k := range d.contacts[c.Owner.ID] {
		if k.id == c.Params["contact-id"] {
			return k, nil
		}
	}
	return nil, apierror.ItemNotFound()
}

func (*Directory) contactAnswer(c *service.Call, status int, k *contact, names []string) *service.Answer {
	value := k.json(c.Owner, names)
	value["@odata.context"] = c.OwnerContext("/contacts") + "/$entity"
	return &service.Answer{Status: status, Value: value}
}

func (d *Directory) getContact(c *service.Call) (*service.Answer, error) {
	names, err := c.Options.Selected("contact", wire.ContactProperties)
	if err != nil {
		return nil, err
	}
	k, err := d.contact(c)
	if err != nil {
		return nil, err
	}
	return d.contactAnswer(c, http.StatusOK, k, names), nil
}

func (d *Directory) createContact(c *service.Call) (*service.Answer, error) {
	d.serial++
	k := &contact{id: exchange.ID("AAMkAG", c.Owner.ID, fmt.Sprint("contact", d.serial), 152), modified: c.Now.UTC().Truncate(time.Second), fields: map[string]any{}}
	if err := k.read(c.Body); err != nil {
		return nil, err
	}
	d.contacts[c.Owner.ID] = append(d.contacts[c.Owner.ID], k)
	return d.contactAnswer(c, http.StatusCreated, k, wire.ContactProperties), nil
}

func (d *Directory) updateContact(c *service.Call) (*service.Answer, error) {
	k, err := d.contact(c)
	if err != nil {
		return nil, err
	}
	changed := &contact{id: k.id, modified: c.Now.UTC().Truncate(time.Second), version: k.version + 1, fields: maps.Clone(k.fields)}
	if err := changed.read(c.Body); err != nil {
		return nil, err
	}
	*k = *changed
	return d.contactAnswer(c, http.StatusOK, k, wire.ContactProperties), nil
}

func (d *Directory) deleteContact(c *service.Call) (*service.Answer, error) {
	k, err := d.contact(c)
	if err != nil {
		return nil, err
	}
	d.contacts[c.Owner.ID] = slices.DeleteFunc(d.contacts[c.Owner.ID], func(other *contact) bool { return other == k })
	return &service.Answer{Status: http.StatusNoContent}, nil
}
