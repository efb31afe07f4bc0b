package meeting

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

var meetingProperties = []string{
	"id", "creationDateTime", "startDateTime", "endDateTime", "joinUrl", "joinWebUrl", "subject", "externalId", "videoTeleconferenceId", "isBroadcast",
	"participants", "chatInfo", "joinMeetingIdSettings", "audioConferencing", "joinInformation", "lobbyBypassSettings", "allowedPresenters",
	"allowAttendeeToEnableMic", "allowAttendeeToEnableCamera", "allowMeetingChat", "allowTeamworkReactions", "isEntryExitAnnounced", "recordAutomatically",
	"allowRecording", "allowTranscription", "meetingType", "meetingTemplateId", "expiryDateTime", "watermarkProtection", "shareMeetingChatHistoryDefault",
	"isEndToEndEncryptionEnabled", "allowedLobbyAdmitters", "allowLiveShare", "allowBreakoutRooms", "allowWhiteboard", "allowPowerPointSharing",
	"allowCopyingAndSharingMeetingContent", "allowParticipantsToChangeName", "meetingSpokenLanguageTag", "meetingOptionsWebUrl", "broadcastSettings",
}

// settings are what an organizer may set as it is, with what holds until then.
var settings = map[string]any{
	"allowedPresenters": "everyone", "allowAttendeeToEnableMic": true, "allowAttendeeToEnableCamera": true, "allowMeetingChat": "enabled",
	"allowTeamworkReactions": true, "isEntryExitAnnounced": false, "recordAutomatically": false, "allowRecording": true, "allowTranscription": true,
	"lobbyBypassSettings": map[string]any{"scope": "organization", "isDialInBypassEnabled": false}, "shareMeetingChatHistoryDefault": "none",
	"allowedLobbyAdmitters": "organizerAndCoOrganizersAndPresenters", "allowLiveShare": "enabled", "allowBreakoutRooms": true, "allowWhiteboard": true,
	"allowPowerPointSharing": true, "allowCopyingAndSharingMeetingContent": true, "allowParticipantsToChangeName": false,
	"meetingSpokenLanguageTag": "en-US", "isEndToEndEncryptionEnabled": false,
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.9999999Z") }

func nullable(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (w *Meetings) identity(upn string) map[string]any {
	user := map[string]any{"id": nil, "displayName": nil, "tenantId": w.tenant.ID, "identityProvider": "AAD"}
	if p, ok := w.tenant.PersonByUPN(upn); ok {
		user["id"], user["displayName"] = p.ID, p.DisplayName
	}
	return map[string]any{"application": nil, "device": nil, "user": user}
}

func (w *Meetings) json(m *meeting, names []string) map[string]any {
	organizer, _ := w.tenant.PersonByID(m.OrganizerID)
	attendees := []any{}
	for _, a := range m.Attendees {
		attendees = append(attendees, map[string]any{"upn": a.UPN, "role": a.Role, "identity": w.identity(a.UPN)})
	}
	html := `<div><a href="` + m.JoinURL + `">Join the meeting now</a><br>Meeting ID: ` + m.JoinID + `</div>`
	all := map[string]any{
		"id": m.ID, "creationDateTime": stamp(m.Created), "startDateTime": stamp(m.Start), "endDateTime": stamp(m.End), "joinWebUrl": m.JoinURL,
		"subject": nullable(m.Subject), "externalId": nullable(m.ExternalID), "videoTeleconferenceId": m.ConfID, "isBroadcast": false,
		"participants": map[string]any{
			"organizer": map[string]any{"upn": organizer.UPN, "role": "presenter", "identity": w.identity(organizer.UPN)}, "attendees": attendees,
		},
		"chatInfo":              map[string]any{"threadId": m.ThreadID, "messageId": "0", "replyChainMessageId": nil},
		"joinMeetingIdSettings": map[string]any{"isPasscodeRequired": false, "joinMeetingId": m.JoinID, "passcode": nil},
		"audioConferencing":     nil, "broadcastSettings": nil, "meetingTemplateId": nil, "watermarkProtection": nil,
		"joinInformation": map[string]any{"contentType": "html", "content": "data:text/html," + url.QueryEscape(html)},
		"meetingType":     "scheduled", "expiryDateTime": stamp(m.End.AddDate(0, 0, 60)),
		"meetingOptionsWebUrl": "https://teams.microsoft.com/meetingOptions/?organizerId=" + m.OrganizerID + "&tenantId=" + w.tenant.ID + "&threadId=" + url.QueryEscape(m.ThreadID) + "&messageId=0&language=en-US",
	}
	for name, value := range settings {
		all[name] = value
		if set, ok := m.settings[name]; ok {
			all[name] = set
		}
	}
	out := map[string]any{}
	for _, name := range names {
		if value, ok := all[name]; ok {
			out[name] = value
		}
	}
	return out
}

func (c *call) answer(status int, m *meeting, names []string) *service.Answer {
	value := c.json(m, names)
	value["@odata.context"] = c.OwnerContext("/onlineMeetings/$entity")
	return &service.Answer{Status: status, Value: value}
}

func (c *call) get() (*service.Answer, error) {
	names, err := c.Options.Selected("onlineMeeting", meetingProperties)
	if err != nil {
		return nil, err
	}
	return c.answer(http.StatusOK, c.meeting, names), nil
}

// findBy is the only kind of filter: meetings are looked up, not listed.
var findBy = regexp.MustCompile(`(?i)^\s*(joinWebUrl|videoTeleconferenceId|joinMeetingIdSettings/joinMeetingId)\s+eq\s+'((?:[^']|'')*)'\s*$`)

func (c *call) find() (*service.Answer, error) {
	names, err := c.Options.Selected("onlineMeeting", meetingProperties)
	if err != nil {
		return nil, err
	}
	values := c.Request.URL.Query()
	text := values.Get("$filter")
	if text == "" {
		text = values.Get("filter")
	}
	if text == "" {
		return nil, apierror.BadRequest("InvalidArgument", "Filter expression expected - /onlineMeetings?$filter=JoinWebUrl eq '{joinWebUrl}'.")
	}
	found := findBy.FindStringSubmatch(text)
	if found == nil {
		return nil, apierror.BadRequest("InvalidArgument", "Filter expression is not supported: JoinWebUrl, VideoTeleconferenceId or joinMeetingIdSettings/joinMeetingId eq '...' is expected.")
	}
	want := strings.ReplaceAll(found[2], "''", "'")
	list := []any{}
	for _, m := range c.meetings {
		has := map[string]string{"joinweburl": m.JoinURL, "videoteleconferenceid": m.ConfID, "joinmeetingidsettings/joinmeetingid": m.JoinID}[strings.ToLower(found[1])]
		if has == want && m.has(c.Me) {
			list = append(list, c.json(m, names))
		}
	}
	return &service.Answer{Status: http.StatusOK, Value: map[string]any{"@odata.context": c.OwnerContext("/onlineMeetings"), "value": list}}, nil
}

// read takes what a client may set into a meeting.
func (c *call) read(m *meeting) error {
	o, err := wire.ReadObject(c.Body, "onlineMeeting", meetingProperties...)
	if err != nil {
		return err
	}
	for _, name := range []string{"id", "joinWebUrl", "creationDateTime", "videoTeleconferenceId"} {
		if o.Has(name) {
			return apierror.BadRequest("BadRequest", "The property '%s' is read-only.", name)
		}
	}
	if err := wire.Read(o, "subject", &m.Subject); err != nil {
		return err
	}
	for name, into := range map[string]*time.Time{"startDateTime": &m.Start, "endDateTime": &m.End} {
		if err := wire.Read(o, name, into); err != nil {
			return err
		}
	}
	if m.End.Before(m.Start) {
		return apierror.BadRequest("BadRequest", "The end of the meeting is before its start.")
	}
	var participants struct {
		Organizer json.RawMessage `json:"organizer"`
		Attendees []struct {
			UPN      string `json:"upn"`
			Role     string `json:"role"`
			Identity struct {
				User struct {
					ID string `json:"id"`
				} `json:"user"`
			} `json:"identity"`
		} `json:"attendees"`
	}
	if err := wire.Read(o, "participants", &participants); err != nil {
		return err
	}
	if participants.Attendees != nil {
		m.Attendees = nil
	}
	for _, a := range participants.Attendees {
		if p, ok := c.tenant.PersonByID(a.Identity.User.ID); ok {
			a.UPN = p.UPN
		}
		if a.UPN == "" {
			return apierror.BadRequest("BadRequest", "An attendee needs a upn, or an identity with the object id of a user.")
		}
		if a.Role == "" {
			a.Role = "attendee"
		}
		if !slices.Contains([]string{"attendee", "presenter", "coorganizer", "producer"}, a.Role) {
			return apierror.BadRequest("BadRequest", "Requested value '%s' was not found.", a.Role)
		}
		m.Attendees = append(m.Attendees, dataset.Attendee{UPN: a.UPN, Role: a.Role})
	}
	return c.readSettings(o, m)
}

func (c *call) readSettings(o wire.Object, m *meeting) error {
	set := map[string]any{}
	for name, standard := range settings {
		var raw json.RawMessage
		if err := wire.Read(o, name, &raw); err != nil {
			return err
		}
		if raw == nil {
			continue
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil || !sameKind(raw, standard) {
			return apierror.BadRequest("BadRequest", "The value of '%s' is not of the expected type.", name)
		}
		set[name] = value
	}
	for name, value := range m.settings {
		if _, ok := set[name]; !ok {
			set[name] = value
		}
	}
	m.settings = set
	return nil
}

// sameKind compares the first characters of two JSON values: true, "text", {.
func sameKind(raw []byte, standard any) bool {
	want, err := json.Marshal(standard)
	raw = bytes.TrimSpace(raw)
	if err != nil || len(raw) == 0 {
		return false
	}
	_, isBool := standard.(bool)
	return raw[0] == want[0] || isBool && (raw[0] == 't' || raw[0] == 'f')
}

// blank is a meeting of the caller with Graph's defaults: an hour from now.
func (c *call) blank() *meeting {
	return &meeting{Meeting: dataset.Meeting{Start: c.Now.UTC().Truncate(time.Second), End: c.Now.UTC().Truncate(time.Second).Add(time.Hour)}}
}

func (c *call) create() (*service.Answer, error) {
	next := c.blank()
	if err := c.read(next); err != nil {
		return nil, err
	}
	m := c.add(c.Me, next.Subject, next.Start, next.End, c.Now, next.Attendees)
	m.settings = next.settings
	return c.answer(http.StatusCreated, m, meetingProperties), nil
}

// createOrGet finds the caller's meeting by an id of the client's own: 200; or makes one: 201.
func (c *call) createOrGet() (*service.Answer, error) {
	o, err := wire.ReadObject(c.Body, "createOrGet", "chatInfo", "endDateTime", "externalId", "participants", "startDateTime", "subject")
	if err != nil {
		return nil, err
	}
	var external string
	if err := wire.Read(o, "externalId", &external); err != nil {
		return nil, err
	}
	if external == "" {
		return nil, apierror.BadRequest("InvalidArgument", "ExternalId is required.")
	}
	i := slices.IndexFunc(c.meetings, func(m *meeting) bool { return m.ExternalID == external && m.OrganizerID == c.Me.ID })
	if i >= 0 {
		return c.answer(http.StatusOK, c.meetings[i], meetingProperties), nil
	}
	next := c.blank()
	if err := c.read(next); err != nil {
		return nil, err
	}
	m := c.add(c.Me, next.Subject, next.Start, next.End, c.Now, next.Attendees)
	m.ExternalID = external
	return c.answer(http.StatusCreated, m, meetingProperties), nil
}

func (c *call) update() (*service.Answer, error) {
	next := *c.meeting
	if err := c.read(&next); err != nil {
		return nil, err
	}
	*c.meeting = next
	return c.answer(http.StatusOK, c.meeting, meetingProperties), nil
}

func (c *call) remove() (*service.Answer, error) {
	c.meetings = slices.DeleteFunc(c.meetings, func(m *meeting) bool { return m == c.meeting })
	return &service.Answer{Status: http.StatusNoContent}, nil
}
