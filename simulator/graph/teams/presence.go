package teams

import (
	"net/http"
	"time"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
)

var presenceProperties = []string{"id", "availability", "activity", "sequenceNumber", "statusMessage", "outOfOfficeSettings", "workLocation"}

// getPresence follows the hours: people are there on working days, 7 to 17 UTC,
// and in a call while an online meeting of theirs goes on. Somebody else's
// presence needs Presence.Read.All.
func (c *call) getPresence() (*service.Answer, error) {
	if c.Owner != c.Me && !c.Claims.HasAny("Presence.Read.All") {
		return nil, apierror.InsufficientPrivileges()
	}
	names, err := c.Options.Selected("presence", presenceProperties)
	if err != nil {
		return nil, err
	}
	availability, activity := "Available", "Available"
	now := c.Now.UTC()
	switch day := now.Weekday(); {
	case c.Attending(c.Owner, now):
		availability, activity = "Busy", "InAMeeting"
	case day == time.Saturday || day == time.Sunday || now.Hour() < 7 || now.Hour() >= 17:
		availability, activity = "Offline", "Offline"
	}
	value := pick(map[string]any{
		"id": c.Owner.ID, "availability": availability, "activity": activity, "sequenceNumber": "A0537263185", "statusMessage": nil,
		"outOfOfficeSettings": map[string]any{"message": nil, "isOutOfOffice": false}, "workLocation": nil,
	}, names)
	value["@odata.context"] = c.OwnerContext("/presence/$entity")
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}
