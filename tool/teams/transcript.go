package teams

import (
	"context"
	"slices"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/timezone"
	"m365mcp/tool"
)

const (
	transcriptScope   = "OnlineMeetingTranscript.Read.All"
	meetingReadScope  = "OnlineMeetings.Read"
	calendarReadScope = "Calendars.Read"

	maxTranscripts = 20 // named; a series has one for each time
)

type transcriptArgs struct {
	JoinURL      string `json:"joinUrl"`
	EventID      string `json:"eventId"`
	TranscriptID string `json:"transcriptId"`
	Cursor       string `json:"cursor"`
	MaxChars     int    `json:"maxChars"`
	TimeZone     string `json:"timeZone"`
}

type transcriptOut struct {
	Subject      string   `json:"subject,omitempty"`
	TranscriptID string   `json:"transcriptId,omitempty"`
	Text         string   `json:"text,omitempty"`
	Cursor       string   `json:"cursor,omitempty"`
	TimeZone     string   `json:"timeZone"`
	Transcripts  []string `json:"transcripts,omitempty"` // when each began, with its id

	began string // the one that is read
}

func getMeetingTranscript() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "getMeetingTranscript", Title: "Transcript of a meeting", Family: family,
		Description: "Reads what was said in a Teams meeting, by speaker: the newest transcript of a join link, that of a calendar event, or one by its id.",
		Keywords:    "minutes call recording notes summary who said",
		Input: []tool.Field{
			{Name: "joinUrl", Type: tool.String, Description: "Any Teams link of it, or the meeting ID."},
			{Name: "eventId", Type: tool.String, Description: "Instead of joinUrl."},
			{Name: "transcriptId", Type: tool.String, Description: "Instead of both."},
			cursorField,
			{Name: "maxChars", Type: tool.Integer, Default: content.PageSize, Min: 500, Max: 50_000},
			timeZoneField,
		},
		Output: []tool.Field{
			{Name: "subject", Type: tool.String},
			{Name: "transcriptId", Type: tool.String},
			{Name: "text", Type: tool.String},
			{Name: "cursor", Type: tool.String},
			{Name: "timeZone", Type: tool.String},
			{Name: "transcripts", Type: tool.StringList},
		},
		ReadOnly: true, Idempotent: true, OpenWorld: true, Untrusted: true,
		Scopes: []string{transcriptScope, meetingReadScope}, OptionalScopes: []string{zoneScope},
	}, planTranscript, doTranscript)
}

const contentTemplate = "/me/onlineMeetings/{meeting}/transcripts/{transcript}/content"

func planTranscript(ctx context.Context, c tool.Call, a transcriptArgs) (tool.Plan, error) {
	plan := tool.Plan{Target: contentTemplate}
	given := 0
	for _, s := range []string{a.JoinURL, a.EventID, a.TranscriptID} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return plan, tool.Invalid("joinUrl", "or eventId or transcriptId: exactly one of the three says which meeting")
	}
	switch {
	case a.EventID != "":
		plan.Scopes = []string{calendarReadScope}
		if _, err := c.Resolve(ctx, "eventId", handle.KindEvent, a.EventID); err != nil {
			return plan, err
		}
	case a.TranscriptID != "":
		if _, err := transcriptPath(ctx, c, a.TranscriptID); err != nil {
			return plan, err
		}
	default:
		key, ok := readLink(a.JoinURL)
		if !ok {
			return plan, tool.Invalid("joinUrl", "is no link to a Teams meeting and no meeting ID; getCalendarEvent shows the link")
		}
		if key.chatID != "" {
			plan.Scopes = []string{chatBasicScope}
		}
	}
	return plan, checkZone(ctx, c, a.TimeZone)
}

