// Package meeting is the online meetings of the simulated Graph, and their
// transcripts. A meeting is there for its organizer and for whom they invited;
// only the organizer changes it.
package meeting

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
)

// Meetings implements [service.Workload].
type Meetings struct {
	tenant   *dataset.Tenant
	meetings []*meeting
	made     int
}

type meeting struct {
	dataset.Meeting

	event    bool // it belongs to an event of a calendar: only then it has transcripts
	settings map[string]any
}

// New returns the online meetings of a tenant.
func New(tenant *dataset.Tenant, past []dataset.Meeting) *Meetings {
	m := &Meetings{tenant: tenant}
	for _, p := range past {
		p.ExternalID = ""
		m.meetings = append(m.meetings, &meeting{Meeting: p, event: true})
	}
	return m
}

// Create makes the online meeting of an event, for the calendar. The attendees
// are addresses. It must be called under the server's lock, as Handle is.
func (w *Meetings) Create(organizer *dataset.Person, subject string, start, end time.Time, attendees []string) (id, joinURL string) {
	invited := make([]dataset.Attendee, 0, len(attendees))
	for _, address := range attendees {
		if strings.EqualFold(address, organizer.Mail) {
			continue
		}
		upn := address
		if p, ok := w.tenant.PersonByUPN(address); ok {
			upn = p.UPN
		}
		invited = append(invited, dataset.Attendee{UPN: upn, Role: "attendee"})
	}
	m := w.add(organizer, subject, start, end, start, invited)
	m.event = true
	return m.ID, m.JoinURL
}

func (w *Meetings) add(organizer *dataset.Person, subject string, start, end, created time.Time, attendees []dataset.Attendee) *meeting {
	w.made++
	key := fmt.Sprintf("made %d by %s at %d", w.made, organizer.ID, start.UnixNano())
	m := &meeting{Meeting: dataset.NewMeeting(w.tenant, key, organizer, subject, start.UTC(), end.UTC(), created.UTC(), attendees)}
	w.meetings = append(w.meetings, m)
	return m
}

// ByThread finds the meeting of a chat.
func (w *Meetings) ByThread(id string) (dataset.Meeting, bool) {
	i := slices.IndexFunc(w.meetings, func(m *meeting) bool { return m.ThreadID == id })
	if i < 0 {
		return dataset.Meeting{}, false
	}
	return w.meetings[i].Meeting, true
}

// Attending reports whether a meeting that somebody is invited to goes on.
func (w *Meetings) Attending(p *dataset.Person, at time.Time) bool {
	return slices.ContainsFunc(w.meetings, func(m *meeting) bool { return m.has(p) && !at.Before(m.Start) && at.Before(m.End) })
}

// has reports whether somebody is the organizer or invited.
func (m *meeting) has(p *dataset.Person) bool {
	return m.OrganizerID == p.ID || slices.ContainsFunc(m.Attendees, func(a dataset.Attendee) bool { return p.Named(a.UPN) })
}

// The delegated scopes that suffice, from Microsoft's permissions.json of August 2026.
var (
	scopesRead       = []string{"OnlineMeetings.Read", "OnlineMeetings.ReadWrite"}
	scopesWrite      = []string{"OnlineMeetings.ReadWrite"}
	scopesTranscript = []string{"OnlineMeetingTranscript.Read.All"}
)

type call struct {
	*service.Call
	*Meetings

	meeting *meeting
}

// Operations implements [service.Workload].
func (w *Meetings) Operations() []service.Operation {
	const get, post = http.MethodGet, http.MethodPost
	const all, one = "/me/onlineMeetings", "/me/onlineMeetings/{onlineMeeting-id}"
	const script = one + "/transcripts/{callTranscript-id}"
	entity, list := []string{"$select"}, []string{"$top", "$skip", "$skiptoken", "$filter", "$select", "$orderby"}
	operation := func(method, template string, scopes, options []string, handle func(*call) (*service.Answer, error)) service.Operation {
		return service.Operation{
			Method: method, Template: template, Scopes: scopes, Options: options, Pages: query.Pages{Standard: 100, Most: 100},
			Handle: func(in *service.Call) (*service.Answer, error) {
				c := &call{Call: in, Meetings: w}
				if err := c.reach(); err != nil {
					return nil, err
				}
				return handle(c)
			},
		}
	}
	return []service.Operation{
		operation(get, all, scopesRead, []string{"$filter", "$select", "$skiptoken"}, (*call).find),
		operation(post, all, scopesWrite, nil, (*call).create),
		operation(post, all+"/createOrGet", scopesWrite, nil, (*call).createOrGet),
		operation(get, one, scopesRead, entity, (*call).get),
		operation(http.MethodPatch, one, scopesWrite, nil, (*call).update),
		operation(http.MethodDelete, one, scopesWrite, nil, (*call).remove),
		operation(get, one+"/transcripts", scopesTranscript, list, (*call).listTranscripts),
		operation(get, script, scopesTranscript, entity, (*call).getTranscript),
		operation(get, script+"/content", scopesTranscript, []string{"$format"}, (*call).transcriptContent),
		operation(get, script+"/metadataContent", scopesTranscript, nil, (*call).transcriptMetadata),
	}
}

// reach finds the meeting of the path for somebody who is invited to it.
func (c *call) reach() error {
	id, ok := c.Params["onlineMeeting-id"]
	if !ok {
		return nil
	}
	i := slices.IndexFunc(c.meetings, func(m *meeting) bool { return m.ID == id })
	if i < 0 || !c.meetings[i].has(c.Me) {
		return &apierror.Error{Status: http.StatusNotFound, Code: "NotFound", Message: "3004: Meeting not found."}
	}
	c.meeting = c.meetings[i]
	if c.Operation.Method != http.MethodGet && c.meeting.OrganizerID != c.Me.ID {
		return &apierror.Error{Status: http.StatusForbidden, Code: "Forbidden", Message: "Only the organizer can change the meeting."}
	}
	return nil
}
