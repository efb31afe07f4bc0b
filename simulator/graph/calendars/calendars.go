// Package calendars is Outlook's calendars of the simulated Graph.
//
//	Operation -> reach (mailbox, calendar, event of the path; the time zone asked for) -> handler
//
// An event lies in the calendar of its organizer; the attendees of the tenant
// hold copies with the same iCalUId, which the organizer's changes reach
// (invite.go) and whose answers go back (respond.go). A series is one event;
// its occurrences are computed where they are looked at (series.go), and only
// what differs from the series is kept. Package recur below computes the dates.
package calendars

import (
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/zone"
)

// Mail takes invitations, cancellations and answers to mailboxes and out of the
// tenant; exchange.Store is one.
type Mail interface {
	Mailbox(person string) *exchange.Mailbox
	Deliver(from *exchange.Mailbox, m *exchange.Message, keep bool)
}

// Meetings makes the online meetings of events.
type Meetings interface {
	Create(organizer *dataset.Person, subject string, start, end time.Time, attendees []string) (id, joinURL string)
}

// Share opens the calendars of one person to another.
type Share struct {
	Owner, With string // id, userPrincipalName or address
	Write       bool
	Private     bool // private events too
}

// Options are what a [Workload] is made of.
type Options struct {
	Tenant   *dataset.Tenant
	Data     *dataset.Calendars // copied
	Mail     Mail               // nil: nobody is told
	Meetings Meetings           // nil: no event is online
	Shares   []Share            // beside those of the data
}

// Workload implements [service.Workload].
type Workload struct {
	tenant   *dataset.Tenant
	mail     Mail
	meetings Meetings
	shares   []Share
	boxes    map[string]*box // by person
	outbound []Outgoing
	changes  int // counts every change of an event
	made     int // ids
	epoch    atomic.Int64
}

// New returns the calendars of a tenant; the data is copied.
func New(o Options) *Workload {
	w := &Workload{tenant: o.Tenant, mail: o.Mail, meetings: o.Meetings, shares: slices.Clone(o.Shares), boxes: map[string]*box{}}
	for i := range o.Tenant.People {
		w.open(&o.Tenant.People[i])
	}
	for i := range o.Tenant.Shared {
		w.open(&o.Tenant.Shared[i].Person)
	}
	w.load(o.Data)
	return w
}

// ExpireDeltas makes the service forget where clients stood: each delta link
// that it has given out answers 410 from now on.
func (w *Workload) ExpireDeltas() { w.epoch.Add(1) }

// call is a request for something in somebody's calendars.
type call struct {
	*service.Call
	*Workload

	box      *box
	calendar *calendar // of the path; without one the default
	event    *event
	zone     string // in which times are shown, as it was asked for
	loc      *time.Location
}

type handler func(*call) (*service.Answer, error)

// The delegated scopes that suffice, from microsoft-graph-devx-content,
// permissions/new/permissions.json of August 2026, with those that include them.
var (
	scopesBasic  = []string{"Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite"}
	scopesRead   = []string{"Calendars.Read", "Calendars.ReadWrite"}
	scopesWrite  = []string{"Calendars.ReadWrite"}
	scopesFind   = []string{"Calendars.Read.Shared", "Calendars.ReadWrite.Shared"}
	sharedRead   = []string{"Calendars.Read.Shared", "Calendars.ReadWrite.Shared"}
	sharedWrite  = []string{"Calendars.ReadWrite.Shared"}
	optionsList  = []string{"$top", "$skip", "$skiptoken", "$select", "$filter", "$orderby", "$count"}
	optionsOne   = []string{"$select"}
	optionsDelta = []string{"$skiptoken", "$deltatoken"}
)

// rule is what the rows of the table have in common.
type rule struct {
	scopes, options []string
	write, reads    bool
}

func (w *Workload) operation(method, template string, r rule, handle handler) service.Operation {
	shared := sharedRead
	if r.write {
		shared = sharedWrite
	}
	return service.Operation{
		Method: method, Template: template, Mailbox: true, Scopes: r.scopes, Shared: shared, Options: r.options, Reads: r.reads,
		Pages: query.Outlook, Access: func(c *service.Call) error { return w.admit(c, r.write) },
		Handle: func(in *service.Call) (*service.Answer, error) {
			c := &call{Call: in, Workload: w}
			if err := c.reach(); err != nil {
				return nil, err
			}
			return handle(c)
		},
	}
}

