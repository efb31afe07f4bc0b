package teams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/timezone"
	"m365mcp/tool"
)

type onlineMeeting struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
}

// findMeeting looks up the online meeting behind what the caller has of it.
func findMeeting(ctx context.Context, c tool.Call, a transcriptArgs) (_ onlineMeeting, at *occasion, err error) {
	joinURL, field := a.JoinURL, "joinUrl"
	if a.EventID != "" {
		field = "eventId"
		if joinURL, at, err = eventLink(ctx, c, a.EventID); err != nil {
			return onlineMeeting{}, nil, err
		}
	}
	key, ok := readLink(joinURL)
	if ok && key.chatID != "" {
		if joinURL, err = chatMeetingLink(ctx, c, key.chatID); err != nil {
			return onlineMeeting{}, nil, err
		}
		key, ok = readLink(joinURL)
	}
	if !ok {
		return onlineMeeting{}, nil, tool.Invalid(field, "is of no Teams meeting")
	}
	page, err := read[graph.Page[onlineMeeting]](ctx, c.Graph, graph.Fixed("/me/onlineMeetings"), graph.Query{}.Select("id", "subject").Filter(key.filter()))
	if err != nil {
		return onlineMeeting{}, nil, err
	}
	if len(page.Value) == 0 {
		return onlineMeeting{}, nil, tool.Invalid(field, "is of no meeting that the person organized or was invited to")
	}
	return page.Value[0], at, nil
}

// occasion is one time of a series, whose meetings share one link and so their
// transcripts.
type occasion struct{ start, end time.Time }

// around is how much earlier or later than planned a meeting is taken to be.
const around = time.Hour

// of finds the newest transcript of the occasion, or of any time for none; -1 if there is none.
func (o *occasion) of(newestFirst []callTranscript) int {
	return slices.IndexFunc(newestFirst, func(t callTranscript) bool {
		return o == nil || t.Created.After(o.start.Add(-around)) && t.Created.Before(o.end.Add(around))
	})
}

// eventLink returns the link of the event's meeting, and its time if it is one of a series.
func eventLink(ctx context.Context, c tool.Call, eventID string) (string, *occasion, error) {
	id, err := c.Resolve(ctx, "eventId", handle.KindEvent, eventID)
	if err != nil {
		return "", nil, err
	}
	path, err := graph.To("/me/events/{event}", id)
	if err != nil {
		return "", nil, tool.Invalid("eventId", "is no id of an event; take it from getCalendarEvents")
	}
	type utc struct { // Graph's times are, where no other zone is asked for
		DateTime string `json:"dateTime"`
	}
	e, err := read[struct {
		Type    string `json:"type"`
		Start   utc    `json:"start"`
		End     utc    `json:"end"`
		Meeting *struct {
			JoinURL string `json:"joinUrl"`
		} `json:"onlineMeeting"`
	}](ctx, c.Graph, path, graph.Query{}.Select("onlineMeeting", "type", "start", "end"))
	if err != nil {
		return "", nil, err
	}
	if e.Meeting == nil {
		return "", nil, tool.Invalid("eventId", "is an event without an online meeting")
	}
	if e.Type != "occurrence" && e.Type != "exception" {
		return e.Meeting.JoinURL, nil, nil
	}
	start, _, err := timezone.UTC.Parse(e.Start.DateTime)
	end, _, err2 := timezone.UTC.Parse(e.End.DateTime)
	if err = errors.Join(err, err2); err != nil {
		return "", nil, fmt.Errorf("times of the event: %w", err)
	}
	return e.Meeting.JoinURL, &occasion{start, end}, nil
}

// chatMeetingLink asks a meeting's chat for its link.
func chatMeetingLink(ctx context.Context, c tool.Call, chatID string) (string, error) {
	path, err := graph.To("/chats/{chat}", chatID)
	if err != nil {
		return "", tool.Invalid("joinUrl", "is no link to a meeting's chat")
	}
	g, err := read[graphChat](ctx, c.Graph, path, graph.Query{}.Select("onlineMeetingInfo"))
	if err != nil {
		return "", err
	}
	if g.Meeting == nil {
		return "", tool.Invalid("joinUrl", "leads to a chat that is of no meeting")
	}
	return g.Meeting.JoinWebURL, nil
}

type callTranscript struct {
	ID      string    `json:"id"`
	Created time.Time `json:"createdDateTime"`
}

// transcripts lists those of a meeting, the newest first.
func transcripts(ctx context.Context, c tool.Call, meetingID string) ([]callTranscript, error) {
	path, err := graph.To("/me/onlineMeetings/{meeting}/transcripts", meetingID)
	if err != nil {
		return nil, fmt.Errorf("meeting of onlineMeetings: %w", err)
	}
	all, _, err := graph.List[callTranscript](ctx, c.Graph, graph.Request{Method: graph.Get, Path: path, Query: graph.Query{}.Select("id", "createdDateTime")}, 0)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b callTranscript) int { return b.Created.Compare(a.Created) })
	return all, nil
}
