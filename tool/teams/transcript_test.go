package teams

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"m365mcp/graph"
	"m365mcp/handle"
	principal "m365mcp/identity"
	"m365mcp/timezone"
	"m365mcp/tool"
)

// weekly answers for a series with transcripts of two weeks; event is what it says of the event.
type weekly struct{ event string }

const weeklyLink = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_a%40thread.v2/0?context=%7b%22Tid%22%3a%221%22%2c%22Oid%22%3a%222%22%7d"

// Do implements graph.Doer.
func (w weekly) Do(_ context.Context, r graph.Request) (*graph.Response, error) {
	body, ok := map[string]string{
		"/me/events/{event}":                       fmt.Sprintf(`{%s,"onlineMeeting":{"joinUrl":%q}}`, w.event, weeklyLink),
		"/me/onlineMeetings":                       `{"value":[{"id":"M","subject":"Weekly"}]}`,
		"/me/onlineMeetings/{meeting}/transcripts": `{"value":[{"id":"old","createdDateTime":"2026-11-04T09:01:00Z"},{"id":"new","createdDateTime":"2026-11-11T09:02:00Z"}]}`,
		contentTemplate:                            "WEBVTT\n\n00:00:03.000 --> 00:00:05.000\n<v Ada>Heard in " + r.Path.Value("transcript") + "</v>\n",
	}[r.Path.Template()]
	if !ok {
		return nil, fmt.Errorf("asked for %s", r.Path.Template())
	}
	return &graph.Response{Status: http.StatusOK, Body: []byte(body)}, nil
}

// plainIDs are ids that are their own short ones.
type plainIDs struct{}

func (plainIDs) Shorten(_ context.Context, _ principal.Principal, _ handle.Kind, ids []string) ([]string, error) {
	return ids, nil
}

func (plainIDs) Resolve(_ context.Context, _ principal.Principal, _ handle.Kind, id string) (string, error) {
	return id, nil
}

// An event of a series has the transcript of its own time, not the newest of another week.
func TestTranscriptOfAnOccurrence(t *testing.T) {
	t.Parallel()
	at := func(kind, start, end string) string {
		return fmt.Sprintf(`"type":%q,"start":{"dateTime":%q,"timeZone":"UTC"},"end":{"dateTime":%q,"timeZone":"UTC"}`, kind, start, end)
	}
	for name, tc := range map[string]struct{ event, says string }{
		"an earlier week": {at("occurrence", "2026-11-04T09:00:00.0000000", "2026-11-04T09:30:00.0000000"), "Weekly 2026-11-04T09:01Z [M/old]"},
		"moved":           {at("exception", "2026-11-11T09:45:00.0000000", "2026-11-11T10:00:00.0000000"), "Weekly 2026-11-11T09:02Z [M/new]"},
		"to come": {
			at("occurrence", "2026-11-18T09:00:00.0000000", "2026-11-18T09:30:00.0000000"),
			"no transcript of this time of the series: nobody started one, or it is not ready yet. Of other times, to be read by transcriptId (Etc/UTC):\n- 2026-11-11T09:02Z [M/new]\n- 2026-11-04T09:01Z [M/old]",
		},
		"no series": {at("singleInstance", "2026-11-18T09:00:00.0000000", "2026-11-18T09:30:00.0000000"), "Weekly 2026-11-11T09:02Z [M/new]"},
	} {
		c := tool.Call{Graph: weekly{tc.event}, Services: tool.Services{Handles: plainIDs{}, Zones: tool.NewZones()}}
		res, err := doTranscript(t.Context(), c, transcriptArgs{EventID: "E", MaxChars: 7500, TimeZone: timezone.UTC.Name()})
		if err != nil || !strings.Contains(res.Text, tc.says) {
			t.Errorf("%s: %v\n%s\nwant %s", name, err, res.Text, tc.says)
		}
	}
}
