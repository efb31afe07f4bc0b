package graphdata_test

import (
	"net/http"
	"strings"
	"testing"
)

// Requests as Microsoft's pages show them, of every workload: none may be refused.
func TestDocumentedRequestsPass(t *testing.T) {
	t.Parallel()
	d := load(t)
	header := http.Header{"Content-Type": {"application/json"}, "Consistencylevel": {"eventual"}, "If-Match": {`W/"1"`}}
	for _, line := range []string{
		"GET /me/people?$search=dana&$top=5&$select=displayName,scoredEmailAddresses",
		"GET /me/contacts?$filter=emailAddresses/any(a:a/address eq 'a@example.com')",
		"GET /users?$filter=startswith(displayName,'a')&$count=true&$orderby=displayName",
		"GET /me/manager?$select=id,displayName",
		"GET /me/directReports?$select=id,displayName,mail",
		"GET /me/mailFolders?includeHiddenFolders=true&$expand=childFolders($select=id,displayName;$top=5)",
		"GET /me/messages/1?$expand=singleValueExtendedProperties($filter=id eq 'String 0x1000')",
		"GET /me/messages?$filter=receivedDateTime ge 2026-01-01T00:00:00Z and isRead eq false&$orderby=receivedDateTime desc",
		`GET /me/messages?$search="from:ada AND subject:\"q 3\""`,
		"GET /me/mailFolders/inbox/messages/delta?$filter=receivedDateTime ge 2026-01-01T00:00:00Z&changeType=created",
		"GET /me/chats?$expand=members,lastMessagePreview&$orderby=lastMessagePreview/createdDateTime desc&$top=50",
		"GET /chats/19:a@thread.v2/messages?$top=50&$orderby=createdDateTime desc&$filter=createdDateTime gt 2026-01-01T00:00:00Z",
		"GET /teams/1/channels/19:a@thread.tacv2/messages?$top=20&$expand=replies",
		"GET /teams/1/channels?$select=id,displayName",
		"GET /me/joinedTeams",
		"GET /me/onlineMeetings?$filter=joinWebUrl eq 'https://teams.example/l/1'",
		"GET /me/onlineMeetings/1/transcripts/2/content?$format=text/vtt",
		"GET /me/drive/recent",
		"GET /me/drive/root/delta?token=latest",
		"GET /me/drive/items/1/content?format=pdf",
		"GET /me/drive/root/search(q='plan')?$select=id,name,webUrl&$top=20",
		"GET /sites?search=hr",
		"GET /sites/a.example:/sites/hr?$select=id,displayName",
		"GET /sites/1/lists/2/items?$expand=fields($select=Title)&$filter=fields/Title eq 'x'&$top=10",
		"GET /places/microsoft.graph.room?$filter=building eq 'B1' and capacity ge 5",
		"GET /me/calendarView?startDateTime=2026-01-01T00:00:00&endDateTime=2026-01-02T00:00:00&$orderby=start/dateTime&$select=id,subject,start,end",
		"GET /me/events?$filter=start/dateTime ge '2026-01-01T00:00:00' and contains(subject,'x')",
		"GET /me/insights/used?$filter=resourceVisualization/type eq 'PowerPoint'",
		"GET /me/todo/lists/1/tasks?$filter=status ne 'completed'&$expand=checklistItems",
		"GET /me/onenote/pages?$select=id,title&$orderby=lastModifiedDateTime desc&$top=20&$expand=parentSection($select=id,displayName)",
		"GET /planner/plans/1/tasks?$select=id,title,percentComplete",
		"GET /me/memberOf/microsoft.graph.group",
		`POST /me/drive/items/1/children {"name":"x","folder":{},"@microsoft.graph.conflictBehavior":"rename"}`,
		`PATCH /me/drive/items/1 {"parentReference":{"id":"x"},"name":"y"}`,
		`POST /me/drive/items/1/createLink {"type":"view","scope":"organization"}`,
		`POST /drives/1/items/1/invite {"recipients":[{"email":"a@example.com"}],"roles":["read"],"requireSignIn":true,"sendInvitation":false,"message":"m"}`,
		`POST /me/drive/items/1/copy {"parentReference":{"driveId":"d","id":"x"},"name":"y"}`,
		`POST /me/drive/root:/a%20b.txt:/createUploadSession {"item":{"@microsoft.graph.conflictBehavior":"fail"}}`,
		`POST /me/events {"subject":"s","isOnlineMeeting":true,"onlineMeetingProvider":"teamsForBusiness","start":{"dateTime":"2026-01-01T10:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-01-01T11:00:00","timeZone":"UTC"},"location":{"displayName":"Room"},"recurrence":{"pattern":{"type":"weekly","interval":1,"daysOfWeek":["monday"]},"range":{"type":"endDate","startDate":"2026-01-01","endDate":"2026-03-01"}},"transactionId":"t"}`,
		`POST /me/events/1/accept {"comment":"c","sendResponse":true}`,
		`POST /me/events/1/decline {"proposedNewTime":{"start":{"dateTime":"2026-01-01T10:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-01-01T11:00:00","timeZone":"UTC"}}}`,
		`POST /me/findMeetingTimes {"attendees":[{"type":"required","emailAddress":{"address":"a@example.com"}}],"timeConstraint":{"activityDomain":"work","timeSlots":[{"start":{"dateTime":"2026-01-01T10:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-01-01T11:00:00","timeZone":"UTC"}}]},"meetingDuration":"PT1H","maxCandidates":5}`,
		`POST /me/calendar/getSchedule {"schedules":["a@example.com"],"startTime":{"dateTime":"2026-01-01T10:00:00","timeZone":"UTC"},"endTime":{"dateTime":"2026-01-01T11:00:00","timeZone":"UTC"},"availabilityViewInterval":30}`,
		`POST /chats/1/messages {"body":{"contentType":"html","content":"<at id=\"0\">A</at>"},"mentions":[{"id":0,"mentionText":"A","mentioned":{"user":{"id":"u","displayName":"A","userIdentityType":"aadUser"}}}]}`,
		`POST /teams/1/channels/2/messages {"subject":"s","importance":"high","body":{"content":"x"},"attachments":[{"id":"a","contentType":"reference","contentUrl":"u","name":"n"}]}`,
		`POST /chats/1/messages/2/setReaction {"reactionType":"👍"}`,
		`POST /chats/1/members {"@odata.type":"#microsoft.graph.aadUserConversationMember","roles":["owner"],"user@odata.bind":"u","visibleHistoryStartDateTime":"2026-01-01T00:00:00Z"}`,
		`POST /me/onlineMeetings {"subject":"s","startDateTime":"2026-01-01T10:00:00Z","endDateTime":"2026-01-01T11:00:00Z","participants":{"attendees":[{"upn":"a@example.com","role":"presenter"}]}}`,
		`POST /me/presence/setStatusMessage {"statusMessage":{"message":{"content":"x","contentType":"text"},"expiryDateTime":{"dateTime":"2026-01-01T10:00:00","timeZone":"UTC"}}}`,
		`POST /me/todo/lists/1/tasks {"title":"t","body":{"content":"c","contentType":"text"},"importance":"high","dueDateTime":{"dateTime":"2026-01-01T10:00:00","timeZone":"UTC"},"recurrence":{"pattern":{"type":"daily","interval":1},"range":{"type":"noEnd","startDate":"2026-01-01"}}}`,
		`PATCH /me/todo/lists/1/tasks/2 {"status":"completed","dueDateTime":null}`,
		`PATCH /planner/tasks/1/details {"description":"d","checklist":{"g":{"@odata.type":"microsoft.graph.plannerChecklistItem","title":"t","isChecked":false}}}`,
		`PATCH /planner/tasks/1 {"percentComplete":50,"assignments":{"u":null},"dueDateTime":"2026-01-01T00:00:00Z"}`,
		`PATCH /me/onenote/pages/1/content [{"target":"body","action":"append","content":"<p>x</p>"}]`,
		`POST /me/contacts {"givenName":"A","emailAddresses":[{"address":"a@example.com","name":"A"}],"businessPhones":["+44 20 7946 0000"]}`,
		`PATCH /me/mailboxSettings {"automaticRepliesSetting":{"status":"scheduled","externalAudience":"all","internalReplyMessage":"x","scheduledStartDateTime":{"dateTime":"2026-01-01T10:00:00","timeZone":"UTC"}}}`,
		`POST /me/mailFolders/inbox/messageRules {"displayName":"r","sequence":1,"isEnabled":true,"conditions":{"senderContains":["a"]},"actions":{"moveToFolder":"f","stopProcessingRules":true}}`,
		`POST /sites/1/lists/2/items {"fields":{"Title":"x","Priority":3}}`,
		`POST /me/messages/1/attachments/createUploadSession {"AttachmentItem":{"attachmentType":"file","name":"n","size":3483322}}`,
		`PATCH /me/messages/1 {"categories":["Red"],"flag":{"flagStatus":"flagged","dueDateTime":{"dateTime":"2026-01-01T10:00:00","timeZone":"UTC"},"startDateTime":{"dateTime":"2026-01-01T10:00:00","timeZone":"UTC"}}}`,
		`POST /me/messages/1/createForward {"toRecipients":[{"emailAddress":{"address":"a@example.com"}}],"comment":"c"}`,
		`POST /me/messages/1/move {"destinationId":"archive"}`,
		`POST /me/getMailTips {"EmailAddresses":["a@example.com"],"MailTipsOptions":"automaticReplies, mailboxFullStatus"}`,
		`POST /search/query {"requests":[{"entityTypes":["driveItem","listItem"],"query":{"queryString":"x"},"from":0,"size":25,"fields":["name"],"sortProperties":[{"name":"lastModifiedDateTime","isDescending":true}]}]}`,
		"DELETE /me/events/1",
		"DELETE /planner/tasks/1",
		"POST /me/events/1/dismissReminder",
		"POST /me/presence/clearUserPreferredPresence",
		"POST /users/a@example.com/sendMail {\"message\":{\"subject\":\"x\"}}",
	} {
		method, rest, _ := strings.Cut(line, " ")
		address, body := rest, ""
		if method != "GET" {
			address, body, _ = strings.Cut(rest, " ")
		}
		path, query, _ := strings.Cut(address, "?")
		query = strings.NewReplacer(" ", "%20", "+", "%2B", `"`, "%22", `\`, "%5C", ";", "%3B").Replace(query)
		if _, err := d.CheckRequest(method, path, query, header, []byte(body)); err != nil {
			t.Errorf("%s:\n  %v", line, err)
		}
	}
}
