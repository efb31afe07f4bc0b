package wire

import (
	"time"

	"m365mcp/simulator/graph/exchange"
)

// Event is an appointment with the properties that were asked for. The base is the origin of web links.
func Event(base string, box *exchange.Mailbox, e exchange.Event, names []string) map[string]any {
	organizer := map[string]any{"emailAddress": map[string]any{"name": box.Person.DisplayName, "address": box.Person.Mail}}
	at := func(t time.Time) map[string]any {
		return map[string]any{"dateTime": t.Format("2006-01-02T15:04:05.0000000"), "timeZone": "UTC"}
	}
	all := map[string]any{
		"id": e.ID, "subject": e.Subject, "bodyPreview": "", "body": map[string]any{"contentType": "html", "content": ""},
		"start": at(e.Start), "end": at(e.Start.Add(e.Length)), "isAllDay": false, "isCancelled": false, "isOrganizer": true,
		"showAs": "busy", "sensitivity": "private", "type": "singleInstance", "importance": "normal", "categories": []string{},
		"organizer": organizer, "attendees": []any{}, "location": map[string]any{"displayName": ""}, "locations": []any{},
		"hasAttachments": false, "isDraft": false, "isOnlineMeeting": false, "isReminderOn": true, "reminderMinutesBeforeStart": 15,
		"responseRequested": true, "originalStartTimeZone": "UTC", "originalEndTimeZone": "UTC", "cancelledOccurrences": []string{},
		"responseStatus": map[string]any{"response": "organizer", "time": nil}, "allowNewTimeProposals": true, "hideAttendees": false,
		"onlineMeetingProvider": "unknown", "onlineMeetingUrl": nil, "recurrence": nil, "seriesMasterId": nil, "transactionId": nil,
		"iCalUId": exchange.ID("040000008200E00074C5B7101A82E008", box.Person.ID, e.ID, 112),
		"webLink": base + "/owa/?itemid=" + e.ID + "&exvsurl=1&path=/calendar/item",
	}
	return pick(all, names)
}

// EventProperties are the structural properties of microsoft.graph.event.
var EventProperties = []string{
	"id", "categories", "changeKey", "createdDateTime", "lastModifiedDateTime", "allowNewTimeProposals", "attendees", "body",
	"bodyPreview", "cancelledOccurrences", "end", "hasAttachments", "hideAttendees", "iCalUId", "importance", "isAllDay",
	"isCancelled", "isDraft", "isOnlineMeeting", "isOrganizer", "isReminderOn", "location", "locations", "onlineMeeting",
	"onlineMeetingProvider", "onlineMeetingUrl", "organizer", "originalEndTimeZone", "originalStart", "originalStartTimeZone",
	"recurrence", "reminderMinutesBeforeStart", "responseRequested", "responseStatus", "sensitivity", "seriesMasterId",
	"showAs", "start", "subject", "transactionId", "type", "webLink",
}
