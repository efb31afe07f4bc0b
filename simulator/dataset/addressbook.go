package dataset

import "slices"

// Contact is an entry of somebody's own address book.
type Contact struct {
	ID                 string
	GivenName, Surname string
	DisplayName        string
	Company, JobTitle  string
	Emails             []Address
	BusinessPhones     []string
	MobilePhone        string
	City, Country      string
	Notes              string
}

// addressBooks are the contacts of those who keep some, by local part.
var addressBooks = map[string][]Contact{
	"ada": {
		{GivenName: "Inês", Surname: "Moura", Company: "Atlantis Freight", JobTitle: "Customs agent", Emails: []Address{{"Inês Moura", "ines.moura@atlantisfreight.example"}}, BusinessPhones: []string{"+44 20 7946 0801"}, City: "Lisboa", Country: "Portugal"},
		{GivenName: "Rui", Surname: "Antunes", Company: "Armazéns do Tejo", JobTitle: "Warehouse manager", Emails: []Address{{"Rui Antunes", "rui.antunes@armazens-tejo.example"}}, City: "Setúbal", Country: "Portugal"},
		{GivenName: "Thomas", Surname: "Kranz", Company: "Kranz Metallbau GmbH", JobTitle: "Managing director", Emails: []Address{{"Thomas Kranz", "t.kranz@kranz-metallbau.example"}, {"Kranz Metallbau GmbH", "buchhaltung@kranz-metallbau.example"}}, MobilePhone: "+44 7700 900151", Notes: "Prefers the telephone."},
		{GivenName: "Annika", Surname: "Holm", Company: "Nordprüf", JobTitle: "Lead auditor", Emails: []Address{{"Dr. Annika Holm", "a.holm@nordpruef.example"}}, BusinessPhones: []string{"+44 20 7946 0802"}},
		{GivenName: "Ida", Surname: "Lindqvist", Emails: []Address{{"Ida Lindqvist", "ida.lindqvist@post.example"}}, MobilePhone: "+44 7700 900152", Notes: "Sister."},
	},
	"bruno": {
		{GivenName: "Maëlle", Surname: "Le Goff", Company: "Eaux du Trégor", JobTitle: "Procurement", Emails: []Address{{"Maëlle Le Goff", "m.legoff@eaux-tregor.example"}}, City: "Lannion", Country: "France"},
		{GivenName: "Carla", Surname: "Nogueira", Company: "Águas do Sado", Emails: []Address{{"Carla Nogueira", "carla.nogueira@aguas-do-sado.example"}}, BusinessPhones: []string{"+44 20 7946 0803"}},
		{GivenName: "Jürgen", Surname: "Petersen", Company: "Stadtwerke Elmshaven", Emails: []Address{{"Jürgen Petersen", "j.petersen@stadtwerke-elmshaven.example"}}},
	},
	"gauri": {
		{GivenName: "Beatriz", Surname: "Ramos", Company: "Quinta do Ribeiro", JobTitle: "Events", Emails: []Address{{"Quinta do Ribeiro", "events@quintadoribeiro.example"}}, Country: "Portugal"},
	},
}

// Contacts lists a person's own address book; ids do not change.
func (t *Tenant) Contacts(personID string) []Contact {
	local := t.localOf(personID)
	out := slices.Clone(addressBooks[local])
	for i := range out {
		c := &out[i]
		c.DisplayName = c.GivenName + " " + c.Surname
		c.ID = entryID("AAMkA", messageIDBytes, local, "contact", c.DisplayName)
	}
	return out
}

// managers says who reports to whom, by local part.
var managers = map[string]string{
	"ada": "freya", "bruno": "freya", "dalia": "freya", "emeka": "freya", "gauri": "freya", "hiroko": "freya", "chen": "ada",
}

// Manager is whom a person reports to; nobody above the chief executive.
func (t *Tenant) Manager(personID string) (Person, bool) {
	local, ok := managers[t.localOf(personID)]
	if !ok {
		return Person{}, false
	}
	return t.PersonByID(objectID("user", local))
}

// Reports lists who reports to a person.
func (t *Tenant) Reports(personID string) []Person {
	local := t.localOf(personID)
	var out []Person
	for _, p := range t.People {
		if local != "" && managers[t.localOf(p.ID)] == local {
			out = append(out, p)
		}
	}
	return out
}

// localOf is the local part of a person of the data set; empty for others.
func (t *Tenant) localOf(personID string) string {
	p, ok := t.PersonByID(personID)
	if !ok || p.ID != objectID("user", localPart(p.UPN)) {
		return ""
	}
	return localPart(p.UPN)
}

// Shipped reports whether the tenant is the company of this data set, which
// its files, teams and tasks belong to too.
func (t *Tenant) Shipped() bool { return t.Domain == domain }
