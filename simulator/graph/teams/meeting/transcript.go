package meeting

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
)

const vtt = "text/vtt"

var transcriptProperties = []string{"id", "meetingId", "callId", "createdDateTime", "endDateTime", "contentCorrelationId", "transcriptContentUrl", "meetingOrganizer"}

// transcripts are those of the meeting of the path. Meetings that belong to no
// event of a calendar have none (Graph, "Get callTranscript", notes).
func (c *call) transcripts() []dataset.Transcript {
	if !c.meeting.event {
		return nil
	}
	return c.meeting.Transcripts
}

func (c *call) transcript() (dataset.Transcript, error) {
	list := c.transcripts()
	i := slices.IndexFunc(list, func(t dataset.Transcript) bool { return t.ID == c.Params["callTranscript-id"] })
	if i < 0 {
		return dataset.Transcript{}, &apierror.Error{Status: http.StatusNotFound, Code: "NotFound", Message: "The transcript was not found."}
	}
	return list[i], nil
}

func (c *call) transcriptJSON(t dataset.Transcript, names []string) map[string]any {
	all := map[string]any{
		"id": t.ID, "meetingId": c.meeting.ID, "callId": t.CallID, "createdDateTime": stamp(t.Start), "endDateTime": stamp(t.End),
		"contentCorrelationId": t.CallID + "-0",
		"transcriptContentUrl": fmt.Sprintf("%s/v1.0/users/%s/onlineMeetings/%s/transcripts/%s/content", c.BaseURL, c.meeting.OrganizerID, c.meeting.ID, t.ID),
		"meetingOrganizer": map[string]any{"application": nil, "device": nil, "user": map[string]any{
			"@odata.type": "#microsoft.graph.teamworkUserIdentity", "id": c.meeting.OrganizerID, "displayName": nil, "userIdentityType": "aadUser", "tenantId": c.tenant.ID,
		}},
	}
	out := map[string]any{}
	for _, name := range names {
		out[name] = all[name]
	}
	return out
}

func (c *call) listTranscripts() (*service.Answer, error) {
	names, err := c.Options.Selected("callTranscript", transcriptProperties)
	if err != nil {
		return nil, err
	}
	if c.Options.Has("$filter") || c.Options.Has("$orderby") {
		return nil, apierror.BadRequest("BadRequest", "$filter and $orderby of transcripts are not simulated.")
	}
	list := c.transcripts()
	answer := c.Page(c.OwnerContext("/onlineMeetings('"+c.meeting.ID+"')/transcripts"), len(list), func(i int) any { return c.transcriptJSON(list[i], names) })
	answer.Value["@odata.count"] = len(list)
	return answer, nil
}

func (c *call) getTranscript() (*service.Answer, error) {
	names, err := c.Options.Selected("callTranscript", transcriptProperties)
	if err != nil {
		return nil, err
	}
	t, err := c.transcript()
	if err != nil {
		return nil, err
	}
	value := c.transcriptJSON(t, names)
	value["@odata.context"] = c.OwnerContext("/onlineMeetings('" + c.meeting.ID + "')/transcripts/$entity")
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}

// transcriptContent is WebVTT, the only format since May 2023. It has to be asked
// for by $format or Accept where either names a format.
func (c *call) transcriptContent() (*service.Answer, error) {
	t, err := c.transcript()
	if err != nil {
		return nil, err
	}
	values := c.Request.URL.Query()
	format := values.Get("$format")
	if format == "" {
		format = values.Get("format")
	}
	accept := c.Request.Header.Get("Accept")
	if format == "" && !strings.Contains(accept, "*") {
		format = accept
	}
	if format != "" && !strings.Contains(format, vtt) {
		return nil, apierror.BadRequest("BadRequest", "The format '%s' is not supported: text/vtt is.", format)
	}
	var b strings.Builder
	b.WriteString("WEBVTT\n")
	for _, line := range t.Lines {
		fmt.Fprintf(&b, "\n%s --> %s\n<v %s>%s</v>\n", clock(line.From), clock(line.To), line.Speaker, line.Text)
	}
	return &service.Answer{Status: http.StatusOK, Raw: []byte(b.String()), ContentType: vtt}, nil
}

// transcriptMetadata has a JSON object in each cue, with who speaks and when.
func (c *call) transcriptMetadata() (*service.Answer, error) {
	t, err := c.transcript()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("WEBVTT\n")
	for _, line := range t.Lines {
		cue, err := json.Marshal(map[string]any{
			"startDateTime": stamp(t.Start.Add(line.From)), "endDateTime": stamp(t.Start.Add(line.To)), "speakerName": line.Speaker,
			"spokenText": line.Text, "spokenLanguage": "en-us",
		})
		if err != nil {
			return nil, fmt.Errorf("transcript: %w", err)
		}
		fmt.Fprintf(&b, "\n%s --> %s\n%s\n", clock(line.From), clock(line.To), cue)
	}
	return &service.Answer{Status: http.StatusOK, Raw: []byte(b.String()), ContentType: vtt}, nil
}

// clock writes a time of WebVTT: 00:01:02.345.
func clock(d time.Duration) string {
	ms := d.Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3600000, ms/60000%60, ms/1000%60, ms%1000)
}
