package calendars

import (
	"time"

	"m365mcp/simulator/graph/kql"
	"m365mcp/simulator/graph/service"
)

// Found is an event that a search may find.
type Found struct {
	ID       string
	Document *kql.Document
	At       time.Time
	Resource func() map[string]any
}

// foundProperties are what a hit of a search shows of an event.
var foundProperties = []string{
	"id", "subject", "bodyPreview", "start", "end", "isAllDay", "isCancelled", "location", "organizer", "attendees", "hasAttachments", "iCalUId", "type",
	"showAs", "sensitivity", "webLink",
}

// Events are those of the caller's own calendars, series as one.
func (w *Workload) Events(in *service.Call) []Found {
	b := w.boxes[in.Me.ID]
	if b == nil {
		return nil
	}
	c := &call{Call: in, Workload: w, box: b, zone: "UTC", loc: time.UTC}
	var out []Found
	for _, k := range b.calendars {
		for _, e := range k.events {
			doc := &kql.Document{
				Subject: e.subject, Body: text(e), From: []string{e.organizer.Name, e.organizer.Address}, Categories: e.categories,
				Importance: e.importance, HasAttachments: len(e.files) > 0, Sent: e.created, Received: e.start.Time,
			}
			for _, a := range e.attendees {
				doc.To = append(doc.To, a.Name, a.Address.Address)
			}
			for _, f := range e.files {
				doc.Attachments = append(doc.Attachments, f.Name)
			}
			doc.Body += "\n" + e.location
			out = append(out, Found{ID: e.shownID(false), Document: doc, At: e.start.Time, Resource: func() map[string]any {
				all := c.properties(e)
				shown := map[string]any{}
				for _, name := range foundProperties {
					shown[name] = all[name]
				}
				return shown
			}})
		}
	}
	return out
}
