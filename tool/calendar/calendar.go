// Package calendar has the tools for a person's calendars, and for the times of
// several people.
//
// Times: Graph is asked for every time in one zone (Prefer: outlook.timezone), the
// mailbox's unless the caller names another, and results say which. What a caller
// writes without an offset is a time of that zone.
package calendar

import (
	"context"
	"time"

	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/timezone"
	"m365mcp/tool"
)

const family = "calendar"

// Scopes of the family. Calendars.ReadBasic would do for some reads, but only an
// administrator can consent to it (Microsoft's permissions.json).
const (
	readScope        = "Calendars.Read"
	writeScope       = "Calendars.ReadWrite"
	readSharedScope  = "Calendars.Read.Shared"
	writeSharedScope = "Calendars.ReadWrite.Shared"
	zoneScope        = "MailboxSettings.Read"
)

// Tools returns the family.
func Tools() []*tool.Tool {
	return []*tool.Tool{
		getCalendarEvents(), getCalendarEvent(), listCalendars(), createCalendarEvent(), updateCalendarEvent(),
		cancelCalendarEvent(), respondToEvent(), findMeetingTimes(), getFreeBusy(),
	}
}

// Resources returns what can be read under a URI.
func Resources() []*tool.Resource {
	calendars := listCalendars().With(func(s *tool.Spec) {
		s.Name, s.Title, s.Of, s.Input = "resource:calendars", "Calendars", "listCalendars", nil
		s.Description = "The person's calendars with name, colour, owner and whether they can be changed, as JSON."
	})
	event := getCalendarEvent().With(func(s *tool.Spec) {
		s.Name, s.Title, s.Of = "resource:event", "A calendar event", "getCalendarEvent"
		s.Description = "One event by its id, as getCalendarEvents gives it, as JSON."
	})
	return []*tool.Resource{{URI: "microsoft://calendars", Tool: calendars}, {URI: "microsoft://event/{id}", Tool: event}}
}

// Arguments that several tools have, in the same words.
var (
	idField       = tool.Field{Name: "id", Aliases: []string{"eventId"}, Type: tool.String, Required: true}
	mailboxField  = tool.Field{Name: "mailbox", Type: tool.String}  // said once for all tools, in the server's instructions
	timeZoneField = tool.Field{Name: "timeZone", Type: tool.String} // likewise
	seriesField   = tool.Field{Name: "series", Type: tool.Boolean, Description: "All occurrences."}
)

// dateTime is Graph's dateTimeTimeZone: a local time and its zone.
type dateTime struct {
	DateTime string `json:"dateTime"`
	TimeZone string `json:"timeZone"`
}

// at makes a dateTime of an instant, in the zone.
func at(t time.Time, zone timezone.Zone) dateTime {
	return dateTime{t.In(zone.Location()).Format("2006-01-02T15:04:05"), zone.Name()}
}

// time is the instant, or zero for what cannot be read.
func (d dateTime) time() time.Time {
	zone, err := timezone.Find(d.TimeZone)
	if err != nil {
		zone = timezone.UTC
	}
	t, _, err := zone.Parse(d.DateTime)
	if err != nil {
		return time.Time{}
	}
	return t
}

// prefer asks for times in the zone and ids that survive a move.
func prefer(zone timezone.Zone) []string {
	return []string{graph.InTimeZone(zone.Name()), graph.ImmutableIDs}
}

// shared adds what another mailbox needs.
func shared(p tool.Plan, mailbox, scope string) tool.Plan {
	if mailbox != "" {
		p.Scopes = append(p.Scopes, scope)
	}
	return p
}

// parse reads the argument field as a time of the zone.
func parse(zone timezone.Zone, field, text string) (t time.Time, dateOnly bool, err error) {
	t, dateOnly, err = zone.ParseExisting(text)
	if err != nil {
		return time.Time{}, false, tool.Invalid(field, err.Error())
	}
	return t, dateOnly, nil
}

// eventPath is the path of an event that a model names by id.
func eventPath(ctx context.Context, c tool.Call, mailbox, id string) (graph.Path, error) {
	long, err := c.Resolve(ctx, "id", handle.KindEvent, id)
	if err != nil {
		return graph.Path{}, err
	}
	return pathOf(mailbox, "/events/{event}", long)
}

func pathOf(mailbox, template string, values ...string) (graph.Path, error) {
	if mailbox != "" {
		if err := tool.CheckAddresses("mailbox", mailbox); err != nil {
			return graph.Path{}, err
		}
	}
	path, err := graph.Mailbox(mailbox).To(template, values...)
	if err != nil {
		return graph.Path{}, tool.Invalid("id", "is no id; take it from getCalendarEvents")
	}
	return path, nil
}