// Operations implements [service.Workload].
func (w *Workload) Operations() []service.Operation {
	const get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	basic := rule{scopes: scopesBasic, options: optionsOne}
	list := rule{scopes: scopesBasic, options: optionsList}
	files := rule{scopes: scopesRead, options: optionsList}
	write := rule{scopes: scopesWrite, write: true}
	ask := rule{scopes: scopesBasic, reads: true}
	const one, event = "/calendars/{calendar-id}", "/events/{event-id}"
	rows := []service.Operation{
		w.operation(get, "/calendar", basic, (*call).getCalendar),
		w.operation(get, "/calendars", list, (*call).listCalendars),
		w.operation(post, "/calendars", write, (*call).createCalendar),
		w.operation(get, one, basic, (*call).getCalendar),

		w.operation(get, "/calendarView/delta()", rule{scopes: scopesBasic, options: optionsDelta}, (*call).viewDelta),
		w.operation(get, event+"/attachments", files, (*call).listAttachments),
		w.operation(get, event+"/attachments/{attachment-id}", rule{scopes: scopesRead, options: optionsOne}, (*call).getAttachment),
		w.operation(get, event+"/attachments/{attachment-id}/$value", rule{scopes: scopesRead}, (*call).getAttachmentContent),
		w.operation(post, event+"/forward", rule{scopes: scopesRead}, (*call).forward),
		w.operation(post, event+"/accept", write, (*call).accept),
		w.operation(post, event+"/tentativelyAccept", write, (*call).tentativelyAccept),
		w.operation(post, event+"/decline", write, (*call).decline),
		w.operation(post, event+"/cancel", write, (*call).cancel),

		w.operation(post, "/calendar/getSchedule", ask, (*call).getSchedule),
		w.operation(post, "/findMeetingTimes", rule{scopes: scopesFind, reads: true}, (*call).findMeetingTimes),
	}
	for _, base := range []string{"", "/calendar", one} {
		rows = append(rows,
			w.operation(get, base+"/calendarView", list, (*call).calendarView),
			w.operation(get, base+"/events", list, (*call).listEvents),
			w.operation(post, base+"/events", write, (*call).createEvent),
		)
	}
	for _, base := range []string{"", one} {
		rows = append(rows,
			w.operation(get, base+event, basic, (*call).getEvent),
			w.operation(patch, base+event, write, (*call).updateEvent),
			w.operation(del, base+event, write, (*call).deleteEvent),
			w.operation(get, base+event+"/instances", list, (*call).listInstances),
		)
	}
	return service.Personal(rows...)
}

// admit ends at calendars that their owner has not shared with the caller. What
// asks for free and busy times alone is open to the tenant.
func (w *Workload) admit(c *service.Call, write bool) error {
	if c.Operation.Reads || w.shared(c.Owner, c.Me, write) {
		return nil
	}
	return apierror.AccessDenied()
}

// shared reports whether somebody may read, or write, the owner's calendars.
func (w *Workload) shared(owner, with *dataset.Person, write bool) bool {
	return w.tenant.Readable(owner.ID, with.ID) || slices.ContainsFunc(w.shares, func(s Share) bool {
		return owner.Named(s.Owner) && with.Named(s.With) && (s.Write || !write)
	})
}

// seesPrivate reports whether private events are shared too.
func (w *Workload) seesPrivate(owner, with *dataset.Person) bool {
	return slices.ContainsFunc(w.shares, func(s Share) bool { return s.Private && owner.Named(s.Owner) && with.Named(s.With) })
}

// reach finds what the path names, and the zone of the answer.
func (c *call) reach() error {
	c.zone = "UTC"
	if c.Prefer.TimeZone != "" {
		c.zone = c.Prefer.TimeZone
	}
	var err error
	if c.loc, err = zone.Find(c.zone); err != nil {
		return unknownZone(c.zone)
	}
	if c.box = c.boxes[c.Owner.ID]; c.box == nil {
		return apierror.ItemNotFound()
	}
	c.calendar = c.box.calendars[0]
	if id, ok := c.Params["calendar-id"]; ok {
		if c.calendar, err = c.box.calendar(id); err != nil {
			return err
		}
	}
	id, ok := c.Params["event-id"]
	if !ok {
		return nil
	}
	within := c.box.calendars
	if _, named := c.Params["calendar-id"]; named {
		within = []*calendar{c.calendar}
	}
	c.event, err = find(within, id)
	return err
}

// applied completes an answer that shows events: which preferences had a say.
func (c *call) applied(a *service.Answer) *service.Answer {
	header := c.Prefer.Applied()
	if c.Prefer.TimeZone != "" {
		if header != "" {
			header += ", "
		}
		header += `outlook.timezone="` + c.Prefer.TimeZone + `"`
	}
	if header != "" {
		if a.Header == nil {
			a.Header = map[string]string{}
		}
		a.Header["Preference-Applied"] = header
	}
	return a
}

func unknownZone(name string) error {
	return apierror.BadRequest("TimeZoneNotSupportedException", "A valid TimeZone value must be specified. The following TimeZone value is not supported: '%s'.", name)
}