// transcriptPath reads MEETING/TRANSCRIPT: a transcript means something in its meeting only.
func transcriptPath(ctx context.Context, c tool.Call, given string) (graph.Path, error) {
	whole, err := c.Resolve(ctx, "transcriptId", handle.KindTranscript, given)
	if err != nil {
		return graph.Path{}, err
	}
	meeting, id, _ := strings.Cut(whole, "/")
	path, err := graph.To(contentTemplate, meeting, id)
	if err != nil {
		return graph.Path{}, tool.Invalid("transcriptId", "is no id of a transcript; call with joinUrl or eventId to get one")
	}
	return path, nil
}

func doTranscript(ctx context.Context, c tool.Call, a transcriptArgs) (tool.Result, error) {
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return tool.Result{}, err
	}
	out := transcriptOut{TimeZone: zone.Label()}
	var path graph.Path
	if a.TranscriptID != "" {
		out.TranscriptID = a.TranscriptID
		path, err = transcriptPath(ctx, c, a.TranscriptID)
	} else {
		path, err = out.newest(ctx, c, a, zone)
	}
	if err != nil {
		return tool.Result{}, err
	}
	if out.TranscriptID == "" {
		return tool.Result{Structured: out, Text: out.none()}, nil
	}
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: path, Query: graph.Query{}.Param("$format", "text/vtt")})
	if err != nil {
		return tool.Result{}, err
	}
	if out.Text, out.Cursor, err = content.Page(spoken(string(resp.Body)), a.MaxChars, a.Cursor); err != nil {
		return tool.Result{}, tool.Invalid("cursor", err.Error())
	}
	return tool.Result{Structured: out, Text: out.text(), Items: 1}, nil
}

// newest finds the meeting and its transcripts, and returns the path of the last one;
// of an event that is one of a series, the last one of its time.
func (o *transcriptOut) newest(ctx context.Context, c tool.Call, a transcriptArgs, zone timezone.Zone) (graph.Path, error) {
	m, at, err := findMeeting(ctx, c, a)
	if err != nil {
		return graph.Path{}, err
	}
	o.Subject = content.Line(m.Subject, 255)
	all, err := transcripts(ctx, c, m.ID)
	if err != nil || len(all) == 0 {
		return graph.Path{}, err
	}
	chosen := at.of(all)
	shown := all[:min(len(all), maxTranscripts)]
	if chosen >= len(shown) {
		shown = append(slices.Clone(shown), all[chosen])
		chosen = len(shown) - 1
	}
	refs := make([]string, len(shown))
	for i, t := range shown {
		refs[i] = m.ID + "/" + t.ID
	}
	short, err := c.Short(ctx, handle.KindTranscript, refs)
	if err != nil {
		return graph.Path{}, err
	}
	for i, t := range shown {
		o.Transcripts = append(o.Transcripts, zone.Format(t.Created)+" ["+short[i]+"]")
	}
	if chosen < 0 {
		return graph.Path{}, nil
	}
	o.TranscriptID, o.began = short[chosen], zone.Format(shown[chosen].Created)
	return transcriptPath(ctx, c, refs[chosen])
}

// none says that there is nothing to read, and what there is of other times.
func (o *transcriptOut) none() string {
	if len(o.Transcripts) == 0 {
		return "There is no transcript of this meeting: nobody started one, or it is not ready yet."
	}
	return "There is no transcript of this time of the series: nobody started one, or it is not ready yet. Of other times, to be read by transcriptId (" + o.TimeZone + "):\n- " +
		strings.Join(o.Transcripts, "\n- ")
}

func (o *transcriptOut) text() string {
	var b strings.Builder
	if o.Subject != "" {
		b.WriteString(o.Subject + " ")
	}
	if o.began != "" {
		b.WriteString(o.began + " ")
	}
	b.WriteString("[" + o.TranscriptID + "]\n")
	if len(o.Transcripts) > 1 {
		b.WriteString("Transcripts, times in " + o.TimeZone + ":\n")
		for _, t := range o.Transcripts {
			b.WriteString("- " + t + "\n")
		}
	}
	b.WriteString("\n" + o.Text)
	if o.Cursor != "" {
		b.WriteString("\n[more: cursor " + o.Cursor + "]")
	}
	return b.String()
}
