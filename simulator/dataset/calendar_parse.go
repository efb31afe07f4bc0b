package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// calendarParser reads the format of content/calendar/*.events:
//
//	%room NAME       headers Name, Address, Building, Floor, Capacity, Video
//	%share OWNER     headers With, Role
//	%event KEY       headers
//	    Subject, Organizer, Location, Online, Show, Sensitivity, Importance, Category (one each), Cancelled, Injection
//	    Accepted, Tentative, Declined, Invited: guests by how they answered, "bruno chen?": one with "?" is optional; rooms are resources
//	    When         "2 09:30 45m": on the 2nd working day from today (-2: before), in the organizer's zone; "3 2d": all day, two days
//	    Repeat       "weekly 1 mon wed", "daily 1", "relativeMonthly 1 last fri", "absoluteMonthly 1 15"
//	    Since        weeks ago that it began; then When has no day: "09:30 45m"
//	    Dropped, Moved  "2", "1 11:00": the n-th occurrence after today, of a weekly one
//	    Zone         if not the organizer's
//	    File         "Agenda.pdf", with the text of the file after a line "---" in the body
//	                 an empty line; the text (Format: raw for HTML)
type calendarParser struct {
	clock     clock
	tenant    *Tenant
	contacts  *contacts
	people    map[string]*Person // by name: rooms too
	calendars *Calendars
}

func newCalendarParser(source fs.FS, c *Calendars, t *Tenant, now time.Time) (*calendarParser, error) {
	p := &calendarParser{clock: clock{now: now}, tenant: t, people: map[string]*Person{}, calendars: c}
	for i := range t.People {
		p.people[localPart(t.People[i].UPN)] = &t.People[i]
	}
	list, err := fs.ReadFile(source, "content/contacts.txt")
	if err != nil {
		return nil, fmt.Errorf("contacts: %w", err)
	}
	p.contacts, err = newContacts(t.People, string(list))
	return p, err
}

func (p *calendarParser) parse(text string) error {
	list, err := blocks(text)
	if err != nil {
		return err
	}
	read := map[string]func(block) error{"room": p.room, "share": p.share, "event": p.event}
	for _, b := range list {
		handle, ok := read[b.kind]
		if !ok {
			return fmt.Errorf("block %%%s is unknown", b.kind)
		}
		if err := handle(b); err != nil {
			return fmt.Errorf("%%%s %s: %w", b.kind, b.name, err)
		}
	}
	return nil
}

func (p *calendarParser) room(b block) error {
	floor, err1 := strconv.Atoi(b.get("Floor"))
	capacity, err2 := strconv.Atoi(b.get("Capacity"))
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	r := Room{
		Person: Person{
			ID: objectID("room", b.name), UPN: b.get("Address"), Mail: b.get("Address"), DisplayName: b.get("Name"),
			PreferredLanguage: "en-GB", TimeZone: "W. Europe Standard Time",
		},
		Building: b.get("Building"), Floor: floor, Capacity: capacity, Video: b.get("Video") == "yes",
	}
	p.calendars.Rooms = append(p.calendars.Rooms, r)
	p.people[b.name] = &r.Person
	return nil
}

func (p *calendarParser) share(b block) error {
	owner, with := p.people[b.name], p.people[b.get("With")]
	if owner == nil || with == nil {
		return errors.New("nobody is called that")
	}
	p.calendars.Shares = append(p.calendars.Shares, CalendarShare{OwnerID: owner.ID, WithID: with.ID, Role: b.get("Role")})
	return nil
}

func (p *calendarParser) event(b block) (err error) {
	a := Appointment{
		UID: eventUID(b.name), IDs: map[string]string{}, Subject: b.get("Subject"), Location: b.get("Location"),
		Cancelled: b.get("Cancelled") == "yes", ShowAs: cmp.Or(b.get("Show"), "busy"), Sensitivity: cmp.Or(b.get("Sensitivity"), "normal"),
		Importance: cmp.Or(b.get("Importance"), "normal"), Categories: b.headers["Category"], Created: p.clock.workday(-15).Add(9 * time.Hour),
	}
	if a.Organizer, err = p.address(b.get("Organizer")); err != nil {
		return err
	}
	a.Zone = "W. Europe Standard Time"
	if organizer := p.people[b.get("Organizer")]; organizer != nil {
		a.IDs[organizer.ID] = eventID(organizer.ID, b.name)
		a.Zone = organizer.TimeZone
	}
	a.Zone = cmp.Or(b.get("Zone"), a.Zone)
	for header, response := range map[string]string{"Accepted": "accepted", "Tentative": "tentativelyAccepted", "Declined": "declined", "Invited": "none"} {
		if err := p.guests(&a, b.name, b.get(header), response); err != nil {
			return err
		}
	}
	slices.SortFunc(a.Guests, func(x, y Guest) int { return strings.Compare(x.Address.Address, y.Address.Address) })
	if err := p.when(&a, b); err != nil {
		return err
	}
	if err := p.body(&a, b); err != nil {
		return err
	}
	if organizer := p.people[b.get("Organizer")]; organizer != nil && b.get("Online") == "yes" {
		a.JoinURL = NewMeeting(p.tenant, b.name, organizer, a.Subject, a.Start, a.End, a.Created, nil).JoinURL
	}
	p.calendars.Appointments = append(p.calendars.Appointments, a)
	if injection := b.get("Injection"); injection != "" {
		kind, marker, _ := strings.Cut(injection, " ")
		for _, person := range slices.Sorted(maps.Keys(a.IDs)) {
			p.calendars.injections = append(p.calendars.injections, EventInjection{PersonID: person, EventID: a.IDs[person], Kind: kind, Marker: marker})
		}
	}
	return nil
}

func (p *calendarParser) address(name string) (Address, error) {
	if person := p.people[name]; person != nil {
		return Address{Name: person.DisplayName, Address: person.Mail}, nil
	}
	return p.contacts.address(name)
}

func (p *calendarParser) guests(a *Appointment, key, names, response string) error {
	for name := range strings.FieldsSeq(names) {
		name, optional := strings.CutSuffix(name, "?")
		address, err := p.address(name)
		if err != nil {
			return err
		}
		g := Guest{Address: address, Kind: "required", Response: response}
		if optional {
			g.Kind = "optional"
		}
		if person := p.people[name]; person != nil {
			a.IDs[person.ID] = eventID(person.ID, key)
			if person.ID == objectID("room", name) {
				g.Kind = "resource"
			}
		}
		a.Guests = append(a.Guests, g)
	}
	return nil
}

// body makes HTML of a light text, and a file of what is after the line "---".
func (p *calendarParser) body(a *Appointment, b block) error {
	text, attached, _ := strings.Cut(b.body, "\n---\n")
	a.Body = text
	if b.get("Format") != "raw" && text != "" {
		paragraphs := strings.Split(html.EscapeString(strings.TrimSpace(text)), "\n\n")
		a.Body = "<html><body><p>" + strings.ReplaceAll(strings.Join(paragraphs, "</p>\n<p>"), "\n", "<br>\n") + "</p></body></html>"
	}
	name := b.get("File")
	if name == "" {
		return nil
	}
	made, err := build([]file{{name: name, text: attached}})
	if err != nil {
		return err
	}
	made[0].ID = attachmentID("calendar", b.name, "0")
	a.Attachments = made
	return nil
}
