package dataset

import (
	"fmt"
	"slices"
	"strings"
)

// SharedMailbox is a mailbox that nobody signs in to: people of the tenant
// have been given rights on it.
type SharedMailbox struct {
	Person             // as the directory knows it
	Readers   []string // Person.ID of who may open it
	SendAs    []string // who may send in its name
	SendOnFor []string // who may send on its behalf
}

// sharedMailbox is the office's: Gauri runs it, Ada reads along.
func sharedMailbox() SharedMailbox {
	return SharedMailbox{
		Person: Person{
			ID: objectID("user", "office"), UPN: "office@" + domain, Mail: "office@" + domain, DisplayName: "Tideline Office",
			PreferredLanguage: "en-GB", TimeZone: "W. Europe Standard Time",
		},
		Readers:   []string{objectID("user", "ada"), objectID("user", "gauri")},
		SendAs:    []string{objectID("user", "gauri")},
		SendOnFor: []string{objectID("user", "ada")},
	}
}

// enquiry is a mail that the office received.
type enquiry struct {
	from          Address
	at, subject   string
	body          string
	read, flagged bool
}

var enquiries = []enquiry{
	{Address{"Front desk, Harbour House", "desk@harbourhouse.example"}, "1d 08:05", "Visitors on Thursday", "Please send us the names of your visitors by noon, so that we can print the badges.", false, false},
	{Address{"Lumen Cleaning", "service@lumen-cleaning.example"}, "2d 07:40", "New cleaning hours from next month", "Our team will come at 6 in the morning instead of 7. Please confirm that the alarm is off by then.", false, true},
	{Address{"Nordlicht Catering", "orders@nordlicht.example"}, "3d 10:12", "Your order for the board lunch", "We have you down for 9 lunches, 3 of them vegetarian. Can you confirm the allergies we should know of?", true, false},
	{Address{"Parcel service", "notice@parcels.example"}, "4d 15:31", "Two parcels could not be delivered", "Nobody was at the reception. The parcels wait at the depot for seven days.", true, false},
	{Address{"Ada Lindqvist", "ada@" + domain}, "5d 09:20", "Keys of the test lab", "The second key of the test lab is back. Could you put it into the safe?", true, false},
	{Address{"Harbour House Management", "management@harbourhouse.example"}, "8d 11:02", "Fire drill", "There will be a fire drill on the last Friday of the month at 10:30. Please tell your staff.", true, true},
}

// share adds the shared mailbox and its mail to the tenant.
func (t *Tenant) share(c clock) error {
	s := sharedMailbox()
	box := mailbox(s.Person)
	for i, e := range enquiries {
		at, err := c.at(e.at)
		if err != nil {
			return fmt.Errorf("shared mailbox: %w", err)
		}
		key := fmt.Sprintf("office/%d", i)
		body := document("en", paragraphs(e.body))
		box.Messages = append(box.Messages, Message{
			ID: messageID("office", key), FolderID: folderID("office", "inbox"), ConversationID: conversationID(key),
			InternetMessageID: internetMessageID(key, e.from.Address), Subject: e.subject, From: e.from,
			To: []Address{{s.DisplayName, s.Mail}}, Sent: at, Received: at, HTML: true, Body: body, Preview: preview(body, true),
			Importance: "normal", Read: e.read, Flagged: e.flagged,
		})
	}
	t.Shared = append(t.Shared, s)
	t.Mailbox[s.ID] = box
	return nil
}

// Readable reports whether a person may open a mailbox: one's own, or one that is shared with them.
func (t *Tenant) Readable(mailbox, person string) bool {
	return mailbox == person || slices.ContainsFunc(t.Shared, func(s SharedMailbox) bool {
		return s.ID == mailbox && slices.Contains(s.Readers, person)
	})
}

// Named reports whether a name is a person's object id, user principal name or address.
func (p *Person) Named(name string) bool {
	return strings.EqualFold(p.ID, name) || strings.EqualFold(p.UPN, name) || p.Mail != "" && strings.EqualFold(p.Mail, name)
}
